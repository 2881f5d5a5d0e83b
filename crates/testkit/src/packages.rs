//! Debian packages, installed once, without starting any of their services.

use crate::testbed;
use anyhow::{Context as _, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a domain controller needs, the tools that tests compare with, a clock that can be wrong, and a
/// proxy without the service that would start it.
pub const SAMBA: &[&str] = &[
    "samba",
    "samba-ad-dc",
    "samba-ad-provision",
    "samba-dsdb-modules",
    "samba-vfs-modules",
    "python3-samba",
    "winbind",
    "ldap-utils",
    "krb5-user",
    "libsasl2-modules-gssapi-mit",
    "ldb-tools",
    "attr",
    "acl",
    "tdb-tools",
    "faketime",
    "tinyproxy-bin",
];

/// Debian's way of asking whether a service may be started; 101 is no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs those of these packages that are missing.
///
/// # Errors
///
/// When they cannot be installed: not as root, not on Debian, or no package source answers. The message
/// names them.
pub fn ensure(packages: &[&str]) -> anyhow::Result<()> {
    if missing(packages).is_empty() {
        return Ok(());
    }
    // Another process may be installing them at this moment.
    let _lock = testbed::lock("packages")?;
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    let prefix: &[&str] = match (rustix::process::geteuid().is_root(), has("sudo")) {
        (true, _) => &[],
        (false, true) => &["sudo", "-n", "--"],
        (false, false) => bail!(
            "these Debian packages are missing and need root to install: {names}; run `apt-get install \
             --no-install-recommends {names}` as root (keep the services it would start from starting)"
        ),
    };
    if !has("apt-get") {
        bail!("this is no Debian system; the tests need these packages: {names}");
    }
    let _policy = Policy::forbid(prefix)?;
    run(prefix, &["apt-get", "-q", "update"])?;
    let mut install = vec![
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-q",
        "install",
        "-y",
        "--no-install-recommends",
    ];
    install.extend(missing);
    run(prefix, &install).with_context(|| format!("could not install {names}"))
}

fn missing<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    let installed = |package: &str| {
        Command::new("dpkg-query")
            .args(["-W", "-f", "${Status}", package])
            .stderr(Stdio::null())
            .output()
            .is_ok_and(|output| output.stdout.ends_with(b" installed"))
    };
    packages
        .iter()
        .copied()
        .filter(|package| !installed(package))
        .collect()
}

/// Whether a program is there.
#[must_use]
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&path)
        .chain(sbin)
        .any(|dir| dir.join(program).is_file())
}

fn run(prefix: &[&str], command: &[&str]) -> anyhow::Result<()> {
    let all: Vec<&str> = prefix.iter().chain(command).copied().collect();
    let (program, arguments) = all.split_first().context("an empty command")?;
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("could not start {program}"))?;
    if !status.success() {
        bail!("`{}` failed: {status}", all.join(" "));
    }
    Ok(())
}

/// Keeps packages from starting their services, and puts back what was there before.
struct Policy<'a> {
    prefix: &'a [&'a str],
    ours: bool,
}

impl<'a> Policy<'a> {
    fn forbid(prefix: &'a [&'a str]) -> anyhow::Result<Self> {
        if Path::new(POLICY).exists() {
            // Somebody decides already; on a container image it says no.
            return Ok(Self {
                prefix,
                ours: false,
            });
        }
        let script = tempfile::NamedTempFile::new()?;
        fs::write(script.path(), "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(script.path(), fs::Permissions::from_mode(0o755))?;
        let from = script.path().to_string_lossy().into_owned();
        run(prefix, &["install", "-m", "0755", &from, POLICY])?;
        Ok(Self { prefix, ours: true })
    }
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        if self.ours {
            // Left behind it would keep later packages from starting services, which is worth a try only.
            let _ = run(self.prefix, &["rm", "-f", POLICY]);
        }
    }
}
