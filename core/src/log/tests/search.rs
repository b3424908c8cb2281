//! What a search finds, beside one that holds the whole log and looks at one line after another.

use proptest::prelude::*;
use regex::bytes::RegexBuilder;

use super::{at, key, store, write};
use crate::log::scan::{Scanner, Window};
use crate::log::{BadQuery, LineMatch, LogLimits, LogPosition, LogStore, NoMask, Query, QueryOptions};

fn text(pattern: &str) -> Query {
    Query::new(pattern, QueryOptions::default()).unwrap()
}

fn regex(pattern: &str) -> Query {
    Query::new(pattern, QueryOptions { regex: true, ignore_case: false }).unwrap()
}

fn search(store: &LogStore, query: &Query) -> Vec<LineMatch> {
    store.search(&key(), query, 0..u64::MAX, usize::MAX).unwrap()
}

/// Number of the line, offset of the match, its length.
type Place = (u64, u64, u64);

fn places(found: &[LineMatch]) -> Vec<Place> {
    found.iter().map(|found| (found.line, found.offset, found.length)).collect()
}

/// Every line by itself, with a pattern that was made for one line.
fn naive(log: &[u8], pattern: &str, options: QueryOptions, from: u64) -> Vec<Place> {
    let pattern = if options.regex { pattern.to_owned() } else { regex::escape(pattern) };
    let regex = RegexBuilder::new(&pattern).multi_line(true).case_insensitive(options.ignore_case).build().unwrap();
    let mut places = Vec::new();
    let mut offset = 0;
    let log = log.strip_suffix(b"\n").unwrap_or(log);
    for (number, line) in (1..).zip(log.split(|byte| *byte == b'\n')) {
        if let Some(found) = regex.find(line).filter(|_| offset >= from && !log.is_empty()) {
            places.push((number, offset + found.start() as u64, found.len() as u64));
        }
        offset += line.len() as u64 + 1;
    }
    places
}

/// Feeds a scanner in pieces of these lengths.
fn scan(log: &[u8], query: &Query, window: Window, pieces: &[usize]) -> Vec<Place> {
    let mut scanner = Scanner::new(query.clone(), window, usize::MAX);
    let (mut rest, mut lengths) = (log, pieces.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
        scanner.push(piece);
        rest = after;
    }
    scanner.finish();
    scanner.found.iter().map(|found| (found.line, found.offset, found.length)).collect()
}

#[test]
fn a_match_has_its_line_its_place_its_time_and_what_stands_around_it() {
    let (_folder, store) = store();
    let mut writer = store.writer(&key(), LogPosition::default(), Box::new(NoMask), LogLimits::default()).unwrap();
    writer.append(b"compiling\nwarning: grue, gru\n", at(5)).unwrap();
    writer.append("done\nf\u{fc}nf Gru\u{308}\u{df}e".as_bytes(), at(9)).unwrap();
    writer.finish(at(10)).unwrap();

    let found = search(&store, &text("gru"));
    assert_eq!(places(&found), [(2, 19, 3)]);
    assert_eq!((found[0].excerpt.as_str(), found[0].range.clone()), ("warning: grue, gru", 9..12));
    assert_eq!(found[0].at, Some(at(5)));

    let found =
        store.search(&key(), &Query::new("GRU", QueryOptions { regex: false, ignore_case: true }).unwrap(), 0..99, 9);
    let found = found.unwrap();
    assert_eq!(places(&found), [(2, 19, 3), (4, 40, 3)]);
    assert_eq!(found[1].at, Some(at(9)));
    assert_eq!(&found[1].excerpt[found[1].range.clone()], "Gru");
}

#[test]
fn a_search_goes_on_where_the_last_one_ended() {
    let (_folder, store) = store();
    let store = store.with_segments_of(7);
    let log: Vec<u8> = (1..=50).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
    write(&store, &log);
    let all = search(&store, &text("ine"));
    let (mut found, mut from) = (Vec::new(), 0);
    loop {
        let page = store.search(&key(), &text("ine"), from..u64::MAX, 7).unwrap();
        let Some(last) = page.last() else { break };
        from = last.offset + 1;
        found.extend(page);
    }
    assert_eq!(found.len(), 50);
    assert_eq!(found, all);
}

#[test]
fn nothing_beyond_the_range_is_seen() {
    let (_folder, store) = store();
    write(&store, b"one two\none\ntwo one\n");
    let within = |range| places(&store.search(&key(), &text("one"), range, 9).unwrap());
    assert_eq!(within(0..10), [(1, 0, 3)]);
    assert_eq!(within(0..11), [(1, 0, 3), (2, 8, 3)]);
    assert_eq!(within(1..99), [(2, 8, 3), (3, 16, 3)]);
    assert_eq!(within(8..9), []);
    assert_eq!(within(99..200), []);
}

#[test]
fn no_log_has_no_matches() {
    let (_folder, store) = store();
    assert_eq!(search(&store, &text("x")), []);
}

