//! What is looked for in logs, as data.

use serde::Deserialize;

use crate::engine::{LogCursor, LogQuery};
use crate::error::Result;
use crate::log::{Query, QueryOptions};

/// What a [`LogQuery`] is made of.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SearchOptions {
    /// What is looked for.
    pub pattern: String,
    /// See [`QueryOptions::regex`].
    pub regex: bool,
    /// See [`QueryOptions::ignore_case`].
    pub ignore_case: bool,
    /// See [`LogQuery::task`].
    pub task: Option<String>,
    /// See [`LogQuery::limit`].
    pub limit: Option<usize>,
    /// See [`LogQuery::after`].
    pub after: Option<LogCursor>,
}

impl SearchOptions {
    /// The query.
    ///
    /// # Errors
    /// `badQuery` for a pattern that cannot be looked for.
    pub fn query(self) -> Result<LogQuery> {
        let options = QueryOptions { regex: self.regex, ignore_case: self.ignore_case };
        let mut query = LogQuery::new(Query::new(&self.pattern, options)?);
        if let Some(task) = self.task {
            query = query.task(task);
        }
        if let Some(limit) = self.limit {
            query = query.limit(limit);
        }
        if let Some(after) = self.after {
            query = query.after(after);
        }
        Ok(query)
    }
}
