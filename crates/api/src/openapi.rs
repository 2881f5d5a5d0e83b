//! The administration API as an OpenAPI 3.1 document, made from the types of [`admin`](crate::admin).
//!
//! Start at [`document`]. One line of `OPERATIONS` describes one request; the service's router is tested
//! against it, so a route without its line, and a line without its route, are found. The text is committed as
//! `docs/openapi.json`, which `cargo xtask docs` writes.

use crate::admin::{
    Agent, ApiToken, App, AppMade, AuditEntry, Chosen, ChosenDone, Configuration, Cycle,
    DirectoryExtension, EnrollmentTokenMade, Escrow, HeldDelete, LogPage, Missing, NewApp,
    NewDomain, NewEnrollmentToken, NewPassword, NewToken, PasswordPolicy, Plan, Provision,
    Provisioned, Reconciled, Restart, RoleAssignment, Tenant, TokenMade,
};
use crate::configuration::Spec;
use crate::problem::Problem;
use lockstep_model::log::{Action, DISABLE, Status};
use lockstep_model::{MappedKind, OTHER, Reset};
use std::borrow::Cow;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Required,
    ResponseBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};

/// Under which name callers identify themselves.
const BEARER: &str = "bearer";

/// One request of the API.
struct Operation {
    method: HttpMethod,
    path: &'static str,
    /// What generated clients call it.
    id: &'static str,
    summary: &'static str,
    role: &'static str,
    query: &'static [Query],
    body: Option<Shape>,
    answer: Answer,
}

/// A parameter of the query.
struct Query {
    name: &'static str,
    kind: Type,
    /// The words that there are; none: anything.
    words: &'static [&'static [&'static str]],
    meaning: &'static str,
}

/// Declares how a word that is one of few is described: by all of them.
macro_rules! described {
    ($($own:ident: $name:literal = $words:expr;)*) => {
        $(
            pub(crate) enum $own {}

            impl PartialSchema for $own {
                fn schema() -> RefOr<Schema> {
                    one_of($words).into()
                }
            }

            impl ToSchema for $own {
                fn name() -> Cow<'static, str> {
                    $name.into()
                }
            }
        )*
    };
}

described! {
    ActionWord: "Action" = &[Action::WORDS];
    StatusWord: "Status" = &[Status::WORDS];
    KindWord: "Kind" = &[MappedKind::WORDS, &[OTHER]];
    ResetWord: "Reset" = &[Reset::WORDS];
}

