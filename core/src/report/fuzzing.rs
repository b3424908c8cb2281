//! Reports that nobody wrote, reports that lie, and reports that attack.
//!
//! `PROPTEST_CASES=1000000 cargo test --release -p windlass --lib fuzzing` looks for long.

use proptest::prelude::*;

use super::*;

/// The longest text that is kept: see `MAX_DETAILS` and `MAX_TEXT`.
const LONGEST: usize = 16 << 10;
const MOST_FAILED: usize = 500;

/// A test as a runner could write it.
#[derive(Clone, Debug)]
struct Written {
    class: String,
    name: String,
    outcome: Outcome,
    message: String,
    details: String,
    milliseconds: u64,
    cdata: bool,
    noise: bool,
}

/// What a runner says that is not there: its totals, and attributes of its own.
#[derive(Clone, Debug)]
struct Suite {
    name: String,
    claimed: [u64; 3],
    tests: Vec<Written>,
    inner: Vec<Suite>,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![Outcome::Passed, Outcome::Failed, Outcome::Error, Outcome::Skipped])
}

/// Characters that XML escapes, and others. Without what normalizing attributes changes: line ends and tabs.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z<>&'\"/;#é🦀 .-]{0,20}".prop_map(|text| text.trim().to_owned())
}

fn test() -> impl Strategy<Value = Written> {
    let texts = (text(), text(), text(), text());
    (texts, outcome(), 0..100_000_u64, any::<bool>(), any::<bool>()).prop_map(
        |((class, name, message, details), outcome, milliseconds, cdata, noise)| Written {
            class,
            name,
            outcome,
            message,
            details,
            milliseconds,
            cdata,
            noise,
        },
    )
}

fn suite() -> impl Strategy<Value = Suite> {
    let tests = || prop::collection::vec(test(), 0..4);
    let flat = (text(), any::<[u64; 3]>(), tests()).prop_map(|(name, claimed, tests)| Suite {
        name,
        claimed,
        tests,
        inner: Vec::new(),
    });
    flat.prop_recursive(3, 12, 3, move |inner| {
        (text(), any::<[u64; 3]>(), tests(), prop::collection::vec(inner, 0..3))
            .prop_map(|(name, claimed, tests, inner)| Suite { name, claimed, tests, inner })
    })
}

/// Escaped by hand, apart from the library that reads it.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        match character {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '\'' => escaped += "&#39;",
            '"' => escaped += "&#x22;",
            other => escaped.push(other),
        }
        escaped
    })
}

impl Written {
    fn xml(&self) -> String {
        let word = match self.outcome {
            Outcome::Passed => "",
            Outcome::Failed => "failure",
            Outcome::Error => "error",
            Outcome::Skipped => "skipped",
        };
        let details = match self.cdata {
            true => format!("<![CDATA[{}]]>", self.details),
            false => escaped(&self.details),
        };
        let inner = match word {
            "" => String::new(),
            word => format!("<{word} message=\"{}\">{details}</{word}>", escaped(&self.message)),
        };
        // What a test printed may look like anything, and says nothing of how it ended.
        let noise = if self.noise { "<system-out>x<failure/><testcase/>&#10;</system-out>" } else { "" };
        let (class, name, seconds) = (escaped(&self.class), escaped(&self.name), self.milliseconds as f64 / 1000.0);
        format!("<testcase classname='{class}' name='{name}' time='{seconds}' own:id='7'>{noise}{inner}</testcase>")
    }
}

impl Suite {
    fn xml(&self) -> String {
        let tests: String = self.tests.iter().map(Written::xml).collect();
        let inner: String = self.inner.iter().map(Self::xml).collect();
        let [all, failures, errors] = self.claimed;
        format!(
            "<testsuite name='{}' tests='{all}' failures='{failures}' errors='{errors}'><!-- <testcase> -->{tests}{inner}</testsuite>\n",
            escaped(&self.name)
        )
    }

