//! Scans and counts.

use super::tables::{ITEMS, ORDERED_ITEMS, PLAIN};
use super::{bodies, item, key, plain, seed};
use crate::{Key, Row, Scan, Store, StoreError, Transact as _};

/// Comparing keys as bytes gives the order of the table.
pub fn rows_come_in_the_order_of_their_keys(store: &dyn Store) -> Result<(), StoreError> {
    let rows = ["b", "a", "", "ab", "a\0", "\u{ff}"].map(plain);
    seed(store, PLAIN, &rows)?;
    let found = bodies(store, PLAIN, &Scan::of(Key::empty(), 10))?;
    assert_eq!(found, ["", "a", "a\0", "ab", "b", "\u{ff}"]);
    Ok(())
}

/// A scan finds the keys that begin with its prefix, the prefix itself among them, and no others.
pub fn a_prefix_bounds_a_scan(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, PLAIN, &["a", "b", "ba", "bz", "c"].map(plain))?;
    assert_eq!(
        bodies(store, PLAIN, &Scan::of(key("b"), 10))?,
        ["b", "ba", "bz"]
    );
    let places = [("1", "x"), ("2", "y"), ("3", "ya"), ("4", "z")];
    seed(
        store,
        ITEMS,
        &places.map(|(name, place)| item(name, Some(place), None)),
    )?;
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(0, key("y"), 10))?,
        ["2", "3"]
    );
    assert!(bodies(store, ITEMS, &Scan::along(0, key("w"), 10))?.is_empty());
    Ok(())
}

/// A prefix that has no successor is bounded by the end of the table.
pub fn a_prefix_of_highest_bytes_has_no_end(store: &dyn Store) -> Result<(), StoreError> {
    let row = |bytes: &[u8]| Row {
        key: Key::from_bytes(bytes.to_vec()),
        indexes: Vec::new(),
        body: format!("{bytes:?}").into(),
    };
    seed(
        store,
        PLAIN,
        &[row(&[0xfe]), row(&[0xff]), row(&[0xff, 0xff, 1])],
    )?;
    let prefix = Key::from_bytes(vec![0xff]);
    assert_eq!(
        bodies(store, PLAIN, &Scan::of(prefix.clone(), 10))?,
        ["[255]", "[255, 255, 1]"]
    );
    assert_eq!(store.reading(|tx| tx.count(PLAIN, None, &prefix))?, 2);
    Ok(())
}

/// A scan goes on behind a place, whether or not a row is there.
pub fn a_scan_goes_on_behind_a_place(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, PLAIN, &["a", "b", "d"].map(plain))?;
    let behind = |place: &str| Scan {
        after: Some((key(place), key(place))),
        ..Scan::of(Key::empty(), 9)
    };
    assert_eq!(bodies(store, PLAIN, &behind("a"))?, ["b", "d"]);
    assert_eq!(bodies(store, PLAIN, &behind("c"))?, ["d"]);
    assert!(bodies(store, PLAIN, &behind("d"))?.is_empty());
    let places = [("1", "x"), ("2", "x"), ("3", "x"), ("4", "y")];
    seed(
        store,
        ITEMS,
        &places.map(|(name, place)| item(name, Some(place), None)),
    )?;
    let behind = |name: &str| Scan {
        after: Some((key("x"), key(name))),
        ..Scan::along(0, key("x"), 9)
    };
    assert_eq!(bodies(store, ITEMS, &behind("1"))?, ["2", "3"]);
    assert_eq!(
        bodies(
            store,
            ITEMS,
            &Scan {
                prefix: Key::empty(),
                ..behind("2")
            }
        )?,
        ["3", "4"]
    );
    Ok(())
}

fn one_at_x_and_one_at_y() -> [Row; 2] {
    [item("1", Some("x"), None), item("2", Some("y"), None)]
}

/// Going on from before the first row is beginning.
pub fn a_place_before_the_prefix_changes_nothing(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, ITEMS, &one_at_x_and_one_at_y())?;
    let along = Scan {
        after: Some((key("a"), key("9"))),
        ..Scan::along(0, key("y"), 9)
    };
    assert_eq!(bodies(store, ITEMS, &along)?, ["2"]);
    let straight = Scan {
        after: Some((key("1"), key("1"))),
        ..Scan::of(key("2"), 9)
    };
    assert_eq!(bodies(store, ITEMS, &straight)?, ["2"]);
    Ok(())
}

