//! Transactions: what is kept, and who sees it when.

use super::tables::{ITEMS, PLAIN};
use super::{bodies, item, key, plain, seed};
use crate::{Key, Read, Row, Scan, Store, StoreError, Transact as _};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// Reads of a writing transaction see its own puts and deletes among what was there before.
pub fn a_transaction_sees_what_it_wrote(store: &dyn Store) -> Result<(), StoreError> {
    seed(
        store,
        ITEMS,
        &["1", "3", "5"].map(|name| item(name, Some("x"), Some(1))),
    )?;
    store.write(&mut |tx| {
        tx.put(
            ITEMS,
            vec![item("2", Some("x"), None), item("3", Some("y"), Some(0))],
        )?;
        tx.delete(ITEMS, &[key("5"), key("6")])?;
        tx.put(ITEMS, vec![item("6", Some("a"), None)])?;
        let names = |tx: &mut dyn Read, scan: &Scan| -> Result<Vec<Vec<u8>>, StoreError> {
            Ok(tx
                .scan(ITEMS, scan)?
                .into_iter()
                .map(|row| row.body)
                .collect())
        };
        assert_eq!(
            names(tx, &Scan::of(Key::empty(), 9))?,
            [b"1", b"2", b"3", b"6"]
        );
        assert_eq!(
            names(tx, &Scan::along(0, Key::empty(), 9))?,
            [b"6", b"1", b"2", b"3"]
        );
        assert_eq!(names(tx, &Scan::along(0, Key::empty(), 2))?, [b"6", b"1"]);
        assert_eq!(names(tx, &Scan::along(1, Key::empty(), 9))?, [b"3", b"1"]);
        assert_eq!(tx.count(ITEMS, None, &Key::empty())?, 4);
        assert_eq!(tx.count(ITEMS, Some(0), &key("x"))?, 2);
        let found = tx.get(ITEMS, &["5", "3", "1"].map(key))?;
        assert_eq!(
            found,
            [
                None,
                Some(item("3", Some("y"), Some(0))),
                Some(item("1", Some("x"), Some(1)))
            ]
        );
        Ok(())
    })
}

/// Work that returns an error is undone, and the error comes out as it was.
pub fn an_error_leaves_nothing(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, ITEMS, &[item("1", Some("a"), None)])?;
    let given_up = store.write(&mut |tx| {
        tx.put(
            ITEMS,
            vec![item("1", Some("b"), None), item("2", Some("c"), None)],
        )?;
        tx.put(PLAIN, vec![plain("a")])?;
        tx.delete(ITEMS, &[key("1")])?;
        Err(StoreError::Abandoned {
            source: "enough".into(),
        })
    });
    assert!(
        matches!(given_up, Err(StoreError::Abandoned { .. })),
        "{given_up:?}"
    );
    only_the_first_item_is_there(store)
}

/// Work that panics is undone, the panic goes on, and the store works on.
pub fn a_panic_leaves_nothing(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, ITEMS, &[item("1", Some("a"), None)])?;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.write(&mut |tx| {
            tx.put(
                ITEMS,
                vec![item("1", Some("b"), None), item("2", Some("c"), None)],
            )?;
            resume_unwind(Box::new("the work is broken"))
        })
    }));
    assert!(panicked.is_err());
    only_the_first_item_is_there(store)?;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.read(&mut |tx| {
            tx.get(ITEMS, &[key("1")])?;
            resume_unwind(Box::new("the work is broken"))
        })
    }));
    assert!(panicked.is_err());
    only_the_first_item_is_there(store)
}

/// A transaction in which a statement failed is not kept in half, even when the work says that all is
/// well.
pub fn a_refused_write_that_was_overlooked_leaves_nothing(
    store: &dyn Store,
) -> Result<(), StoreError> {
    seed(store, ITEMS, &[item("1", Some("a"), None)])?;
    let result = store.write(&mut |tx| {
        tx.put(ITEMS, vec![item("2", Some("c"), None)])?;
        let _ = tx.put(ITEMS, vec![plain("without places")]);
        let _ = tx.put(ITEMS, vec![item("3", Some("c"), None)]);
        Ok(())
    });
    assert!(result.is_err());
    only_the_first_item_is_there(store)
}

