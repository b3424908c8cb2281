//! Who shows a run while it goes on.

use std::io::{self, Write};

use super::output::Output;
use super::report::{ReportStyle, report};
use super::scroll::Scroll;
use super::ui::eprintln_quietly;
use crate::engine::{Event, RunSummary};
use crate::run::{Now, RunId};

/// Shows the events of one run or several.
pub(super) trait Reporter {
    /// What stands before each line of the run; given when several are followed.
    fn label(&mut self, _run: RunId, _label: String) {}

    /// The run as it is now. Only asked for where the passing of time is shown.
    fn begin(&mut self, _run: &RunSummary) {}

    /// The next event.
    fn event(&mut self, event: &Event);

    /// Nothing more is coming for the moment: what has come must be seen.
    fn flush(&mut self);

    /// Whether the passing of time has to be shown; `tick` is called now and then.
    fn shows_time(&self) -> bool {
        false
    }

    /// Shows the passing of time.
    fn tick(&mut self, _now: Now) {}

    /// Something beside the results, for the person.
    fn note(&mut self, text: &str) {
        self.flush();
        eprintln_quietly(text);
    }

    /// Whether `end` is called. Putting a summary together takes a moment.
    fn reports(&self) -> bool {
        true
    }

    /// The run has ended.
    fn end(&mut self, _run: &RunSummary) {}

    /// Everything has been shown. The error says why not all of it was.
    fn finish(self: Box<Self>) -> Result<(), String>;
}

/// One event a line, as JSON.
pub(super) struct JsonReporter<W: Write> {
    out: Output<W>,
    line: Vec<u8>,
}

impl JsonReporter<io::Stdout> {
    pub(super) fn stdout() -> Self {
        Self::new(Output::stdout())
    }
}

impl<W: Write> JsonReporter<W> {
    pub(super) fn new(out: Output<W>) -> Self {
        Self { out, line: Vec::new() }
    }
}

impl<W: Write> Reporter for JsonReporter<W> {
    fn event(&mut self, event: &Event) {
        if !self.out.is_open() {
            return;
        }
        self.line.clear();
        if serde_json::to_writer(&mut self.line, event).is_ok() {
            self.line.push(b'\n');
            self.out.write(&self.line);
        }
    }

    fn flush(&mut self) {
        self.out.flush();
    }

    fn reports(&self) -> bool {
        false
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        self.out.finish()
    }
}

/// Prefixed lines, and a report at the end.
pub(super) struct PlainReporter<W: Write> {
    out: Output<W>,
    scroll: Scroll,
    style: ReportStyle,
    ready: Vec<u8>,
}

impl PlainReporter<io::Stdout> {
    pub(super) fn stdout(style: ReportStyle) -> Self {
        Self::new(Output::stdout(), style)
    }
}

impl<W: Write> PlainReporter<W> {
    pub(super) fn new(out: Output<W>, style: ReportStyle) -> Self {
        Self { out, scroll: Scroll::new(style.paint, true), style, ready: Vec::new() }
    }
}

impl<W: Write> Reporter for PlainReporter<W> {
    fn label(&mut self, run: RunId, label: String) {
        self.scroll.label(run, label);
    }

    fn event(&mut self, event: &Event) {
        self.scroll.push(event, &mut self.ready);
        self.out.write(&self.ready);
        self.ready.clear();
    }

    fn flush(&mut self) {
        self.out.flush();
    }

    fn end(&mut self, run: &RunSummary) {
        for line in report(run, self.scroll.tails(), &self.style) {
            self.out.line(line);
        }
        self.out.flush();
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        self.out.finish()
    }
}
