//! Random histories: every implementation answers as a naive one does.

use crate::adapters::{InFolder, Layered};
use lockstep_store::conformance::tables::{ITEMS, ORDERED_ITEMS, PLAIN, TABLES};
use lockstep_store::{Key, MemoryStore, Read, Row, Scan, Store, StoreError, Table};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_implementation_answers_as_the_model_does(history in vec(transaction(), 1..12)) {
        let half = history.iter().filter(|transaction| transaction.kept).count() / 2;
        let stores: [Box<dyn Store>; 4] = [
            Box::new(MemoryStore::new(TABLES)),
            Box::new(InFolder::new(TABLES)),
            Box::new(Layered::in_memory(TABLES, half)),
            Box::new(Layered::new(Box::new(InFolder::new(TABLES)), half)),
        ];
        let expected = Model::default().run(&history);
        for store in stores {
            prop_assert_eq!(&run(&*store, &history), &expected, "{:?}", store);
        }
    }
}

#[derive(Clone, Debug)]
struct Transaction {
    steps: Vec<Step>,
    /// Whether the work succeeds.
    kept: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Put(&'static Table, Vec<Row>),
    Delete(&'static Table, Vec<Key>),
    Ask(Question),
}

#[derive(Clone, Debug)]
enum Question {
    Get(&'static Table, Vec<Key>),
    Scan(&'static Table, Scan),
    Count(&'static Table, Option<usize>, Key),
}

/// Few keys, so that prefixes, replacements and equal places come about.
fn small_key() -> impl Strategy<Value = Key> {
    vec(prop_oneof![Just(0_u8), Just(1), Just(0xff)], 0..4).prop_map(Key::from_bytes)
}

fn table() -> impl Strategy<Value = &'static Table> {
    prop_oneof![3 => Just(ITEMS), 2 => Just(ORDERED_ITEMS), 1 => Just(PLAIN)]
}

fn row(table: &'static Table) -> impl Strategy<Value = Row> {
    let indexes = vec(option::weighted(0.7, small_key()), table.indexes.len());
    let body = prop_oneof![
        "[a-c]{0,3}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..3),
    ];
    (small_key(), indexes, body).prop_map(|(key, indexes, body)| Row { key, indexes, body })
}

fn index(table: &'static Table) -> BoxedStrategy<Option<usize>> {
    match table.indexes.len() {
        0 => Just(None).boxed(),
        indexes => option::weighted(0.7, 0..indexes).boxed(),
    }
}

fn scan(table: &'static Table) -> impl Strategy<Value = Scan> {
    let after = option::of((small_key(), small_key()));
    (index(table), small_key(), after, 0..9_usize).prop_map(|(index, prefix, after, limit)| {
        // Along the table itself both parts are the row's key.
        let after = after.map(|(place, key)| match index {
            Some(_) => (place, key),
            None => (key.clone(), key),
        });
        Scan {
            index,
            prefix,
            after,
            limit,
        }
    })
}

fn question() -> impl Strategy<Value = Question> {
    table().prop_flat_map(|table| {
        prop_oneof![
            vec(small_key(), 0..5).prop_map(move |keys| Question::Get(table, keys)),
            scan(table).prop_map(move |scan| Question::Scan(table, scan)),
            (index(table), small_key())
                .prop_map(move |(index, prefix)| Question::Count(table, index, prefix)),
        ]
    })
}

fn step() -> impl Strategy<Value = Step> {
    let put = table()
        .prop_flat_map(|table| vec(row(table), 0..6).prop_map(move |rows| Step::Put(table, rows)));
    let delete = table().prop_flat_map(|table| {
        vec(small_key(), 0..5).prop_map(move |keys| Step::Delete(table, keys))
    });
    prop_oneof![3 => put, 1 => delete, 4 => question().prop_map(Step::Ask)]
}

fn transaction() -> impl Strategy<Value = Transaction> {
    (vec(step(), 0..8), prop::bool::weighted(0.8))
        .prop_map(|(steps, kept)| Transaction { steps, kept })
}

/// What was answered within the transactions, and what is there after each.
type Answers = Vec<Vec<Option<Row>>>;

fn run(store: &dyn Store, history: &[Transaction]) -> Answers {
    let mut answers = Vec::new();
    for transaction in history {
        let result = store.write(&mut |tx| {
            for step in &transaction.steps {
                match step {
                    Step::Put(table, rows) => tx.put(table, rows.clone())?,
                    Step::Delete(table, keys) => tx.delete(table, keys)?,
                    Step::Ask(question) => answers.push(ask(tx, question)?),
                }
            }
            match transaction.kept {
                true => Ok(()),
                false => Err(StoreError::Abandoned {
                    source: "given up".into(),
                }),
            }
        });
        assert_eq!(result.is_ok(), transaction.kept, "{result:?}");
        store
            .read(&mut |tx| {
                for question in everything() {
                    answers.push(ask(tx, &question)?);
                }
                Ok(())
            })
            .unwrap();
    }
    answers
}

fn ask(tx: &mut (impl Read + ?Sized), question: &Question) -> Result<Vec<Option<Row>>, StoreError> {
    match question {
        Question::Get(table, keys) => tx.get(table, keys),
        Question::Scan(table, scan) => Ok(tx.scan(table, scan)?.into_iter().map(Some).collect()),
        Question::Count(table, index, prefix) => Ok(counted(tx.count(table, *index, prefix)?)),
    }
}

/// A number as an answer.
fn counted(count: u64) -> Vec<Option<Row>> {
    vec![Some(Row {
        body: count.to_string().into(),
        ..Row::default()
    })]
}

fn everything() -> Vec<Question> {
    let along = [None, Some(0), Some(1), Some(2)];
    let scans = along.map(|index| {
        Question::Scan(
            ITEMS,
            Scan {
                index,
                prefix: Key::empty(),
                after: None,
                limit: 1000,
            },
        )
    });
    let plain = Question::Scan(PLAIN, Scan::of(Key::empty(), 1000));
    scans.into_iter().chain([plain]).collect()
}

/// The contract, in the fewest words: rows in a list, filtered and sorted for every question.
#[derive(Clone, Debug, Default)]
struct Model(Vec<(&'static str, Row)>);

impl Model {
    fn run(mut self, history: &[Transaction]) -> Answers {
        let mut answers = Vec::new();
        for transaction in history {
            let before = self.clone();
            for step in &transaction.steps {
                match step {
                    Step::Put(table, rows) => rows.iter().for_each(|row| self.put(table, row)),
                    Step::Delete(table, keys) => {
                        keys.iter().for_each(|key| self.delete(table, key));
                    }
                    Step::Ask(question) => answers.push(self.answer(question)),
                }
            }
            if !transaction.kept {
                self = before;
            }
            answers.extend(everything().iter().map(|question| self.answer(question)));
        }
        answers
    }

    fn put(&mut self, table: &'static Table, row: &Row) {
        self.delete(table, &row.key);
        self.0.push((table.name, row.clone()));
    }

    fn delete(&mut self, table: &'static Table, key: &Key) {
        self.0
            .retain(|(name, row)| *name != table.name || row.key != *key);
    }

    fn answer(&self, question: &Question) -> Vec<Option<Row>> {
        match question {
            Question::Get(table, keys) => {
                let rows = self.in_order(table, None);
                keys.iter()
                    .map(|key| rows.iter().find(|(_, row)| row.key == *key))
                    .map(|found| found.map(|(_, row)| row.clone()))
                    .collect()
            }
            Question::Scan(table, scan) => {
                let rows = self.in_order(table, scan.index).into_iter();
                rows.filter(|(place, _)| place.starts_with(&scan.prefix))
                    .filter(|(place, row)| {
                        scan.after
                            .as_ref()
                            .is_none_or(|after| (place, &row.key) > (&after.0, &after.1))
                    })
                    .take(scan.limit)
                    .map(|(_, row)| Some(row))
                    .collect()
            }
            Question::Count(table, index, prefix) => {
                let rows = self.in_order(table, *index).into_iter();
                counted(rows.filter(|(place, _)| place.starts_with(prefix)).count() as u64)
            }
        }
    }

    fn in_order(&self, table: &'static Table, index: Option<usize>) -> Vec<(Key, Row)> {
        let here = self.0.iter().filter(|(name, _)| *name == table.name);
        let place = |row: &Row| match index {
            None => Some(row.key.clone()),
            Some(index) => row.indexes[index].clone(),
        };
        let mut rows: Vec<_> = here
            .filter_map(|(_, row)| Some((place(row)?, row.clone())))
            .collect();
        rows.sort_by(|a, b| (&a.0, &a.1.key).cmp(&(&b.0, &b.1.key)));
        rows
    }
}
