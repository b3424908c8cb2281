//! Archives that nobody made on purpose, and some that somebody did: nothing panics, and nothing gets out.
//!
//! `PROPTEST_CASES=1000000 cargo test --release -p windlass --lib fuzzing` looks for long.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;

const LIMITS: ArchiveLimits = ArchiveLimits { entries: 50, bytes: 1 << 16, ratio: 200 };

/// A part of a name, chosen to meet others and to climb.
fn part() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "..", ".", "", "a.b", "ä", "\u{1}"])
}

fn name() -> impl Strategy<Value = String> {
    (prop::bool::weighted(0.1), prop::collection::vec(part(), 1..5))
        .prop_map(|(absolute, parts)| format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
}

fn kind() -> impl Strategy<Value = EntryType> {
    prop::sample::select(vec![
        EntryType::Regular,
        EntryType::Regular,
        EntryType::Directory,
        EntryType::Symlink,
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Fifo,
        EntryType::Char,
        EntryType::XHeader,
        EntryType::GNULongName,
    ])
}

fn tar_bytes(entries: &[(String, EntryType, String)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o777);
        let link = matches!(kind, EntryType::Symlink | EntryType::Link);
        header.set_size(if link { 0 } else { content.len() as u64 });
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        if link {
            gnu.linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_cksum();
        builder.append(&header, if link { &[][..] } else { content.as_bytes() }).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Files and their sizes below a folder, links not followed.
fn files_of(below: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_dir() {
            let (more, larger) = files_of(&path);
            (files, bytes) = (files + more, bytes + larger);
        } else {
            (files, bytes) = (files + 1, bytes + if found.is_file() { found.len() } else { 0 });
        }
    }
    (files, bytes)
}

/// Every link below the folder leads to a place in it, as the system itself follows it.
fn nothing_leads_out(folder: &Path, below: &Path) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_symlink() {
            if let Ok(real) = path.canonicalize() {
                assert!(real.starts_with(folder), "{path:?} leads to {real:?}");
            }
        } else if found.is_dir() {
            nothing_leads_out(folder, &path);
        }
    }
}

proptest! {
    #[test]
    fn no_archive_gets_out(entries in prop::collection::vec((name(), kind(), name()), 0..12)) {
        let archive = gzip(&tar_bytes(&entries));
        let place = tempfile::tempdir().unwrap();
        let outer = place.path().canonicalize().unwrap();
        let inside: PathBuf = outer.join("inside");
        let done = to_folder(&archive[..], &inside, LIMITS);
        let beside: Vec<_> = fs::read_dir(&outer).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        prop_assert_eq!(beside, vec![std::ffi::OsString::from("inside")]);
        nothing_leads_out(&inside, &inside);
        let (files, bytes) = files_of(&inside);
        prop_assert!(files <= LIMITS.entries && bytes <= LIMITS.bytes, "{files} files with {bytes} bytes");
        let mut tar = Vec::new();
        let streamed = to_tar(&archive[..], &mut tar, LIMITS);
        // The disk can refuse more than the checks do, such as a name that the file system does not take.
        prop_assert!(streamed.is_ok() || done.is_err());
    }

    #[test]
    fn what_is_packed_is_taken(entries in prop::collection::vec((name(), kind(), name()), 0..12)) {
        let tar = tar_bytes(&entries);
        let mut archive = Vec::new();
        let mut packer = Packer::new(&mut archive, LIMITS);
        if packer.add(&tar[..], Path::new(""), |_| true).is_ok() {
            let packed = packer.finish().unwrap();
            let unpacked = to_tar(&archive[..], &mut Vec::new(), LIMITS);
            prop_assert!(unpacked.is_ok(), "{unpacked:?}");
            prop_assert_eq!(unpacked.unwrap(), Unpacked { files: packed.files, bytes: packed.bytes });
        }
    }

    #[test]
    fn files_come_back_as_they_were(contents in prop::collection::btree_map("[a-c]{1,2}/[a-c]{1,2}", prop::collection::vec(any::<u8>(), 0..600), 1..8)) {
        let mut builder = Builder::new(Vec::new());
        for (name, content) in &contents {
            let mut header = Header::new_gnu();
            header.set_mode(0o640);
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name, &content[..]).unwrap();
        }
        let tar = builder.into_inner().unwrap();
        let mut archive = Vec::new();
        let mut packer = Packer::new(&mut archive, LIMITS);
        prop_assert_eq!(packer.add(&tar[..], Path::new("web"), |_| true).unwrap(), Vec::<PathBuf>::new());
        packer.finish().unwrap();
        let place = tempfile::tempdir().unwrap();
        to_folder(&archive[..], place.path(), LIMITS).unwrap();
        for (name, content) in &contents {
            prop_assert_eq!(&fs::read(place.path().join("web").join(name)).unwrap(), content);
        }
        prop_assert_eq!(files_of(place.path()).0, contents.len() as u64);
    }

    #[test]
    fn no_more_comes_out_than_is_allowed(zeros in 0..(1_usize << 18), claimed in 0..(1_u64 << 40), ratio in 1..300_u64) {
        let mut header = Header::new_gnu();
        header.set_path("zeros").unwrap();
        header.set_size(claimed);
        header.set_cksum();
        let archive = gzip(&[header.as_bytes(), &vec![0; zeros][..]].concat());
        let limits = ArchiveLimits { ratio, ..LIMITS };
        let mut tar = Vec::new();
        let done = to_tar(&archive[..], &mut tar, limits);
        // What comes out is an archive again, with headers and padding.
        prop_assert!(tar.len() as u64 <= LIMITS.bytes + LIMITS.entries * 4096 + (1 << 20), "{} bytes came out", tar.len());
        prop_assert!(done.is_err() || claimed <= LIMITS.bytes.min(zeros as u64));
    }

    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..4096), zipped in any::<bool>()) {
        let archive = if zipped { gzip(&bytes) } else { bytes };
        let _ = to_tar(&archive[..], &mut Vec::new(), LIMITS);
        let _ = Packer::new(Vec::new(), LIMITS).add(&archive[..], Path::new(""), |_| true);
    }

    #[test]
    fn a_flipped_byte_is_noticed_or_means_nothing(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let entries = [("a".to_owned(), EntryType::Regular, "content of a file".to_owned())];
        let mut archive = gzip(&tar_bytes(&entries));
        let mut right = Vec::new();
        to_tar(&archive[..], &mut right, LIMITS).unwrap();
        let at = at.index(archive.len());
        archive[at] ^= flip;
        let mut tar = Vec::new();
        // The header of gzip has a time, and its bits are padded: what means nothing may change.
        if to_tar(&archive[..], &mut tar, LIMITS).is_ok() {
            prop_assert_eq!(tar, right, "byte {}", at);
        }
    }
}
