//! Test reports and remarks out of the workspace. One that cannot be read is a line in the log, and never fails a task.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::workspace::{Workspace, hold};
use super::{FilingJob, Lines};
use crate::blob::{Globs, PackError, each_file, report_object};
use crate::engine::masking::masked;
use crate::engine::message::Message;
use crate::explain;
use crate::failpoint;
use crate::report::{Annotation, TestReport, TestSummary, annotations, junit};
use crate::run::{AttemptEnd, Filing};

/// A file that is larger is not read.
const MAX_FILE: u64 = 32 << 20;
/// More files are not read.
const MAX_FILES: u64 = 20_000;
/// So many complaints are told one by one.
const MAX_COMPLAINTS: usize = 5;
/// So many remarks are kept of an attempt.
const MAX_REMARKS: usize = 100;
/// The longest text of a remark, in characters.
const MAX_REMARK: usize = 300;

/// The end of an attempt, in the words of its tests where its exit code says nothing more.
pub(super) fn explained(end: AttemptEnd, tests: &TestSummary) -> AttemptEnd {
    match end {
        AttemptEnd::Failed { exit_code, cause } => {
            AttemptEnd::Failed { exit_code, cause: explain::tests_failed(tests, cause) }
        }
        end => end,
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reading {
    report: TestReport,
    remarks: Vec<Annotation>,
    more_remarks: u64,
    files: u64,
    unreadable: u64,
    complaints: Vec<String>,
}

/// What a file is.
#[derive(Clone, Copy, Debug)]
enum Form {
    Junit,
    Annotations,
}

impl Reading {
    fn take(&mut self, form: Form, name: &str, size: u64, content: &mut dyn io::Read) -> Result<(), PackError> {
        if self.files == MAX_FILES {
            return Ok(());
        }
        self.files += 1;
        if size > MAX_FILE {
            self.complain(format!("{name} has {size} bytes, and reports may have {MAX_FILE}"));
            return Ok(());
        }
        let mut bytes = Vec::new();
        content.take(MAX_FILE).read_to_end(&mut bytes)?;
        match form {
            Form::Junit => match junit(&bytes) {
                Ok(report) => self.report.add(report),
                Err(error) => self.complain(format!("{name}, {error}")),
            },
            Form::Annotations => {
                let found = annotations(&String::from_utf8_lossy(&bytes), usize::MAX);
                let room = MAX_REMARKS - self.remarks.len();
                self.more_remarks += found.len().saturating_sub(room) as u64;
                self.remarks.extend(found.into_iter().take(room).map(shortened));
            }
        }
        Ok(())
    }

    fn complain(&mut self, what: String) {
        self.unreadable += 1;
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(what);
        }
    }
}

impl Reading {
    fn complaints_in_words(&self, failed: Option<String>, globs: &Globs) -> Vec<String> {
        let mut lines: Vec<String> = self.complaints.iter().map(|what| format!("report not read: {what}")).collect();
        let more = self.unreadable - self.complaints.len() as u64;
        if more > 0 {
            lines.push(format!("reports not read: {more} more"));
        }
        lines.extend(match failed {
            Some(why) => Some(format!("reports not read: {why}")),
            None if self.files == 0 => Some(format!("there is no report: no file matches {}", globs.text())),
            None if self.files == MAX_FILES => {
                Some(format!("{MAX_FILES} reports were read, and others were not looked at"))
            }
            None => None,
        });
        lines
    }
}

impl FilingJob {
    /// Reads what the task names, tells the run, and returns what the tests said.
    pub(super) async fn read_reports(
        &self,
        workspace: &Workspace<'_>,
        sender: &mpsc::Sender<Message>,
        notes: &Lines,
    ) -> Option<TestSummary> {
        if let Some(globs) = &self.wanted.annotations {
            let reading = self.gather(Form::Annotations, globs, workspace, notes).await;
            if !reading.remarks.is_empty() {
                let (annotations, more) = (reading.remarks, reading.more_remarks);
                self.tell(sender, Filing::AnnotationsReported { annotations, more }).await;
            }
        }
        let reading = self.gather(Form::Junit, self.wanted.junit.as_ref()?, workspace, notes).await;
        if reading.files == 0 {
            return None;
        }
        let mut tests = TestSummary::of(&reading.report, reading.files - reading.unreadable, reading.unreadable);
        if tests.is_shorter_than(&reading.report) {
            tests.object = self.keep_whole(&reading.report, notes).await;
        }
        let line = tests.in_words().unwrap_or_else(|| format!("{} tests, none failed", tests.tests));
        notes.note(format!("test reports: {line}"));
        self.tell(sender, Filing::TestsReported(tests.clone())).await;
        Some(tests)
    }

    async fn gather(&self, form: Form, globs: &Globs, workspace: &Workspace<'_>, notes: &Lines) -> Reading {
        let reading = Arc::new(Mutex::new(Reading::default()));
        let mut failed = None;
        for root in globs.roots() {
            let taken = globs.clone();
            let read = workspace.read(root, "reading reports", &reading, move |reading, tar, place| {
                let take = |name: &Path, size, content: &mut dyn io::Read| {
                    reading.take(form, &name.to_string_lossy(), size, content)
                };
                each_file(tar, place, |name| taken.take(name), take)
            });
            if let Err(error) = read.await {
                failed = Some(error.explained().cause.message);
            }
        }
        let mut reading = std::mem::take(&mut *hold(&reading));
        if self.masks.count() > 0 {
            reading.report.change_texts(|text| masked(&self.masks, text));
            for remark in &mut reading.remarks {
                (remark.file, remark.message) =
                    (masked(&self.masks, &remark.file), masked(&self.masks, &remark.message));
            }
        }
        for line in reading.complaints_in_words(failed, globs) {
            notes.note(line);
        }
        reading
    }

    /// Stores the whole report, of which an event has only the beginning.
    async fn keep_whole(&self, report: &TestReport, notes: &Lines) -> Option<String> {
        let object = report_object(&self.key);
        let bytes = serde_json::to_vec(report).ok()?;
        match self.core.archive.blobs.put_bytes(&object, bytes.into()).await {
            Ok(()) => {
                failpoint::crash("report.stored");
                Some(object)
            }
            Err(error) => {
                notes.note(format!("test reports: only the beginning is kept: {error}"));
                None
            }
        }
    }
}

fn shortened(mut remark: Annotation) -> Annotation {
    for text in [&mut remark.file, &mut remark.message] {
        if let Some((at, _)) = text.char_indices().nth(MAX_REMARK) {
            text.truncate(at);
            text.push('…');
        }
    }
    remark
}
