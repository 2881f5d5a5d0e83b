//! `lockstep password`: passwords set in the cloud, and what the tenant decides about passwords.

use super::Context;
use crate::failure::Failure;
use crate::output::fields;
use clap::Subcommand;
use lockstep_api::admin::{NewPassword, PasswordPolicy};
use reqwest::Method;
use std::io::Read as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum PasswordCommand {
    /// Set a user's password, and sign the user out everywhere
    ///
    /// For a user who is synchronised it stands until Active Directory has a newer one.
    #[command(
        after_help = "Example:\n  lockstep password set ada@corp.test --password-file FILE --force-change --data-dir DIR"
    )]
    Set {
        /// The user's id or user principal name
        user: String,
        /// A file with the password, without its last line break; `-` is stdin
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
        /// The user must choose another at the next sign-in
        #[arg(long)]
        force_change: bool,
    },
    /// See, and change, when passwords expire
    #[command(
        after_help = "Example:\n  lockstep password policy --data-dir DIR\n  lockstep password policy \
                      --expires-after-days 90 --synced-passwords-expire true --data-dir DIR"
    )]
    Policy {
        /// After so many days a password has to be changed; 0: never
        #[arg(long, value_name = "DAYS")]
        expires_after_days: Option<u32>,
        /// Whether passwords that come from Active Directory from now on expire too
        #[arg(long, value_name = "TRUE|FALSE")]
        synced_passwords_expire: Option<bool>,
    },
}

pub(super) async fn execute(
    command: PasswordCommand,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let client = context.client()?;
    match command {
        PasswordCommand::Set {
            user,
            password_file,
            force_change,
        } => {
            let wish = NewPassword {
                password: read(&password_file)?,
                force_change,
            };
            let path = ["api", "v1", "users", &user, "password"];
            client.order(Method::PUT, &path, Some(&wish)).await?;
            context.output.say("set");
        }
        PasswordCommand::Policy {
            expires_after_days,
            synced_passwords_expire,
        } => {
            let path = ["api", "v1", "password-policy"];
            let mut policy: PasswordPolicy = client.get(&path).await?;
            if expires_after_days.is_some() || synced_passwords_expire.is_some() {
                if let Some(days) = expires_after_days {
                    policy.expires_after_days = (days > 0).then_some(days);
                }
                if let Some(expire) = synced_passwords_expire {
                    policy.synced_passwords_expire = expire;
                }
                policy = client.send_for(Method::PUT, &path, &policy).await?;
            }
            context.output.data(&policy, |policy| {
                let days = policy.expires_after_days;
                let days = days.map_or_else(|| "never".to_owned(), |days| days.to_string());
                let synced = policy.synced_passwords_expire.to_string();
                fields(&[
                    ("expiresAfterDays", days),
                    ("syncedPasswordsExpire", synced),
                ])
            })?;
        }
    }
    Ok(0)
}

/// A password that nobody knows.
pub(super) fn unknown() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|error| Failure::new(format!("could not make a password: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads a password from a file, or from stdin.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text).map(|_| ()),
        false => std::fs::read_to_string(path).map(|read| text = read),
    };
    read.map_err(|error| Failure::new(format!("could not read {}: {error}", path.display())))?;
    // What editors and `echo` put at the end is no part of it.
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
