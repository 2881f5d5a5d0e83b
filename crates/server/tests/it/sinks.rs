//! A mail server and an address on the web that keep what they are sent, for tests only: they listen on
//! loopback, accept everything, and deliver nothing.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of the functions that the lints know as tests"
)]

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

/// An address on the web that keeps what is posted to it.
pub(crate) struct WebhookSink {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Value>>>,
    status: Arc<AtomicU16>,
}

impl WebhookSink {
    pub(crate) fn start() -> Self {
        let received: Arc<Mutex<Vec<Value>>> = Arc::default();
        let status = Arc::new(AtomicU16::new(200));
        let (kept, answered) = (Arc::clone(&received), Arc::clone(&status));
        let address = listen(move |stream| {
            let body = posted(&stream);
            kept.lock()
                .unwrap()
                .push(serde_json::from_slice(&body).unwrap());
            let status = answered.load(Ordering::SeqCst);
            let answer =
                format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            (&stream).write_all(answer.as_bytes()).unwrap();
        });
        Self {
            address,
            received,
            status,
        }
    }

    /// Where to post to.
    pub(crate) fn address(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Everything that was posted, refused or not.
    pub(crate) fn received(&self) -> Vec<Value> {
        self.received.lock().unwrap().clone()
    }

    /// With which status it answers from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

/// The body of a request.
fn posted(stream: &TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

/// A mail server that keeps what it is sent.
pub(crate) struct SmtpSink {
    address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
}

impl SmtpSink {
    pub(crate) fn start() -> Self {
        let received: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&received);
        let address = listen(move |stream| converse(&stream, &kept));
        Self { address, received }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The mails, with their headers.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

/// As much of SMTP (RFC 5321) as a client needs that has one mail to send.
fn converse(stream: &TcpStream, kept: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let say = |text: &str| {
        (&*stream)
            .write_all(format!("{text}\r\n").as_bytes())
            .is_ok()
    };
    say("220 sink.test");
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        let verb = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        match verb.as_str() {
            "DATA" => {
                say("354 go on");
                let mut mail = String::new();
                loop {
                    let begun = mail.len();
                    reader.read_line(&mut mail).unwrap();
                    if mail[begun..].trim_end() == "." {
                        mail.truncate(begun);
                        break;
                    }
                }
                // Long lines come broken after an equals sign.
                kept.lock().unwrap().push(mail.replace("=\r\n", ""));
                say("250 kept");
            }
            "QUIT" => {
                say("221 bye");
                return;
            }
            _ => {
                say("250 sink.test");
            }
        }
        line.clear();
    }
}

/// Listens on a port of its own for as long as the process lives.
fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap());
        }
    });
    address
}
