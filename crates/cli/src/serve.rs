//! `lockstep serve`.

use crate::duration::duration;
use crate::failure::Failure;
use crate::output::Output;
use lockstep_model::Secret;
use lockstep_server::retention::Retention;
use lockstep_server::serve::{Options, start};
use rustix::fs::Mode;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How the service runs.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// How agents and users reach it [default: the address it listens on]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The service's certificate with its chain, in PEM [default: one of a private CA, DIR/tls/ca.pem]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The domain that a new directory has [default: local.lockstep]
    #[arg(long, value_name = "NAME")]
    initial_domain: Option<String>,
    /// Where metrics are served, without TLS, instead of on the listener
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,
    /// The mail server for notifications: smtp://HOST:PORT, smtps://USER:PASSWORD@HOST, or smtp://HOST:PORT?tls=required
    #[arg(
        long,
        value_name = "URL",
        requires = "smtp_from",
        env = "LOCKSTEP_SMTP_URL",
        hide_env_values = true
    )]
    smtp_url: Option<String>,
    /// In whose name mail is sent
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "smtp_url",
        env = "LOCKSTEP_SMTP_FROM"
    )]
    smtp_from: Option<String>,
    /// For how long the provisioning log, cycles and sign-ins are kept
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = duration)]
    log_retention: Duration,
    /// For how long is kept who changed which setting
    #[arg(long, value_name = "TIME", default_value = "365d", value_parser = duration)]
    audit_retention: Duration,
}

pub(crate) async fn serve(args: ServeArgs, dir: PathBuf, output: &Output) -> Result<(), Failure> {
    let options = Options {
        data_dir: dir,
        listen: args.listen,
        public_url: args.public_url,
        certificate: args.tls_cert.zip(args.tls_key),
        initial_domain: args.initial_domain.map(|name| name.to_lowercase()),
        metrics_listen: args.metrics_listen,
        mail: args.smtp_url.map(Secret::new).zip(args.smtp_from),
        retention: Retention {
            log: args.log_retention,
            audit: args.audit_retention,
        },
    };
    // Whatever the data folder's mode is, what is written into it is the owner's alone.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let failed =
        |error: std::io::Error| Failure::new(format!("could not wait for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let running = start(options).await.map_err(|error| {
        let failure = Failure::of(&error);
        match error.is_of_options() {
            true => Failure::usage(failure.to_string()),
            false => failure,
        }
    })?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let ready = |url: &str| {
        // Whoever started the service may not listen; that is no reason to stop.
        let _ = output.raw(format!("ready {url}\n").as_bytes());
    };
    running
        .run(ready, stop)
        .await
        .map_err(|error| Failure::of(&error))
}
