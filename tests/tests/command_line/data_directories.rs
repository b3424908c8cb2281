//! Data directories that cannot be used: exit code 3, what is wrong, and what to do.

use std::path::Path;
use std::process::Command;

use crate::program::{Place, Said};

const HELLO: &str = "name: p\nstages: [{name: S, tasks: [{name: a, script: 'echo hello'}]}]\n";

#[track_caller]
fn refused(said: Said, words: &[&str]) {
    let said = said.expect(3);
    for words in words {
        assert!(said.err.contains(words), "{words:?} is not in:\n{}", said.err);
    }
    assert!(!said.err.contains("panicked"), "{}", said.err);
    assert_eq!(said.text(), "");
}

/// A mount that ends with the test.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    /// `None` where this user may not mount anything; the caller says so.
    fn new(at: &'a Path, args: &[&str]) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let status = Command::new("mount").args(args).arg(at).output().ok()?.status;
        if !status.success() {
            eprintln!("skipped: this needs the right to mount");
            return None;
        }
        Some(Self(at))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_file_in_its_place() {
    let place = Place::with(HELLO);
    place.write(".windlass", "");
    refused(place.run(&["run", "ci.yaml"]), &[".windlass", "it is not a folder"]);
    refused(place.run(&["runs"]), &[".windlass", "it is not a folder"]);
}

#[test]
fn a_folder_with_other_things_in_it() {
    let place = Place::with(HELLO);
    refused(place.run(&["run", "ci.yaml", "--data-dir", "."]), &["ci.yaml", "choose an empty folder"]);
}

#[test]
fn none_to_read() {
    let place = Place::with(HELLO);
    for args in [&["runs"][..], &["show", "latest"], &["logs", "latest"]] {
        refused(place.run(args), &[".windlass", "there is no such folder"]);
    }
}

#[test]
fn read_only() {
    let place = Place::with(HELLO);
    place.run(&["run", "ci.yaml"]).expect(0);
    let data_dir = place.data_dir();
    let source = data_dir.to_str().unwrap();
    let Some(_mount) = Mount::new(&data_dir, &["--bind", source]) else { return };
    let remounted = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&data_dir).status().unwrap();
    assert!(remounted.success());
    refused(place.run(&["run", "ci.yaml"]), &[".windlass", "cannot be written"]);
}

#[test]
fn full_from_the_start() {
    let place = Place::with(HELLO);
    let small = place.path().join("small");
    let Some(_mount) = Mount::new(&small, &["-t", "tmpfs", "-o", "size=64k", "tmpfs"]) else { return };
    std::fs::create_dir(small.join("data")).unwrap();
    let _ = std::fs::write(small.join("ballast"), vec![0; 60 * 1024]);
    refused(place.run(&["run", "ci.yaml", "--data-dir", "small/data"]), &["no space is left"]);
}

/// Nothing is lost and nothing fails for want of space: the run waits, says so, and goes on when there is room.
#[test]
fn full_while_a_run_goes_on() {
    let place = Place::with(
        "name: p\nstages: [{name: S, tasks: [{name: a, script: 'seq 700000'}, {name: b, script: 'echo done'}]}]\n",
    );
    let small = place.path().join("small");
    let Some(_mount) = Mount::new(&small, &["-t", "tmpfs", "-o", "size=8m", "tmpfs"]) else { return };
    let run = place.start(&["run", "ci.yaml", "--data-dir", "small/data"]);
    run.err.wait_for("no space is left");
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&small).status().unwrap();
    assert!(grown.success());
    let said = run.end();
    let log = place.run(&["logs", "latest", "a", "--data-dir", "small/data"]).expect(0).out;
    let expected: String = (1..=700_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(said.code, 0, "{}", said.err);
    whole_but_for_gaps(&log, expected.as_bytes());
    assert!(said.err.matches("warning: ").count() < 10, "{}", said.err);
}

/// The step itself may have met the full disk: then its log says where output is missing, and has all the rest.
fn whole_but_for_gaps(log: &[u8], expected: &[u8]) {
    const GAP: &str = "\nwindlass: this log could not be written, most likely because the disk was full; up to 64 KiB of \
                       output are missing here\n";
    let (log, expected) = (String::from_utf8_lossy(log), String::from_utf8_lossy(expected));
    let (mut at, mut missing) = (0, 0);
    for (number, piece) in log.split(GAP).enumerate() {
        let found = expected[at..].find(piece).unwrap_or_else(|| panic!("piece {number} of the log was never printed"));
        assert!(number > 0 || found == 0, "the beginning of the log is there");
        (at, missing) = (at + found + piece.len(), missing + found);
    }
    assert_eq!(at, expected.len(), "the end of the log is there");
    assert!(missing <= log.matches(GAP).count() * (64 << 10), "{missing} bytes are missing");
}

#[test]
fn from_a_newer_version() {
    let place = Place::with(HELLO);
    place.run(&["run", "ci.yaml"]).expect(0);
    let file = place.data_dir().join("format");
    let text = std::fs::read_to_string(&file).unwrap();
    let (words, _) = text.rsplit_once(' ').unwrap();
    std::fs::write(&file, format!("{words} 999\n")).unwrap();
    for args in [&["run", "ci.yaml"][..], &["attach"], &["runs"]] {
        refused(place.run(args), &["999", "use a newer Windlass"]);
    }
}

#[test]
fn cut_off_in_the_middle() {
    let place = Place::with(HELLO);
    for _ in 0..5 {
        place.run(&["run", "ci.yaml"]).expect(0);
    }
    let file = place.data_dir().join("windlass.db");
    let length = std::fs::metadata(&file).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
    for args in [&["run", "ci.yaml"][..], &["attach"], &["runs"]] {
        refused(place.run(args), &["windlass.db", "is damaged", "backup"]);
    }
}
