//! What only SQLite shows: its statements, its files and their versions, a full disk.

use super::*;
use crate::conformance::tables::{ITEMS, ORDERED_ITEMS, PLAIN, TABLES};
use crate::{Key, Layout, Row, Scan, Transact as _};

const ORDER: &Table = &Table {
    name: "order",
    indexes: &["by_group"],
    layout: Layout::Arrival,
};

fn item(number: u64, place: &str) -> Row {
    let place = Key::empty().with(place);
    Row {
        key: Key::empty().with(number),
        indexes: vec![Some(place), None, None],
        body: b"{\"name\":\"Ada\"}".to_vec(),
    }
}

fn put_item(store: &SqliteStore, number: u64) -> Result<(), StoreError> {
    store.write(&mut |tx| tx.put(ITEMS, vec![item(number, "a")]))
}

fn items(store: &SqliteStore) -> u64 {
    let count = store.reading(|tx| tx.count(ITEMS, None, &Key::empty()));
    count.unwrap()
}

fn plan(store: &SqliteStore, sql: &str, parameters: usize) -> String {
    let connection = store.writer.lock().unwrap();
    let mut statement = connection
        .prepare(&format!("explain query plan {sql}"))
        .unwrap();
    let values = vec![Vec::<u8>::new(); parameters];
    let rows = statement
        .query_map(rusqlite::params_from_iter(values), |row| {
            row.get::<_, String>(3)
        })
        .unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[test]
fn scans_search_the_index_and_never_sort() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    let (some, after) = (
        Key::empty().with("a"),
        (Key::empty().with("ab"), Key::empty().with(7_u64)),
    );
    for index in [None, Some(0), Some(2)] {
        for prefix in [Key::empty(), some.clone()] {
            for after in [None, Some(after.clone())] {
                let scan = Scan {
                    index,
                    prefix: prefix.clone(),
                    after,
                    limit: 10,
                };
                for table in [ITEMS, ORDERED_ITEMS] {
                    let statement = statement::scan(table, &scan);
                    let plan = plan(&store, &statement.sql, statement.values.len() + 1);
                    let bounded = !statement.values.is_empty();
                    let way = way(table, index, bounded);
                    assert!(plan.contains(&way), "{plan} ({})", statement.sql);
                    assert!(!plan.contains("TEMP B-TREE"), "{plan} ({})", statement.sql);
                }
            }
        }
    }
}

/// How SQLite says that it goes along the index that it should.
fn way(table: &Table, index: Option<usize>, bounded: bool) -> String {
    let name = table.name;
    match (index, table.layout) {
        (None, Layout::Key) if bounded => format!("SEARCH {name} USING PRIMARY KEY (key>"),
        (None, Layout::Key) => format!("SCAN {name}"),
        (None, Layout::Arrival) if bounded => {
            format!("SEARCH {name} USING INDEX sqlite_autoindex_{name}_1 (key>")
        }
        (None, Layout::Arrival) => "USING INDEX sqlite_autoindex".to_owned(),
        (Some(0), _) if bounded => format!("SEARCH {name} USING INDEX {name}.by_place ("),
        (Some(0), _) => format!("USING INDEX {name}.by_place"),
        (Some(_), _) => format!("USING INDEX {name}.by_note"),
    }
}

#[test]
fn a_scan_that_goes_on_is_bounded_at_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    let prefix = Key::empty().with("a");
    let after = Some((prefix.clone().with(3_u64), Key::empty().with(7_u64)));
    let scan = Scan {
        index: Some(0),
        prefix,
        after,
        limit: 10,
    };
    let plan = plan(&store, &statement::scan(ITEMS, &scan).sql, 4);
    assert!(plan.contains("((i0,key)>(?,?) AND i0<?)"), "{plan}");
}

#[test]
fn a_count_reads_the_index_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    let prefix = Key::empty().with("a");
    let plan = plan(&store, &statement::count(ITEMS, Some(0), &prefix).sql, 2);
    assert!(
        plan.contains("USING COVERING INDEX conformance_items.by_place"),
        "{plan}"
    );
}

#[test]
fn indexes_whose_names_run_together_are_kept_apart() {
    const AGENT: &Table = &Table {
        name: "agent",
        indexes: &["token_by_id"],
        layout: Layout::Arrival,
    };
    const TOKEN: &Table = &Table {
        name: "agent_token",
        indexes: &["by_id"],
        layout: Layout::Key,
    };
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), &[AGENT, TOKEN]).unwrap();
    for table in [AGENT, TOKEN] {
        let row = Row {
            key: Key::empty(),
            indexes: vec![Some(Key::empty())],
            body: Vec::new(),
        };
        store
            .write(&mut |tx| tx.put(table, vec![row.clone()]))
            .unwrap();
        let scan = Scan::along(0, Key::empty(), 9);
        store
            .read(&mut |tx| tx.scan(table, &scan).map(|rows| assert_eq!(rows.len(), 1)))
            .unwrap();
    }
}

