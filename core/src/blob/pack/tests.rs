use std::fs;
use std::path::Path;

use tar::{Builder, EntryType, Header};

use super::*;

const LIMITS: ArchiveLimits = ArchiveLimits { entries: 100, bytes: 1 << 20, ratio: 200 };

/// A tar stream of these entries, as they are, whatever is wrong with them.
fn tar_of(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_mtime(0);
        let link = matches!(kind, EntryType::Symlink | EntryType::Link);
        header.set_size(if link { 0 } else { content.len() as u64 });
        // The library would refuse such names.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        if link {
            header.as_gnu_mut().unwrap().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_cksum();
        let data = if link { &[][..] } else { content.as_bytes() };
        builder.append(&header, data).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn pack(tar: &[u8], place: &str, wanted: impl Fn(&Path) -> bool) -> (Vec<u8>, Packed) {
    let mut archive = Vec::new();
    let mut packer = Packer::new(&mut archive, LIMITS);
    packer.add(tar, Path::new(place), wanted).unwrap();
    let packed = packer.finish().unwrap();
    (archive, packed)
}

fn refused(entries: &[(&str, EntryType, &str)]) -> PackError {
    let archive = gzip(&tar_of(entries));
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    let error = to_folder(&archive[..], &inside, LIMITS).unwrap_err();
    let mut tar = Vec::new();
    assert_eq!(to_tar(&archive[..], &mut tar, LIMITS).unwrap_err().to_string(), error.to_string());
    let outside: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside, ["inside"], "something got out");
    error
}

#[test]
fn what_is_packed_comes_out_again() {
    let tar = tar_of(&[
        ("dist/", EntryType::Directory, ""),
        ("dist/app", EntryType::Regular, "program"),
        ("dist/same", EntryType::Link, "dist/app"),
        ("dist/lib/a.js", EntryType::Regular, "let a"),
        ("dist/bin/run", EntryType::Symlink, "../app"),
        ("dist/notes.tmp", EntryType::Regular, "left out"),
    ]);
    let (archive, packed) = pack(&tar, "web", |name| name.extension().is_none_or(|end| end != "tmp"));
    assert_eq!((packed.files, packed.bytes, packed.size), (4, 12, archive.len() as u64));
    assert_eq!(packed.left_out, Vec::<String>::new());

    let folder = tempfile::tempdir().unwrap();
    let unpacked = to_folder(&archive[..], folder.path(), LIMITS).unwrap();
    assert_eq!(unpacked, Unpacked { files: 4, bytes: 12 });
    let read = |name: &str| fs::read_to_string(folder.path().join("web/dist").join(name)).unwrap();
    assert_eq!((read("app"), read("same"), read("lib/a.js")), ("program".into(), "program".into(), "let a".into()));
    assert_eq!(read("bin/run"), "program");
    assert!(!folder.path().join("web/dist/notes.tmp").exists());
}

#[test]
fn nothing_gets_out_of_the_folder() {
    use EntryType::{Directory, Fifo, Link, Regular, Symlink};
    /// What is said of an archive with these entries.
    type Case = (&'static str, &'static [(&'static str, EntryType, &'static str)]);
    let cases: &[Case] = &[
        ("contains `..`", &[("../evil", Regular, "x")]),
        ("contains `..`", &[("a/../../evil", Regular, "x")]),
        ("is absolute", &[("/tmp/evil", Regular, "x")]),
        ("is outside", &[("out", Symlink, "/etc"), ("out/passwd", Regular, "x")]),
        ("is outside", &[("a/out", Symlink, "../../evil")]),
        ("is outside", &[("a/out", Symlink, "b/../../../evil")]),
        ("is absolute", &[("out", Link, "/etc/passwd")]),
        ("is outside", &[("out", Link, "later")]),
        // A chain: `d` is the folder itself, so `d/../evil` would be beside it.
        ("is outside", &[("d", Symlink, "."), ("out", Symlink, "d/../evil")]),
        ("below something that is no folder", &[("d", Symlink, "sub"), ("d/file", Regular, "x")]),
        ("below something that is no folder", &[("d", Regular, "x"), ("d/file", Regular, "x")]),
        ("comes twice", &[("a", Regular, "x"), ("a", Symlink, "b")]),
        ("comes twice", &[("d/f", Regular, "x"), ("d", Symlink, "elsewhere")]),
        ("neither a file", &[("pipe", Fifo, "")]),
        ("comes twice", &[("d", Symlink, "x"), ("d", Directory, "")]),
    ];
    for (expected, entries) in cases {
        let error = refused(entries).to_string();
        assert!(error.contains(expected), "{entries:?}: {error}");
    }
}

