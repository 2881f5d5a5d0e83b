//! Rows: putting, getting, deleting.

use super::tables::{ABSENT, ITEMS, PLAIN, WORDS};
use super::{bodies, item, key, plain, seed};
use crate::{Key, Row, Scan, Store, StoreError, Transact as _};

/// A row has its key, its places and its body afterwards, found by key or by scan.
pub fn rows_come_back_as_they_were_put(store: &dyn Store) -> Result<(), StoreError> {
    let row = Row {
        key: Key::from_bytes(vec![0, 0xff, 1]),
        indexes: vec![
            Some(Key::from_bytes(vec![0xff, 0])),
            None,
            Some(key("note")),
        ],
        body: b"{\"a\":1}".to_vec(),
    };
    seed(store, ITEMS, std::slice::from_ref(&row))?;
    let found = store.reading(|tx| tx.get(ITEMS, std::slice::from_ref(&row.key)))?;
    assert_eq!(found, [Some(row.clone())]);
    for scan in [
        Scan::of(Key::empty(), 9),
        Scan::along(0, Key::empty(), 9),
        Scan::along(2, key("n"), 9),
    ] {
        assert_eq!(
            store.reading(|tx| tx.scan(ITEMS, &scan))?,
            std::slice::from_ref(&row)
        );
    }
    Ok(())
}

/// Answers stand where the questions stood, one for each, repeated ones too.
pub fn rows_are_given_in_the_order_asked_for(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, PLAIN, &["a", "b", "c"].map(plain))?;
    let found = store.reading(|tx| tx.get(PLAIN, &["c", "x", "a", "c"].map(key)))?;
    assert_eq!(
        found,
        [Some(plain("c")), None, Some(plain("a")), Some(plain("c"))]
    );
    Ok(())
}

/// Empty slices are welcome.
pub fn nothing_is_asked_and_nothing_is_done(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, PLAIN, &[plain("a")])?;
    store.write(&mut |tx| {
        tx.put(PLAIN, Vec::new())?;
        tx.delete(PLAIN, &[])?;
        assert!(tx.get(PLAIN, &[])?.is_empty());
        Ok(())
    })?;
    store.write(&mut |_| Ok(()))?;
    assert_eq!(bodies(store, PLAIN, &Scan::of(Key::empty(), 9))?, ["a"]);
    Ok(())
}

/// A key has one row: the last that was put.
pub fn a_later_row_replaces_an_earlier_one(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, PLAIN, &[plain("a"), plain("b")])?;
    seed(
        store,
        PLAIN,
        &[Row {
            body: b"new".to_vec(),
            ..plain("a")
        }],
    )?;
    assert_eq!(
        bodies(store, PLAIN, &Scan::of(Key::empty(), 9))?,
        ["new", "b"]
    );
    Ok(())
}

/// The order within a put counts as well.
pub fn the_last_of_equal_keys_in_one_put_stays(store: &dyn Store) -> Result<(), StoreError> {
    let places = ["x", "y", "z"];
    let twice: Vec<Row> = places
        .iter()
        .map(|place| item("1", Some(place), None))
        .collect();
    seed(
        store,
        ITEMS,
        &[&[item("2", Some("w"), None)], &twice[..]].concat(),
    )?;
    let found = store.reading(|tx| tx.scan(ITEMS, &Scan::along(0, Key::empty(), 9)))?;
    assert_eq!(
        found,
        [item("2", Some("w"), None), item("1", Some("z"), None)]
    );
    Ok(())
}

/// A deleted row is found nowhere, and can be put again.
pub fn deleted_rows_are_gone_from_table_and_indexes(store: &dyn Store) -> Result<(), StoreError> {
    seed(
        store,
        ITEMS,
        &["1", "2", "3"].map(|name| item(name, Some("x"), Some(1))),
    )?;
    store.write(&mut |tx| tx.delete(ITEMS, &[key("1"), key("3")]))?;
    assert_eq!(store.reading(|tx| tx.get(ITEMS, &[key("1")]))?, [None]);
    for scan in [
        Scan::of(Key::empty(), 9),
        Scan::along(0, key("x"), 9),
        Scan::along(1, Key::empty(), 9),
    ] {
        assert_eq!(bodies(store, ITEMS, &scan)?, ["2"]);
    }
    seed(store, ITEMS, &[item("1", Some("y"), None)])?;
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(0, Key::empty(), 9))?,
        ["2", "1"]
    );
    Ok(())
}

