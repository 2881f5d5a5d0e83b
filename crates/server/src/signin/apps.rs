//! The applications that let people sign in: which there are, and how they prove who they are.

use super::sessions::end_grants;
use lockstep_model::{Guid, Secret};
use lockstep_store::records::signin::{App, Grant};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use subtle::ConstantTimeEq as _;

/// The command line, which every tenant has: a public application on loopback.
pub const COMMAND_LINE: Guid = Guid::from_bytes([
    0x6c, 0x6f, 0x63, 0x6b, 0x73, 0x74, 0x45, 0x70, 0x80, 0x63, 0x6f, 0x6d, 0x6d, 0x61, 0x6e, 0x64,
]);

/// The application with this client id.
///
/// # Errors
///
/// Those of the store.
pub fn by_client_id(tx: &mut dyn Read, client_id: &str) -> Result<Option<App>, StoreError> {
    let Ok(id) = client_id.parse::<Guid>() else {
        return Ok(None);
    };
    by_id(tx, id)
}

/// The application with this id.
///
/// # Errors
///
/// Those of the store.
pub fn by_id(tx: &mut dyn Read, id: Guid) -> Result<Option<App>, StoreError> {
    match id {
        COMMAND_LINE => Ok(Some(command_line())),
        _ => tx.fetch_one(&id),
    }
}

fn command_line() -> App {
    App {
        id: COMMAND_LINE,
        name: "Lockstep command line".into(),
        redirect_uris: vec!["http://127.0.0.1/signed-in".into()],
        secret_hash: None,
        role: None,
        sign_in_only: false,
        created: 0,
    }
}

/// Every application that was made here.
///
/// # Errors
///
/// Those of the store.
pub fn all(tx: &mut dyn Read) -> Result<Vec<App>, StoreError> {
    tx.list(&Scan::of(Key::empty(), usize::MAX))
}

/// Removes an application and ends what people gave it; says whether there was one.
///
/// # Errors
///
/// Those of the store.
pub fn remove(tx: &mut dyn Write, id: Guid) -> Result<Option<App>, StoreError> {
    let Some(app) = tx.fetch_one::<App>(&id)? else {
        return Ok(None);
    };
    tx.remove::<App>(&[id])?;
    end_grants(tx, Grant::BY_APP, Key::empty().with(id))?;
    Ok(Some(app))
}

/// How an application says who it is.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Its client id.
    pub client_id: String,
    /// Its secret; none: it says that it is public.
    pub secret: Option<Secret<String>>,
}

/// Whether the proof is that of the application. A public application proves nothing, and must not seem to.
#[must_use]
pub fn accepts(app: &App, proof: &Proof) -> bool {
    match (&app.secret_hash, &proof.secret) {
        (Some(known), Some(secret)) => super::hash(secret)
            .as_bytes()
            .ct_eq(known.as_bytes())
            .into(),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
