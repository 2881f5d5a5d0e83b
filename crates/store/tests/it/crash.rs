//! A process that is killed while it writes.

use lockstep_store::conformance::tables::{ITEMS, PLAIN, TABLES};
use lockstep_store::{Key, Row, Scan, SqliteStore, Store, StoreError};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How many rows one transaction writes; each says its transaction.
const ROWS: u64 = 50;

/// Names the folder in which the process that is to be killed writes.
const FOLDER: &str = "LOCKSTEP_STORE_CRASH_FOLDER";

#[test]
fn what_was_acknowledged_survives_a_kill_and_nothing_is_there_in_half() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 1..=5 {
        let mut writer = start_writer(dir.path());
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut acknowledgements = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("ack ")?.parse().ok());
        let before: u64 = acknowledgements.by_ref().take(7 * round).last().unwrap();
        writer.kill().unwrap();
        writer.wait().unwrap();
        // What was said between the last reading and the kill counts too.
        let last = acknowledgements.last().unwrap_or(before);
        assert!(last > acknowledged);
        acknowledged = last;
        check(dir.path(), acknowledged);
    }
}

/// The process that is killed: writes without end when the test above started it, else nothing.
#[test]
fn writer_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&folder), TABLES).unwrap();
    let mut out = std::io::stdout();
    loop {
        let number = write_next(&store).unwrap();
        writeln!(out, "\nack {number}").unwrap();
        out.flush().unwrap();
    }
}

fn start_writer(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::writer_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Adds one to the counter, replaces every row of the one table, and adds rows to the other.
fn write_next(store: &SqliteStore) -> Result<u64, StoreError> {
    let mut number = 0;
    store.write(&mut |tx| {
        number = counter(tx.get(PLAIN, &[Key::empty()])?) + 1;
        let stamp = |row: u64| Row {
            key: Key::empty().with(row),
            indexes: vec![Some(Key::empty().with(number)), None, None],
            body: number.to_string().into(),
        };
        tx.put(ITEMS, (0..ROWS).map(stamp).collect())?;
        let add = |row: u64| Row {
            key: Key::empty().with(number).with(row),
            indexes: Vec::new(),
            body: vec![b'x'; 200],
        };
        tx.put(PLAIN, (0..ROWS).map(add).collect())?;
        let count = Row {
            body: number.to_string().into(),
            ..Row::default()
        };
        tx.put(PLAIN, vec![count])
    })?;
    Ok(number)
}

fn check(folder: &Path, acknowledged: u64) {
    let store = SqliteStore::open(folder, TABLES).unwrap();
    let read = |tx: &mut dyn lockstep_store::Read| {
        let last = counter(tx.get(PLAIN, &[Key::empty()])?);
        // One more may have been committed, with the kill before its acknowledgement.
        assert!(
            (acknowledged..=acknowledged + 1).contains(&last),
            "{last}, not {acknowledged}"
        );
        assert_eq!(tx.count(PLAIN, None, &Key::empty())?, last * ROWS + 1);
        assert_eq!(tx.count(ITEMS, Some(0), &Key::empty().with(last))?, ROWS);
        let rows = tx.scan(ITEMS, &Scan::of(Key::empty(), 1000))?;
        assert_eq!(rows.len() as u64, ROWS);
        assert!(
            rows.iter()
                .all(|row| row.body == last.to_string().as_bytes())
        );
        Ok(())
    };
    store.read(&mut { read }).unwrap();
}

fn counter(found: Vec<Option<Row>>) -> u64 {
    let body = found.into_iter().flatten().next().map(|row| row.body);
    body.map_or(0, |body| String::from_utf8(body).unwrap().parse().unwrap())
}
