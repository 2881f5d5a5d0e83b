//! Forests as they are copied from: provisioned once, then kept.

use super::{ADMIN_PASSWORD, PYTHON, SCRIPT, SERVICE_ACCOUNT, SERVICE_PASSWORD};
use crate::testbed;
use anyhow::{Context as _, bail};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file that says that a folder has all that it is to have.
const COMPLETE: &str = "complete";

/// The domain of a forest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Domain {
    /// corp.test, CORP
    Corp,
    /// acme.test, ACME
    Acme,
}

/// Which forest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Template {
    /// Its domain.
    pub domain: Domain,
    /// With the attributes that a mail system's schema extension brings.
    pub exchange: bool,
    /// Who is in it.
    pub population: Population,
}

/// Who is in a forest besides what every forest has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Population {
    /// Users, with real passwords, managers, addresses.
    pub users: u32,
    /// Groups.
    pub groups: u32,
    /// Organizational units, nested.
    pub ous: u32,
    /// Members of each group but the first.
    pub members: u32,
    /// Members of the first group.
    pub largest_group: u32,
    /// The first users have names with commas, quotes, umlauts, emoji, leading spaces, 64 characters.
    pub hard_names: bool,
}

impl Population {
    /// A thousand users with a hundred groups.
    pub const THOUSAND: Self = Self {
        users: 1_000,
        groups: 100,
        ous: 20,
        members: 10,
        largest_group: 600,
        hard_names: true,
    };

    /// The password of a user, by number; as different as real ones are: of ASCII, with umlauts, with emoji,
    /// of 127 characters, with blanks at both ends.
    #[must_use]
    pub fn password(number: u32) -> String {
        const ASCII: &str = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!\"#$%&'()*+,-./:;<=>?@[]^_{|}~\\";
        const UMLAUTS: &str = "aeiousnrtäöüßÄÖÜéèçñåøæœÿ€ 2345.-";
        const EMOJI: &str = "abc 7🔑🗝🦊🐎🌍🚀🏳é字ж";
        let word = |alphabet: &str, length: u32| pick(alphabet, number, length);
        match number % 5 {
            0 => word(ASCII, 16),
            1 => word(UMLAUTS, 14),
            2 => word(EMOJI, 12),
            3 => word(ASCII, 127),
            _ => format!("  {} ", word(ASCII, 12)),
        }
    }

    /// What the loader is told: who is wanted, and their passwords.
    fn order(self) -> anyhow::Result<serde_json::Value> {
        let mut order = serde_json::to_value(self)?;
        order["passwords"] = (0..self.users).map(Self::password).collect();
        Ok(order)
    }
}

/// Characters of an alphabet, by chance, but the same for the same number.
fn pick(alphabet: &str, number: u32, length: u32) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let one = |place: u32| {
        let digest = Sha256::digest(format!("{number}/{place}"));
        let [a, b, ..] = <[u8; 32]>::from(digest);
        let index = usize::from(u16::from_be_bytes([a, b])) % alphabet.len();
        alphabet.get(index).copied()
    };
    (0..length).filter_map(one).collect()
}

impl Domain {
    /// Its DNS name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Corp => "corp.test",
            Self::Acme => "acme.test",
        }
    }

    /// Its NetBIOS name.
    #[must_use]
    pub const fn netbios(self) -> &'static str {
        match self {
            Self::Corp => "CORP",
            Self::Acme => "ACME",
        }
    }

    /// Its distinguished name.
    #[must_use]
    pub const fn dn(self) -> &'static str {
        match self {
            Self::Corp => "DC=corp,DC=test",
            Self::Acme => "DC=acme,DC=test",
        }
    }
}

impl Default for Template {
    /// corp.test with the mail system's schema, and nobody in it.
    fn default() -> Self {
        Self {
            domain: Domain::Corp,
            exchange: true,
            population: Population::default(),
        }
    }
}

impl Template {
    /// corp.test with these people.
    #[must_use]
    pub fn with(population: Population) -> Self {
        Self {
            population,
            ..Self::default()
        }
    }

