//! The environment is passed exactly.

use std::collections::BTreeMap;

use super::bench::{Bench, Factory};
use crate::executor::{Command, ExecutorError};

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
