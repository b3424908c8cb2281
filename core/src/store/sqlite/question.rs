//! Questions whose conditions depend on what is asked for.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, Rows, params_from_iter};

use super::failure::Failure;

/// A SELECT with the conditions that a filter has. Each combination is a text of its own, so that SQLite chooses the index
/// for exactly these conditions.
pub(super) struct Question {
    sql: String,
    values: Vec<Value>,
}

impl Question {
    /// Begins with all but the conditions.
    pub(super) fn new(select: &str) -> Self {
        Self { sql: select.to_owned(), values: Vec::new() }
    }

    /// Adds a condition with one `?` when there is something to compare with.
    pub(super) fn only(mut self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.condition(condition);
            self.values.push(value.into());
        }
        self
    }

    /// Adds where the page begins. Without such a place it begins at one end, and that is said to SQLite as well: a range of
    /// an index is what it walks along.
    pub(super) fn from(self, condition: &str, place: Option<impl Into<Value>>, end: &str) -> Self {
        match place {
            Some(place) => self.only(condition, Some(place)),
            None => {
                let mut whole = self;
                whole.condition(end);
                whole
            }
        }
    }

    /// Adds the order and the length of the page.
    pub(super) fn page(mut self, order: &str, limit: usize) -> Self {
        self.sql += &format!(" ORDER BY {order} LIMIT ?");
        self.values.push(Value::Integer(count(limit)));
        self
    }

    /// Its text.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// Asks it, and gives each row of the answer to `each`.
    pub(super) fn ask<T>(
        self,
        db: &Connection,
        mut each: impl FnMut(&rusqlite::Row<'_>) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let mut statement: CachedStatement<'_> = db.prepare_cached(&self.sql)?;
        let mut rows: Rows<'_> = statement.query(params_from_iter(self.values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(each(row)?);
        }
        Ok(found)
    }

    fn condition(&mut self, condition: &str) {
        self.sql += if self.values.is_empty() && !self.sql.contains(" WHERE ") { " WHERE " } else { " AND " };
        self.sql += condition;
    }
}

/// A number of rows as SQLite has it.
pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A number to compare with, which may be larger than all that are stored.
pub(super) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
