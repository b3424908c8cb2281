use super::{at, key, store, write};
use crate::log::{Appended, LogError, LogLimits, LogPosition, LogStore, NoMask, SecretMasker};

#[test]
fn nothing_is_on_disk_before_the_first_byte() {
    let (folder, store) = store();
    let mut writer = store.writer(&key(), LogPosition::default(), Box::new(NoMask), LogLimits::default()).unwrap();
    writer.append(b"", at(0)).unwrap();
    assert_eq!(writer.finish(at(0)).unwrap(), None);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!((store.length(&key()).unwrap(), store.read(&key(), 0, 10).unwrap().len()), (0, 0));
    assert!(store.tail(&key(), 10, 100).unwrap().is_empty());
    assert!(store.line_times(&key(), 0, 100).unwrap().is_empty());
    store.remove_run(key().run).unwrap();
}

#[test]
fn a_sync_reports_what_became_durable() {
    let (_folder, store) = store();
    let masker = SecretMasker::new(&["hunter2".to_owned()]);
    let mut writer = store.writer(&key(), LogPosition::default(), Box::new(masker), LogLimits::default()).unwrap();
    writer.append(b"one hunt", at(0)).unwrap();
    assert_eq!(writer.sync().unwrap(), Some(Appended { from: 0, to: 4, source: 4 }));
    assert_eq!(writer.sync().unwrap(), None);
    writer.append(b"er2 hu", at(1)).unwrap();
    assert_eq!(writer.sync().unwrap(), Some(Appended { from: 4, to: 8, source: 12 }));
    assert_eq!(writer.finish(at(2)).unwrap(), Some(Appended { from: 8, to: 10, source: 14 }));
    assert_eq!(writer.finish(at(2)).unwrap(), None);
    assert_eq!(writer.position(), LogPosition { source: 14, stored: 10 });
    assert_eq!(&store.read(&key(), 0, 100).unwrap()[..], b"one *** hu");
}

#[test]
fn a_log_over_its_limit_is_cut_and_says_so_once() {
    for (raw, cut) in [("0123456789abcdef", "0123456789\n"), ("012345678\nabcdef", "012345678\n")] {
        let (_folder, store) = store();
        let limits = LogLimits { bytes: 10 };
        let mut writer = store.writer(&key(), LogPosition::default(), Box::new(NoMask), limits).unwrap();
        writer.append(&raw.as_bytes()[..10], at(0)).unwrap();
        assert_eq!(writer.truncated(), None);
        writer.append(&raw.as_bytes()[10..], at(0)).unwrap();
        assert_eq!(writer.truncated(), Some(10));
        writer.append(b"more", at(0)).unwrap();
        let appended = writer.sync().unwrap().unwrap();
        writer.append(b"and more", at(0)).unwrap();
        let last = writer.finish(at(0)).unwrap().unwrap();
        assert_eq!((last.from, last.to, last.source), (appended.to, appended.to, 28));
        let expected =
            format!("{cut}[windlass] log cut at 10 bytes, the limit for one attempt; the rest is not kept\n");
        assert_eq!(store.read(&key(), 0, 1000).unwrap(), expected.as_bytes());

        let mut again = store.writer(&key(), appended.position(), Box::new(NoMask), limits).unwrap();
        assert_eq!(again.truncated(), Some(10));
        again.append(b"more", at(0)).unwrap();
        assert_eq!(again.finish(at(0)).unwrap().unwrap().to, appended.to);
        assert_eq!(store.read(&key(), 0, 1000).unwrap(), expected.as_bytes());
    }
}

#[test]
fn a_line_of_10_mb_and_bytes_that_are_no_text_are_kept() {
    let (_folder, store) = store();
    let store = store.with_segments_of(1 << 20);
    let mut bytes = vec![b'x'; 10 << 20];
    bytes.extend((0..=255).cycle().take(100_000));
    write(&store, &bytes);
    assert_eq!(store.length(&key()).unwrap(), bytes.len() as u64);
    assert!(store.read(&key(), 0, usize::MAX).unwrap() == bytes);
    assert!(store.read(&key(), (1 << 20) - 5, 10).unwrap() == bytes[(1 << 20) - 5..(1 << 20) + 5]);
}

#[test]
fn others_read_while_it_is_written() {
    let (folder, store) = store();
    let store = store.with_segments_of(1000);
    let reader = LogStore::new(folder.path().join("logs"));
    let mut writer = store.writer(&key(), LogPosition::default(), Box::new(NoMask), LogLimits::default()).unwrap();
    let expected: Vec<u8> = (0..4_000u32).flat_map(|line| format!("{line}\n").into_bytes()).collect();
    let bytes = expected.clone();
    let thread = std::thread::spawn(move || {
        for chunk in bytes.chunks(777) {
            writer.append(chunk, at(0)).unwrap();
            writer.sync().unwrap();
        }
    });
    let mut read = Vec::new();
    while read.len() < expected.len() {
        read.extend_from_slice(&reader.read(&key(), read.len() as u64, 5000).unwrap());
        assert!(expected.starts_with(&read));
    }
    thread.join().unwrap();
    assert_eq!(reader.length(&key()).unwrap(), expected.len() as u64);
}