/// What a reader saw once it sees until its end.
pub fn a_reader_sees_one_state_while_a_writer_commits(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, ITEMS, &[item("1", Some("a"), None)])?;
    store.read(&mut |tx| {
        thread::scope(|threads| {
            let write = || {
                store.write(&mut |tx| {
                    tx.put(ITEMS, vec![item("2", Some("b"), None)])?;
                    tx.delete(ITEMS, &[key("1")])
                })
            };
            joined(threads.spawn(write))
        })?;
        assert_eq!(
            tx.get(ITEMS, &[key("1"), key("2")])?,
            [Some(item("1", Some("a"), None)), None]
        );
        assert_eq!(tx.scan(ITEMS, &Scan::along(0, Key::empty(), 9))?.len(), 1);
        assert_eq!(tx.count(ITEMS, Some(0), &key("b"))?, 0);
        Ok(())
    })?;
    assert_eq!(bodies(store, ITEMS, &Scan::of(Key::empty(), 9))?, ["2"]);
    Ok(())
}

/// A reader that begins while a writer is at work sees the state before it, at once.
pub fn a_reader_does_not_wait_for_a_writer(store: &dyn Store) -> Result<(), StoreError> {
    seed(store, PLAIN, &[plain("a")])?;
    store.write(&mut |tx| {
        tx.put(PLAIN, vec![plain("b")])?;
        let read = || bodies(store, PLAIN, &Scan::of(Key::empty(), 9));
        let found = thread::scope(|threads| joined(threads.spawn(read)))?;
        assert_eq!(found, ["a"]);
        Ok(())
    })?;
    assert_eq!(
        bodies(store, PLAIN, &Scan::of(Key::empty(), 9))?,
        ["a", "b"]
    );
    Ok(())
}

/// Two writers that count in the same row lose nothing.
pub fn writers_come_one_after_the_other(store: &dyn Store) -> Result<(), StoreError> {
    let count = || -> Result<(), StoreError> {
        for _ in 0..20 {
            store.write(&mut |tx| {
                let row = tx.get(PLAIN, &[key("count")])?.pop().flatten();
                let mut body = row.map(|row| row.body).unwrap_or_default();
                body.push(b'|');
                tx.put(
                    PLAIN,
                    vec![Row {
                        body,
                        ..plain("count")
                    }],
                )
            })?;
        }
        Ok(())
    };
    thread::scope(|threads| {
        let writers = [(); 3].map(|()| threads.spawn(count));
        writers.into_iter().try_for_each(joined)
    })?;
    assert_eq!(
        bodies(store, PLAIN, &Scan::of(Key::empty(), 9))?,
        ["|".repeat(60)]
    );
    Ok(())
}

/// One call is one statement, however many rows it is about.
pub fn every_call_is_counted(store: &dyn Store) -> Result<(), StoreError> {
    let before = store.statements();
    store.write(&mut |tx| {
        tx.put(PLAIN, ["a", "b", "c"].map(plain).to_vec())?;
        tx.scan(PLAIN, &Scan::of(Key::empty(), 9))?;
        tx.delete(PLAIN, &["a", "b"].map(key))
    })?;
    store.reading(|tx| {
        tx.get(PLAIN, &["a", "b", "c"].map(key))?;
        tx.count(PLAIN, None, &Key::empty())
    })?;
    assert_eq!(store.statements() - before, 5);
    Ok(())
}

fn only_the_first_item_is_there(store: &dyn Store) -> Result<(), StoreError> {
    let all = store.reading(|tx| tx.scan(ITEMS, &Scan::of(Key::empty(), 9)))?;
    assert_eq!(all, [item("1", Some("a"), None)]);
    assert_eq!(
        bodies(store, ITEMS, &Scan::along(0, Key::empty(), 9))?,
        ["1"]
    );
    assert_eq!(store.reading(|tx| tx.count(PLAIN, None, &Key::empty()))?, 0);
    Ok(())
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}