#[test]
fn a_commit_is_on_the_disk_before_it_returns() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    let writer = store.writer.lock().unwrap();
    let setting = |name: &str| {
        writer
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap()
    };
    assert_eq!(setting("journal_mode"), "wal".to_owned().into());
    assert_eq!(setting("synchronous"), 2.into());
}

#[test]
fn a_body_of_text_can_be_read_with_the_database_s_own_tools() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    put_item(&store, 1).unwrap();
    let other = Connection::open(dir.path().join("lockstep.db")).unwrap();
    let query = "select body ->> 'name' from conformance_items";
    let name: String = other.query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(name, "Ada");
}

#[test]
fn a_folder_in_use_is_refused_until_it_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    let second = SqliteStore::open(dir.path(), TABLES);
    assert!(matches!(second, Err(StoreError::InUse { path }) if path == dir.path()));
    drop(store);
    SqliteStore::open(dir.path(), TABLES).unwrap();
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    put_item(&SqliteStore::open(dir.path(), TABLES).unwrap(), 1).unwrap();
    assert_eq!(items(&SqliteStore::open(dir.path(), TABLES).unwrap()), 1);
}

#[test]
fn a_newer_build_adds_its_tables_and_keeps_the_others() {
    let dir = tempfile::tempdir().unwrap();
    put_item(&SqliteStore::open(dir.path(), &[ITEMS]).unwrap(), 1).unwrap();
    let store = SqliteStore::open(dir.path(), &[ITEMS, PLAIN, ORDER]).unwrap();
    let row = Row {
        key: Key::empty(),
        indexes: vec![Some(Key::empty())],
        body: Vec::new(),
    };
    store
        .write(&mut |tx| tx.put(ORDER, vec![row.clone()]))
        .unwrap();
    assert_eq!(items(&store), 1);
}

#[test]
fn a_file_of_a_newer_build_is_refused_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(dir.path(), &[ITEMS]).unwrap());
    let file = Connection::open(dir.path().join("lockstep.db")).unwrap();
    file.pragma_update(None, "user_version", 7).unwrap();
    let refused = SqliteStore::open(dir.path(), &[ORDER]);
    let known = u32::try_from(schema::STEPS.len() + 1).unwrap();
    let is_told = |error: &StoreError| matches!(error, StoreError::Newer { found: 7, known: k } if *k == known);
    assert!(refused.as_ref().is_err_and(is_told), "{refused:?}");
    let orders = "select count(*) from sqlite_schema where name = 'order'";
    assert_eq!(
        file.query_row(orders, [], |row| row.get::<_, u32>(0))
            .unwrap(),
        0
    );
}

#[test]
fn steps_take_an_older_file_forward_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    put_item(&store, 1).unwrap();
    let mut file = store.writer.lock().unwrap();
    let more = [
        "update conformance_items set body = body || '1'",
        "update conformance_items set body = body || '2'",
    ];
    let steps = [schema::STEPS, &more].concat();
    schema::prepare(&mut file, TABLES, &steps[..steps.len() - 1]).unwrap();
    schema::prepare(&mut file, TABLES, &steps).unwrap();
    schema::prepare(&mut file, TABLES, &steps).unwrap();
    let body: String = file
        .query_row("select body from conformance_items", [], |row| row.get(0))
        .unwrap();
    assert_eq!(body, "{\"name\":\"Ada\"}12");
}

#[test]
fn a_step_that_fails_leaves_the_file_at_the_version_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    put_item(&store, 1).unwrap();
    let mut file = store.writer.lock().unwrap();
    let half = "delete from conformance_items; insert into nowhere values (1)";
    let steps = [schema::STEPS, &[half]].concat();
    assert!(schema::prepare(&mut file, TABLES, &steps).is_err());
    schema::prepare(&mut file, TABLES, schema::STEPS).unwrap();
    drop(file);
    assert_eq!(items(&store), 1);
}

#[test]
fn a_table_that_got_an_index_without_a_step_is_refused() {
    const MORE: &Table = &Table {
        name: "order",
        indexes: &["by_group", "by_time"],
        layout: Layout::Arrival,
    };
    let dir = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(dir.path(), &[ORDER]).unwrap());
    assert!(SqliteStore::open(dir.path(), &[MORE]).is_err());
}

