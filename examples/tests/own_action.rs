//! The action of one's own tells the chat once, and hands on what the chat answered.

use std::process::Command;

#[test]
fn the_chat_is_told_what_was_built() {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_own_action")).arg(data.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        text,
        "chat: shop 1 is ready: / faster, smaller\ntelling builds: shop 1 is ready: / faster, smaller\nsent as message 1\n"
    );
}