/// So that a delete can be repeated.
pub fn deleting_what_is_not_there_is_no_error(store: &dyn Store) -> Result<(), StoreError> {
    store.write(&mut |tx| tx.delete(PLAIN, &["a", "b", "a"].map(key)))?;
    seed(store, PLAIN, &[plain("b")])?;
    store.write(&mut |tx| tx.delete(PLAIN, &["a", "b", "b"].map(key)))?;
    assert!(bodies(store, PLAIN, &Scan::of(Key::empty(), 9))?.is_empty());
    Ok(())
}

/// The same key in two tables is two rows; a table may have any name of letters.
pub fn tables_do_not_see_each_other(store: &dyn Store) -> Result<(), StoreError> {
    let word = Row {
        key: key("a"),
        indexes: vec![Some(key("g"))],
        body: b"word".to_vec(),
    };
    seed(store, WORDS, &[word])?;
    seed(store, PLAIN, &[plain("a")])?;
    assert_eq!(bodies(store, PLAIN, &Scan::of(Key::empty(), 9))?, ["a"]);
    assert_eq!(
        bodies(store, WORDS, &Scan::along(0, key("g"), 9))?,
        ["word"]
    );
    store.write(&mut |tx| tx.delete(PLAIN, &[key("a")]))?;
    assert_eq!(store.reading(|tx| tx.count(WORDS, None, &Key::empty()))?, 1);
    Ok(())
}

/// A body is any bytes.
pub fn bodies_may_be_empty_large_or_no_text(store: &dyn Store) -> Result<(), StoreError> {
    let bodies = [
        Vec::new(),
        vec![b'x'; 1 << 20],
        vec![0xff, 0, 0xfe],
        b"a\0b".to_vec(),
    ];
    let row = |(name, body): (&str, Vec<u8>)| Row {
        key: key(name),
        indexes: Vec::new(),
        body,
    };
    let rows = ["a", "b", "c", "d"]
        .into_iter()
        .zip(bodies)
        .map(row)
        .collect::<Vec<_>>();
    seed(store, PLAIN, &rows)?;
    let found = store.reading(|tx| tx.scan(PLAIN, &Scan::of(Key::empty(), 9)))?;
    assert!(found == rows, "a body was changed");
    Ok(())
}

/// Ten thousand rows are a small directory.
pub fn ten_thousand_rows_are_written_and_found(store: &dyn Store) -> Result<(), StoreError> {
    let name = |number: u64| format!("{:05}", number * 7_919 % 10_000);
    let row = |number: u64| item(&name(number), Some(&name(number)[4..]), Some(number));
    let rows: Vec<Row> = (0..10_000).map(row).collect();
    store.write(&mut |tx| {
        rows.chunks(1_000)
            .try_for_each(|rows| tx.put(ITEMS, rows.to_vec()))
    })?;
    assert_eq!(
        store.reading(|tx| tx.count(ITEMS, None, &Key::empty()))?,
        10_000
    );
    assert_eq!(
        store.reading(|tx| tx.count(ITEMS, Some(0), &key("3")))?,
        1_000
    );
    let keys: Vec<Key> = (0..10_000).map(|number| key(&name(number))).collect();
    let found = store.reading(|tx| tx.get(ITEMS, &keys))?;
    assert!(
        found.into_iter().eq(rows.into_iter().map(Some)),
        "a row was changed"
    );
    Ok(())
}

/// A row with too few or too many places, an index or a table that is not there: refused, nothing done.
pub fn what_does_not_fit_the_table_is_refused(store: &dyn Store) -> Result<(), StoreError> {
    assert!(seed(store, ITEMS, &[plain("a")]).is_err());
    assert!(seed(store, PLAIN, &[plain("a"), item("b", None, None)]).is_err());
    assert!(seed(store, ABSENT, &[plain("a")]).is_err());
    assert!(
        store
            .reading(|tx| tx.scan(ITEMS, &Scan::along(3, Key::empty(), 9)))
            .is_err()
    );
    assert!(
        store
            .reading(|tx| tx.count(PLAIN, Some(0), &Key::empty()))
            .is_err()
    );
    assert!(store.reading(|tx| tx.get(ABSENT, &[key("a")])).is_err());
    assert_eq!(store.reading(|tx| tx.count(PLAIN, None, &Key::empty()))?, 0);
    Ok(())
}
