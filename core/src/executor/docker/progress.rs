//! Pulls and pushes in a log: a line when something changes, and none for each kilobyte.

use std::collections::HashMap;

/// What was said last about each layer.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    last: HashMap<String, String>,
}

impl Progress {
    /// The line for the log; nothing when it was said already.
    pub(crate) fn line(&mut self, id: Option<&str>, status: Option<&str>) -> Option<String> {
        let status = status.filter(|status| !status.is_empty())?;
        let Some(id) = id else { return Some(format!("{status}\n")) };
        if self.last.insert(id.to_owned(), status.to_owned()).as_deref() == Some(status) {
            return None;
        }
        Some(format!("{id}: {status}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn a_layer_is_named_when_its_state_changes() {
        let mut progress = Progress::default();
        assert_eq!(progress.line(Some("a1"), Some("Pushing")).as_deref(), Some("a1: Pushing\n"));
        assert_eq!(progress.line(Some("a1"), Some("Pushing")), None);
        assert_eq!(progress.line(Some("b2"), Some("Pushing")).as_deref(), Some("b2: Pushing\n"));
        assert_eq!(progress.line(Some("a1"), Some("Pushed")).as_deref(), Some("a1: Pushed\n"));
        assert_eq!(progress.line(None, Some("done")).as_deref(), Some("done\n"));
        assert_eq!(progress.line(None, Some("")), None);
    }
}
