//! One connection: what the client asks is asked of the controller, and the answer is cut to size.

use super::message::{Kind, Message, NOTIFICATION, Operation, PAGED, Request, read};
use super::pages::{self, Page};
use super::{Entry, Limits, Shared, lock};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection, StreamOwned};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

/// Both ends of a connection.
pub(super) struct Relay {
    shared: Arc<Shared>,
    number: usize,
    client: StreamOwned<ServerConnection, TcpStream>,
    controller: StreamOwned<ClientConnection, TcpStream>,
}

impl Drop for Relay {
    /// Neither side is left waiting for the other: the front itself keeps hold of both sockets.
    fn drop(&mut self) {
        let _ = self.client.sock.shutdown(Shutdown::Both);
        let _ = self.controller.sock.shutdown(Shutdown::Both);
    }
}

/// What a controller answers to a search.
struct Answer {
    entries: Vec<Entry>,
    references: Vec<Message>,
    end: Message,
}

impl Relay {
    pub(super) fn open(shared: Arc<Shared>, client: TcpStream) -> io::Result<Self> {
        let controller = TcpStream::connect(shared.controller)?;
        let number = {
            let mut connections = lock(&shared.connections);
            connections.extend([client.try_clone()?, controller.try_clone()?]);
            connections.len() / 2 - 1
        };
        client.set_nodelay(true)?;
        controller.set_nodelay(true)?;
        let server = ServerConnection::new(Arc::clone(&shared.server));
        let name = ServerName::try_from(shared.name.clone()).map_err(io::Error::other)?;
        let own = ClientConnection::new(Arc::clone(&shared.client), name);
        Ok(Self {
            client: StreamOwned::new(server.map_err(io::Error::other)?, client),
            controller: StreamOwned::new(own.map_err(io::Error::other)?, controller),
            number,
            shared,
        })
    }

    /// Serves the connection until one side has had enough of it.
    pub(super) fn run(mut self) -> io::Result<()> {
        while let Some(raw) = read(&mut self.client)? {
            let message = Message::parse(&raw)?;
            let request = Request::of(&message, self.number);
            lock(&self.shared.requests).push(request.clone());
            let announces = request.controls.iter().any(|oid| oid == NOTIFICATION);
            match request.operation {
                Operation::Unbind => return self.controller.write_all(&raw),
                Operation::Abandon => self.controller.write_all(&raw)?,
                Operation::Search if announces => return self.announce(&raw),
                Operation::Search if request.cookie.is_some() => {
                    self.changes(&message, &request)?;
                }
                Operation::Search => self.search(message, &request)?,
                _ => {
                    self.controller.write_all(&raw)?;
                    let answer = self.answer()?.to_bytes()?;
                    self.send(&answer)?;
                }
            }
        }
        Ok(())
    }

    /// The next message of the controller.
    fn answer(&mut self) -> io::Result<Message> {
        let raw = read(&mut self.controller)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Message::parse(&raw)
    }

    fn ask(&mut self, message: &Message) -> io::Result<Answer> {
        self.controller.write_all(&message.to_bytes()?)?;
        let (mut entries, mut references) = (Vec::new(), Vec::new());
        loop {
            let answer = self.answer()?;
            match answer.kind() {
                Kind::Entry => entries.push(answer.entry()),
                Kind::Reference => references.push(answer),
                Kind::Done | Kind::Other => {
                    return Ok(Answer {
                        entries,
                        references,
                        end: answer,
                    });
                }
            }
        }
    }

    fn limits(&self) -> Limits {
        *lock(&self.shared.limits)
    }

    /// A search that is not about changes.
    fn search(&mut self, mut message: Message, request: &Request) -> io::Result<()> {
        let limits = self.limits();
        message.limit_page(limits.page_size)?;
        let mut answer = self.ask(&message)?;
        // It behaves like Active Directory, so it is not asked like Samba, which answers with one page.
        for root in answer
            .entries
            .iter_mut()
            .filter(|entry| entry.dn.is_empty())
        {
            root.attributes
                .retain(|(name, _)| !name.eq_ignore_ascii_case("vendorName"));
        }
        self.shared.alter(request, &mut answer.entries);
        let paged = request.controls.iter().any(|oid| oid == PAGED);
        if !paged && answer.entries.len() > limits.page_size {
            answer.entries.truncate(limits.page_size);
            answer.end.exceed_size_limit();
        }
        for entry in &mut answer.entries {
            pages::limit_values(entry, limits.values);
        }
        self.shared.wait_at_gate(request);
        for entry in &answer.entries {
            self.send(&message.with_entry(entry).to_bytes()?)?;
        }
        for reference in &answer.references {
            self.send(&reference.to_bytes()?)?;
        }
        self.send(&answer.end.to_bytes()?)
    }

    /// Changes, page by page. The controller gives them all at once; the pages wait here.
    fn changes(&mut self, message: &Message, request: &Request) -> io::Result<()> {
        let limits = self.limits();
        let cookie = request.cookie.as_deref().unwrap_or_default();
        let kept = lock(&self.shared.readings).next(cookie);
        let page = match kept {
            Some(page) => page,
            None => {
                let mut answer = self.ask(message)?;
                let cookie = answer
                    .end
                    .change_cookie()
                    .filter(|_| answer.end.is_success());
                let Some(cookie) = cookie else {
                    return self.send(&answer.end.to_bytes()?);
                };
                self.shared.alter(request, &mut answer.entries);
                let pages = pages::pages(answer.entries, &limits, request.max_bytes);
                let first = lock(&self.shared.readings).begin(pages, cookie);
                first.ok_or(io::ErrorKind::NotFound)?
            }
        };
        self.shared.wait_at_gate(request);
        std::thread::sleep(limits.delay);
        self.send_page(message, &page)
    }

    fn send_page(&mut self, request: &Message, page: &Page) -> io::Result<()> {
        for entry in &page.entries {
            self.send_or_cut(&request.with_entry(entry).to_bytes()?)?;
        }
        let end = request.end_of_page(page.more, &page.cookie)?;
        self.send_or_cut(&end.to_bytes()?)
    }

    /// Passes on what the controller announces, for as long as somebody listens.
    fn announce(&mut self, request: &[u8]) -> io::Result<()> {
        self.controller.write_all(request)?;
        let mut buffer = vec![0; 4_096];
        loop {
            let count = self.controller.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            self.send(buffer.get(..count).unwrap_or_default())?;
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.client.write_all(bytes)?;
        self.client.flush()
    }

    /// Sends, unless the test wants the line cut here.
    fn send_or_cut(&mut self, bytes: &[u8]) -> io::Result<()> {
        let left = {
            let mut cut = lock(&self.shared.cut);
            match *cut {
                Some(left) if left < bytes.len() => cut.take(),
                Some(left) => {
                    *cut = Some(left - bytes.len());
                    None
                }
                None => None,
            }
        };
        let Some(left) = left else {
            return self.send(bytes);
        };
        self.send(bytes.get(..left).unwrap_or_default())?;
        self.client.sock.shutdown(Shutdown::Both)?;
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}