#[test]
fn the_tail_has_whole_lines() {
    let (_folder, store) = store();
    let store = store.with_segments_of(100);
    let lines: Vec<String> = (0..30_000).map(|line| format!("line {line}\n")).collect();
    write(&store, lines.concat().as_bytes());
    let tail = |count, max| String::from_utf8(store.tail(&key(), count, max).unwrap()).unwrap();
    assert_eq!(tail(3, 1000), lines[29_997..].concat());
    assert_eq!(tail(0, 1000), "");
    assert_eq!(tail(10_000, usize::MAX), lines[20_000..].concat());
    assert_eq!(tail(100_000, usize::MAX), lines.concat());
    assert_eq!(tail(100, 30), lines[29_998..].concat());
    assert_eq!(tail(1, 5), "9999\n");
    for count in [0, 1, 3, 10_000, 29_999, 30_000, 30_001] {
        let start = store.tail_start(&key(), count).unwrap() as usize;
        assert_eq!(lines.concat()[start..], lines[30_000 - count.min(30_000)..].concat(), "{count}");
    }
}

#[test]
fn the_last_line_needs_no_end() {
    let (_folder, store) = store();
    write(&store, b"one\ntwo\nthree");
    assert_eq!(store.tail(&key(), 2, 100).unwrap(), b"two\nthree");
    assert_eq!(store.tail(&key(), 5, 100).unwrap(), b"one\ntwo\nthree");
    assert_eq!((1..5).map(|lines| store.tail_start(&key(), lines).unwrap()).collect::<Vec<_>>(), [8, 4, 0, 0]);
}

#[test]
fn the_index_tells_when_lines_came() {
    let (_folder, store) = store();
    let mut writer = store.writer(&key(), LogPosition::default(), Box::new(NoMask), LogLimits::default()).unwrap();
    writer.append(b"one\ntwo\n", at(1)).unwrap();
    writer.append(b"three\n", at(1)).unwrap();
    writer.append(b"four", at(5)).unwrap();
    let appended = writer.sync().unwrap().unwrap();
    drop(writer);
    let mut writer = store.writer(&key(), appended.position(), Box::new(NoMask), LogLimits::default()).unwrap();
    writer.append(b"\nfive\n", at(9)).unwrap();
    writer.finish(at(9)).unwrap();
    let times = |from, to| -> Vec<(u64, u64, i64)> {
        let entries = store.line_times(&key(), from, to).unwrap();
        entries.iter().map(|entry| (entry.offset, entry.line, entry.at.as_second() - at(0).as_second())).collect()
    };
    assert_eq!(times(0, 100), [(0, 0, 1), (14, 3, 5), (18, 3, 9)]);
    assert_eq!(times(4, 14), [(0, 0, 1)]);
    assert_eq!(times(15, 18), [(14, 3, 5)]);
    assert_eq!(times(18, 19), [(18, 3, 9)]);
}

#[test]
fn removing_a_run_removes_its_logs() {
    let (folder, store) = store();
    write(&store, b"bytes");
    store.remove_run(key().run).unwrap();
    assert_eq!(store.length(&key()).unwrap(), 0);
    assert_eq!(std::fs::read_dir(folder.path().join("logs")).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_with_its_path() {
    let (folder, store) = store();
    std::fs::write(folder.path().join("logs"), "a file").unwrap();
    let mut writer = store.writer(&key(), LogPosition::default(), Box::new(NoMask), LogLimits::default());
    let error = match &mut writer {
        Ok(writer) => writer.append(b"x", at(0)).and_then(|()| writer.sync().map(drop)).unwrap_err(),
        Err(_) => writer.unwrap_err(),
    };
    assert!(matches!(&error, LogError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("logs"), "{error}");
}

#[test]
fn runs_with_logs_are_listed() {
    let (folder, store) = store();
    assert_eq!(store.runs().unwrap(), []);
    write(&store, b"one\n");
    let logs = folder.path().join("logs");
    std::fs::create_dir(logs.join("something else")).unwrap();
    // The same id in another spelling is no folder of this store, which would not find it to remove it.
    std::fs::create_dir(logs.join("0190A000000070008000000000000000")).unwrap();
    assert_eq!(store.runs().unwrap(), [key().run]);
    store.remove_run(key().run).unwrap();
    assert_eq!(store.runs().unwrap(), []);
}
