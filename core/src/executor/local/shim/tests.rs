use super::*;
use crate::pipeline::{Isolation, Resources, TaskId, WorkspaceUse};
use crate::run::{RunId, StepKey};

fn host() -> Host {
    Host {
        sh: "/bin/sh".into(),
        bash: Some("/usr/bin/bash".into()),
        env: "/usr/bin/env".into(),
        cat: "/usr/bin/cat".into(),
        path: "/usr/bin:/bin".to_owned(),
        home: Some("/home/ci".to_owned()),
        inherited: BTreeMap::new(),
    }
}

fn step(command: Command, env: &[(&str, &str)]) -> StepSpec {
    StepSpec {
        key: StepKey { run: RunId::new(uuid::Uuid::nil()), task: TaskId::new("unit"), attempt: 1 },
        generation: 1,
        resumed: false,
        command,
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        secrets: Default::default(),
        image: None,
        resources: Resources::default(),
        container: Default::default(),
        isolation: Isolation::Run,
        workspace: WorkspaceUse::Shared,
    }
}

fn script(text: &str, shell: Option<&str>) -> Command {
    Command::Script { text: text.to_owned(), shell: shell.map(str::to_owned) }
}

fn argv(words: &[&str]) -> Command {
    Command::Program { argv: words.iter().map(|word| (*word).to_owned()).collect() }
}

fn launched(host: &Host, command: Command, env: &[(&str, &str)]) -> Result<Launch, ExecutorError> {
    let step = step(command, env);
    let folder = super::super::layout::RunFolder::new(Path::new("/data"), step.key.run).step(&step.key);
    launch(host, &step, &folder, Path::new("/data/workspace"), false)
}

/// The shim's shell, and the words that it executes; no words when it sources the script.
fn shape(command: Command, env: &[(&str, &str)]) -> (String, Vec<String>) {
    shape_on(&host(), command, env)
}

fn shape_on(host: &Host, command: Command, env: &[(&str, &str)]) -> (String, Vec<String>) {
    let launch = launched(host, command, env).unwrap();
    let words =
        |word: &CString| word.to_str().unwrap().replace("/data/00000000-0000-0000-0000-000000000000/steps/", "");
    let script = launch.argv[3].to_str().unwrap().ends_with("/script");
    assert_eq!(script, launch.argv.len() == 6 && launch.argv[2].to_str().unwrap().contains(". \"$0\""));
    (
        words(&launch.program),
        launch.argv[6..].iter().map(words).map(|word| word.rsplit("/").next().unwrap().to_owned()).collect(),
    )
}

#[test]
fn ordinary_scripts_are_sourced() {
    let sourced = |shell: &str| (shell.to_owned(), Vec::new());
    assert_eq!(shape(script("true", None), &[]), sourced("/usr/bin/bash"));
    assert_eq!(shape(script("true", Some("bash")), &[]), sourced("/usr/bin/bash"));
    assert_eq!(shape(script("true", Some("sh")), &[]), sourced("/bin/sh"));
    assert_eq!(shape(script("true", Some("/bin/sh  -e")), &[("A", "1")]), sourced("/bin/sh"));
    assert_eq!(shape_on(&Host { bash: None, ..host() }, script("true", None), &[]), sourced("/bin/sh"));
}

#[test]
fn scripts_that_would_notice_are_executed() {
    let executed = |words: &[&str]| ("/bin/sh".to_owned(), words.iter().map(|word| (*word).to_owned()).collect());
    assert_eq!(shape(script("kill $$", Some("sh")), &[]), executed(&["sh", "script"]));
    assert_eq!(shape(script("echo ${$}", None), &[]), executed(&["bash", "-e", "script"]));
    assert_eq!(shape(script("true", None), &[("BASH_ENV", "x")]), executed(&["bash", "-e", "script"]));
    assert_eq!(shape(script("true", Some("sh")), &[("PATH", "/own")]), executed(&["sh", "script"]));
    assert_eq!(shape(script("true", Some("sh -x")), &[]), executed(&["sh", "-x", "script"]));
    assert_eq!(shape(script("true", Some("python3 -u")), &[]), executed(&["python3", "-u", "script"]));
    assert_eq!(shape(script("#!/usr/bin/env python3\n", None), &[]), executed(&["env", "python3", "script"]));
    assert_eq!(shape(script("#! /bin/cat -a b \r\n", None), &[]), executed(&["cat", "-a b", "script"]));
    assert_eq!(shape(argv(&["make", "all"]), &[]), executed(&["make", "all"]));
}

#[test]
fn the_text_of_a_script_is_never_an_argument() {
    let launch = launched(&host(), script("echo secret-text", None), &[("TOKEN", "secret-value")]).unwrap();
    assert_eq!(launch.files, [("script", "echo secret-text".to_owned())]);
    assert!(launch.argv.iter().all(|word| !word.to_str().unwrap().contains("secret")));
    assert!(launch.env.contains(&c"TOKEN=secret-value".to_owned()));
}

#[test]
fn odd_variables_go_through_a_file() {
    let launch = launched(&host(), argv(&["make"]), &[("A.B", "it's"), ("PLAIN", "1")]).unwrap();
    assert_eq!(launch.files, [("launch", "exec '/usr/bin/env' -- 'A.B=it'\\''s' \"$@\"\n".to_owned())]);
    assert!(launch.env.contains(&c"PLAIN=1".to_owned()));
    assert!(launch.env.iter().all(|entry| !entry.to_str().unwrap().contains("A.B")));
}

#[test]
fn the_steps_own_values_win_over_the_executors_but_not_over_its_places() {
    let env = [("HOME", "/own"), ("WORKSPACE", "/own"), ("WINDLASS_OUTPUT", "/own"), ("WINDLASS_STEP", "own")];
    let launch = launched(&host(), argv(&["make"]), &env).unwrap();
    let value = |name: &str| {
        let entry = launch.env.iter().find_map(|entry| entry.to_str().unwrap().strip_prefix(&format!("{name}=")));
        entry.unwrap().to_owned()
    };
    assert_eq!(
        (value("HOME"), value("PATH"), value("WORKSPACE")),
        ("/own".into(), "/usr/bin:/bin".into(), "/data/workspace".into())
    );
    assert!(value("WINDLASS_OUTPUT").starts_with("/data/") && value("WINDLASS_STEP").starts_with("00000000-"));
}

#[test]
fn what_cannot_be_started_is_told_before_the_start() {
    for words in [&[][..], &[""], &["-c", "x"], &["a\0b"]] {
        assert!(matches!(launched(&host(), argv(words), &[]), Err(ExecutorError::BadStep { .. })), "{words:?}");
    }
    let long = "x".repeat(LONGEST + 1);
    assert!(matches!(launched(&host(), argv(&["echo", &long]), &[]), Err(ExecutorError::BadStep { .. })));
    assert!(matches!(launched(&host(), argv(&["echo"]), &[("LONG", &long)]), Err(ExecutorError::BadStep { .. })));
    assert!(matches!(launched(&host(), argv(&["a=b"]), &[("A.B", "x")]), Err(ExecutorError::BadStep { .. })));
    assert!(matches!(launched(&host(), script("", Some(" ")), &[]), Err(ExecutorError::BadStep { .. })));
    assert!(matches!(launched(&host(), script("#!\n", None), &[]), Err(ExecutorError::BadStep { .. })));
}
