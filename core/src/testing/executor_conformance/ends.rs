//! How steps end, and what is run.

use super::bench::{Bench, Factory};
use crate::executor::Command;
use crate::run::StepEnd;

/// The exit code is told as it is.
pub async fn exit_codes(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    for code in [0, 1, 42, 126, 127, 255] {
        let finished = bench.finish_script(&format!("exit {code}"), &format!("exit {code}")).await;
        assert_eq!(finished.exit.end, StepEnd::Code(code));
        let argv = ["sh", "-c", &format!("exit {code}")];
        let finished = bench.finish(&bench.program(&format!("program {code}"), &argv)).await;
        assert_eq!(finished.exit.end, StepEnd::Code(code));
    }
    bench.release().await;
}

/// A command that dies of a signal is told by the signal.
pub async fn signals(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    for (name, number) in [("KILL", 9), ("TERM", 15), ("INT", 2), ("USR1", 10)] {
        let finished = bench.finish_script(name, &format!("echo before; kill -{name} $$; echo after")).await;
        assert_eq!(finished.exit.end, StepEnd::Signal(number), "{name}");
        assert_eq!(finished.text(), "before\n");
    }
    bench.release().await;
}

/// A program that is not there ends with 127, and the log names it.
pub async fn missing_program(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let missing = bench.finish(&bench.program("program", &["no-such-program-here", "x"])).await;
    assert_eq!(missing.exit.end, StepEnd::Code(127), "{}", missing.text());
    assert!(missing.text().contains("no-such-program-here"), "{}", missing.text());
    let missing = bench.finish_script("script", "no-such-program-here\necho after").await;
    assert_eq!(missing.exit.end, StepEnd::Code(127), "{}", missing.text());
    assert!(missing.text().contains("no-such-program-here"), "{}", missing.text());
    bench.release().await;
}

/// A file that may not be executed ends with 126, and the log names it.
pub async fn not_executable(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    bench.finish_script("make", "echo true > plain; chmod 644 plain").await.success();
    let refused = bench.finish(&bench.program("program", &["./plain"])).await;
    assert_eq!(refused.exit.end, StepEnd::Code(126), "{}", refused.text());
    assert!(refused.text().contains("./plain"), "{}", refused.text());
    let refused = bench.finish_script("script", "./plain").await;
    assert_eq!(refused.exit.end, StepEnd::Code(126), "{}", refused.text());
    bench.release().await;
}

/// A script whose interpreter is not there ends with 126 or 127, and the log names the interpreter.
pub async fn bad_interpreter(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let text = "#!/no/such/interpreter\necho unreachable\n".to_owned();
    let refused = bench.finish(&bench.step("script", Command::Script { text, shell: None })).await;
    assert!(matches!(refused.exit.end, StepEnd::Code(126 | 127)), "{:?} {}", refused.exit.end, refused.text());
    assert!(refused.text().contains("/no/such/interpreter"), "{}", refused.text());
    bench.release().await;
}

/// Arguments reach the program as they are; no shell reads them.
pub async fn arguments_reach_the_program(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let awkward =
        ["$(echo no)", "`echo no`", "a  b", "", "'", "\"", "*", "; exit 9", "line\nbreak", "-e", "ü", "\\n", "$HOME"];
    let mut argv = vec!["sh", "-c", "for word in \"$@\"; do printf '<%s>' \"$word\"; done", "sh"];
    argv.extend(awkward);
    let wanted: String = awkward.iter().map(|word| format!("<{word}>")).collect();
    assert_eq!(bench.finish(&bench.program("arguments", &argv)).await.success(), wanted);
    bench.release().await;
}

/// The shell is the named one, else the shebang's, else one that ends at the first failure. The text is never changed.
pub async fn shells(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let script =
        |text: &str, shell: Option<&str>| Command::Script { text: text.to_owned(), shell: shell.map(str::to_owned) };
    let strict = bench.finish(&bench.step("strict", script("echo one; false; echo two", None))).await;
    assert_eq!((strict.exit.end, strict.text().as_str()), (StepEnd::Code(1), "one\n"));
    let named = bench.finish(&bench.step("named", script("echo one; false; echo two", Some("sh")))).await;
    assert_eq!(named.success(), "one\ntwo\n");
    let cat = bench.finish(&bench.step("cat", script("$HOME `x` 'y\n\\", Some("cat")))).await;
    assert_eq!(cat.success(), "$HOME `x` 'y\n\\");
    let options = bench.finish(&bench.step("options", script("echo one\n", Some("sh -e -x")))).await;
    assert!(options.success().contains("+ echo one"), "{}", options.text());
    let shebang = bench.finish(&bench.step("shebang", script("#!/bin/sh -x\necho one; false; echo two\n", None))).await;
    assert!(shebang.success().contains("+ echo one\n"), "{}", shebang.text());
    let wins = bench.finish(&bench.step("wins", script("#!/no/such\nfalse; echo two\n", Some("sh")))).await;
    assert_eq!(wins.success(), "two\n");
    let function =
        bench.finish(&bench.step("exit", script("f() { exit 7; }; trap 'echo bye' EXIT; f; echo no", None))).await;
    assert_eq!((function.exit.end, function.text().as_str()), (StepEnd::Code(7), "bye\n"));
    let replaced = bench.finish(&bench.step("exec", script("exec sh -c 'exit 8'", None))).await;
    assert_eq!(replaced.exit.end, StepEnd::Code(8));
    let broken = bench.finish(&bench.step("broken", script("if then fi (", None))).await;
    assert!(matches!(broken.exit.end, StepEnd::Code(code) if code != 0), "{:?}", broken.exit.end);
    bench.release().await;
}

/// A script's `$$` is a process of the script, and its `$0` a file with its text; it has no arguments.
pub async fn own_process(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let sub = bench.finish_script("signal", "trap 'echo caught' USR1; kill -USR1 $$; echo \"$#\"").await;
    assert_eq!(sub.success(), "caught\n0\n");
    let own = bench.finish_script("text", "cat \"$0\" # this very text\n").await;
    assert_eq!(own.success(), "cat \"$0\" # this very text\n");
    bench.release().await;
}

/// Reading from standard input ends at once.
pub async fn standard_input_is_empty(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    assert_eq!(bench.finish_script("read", "cat; echo end").await.success(), "end\n");
    bench.release().await;
}
