//! The environment is passed exactly.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bench::{Bench, Factory, LogReader, text};
use crate::executor::{Command, ExecutorError};
use crate::secret::{SecretBytes, SecretText};

/// What an executor may add by itself, with what shells add when they start.
const ADDED: &[&str] = &["PATH", "HOME", "WORKSPACE", "WINDLASS_OUTPUT", "WINDLASS_STEP"];

/// Runs `env -0` and compares all that it shows. An image or a container may add names of its own.
async fn check(bench: &Bench<'_>, task: &str, given: &[(&str, &str)]) {
    let mut step = bench.program(task, &["env", "-0"]);
    step.env = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let shown = bench.finish(&step).await.success();
    let shown: BTreeMap<&str, &str> = shown.split_terminator('\0').filter_map(|entry| entry.split_once('=')).collect();
    for (name, value) in given {
        let got = shown.get(name).unwrap_or_else(|| panic!("{name:?} did not reach the step: {:?}", shown.keys()));
        assert!(got == value, "{name:?} is {:.200?} instead of {:.200?}", got, value);
    }
    if bench.executor.capabilities().images {
        return;
    }
    for name in shown.keys() {
        assert!(ADDED.contains(name) || given.iter().any(|(known, _)| known == name), "{name:?} was added");
    }
    for name in ["WORKSPACE", "WINDLASS_OUTPUT", "PATH"] {
        assert!(shown.contains_key(name), "{name} is missing");
    }
}

/// The step sees the given variables with their values, and nothing else but what the executor provides.
pub async fn environment_is_exact(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    check(&bench, "none", &[]).await;
    let given =
        [("A", "1"), ("EMPTY", ""), ("SPACES", "  a  b "), ("HOME", "/elsewhere"), ("LANG", "C"), ("x", "lower")];
    check(&bench, "plain", &given).await;
    let mut step = bench.script("script", "printf '%s|' \"$A\" \"$NL\" \"$HOME\"");
    step.env = [("A", "$(echo no)"), ("NL", "a\nb\n"), ("HOME", "/else where")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    assert_eq!(bench.finish(&step).await.success(), "$(echo no)|a\nb\n|/else where|");
    bench.release().await;
}

/// Names that no shell knows, names that shells obey, and values with every character.
pub async fn awkward_variables(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let given = [
        ("A.B", "dot"),
        ("with-dash", "dash"),
        ("1digit", "digit"),
        ("sp ace", "space"),
        ("BASH_FUNC_x%%", "() {  :\n}"),
        ("ü", "ü"),
        ("IFS", "q"),
        ("OPTIND", "7"),
        ("PWD", "/nope"),
        ("PS4", "$(echo no)"),
        ("BASH_ENV", "/no/such"),
        ("ENV", "/no/such"),
        ("SHLVL", "41"),
        ("-u", "option"),
        ("_", "under"),
        ("OLDPWD", "/old"),
        ("PPID", "1"),
        ("VALUE", "a=b=c\n\n'\"`$(x)\\ \t\r*?;&|<>\u{1}ü\n"),
        ("QUOTES", "'"),
    ];
    check(&bench, "awkward", &given).await;
    check(&bench, "newlines", &[("VALUE", "\n\na=1\nB=2\n"), ("EQUALS", "==")]).await;
    bench.release().await;
}

/// Values of 100 KB, and many of them.
pub async fn large_variables(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let large = "x".repeat(100_000);
    check(&bench, "large", &[("LARGE", &large), ("DOTTED.LARGE", &large), ("AFTER", "1")]).await;
    let names: Vec<String> = (0..500).map(|number| format!("NAME_{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "value")).collect();
    check(&bench, "many", &many).await;
    let text = format!("# {}\necho end\n", "comment ".repeat(50_000));
    let step = bench.step("script", Command::Script { text, shell: Some("sh".to_owned()) });
    assert_eq!(bench.finish(&step).await.success(), "end\n", "a large script");
    bench.release().await;
}

/// Secrets reach the step as they are: values, and files that only the step's user can read, outside of the workspace. They win
/// over the environment, and nothing shows them.
pub async fn secrets_reach_the_step(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let script = "printf '%s|' \"$TOKEN\" \"$(cat \"$KEY\")\"; ls -l \"$KEY\" | cut -c5-10; \
                ls -ld \"${KEY%/*}\" | cut -c5-10; case \"$KEY\" in \"$WORKSPACE\"/*) echo inside;; /*) echo outside;; esac";
    let mut step = bench.script("secrets", script);
    step.env.insert("TOKEN".to_owned(), "of the environment".to_owned());
    step.secrets.env.insert("TOKEN".to_owned(), SecretText::new("a 'secret' $value\nof two lines"));
    step.secrets.files.insert("KEY".to_owned(), SecretBytes::new("a file\nwith $(no) line end"));
    let shown = format!("{step:?}");
    assert!(!shown.contains("of two lines") && !shown.contains("line end"), "{shown}");
    let expected = "a 'secret' $value\nof two lines|a file\nwith $(no) line end|------\n------\noutside\n";
    assert_eq!(bench.finish(&step).await.success(), expected);
    bench.release().await;
}

/// Secret files are gone when the step has ended, and when it was stopped.
pub async fn secret_files_go_with_the_step(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let with_file = |task: &str, script: &str| {
        let mut step = bench.script(task, script);
        step.secrets.files.insert("KEY".to_owned(), SecretBytes::new("the content"));
        step
    };
    let look = |task: &str, path: &str| bench.script(task, &format!("test -e '{path}' && echo there || echo gone"));
    let path = bench.finish(&with_file("ends", "printf %s \"$KEY\"")).await.success();
    assert_eq!(bench.finish(&look("look", &path)).await.success(), "gone\n", "after the end");

    let step = with_file("hangs", "printf '%s\\n' \"$KEY\"; exec sleep 1000");
    bench.must("start", bench.executor.start(&step)).await;
    let mut log = LogReader::new(&bench, &step.key, 0);
    log.until(&bench, "\n").await;
    bench.must("stop", bench.executor.stop(&step.key, Duration::ZERO)).await;
    let _ = bench.within("wait", bench.executor.wait(&step.key)).await;
    let path = text(&log.bytes);
    assert_eq!(bench.finish(&look("look-again", path.trim())).await.success(), "gone\n", "after a stop");
    bench.release().await;
}

/// What no system passes is refused before the start, with the name.
pub async fn names_that_cannot_be(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    for (task, name, value) in [("empty", "", "x"), ("equals", "A=B", "x"), ("nul", "NUL", "a\0b")] {
        let mut step = bench.script(task, "true");
        step.env.insert(name.to_owned(), value.to_owned());
        let refused = bench.within("start", bench.executor.start(&step)).await;
        assert!(matches!(refused, Err(ExecutorError::BadStep { .. })), "{task}: {refused:?}");
    }
    bench.release().await;
}
