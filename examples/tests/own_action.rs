//! The action of one's own: it posts what the workspace says, tries again when the chat is down, and says why when it is refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

/// A message that the chat got.
struct Posted {
    path: String,
    key: String,
    body: serde_json::Value,
}

/// A chat that answers with these statuses, one after another; and the address of a hook of it.
fn chat(statuses: Vec<u16>) -> (String, thread::JoinHandle<Vec<Posted>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!("http://{}/hooks/dev", listener.local_addr().unwrap());
    let answers = thread::spawn(move || statuses.into_iter().map(|status| answer(&listener, status)).collect());
    (hook, answers)
}

fn answer(listener: &TcpListener, status: u16) -> Posted {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut key, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut head).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some(("Idempotency-Key", value)) => key = value.to_owned(),
            Some(("Content-Length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    write!(stream, "HTTP/1.1 {status} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    Posted { path, key, body: serde_json::from_slice(&body).unwrap() }
}

fn own_action(hook: &str) -> (bool, String) {
    let data = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_own_action"));
    let output = program.arg(data.path().join("data")).arg(hook).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

#[test]
fn a_chat_that_is_down_is_asked_again() {
    let (hook, answers) = chat(vec![503, 200]);
    let (succeeded, text) = own_action(&hook);
    assert!(succeeded, "{text}");
    let posted = answers.join().unwrap();
    assert_eq!(posted[1].path, "/hooks/dev");
    assert_eq!(posted[1].body["text"], "# 1.2.0\n\n- it is faster\n");
    assert_eq!(posted[1].body["run"], 1);
    assert_ne!(posted[0].key, posted[1].key, "each attempt is a wish of its own");
    assert_eq!(text, format!("posting 3 lines to {hook}\n# 1.2.0\n\n- it is faster\n"));
}

#[test]
fn a_chat_that_refuses_is_not_asked_again() {
    let (hook, answers) = chat(vec![404]);
    let (succeeded, text) = own_action(&hook);
    assert!(!succeeded, "{text}");
    assert!(text.contains("the chat refused the message with status 404"), "{text}");
    assert_eq!(answers.join().unwrap().len(), 1);
}

#[test]
fn a_hook_that_is_none_is_found_while_the_run_goes_on() {
    let (succeeded, text) = own_action("nowhere");
    assert!(!succeeded, "{text}");
    assert!(text.contains("nowhere: "), "{text}");
}
