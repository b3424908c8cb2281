//! Lines of a log over connections that break.

use crate::deploy::job_log::{Cursor, Replayed};

fn take(cursor: &mut Cursor, lines: &[&str]) -> Vec<String> {
    let mut replayed = Replayed::default();
    let mut new = Vec::new();
    for line in lines {
        new.extend(cursor.take(line.as_bytes(), &mut replayed).map(|text| String::from_utf8_lossy(text).into_owned()));
    }
    new
}

#[test]
fn a_new_connection_brings_only_what_is_new() {
    let mut cursor = Cursor::default();
    let first = ["2026-01-01T00:00:00.100Z a", "2026-01-01T00:00:00.2Z b", "2026-01-01T00:00:00.200000000Z c"];
    assert_eq!(take(&mut cursor, &first), ["a", "b", "c"]);
    // The cluster begins again at the full second; one more line has come of the very same moment.
    let second = [&first[..], &["2026-01-01T00:00:00.2Z d", "2026-01-01T00:00:01Z e"]].concat();
    assert_eq!(take(&mut cursor, &second), ["d", "e"]);
    assert_eq!(take(&mut cursor, &second[3..]), Vec::<String>::new());
}

#[test]
fn lines_that_are_alike_are_all_there() {
    let mut cursor = Cursor::default();
    let lines = ["2026-01-01T00:00:00Z x", "2026-01-01T00:00:00Z x"];
    assert_eq!(take(&mut cursor, &lines), ["x", "x"]);
    assert_eq!(take(&mut cursor, &[&lines[..], &lines[..1]].concat()), ["x"]);
}

#[test]
fn a_line_without_a_moment_is_kept() {
    assert_eq!(
        take(&mut Cursor::default(), &["unable to retrieve container logs"]),
        ["unable to retrieve container logs"]
    );
}
