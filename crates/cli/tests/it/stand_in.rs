//! A stand-in for the service: it answers what a test has it answer, so that the command line meets what a service does
//! only at rare moments.

use lockstep_server::tls;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use time::OffsetDateTime;

/// What is answered: method, path, and the document.
type Answers = Vec<(&'static str, &'static str, Value)>;

/// A service that only seems to be one.
pub(crate) struct StandIn {
    folder: TempDir,
    sent: Arc<Mutex<Vec<Value>>>,
}

impl StandIn {
    /// Answers these requests, for as long as the tests run.
    pub(crate) fn start(answers: Answers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("tls");
        std::fs::create_dir(&dir).unwrap();
        let names = ["127.0.0.1".to_owned()];
        let certificate = tls::private(&dir, &names, OffsetDateTime::now_utc()).unwrap();
        let mut config = ServerConfig::clone(&certificate.config);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        std::fs::write(folder.path().join("url"), url).unwrap();
        std::fs::write(folder.path().join("admin-token"), "a token").unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let bodies = Arc::clone(&sent);
        std::thread::spawn(move || {
            let config = Arc::new(config);
            for stream in listener.incoming() {
                serve(&config, stream.unwrap(), &answers, &bodies);
            }
        });
        Self { folder, sent }
    }

    /// The folder by which it is found.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The bodies of the requests that had one.
    pub(crate) fn sent(&self) -> Vec<Value> {
        self.sent.lock().unwrap().clone()
    }
}

/// Answers the one request of a connection.
fn serve(
    config: &Arc<ServerConfig>,
    stream: TcpStream,
    answers: &Answers,
    bodies: &Mutex<Vec<Value>>,
) {
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_lowercase()),
        }
    }
    let length = lines
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    if !body.is_empty() {
        bodies
            .lock()
            .unwrap()
            .push(serde_json::from_slice(&body).unwrap());
    }
    let asked = lines.first().cloned().unwrap_or_default();
    let answer = answers
        .iter()
        .find(|(method, path, _)| asked == format!("{} {path} http/1.1", method.to_lowercase()));
    let (status, text) = match answer {
        Some((_, _, document)) => ("200 OK", document.to_string()),
        None => ("404 Not Found", "{}".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    let stream = stream.get_mut();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
}
