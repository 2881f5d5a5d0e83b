//! One connection to a controller, and searches over it.

use super::LdapError;
use super::transport::Transport;
use lockstep_ad_proto::ldap::{
    Control, Decoder, Event, Filter, LdapResult, ReceivedControl, Request, ResultCode, SearchScope,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long a controller may think before it says anything. It may have to look through a large domain.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection to a controller.
#[derive(Debug)]
pub struct Connection {
    pub(super) transport: Option<Transport>,
    decoder: Decoder,
    last_message: i32,
    /// Searches that were asked for and whose answers nobody has begun to read.
    asked: VecDeque<i32>,
    server: String,
    /// How long a search may be silent.
    patience: Duration,
}

/// An entry, taken whole.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entry {
    /// Its distinguished name, extended if that was asked for.
    pub dn: String,
    /// Values by the attribute's name in lower case, with options.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// The values of an attribute.
    #[must_use]
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        self.attributes
            .get(&name.to_ascii_lowercase())
            .map_or(&[], Vec::as_slice)
    }

    /// The first value of an attribute.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    /// The first value of an attribute, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.first(name)?).ok()
    }
}

/// How a search ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SearchEnd {
    /// The result.
    pub result: LdapResult,
    /// What came with it.
    pub controls: Vec<ReceivedControl>,
}

/// A search that is under way.
#[derive(Debug)]
pub struct Search<'a> {
    connection: &'a mut Connection,
    message: i64,
    patience: Option<Duration>,
}

impl Connection {
    pub(super) fn new(transport: Transport, server: String) -> Self {
        Self {
            transport: Some(transport),
            decoder: Decoder::default(),
            last_message: 0,
            asked: VecDeque::new(),
            server,
            patience: PATIENCE,
        }
    }

    /// From now on, a search whose answer does not come on for so long has failed.
    pub(super) const fn wait_at_most(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// How the server is called in messages.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Begins a search; its events come one by one.
    ///
    /// # Errors
    ///
    /// [`LdapError::Lost`].
    pub async fn search<'a>(
        &'a mut self,
        base: &str,
        scope: SearchScope,
        filter: &Filter,
        attributes: &[&str],
        controls: &[Control],
    ) -> Result<Search<'a>, LdapError> {
        let search = Request::Search {
            base,
            scope,
            filter,
            attributes,
            controls,
        };
        self.ask(&search).await?;
        Ok(self.answer())
    }

    /// Asks for a search whose answer is read later, with [`Connection::answer`]. Only controllers that answer
    /// one search after the other may be asked for more than one at a time.
    ///
    /// # Errors
    ///
    /// [`LdapError::Lost`].
    pub async fn ask(&mut self, search: &Request<'_>) -> Result<(), LdapError> {
        self.send(search).await?;
        self.asked.push_back(self.last_message);
        Ok(())
    }

    /// The answer to the oldest search that was asked for.
    pub fn answer(&mut self) -> Search<'_> {
        Search {
            message: i64::from(self.asked.pop_front().unwrap_or(self.last_message)),
            patience: Some(self.patience),
            connection: self,
        }
    }

    /// Searches and takes all entries. For what is small.
    ///
    /// # Errors
    ///
    /// [`LdapError`]; [`LdapError::Search`] with the action when the server refuses.
    pub async fn find(
        &mut self,
        base: &str,
        scope: SearchScope,
        filter: &Filter,
        attributes: &[&str],
        controls: &[Control],
        action: &'static str,
    ) -> Result<Vec<Entry>, LdapError> {
        let server = self.server.clone();
        let mut search = self
            .search(base, scope, filter, attributes, controls)
            .await?;
        let mut entries = Vec::new();
        let end = search.collect(&mut entries).await?;
        match end.result.code {
            ResultCode::SUCCESS => Ok(entries),
            ResultCode::NO_SUCH_OBJECT => Ok(Vec::new()),
            _ => Err(LdapError::Search {
                server,
                action,
                result: end.result,
            }),
        }
    }

    /// Reads one object by its name. None when there is no such object.
    ///
    /// # Errors
    ///
    /// Those of [`Self::find`].
    pub async fn read(
        &mut self,
        name: &str,
        attributes: &[&str],
        controls: &[Control],
        action: &'static str,
    ) -> Result<Option<Entry>, LdapError> {
        let everything = Filter::everything();
        let scope = SearchScope::Base;
        let mut entries = self
            .find(name, scope, &everything, attributes, controls, action)
            .await?;
        Ok(entries.pop())
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        // Whether the server hears it makes no difference.
        let _ = self.send(&Request::Unbind).await;
    }

    pub(super) async fn send(&mut self, request: &Request<'_>) -> Result<(), LdapError> {
        self.last_message = self.last_message.wrapping_add(1).max(1);
        let bytes = request.encode(self.last_message);
        let result = match &mut self.transport {
            Some(transport) => transport.write(&bytes).await,
            None => Err(std::io::ErrorKind::NotConnected.into()),
        };
        result.map_err(|source| LdapError::Lost {
            server: self.server.clone(),
            source,
        })
    }

    /// The next event, whichever it is.
    pub(super) async fn event(&mut self, patience: Option<Duration>) -> Result<Event, LdapError> {
        loop {
            let next = self.decoder.next();
            let next = next.map_err(|source| LdapError::Protocol {
                server: self.server.clone(),
                source,
            })?;
            if let Some(event) = next {
                return Ok(event);
            }
            self.receive(patience).await?;
        }
    }

    async fn receive(&mut self, patience: Option<Duration>) -> Result<(), LdapError> {
        let (transport, decoder) = (&mut self.transport, &mut self.decoder);
        let reading = async {
            match transport {
                Some(transport) => transport.read(&mut |bytes| decoder.push(bytes)).await,
                None => Err(std::io::ErrorKind::NotConnected.into()),
            }
        };
        let result = match patience {
            None => reading.await,
            Some(patience) => match tokio::time::timeout(patience, reading).await {
                Ok(result) => result,
                Err(_) => {
                    return Err(LdapError::Silent {
                        server: self.server.clone(),
                        seconds: patience.as_secs(),
                    });
                }
            },
        };
        result.map_err(|source| LdapError::Lost {
            server: self.server.clone(),
            source,
        })
    }
}

