//! `lockstep-agent enroll`.

use super::{EnrollArgs, Failure, OutputFormat, output};
use crate::channel;
use crate::state::{AgentKey, Enrollment};
use lockstep_api::channel::EnrollmentToken;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Enrolled<'a> {
    agent: String,
    tenant: String,
    name: &'a str,
    service: &'a str,
}

pub(super) async fn enroll(args: &EnrollArgs, format: OutputFormat) -> Result<(), Failure> {
    let token = token(args)?;
    let state = args.state.dir();
    state.refuse_if_enrolled()?;
    state.prepare()?;
    let _lock = state.lock()?;
    let key = AgentKey::generate()
        .ok_or_else(|| Failure::new("this machine gave no random numbers for a key"))?;
    let name = args.name.clone().unwrap_or_else(host_name);
    let joined = channel::enroll(&token, &name, &key, args.proxy.as_deref()).await?;
    let enrollment = Enrollment {
        service: token.url.clone(),
        agent: joined.answer.agent,
        tenant: joined.answer.tenant,
        name,
        proxy: args.proxy.clone(),
        own_ca: joined.ca.is_some(),
    };
    state.store_enrollment(&enrollment, &key, joined.ca.as_deref())?;
    tracing::info!(agent = %enrollment.agent, service = enrollment.service, "enrolled");
    let enrolled = Enrolled {
        agent: enrollment.agent.to_string(),
        tenant: enrollment.tenant.to_string(),
        name: &enrollment.name,
        service: &enrollment.service,
    };
    match format {
        OutputFormat::Json => output::json(&enrolled),
        OutputFormat::Table => output::table(
            ["AGENT", "NAME", "SERVICE"],
            &[[
                enrolled.agent,
                enrolled.name.into(),
                enrolled.service.into(),
            ]],
        ),
    }
}

fn token(args: &EnrollArgs) -> Result<EnrollmentToken, Failure> {
    let text = match (&args.token.token, &args.token.token_file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => std::fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("could not read {}: {error}", path.display())))?,
        (None, None) => String::new(),
    };
    text.parse()
        .map_err(|error: lockstep_api::channel::EnrollmentTokenError| {
            Failure::usage(error.to_string())
        })
}

fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() {
        "lockstep-agent".into()
    } else {
        name
    }
}
