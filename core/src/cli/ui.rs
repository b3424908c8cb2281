//! Where the command's words go: what the terminals are and what the person wants.

use std::io::IsTerminal;

use super::args::{ColorWhen, FollowArgs};
use super::paint::Paint;

/// What is known of the surroundings of the command.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    pub(super) stdout_is_terminal: bool,
    pub(super) stderr_is_terminal: bool,
    pub(super) no_color: bool,
    pub(super) ci: bool,
    pub(super) term: Option<String>,
}

impl Surroundings {
    pub(super) fn look() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            no_color: is_set("NO_COLOR"),
            ci: is_set("CI"),
            term: std::env::var("TERM").ok(),
        }
    }
}

/// How a run is shown while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One event a line.
    Json,
    /// Prefixed lines.
    Plain,
    /// A live tree, with the logs above it.
    Tree,
}

/// How to speak to the person.
#[derive(Clone, Debug)]
pub(super) struct Ui {
    color: ColorWhen,
    surroundings: Surroundings,
}

impl Ui {
    pub(super) fn new(color: ColorWhen, surroundings: Surroundings) -> Self {
        Self { color, surroundings }
    }

    /// Colours of results.
    pub(super) fn paint(&self) -> Paint {
        self.paint_for(self.surroundings.stdout_is_terminal)
    }

    /// Says something beside the results.
    pub(super) fn note(&self, text: impl AsRef<str>) {
        let paint = self.paint_for(self.surroundings.stderr_is_terminal);
        eprintln_quietly(&format!("{} {}", paint.bold("note:"), text.as_ref()));
    }

    /// Says why the command did not do what it was asked.
    pub(super) fn complain(&self, text: impl AsRef<str>) {
        let paint = self.paint_for(self.surroundings.stderr_is_terminal);
        eprintln_quietly(&format!("{} {}", paint.bad("error:"), text.as_ref()));
    }

    fn paint_for(&self, is_terminal: bool) -> Paint {
        let Surroundings { no_color, term, .. } = &self.surroundings;
        Paint::choose(self.color, is_terminal, *no_color, term.as_deref())
    }

    /// The tree needs a terminal that can move its cursor, and a person before it.
    pub(super) fn mode(&self, wanted: FollowArgs) -> Mode {
        let Surroundings { stdout_is_terminal, stderr_is_terminal, ci, term, .. } = &self.surroundings;
        let can_draw = *stdout_is_terminal && *stderr_is_terminal && term.as_deref().is_some_and(|term| term != "dumb");
        match wanted {
            FollowArgs { json: true, .. } => Mode::Json,
            FollowArgs { plain: true, .. } => Mode::Plain,
            _ if can_draw && !ci => Mode::Tree,
            _ => Mode::Plain,
        }
    }
}

/// A line on stderr. When nobody reads it, nothing is wrong.
pub(super) fn eprintln_quietly(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> Surroundings {
        Surroundings {
            stdout_is_terminal: true,
            stderr_is_terminal: true,
            term: Some("xterm-256color".to_owned()),
            ..Surroundings::default()
        }
    }

    fn mode(surroundings: Surroundings, wanted: FollowArgs) -> Mode {
        Ui::new(ColorWhen::Auto, surroundings).mode(wanted)
    }

    #[test]
    fn the_tree_is_for_terminals_that_can_draw_it() {
        let wanted = FollowArgs::default();
        assert_eq!(mode(terminal(), wanted), Mode::Tree);
        assert_eq!(mode(Surroundings { stdout_is_terminal: false, ..terminal() }, wanted), Mode::Plain);
        assert_eq!(mode(Surroundings { stderr_is_terminal: false, ..terminal() }, wanted), Mode::Plain);
        assert_eq!(mode(Surroundings { ci: true, ..terminal() }, wanted), Mode::Plain);
        assert_eq!(mode(Surroundings { term: Some("dumb".to_owned()), ..terminal() }, wanted), Mode::Plain);
        assert_eq!(mode(Surroundings { term: None, ..terminal() }, wanted), Mode::Plain);
    }

    #[test]
    fn the_person_may_want_something_else() {
        assert_eq!(mode(terminal(), FollowArgs { plain: true, json: false }), Mode::Plain);
        assert_eq!(mode(terminal(), FollowArgs { plain: false, json: true }), Mode::Json);
    }
}
