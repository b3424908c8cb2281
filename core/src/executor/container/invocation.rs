//! From a step to the request that starts it. Pure.

use std::collections::BTreeMap;

use super::place::Place;
use super::protocol::RequestId;
use crate::executor::shell::{LONGEST, bad_command, check_secret_names, check_variable, is_odd, quoted, shebang};
use crate::executor::{Command, ExecutorError, StepSpec};
use crate::pipeline::WorkspaceUse;

/// The variable by which a step's processes are known, wherever they went. As for local steps.
pub(in crate::executor) const COOKIE_NAME: &str = "WINDLASS_STEP";

/// Finds the program in `PATH` as a shell does, and becomes it. The helper's shell itself would take programs of the helper.
const FUNCTIONS: &str = r#"w_find() {
  w_path= w_seen=
  case $1 in */*) w_path=$1; return ;; esac
  w_rest=$PATH:
  while [ -n "$w_rest" ]; do
    w_one=${w_rest%%:*}
    w_rest=${w_rest#*:}
    [ -f "${w_one:-.}/$1" ] || continue
    w_seen=yes
    if [ -x "${w_one:-.}/$1" ]; then w_path=${w_one:-.}/$1; return; fi
  done
  return 1
}
w_become() {
  w_find "$1" || {
    if [ -n "$w_seen" ]; then echo "sh: $1: Permission denied"; exit 126; fi
    echo "sh: $1: not found"
    exit 127
  }
  shift
  w_run "$w_path" "$@"
}
"#;

/// What a step runs when it names no shell and its script neither.
const DEFAULT_SHELL: &str = r#"if w_find bash || w_find sh; then w_run "$w_path" -e "$w_script"; else w_run "$w_b" sh -e "$w_script"; fi
"#;

/// The request that starts a step.
#[derive(Debug)]
pub(super) struct Request {
    /// What comes before the number of the request.
    start: String,
    slug: String,
}

impl Request {
    /// The text that a launcher reads.
    pub(super) fn text(&self, id: RequestId) -> String {
        let Self { start, slug } = self;
        format!("{start} begin {id} {slug}; else say broken {id}; fi; else say taken {id}; fi\n")
    }
}

/// The request that starts a step. What is wrong with the step is told before anything is asked.
pub(super) fn request(place: &Place, step: &StepSpec) -> Result<Request, ExecutorError> {
    let slug = quoted(&step.key.slug());
    let mut put = String::new();
    if let Command::Script { text, .. } = &step.command {
        if text.contains('\0') {
            return Err(bad_command("the script contains a NUL byte".to_owned()));
        }
        put = format!("put {slug}.sh {} && ", quoted(text));
    }
    put += &secrets(step, &slug)?;
    let run = quoted(&run_file(place, step)?);
    Ok(Request { start: format!("if take {slug} taken; then if {put}put {slug}.run {run}; then"), slug })
}

/// The secret file in which the values are that become variables. No variable of a secret has such a name.
const VALUES: &str = ".values";

/// Writes the step's secrets into memory: its files, and one with what becomes variables.
fn secrets(step: &StepSpec, slug: &str) -> Result<String, ExecutorError> {
    check_secret_names(step.secrets.env.keys().chain(step.secrets.files.keys()))?;
    let mut text = String::new();
    for (name, content) in &step.secrets.files {
        text += &format!("hide {slug} {} {} && ", quoted(name), escaped(content.expose()));
    }
    if !step.secrets.env.is_empty() {
        let mut values = String::new();
        for (name, value) in &step.secrets.env {
            check_variable(name, value.expose())?;
            values += &format!("export {name}={}\n", quoted(value.expose()));
        }
        text += &format!("hide {slug} {VALUES} {} && ", escaped(values.as_bytes()));
    }
    Ok(text)
}

/// Any bytes as a format of `printf`.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 + 2);
    text.push('\'');
    for byte in bytes {
        text += &format!("\\{byte:03o}");
    }
    text.push('\'');
    text
}

/// What the shim reads to become the step.
fn run_file(place: &Place, step: &StepSpec) -> Result<String, ExecutorError> {
    let slug = step.key.slug();
    let workspace = match step.workspace {
        WorkspaceUse::Shared => place.workspace.clone(),
        WorkspaceUse::None => format!("{}/{slug}.workspace", place.states),
    };
    let mut text = FUNCTIONS.to_owned();
    if step.workspace == WorkspaceUse::None {
        text += &format!("\"$w_b\" mkdir {} || exit 126\n", quoted(&workspace));
    }
    let (plain, odd) = environment(place, step, &workspace)?;
    text +=
        &format!("cd {} || {{ echo 'windlass: the workspace cannot be entered'; exit 126; }}\n", quoted(&workspace));
    if let Some(folder) = &step.container.options.working_folder {
        let folder = quoted(folder);
        text +=
            &format!("cd {folder} || {{ echo windlass: the working folder {folder} cannot be entered; exit 126; }}\n");
    }
    text += "[ -n \"$HOME\" ] && [ -w \"$HOME\" ] || export HOME=/tmp\n";
    for (name, value) in &plain {
        text += &format!("export {name}={}\n", quoted(value));
    }
    for name in step.secrets.files.keys() {
        text += &format!("export {name}={}\n", quoted(&format!("{}/{slug}/{name}", place.secrets)));
    }
    if !step.secrets.env.is_empty() {
        let values = quoted(&format!("{}/{slug}/{VALUES}", place.secrets));
        text += &format!(". {values}; \"$w_b\" rm -f {values}\n");
    }
    text += &become_with(&odd);
    text += &format!("w_script={}\n", quoted(&format!("{}/{slug}.sh", place.states)));
    text += &entrypoint(&step.container.options.entrypoint)?;
    text += &command(&step.command)?;
    Ok(text)
}

/// `w_exec`: becomes a program, with the variables that a shell would drop or change. Until it does, some microseconds later,
/// these can be seen in its arguments by the user of the step; a secret should have a name that a shell knows.
fn become_with(odd: &BTreeMap<String, String>) -> String {
    let unset = "unset PWD OLDPWD SHLVL";
    if odd.is_empty() {
        return format!("w_exec() {{ {unset}; exec \"$@\"; }}\n");
    }
    let words: String = odd.iter().map(|(name, value)| format!(" {}", quoted(&format!("{name}={value}")))).collect();
    format!("w_exec() {{ {unset}; exec \"$w_b\" env --{words} \"$@\"; }}\n")
}

/// `w_run`: becomes a program by way of the entrypoint, when there is one.
fn entrypoint(argv: &[String]) -> Result<String, ExecutorError> {
    let Some((program, _)) = argv.split_first() else {
        return Ok("w_run() { w_exec \"$@\"; }\n".to_owned());
    };
    words(argv)?;
    let arguments: String = argv[1..].iter().map(|word| format!(" {}", quoted(word))).collect();
    let program = quoted(program);
    Ok(format!(
        "w_run() {{ w_find {program} || {{ echo sh: {program}: not found; exit 127; }}; w_exec \"$w_path\"{arguments} \"$@\"; }}\n"
    ))
}

fn command(command: &Command) -> Result<String, ExecutorError> {
    let (text, shell) = match command {
        Command::Program { argv } => return Ok(format!("w_become{}\n", words(argv)?)),
        Command::Script { text, shell } => (text, shell),
    };
    let shell: Vec<String> = match (shell, shebang(text)) {
        (Some(shell), _) => shell.split_whitespace().map(str::to_owned).collect(),
        (None, Some(interpreter)) => interpreter,
        (None, None) => return Ok(DEFAULT_SHELL.to_owned()),
    };
    Ok(format!("w_become{} \"$w_script\"\n", words(&shell)?))
}

fn words(argv: &[String]) -> Result<String, ExecutorError> {
    match argv.first().map(String::as_str) {
        None | Some("") => return Err(bad_command("the step names no program".to_owned())),
        Some(name) if name.starts_with('-') => {
            return Err(bad_command(format!("the program's name {name:?} begins with a dash")));
        }
        Some(_) => {}
    }
    let mut text = String::new();
    for word in argv {
        if word.contains('\0') {
            return Err(bad_command("an argument contains a NUL byte".to_owned()));
        }
        if word.len() > LONGEST {
            return Err(bad_command(format!("an argument has {} bytes, more than the system passes", word.len())));
        }
        text.push(' ');
        text += &quoted(word);
    }
    Ok(text)
}

type Variables = BTreeMap<String, String>;

/// The step's variables, over those of its container: those that a shell passes on as they are, and the odd ones.
fn environment(place: &Place, step: &StepSpec, workspace: &str) -> Result<(Variables, Variables), ExecutorError> {
    let slug = step.key.slug();
    let mut all = step.env.clone();
    all.insert("WORKSPACE".to_owned(), workspace.to_owned());
    all.insert("WINDLASS_OUTPUT".to_owned(), format!("{}/{slug}.out", place.states));
    all.insert(COOKIE_NAME.to_owned(), format!("{}/{slug}", step.key.run));
    // The files of the workspace may be another user's, which git would not touch otherwise.
    if !all.keys().any(|name| name.starts_with("GIT_CONFIG")) {
        let safe = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")];
        all.extend(safe.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    for (name, value) in &all {
        check_variable(name, value)?;
    }
    // Ours while the file is read.
    Ok(all.into_iter().partition(|(name, _)| !is_odd(name) && !name.starts_with("w_")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::pipeline::{Isolation, Resources, TaskId};
    use crate::run::{RunId, StepKey};

    fn step(command: Command) -> StepSpec {
        let run = RunId::new(SystemClock::resume(None).new_id());
        StepSpec {
            key: StepKey { run, task: TaskId::new("unit"), attempt: 1 },
            generation: 1,
            resumed: false,
            command,
            env: BTreeMap::new(),
            secrets: Default::default(),
            image: None,
            resources: Resources::default(),
            container: Default::default(),
            isolation: Isolation::Run,
            workspace: WorkspaceUse::Shared,
        }
    }

    fn place(step: &StepSpec) -> Place {
        Place {
            busybox: "/b".to_owned(),
            states: "/s".to_owned(),
            secrets: "/t".to_owned(),
            workspace: "/w".to_owned(),
            name: "one".to_owned(),
            run: step.key.run,
        }
    }

    #[test]
    fn texts_stay_one_word_of_the_request() {
        let step = step(Command::Script { text: "it's `$(x)`; fi\n".to_owned(), shell: None });
        let request = request(&place(&step), &step).unwrap().text(4);
        assert!(request.contains(r".sh 'it'\''s `$(x)`; fi"));
        assert!(request.ends_with("else say taken 4; fi\n"), "{request}");
    }

    #[test]
    fn what_no_system_passes_is_refused_before_the_token_is_taken() {
        let bad = [
            Command::Program { argv: vec![] },
            Command::Program { argv: vec!["-x".to_owned()] },
            Command::Program { argv: vec!["a\0".to_owned()] },
            Command::Program { argv: vec!["a".to_owned(), "x".repeat(LONGEST + 1)] },
            Command::Script { text: "a\0".to_owned(), shell: None },
        ];
        for command in bad {
            let step = step(command);
            assert!(matches!(request(&place(&step), &step), Err(ExecutorError::BadStep { .. })), "{step:?}");
        }
    }
}