/// Going on from behind the last row finds nothing.
pub fn a_place_behind_the_prefix_leaves_nothing(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, ITEMS, &one_at_x_and_one_at_y())?;
    let along = Scan {
        after: Some((key("y"), key("0"))),
        ..Scan::along(0, key("x"), 9)
    };
    assert!(bodies(store, ITEMS, &along)?.is_empty());
    let straight = Scan {
        after: Some((key("3"), key("3"))),
        ..Scan::of(key("1"), 9)
    };
    assert!(bodies(store, ITEMS, &straight)?.is_empty());
    Ok(())
}

/// A limit is kept, nought and no limit included.
pub fn a_limit_bounds_a_scan(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, PLAIN, &["a", "b", "c"].map(plain))?;
    assert!(bodies(store, PLAIN, &Scan::of(Key::empty(), 0))?.is_empty());
    assert_eq!(
        bodies(store, PLAIN, &Scan::of(Key::empty(), 2))?,
        ["a", "b"]
    );
    assert_eq!(
        bodies(store, PLAIN, &Scan::of(Key::empty(), usize::MAX))?,
        ["a", "b", "c"]
    );
    Ok(())
}

/// Page by page, along an index with many equal places, each row is found once.
pub fn pages_together_are_the_whole(store: &dyn Store) -> Result<(), StoreError> {
    let names: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
    let rows: Vec<Row> = names
        .iter()
        .map(|name| item(name, Some(&name[2..]), None))
        .collect();
    seed(store, ITEMS, &rows)?;
    let mut scan = Scan::along(0, Key::empty(), 7);
    let mut found: Vec<Row> = Vec::new();
    loop {
        let page = store.reading(|tx| tx.scan(ITEMS, &scan))?;
        let Some(last) = page.last() else { break };
        scan.after = last.indexes[0]
            .clone()
            .map(|place| (place, last.key.clone()));
        found.extend(page);
    }
    assert_eq!(
        found,
        store.reading(|tx| tx.scan(ITEMS, &Scan::along(0, Key::empty(), 1000)))?
    );
    assert_eq!(found.len(), 100);
    Ok(())
}

/// Each index has an order of its own; rows with equal places are ordered by their keys.
pub fn an_index_orders_by_its_places_and_then_by_keys(store: &dyn Store) -> Result<(), StoreError> {
    let rows = [
        item("1", Some("b"), Some(300)),
        item("3", Some("a"), Some(2)),
        item("2", Some("b"), Some(2)),
        item("0", Some("ba"), Some(1)),
    ];
    seed(store, ITEMS, &rows)?;
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(0, Key::empty(), 9))?,
        ["3", "1", "2", "0"]
    );
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(1, Key::empty(), 9))?,
        ["0", "2", "3", "1"]
    );
    Ok(())
}

/// A row that has no place in an index is not found along it, and is in the table.
pub fn a_row_without_a_place_is_not_in_the_index(store: &dyn Store) -> Result<(), StoreError> {
    seed(
        store,
        ITEMS,
        &[item("1", None, Some(1)), item("2", Some("x"), None)],
    )?;
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(0, Key::empty(), 9))?,
        ["2"]
    );
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(1, Key::empty(), 9))?,
        ["1"]
    );
    assert!(bodies(store, ITEMS, &Scan::along(2, Key::empty(), 9))?.is_empty());
    assert_eq!(
        bodies(store, ITEMS, &Scan::of(Key::empty(), 9))?,
        ["1", "2"]
    );
    assert_eq!(
        store.reading(|tx| tx.count(ITEMS, Some(0), &Key::empty()))?,
        1
    );
    Ok(())
}

