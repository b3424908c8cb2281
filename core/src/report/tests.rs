use super::*;

fn read(text: &str) -> TestReport {
    junit(text.as_bytes()).unwrap()
}

#[test]
fn a_report_of_pytest() {
    let report = read(
        r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="99" time="0.061" hostname="ci">
<testcase classname="tests.test_roman" name="test_four" time="0.001" />
<testcase classname="tests.test_roman" name="test_nine[IX]" time="0.0125"><failure message="assert 'VIIII' == 'IX'&#10;  - IX">def test_nine():
&gt;       assert roman(9) == "IX"
E       AssertionError</failure></testcase>
<testcase classname="tests.test_io" name="test_file" time="0"><error message="failed on setup">FileNotFoundError</error></testcase>
<testcase classname="tests.test_io" name="test_slow" time="0.000"><skipped type="pytest.skip" message="slow" /></testcase>
</testsuite></testsuites>"#,
    );
    assert_eq!((report.tests, report.passed, report.failed, report.errors, report.skipped), (4, 1, 1, 1, 1));
    assert_eq!(report.duration_ms, 14);
    assert!(!report.is_green());
    let failed = &report.failures[0];
    assert_eq!((failed.class.as_str(), failed.name.as_str()), ("tests.test_roman", "test_nine[IX]"));
    assert_eq!(failed.suite, ["pytest"]);
    assert!(failed.message.starts_with("assert 'VIIII' == 'IX'"), "{}", failed.message);
    assert!(failed.details.contains("> ") && failed.details.ends_with("E       AssertionError"), "{}", failed.details);
    assert_eq!(report.failures[1].outcome, Outcome::Error);
}

#[test]
fn a_report_with_nested_suites_and_without_names() {
    let report = read(
        "<testsuite name='out'><testsuite name='in'><testcase name='a' file='a.test.ts' line='7'><failure><![CDATA[expected 1 < 2 & 3]]></failure></testcase></testsuite>\
         <testcase><system-out>x<failure/></system-out></testcase></testsuite>",
    );
    assert_eq!((report.tests, report.failed, report.passed), (2, 1, 1));
    let failed = &report.failures[0];
    assert_eq!(failed.suite, ["out", "in"]);
    assert_eq!((failed.file.as_deref(), failed.line), (Some("a.test.ts"), Some(7)));
    assert_eq!(failed.message, "expected 1 < 2 & 3");
}

#[test]
fn a_test_that_passed_in_the_end_has_passed() {
    let report =
        read("<testsuite><testcase name='flaky'><rerunFailure message='first'>x</rerunFailure></testcase></testsuite>");
    assert_eq!((report.passed, report.failed), (1, 0));
}

#[test]
fn a_report_with_bytes_that_are_no_text() {
    let mut bytes = b"<testsuite><testcase name='a'><failure>".to_vec();
    bytes.extend([0xff, 0xfe, 0x1b]);
    bytes.extend(b"</failure></testcase></testsuite>");
    assert_eq!(junit(&bytes).unwrap().failed, 1);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, line, said) in [
        ("", 1, "no JUnit report"),
        ("{\"tests\": 1}", 1, "no JUnit report"),
        ("<html><body/></html>", 1, "no JUnit report"),
        ("<testsuite>\n<testcase name='a'>\n", 3, "ends in the middle"),
        ("<testsuite>\n</testcase></testsuite>", 2, "testcase"),
        ("<testsuite>\n<testcase name='a'><failure>&boom;</failure></testcase></testsuite>", 2, "&boom;"),
    ] {
        let error = junit(text.as_bytes()).unwrap_err();
        assert!(error.message.contains(said), "{text:?}: {error}");
        assert_eq!(error.line, line, "{text:?}: {error}");
    }
}

#[test]
fn entities_that_grow_are_refused() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>\
                <testsuite><testcase name='&b;'/></testsuite>";
    assert!(junit(bomb.as_bytes()).is_err());
    let deep = "<testsuite>".repeat(1000);
    assert!(junit(deep.as_bytes()).unwrap_err().message.contains("nested"));
}

#[test]
fn many_failures_are_counted_and_the_first_ones_named() {
    let test = "<testcase name='t'><failure message='no'/></testcase>";
    let one = read(&format!("<testsuite>{}</testsuite>", test.repeat(400)));
    let mut all = one.clone();
    all.add(one);
    assert_eq!((all.failed, all.failures.len()), (800, 500));
}

#[test]
fn remarks_are_found_among_other_lines() {
    let found = annotations(
        "compiling\nsrc/main.rs:12:5: error[E0308]: mismatched types\nC:\\a\\b.c:3: warning: unused\n\
         README.md:40: note: broken link: see there\nnot:a:place\nat 12:30: error: no file is called so\n:1: error: x\n",
        10,
    );
    let short = |a: &Annotation| (a.file.clone(), a.line, a.column, a.level, a.message.clone());
    assert_eq!(
        found.iter().take(3).map(short).collect::<Vec<_>>(),
        [
            ("src/main.rs".to_owned(), 12, Some(5), AnnotationLevel::Error, "mismatched types".to_owned()),
            ("C:\\a\\b.c".to_owned(), 3, None, AnnotationLevel::Warning, "unused".to_owned()),
            ("README.md".to_owned(), 40, None, AnnotationLevel::Note, "broken link: see there".to_owned()),
        ]
    );
}