fn one_of(words: &[&[&'static str]]) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.concat()))
}

/// What comes back.
enum Answer {
    /// 200 with a document.
    Document(Shape),
    /// 204.
    Nothing,
    /// 202, or 200 with a document when it was waited for.
    Later(Shape),
}

/// A type, or a list of it.
struct Shape {
    schema: fn() -> RefOr<Schema>,
    /// All types that it is made of.
    parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

const fn one<T: ToSchema>() -> Shape {
    Shape {
        schema: reference::<T>,
        parts: parts::<T>,
    }
}

/// An object of which nothing more is said.
const ANYTHING: Shape = Shape {
    schema: || ObjectBuilder::new().into(),
    parts: |_| {},
};

const fn list<T: ToSchema>() -> Shape {
    Shape {
        schema: || ArrayBuilder::new().items(reference::<T>()).into(),
        parts: parts::<T>,
    }
}

fn reference<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

fn parts<T: ToSchema>(all: &mut Vec<(String, RefOr<Schema>)>) {
    all.push((T::name().into_owned(), <T as PartialSchema>::schema()));
    T::schemas(all);
}

const fn read(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answer: Shape,
) -> Operation {
    Operation {
        method: HttpMethod::Get,
        path,
        id,
        summary,
        role: "reader",
        query: &[],
        body: None,
        answer: Answer::Document(answer),
    }
}

/// What answers with nothing: a removal, unless the method says otherwise.
const fn remove(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation {
        method: HttpMethod::Delete,
        path,
        id,
        summary,
        role: "administrator",
        query: &[],
        body: None,
        answer: Answer::Nothing,
    }
}

const fn order(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    role: &'static str,
    body: Option<Shape>,
    answer: Shape,
) -> Operation {
    Operation {
        method: HttpMethod::Post,
        path,
        id,
        summary,
        role,
        query: &[],
        body,
        answer: Answer::Document(answer),
    }
}

const fn text(name: &'static str, meaning: &'static str) -> Query {
    Query {
        name,
        kind: Type::String,
        words: &[],
        meaning,
    }
}

const fn word(
    name: &'static str,
    words: &'static [&'static [&'static str]],
    meaning: &'static str,
) -> Query {
    Query {
        words,
        ..text(name, meaning)
    }
}

const fn flag(name: &'static str, meaning: &'static str) -> Query {
    Query {
        kind: Type::Boolean,
        ..text(name, meaning)
    }
}

const fn number(name: &'static str, meaning: &'static str) -> Query {
    Query {
        kind: Type::Integer,
        ..text(name, meaning)
    }
}

const LIMIT: Query = number(
    "limit",
    "At most so many; 100 unless given, 10,000 at most.",
);

const LOG: &[Query] = &[
    text("configuration", "Of this configuration."),
    text(
        "object",
        "About this object: a distinguished name, a user principal name, an account name, an anchor or an \
         objectGUID.",
    ),
    word(
        "action",
        &[Action::WORDS, &[DISABLE]],
        "With this action; `Disable`: updates that disable a user.",
    ),
    word("status", &[Status::WORDS], "With this status."),
    text("cycle", "Of this cycle."),
    text("since", "Not older than this time."),
    LIMIT,
    text("after", "Older than the page whose `next` this is."),
];

const PLANNED: &[Query] = &[number(
    "planned",
    "The version of the configuration that a plan was made from; another one by now is refused.",
)];

const AGENTS: &[Query] = &[flag("all", "Also those that were not.")];

const HELD: &[Query] = &[text(
    "filter",
    "Only those that this is true of, over `id`, `dn`, `type`, `change`, `member`, `reason` and `since`.",
)];

const MISSING: &[Query] = &[text(
    "filter",
    "Only those that this is true of, over `id`, `dn`, `type`, `reason` and `since`.",
)];

const AUDITED: &[Query] = &[
    LIMIT,
    text("actor", "Only what was done by this one."),
    text("activity", "Only this, such as `ConfigurationChanged`."),
    text("target", "Only what was done to this."),
    text("since", "Only from this time on."),
    text("after", "Older than the entry with this `id`."),
];

const REPAIR: &[Query] = &[flag(
    "repair",
    "Repair what drifted; a cycle applies it, under the guard.",
)];

const HAND_OVER: &[Query] = &[text(
    "handOverTo",
    "`cloud`: its objects are the cloud's from then on; the name of another configuration: that one takes over \
     what it has in its scope under the same anchor.",
)];

const WAIT: &[Query] = &[flag("wait", "Answer with the result, when there is one.")];

/// Every request of the API, by path.
const OPERATIONS: &[Operation] = &[
    Operation {
        query: AGENTS,
        ..read(
            "/api/v1/agents",
            "listAgents",
            "The agents that were heard of within ten days.",
            list::<Agent>(),
        )
    },
    order(
        "/api/v1/agents/tokens",
        "createEnrollmentToken",
        "Make an enrolment token; it is shown once.",
        "administrator",
        Some(one::<NewEnrollmentToken>()),
        one::<EnrollmentTokenMade>(),
    ),
    remove(
        "/api/v1/agents/{id}",
        "removeAgent",
        "Remove an agent; it is refused from now on.",
    ),
    read(
        "/api/v1/apps",
        "listApps",
        "The applications that let people sign in.",
        list::<App>(),
    ),
    order(
        "/api/v1/apps",
        "createApp",
        "Register an application that lets people sign in; its secret is shown once.",
        "administrator",
        Some(one::<NewApp>()),
        one::<AppMade>(),
    ),
    remove(
        "/api/v1/apps/{id}",
        "deleteApp",
        "Delete an application, and end what people gave it.",
    ),
    Operation {
        query: AUDITED,
        ..read(
            "/api/v1/audit",
            "listAuditEntries",
            "Who changed which setting, newest first.",
            list::<AuditEntry>(),
        )
    },
    read(
        "/api/v1/configurations",
        "listConfigurations",
        "The configurations, and how their jobs stand.",
        list::<Configuration>(),
    ),
    read(
        "/api/v1/configurations/{name}",
        "showConfiguration",
        "One configuration, and how its job stands.",
        one::<Configuration>(),
    ),
    Operation {
        method: HttpMethod::Put,
        query: PLANNED,
        ..order(
            "/api/v1/configurations/{name}",
            "applyConfiguration",
            "Create or change a configuration; what it names is looked up in the domain first.",
            "administrator",
            Some(one::<Spec>()),
            one::<Configuration>(),
        )
    },
    Operation {
        query: HAND_OVER,
        ..remove(
            "/api/v1/configurations/{name}",
            "deleteConfiguration",
            "Delete a configuration; what it provisioned stays in the directory.",
        )
    },
    Operation {
        query: WAIT,
        answer: Answer::Later(one::<Cycle>()),
        ..order(
            "/api/v1/configurations/{name}/cycle",
            "runCycle",
            "Run a cycle now, also while paused.",
            "operator",
            None,
            one::<Cycle>(),
        )
    },
    read(
        "/api/v1/configurations/{name}/cycles",
        "listCycles",
        "The last hundred cycles, newest first.",
        list::<Cycle>(),
    ),
    Operation {
        query: HELD,
        ..read(
            "/api/v1/configurations/{name}/deletes",
            "listHeldDeletes",
            "The changes that the guard and the limits hold, all of them.",
            list::<HeldDelete>(),
        )
    },
    order(
        "/api/v1/configurations/{name}/deletes/allow",
        "allowHeldDeletes",
        "Let held changes be carried out, if they are still decided so.",
        "operator",
        Some(one::<Chosen>()),
        one::<ChosenDone>(),
    ),
    order(
        "/api/v1/configurations/{name}/deletes/reject",
        "rejectHeldDeletes",
        "Keep everything as it is, as long as the same would be done.",
        "operator",
        Some(one::<Chosen>()),
        one::<ChosenDone>(),
    ),
    Operation {
        query: MISSING,
        ..read(
            "/api/v1/configurations/{name}/missing",
            "listMissing",
            "The objects of the directory that a full import has not seen in Active Directory.",
            list::<Missing>(),
        )
    },
    order(
        "/api/v1/configurations/{name}/missing/delete",
        "deleteMissing",
        "Say that missing objects are gone: they are deleted, under the guard.",
        "operator",
        Some(one::<Chosen>()),
        one::<ChosenDone>(),
    ),
    order(
        "/api/v1/configurations/{name}/missing/keep",
        "keepMissing",
        "Say that missing objects are to stay.",
        "operator",
        Some(one::<Chosen>()),
        one::<ChosenDone>(),
    ),
    read(
        "/api/v1/configurations/{name}/escrows",
        "listEscrows",
        "The objects that failed, and when each is tried again.",
        list::<Escrow>(),
    ),
    order(
        "/api/v1/configurations/{name}/pause",
        "pauseConfiguration",
        "No more cycles by clock or change.",
        "operator",
        None,
        one::<Configuration>(),
    ),
    order(
        "/api/v1/configurations/{name}/plan",
        "planConfiguration",
        "What the next cycle would do; nothing is changed.",
        "reader",
        None,
        one::<Plan>(),
    ),
    order(
        "/api/v1/configurations/{name}/provision",
        "provisionObject",
        "Read, decide and apply one object now, or show what would be done.",
        "operator",
        Some(one::<Provision>()),
        one::<Provisioned>(),
    ),
    Operation {
        query: REPAIR,
        ..order(
            "/api/v1/configurations/{name}/reconcile",
            "reconcileConfiguration",
            "Compare the directory with what should be there, and repair it if that is wished for.",
            "operator",
            None,
            one::<Reconciled>(),
        )
    },
    order(
        "/api/v1/configurations/{name}/restart",
        "restartConfiguration",
        "Let the job forget where it stands, what is held, or which object belongs to which.",
        "operator",
        Some(one::<Restart>()),
        one::<Configuration>(),
    ),
    order(
        "/api/v1/configurations/{name}/resume",
        "resumeConfiguration",
        "Cycles by clock and change again.",
        "operator",
        None,
        one::<Configuration>(),
    ),
    read(
        "/api/v1/domains",
        "listDomains",
        "The tenant and its DNS suffixes.",
        one::<Tenant>(),
    ),
    order(
        "/api/v1/domains",
        "addDomain",
        "Add a DNS suffix; user names with it are kept from now on.",
        "administrator",
        Some(one::<NewDomain>()),
        one::<Tenant>(),
    ),
    Operation {
        method: HttpMethod::Delete,
        ..order(
            "/api/v1/domains/{name}",
            "removeDomain",
            "Remove a DNS suffix; user names with it become names at the initial domain.",
            "administrator",
            None,
            one::<Tenant>(),
        )
    },
    Operation {
        query: LOG,
        ..read(
            "/api/v1/log",
            "listLogEntries",
            "What was done to which object, and why; newest first.",
            one::<LogPage>(),
        )
    },
    read(
        "/api/v1/openapi.json",
        "describe",
        "This document.",
        ANYTHING,
    ),
    read(
        "/api/v1/password-policy",
        "showPasswordPolicy",
        "When passwords expire.",
        one::<PasswordPolicy>(),
    ),
    Operation {
        method: HttpMethod::Put,
        ..order(
            "/api/v1/password-policy",
            "setPasswordPolicy",
            "Say when passwords expire.",
            "administrator",
            Some(one::<PasswordPolicy>()),
            one::<PasswordPolicy>(),
        )
    },
    order(
        "/api/v1/plan",
        "planFile",
        "What the first cycle after applying a configuration would do; nothing is changed.",
        "reader",
        Some(one::<Spec>()),
        one::<Plan>(),
    ),
    Operation {
        method: HttpMethod::Post,
        ..remove(
            "/api/v1/signing-keys/replace",
            "replaceSigningKeys",
            "Replace the keys that sign tokens at once; tokens that they signed are good no more.",
        )
    },
    read(
        "/api/v1/extensions",
        "listExtensions",
        "The properties that configurations have declared, and who makes values for them.",
        list::<DirectoryExtension>(),
    ),
    remove(
        "/api/v1/extensions/{name}",
        "removeExtension",
        "Give up an extension that no mapping makes values for and no object has a value of.",
    ),
    read(
        "/api/v1/roles",
        "listRoles",
        "Who may do what with the service.",
        list::<RoleAssignment>(),
    ),
    Operation {
        method: HttpMethod::Put,
        ..remove(
            "/api/v1/roles/{role}/users/{id}",
            "assignRole",
            "Give a user a role.",
        )
    },
    remove(
        "/api/v1/roles/{role}/users/{id}",
        "removeRole",
        "Take a role from a user.",
    ),
    read(
        "/api/v1/tenant",
        "showTenant",
        "The owner of the directory.",
        one::<Tenant>(),
    ),
    Operation {
        role: "administrator",
        ..read(
            "/api/v1/tokens",
            "listTokens",
            "The API tokens.",
            list::<ApiToken>(),
        )
    },
    order(
        "/api/v1/tokens",
        "createToken",
        "Make an API token; it is shown once.",
        "administrator",
        Some(one::<NewToken>()),
        one::<TokenMade>(),
    ),
    remove("/api/v1/tokens/{id}", "revokeToken", "Revoke an API token."),
    Operation {
        method: HttpMethod::Put,
        body: Some(one::<NewPassword>()),
        ..remove(
            "/api/v1/users/{id}/password",
            "setPassword",
            "Set a user's password, by id or user principal name; the user is signed out everywhere.",
        )
    },
];

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut schemas = Vec::new();
    parts::<Problem>(&mut schemas);
    for operation in OPERATIONS {
        let item = PathItem::new(operation.method.clone(), described(operation));
        paths = paths.path(operation.path, item);
        let body = operation.body.iter();
        for shape in body.chain(operation.answer.document()) {
            (shape.parts)(&mut schemas);
        }
    }
    // What has no shape of its own is described in place.
    schemas.retain(|(name, _)| name != "Value");
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(
            BEARER,
            SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
        )
        .build();
    let info = InfoBuilder::new()
        .title("Lockstep")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The administration API. Times are RFC 3339 in UTC. Errors are problem documents (RFC 9457) \
             with a stable `code` and, where there is one, a `remedy`.",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components))
        .security(Some([SecurityRequirement::new(
            BEARER,
            Vec::<String>::new(),
        )]))
        .build()
}

impl Answer {
    const fn document(&self) -> Option<&Shape> {
        match self {
            Self::Document(shape) | Self::Later(shape) => Some(shape),
            Self::Nothing => None,
        }
    }
}

fn described(operation: &Operation) -> OperationBuilder {
    let mut builder = OperationBuilder::new()
        .operation_id(Some(operation.id))
        .summary(Some(operation.summary))
        .description(Some(format!("Needs the role {}.", operation.role)));
    for name in placeholders(operation.path) {
        builder = builder.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(ObjectBuilder::new().schema_type(Type::String))),
        );
    }
    for query in operation.query {
        builder = builder.parameter(
            ParameterBuilder::new()
                .name(query.name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(query.meaning))
                .schema(Some(match query.words {
                    [] => ObjectBuilder::new().schema_type(query.kind.clone()),
                    words => one_of(words),
                })),
        );
    }
    if let Some(body) = &operation.body {
        let content = Content::new(Some((body.schema)()));
        let body = RequestBodyBuilder::new().content("application/json", content);
        builder = builder.request_body(Some(body.build()));
    }
    let answer = |status: &str, words: &str, builder: OperationBuilder, shape: Option<&Shape>| {
        let mut response = ResponseBuilder::new().description(words);
        if let Some(shape) = shape {
            response = response.content("application/json", Content::new(Some((shape.schema)())));
        }
        builder.response(status, response)
    };
    builder = match &operation.answer {
        Answer::Document(shape) => answer("200", "Done.", builder, Some(shape)),
        Answer::Nothing => answer("204", "Done.", builder, None),
        Answer::Later(shape) => {
            let waited = answer("200", "The result.", builder, Some(shape));
            answer("202", "It was asked for.", waited, None)
        }
    };
    let problem = Content::new(Some(reference::<Problem>()));
    let problem = ResponseBuilder::new()
        .description("Why it was not done.")
        .content("application/problem+json", problem);
    builder.response("default", problem)
}

/// What stands in braces in a path.
fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_committed_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let current = document().to_pretty_json().unwrap();
        assert!(
            committed.trim_end() == current,
            "docs/openapi.json is old; `cargo xtask docs` writes it anew"
        );
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = document().to_json().unwrap();
        let value: serde_json::Value = serde_json::from_str(&document).unwrap();
        let schemas = value["components"]["schemas"].as_object().unwrap();
        let mut rest = document.as_str();
        while let Some((_, behind)) = rest.split_once("#/components/schemas/") {
            let name = behind.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
            rest = behind;
        }
        assert_eq!(value["openapi"], "3.1.0");
        let shown = &schemas["HeldDelete"]["properties"];
        assert!(
            shown["type"].is_object() && shown["kind"].is_null(),
            "{shown}"
        );
    }

    #[test]
    fn where_a_word_is_asked_for_all_that_there_are_are_told() {
        let document = serde_json::to_value(document()).unwrap();
        let asked = document["paths"]["/api/v1/log"]["get"]["parameters"].as_array();
        let words = |name: &str| -> Vec<&str> {
            let mut asked = asked.into_iter().flatten();
            let asked = asked.find(|asked| asked["name"] == name).unwrap();
            let words = asked["schema"]["enum"].as_array().into_iter().flatten();
            words.filter_map(serde_json::Value::as_str).collect()
        };
        assert_eq!(words("action"), [Action::WORDS, &[DISABLE]].concat());
        assert_eq!(words("status"), Status::WORDS);
        assert!(words("object").is_empty());
        let schemas = &document["components"]["schemas"];
        let kinds = [MappedKind::WORDS, &[OTHER]].concat();
        for (name, words) in [
            ("Action", Action::WORDS),
            ("Status", Status::WORDS),
            ("Kind", kinds.as_slice()),
            ("Reset", Reset::WORDS),
        ] {
            assert_eq!(schemas[name]["enum"], serde_json::json!(words), "{name}");
        }
        let entry = &schemas["LogEntry"]["properties"];
        assert_eq!(entry["action"]["$ref"], "#/components/schemas/Action");
        let reset = &schemas["Restart"]["properties"]["reset"];
        assert_eq!(reset["items"]["$ref"], "#/components/schemas/Reset");
    }

    #[test]
    fn no_two_operations_have_the_same_name() {
        let names: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
        assert_eq!(names.len(), OPERATIONS.len());
    }
}