impl Search<'_> {
    /// Waits for answers for as long as it takes.
    pub fn wait_for_ever(&mut self) {
        self.patience = None;
    }

    /// Asks for another search, before the answer to this one has been read.
    ///
    /// # Errors
    ///
    /// [`LdapError::Lost`].
    pub async fn ask(&mut self, search: &Request<'_>) -> Result<(), LdapError> {
        self.connection.ask(search).await
    }

    /// The next event of the search; the last one is [`Event::Done`].
    ///
    /// # Errors
    ///
    /// [`LdapError`], after which the connection is of no use.
    pub async fn next(&mut self) -> Result<Event, LdapError> {
        loop {
            let event = self.connection.event(self.patience).await;
            let event = event.map_err(|error| match error {
                LdapError::Silent { server, seconds } => LdapError::Slow { server, seconds },
                other => other,
            })?;
            match event {
                Event::Referral => {}
                Event::Extended { result, .. } => {
                    // A notice of disconnection, with the reason in its message (RFC 4511 4.4.1).
                    return Err(LdapError::Lost {
                        server: self.connection.server.clone(),
                        source: std::io::Error::other(result.message),
                    });
                }
                event @ (Event::Entry { .. } | Event::Done { .. })
                    if self.connection.decoder.message_id() == self.message =>
                {
                    return Ok(event);
                }
                event @ (Event::Attribute { .. } | Event::Value(_) | Event::EntryEnd) => {
                    return Ok(event);
                }
                // The answer to something that was not asked for.
                Event::Entry { .. } | Event::Done { .. } | Event::Bind { .. } => {
                    return Err(LdapError::Protocol {
                        server: self.connection.server.clone(),
                        source: lockstep_ad_proto::ldap::DecodeError::Malformed,
                    });
                }
            }
        }
    }

    /// Takes all entries that are still to come.
    ///
    /// # Errors
    ///
    /// Those of [`Search::next`].
    pub async fn collect(&mut self, entries: &mut Vec<Entry>) -> Result<SearchEnd, LdapError> {
        let mut entry = Entry::default();
        let mut attribute = String::new();
        loop {
            match self.next().await? {
                Event::Entry { dn } => entry.dn = dn,
                Event::Attribute { name } => {
                    attribute = name.to_ascii_lowercase();
                    entry.attributes.entry(attribute.clone()).or_default();
                }
                Event::Value(value) => {
                    if let Some(values) = entry.attributes.get_mut(&attribute) {
                        values.push(value);
                    }
                }
                Event::EntryEnd => entries.push(std::mem::take(&mut entry)),
                Event::Done { result, controls } => return Ok(SearchEnd { result, controls }),
                _ => {}
            }
        }
    }
}
