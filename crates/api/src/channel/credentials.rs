//! The reading of passwords: what the service asks, and what the agent answers while it replicates.
//!
//! First the agent names the *accounts* that replication brings, by identity alone, and the service answers
//! which of them it provisions. Of these the agent reports *stamps*: when their passwords were written last.
//! The service answers whose credential it wants, and only of those the agent opens the hash, makes the cloud
//! credential of it, and sends that. A password hash itself has no place in any of these types.

use super::{Canary, ControllerIdentity, Found, KnownCanary};
use crate::text;
use lockstep_model::{Guid, Secret};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Read what changed of passwords since a watermark; without one, everything.
///
/// The agent opens with [`ReplicationBegin`]. Then, batch by batch, [`Accounts`], [`Stamps`] of those that
/// take part, and the wanted [`Credentials`]; at the end [`ReplicationEnd`] with the new watermark. The answer to that may name
/// objects: each is replicated by itself on the same controller, whatever has changed of it, reported in
/// the same way, and another [`ReplicationEnd`] says that this is done.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadCredentials {
    /// The controller that the watermark is of: asked first when it can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<ControllerIdentity>,
    /// What is stored as canary of each controller, as in [`ReadChanges`](super::ReadChanges).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canaries: Vec<KnownCanary>,
    /// How often a hash is iterated.
    pub iterations: u32,
    /// How many objects a report has at most.
    pub batch: usize,
}

/// How far a reader is in the replication of a naming context.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationWatermark {
    /// The invocation id of the database whose numbers these are.
    #[serde(with = "text")]
    pub invocation_id: Guid,
    /// `usnHighObjUpdate`.
    pub object_update: u64,
    /// `usnReserved`.
    pub reserved: u64,
    /// `usnHighPropUpdate`.
    pub property_update: u64,
    /// The up-to-dateness vector.
    pub cursors: Vec<ReplicationCursor>,
}

/// What is known of one database of the forest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationCursor {
    /// Its invocation id.
    #[serde(with = "text")]
    pub database: Guid,
    /// The last USN of it that is known.
    pub usn: u64,
}

/// Says which controller will answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationBegin {
    /// The lease of the instruction.
    pub lease: u64,
    /// The controller that was reached.
    pub controller: ControllerIdentity,
    /// The stored canary as this controller has it now; absent when there was none or it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
}

/// Where replication starts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationOpening {
    /// From here; absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ReplicationWatermark>,
}

/// A batch of accounts that replication brought.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accounts {
    /// The lease of the instruction.
    pub lease: u64,
    /// Their objectGUIDs; nothing else of those who stay at home may leave.
    #[serde(with = "text::list")]
    pub accounts: Vec<Guid>,
}

/// Which accounts take part.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountsAnswer {
    /// Those that are provisioned.
    #[serde(with = "text::list")]
    pub provisioned: Vec<Guid>,
}

/// A batch of accounts that take part, or were deleted, and what replication says of their passwords.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamps {
    /// The lease of the instruction.
    pub lease: u64,
    /// The objects.
    pub objects: Vec<Stamped>,
}

/// What replication says of one object's password. What is absent has not changed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Stamped {
    /// Its objectGUID.
    #[serde(with = "text")]
    pub guid: Guid,
    /// The object was asked for by itself: what is absent is empty.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// A tombstone: the object was deleted. Nothing else is said of it then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// When its password was written last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordStamp>,
    /// Whether the password must be changed at the next sign-in (`pwdLastSet` is zero).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temporary: Option<bool>,
    /// When the account expires, in milliseconds since 1970 (`accountExpires`); `never` is written as the
    /// greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

/// The replication stamp of `unicodePwd` ([MS-DRSR] 5.11): of two passwords, the one with the greater stamp
/// is the newer one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordStamp {
    /// Counts writings.
    pub version: u32,
    /// When, in milliseconds since 1970.
    pub time: i64,
    /// The invocation id of the database in which it was written.
    #[serde(with = "text")]
    pub originating: Guid,
    /// There is a password: the attribute was not cleared.
    pub present: bool,
}

/// Whose credentials are wanted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StampsAnswer {
    /// The objects.
    #[serde(with = "text::list")]
    pub wanted: Vec<Guid>,
}

/// A batch of wanted credentials.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The lease of the instruction.
    pub lease: u64,
    /// One for each object that was wanted.
    pub objects: Vec<MadeCredential>,
}

/// What became of one wanted credential.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeCredential {
    /// The object.
    #[serde(with = "text")]
    pub guid: Guid,
    /// The stamp of the password that it was made of.
    pub stamp: PasswordStamp,
    /// `v1;PPH1_MD4,SALT,ITERATIONS,HASH;`. Absent when none could be made; `failure` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<WireSecret>,
    /// Why none could be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A text that nobody may see but who needs it.
#[derive(Clone, Debug)]
pub struct WireSecret(pub Secret<String>);

impl Serialize for WireSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for WireSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

/// Everything up to here has been sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationEnd {
    /// The lease of the instruction.
    pub lease: u64,
    /// Where the next reading goes on. Absent after objects that were asked for by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<ReplicationWatermark>,
    /// What became of the objects that were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<Found>,
}

/// The watermark is stored.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationAnswer {
    /// Objects to be replicated by themselves. None: it is done.
    #[serde(with = "text::list")]
    pub read: Vec<Guid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_travels_and_does_not_show() {
        let json = serde_json::json!({
            "lease": 1,
            "objects": [{
                "guid": "00000000-0000-0000-0000-000000000001",
                "stamp": {
                    "version": 2, "time": 3, "present": true,
                    "originating": "00000000-0000-0000-0000-000000000002",
                },
                "credential": "v1;PPH1_MD4,0a,1000,0b;",
            }],
        });
        let read: Credentials = serde_json::from_value(json.clone()).unwrap();
        assert!(!format!("{read:?}").contains("PPH1"));
        assert_eq!(serde_json::to_value(&read).unwrap(), json);
    }

    #[test]
    fn what_has_not_changed_is_not_said() {
        let stamped = Stamped {
            temporary: Some(false),
            ..Stamped::default()
        };
        let text = serde_json::to_string(&stamped).unwrap();
        assert_eq!(
            text,
            r#"{"guid":"00000000-0000-0000-0000-000000000000","temporary":false}"#
        );
    }
}