    /// The tests in the order of the file, each with the suites that have a name.
    fn each<'a>(&'a self, above: &[&'a str], take: &mut impl FnMut(&[&'a str], &'a Written)) {
        let mut path = above.to_vec();
        path.extend(Some(self.name.as_str()).filter(|name| !name.is_empty()));
        self.tests.iter().for_each(|test| take(&path, test));
        self.inner.iter().for_each(|inner| inner.each(&path, take));
    }
}

/// What must be true of whatever was read of so many bytes.
fn assert_sound(report: &TestReport, bytes: usize) {
    assert_eq!(report.tests, report.passed + report.failed + report.errors + report.skipped);
    let bad = usize::try_from(report.failed + report.errors).unwrap();
    assert_eq!(report.failures.len(), bad.min(MOST_FAILED));
    let mut kept = 0;
    for failed in &report.failures {
        assert!(matches!(failed.outcome, Outcome::Failed | Outcome::Error), "{failed:?}");
        // A suite is told again with each of its tests, and not written again.
        let texts = [&failed.class, &failed.name, &failed.message, &failed.details];
        assert!(texts.iter().copied().chain(&failed.suite).chain(&failed.file).all(|text| text.len() <= LONGEST));
        // A message that is missing is taken from the details.
        kept += failed.class.len() + failed.name.len() + failed.details.len();
    }
    // A byte that is no text becomes a character of three.
    assert!(kept <= 3 * bytes, "{kept} bytes out of {bytes}");
    let short = TestSummary::of(report, 1, 0);
    assert!(short.failures.len() <= 20 && short.is_green() == (bad == 0));
}

fn expected(suites: &[Suite]) -> TestReport {
    let mut report = TestReport::default();
    for suite in suites {
        suite.each(&[], &mut |path, test| {
            report.tests += 1;
            report.duration_ms += test.milliseconds;
            *match test.outcome {
                Outcome::Passed => &mut report.passed,
                Outcome::Failed => &mut report.failed,
                Outcome::Error => &mut report.errors,
                Outcome::Skipped => &mut report.skipped,
            } += 1;
            if matches!(test.outcome, Outcome::Failed | Outcome::Error) {
                report.failures.push(FailedTest {
                    suite: path.iter().map(|name| (*name).to_owned()).collect(),
                    class: test.class.clone(),
                    name: test.name.clone(),
                    outcome: test.outcome,
                    message: if test.message.is_empty() { test.details.clone() } else { test.message.clone() },
                    details: test.details.clone(),
                    file: None,
                    line: None,
                });
            }
        });
    }
    report
}

