//! The raw log: complete, in order, from any offset, while it grows.

use super::bench::{Bench, Factory, LogReader, text};

/// Both outputs come in the order in which they were written.
pub async fn output_order(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let script = "i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done";
    let wanted: String = (0..200).map(|number| format!("out {number}\nerr {number}\n")).collect();
    assert_eq!(bench.finish_script("order", script).await.success(), wanted);
    bench.release().await;
}

/// A step that opens its own outputs anew cuts nothing off: people write `echo … >/dev/stderr` all the time.
pub async fn reopened_outputs(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let script =
        "echo one; echo two >/dev/stderr; echo three | tee /dev/stderr >/dev/null; echo four >/dev/stdout; echo five";
    assert_eq!(bench.finish_script("reopen", script).await.success(), "one\ntwo\nthree\nfour\nfive\n");
    bench.release().await;
}

/// Reading begins at any offset, also behind the end.
pub async fn offsets(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    bench.finish_script("digits", "printf 0123456789").await.success();
    let key = bench.key("digits");
    for from in 0..=10 {
        assert_eq!(text(&bench.log(&key, from).await), "0123456789"[from as usize..]);
    }
    assert!(bench.log(&key, 11).await.is_empty(), "bytes behind the end");
    bench.release().await;
}

/// What a running step wrote can be read at once, by several readers, and a reader that leaves changes nothing.
pub async fn growing(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let step = bench.script(
        "grow",
        "echo one; until [ -e go ]; do sleep 0.02; done; echo two; until [ -e end ]; do sleep 0.02; done",
    );
    bench.must("start", bench.executor.start(&step)).await;
    let mut reader = LogReader::new(&bench, &step.key, 0);
    reader.until(&bench, "one\n").await;
    assert_eq!(text(&reader.bytes), "one\n", "before it may go on");
    bench.touch("go").await;
    reader.until(&bench, "two\n").await;
    drop(reader);
    let mut late = LogReader::new(&bench, &step.key, 4);
    late.until(&bench, "two\n").await;
    assert_eq!(text(&late.bytes), "two\n");
    bench.touch("end").await;
    assert!(!late.more(&bench).await, "the log goes on after the end");
    assert_eq!(bench.finished(&step.key).await.success(), "one\ntwo\n");
    bench.release().await;
}

/// A last line without its end, no output at all, and bytes that are no text.
pub async fn awkward_bytes(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    assert_eq!(bench.finish_script("no newline", "printf 'one\\ntwo'").await.success(), "one\ntwo");
    assert_eq!(bench.finish_script("silent", "true").await.success(), "");
    let binary = bench.finish_script("binary", "printf '\\000\\377\\376\\r\\033[31m\\n\\000'").await;
    assert_eq!(binary.log, b"\x00\xff\xfe\r\x1b[31m\n\x00");
    bench.release().await;
}

/// One line of 10 MB.
pub async fn long_line(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let finished = bench.finish_script("line", "head -c 10000000 /dev/zero | tr '\\0' x; echo").await;
    assert_eq!(finished.log.len(), 10_000_001);
    assert!(finished.log[..10_000_000].iter().all(|byte| *byte == b'x'), "other bytes in the line");
    bench.release().await;
}

/// 100 MB in numbered lines (10 MB in a debug build), read while they are written.
pub async fn much_output(factory: &dyn Factory) {
    output_of(factory, if cfg!(debug_assertions) { 100_000 } else { 1_000_000 }).await;
}

/// So many numbered lines of 103 bytes, read while they are written. Not among the cases.
pub async fn output_of(factory: &dyn Factory, lines: u64) {
    let bench = Bench::new(factory).await;
    let filler = "x".repeat(92);
    let program = format!("BEGIN {{ for (i = 1; i <= {lines}; i++) printf \"%010d{filler}\\n\", i }}");
    let finished = bench.finish_script("much", &format!("awk '{program}'")).await;
    assert_eq!(finished.log.len() as u64, lines * 103);
    for (line, number) in finished.log.chunks(103).zip(1_u64..) {
        assert!(line.starts_with(format!("{number:010}").as_bytes()), "line {number} is {:?}", text(line));
    }
    bench.release().await;
}

/// The first bytes are there while the step still runs, without a newline.
pub async fn early_first_byte(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let step = bench.script("early", "printf x; until [ -e end ]; do sleep 0.02; done");
    let mut reader = LogReader::new(&bench, &step.key, 0);
    bench.must("start", bench.executor.start(&step)).await;
    if !reader.more(&bench).await {
        // A stream that was opened before the start may end at once, since there was no step.
        reader = LogReader::new(&bench, &step.key, 0);
        assert!(reader.more(&bench).await, "nothing to read");
    }
    assert_eq!(text(&reader.bytes), "x");
    bench.touch("end").await;
    bench.finished(&step.key).await.success();
    bench.release().await;
}

/// After `forget` the end is still known, and the log is empty; forgetting again is fine.
pub async fn forgotten(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let finished = bench.finish_script("forget", "echo text; exit 3").await;
    let key = bench.key("forget");
    for _ in 0..2 {
        bench.must("forget", bench.executor.forget(&key)).await;
    }
    assert_eq!(bench.must("wait", bench.executor.wait(&key)).await, finished.exit);
    assert!(bench.log(&key, 0).await.is_empty(), "the log is still there");
    bench.release().await;
}
