//! How many rows a second: `cargo bench -p lockstep-store`.
//!
//! Prints one line for each kind of work on each store. The figures depend on the machine's disk where
//! transactions are small.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
#![expect(clippy::cast_precision_loss, reason = "figures are for reading")]

use lockstep_store::conformance::tables::{ITEMS, PLAIN, TABLES, WORDS};
use lockstep_store::{Key, MemoryStore, Row, Scan, SqliteStore, Store, StoreError, Table};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

const ROWS: u64 = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    // The temporary folder is memory on some machines; a folder given as an argument need not be.
    let given = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let dir = tempfile::tempdir_in(given.map_or_else(std::env::temp_dir, PathBuf::from))?;
    measure("memory", &MemoryStore::new(TABLES))?;
    for body in [200, 1_500] {
        let store = SqliteStore::open(&dir.path().join(body.to_string()), TABLES)?;
        bulk(&format!("sqlite, bodies of {body} bytes"), &store, body)?;
    }
    measure(
        "sqlite",
        &SqliteStore::open(&dir.path().join("all"), TABLES)?,
    )?;
    Ok(())
}

fn measure(name: &str, store: &dyn Store) -> Result<(), StoreError> {
    bulk(name, store, 60)?;
    let keys: Vec<Key> = (0..ROWS).map(key).collect();
    say(name, "get, 1 000 a call", ROWS, || {
        store.read(&mut |tx| {
            keys.chunks(1_000)
                .try_for_each(|keys| tx.get(WORDS, keys).map(|_| ()))
        })
    })?;
    say(name, "get, one a call", ROWS, || {
        store.read(&mut |tx| {
            keys.chunks(1)
                .try_for_each(|keys| tx.get(WORDS, keys).map(|_| ()))
        })
    })?;
    say(name, "get, one a transaction", 10_000, || {
        keys.chunks(1)
            .take(10_000)
            .try_for_each(|keys| store.read(&mut |tx| tx.get(WORDS, keys).map(|_| ())))
    })?;
    say(name, "scan along an index, pages of 1 000", ROWS, || {
        scan_all(store)
    })?;
    let rows: Vec<Row> = (0..1_000)
        .map(|number| row(PLAIN, number, vec![b'z'; 60]))
        .collect();
    say(name, "put, one a transaction", 1_000, || {
        rows.chunks(1)
            .try_for_each(|rows| store.write(&mut |tx| tx.put(PLAIN, rows.to_vec())))
    })
}

fn bulk(name: &str, store: &dyn Store, body: usize) -> Result<(), StoreError> {
    for (what, table) in [
        ("no index", PLAIN),
        ("1 index", WORDS),
        ("3 indexes", ITEMS),
    ] {
        for (time, fill) in [("first", b'x'), ("again", b'y')] {
            let rows: Vec<Row> = (0..ROWS)
                .map(|number| row(table, number, vec![fill; body]))
                .collect();
            let mut pages: Vec<Vec<Row>> = rows.chunks(1_000).map(<[Row]>::to_vec).collect();
            say(
                name,
                &format!("put {time}, {what}, one transaction"),
                ROWS,
                || store.write(&mut |tx| pages.drain(..).try_for_each(|rows| tx.put(table, rows))),
            )?;
        }
    }
    Ok(())
}

fn scan_all(store: &dyn Store) -> Result<(), StoreError> {
    store.read(&mut |tx| {
        let mut scan = Scan::along(0, Key::empty(), 1_000);
        loop {
            let page = tx.scan(WORDS, &scan)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            scan.after = last.indexes[0]
                .clone()
                .map(|place| (place, last.key.clone()));
        }
    })
}

fn say(
    name: &str,
    what: &str,
    rows: u64,
    work: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let start = Instant::now();
    work()?;
    let per_second = rows as f64 / start.elapsed().as_secs_f64();
    println!("{name:30} {what:45} {per_second:>10.0} rows/s");
    Ok(())
}

/// Keys come in no order, as GUIDs do.
fn key(number: u64) -> Key {
    Key::empty()
        .with(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .with(number)
}

fn row(table: &Table, number: u64, body: Vec<u8>) -> Row {
    let place = |index: u64| Some(key(number.wrapping_add(index * ROWS)));
    Row {
        key: key(number),
        indexes: (1..).take(table.indexes.len()).map(place).collect(),
        body,
    }
}
