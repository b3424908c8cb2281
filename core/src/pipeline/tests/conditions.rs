//! CEL: what it gives, and that nothing it is given breaks it.

use std::borrow::Cow;

use indexmap::IndexMap;
use proptest::prelude::*;

use crate::pipeline::*;

struct Tasks;

impl TaskFacts for Tasks {
    fn state(&self, task: &str) -> Cow<'_, str> {
        if task == "unit" { "failed".into() } else { "".into() }
    }
    fn output(&self, task: &str, key: &str) -> Cow<'_, str> {
        if (task, key) == ("unit", "VERSION") { "1.2".into() } else { "".into() }
    }
}

fn evaluate(expression: &str) -> Result<bool, String> {
    let condition = Condition::parse(expression).map_err(|error| error.to_string())?;
    let parameters = IndexMap::from(
        [("TARGET", "prod"), ("commit", "clash"), ("int", "clash"), ("N", "5")]
            .map(|(k, v)| (k.to_owned(), v.to_owned())),
    );
    let commit = CommitInfo { sha: "0123456789abcdef".to_owned(), branch: "main".to_owned(), ..CommitInfo::default() };
    let trigger = TriggerInfo::default();
    let scope = ConditionScope { parameters: &parameters, trigger: &trigger, commit: &commit, tasks: &Tasks };
    condition.evaluate(&scope).map_err(|error| format!("{error}; {}", error.advice))
}

#[test]
fn conditions_look_at_the_values_of_the_run() {
    for (expression, holds) in [
        ("TARGET == 'prod' && commit.branch == 'main'", true),
        ("params.TARGET == \"dev\"", false),
        ("params['TARGET'] in ['dev', 'prod']", true),
        ("params.commit == 'clash' && params['int'] == 'clash'", true),
        ("commit.shortSha == '01234567' && commit.tag == ''", true),
        ("trigger.kind == 'manual' && trigger.actor == ''", true),
        ("tasks['unit'].state == 'failed' && tasks['unit'].outputs.VERSION == '1.2'", true),
        ("tasks.unit.outputs['NONE'] == ''", true),
        ("tasks['other'].state == ''", true),
        ("commit.branch.matches('^(main|release/.*)$')", true),
        ("['main', 'dev'].exists(b, commit.branch == b)", true),
        ("['a', 'b'].filter(x, x != 'a').size() == 1", true),
        ("int(N) > 4", true),
        ("has(params.NOPE) || !has(params.TARGET)", false),
        ("TARGET == 'x' ? true : commit.branch != 'main'", false),
        ("commit.message.size() == 0", true),
    ] {
        assert_eq!(evaluate(expression), Ok(holds), "{expression}");
    }
}

#[test]
fn what_is_neither_true_nor_false_is_an_error() {
    insta::assert_snapshot!(evaluate("TARGET").unwrap_err());
    insta::assert_snapshot!("compares_text_with_number", evaluate("N > 4").unwrap_err());
    insta::assert_snapshot!("divides_by_zero", evaluate("1 / 0 == 1").unwrap_err());
}

#[test]
fn big_and_deep_expressions_are_refused_or_fit_a_small_stack() {
    let expressions = [
        format!("{}true{}", "(".repeat(20), ")".repeat(20)),
        format!("{}true", "!".repeat(190)),
        format!("{}1 == 1", "-".repeat(190)),
        format!("1{} == 200", " + 1".repeat(190)),
        format!("true{}", " && true".repeat(95)),
        format!("TARGET{} in ['x']", " in ['x']".repeat(60)),
        "a b ".repeat(900),
        format!("{}true", "true ? true : ".repeat(20)),
        format!("{}true{}", "[".repeat(24), "]".repeat(24)),
        format!("commit{}", ".a".repeat(190)),
        format!("commit{}", "[0]".repeat(190)),
        "(".repeat(5000),
        "!".repeat(5000),
        "a?".repeat(2000),
        "-".repeat(4000),
        "[".repeat(4000),
        "{'a':".repeat(800),
        "\"".repeat(4000),
        "a in ".repeat(800),
        "a.b(".repeat(1000),
    ];
    let small = std::thread::Builder::new().stack_size(1024 * 1024).spawn(move || {
        for expression in expressions {
            let _ = evaluate(&expression);
        }
    });
    small.unwrap().join().unwrap();
}

#[test]
fn no_loop_makes_more_of_what_it_is_given() {
    for expression in [
        "['a'].map(x, x + x) == []",
        "['a'].exists(x, ['b'].exists(y, x == y))",
        "['a'].all(x, (x + x) == 'aa')",
        "['a'].filter(x, ['b'].filter(y, y == x).size() > 0) == []",
        "['a'].filter(x, true).map(y, y + y).size() == 1",
    ] {
        assert!(evaluate(expression).is_err(), "{expression}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_refused_without_a_panic(text in any::<String>()) {
        let _ = evaluate(&text);
    }

    #[test]
    fn almost_expressions_are_refused_without_a_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "a", "TARGET", "commit", ".branch", "params", "tasks", "['unit']", ".state", "(", ")", "[", "]", "{", "}", "==", "!=", "&&", "||",
            "!", "-", "+", "*", "/", "%", "?", ":", ",", "'x'", "\"y\"", "'", "\"", "\\", "1", "1u", "1.5", "0x", "in", "true", "null", ".exists(x, ",
            ".map(", ".filter(y, ", "has(", "size(", "int(", "b'x'", "r'", "'''", "//", "\n", "é", "🦀", ".", "@", "$", "`", ".?", "[?", "\\u12", "'\\x'", "9999999999999999999", "string(", "bytes(", "1e400",
        ]), 0..12)
    ) {
        let _ = evaluate(&pieces.join(" "));
        let _ = evaluate(&pieces.concat());
    }
}