#[test]
fn a_full_disk_is_named_and_nothing_of_the_transaction_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    put_item(&store, 1).unwrap();
    let limit = |pages: u32| {
        store
            .writer
            .lock()
            .unwrap()
            .pragma_update(None, "max_page_count", pages)
            .unwrap();
    };
    limit(20);
    let large = |number| Row {
        body: vec![b'x'; 100_000],
        ..item(number, "b")
    };
    let full = store.write(&mut |tx| tx.put(ITEMS, (2..10).map(large).collect()));
    assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
    assert_eq!(items(&store), 1);
    let overlooked = store.write(&mut |tx| {
        let _ = tx.put(ITEMS, (2..10).map(large).collect());
        let _ = tx.put(ITEMS, vec![item(11, "c")]);
        Ok(())
    });
    assert!(
        matches!(overlooked, Err(StoreError::Abandoned { .. })),
        "{overlooked:?}"
    );
    assert_eq!(items(&store), 1);
    limit(1_000_000);
    put_item(&store, 2).unwrap();
    assert_eq!(items(&store), 2);
}

/// A store of a few pages.
fn of_five_thousand(dir: &Path) -> SqliteStore {
    let store = SqliteStore::open(dir, TABLES).unwrap();
    store
        .write(&mut |tx| tx.put(ITEMS, (0..5_000).map(|n| item(n, "a")).collect()))
        .unwrap();
    store
}

#[test]
fn a_copy_opens_as_the_store_of_its_moment() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().join("here");
    let store = of_five_thousand(&here);
    let there = dir.path().join("there");
    std::fs::create_dir(&there).unwrap();
    copy(&here, &there.join("lockstep.db")).unwrap();
    put_item(&store, 5_000).unwrap();
    copy(&here, &dir.path().join("again.db")).unwrap();
    let newest = u32::try_from(schema::STEPS.len() + 1).unwrap();
    assert_eq!(check_copy(&there.join("lockstep.db")).unwrap(), newest);
    assert_eq!(items(&SqliteStore::open(&there, TABLES).unwrap()), 5_000);
    assert_eq!(items(&store), 5_001);
}

#[test]
fn of_a_folder_without_a_database_there_is_no_copy() {
    let dir = tempfile::tempdir().unwrap();
    let refused = copy(dir.path(), &dir.path().join("copy.db"));
    assert!(matches!(refused, Err(StoreError::Database { .. })));
    assert!(!dir.path().join("lockstep.db").exists());
}

#[test]
fn a_copy_that_was_damaged_or_cut_short_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().join("here");
    let _store = of_five_thousand(&here);
    let path = dir.path().join("copy.db");
    copy(&here, &path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(check_copy(&path).is_err());
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 4_096].fill(0x5a);
    std::fs::write(&path, &damaged).unwrap();
    assert!(check_copy(&path).is_err());
    std::fs::write(&path, &whole).unwrap();
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 7).unwrap();
    drop(newer);
    let refused = check_copy(&path);
    assert!(matches!(refused, Err(StoreError::Newer { found: 7, .. })));
}

#[test]
fn readers_are_kept_for_the_next_and_not_more_than_a_few() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), TABLES).unwrap();
    fn nest(store: &SqliteStore, depth: usize) {
        store
            .read(&mut |tx| {
                tx.count(ITEMS, None, &Key::empty())?;
                if depth > 0 {
                    nest(store, depth - 1);
                }
                Ok(())
            })
            .unwrap();
    }
    nest(&store, 12);
    assert_eq!(store.readers.lock().unwrap().len(), IDLE_READERS);
}

/// A file of today as it stood at version 2.
const BEFORE_3: &str = r#"drop index "links.by_deleted"; alter table "links" drop column i1;
    drop index "connector_space_objects.by_missing";
    alter table "connector_space_objects" drop column i2; pragma user_version = 2;"#;

