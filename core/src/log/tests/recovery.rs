use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{at, key, store, write};
use crate::log::{LogError, LogLimits, LogPosition, LogStore, Masker, NoMask, SecretMasker};

fn folder(root: &Path) -> PathBuf {
    root.join("logs").join(key().run.to_string()).join(key().slug())
}

fn take_up(store: &LogStore, committed: u64) -> Result<(), LogError> {
    let position = LogPosition { source: committed, stored: committed };
    store.writer(&key(), position, Box::new(NoMask), LogLimits::default()).map(drop)
}

#[test]
fn what_was_not_committed_is_thrown_away() {
    for committed in 0..=30 {
        let (_folder, store) = store();
        let store = store.with_segments_of(8);
        write(&store, b"0123456789abcdefghijklmnopqrst");
        take_up(&store, committed).unwrap();
        let kept = &b"0123456789abcdefghijklmnopqrst"[..committed as usize];
        assert_eq!(store.read(&key(), 0, 100).unwrap(), kept);
    }
}

#[test]
fn committed_bytes_that_are_gone_are_damage() {
    let lost: [fn(&Path); 3] = [
        |folder| fs::remove_file(folder.join("000000000008.seg")).unwrap(),
        |folder| OpenOptions::new().write(true).open(folder.join("000000000000.seg")).unwrap().set_len(3).unwrap(),
        |folder| fs::remove_dir_all(folder).unwrap(),
    ];
    for (case, lose) in lost.iter().enumerate() {
        let (root, store) = store();
        let store = store.with_segments_of(8);
        write(&store, b"0123456789abcdefghijklmnopqrst");
        lose(&folder(root.path()));
        let error = take_up(&store, 30).unwrap_err();
        assert!(matches!(&error, LogError::Damaged { path, .. } if path.ends_with("000000000000.seg")), "{error:?}");
        if case < 2 {
            let error = store.read(&key(), 0, 100).unwrap_err();
            assert!(matches!(error, LogError::Damaged { .. }), "{error:?}");
        }
    }
}

#[test]
fn an_index_that_is_gone_or_torn_only_loses_times() {
    let (root, store) = store();
    write(&store, b"one\ntwo\n");
    let index = folder(root.path()).join("index");
    for damage in [&b"torn"[..], &[0xff; 28], b""] {
        fs::write(&index, damage).unwrap();
        take_up(&store, 8).unwrap();
        assert!(store.line_times(&key(), 0, 8).unwrap().is_empty());
    }
    let position = LogPosition { source: 8, stored: 8 };
    let mut writer = store.writer(&key(), position, Box::new(NoMask), LogLimits::default()).unwrap();
    writer.append(b"three\n", at(3)).unwrap();
    writer.finish(at(3)).unwrap();
    let times = store.line_times(&key(), 0, 100).unwrap();
    assert_eq!(times.iter().map(|entry| (entry.offset, entry.line)).collect::<Vec<_>>(), [(8, 2)]);
}

/// One thing that happens to a log.
#[derive(Clone, Debug)]
enum Act {
    Append(usize),
    Sync,
    /// The event is committed.
    Commit,
    /// The process dies; the disk may have more than was synced.
    Crash(Vec<u8>),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        5 => (0usize..40).prop_map(Act::Append),
        2 => Just(Act::Sync),
        2 => Just(Act::Commit),
        1 => prop::collection::vec(any::<u8>(), 0..50).prop_map(Act::Crash),
    ];
    prop::collection::vec(act, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_byte_is_there_once_whatever_crashes(
        acts in acts(),
        raw in prop::collection::vec(prop::sample::select(b"abcx\n".to_vec()), 0..600),
        segment in 5u64..60,
    ) {
        let (root, store) = store();
        let store = store.with_segments_of(segment);
        let secrets = ["abca".to_owned(), "xa".to_owned()];
        let open = |committed| {
            store.writer(&key(), committed, Box::new(SecretMasker::new(&secrets)), LogLimits::default()).unwrap()
        };
        let (mut committed, mut synced) = (LogPosition::default(), LogPosition::default());
        let (mut writer, mut taken) = (open(committed), 0);
        for act in acts {
            match act {
                Act::Append(length) => {
                    let end = (taken + length).min(raw.len());
                    writer.append(&raw[taken..end], at(taken as i64)).unwrap();
                    taken = end;
                }
                Act::Sync => synced = writer.sync().unwrap().map_or(synced, |appended| {
                    assert_eq!(appended.from, synced.stored);
                    appended.position()
                }),
                Act::Commit => committed = synced,
                Act::Crash(garbage) => {
                    drop(writer);
                    leave_garbage(root.path(), &garbage);
                    synced = committed;
                    writer = open(committed);
                    taken = committed.source as usize;
                }
            }
        }
        writer.append(&raw[taken..], at(0)).unwrap();
        writer.finish(at(0)).unwrap();
        prop_assert_eq!(writer.position().source, raw.len() as u64);
        let (mut whole, mut expected) = (SecretMasker::new(&secrets), Vec::new());
        whole.mask(&raw, &mut expected);
        whole.finish(&mut expected);
        prop_assert_eq!(store.read(&key(), 0, usize::MAX).unwrap(), expected);
    }
}

/// A write that the crash tore: at the end of the last segment, and in the index.
fn leave_garbage(root: &Path, garbage: &[u8]) {
    let Ok(entries) = fs::read_dir(folder(root)) else { return };
    let files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let last = files.iter().filter(|path| path.extension().is_some()).max();
    for path in last.into_iter().chain(files.iter().filter(|path| path.ends_with("index"))) {
        OpenOptions::new().append(true).open(path).unwrap().write_all(garbage).unwrap();
    }
}

#[test]
#[ignore = "needs a file system of a few MB, named in WINDLASS_SMALL_DISK, such as `mount -t tmpfs -o size=4m tmpfs DIR`"]
fn a_log_goes_on_when_a_full_disk_has_room_again() {
    let Some(root) = std::env::var_os("WINDLASS_SMALL_DISK") else { return };
    let folder = tempfile::tempdir_in(root).unwrap();
    let ballast = folder.path().join("ballast");
    fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let store = LogStore::new(folder.path().join("logs")).with_segments_of(1 << 20);
    let raw: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let mut writer = store.writer(&key(), LogPosition::default(), Box::new(NoMask), LogLimits::default()).unwrap();
    let mut expected = Vec::new();
    let (full, committed) = loop {
        let committed = writer.position();
        match writer.append(&raw, at(0)).and_then(|()| writer.sync()) {
            Ok(_) => expected.extend_from_slice(&raw),
            Err(error) => break (error, committed),
        }
    };
    assert!(matches!(full, LogError::Full { .. }), "{full:?}");
    fs::remove_file(&ballast).unwrap();
    let mut writer = store.writer(&key(), committed, Box::new(NoMask), LogLimits::default()).unwrap();
    writer.append(&raw, at(0)).unwrap();
    writer.finish(at(0)).unwrap();
    expected.extend_from_slice(&raw);
    assert!(store.read(&key(), 0, usize::MAX).unwrap() == expected);
}