#[test]
fn a_line_of_megabytes_is_searched_in_little_memory_and_shown_in_part() {
    let (_folder, store) = store();
    let mut log = vec![b'x'; 5_000_000];
    log.extend(b"needle");
    log.extend(vec![b'y'; 3_000_000]);
    log.extend(b"needle\nneedle\n");
    write(&store, &log);
    let found = search(&store, &text("needle"));
    assert_eq!(places(&found), [(1, 5_000_000, 6), (2, 8_000_013, 6)]);
    assert!(found[0].excerpt.len() <= 400, "{}", found[0].excerpt.len());
    assert_eq!(&found[0].excerpt[found[0].range.clone()], "needle");
    assert_eq!(places(&search(&store, &regex("^needle"))), [(2, 8_000_013, 6)]);
    assert_eq!(places(&search(&store, &regex("x\\bn|yneedle$"))), [(1, 8_000_005, 7)]);
}

#[test]
fn a_pattern_that_is_wrong_is_explained() {
    let wrong = |pattern: &str, regex| Query::new(pattern, QueryOptions { regex, ignore_case: false }).unwrap_err();
    assert_eq!(wrong("", false), BadQuery::Empty);
    assert_eq!(wrong("a\nb", false), BadQuery::LineBreak);
    assert_eq!(wrong(&"x".repeat(5000), false), BadQuery::TooLong { length: 5000 });
    assert!(wrong("a(", true).to_string().contains("unclosed group"), "{}", wrong("a(", true));
    assert_eq!(wrong("(\\w{300}){300}", true), BadQuery::TooBig);
    assert!(matches!(wrong(&"(".repeat(4000), true), BadQuery::Syntax { .. }));
}

/// Patterns with everything that could mean something else in one line than in many.
const PATTERNS: &[&str] = &[
    "ab",
    "a",
    "^a",
    "b$",
    "^$",
    "a\\s*b",
    "[^a]b",
    "a.*b",
    "(?i)AB",
    "\\bab\\b",
    "\\Ab",
    "b\\z",
    "(?-m)^a",
    "a|\\s+",
    "(?s)a.b",
    "(?m)^b",
    "x*",
    "\\r",
    "(?-u)\\xff",
    "é",
];

fn logs() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => prop::sample::select(b"ab \n".to_vec()),
        1 => prop::sample::select(b"AB\r\xff\xc3\xa9x".to_vec()),
    ];
    prop::collection::vec(byte, 0..300)
}

proptest! {
    #[test]
    fn a_search_finds_what_a_look_at_every_line_finds(
        log in logs(),
        pattern in prop::sample::select(PATTERNS),
        ignore_case: bool,
        segment in 1..40_u64,
        from in 0..60_u64,
    ) {
        let options = QueryOptions { regex: true, ignore_case };
        let (_folder, store) = store();
        let store = store.with_segments_of(segment);
        write(&store, &log);
        let query = Query::new(pattern, options).unwrap();
        let found = store.search(&key(), &query, from..u64::MAX, usize::MAX).unwrap();
        prop_assert_eq!(places(&found), naive(&log, pattern, options, from));
    }

    #[test]
    fn where_pieces_end_does_not_matter(
        log in logs(),
        pattern in prop::sample::select(PATTERNS),
        pieces in prop::collection::vec(1..30_usize, 1..8),
    ) {
        let options = QueryOptions { regex: true, ignore_case: false };
        let query = Query::new(pattern, options).unwrap();
        prop_assert_eq!(scan(&log, &query, Window::DEFAULT, &pieces), naive(&log, pattern, options, 0));
    }

    #[test]
    fn a_text_is_found_in_lines_that_are_longer_than_the_window(
        log in logs(),
        pattern in "[ab ]{1,4}",
        window in 8..20_usize,
        pieces in prop::collection::vec(1..30_usize, 1..8),
    ) {
        let window = Window { length: window, overlap: 4 };
        prop_assert_eq!(
            scan(&log, &text(&pattern), window, &pieces),
            naive(&log, &pattern, QueryOptions::default(), 0)
        );
    }

    #[test]
    fn excerpts_hold_the_match_whatever_the_bytes(log in prop::collection::vec(any::<u8>(), 0..2000), at in 0..2000_usize) {
        let mut log = log;
        let at = at.min(log.len());
        log.splice(at..at, *b"needle");
        let (_folder, store) = store();
        write(&store, &log);
        for found in search(&store, &text("needle")) {
            prop_assert_eq!(&found.excerpt[found.range.clone()], "needle");
            prop_assert_eq!(&log[found.offset as usize..][..6], b"needle");
        }
        prop_assert!(!search(&store, &text("needle")).is_empty());
    }

    #[test]
    fn a_pattern_of_any_kind_harms_nothing(pattern in "\\PC{0,40}", log in logs()) {
        if let Ok(query) = Query::new(&pattern, QueryOptions { regex: true, ignore_case: true }) {
            scan(&log, &query, Window { length: 16, overlap: 4 }, &[7]);
        }
    }
}