/// An empty index key is the first place, not none.
pub fn an_empty_place_is_a_place(store: &dyn Store) -> Result<(), StoreError> {
    let rows = [
        item("1", Some("x"), None),
        item("2", Some(""), None),
        item("3", None, None),
    ];
    seed(store, ITEMS, &rows)?;
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(0, Key::empty(), 9))?,
        ["2", "1"]
    );
    assert_eq!(
        store.reading(|tx| tx.get(ITEMS, &[key("2"), key("3")]))?,
        [Some(rows[1].clone()), Some(rows[2].clone())]
    );
    Ok(())
}

/// Storing a row again takes it from its old places to the new ones.
pub fn a_row_moves_when_its_place_changes(store: &dyn Store) -> Result<(), StoreError> {
    seed(
        store,
        ITEMS,
        &[item("1", Some("a"), Some(1)), item("2", Some("b"), None)],
    )?;
    seed(store, ITEMS, &[item("1", Some("c"), None)])?;
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(0, Key::empty(), 9))?,
        ["2", "1"]
    );
    assert!(bodies(store, ITEMS, &Scan::along(0, key("a"), 9))?.is_empty());
    assert!(bodies(store, ITEMS, &Scan::along(1, Key::empty(), 9))?.is_empty());
    seed(store, ITEMS, &[item("1", None, Some(5))])?;
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(0, Key::empty(), 9))?,
        ["2"]
    );
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(1, Key::empty(), 9))?,
        ["1"]
    );
    Ok(())
}

/// A count is the length of the scan, before and after rows are replaced and deleted.
pub fn counts_agree_with_scans(store: &dyn Store) -> Result<(), StoreError> {
    let agree = || {
        for index in [None, Some(0), Some(1)] {
            for prefix in [Key::empty(), key("1"), key("x"), key("z")] {
                let scan = Scan {
                    index,
                    prefix: prefix.clone(),
                    after: None,
                    limit: 99,
                };
                let rows = store.reading(|tx| tx.scan(ITEMS, &scan))?;
                let count = store.reading(|tx| tx.count(ITEMS, index, &prefix))?;
                assert_eq!(count, rows.len() as u64, "{scan:?}");
            }
        }
        Ok(())
    };
    agree()?;
    let names = ["1", "10", "11", "2"];
    seed(
        store,
        ITEMS,
        &names.map(|name| item(name, Some("x"), Some(1))),
    )?;
    agree()?;
    seed(
        store,
        ITEMS,
        &[item("10", Some("z"), None), item("3", Some("xx"), None)],
    )?;
    agree()?;
    store.write(&mut |tx| tx.delete(ITEMS, &[key("11"), key("10"), key("9")]))?;
    agree()
}

/// Rows kept in the order of their keys answer as rows kept in any other way do.
pub fn a_layout_changes_no_answer(store: &dyn Store) -> Result<(), StoreError> {
    let rows = [
        item("2", Some("b"), Some(2)),
        item("1", Some("b"), None),
        item("3", None, Some(1)),
        item("10", Some("a"), Some(2)),
    ];
    for table in [ITEMS, ORDERED_ITEMS] {
        seed(store, table, &rows)?;
        seed(store, table, &[item("3", Some("bb"), None)])?;
        store.write(&mut |tx| tx.delete(table, &[key("2"), key("none")]))?;
    }
    for index in [None, Some(0), Some(1), Some(2)] {
        for prefix in [Key::empty(), key("1"), key("b")] {
            for after in [None, Some((key("1"), key("1"))), Some((key("b"), key("1")))] {
                // Along the table itself both parts are the row's key.
                let after = match (index, after) {
                    (None, Some((place, _))) => Some((place.clone(), place)),
                    (_, after) => after,
                };
                let scan = Scan {
                    index,
                    prefix: prefix.clone(),
                    after,
                    limit: 9,
                };
                let found = |table| store.reading(|tx| tx.scan(table, &scan));
                assert_eq!(found(ITEMS)?, found(ORDERED_ITEMS)?, "{scan:?}");
            }
            let counted = |table| store.reading(|tx| tx.count(table, index, &prefix));
            assert_eq!(counted(ITEMS)?, counted(ORDERED_ITEMS)?);
        }
    }
    let keys = ["1", "2", "3"].map(key);
    let got = |table| store.reading(|tx| tx.get(table, &keys));
    assert_eq!(got(ITEMS)?, got(ORDERED_ITEMS)?);
    Ok(())
}
