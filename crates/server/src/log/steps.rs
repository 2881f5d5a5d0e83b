//! The steps that led to an entry of the log, as far as they went.
//!
//! They are not kept: action, status and code of an entry say how far its object came, in the order in which an
//! object is decided (import, scope, match, action).

use lockstep_model::codes;
use lockstep_model::log::{Action, Status};
use lockstep_store::records::log::LogEntry;

/// One step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// `import`, `scope`, `match` or `action`.
    pub name: &'static str,
    /// How it ended.
    pub status: Status,
    /// In words.
    pub description: String,
}

/// Codes of objects that matching kept out.
const MATCH: [&str; 8] = [
    codes::ANCHOR_CHANGED,
    codes::ANCHOR_TAKEN,
    codes::OWNED_BY_ANOTHER,
    codes::ADMINISTRATOR_NOT_TAKEN_OVER,
    codes::MATCH_BLOCKED,
    codes::MATCH_OF_ANOTHER_KIND,
    codes::OBJECT_OF_OTHER_KIND,
    codes::OBJECT_OF_OTHER_OWNER,
];
/// Codes of objects of which too little was known to go on.
const IMPORT: [&str; 6] = [
    codes::NOT_READ,
    codes::PLACE_UNKNOWN,
    codes::MISSING,
    codes::SAID_TO_STAY,
    codes::SCOPING_GROUP_UNREAD,
    codes::IMPORT_RUNNING,
];

/// The steps of an entry.
#[must_use]
pub fn steps(entry: &LogEntry) -> Vec<Step> {
    let told = |name, status: Status, description: &str| Step {
        name,
        status,
        description: description.to_owned(),
    };
    let passed = |name, description| told(name, Status::Success, description);
    let last = |name| told(name, entry.status, &entry.reason);
    let code = entry.code.as_str();
    // What of the entry's action it was that led to it; an object that leaves has been left out by its scope.
    let leaves = entry.action.deletes();
    if matches!(code, codes::VALUE_INHERITED | codes::NAME_MADE_ANEW) {
        // Nothing was read for it, and nothing decided.
        return vec![last("action")];
    }
    if IMPORT.contains(&code) {
        return vec![last("import")];
    }
    // Why it leaves that is held, the words of the reason tell.
    let (imported, in_place) = match (leaves, code) {
        (true, codes::DELETED_IN_AD) => ("it was deleted in Active Directory", false),
        (true, codes::MOVED_TO_ANOTHER_DOMAIN) => ("it has moved to another domain", false),
        (true, codes::SAID_GONE) => ("an administrator has said that it is gone", false),
        (true, codes::DELETE_THRESHOLD_REACHED) => ("what is known of it leads to a delete", false),
        _ => ("read from Active Directory", true),
    };
    let mut steps = vec![passed("import", imported)];
    if entry.action == Action::Skip {
        steps.push(last("scope"));
        return steps;
    }
    if leaves {
        if in_place {
            steps.push(told("scope", Status::Skipped, &entry.reason));
        }
        steps.push(passed("match", "it was joined with its object before"));
        steps.push(last("action"));
        return steps;
    }
    steps.push(passed("scope", "it is in scope"));
    if entry.status == Status::Failure && MATCH.contains(&code) {
        steps.push(last("match"));
        return steps;
    }
    steps.push(passed(
        "match",
        match (entry.action, code) {
            (Action::Create, _) => "there was no object for it yet",
            (Action::Restore, _) => "its object was in the recycle bin",
            (_, codes::MATCHED) => "an object that was there already is the same",
            _ if entry.target.is_none() => "there was no object for it yet",
            _ => "it was joined with its object before",
        },
    ));
    steps.push(last("action"));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_model::ids::{ConfigurationId, ObjectId};
    use lockstep_model::{Guid, MappedKind};

    fn steps_of(action: Action, status: Status, code: &str) -> String {
        let id = Guid::from_bytes([7; 16]);
        let entry = LogEntry {
            number: 1,
            at: 0,
            configuration: ConfigurationId::new(id),
            cycle: None,
            source: id,
            target: Some(ObjectId::new(id)),
            anchor: String::new(),
            kind: Some(MappedKind::User),
            name: None,
            dn: None,
            action,
            status,
            reason: "why".into(),
            code: code.into(),
            changes: Vec::new(),
            took: None,
        };
        let steps = steps(&entry);
        let words = steps
            .iter()
            .map(|step| format!("{} {}", step.name, step.status));
        words.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn steps_go_as_far_as_the_object_came() {
        let all = "import Success, scope Success, match Success, action Success";
        for (action, status, code, expected) in [
            (Action::Create, Status::Success, "InScope", all),
            (Action::Update, Status::Success, "Matched", all),
            (Action::Restore, Status::Success, "InScope", all),
            (
                Action::Skip,
                Status::Skipped,
                "NeverSynced",
                "import Success, scope Skipped",
            ),
            (
                Action::Delete,
                Status::Success,
                "DeletedInAd",
                "import Success, match Success, action Success",
            ),
            (
                Action::Delete,
                Status::Success,
                "MovedToAnotherDomain",
                "import Success, match Success, action Success",
            ),
            (
                Action::Delete,
                Status::Success,
                "SaidGone",
                "import Success, match Success, action Success",
            ),
            (
                Action::Delete,
                Status::Success,
                "OutsideScope",
                "import Success, scope Skipped, match Success, action Success",
            ),
            (
                Action::StagedDelete,
                Status::Warning,
                "DeleteThresholdReached",
                "import Success, match Success, action Warning",
            ),
            (
                Action::Skip,
                Status::Skipped,
                "SaidToStay",
                "import Skipped",
            ),
            (
                Action::Other,
                Status::Failure,
                "MatchBlocked",
                "import Success, scope Success, match Failure",
            ),
            (
                Action::Other,
                Status::Failure,
                "MappingFailed",
                "import Success, scope Success, match Success, action Failure",
            ),
            (
                Action::Other,
                Status::Warning,
                "ReferenceFailure",
                "import Success, scope Success, match Success, action Warning",
            ),
            (
                Action::Other,
                Status::Failure,
                "PlaceUnknown",
                "import Failure",
            ),
        ] {
            assert_eq!(steps_of(action, status, code), expected, "{action} {code}");
        }
    }
}
