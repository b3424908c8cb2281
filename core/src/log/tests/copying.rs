use super::{at, key, store, write};
use crate::log::{LogError, LogLimits, LogPosition, LogStore, NoMask};
use crate::run::StepKey;

/// Stores with segments of ten bytes.
fn two_stores() -> (tempfile::TempDir, LogStore, LogStore) {
    let (folder, from) = store();
    let to = LogStore::new(folder.path().join("copy")).with_segments_of(10);
    (folder, from.with_segments_of(10), to)
}

#[test]
fn all_logs_of_a_run_are_copied_with_their_times() {
    let (_folder, from, to) = two_stores();
    let text: Vec<u8> = (0..35).map(|n| b'a' + n % 26).collect();
    write(&from, &text);
    let second = StepKey { attempt: 2, ..key() };
    let mut writer = from.writer(&second, LogPosition::default(), Box::new(NoMask), LogLimits::default()).unwrap();
    writer.append(b"again", at(5)).unwrap();
    writer.finish(at(5)).unwrap();

    let bytes = from.copy_run(key().run, &to).unwrap();
    assert!(bytes > 40, "the logs and their index: {bytes}");
    assert_eq!(to.read(&key(), 0, 100).unwrap(), text);
    assert_eq!(to.read(&second, 0, 100).unwrap(), "again");
    assert_eq!(to.line_times(&second, 0, 5).unwrap(), from.line_times(&second, 0, 5).unwrap());
    assert_eq!(from.read(&key(), 0, 100).unwrap(), text, "the original stays");
}

#[test]
fn a_run_without_logs_is_copied_as_nothing() {
    let (folder, from, to) = two_stores();
    assert_eq!(from.copy_run(key().run, &to).unwrap(), 0);
    assert!(!folder.path().join("copy").exists());
}

#[test]
fn a_log_that_is_still_written_is_copied_as_far_as_asked() {
    let text: Vec<u8> = (0..35).map(|n| b'a' + n % 26).collect();
    for end in [1, 9, 10, 11, 30, 34, 35] {
        let (_folder, from, to) = two_stores();
        write(&from, &text);
        from.copy_attempt(&key(), end, &to).unwrap();
        assert_eq!(to.length(&key()).unwrap(), end);
        assert_eq!(to.read(&key(), 0, 100).unwrap(), text[..end as usize]);
        to.check(&key(), end).unwrap();
        assert!(matches!(to.check(&key(), end + 1), Err(LogError::Damaged { .. })));
        // And can be gone on with.
        let committed = LogPosition { source: end, stored: end };
        let mut writer = to.writer(&key(), committed, Box::new(NoMask), LogLimits::default()).unwrap();
        writer.append(b"more", at(9)).unwrap();
        writer.finish(at(9)).unwrap();
        assert_eq!(to.read(&key(), end, 100).unwrap(), "more");
    }
}

#[test]
fn a_log_that_misses_something_is_not_copied_in_silence() {
    let (_folder, from, to) = two_stores();
    write(&from, b"0123456789abcdef");
    assert!(matches!(from.copy_attempt(&key(), 17, &to), Err(LogError::Damaged { .. })));
}

#[test]
fn nothing_is_copied_over_anything() {
    let (_folder, from, to) = two_stores();
    write(&from, b"new");
    write(&to, b"old");
    assert!(from.copy_run(key().run, &to).is_err());
    assert_eq!(to.read(&key(), 0, 100).unwrap(), "old");
}
