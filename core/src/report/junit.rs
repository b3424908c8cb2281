//! Reading JUnit's XML: what test runners of all languages write, each in its own dialect.
//!
//! Suites may be nested or missing, totals may be wrong or missing, and attributes that one runner always writes another one
//! has never heard of. Only what every dialect agrees on is relied on: an element `testcase` is one test, and an element
//! `failure`, `error` or `skipped` in it says how it ended. Entities that a document defines itself are refused.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::summary::{FailedTest, MAX_FAILED, Outcome, TestReport};

/// A report that is larger than this is refused.
const MAX_BYTES: usize = 256 << 20;
/// How deep elements may be nested.
const MAX_DEPTH: usize = 64;
/// How much is kept of what a test says about its failure.
const MAX_DETAILS: usize = 16 << 10;
/// How much is kept of names and messages.
const MAX_TEXT: usize = 4 << 10;

/// Why a report cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ReportError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads a report.
///
/// # Errors
/// When it is no XML, no report, cut off, or too large.
pub fn junit(bytes: &[u8]) -> Result<TestReport, ReportError> {
    let at_start = |message: String| ReportError { line: 1, message };
    if bytes.len() > MAX_BYTES {
        return Err(at_start(format!("the file has {} bytes, and reports may have {MAX_BYTES}", bytes.len())));
    }
    // Test runners put whatever a test printed into their reports; a wrong byte in it is no reason to lose the report.
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    let mut reading = Reading::default();
    loop {
        let event = reader.read_event();
        let place = |message: String| {
            let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
            let line = text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1;
            ReportError { line, message }
        };
        match event {
            Ok(Event::Eof) => return reading.end().map_err(place),
            Ok(event) => reading.take(event).map_err(place)?,
            Err(error) => return Err(place(error.to_string())),
        }
    }
}

/// What is known so far.
#[derive(Default)]
struct Reading {
    report: TestReport,
    /// The elements that are open.
    open: Vec<Element>,
    test: Option<Test>,
    /// Whether there was an element of a report.
    seen: bool,
}

/// An open element.
enum Element {
    /// A suite with its name.
    Suite(String),
    Test,
    /// What says how the test ended.
    Outcome,
    Other,
}

/// The test that is being read.
#[derive(Default)]
struct Test {
    class: String,
    name: String,
    file: Option<String>,
    line: Option<u32>,
    duration_ms: u64,
    outcome: Outcome,
    message: String,
    details: String,
}

impl Reading {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(start) => self.start(&start),
            Event::Empty(start) => {
                self.start(&start)?;
                self.close();
                Ok(())
            }
            Event::End(_) => {
                self.close();
                Ok(())
            }
            Event::Text(text) => self.text(&text.into_inner()),
            Event::CData(text) => self.text(&text.into_inner()),
            Event::GeneralRef(reference) => self.reference(&reference),
            _ => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.open.len() == MAX_DEPTH {
            return Err(format!("elements are nested more than {MAX_DEPTH} deep"));
        }
        let name = start.local_name();
        let element = match name.as_ref() {
            "testsuites" => {
                self.seen = true;
                Element::Other
            }
            "testsuite" => {
                self.seen = true;
                Element::Suite(attribute(start, "name")?.unwrap_or_default())
            }
            "testcase" if self.test.is_none() => {
                self.seen = true;
                self.test = Some(Test::read(start)?);
                Element::Test
            }
            "failure" | "rerunFailure" | "error" | "skipped" if matches!(self.open.last(), Some(Element::Test)) => {
                self.outcome(name.as_ref(), start)?
            }
            _ => Element::Other,
        };
        self.open.push(element);
        Ok(())
    }

    fn outcome(&mut self, word: &str, start: &BytesStart<'_>) -> Result<Element, String> {
        let Some(test) = &mut self.test else { return Ok(Element::Other) };
        let outcome = match word {
            "failure" => Outcome::Failed,
            "error" => Outcome::Error,
            "skipped" => Outcome::Skipped,
            // An earlier attempt of a test that passed in the end.
            _ => return Ok(Element::Other),
        };
        // Several failures of one test are one failed test; the first one is told.
        if test.outcome != Outcome::Passed {
            return Ok(Element::Other);
        }
        test.outcome = outcome;
        let message = attribute(start, "message")?.or(attribute(start, "type")?);
        test.message = message.unwrap_or_default();
        Ok(Element::Outcome)
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        if let (Some(Element::Outcome), Some(test)) = (self.open.last(), &mut self.test) {
            let room = MAX_DETAILS.saturating_sub(test.details.len());
            test.details.push_str(cut(text, room));
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), String> {
        if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
            return self.text(character.encode_utf8(&mut [0; 4]));
        }
        let name = reference.clone().into_inner();
        match resolve_predefined_entity(&name) {
            Some(text) => self.text(text),
            None => Err(format!("the entity &{}; is not one of XML's own", cut(&name, 40))),
        }
    }

    fn close(&mut self) {
        if let Some(Element::Test) = self.open.pop()
            && let Some(test) = self.test.take()
        {
            self.report.count(test.outcome, test.duration_ms);
            if matches!(test.outcome, Outcome::Failed | Outcome::Error) && self.report.failures.len() < MAX_FAILED {
                let suite = self.open.iter().filter_map(|element| match element {
                    Element::Suite(name) if !name.is_empty() => Some(name.clone()),
                    _ => None,
                });
                self.report.failures.push(test.failed(suite.collect()));
            }
        }
    }

    fn end(self) -> Result<TestReport, String> {
        if !self.open.is_empty() {
            return Err("the file ends in the middle: the test runner was stopped, or the disk was full".to_owned());
        }
        if !self.seen {
            return Err("this is no JUnit report: there is no `testsuite` in it".to_owned());
        }
        Ok(self.report)
    }
}

impl Test {
    fn read(start: &BytesStart<'_>) -> Result<Self, String> {
        let seconds = attribute(start, "time")?.and_then(|time| time.replace(',', "").parse::<f64>().ok());
        let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0).unwrap_or_default();
        Ok(Self {
            class: attribute(start, "classname")?.unwrap_or_default(),
            name: attribute(start, "name")?.unwrap_or_default(),
            file: attribute(start, "file")?.filter(|file| !file.is_empty()),
            line: attribute(start, "line")?.and_then(|line| line.parse().ok()),
            // Saturates for times that no test takes.
            duration_ms: (seconds * 1000.0).round() as u64,
            ..Self::default()
        })
    }

    fn failed(self, suite: Vec<String>) -> FailedTest {
        let message = match self.message.trim() {
            "" => self.details.trim().lines().next().unwrap_or_default().to_owned(),
            message => message.to_owned(),
        };
        FailedTest {
            suite,
            class: self.class,
            name: self.name,
            outcome: self.outcome,
            message: cut(&message, MAX_TEXT).to_owned(),
            details: self.details.trim_matches('\n').to_owned(),
            file: self.file,
            line: self.line,
        }
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = start.try_get_attribute(name).map_err(|error| error.to_string())?;
    let value = found.map(|found| found.normalized_value(quick_xml::XmlVersion::Implicit1_0)).transpose();
    let value = value.map_err(|error| error.to_string())?;
    Ok(value.map(|value| cut(&value, MAX_TEXT).to_owned()))
}

/// The beginning of a text, at most so many bytes, between characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes.min(text.len()))]
}