#[test]
fn links_that_lead_out_are_left_out_of_new_archives() {
    let tar = tar_of(&[
        ("venv/python", EntryType::Symlink, "/usr/bin/python3"),
        ("venv/pip", EntryType::Regular, "pip"),
        ("venv/pipe", EntryType::Fifo, ""),
    ]);
    let (archive, packed) = pack(&tar, "", |_| true);
    assert_eq!(packed.files, 1);
    assert_eq!(packed.left_out, ["venv/python: the link leads out of the workspace", "venv/pipe: it is no file"]);
    assert!(to_tar(&archive[..], &mut Vec::new(), LIMITS).is_ok());
}

#[test]
fn a_second_name_of_a_file_that_is_not_wanted_is_asked_for_by_itself() {
    let tar = tar_of(&[("d/hidden", EntryType::Regular, "program"), ("d/app", EntryType::Link, "d/hidden")]);
    let mut packer = Packer::new(Vec::new(), LIMITS);
    let alone = packer.add(&tar[..], Path::new(""), |name| name == Path::new("d/app")).unwrap();
    assert_eq!(alone, [Path::new("d/app")]);
}

#[test]
fn bombs_are_refused_before_they_burst() {
    let many: Vec<String> = (0..=LIMITS.entries).map(|number| format!("f{number}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), EntryType::Regular, "")).collect();
    assert!(matches!(refused(&many), PackError::TooManyEntries { limit: 100 }));

    let big = "x".repeat((1 << 20) + 1);
    assert!(matches!(refused(&[("big", EntryType::Regular, &big)]), PackError::TooLarge { .. }));

    let limits = ArchiveLimits { bytes: 1 << 30, ..LIMITS };
    let zeros = gzip(&tar_of(&[("zeros", EntryType::Regular, &"\0".repeat(64 << 20))]));
    let mut out = Vec::new();
    let error = to_tar(&zeros[..], &mut out, limits).unwrap_err().to_string();
    assert!(error.contains("more than 200 bytes come out of one byte"), "{error}");
    assert!(out.len() < 20 << 20, "{} bytes came out", out.len());

    // Behind the end of the archive nobody looks, and still nothing may burst.
    let mut tail = tar_of(&[("a", EntryType::Regular, "x")]);
    tail.extend(std::iter::repeat_n(0, 64 << 20));
    assert!(to_tar(&gzip(&tail)[..], &mut Vec::new(), limits).is_err());
}

#[test]
fn what_could_not_be_unpacked_is_not_packed() {
    let tar = tar_of(&[("zeros", EntryType::Regular, &"\0".repeat(64 << 20))]);
    let mut packer = Packer::new(std::io::sink(), ArchiveLimits { bytes: 1 << 30, ..LIMITS });
    packer.add(&tar[..], Path::new(""), |_| true).unwrap();
    assert!(matches!(packer.finish().unwrap_err(), PackError::Bomb { limit: 200 }));
}

#[test]
fn an_archive_that_is_cut_off_is_noticed_wherever_it_is_cut() {
    let (archive, _) =
        pack(&tar_of(&[("a", EntryType::Regular, "some content"), ("b", EntryType::Regular, "x")]), "", |_| true);
    for end in 0..archive.len() {
        assert!(to_tar(&archive[..end], &mut Vec::new(), LIMITS).is_err(), "cut at {end} of {}", archive.len());
    }
}