    /// The folder with the template; it is made by whoever needs it first.
    ///
    /// # Errors
    ///
    /// When Samba is missing, or fails.
    pub fn ready(self) -> anyhow::Result<PathBuf> {
        if !Path::new("/usr/sbin/samba").exists() {
            bail!("Samba is not installed: run `cargo xtask setup`");
        }
        made_once(testbed::dir().join("templates").join(self.key()), |dir| {
            if self.population == Population::default() {
                return self.provision(dir);
            }
            let bare = Self {
                population: Population::default(),
                ..self
            };
            copy(&bare.ready()?, dir)?;
            let _ = fs::remove_file(dir.join(COMPLETE));
            write_config(dir, Role::alone(self.domain), TEMPLATE_ADDRESS)?;
            python(dir, "load", &self.population.order()?.to_string())?;
            Ok(())
        })
    }

    /// Names the template by everything that it is made of.
    fn key(self) -> String {
        let recipe = (self.exchange, serde_json::to_string(&self.population).ok());
        let mut hash = Sha256::new();
        hash.update(format!("{recipe:?}{SCRIPT}{CONFIG}"));
        if self.population.users > 0 {
            let some: Vec<String> = (0..5).map(Population::password).collect();
            hash.update(some.concat());
        }
        let hash = hex::encode(hash.finalize());
        format!("{}-{}", self.domain.netbios().to_lowercase(), &hash[..12])
    }

    fn provision(self, dir: &Path) -> anyhow::Result<()> {
        let empty = dir.join("empty.conf");
        fs::write(&empty, "[global]\n")?;
        let eadb = format!("--option=posix:eadb={}", dir.join("eadb.tdb").display());
        let output = Command::new("samba-tool")
            .args(["domain", "provision", "--server-role=dc"])
            .args(["--dns-backend=SAMBA_INTERNAL", "--backend-store=mdb"])
            .arg(format!("--targetdir={}", dir.display()))
            .arg(format!("--realm={}", self.domain.name().to_uppercase()))
            .arg(format!("--domain={}", self.domain.netbios()))
            .arg("--host-name=dc1")
            .arg(format!("--host-ip={TEMPLATE_ADDRESS}"))
            .arg(format!("--adminpass={ADMIN_PASSWORD}"))
            .arg(format!("--option=interfaces={TEMPLATE_ADDRESS}/8"))
            .arg("--option=bind interfaces only=yes")
            .arg(eadb)
            .env("SMB_CONF_PATH", &empty)
            .env("KRB5_CONFIG", dir.join("krb5.conf"))
            .output()
            .context("could not start samba-tool; run `cargo xtask setup`")?;
        if !output.status.success() {
            bail!(
                "samba-tool domain provision failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let role = Role::alone(self.domain);
        write_config(dir, role, TEMPLATE_ADDRESS)?;
        certify(dir, role)?;
        let settings = serde_json::json!({
            "exchange": self.exchange, "account": SERVICE_ACCOUNT, "password": SERVICE_PASSWORD,
        });
        python(dir, "prepare", &settings.to_string()).map(|_| ())
    }
}

/// Which controller of a domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Role {
    pub(super) domain: Domain,
    /// Its name, `dc1` or `dc2`.
    pub(super) name: &'static str,
    /// Whether there is another one.
    pub(super) replicates: bool,
}

impl Role {
    /// The only controller of a domain.
    pub(super) const fn alone(domain: Domain) -> Self {
        Self {
            domain,
            name: "dc1",
            replicates: false,
        }
    }

    /// One of two controllers of a domain.
    pub(super) const fn of_two(domain: Domain, name: &'static str) -> Self {
        Self {
            domain,
            name,
            replicates: true,
        }
    }

