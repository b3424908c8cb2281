//! Logs with the time before each line.

use super::{at, key, store};
use crate::log::{LogLimits, LogPosition, LogStore, NoMask};

fn read(store: &LogStore, range: std::ops::Range<u64>, timestamps: bool) -> String {
    let mut pieces = store.pieces(&key(), range, timestamps).unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().unwrap() {
        bytes.extend(piece);
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_line_has_the_time_of_its_first_byte() {
    let (_folder, store) = store();
    let mut writer = store.writer(&key(), LogPosition::default(), Box::new(NoMask), LogLimits::default()).unwrap();
    writer.append(b"one\ntw", at(1)).unwrap();
    writer.append(b"o\n\nthree", at(2)).unwrap();
    writer.finish(at(3)).unwrap();
    let (first, second) = (format!("{:.3}", at(1)), format!("{:.3}", at(2)));
    assert_eq!(read(&store, 0..u64::MAX, true), format!("{first} one\n{first} two\n{second} \n{second} three"));
    assert_eq!(read(&store, 4..9, true), format!("{first} two\n{second} \n"));
    assert_eq!(read(&store, 0..u64::MAX, false), "one\ntwo\n\nthree");
}

#[test]
fn where_nobody_knows_the_time_it_is_left_open() {
    let (_folder, store) = store();
    super::write(&store, b"one\ntwo\n");
    std::fs::remove_file(store.folder(&key()).join("index")).unwrap();
    assert_eq!(read(&store, 0..u64::MAX, true), "- one\n- two\n");
}

#[test]
fn pieces_may_end_within_a_line() {
    let (_folder, store) = store();
    let mut log = vec![b'x'; 700_000];
    log.extend(b"\nlast\n");
    super::write(&store, &log);
    let stamped = read(&store, 0..u64::MAX, true);
    let time = format!("{:.3} ", at(0));
    assert_eq!(stamped.matches(&time).count(), 2);
    assert!(stamped.replace(&time, "").as_bytes() == log);
}

#[test]
fn no_piece_is_big_however_the_log_is() {
    let (_folder, store) = store();
    super::write(&store, &vec![b'\n'; 3_000_000]);
    for (timestamps, most) in [(false, 1 << 20), (true, 8 << 20)] {
        let mut pieces = store.pieces(&key(), 0..u64::MAX, timestamps).unwrap();
        let mut whole = 0;
        while let Some(piece) = pieces.next().unwrap() {
            assert!(piece.len() <= most, "{}", piece.len());
            whole += piece.len();
        }
        assert_eq!(whole, if timestamps { 28 * 3_000_000 - 2 * 3_000_000 } else { 3_000_000 });
    }
}