#[test]
fn what_an_instruction_says_moves_out_of_its_row_and_what_is_read_out_of_the_job() {
    use crate::records::job::{InstructionRow, InstructionState, Job, Order, ReadSet};
    use crate::{ReadRecords as _, WriteRecords as _, records};
    use lockstep_model::Guid;
    use lockstep_model::ids::{ConfigurationId, InstructionId};

    let dir = tempfile::tempdir().unwrap();
    let id = InstructionId::new(Guid::from_bytes([1; 16]));
    let configuration = ConfigurationId::new(Guid::from_bytes([2; 16]));
    let row = InstructionRow {
        id,
        domain: "corp.test".into(),
        configuration: Some(configuration),
        lease: 3,
        state: InstructionState::Waiting,
        run: String::new(),
        given: 4,
        heard: 4,
        heard_number: 0,
        heard_open: Vec::new(),
    };
    let store = SqliteStore::open(dir.path(), &records::tables()).unwrap();
    store
        .write(&mut |tx| {
            tx.store(std::slice::from_ref(&row))?;
            tx.store(&[Job::new(configuration)])
        })
        .unwrap();
    // As they stood before.
    let before = r#"drop table "orders"; drop table "read_sets"; pragma user_version = 1;
        update "instructions" set body = json_set(body, '$.body', '{"id":"it says \"this\""}');
        update "jobs" set body = json_set(body, '$.read_set', json('{"version":5,"attributes":["mail"],
            "links":["member"],"decision":["cn"]}'), '$.domain', json('{"absent":["pager"]}'));"#;
    let file = store.writer.lock().unwrap();
    file.execute_batch(BEFORE_3).unwrap();
    file.execute_batch(before).unwrap();
    drop(file);
    drop(store);
    let store = SqliteStore::open(dir.path(), &records::tables()).unwrap();
    store
        .read(&mut |tx| {
            assert_eq!(tx.fetch_one::<InstructionRow>(&id)?, Some(row.clone()));
            let order: Option<Order> = tx.fetch_one(&id)?;
            assert_eq!(order.unwrap().body, r#"{"id":"it says \"this\""}"#);
            let expected = ReadSet {
                version: 5,
                attributes: vec!["mail".into()],
                links: vec!["member".into()],
                decision: vec!["cn".into()],
                absent: vec!["pager".into()],
                ..ReadSet::new(configuration)
            };
            assert_eq!(tx.fetch_one(&configuration)?, Some(expected));
            Ok(())
        })
        .unwrap();
    let connection = store.writer.lock().unwrap();
    let version = r#"select body ->> '$.read_set' from "jobs""#;
    let version: u32 = connection.query_row(version, [], |row| row.get(0)).unwrap();
    assert_eq!(version, 5);
}

#[test]
fn of_an_older_file_deleted_links_and_missing_objects_are_found_and_links_to_purged_users_go() {
    use crate::records::connector_space::{LinkRow, Staged};
    use crate::records::directory::DirectoryObject;
    use crate::{ReadRecords as _, WriteRecords as _, records};
    use lockstep_directory::{Kind, Object};
    use lockstep_engine::mapping::MappedKind;
    use lockstep_engine::{Presence, StagedObject, Word};
    use lockstep_model::ids::{ConfigurationId, ObjectId};
    use lockstep_model::{Guid, SourceAnchor, Timestamp};

    let guid = |n: u8| Guid::from_bytes([n; 16]);
    // A GUID with zeros in it is one too.
    let configuration = ConfigurationId::new(Guid::from_bytes([
        0, 7, 0, 0, 1, 2, 3, 4, 5, 6, 0, 8, 9, 10, 11, 0,
    ]));
    let joined = |n: u8, deleted: bool| LinkRow {
        configuration,
        guid: guid(n),
        object: ObjectId::new(guid(n + 100)),
        kind: MappedKind::User,
        anchor: SourceAnchor::from_object_guid(guid(n % 2)),
        deleted,
    };
    let since = Timestamp::from_millis(1_767_225_600_000);
    let missing = |word| Presence::Missing { since, word };
    let staged = |n: u8, presence| {
        let mut object = StagedObject::new(guid(n), 3);
        object.presence = presence;
        Staged {
            configuration,
            object,
        }
    };
    let rows = [
        staged(1, missing(None)),
        staged(2, missing(Some(Word::Gone))),
        staged(3, missing(Some(Word::Stays))),
        staged(4, Presence::Alive { epoch: 1 }),
        staged(5, Presence::Deleted),
    ];
    let kept = DirectoryObject {
        object: Object::new(ObjectId::new(guid(102)), Kind::User, since),
        change: 1,
    };
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), &records::tables()).unwrap();
    store
        .write(&mut |tx| {
            tx.store(&[joined(1, false), joined(2, true), joined(3, true)])?;
            tx.store(std::slice::from_ref(&kept))?;
            tx.store(&rows)
        })
        .unwrap();
    // As it stood before.
    store
        .writer
        .lock()
        .unwrap()
        .execute_batch(BEFORE_3)
        .unwrap();
    drop(store);
    let store = SqliteStore::open(dir.path(), &records::tables()).unwrap();
    store
        .read(&mut |tx| {
            let links: Vec<LinkRow> = tx.list(&Scan::of(Key::empty(), 9))?;
            assert_eq!(links, [joined(1, false), joined(2, true)]);
            let of = Key::empty().with(configuration);
            let deleted: Vec<LinkRow> = tx.list(&Scan::along(LinkRow::BY_DELETED, of, 9))?;
            assert_eq!(deleted, [joined(2, true)]);
            for (word, row) in [None, Some(Word::Gone), Some(Word::Stays)]
                .into_iter()
                .zip(&rows)
            {
                let prefix = Staged::missing(configuration, word);
                let found: Vec<Staged> = tx.list(&Scan::along(Staged::BY_MISSING, prefix, 9))?;
                assert_eq!(found, std::slice::from_ref(row));
            }
            assert_eq!(
                tx.how_many::<Staged>(Some(Staged::BY_MISSING), &Key::empty())?,
                3
            );
            Ok(())
        })
        .unwrap();
}
