//! Colours, where they are wanted.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

use super::args::ColorWhen;
use crate::run::TaskStatus;

/// Paints, or leaves the text as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    /// By the option, the environment and what the text goes to.
    pub(super) fn choose(when: ColorWhen, is_terminal: bool, no_color: bool, term: Option<&str>) -> Self {
        let on = match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => is_terminal && !no_color && term.is_some_and(|term| term != "dumb"),
        };
        Self { on }
    }

    /// Never paints.
    #[cfg(test)]
    pub(super) fn off() -> Self {
        Self { on: false }
    }

    /// Whether colours are used, also those in the logs of steps.
    pub(super) fn is_on(self) -> bool {
        self.on
    }

    pub(super) fn bold(self, text: impl Display) -> String {
        self.apply(Style::new().bold(), text)
    }

    pub(super) fn dim(self, text: impl Display) -> String {
        self.apply(Style::new().dimmed(), text)
    }

    pub(super) fn bad(self, text: impl Display) -> String {
        self.apply(AnsiColor::Red.on_default(), text)
    }

    pub(super) fn advice(self, text: impl Display) -> String {
        self.apply(AnsiColor::Cyan.on_default(), text)
    }

    /// In the colour of a task's state.
    pub(super) fn status(self, status: TaskStatus, text: impl Display) -> String {
        let style = match status {
            TaskStatus::Succeeded => AnsiColor::Green.on_default(),
            TaskStatus::Failed | TaskStatus::TimedOut | TaskStatus::Lost => AnsiColor::Red.on_default(),
            TaskStatus::Cancelled | TaskStatus::Waiting => AnsiColor::Yellow.on_default(),
            TaskStatus::Running => AnsiColor::Cyan.on_default(),
            TaskStatus::Pending | TaskStatus::Skipped => Style::new().dimmed(),
        };
        self.apply(style, text)
    }

    fn apply(self, style: Style, text: impl Display) -> String {
        let text = text.to_string();
        if self.on && !text.is_empty() { format!("{style}{text}{style:#}") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_and_no_objection() {
        let auto = |terminal, no_color, term| Paint::choose(ColorWhen::Auto, terminal, no_color, term).is_on();
        assert!(auto(true, false, Some("xterm")));
        assert!(!auto(false, false, Some("xterm")));
        assert!(!auto(true, true, Some("xterm")));
        assert!(!auto(true, false, Some("dumb")));
        assert!(!auto(true, false, None));
        assert!(Paint::choose(ColorWhen::Always, false, true, None).is_on());
        assert!(!Paint::choose(ColorWhen::Never, true, false, Some("xterm")).is_on());
    }

    #[test]
    fn paint_that_is_off_changes_nothing() {
        assert_eq!(Paint::off().bad("text"), "text");
    }
}
