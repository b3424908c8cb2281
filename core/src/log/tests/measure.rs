//! What a log of 104 MB costs, beside a plain write and flush. Run with
//! `cargo test --release -p windlass --lib measure -- --ignored --nocapture --test-threads=1`.
#![expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::{at, key};
use crate::log::{LogLimits, LogPosition, LogStore, Masker, NoMask, SecretMasker};

fn plain(root: &Path, raw: &[u8], chunk: usize, flush: usize) {
    let mut file = std::fs::File::create(root.join("plain")).unwrap();
    for (number, bytes) in raw.chunks(chunk).enumerate() {
        file.write_all(bytes).unwrap();
        if number % flush == flush - 1 {
            file.sync_data().unwrap();
        }
    }
    file.sync_data().unwrap();
}

fn stored(root: &Path, raw: &[u8], chunk: usize, flush: usize, masker: Box<dyn Masker>) {
    let store = LogStore::new(root.join("logs"));
    let mut writer = store.writer(&key(), LogPosition::default(), masker, LogLimits::default()).unwrap();
    for (number, bytes) in raw.chunks(chunk).enumerate() {
        writer.append(bytes, at(number as i64)).unwrap();
        if number % flush == flush - 1 {
            writer.sync().unwrap();
        }
    }
    writer.finish(at(0)).unwrap();
    assert!(store.length(&key()).unwrap() > 100_000_000);
}

fn measure(what: &str, root: &Path, act: impl Fn(&Path)) {
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let folder = tempfile::tempdir_in(root).unwrap();
            let began = Instant::now();
            act(folder.path());
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("  {what:44} {:6.1} ms (lowest {:.1})", times[2], times[0]);
}

#[test]
#[ignore = "a measurement"]
fn measure_a_million_lines() {
    let mut raw = Vec::new();
    for line in 0..1_000_000 {
        writeln!(
            raw,
            "{line:07} {}",
            "the quick brown fox jumps over the lazy dog and says so ".repeat(2).get(..95).unwrap()
        )
        .unwrap();
    }
    let secrets = ["hunter2-hunter2".to_owned(), "AKIA-not-there".to_owned(), "fox hops".to_owned()];
    println!("{} MB", raw.len() / 1_000_000);
    for root in ["/dev/shm", "."] {
        println!("{}", if root == "." { "disk" } else { "memory" });
        let root = Path::new(root);
        for (chunk, flush) in [(256 << 10, 16), (64 << 10, 64), (256 << 10, 1 << 30)] {
            println!(" chunks of {} KiB, a flush every {} MiB", chunk >> 10, (chunk * flush) >> 20);
            measure("plain write and flush", root, |root| plain(root, &raw, chunk, flush));
            measure("stored", root, |root| stored(root, &raw, chunk, flush, Box::new(NoMask)));
            let masker = || Box::new(SecretMasker::new(&secrets));
            measure("stored, three secrets", root, |root| stored(root, &raw, chunk, flush, masker()));
        }
    }
}
