//! What can be typed.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::args::{Cli, Verb};
use crate::cli::main_with;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_definition_of_the_arguments_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_verb_has_examples() {
    for verb in Cli::command().get_subcommands() {
        let help = verb.clone().render_help().to_string();
        assert!(help.contains("Examples:\n  windlass "), "{help}");
    }
}

#[test]
fn parameters_are_names_and_values() {
    let Verb::Run(args) = parse("windlass run ci.yaml --param A=1 --param B=x=y --param C=").unwrap().verb else {
        panic!("it is `run`");
    };
    let values = args.parameters.by_name().unwrap();
    let typed: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(typed, ["A=1", "B=x=y", "C="]);
    assert!(parse("windlass run ci.yaml --param A").is_err());
    assert!(parse("windlass run ci.yaml --param =1").is_err());
}

#[test]
fn a_parameter_cannot_have_two_values() {
    let Verb::Plan(args) = parse("windlass plan ci.yaml --param A=1 --param A=2").unwrap().verb else {
        panic!("it is `plan`");
    };
    assert!(args.parameters.by_name().unwrap_err().contains("given twice"));
}

#[test]
fn what_cannot_be_is_refused() {
    for line in [
        "windlass",
        "windlass run",
        "windlass run a.yaml b.yaml",
        "windlass run a.yaml --max-tasks 0",
        "windlass run a.yaml --json --plain",
        "windlass run a.yaml --executor a/b",
        "windlass runs --status finished",
        "windlass runs --limit 0",
        "windlass logs latest --attempt 1",
        "windlass attach --after 3",
        "windlass show latest --at 3 --trace",
        "windlass approve latest sign-off",
        "windlass logs latest --tail 3 -f",
        "windlass logs latest --ignore-case",
        "windlass runs --since soon",
        "windlass fly",
    ] {
        assert_eq!(
            format!("{:?}", main_with(line.split(' ').map(Into::into))),
            format!("{:?}", ExitCode::from(2)),
            "{line}"
        );
    }
}

#[test]
fn states_are_written_as_in_events() {
    let Verb::Runs(args) = parse("windlass runs --status timedOut --status failed").unwrap().verb else {
        panic!("it is `runs`");
    };
    assert_eq!(args.status.len(), 2);
}
