//! What a person at a terminal sees.

use crate::program::{Place, Said};

const DEFINITION: &str = "name: p
stages:
  - name: Build
    order: parallel
    tasks:
      - {name: quick, script: 'echo one'}
      - {name: broken, script: 'echo two; exit 4'}
";

/// Runs the pipeline on a terminal of its own, which `script` makes. `None` where there is no such program.
fn on_a_terminal(options: &str, environment: &[(&str, &str)]) -> Option<Said> {
    let place = Place::with(DEFINITION);
    let program = env!("CARGO_BIN_EXE_windlass-under-test");
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &format!("stty rows 24 cols 80; '{program}' run ci.yaml {options}"), "/dev/null"]);
    script.current_dir(place.path()).stdin(std::process::Stdio::null()).env_remove("CI").env_remove("NO_COLOR");
    script.env("TERM", "xterm-256color").envs(environment.iter().copied());
    match script.output() {
        Ok(output) => Some(Said::from(output).expect(1)),
        Err(_) => {
            eprintln!("skipped: this needs the program `script`");
            None
        }
    }
}

const CLEARS_LINES: &str = "\u{1b}[2K";
const RED: &str = "\u{1b}[31m";

#[test]
fn a_live_tree_with_colours() {
    let Some(said) = on_a_terminal("", &[]) else { return };
    let text = said.text();
    assert!(text.contains(CLEARS_LINES) && text.contains(RED), "{text}");
    assert!(text.contains("p#1") && text.contains("quick |") && text.contains("broken"), "{text}");
    assert!(text.contains("what to do: "), "{text}");
}

#[test]
fn no_color_is_honoured() {
    let Some(said) = on_a_terminal("", &[("NO_COLOR", "1")]) else { return };
    assert!(said.text().contains(CLEARS_LINES) && !said.text().contains(RED), "{}", said.text());
}

#[test]
fn plain_lines_where_a_tree_would_not_do() {
    for (options, environment) in [("", [("TERM", "dumb")]), ("", [("CI", "true")]), ("--plain", [("LANG", "C")])] {
        let Some(said) = on_a_terminal(options, &environment) else { return };
        let text = said.text();
        assert!(!text.contains(CLEARS_LINES) && text.contains("started (Build)"), "{text}");
    }
}
