//! Logs of every kind come through: whole, in order, exact.

use crate::program::{Place, Said};

fn one_task(script: &str) -> Place {
    let place = Place::new();
    place.write("script.sh", script);
    place.write("ci.yaml", "name: p\nstages: [{name: S, tasks: [{name: a, script: 'sh script.sh'}]}]\n");
    place
}

fn run(place: &Place, options: &[&str]) -> Said {
    place.run(&[&["run", "ci.yaml", "--source", "."], options].concat()).expect(0)
}

fn stored(place: &Place) -> Vec<u8> {
    place.run(&["logs", "latest", "a"]).expect(0).out
}

#[test]
fn a_million_lines() {
    let place = one_task("seq 1000000");
    let plain = run(&place, &[]).text();
    let expected: String = (1..=1_000_000).map(|number| format!("{number}\n")).collect();
    assert!(stored(&place) == expected.as_bytes(), "the stored log is what was printed");
    let shown: String =
        plain.lines().filter_map(|line| line.strip_prefix("a | ")).flat_map(|line| [line, "\n"]).collect();
    assert!(shown == expected, "the lines are what was printed");
}

/// The most memory that a process ever had, in KiB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_long_log_takes_little_memory() {
    let place = Place::new();
    let wait = |file: &str| {
        format!("echo waits for {file}; until [ -e {} ]; do sleep 0.05; done", place.path().join(file).display())
    };
    let tasks = [("before", wait("one")), ("long", "seq -f %0100g 500000".to_owned()), ("after", wait("two"))];
    let tasks: Vec<String> = tasks.map(|(name, script)| format!("{{name: {name}, script: '{script}'}}")).into();
    place.write("ci.yaml", format!("name: p\nstages: [{{name: S, tasks: [{}]}}]\n", tasks.join(", ")));
    let run = place.start(&["run", "ci.yaml"]);
    run.out.wait_for("waits for one");
    let before = peak(run.id());
    place.write("one", "");
    run.out.wait_for("waits for two");
    let grown = peak(run.id()) - before;
    place.write("two", "");
    run.end().expect(0);
    assert!(grown < 24 * 1024, "50 MB of log took {grown} KiB");
}

#[test]
fn a_line_of_ten_megabytes() {
    let place = one_task("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end");
    let said = run(&place, &["--json"]);
    let mut expected = vec![b'x'; 10_000_000];
    expected.extend(b"\nend\n");
    assert!(stored(&place) == expected);
    let text: String = said.events().iter().filter_map(|event| event["text"].as_str()).map(str::to_owned).collect();
    assert!(text.as_bytes() == expected);
    let plain = run(&place, &[]).text();
    assert!(plain.contains("\na | end\n"));
}

#[test]
fn bytes_that_are_no_text_and_no_newline_at_the_end() {
    use base64::Engine as _;
    let place = one_task("printf 'a\\377\\376\\000\\033[2Jb'");
    let said = run(&place, &["--json"]);
    let expected = b"a\xff\xfe\0\x1b[2Jb";
    assert_eq!(stored(&place), expected);
    let mut bytes = Vec::new();
    for event in said.events() {
        if let Some(text) = event["text"].as_str() {
            bytes.extend_from_slice(text.as_bytes());
        }
        if let Some(text) = event["textBase64"].as_str() {
            bytes.extend(base64::engine::general_purpose::STANDARD.decode(text).unwrap());
        }
    }
    assert_eq!(bytes, expected);
    let plain = run(&place, &[]).text();
    assert!(plain.contains("a | a\u{fffd}\u{fffd}b\n"), "{plain}");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let place = one_task("printf '\\033[31mred\\033[0m\\n'");
    assert!(run(&place, &[]).text().contains("a | red\n"));
    assert!(run(&place, &["--color", "always"]).text().contains("\u{1b}[31mred\u{1b}[0m\n"));
}

#[test]
fn logs_of_several_tasks_have_headers() {
    let place = Place::with(
        "name: p\nstages: [{name: S, tasks: [{name: a, script: 'printf one'}, {name: b, script: 'echo two; exit 1', retry: {attempts: 2}}]}]\n",
    );
    place.run(&["run", "ci.yaml"]).expect(1);
    assert_eq!(place.run(&["logs", "latest"]).expect(0).text(), "==> a <==\none\n\n==> b <==\ntwo\n");
    assert_eq!(place.run(&["logs", "latest", "-f"]).expect(0).text(), "==> a <==\none\n\n==> b <==\ntwo\n");
    assert_eq!(place.run(&["logs", "p#1", "b", "--attempt", "1"]).expect(0).text(), "two\n");
    assert!(place.run(&["logs", "p#1", "b", "--attempt", "3"]).expect(2).err.contains("2 attempts"));
}