fn document(suites: &[Suite]) -> String {
    let inner: String = suites.iter().map(Suite::xml).collect();
    format!("<?xml version=\"1.0\"?>\n<testsuites tests='7'>{inner}</testsuites>")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_runner_wrote_is_read_and_its_totals_are_not_believed(suites in prop::collection::vec(suite(), 1..4)) {
        let xml = document(&suites);
        let report = junit(xml.as_bytes()).unwrap();
        assert_sound(&report, xml.len());
        prop_assert_eq!(report, expected(&suites));
    }

    #[test]
    fn several_files_add_up_to_one(one in prop::collection::vec(suite(), 1..3), other in prop::collection::vec(suite(), 1..3)) {
        let mut sum = junit(document(&one).as_bytes()).unwrap();
        sum.add(junit(document(&other).as_bytes()).unwrap());
        prop_assert_eq!(sum, expected(&[one, other].concat()));
    }

    #[test]
    fn a_report_that_is_cut_off_is_refused(suites in prop::collection::vec(suite(), 1..3), at in any::<prop::sample::Index>()) {
        let xml = document(&suites);
        let at = at.index(xml.len());
        let error = junit(&xml.as_bytes()[..at]).unwrap_err();
        prop_assert!(error.line <= xml[..xml.floor_char_boundary(at)].lines().count().max(1) + 1, "{}", error);
    }

    #[test]
    fn a_report_with_wrong_bytes_is_sound_or_refused(
        suites in prop::collection::vec(suite(), 1..3),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = document(&suites).into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(report) = junit(&bytes) {
            assert_sound(&report, bytes.len());
        }
    }

    #[test]
    fn anything_that_looks_like_a_report_is_sound_or_refused(
        pieces in proptest::collection::vec(prop_oneof![
            Just("<testsuite name='a'>"), Just("</testsuite>"), Just("<testcase name='t' time='1e400'>"), Just("</testcase>"),
            Just("<failure message='&lt;'>"), Just("</failure>"), Just("<error/>"), Just("<![CDATA[x]]>"), Just("&#x41;"),
            Just("&amp"), Just("<!-- -->"), Just("text"), Just("<?pi?>"), Just("<testcase"), Just("'"), Just(">"),
            Just("<!DOCTYPE x ["), Just("<!ENTITY e 'eeee'>"), Just("]>"), Just("&e;"), Just("&#x110000;"), Just("&#0;"),
        ], 0..40),
    ) {
        let text = pieces.concat();
        if let Ok(report) = junit(text.as_bytes()) {
            assert_sound(&report, text.len());
        }
    }

    #[test]
    fn any_bytes_are_sound_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(report) = junit(&bytes) {
            assert_sound(&report, bytes.len());
        }
    }

    #[test]
    fn entities_of_a_document_never_become_text(
        levels in 1..12_usize,
        width in 1..12_usize,
        system in any::<bool>(),
        in_attribute in any::<bool>(),
    ) {
        let grown = |level: usize| format!("&e{level};").repeat(width);
        let mut types = match system {
            true => "<!ENTITY e0 SYSTEM 'file:///etc/passwd'>".to_owned(),
            false => "<!ENTITY e0 'GROWN'>".to_owned(),
        };
        (1..=levels).for_each(|level| types += &format!("<!ENTITY e{level} '{}'>", grown(level - 1)));
        let inner = match in_attribute {
            true => format!("<testcase name='{}'><failure/></testcase>", grown(levels)),
            false => format!("<testcase name='a'><failure>{}</failure></testcase>", grown(levels)),
        };
        let xml = format!("<!DOCTYPE r [{types}]><testsuite>{inner}</testsuite>");
        prop_assert!(junit(xml.as_bytes()).is_err());
    }

    #[test]
    fn elements_go_so_deep_and_no_deeper(depth in 1..200_usize, element in prop::sample::select(vec!["testsuite", "x", "testcase"])) {
        let inner = format!("<{element}>").repeat(depth) + &format!("</{element}>").repeat(depth);
        let read = junit(format!("<testsuites>{inner}</testsuites>").as_bytes());
        // The outermost one counts.
        prop_assert_eq!(read.is_ok(), depth < 64, "{:?}", read);
    }

    #[test]
    fn long_texts_are_cut_between_characters(length in 0..40_000_usize, character in prop::sample::select(vec!['a', 'é', '🦀'])) {
        let long: String = std::iter::repeat_n(character, length).collect();
        let xml = format!("<testsuite><testcase name='{long}'><failure message='{long}'>{long}</failure></testcase></testsuite>");
        let report = junit(xml.as_bytes()).unwrap();
        assert_sound(&report, xml.len());
        let failed = &report.failures[0];
        for text in [&failed.name, &failed.message, &failed.details] {
            prop_assert!(long.starts_with(text.as_str()));
        }
        prop_assert!(failed.details.len() + 4 > length.min(LONGEST));
    }

    #[test]
    fn remarks_come_from_the_text_and_are_not_too_many(text in ".{0,200}", most in 0..5_usize) {
        let found = annotations(&text, most);
        prop_assert!(found.len() <= most);
        prop_assert!(found.iter().all(|remark| text.contains(&remark.file) && remark.line > 0), "{found:?}");
    }
}
