//! What is said to SQLite.
//!
//! A table has the columns `key`, `i0`, `i1`… for its place in each index, and `body`. Every name comes
//! from a [`Table`], which is compiled in; values are always bound.

use crate::{Key, Layout, Scan, Table};
use std::fmt::Write as _;

/// A statement and the values for its parameters, the limit of a scan excepted.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Statement<'a> {
    pub(super) sql: String,
    pub(super) values: Vec<Bound<'a>>,
}

/// A value for a parameter.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Bound<'a> {
    Given(&'a Key),
    Made(Key),
}

impl Bound<'_> {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Given(key) => key.as_bytes(),
            Self::Made(key) => key.as_bytes(),
        }
    }
}

/// Makes a table and its indexes, unless they are there.
///
/// With [`Layout::Arrival`] the order of keys is an index like the others: keys come in no order, and a table
/// kept by key would move bodies about for each. With [`Layout::Key`] the table is that index. Rows that are
/// not in an index take no room in it.
pub(super) fn create(table: &Table) -> String {
    let name = table.name;
    let mut sql = format!("create table if not exists \"{name}\" (key blob not null primary key, ");
    for index in 0..table.indexes.len() {
        let _ = write!(sql, "i{index} blob, ");
    }
    sql.push_str(match table.layout {
        Layout::Arrival => "body not null);\n",
        Layout::Key => "body not null) without rowid;\n",
    });
    for (index, index_name) in table.indexes.iter().enumerate() {
        let _ = writeln!(
            sql,
            "create index if not exists \"{name}.{index_name}\" on \"{name}\" (i{index}, key) \
             where i{index} is not null;"
        );
    }
    sql
}

/// Reads the row with one key.
pub(super) fn get(table: &Table) -> String {
    format!(
        "select {} from \"{}\" where key = ?",
        columns(table),
        table.name
    )
}

/// Stores one row. An index whose place stays is not touched.
pub(super) fn put(table: &Table) -> String {
    let columns = columns(table);
    let parameters = vec!["?"; table.indexes.len() + 2].join(", ");
    let mut sql = format!(
        "insert into \"{}\" ({columns}) values ({parameters}) on conflict (key) do update set body = excluded.body",
        table.name
    );
    for index in 0..table.indexes.len() {
        let _ = write!(sql, ", i{index} = excluded.i{index}");
    }
    sql
}

/// Removes the row with one key.
pub(super) fn delete(table: &Table) -> String {
    format!("delete from \"{}\" where key = ?", table.name)
}

/// Reads a stretch of rows; the last parameter is the limit.
pub(super) fn scan<'a>(table: &Table, scan: &'a Scan) -> Statement<'a> {
    let condition = Condition::new(scan.index, &scan.prefix, scan.after.as_ref());
    let order = match scan.index {
        Some(index) => format!("i{index}, key"),
        None => "key".to_owned(),
    };
    let (columns, from) = (columns(table), from(table, scan.index));
    let sql = format!(
        "select {columns} from {from}{} order by {order} limit ?",
        condition.sql
    );
    Statement {
        sql,
        values: condition.values,
    }
}

/// Counts the rows of a scan without limit.
pub(super) fn count<'a>(table: &Table, index: Option<usize>, prefix: &'a Key) -> Statement<'a> {
    let condition = Condition::new(index, prefix, None);
    let sql = format!(
        "select count(*) from {}{}",
        from(table, index),
        condition.sql
    );
    Statement {
        sql,
        values: condition.values,
    }
}

/// `key, i0, i1, body`
fn columns(table: &Table) -> String {
    let mut columns = "key, ".to_owned();
    for index in 0..table.indexes.len() {
        let _ = write!(columns, "i{index}, ");
    }
    columns + "body"
}

/// The table, with the index that must be used: a scan that could not go along it fails at once,
/// instead of becoming slow when the table has grown.
///
/// The names of indexes are those of one name space. The point keeps an index `c` of a table `a_b` apart
/// from an index `b_c` of a table `a`. The index of the keys is named by SQLite.
fn from(table: &Table, index: Option<usize>) -> String {
    match index.and_then(|index| table.indexes.get(index)) {
        Some(index) => format!("\"{0}\" indexed by \"{0}.{index}\"", table.name),
        None if table.layout == Layout::Key => format!("\"{}\" not indexed", table.name),
        None => format!("\"{0}\" indexed by \"sqlite_autoindex_{0}_1\"", table.name),
    }
}

/// The `where` of a scan: one lower bound, one upper bound.
struct Condition<'a> {
    sql: String,
    values: Vec<Bound<'a>>,
}

impl<'a> Condition<'a> {
    fn new(index: Option<usize>, prefix: &'a Key, after: Option<&'a (Key, Key)>) -> Self {
        let mut condition = Self {
            sql: String::new(),
            values: Vec::new(),
        };
        let column = index.map_or_else(|| "key".to_owned(), |index| format!("i{index}"));
        if index.is_some() {
            // Already said by any bound; without one it is what admits the partial index.
            condition.add(&format!("{column} is not null"), []);
        }
        match (after, index) {
            (Some((place, key)), Some(_)) if place >= prefix => {
                let behind = format!("({column}, key) > (?, ?)");
                condition.add(&behind, [Bound::Given(place), Bound::Given(key)]);
            }
            (Some((_, key)), None) if key >= prefix => {
                condition.add("key > ?", [Bound::Given(key)]);
            }
            _ if prefix.as_bytes().is_empty() => (),
            _ => condition.add(&format!("{column} >= ?"), [Bound::Given(prefix)]),
        }
        if let Some(end) = prefix.successor() {
            condition.add(&format!("{column} < ?"), [Bound::Made(end)]);
        }
        condition
    }

    fn add<const N: usize>(&mut self, term: &str, values: [Bound<'a>; N]) {
        self.sql.push_str(if self.sql.is_empty() {
            " where "
        } else {
            " and "
        });
        self.sql.push_str(term);
        self.values.extend(values);
    }
}