    /// Its DNS name.
    pub(super) fn dns_name(self) -> String {
        format!("{}.{}", self.name, self.domain.name())
    }
}

/// Gives the controller a certificate with its name in the way that is read today; the one that Samba
/// makes for itself has none there, and takes seconds.
pub(super) fn certify(dir: &Path, role: Role) -> anyhow::Result<()> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Test CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::from_params(&ca, ca_key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![role.dns_name()])?.signed_by(&key, &issuer)?;
    let tls = dir.join("private/tls");
    fs::create_dir_all(&tls)?;
    fs::write(tls.join("ca.pem"), ca_pem)?;
    fs::write(tls.join("cert.pem"), certificate.pem())?;
    fs::write(tls.join("key.pem"), key.serialize_pem())?;
    // Samba refuses a key that others may read.
    fs::set_permissions(tls.join("key.pem"), fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// The address that a template is provisioned with; no controller runs there.
pub(super) const TEMPLATE_ADDRESS: &str = "127.77.0.1";

/// The settings of a controller. What matters is told in the comments.
const CONFIG: &str = "[global]
 netbios name = @NAME@
 realm = @REALM@
 workgroup = @NETBIOS@
 server role = active directory domain controller
 # Every port on this address only, so that several controllers fit on one machine.
 interfaces = @ADDRESS@/8
 bind interfaces only = yes
 # What LDAP, Kerberos and DNS need, and nothing else: it starts in a second.
 server services = rpc ldap kdc cldap dns @SERVICES@
 # One process for LDAP, as it announces at once only what was changed by itself; others take up to 5 s.
 prefork children:ldap = 1
 # As Active Directory does since 2020: no sign-in in the clear.
 ldap server require strong auth = yes
 lock directory = @DIR@/lock
 pid directory = @DIR@/pid
 private dir = @DIR@/private
 state directory = @DIR@/state
 cache directory = @DIR@/cache
 ncalrpc dir = @DIR@/ncalrpc
 winbindd socket directory = @DIR@/winbindd
 ntp signd socket directory = @DIR@/ntp
 posix:eadb = @DIR@/eadb.tdb
 dns update command = /bin/true
 # Changes go from one controller to the other when a test says so, and never by themselves.
 dreplsrv:periodic_interval = 86400
 dreplsrv:periodic_startup_interval = 86400
 dreplsrv:notify_interval = 86400
 log level = 0
";

/// Writes the settings for this folder and address.
pub(super) fn write_config(dir: &Path, role: Role, address: &str) -> anyhow::Result<()> {
    for name in [
        "lock", "pid", "state", "cache", "ncalrpc", "winbindd", "ntp", "etc",
    ] {
        fs::create_dir_all(dir.join(name))?;
    }
    fs::write(dir.join("empty.conf"), "[global]\n")?;
    let domain = role.domain;
    let config = CONFIG
        .replace("@NAME@", &role.name.to_uppercase())
        .replace("@SERVICES@", if role.replicates { "drepl" } else { "" })
        .replace("@REALM@", &domain.name().to_uppercase())
        .replace("@NETBIOS@", domain.netbios())
        .replace("@ADDRESS@", address)
        .replace("@DIR@", &dir.to_string_lossy());
    fs::write(dir.join("etc/smb.conf"), config)?;
    let realm = domain.name().to_uppercase();
    let krb5 = format!(
        "[libdefaults]\n default_realm = {realm}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
         rdns = false\n[realms]\n {realm} = {{\n  kdc = {address}\n }}\n"
    );
    fs::write(dir.join("krb5.conf"), krb5)?;
    Ok(())
}

/// A folder that is made by whoever needs it first, and then is there for all.
pub(super) fn made_once(
    dir: PathBuf,
    make: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let complete = dir.join(COMPLETE);
    if complete.exists() {
        return Ok(dir);
    }
    let key = dir.file_name().unwrap_or_default().display();
    let _lock = testbed::lock(&format!("template-{key}"))?;
    if complete.exists() {
        return Ok(dir);
    }
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir)?;
    make(&dir)?;
    fs::write(complete, "")?;
    Ok(dir)
}

/// Copies a controller's folder; holes in its databases stay holes.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    let status = Command::new("cp")
        .args(["-a", "--sparse=always", "--reflink=auto"])
        .arg(from.join("."))
        .arg(to)
        .status()?;
    if !status.success() {
        bail!("could not copy {} to {}", from.display(), to.display());
    }
    Ok(())
}

/// Runs the script on a folder whose controller is not running.
/// Gives what it prints.
pub(super) fn python(dir: &Path, verb: &str, input: &str) -> anyhow::Result<String> {
    let mut child = Command::new(PYTHON)
        .args(["-c", SCRIPT, verb])
        .arg(dir.join("etc/smb.conf"))
        .env("SMB_CONF_PATH", dir.join("empty.conf"))
        .env("KRB5_CONFIG", dir.join("krb5.conf"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "ad.py {verb} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}
