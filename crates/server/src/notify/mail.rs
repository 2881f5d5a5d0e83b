//! Notices by mail.

use super::Message;
use lettre::message::Mailbox;
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport as _, Tokio1Executor};
use lockstep_model::Secret;
use std::time::Duration;

/// How long a mail server may take for each step.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why mail cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The address of the mail server is none. It may hold a password and is not repeated.
    #[error(
        "--smtp-url: expected smtp://HOST:PORT, smtps://HOST or smtp://HOST:PORT?tls=required, with USER:PASSWORD@ \
         before the host if the server wants it: {0}"
    )]
    Url(String),
    /// The sender is none.
    #[error("--smtp-from: expected an address such as lockstep@example.com, received `{0}`")]
    From(String),
}

/// Sends notices by mail.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl Mailer {
    /// Sends by way of this server, in the name of this address.
    ///
    /// # Errors
    ///
    /// [`MailError`] when either is none.
    pub fn new(url: &Secret<String>, from: &str) -> Result<Self, MailError> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
            .map_err(|error| MailError::Url(error.to_string()))?
            .timeout(Some(TIMEOUT))
            .build();
        let from = from.parse().map_err(|_| MailError::From(from.to_owned()))?;
        Ok(Self { transport, from })
    }

    /// Sends a notice to all these addresses.
    pub(super) async fn send(&self, to: &[String], message: &Message) -> Result<(), String> {
        let subject = format!(
            "Lockstep: {} is held up ({})",
            message.configuration, message.code
        );
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(subject);
        for address in to {
            mail = mail.to(address
                .parse()
                .map_err(|_| format!("{address} is no address"))?);
        }
        let mail = mail
            .body(text(message))
            .map_err(|error| error.to_string())?;
        let sent = self.transport.send(mail).await;
        sent.map(|_| ()).map_err(|error| error.to_string())
    }
}

fn text(message: &Message) -> String {
    format!(
        "The synchronisation of {} (configuration {}) needs somebody.\n\n{}\n\nWhat to do: {}\n\nReason: {}\nSince: {}\n\
         Service: {}\n\nThis is told once, for as long as the reason lasts.\n",
        message.domain,
        message.configuration,
        message.message,
        message.remedy,
        message.code,
        message.since,
        message.service,
    )
}
