//! The live tree: logs scroll above, the state of all tasks stays below.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::lines::TaskKey;
use super::report::{ReportStyle, report};
use super::reporter::{Reporter, label};
use super::sanitize;
use super::scroll::Scroll;
use super::ui::eprintln_quietly;
use super::view::{RunView, Size};
use crate::engine::{Event, EventKind, RunSummary};
use crate::run::Now;

/// So much is collected at most before it is shown.
const MAX_PENDING: usize = 256 * 1024;

/// Draws the tree, and lets the logs scroll above it.
pub(super) struct TreeReporter {
    bar: ProgressBar,
    scroll: Scroll,
    views: Vec<RunView>,
    style: ReportStyle,
    /// Lines for above the tree.
    pending: Vec<u8>,
    now: Now,
    error: Option<io::Error>,
}

impl TreeReporter {
    pub(super) fn stdout(style: ReportStyle, now: Now) -> Self {
        // One "bar" whose message is the whole tree: indicatif knows how to take it away and draw it again.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout_with_hz(15));
        if let Ok(only_message) = ProgressStyle::with_template("{msg}") {
            bar.set_style(only_message);
        }
        let scroll = Scroll::new(style.paint, false);
        Self { bar, scroll, views: Vec::new(), style, pending: Vec::new(), now, error: None }
    }

    fn draw(&self) {
        let size = size();
        let each = size.lines.saturating_sub(2) / self.views.len().max(1);
        let room = Size { lines: each.max(2), columns: size.columns };
        let lines: Vec<String> =
            self.views.iter().flat_map(|view| view.draw(self.now.wall, room, self.style.paint)).collect();
        self.bar.set_message(lines.join("\n"));
    }

    fn write_pending(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let written = self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(&pending).and_then(|()| out.flush())
        });
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }

    fn remark(&mut self, event: &Event) {
        let EventKind::Log { task, .. } = &event.kind else { return };
        let key: TaskKey = (event.run, task.clone());
        let Some(line) = self.scroll.tails().last(&key) else { return };
        let line = sanitize::line(&line[..line.len().min(400)], false).replace('\t', " ");
        if let Some(view) = self.views.iter_mut().find(|view| view.id == event.run) {
            view.said(task, line);
        }
    }
}

impl Reporter for TreeReporter {
    fn begin(&mut self, run: &RunSummary, several: bool) {
        if several {
            self.scroll.label(run.id, label(&run.pipeline, run.number));
        }
        self.views.push(RunView::of(run));
    }

    fn event(&mut self, event: &Event) {
        self.scroll.push(event, &mut self.pending);
        if let Some(view) = self.views.iter_mut().find(|view| view.id == event.run) {
            view.apply(event);
        }
        self.remark(event);
        if self.pending.len() > MAX_PENDING {
            self.write_pending();
        }
    }

    fn flush(&mut self) {
        self.write_pending();
        self.draw();
    }

    fn shows_time(&self) -> bool {
        true
    }

    fn tick(&mut self, now: Now) {
        self.now = now;
        self.draw();
        self.bar.tick();
    }

    fn note(&mut self, text: &str) {
        self.flush();
        self.bar.suspend(|| eprintln_quietly(text));
    }

    fn end(&mut self, run: &RunSummary) {
        if let Some(at) = self.views.iter().position(|view| view.id == run.id) {
            let size = Size { lines: 200, columns: size().columns };
            let tree = self.views.remove(at).draw(self.now.wall, size, self.style.paint);
            for line in tree.into_iter().chain(report(run, self.scroll.tails(), &self.style)) {
                self.pending.extend_from_slice(line.as_bytes());
                self.pending.push(b'\n');
            }
        }
        self.draw();
        self.write_pending();
    }

    fn finish(mut self: Box<Self>) -> Result<(), String> {
        self.bar.finish_and_clear();
        self.write_pending();
        match self.error {
            Some(error) => Err(format!("the terminal cannot be written: {error}")),
            None => Ok(()),
        }
    }
}

fn size() -> Size {
    let (lines, columns) = console::Term::stdout().size();
    Size { lines: usize::from(lines), columns: usize::from(columns) }
}
