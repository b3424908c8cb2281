//! What tests said, for a person.

use super::paint::Paint;
use super::text;
use crate::report::{FailedTest, Outcome, TestSummary};
use crate::run::TaskStatus;

/// `tests: 210, 3 failed, 2 skipped, in 1.2s`.
pub(super) fn totals(tests: &TestSummary) -> String {
    let parts = [(tests.failed, "failed"), (tests.errors, "with errors"), (tests.skipped, "skipped")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!(", {number} {word}"));
    let time = text::duration(tests.duration_ms);
    let unread = match tests.unreadable {
        0 => String::new(),
        number => format!("; {number} reports could not be read"),
    };
    format!("tests: {}{}, in {time}{unread}", tests.tests, parts.collect::<String>())
}

/// The failed tests, at most so many, each in a line; and how many more there are.
pub(super) fn failures(tests: &TestSummary, most: usize, paint: Paint) -> Vec<String> {
    let told: Vec<&FailedTest> = tests.failures.iter().take(most).collect();
    let mut lines: Vec<String> = told.iter().map(|test| failure(test, paint)).collect();
    let more = (tests.failed + tests.errors).saturating_sub(told.len() as u64);
    if more > 0 && !told.is_empty() {
        lines.push(format!("… and {more} more"));
    }
    lines
}

fn failure(test: &FailedTest, paint: Paint) -> String {
    let sign = paint.status(TaskStatus::Failed, text::symbol(TaskStatus::Failed));
    let title = text::one_line(&test.title());
    let message = match (text::one_line(test.message.trim()), test.outcome) {
        (message, _) if !message.is_empty() => format!(": {message}"),
        (_, Outcome::Error) => ": it could not be carried out".to_owned(),
        _ => String::new(),
    };
    let place = match (&test.file, test.line) {
        (Some(file), Some(line)) => format!(" ({}:{line})", text::one_line(file)),
        (Some(file), None) => format!(" ({})", text::one_line(file)),
        (None, _) => String::new(),
    };
    format!("{sign} {title}{message}{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_lines_whatever_is_in_them() {
        let xml = "<testsuite><testcase classname='Cart' name='adds' time='1.2'/><testcase name='a&#10;b' file='a.js' line='7'>\
                   <failure message='&#27;[31mno&#10;way'/></testcase><testcase name='c'><error/></testcase><testcase name='d'>\
                   <skipped/></testcase><testcase name='e'><failure/></testcase></testsuite>";
        let summary = TestSummary::of(&crate::report::junit(xml.as_bytes()).unwrap(), 1, 1);
        let totals = totals(&summary);
        let expected = "tests: 5, 2 failed, 1 with errors, 1 skipped, in 1.2s; 1 reports could not be read";
        assert_eq!(totals, expected);
        let lines = failures(&summary, 2, Paint::off());
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("✗ a b: ") && lines[0].ends_with(" (a.js:7)"), "{lines:?}");
        assert!(lines.iter().all(|line| !line.contains(['\n', '\u{1b}'])), "{lines:?}");
        assert_eq!(lines[1..], ["✗ c: it could not be carried out", "… and 1 more"]);
    }
}
