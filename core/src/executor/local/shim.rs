//! What is started for a step: a small shell program that takes the token, runs the command and writes how it ended.
//! Pure: from a step to a program, its arguments, its environment and its files.
//!
//! The shim costs the price of one fork over the plain shell when it can *source* the script, in a subshell of itself.
//! It does so only where the script cannot tell the difference; otherwise it executes the command as a process of its own.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::layout::StepFolder;
use super::marked::COOKIE_NAME;
use crate::executor::shell::{LONGEST, bad_command, check_secret_names, check_variable, is_odd, quoted, shebang};
use crate::executor::{Command, ExecutorError, StepSpec};

/// Takes the token or leaves without a trace. Builtins only. The traps are reset to the default in the subshell, so that the
/// command dies of a signal to the whole session while the shim lives to write how it ended. `$1` is the step's folder.
const TAKE: &str = "trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2; exec 2>/dev/null; set -C
printf '%s\\n' $$ >\"$1/token\" || exit 3
";
/// The planted bug: starts even when the token is taken.
const TAKE_ANYWAY: &str = "trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2; exec 2>/dev/null
printf '%s\\n' $$ >\"$1/token\"
";
/// Goes to the workspace, `$2`. What the shim says there goes to the log.
const ENTER: &str =
    "( cd \"$2\" || { echo 'windlass: the workspace cannot be entered' ; exit 126 ; }; unset OLDPWD; set +C\n";
/// Runs the script, whose path is the shim's own name.
const SOURCE: &str = "set --; . \"$0\" ) 2>&1\n";
const SOURCE_STRICT: &str = "set -e --; . \"$0\" ) 2>&1\n";
/// Becomes the command.
const EXECUTE: &str = "unset PWD; shift 2; exec \"$@\" ) 2>&1\n";
/// Becomes the command with variables that the shell itself would drop or change.
const EXECUTE_LAUNCH: &str = "unset PWD; windlass_launch=\"$1/launch\"; shift 2; . \"$windlass_launch\" ) 2>&1\n";
const WRITE_EXIT: &str = "printf '%s.\\n' \"$?\" >>\"$1/token\"\n";
/// The same for a step that has secret files: they go first, also where no engine lives to remove them.
const WRITE_EXIT_WITHOUT_SECRETS: &str =
    "windlass_end=$?; /bin/rm -rf \"$1/secrets\"; printf '%s.\\n' \"$windlass_end\" >>\"$1/token\"\n";

/// What the executor knows of its machine.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) sh: PathBuf,
    pub(super) bash: Option<PathBuf>,
    pub(super) env: PathBuf,
    pub(super) cat: PathBuf,
    pub(super) path: String,
    pub(super) home: Option<String>,
    /// What steps get of the embedder's environment because it asked for that.
    pub(super) inherited: BTreeMap<String, String>,
}

/// Everything that a start needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Launch {
    pub(super) program: CString,
    pub(super) argv: Vec<CString>,
    pub(super) env: Vec<CString>,
    /// Files of the step's folder: name and text.
    pub(super) files: Vec<(&'static str, String)>,
}

impl Host {
    /// Looks around on this machine.
    pub(super) fn detect(inherit: &[String]) -> Self {
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
        let find =
            |name: &str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_program(file));
        let bash = find("bash").or_else(|| Some(PathBuf::from("/bin/bash")).filter(|file| is_program(file)));
        let env = find("env").unwrap_or_else(|| PathBuf::from("/usr/bin/env"));
        let cat = find("cat").unwrap_or_else(|| PathBuf::from("/bin/cat"));
        let home = std::env::var("HOME").ok();
        let inherited = inherit.iter().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?))).collect();
        Self { sh: PathBuf::from("/bin/sh"), bash, env, cat, path, home, inherited }
    }
}

fn is_program(file: &Path) -> bool {
    file.is_absolute() && nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok() && file.is_file()
}

/// How the shim runs the command.
enum Way {
    /// The shim is this shell, and sources the script.
    Source { shell: PathBuf, strict: bool },
    /// A process of its own.
    Execute { argv: Vec<CString> },
}

/// What starts the step; `ignore_token` plants a bug.
pub(super) fn launch(
    host: &Host,
    step: &StepSpec,
    folder: &StepFolder,
    workspace: &Path,
    ignore_token: bool,
) -> Result<Launch, ExecutorError> {
    let (plain, odd) = environment(host, step, folder, workspace)?;
    let way = way(host, step, folder, odd.is_empty())?;
    let mut files = Vec::new();
    if let Command::Script { text, .. } = &step.command {
        files.push(("script", text.clone()));
    }
    let take = if ignore_token { TAKE_ANYWAY } else { TAKE };
    let mut code = format!("{take}{ENTER}");
    let (shell, name, arguments) = match way {
        Way::Source { shell, strict } => {
            code += if strict { SOURCE_STRICT } else { SOURCE };
            (shell, path_argument(&folder.script())?, Vec::new())
        }
        Way::Execute { argv } => {
            code += if odd.is_empty() { EXECUTE } else { EXECUTE_LAUNCH };
            if !odd.is_empty() {
                files.push(("launch", launch_file(host, &odd)));
            }
            (host.sh.clone(), argument("windlass")?, argv)
        }
    };
    code += if step.secrets.files.is_empty() { WRITE_EXIT } else { WRITE_EXIT_WITHOUT_SECRETS };
    let program = path_argument(&shell)?;
    let mut argv = vec![program.clone(), argument("-c")?, argument(&code)?, name];
    argv.extend([path_argument(folder.path())?, path_argument(workspace)?]);
    argv.extend(arguments);
    let env = plain.iter().map(|(name, value)| argument(&format!("{name}={value}"))).collect::<Result<_, _>>()?;
    Ok(Launch { program, argv, env, files })
}

fn way(host: &Host, step: &StepSpec, folder: &StepFolder, env_is_plain: bool) -> Result<Way, ExecutorError> {
    let (text, shell) = match &step.command {
        Command::Program { argv } => return Ok(Way::Execute { argv: program(argv)? }),
        Command::Script { text, shell } => (text, shell),
    };
    let script = path_argument(&folder.script())?;
    let words: Vec<String> = match (shell, shebang(text)) {
        (Some(shell), _) => shell.split_whitespace().map(str::to_owned).collect(),
        (None, Some(words)) => words,
        (None, None) => vec![path_text(host.bash.as_deref().unwrap_or(&host.sh))?, "-e".to_owned()],
    };
    let own_path = step.env.get("PATH").is_some_and(|path| *path != host.path);
    if env_is_plain
        && !tells_processes_apart(text)
        && let Some((shell, strict)) = known_shell(host, &words, own_path)
    {
        return Ok(Way::Source { shell, strict });
    }
    let mut argv = program(&words)?;
    argv.push(script);
    Ok(Way::Execute { argv })
}

/// Whether the script might see that it shares its process id with the shim, or kill the shim by it.
fn tells_processes_apart(text: &str) -> bool {
    ["$$", "${$", "PPID", "SHLVL"].iter().any(|word| text.contains(word))
}

/// The shell that the words name, when the shim can be that shell.
fn known_shell(host: &Host, words: &[String], own_path: bool) -> Option<(PathBuf, bool)> {
    let (name, strict) = match words {
        [name] => (name.as_str(), false),
        [name, option] if option == "-e" => (name.as_str(), true),
        _ => return None,
    };
    let is = |shell: &Path, short: &str| shell.to_str() == Some(name) || (name == short && !own_path);
    match &host.bash {
        Some(bash) if is(bash, "bash") => Some((bash.clone(), strict)),
        _ if is(&host.sh, "sh") => Some((host.sh.clone(), strict)),
        _ => None,
    }
}

fn program(words: &[String]) -> Result<Vec<CString>, ExecutorError> {
    match words.first().map(String::as_str) {
        None | Some("") => Err(bad_command("the step names no program".to_owned())),
        Some(name) if name.starts_with('-') => {
            Err(bad_command(format!("the program's name {name:?} begins with a dash")))
        }
        Some(_) => words.iter().map(|word| argument(word)).collect(),
    }
}

type Variables = BTreeMap<String, String>;

/// The step's variables: those that a shell passes on as they are, and the odd ones that it would drop or change.
fn environment(
    host: &Host,
    step: &StepSpec,
    folder: &StepFolder,
    workspace: &Path,
) -> Result<(Variables, Variables), ExecutorError> {
    let mut all = Variables::from([("PATH".to_owned(), host.path.clone())]);
    all.extend(host.home.clone().map(|home| ("HOME".to_owned(), home)));
    all.extend(host.inherited.clone());
    all.extend(step.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    all.extend(secrets(step, folder)?);
    all.insert("WORKSPACE".to_owned(), path_text(workspace)?);
    all.insert("WINDLASS_OUTPUT".to_owned(), path_text(&folder.output())?);
    all.insert(COOKIE_NAME.to_owned(), folder.cookie_value());
    for (name, value) in &all {
        check_variable(name, value)?;
    }
    let (odd, plain): (Variables, Variables) = all.into_iter().partition(|(name, _)| is_odd(name));
    if !odd.is_empty()
        && let Command::Program { argv } = &step.command
        && argv.first().is_some_and(|program| program.contains('='))
    {
        return Err(bad_command("a program with `=` in its name cannot have such variables".to_owned()));
    }
    Ok((plain, odd))
}

/// The variables of the step's credentials. The odd ones would have to be written out for all to see, if only for a moment.
fn secrets(step: &StepSpec, folder: &StepFolder) -> Result<Variables, ExecutorError> {
    let values = step.secrets.env.iter().map(|(name, value)| Ok((name.clone(), value.expose().to_owned())));
    let files = step.secrets.files.keys().map(|name| Ok((name.clone(), path_text(&folder.secrets().join(name))?)));
    let all = values.chain(files).collect::<Result<Variables, ExecutorError>>()?;
    check_secret_names(all.keys())?;
    Ok(all)
}

/// A shell text that becomes `"$@"` with the odd variables set, by `env`. Until that becomes the command, some microseconds
/// later, other users can see these values in its arguments; so a secret should have a name that a shell knows.
fn launch_file(host: &Host, odd: &Variables) -> String {
    let mut text = format!("exec {} --", quoted(&host.env.to_string_lossy()));
    for (name, value) in odd {
        text.push(' ');
        text += &quoted(&format!("{name}={value}"));
    }
    text + " \"$@\"\n"
}

fn argument(text: &str) -> Result<CString, ExecutorError> {
    if text.len() > LONGEST {
        return Err(bad_command(format!("an argument has {} bytes, more than the system passes", text.len())));
    }
    CString::new(text).map_err(|_| bad_command("an argument contains a NUL byte".to_owned()))
}

fn path_argument(path: &Path) -> Result<CString, ExecutorError> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| bad_command(format!("the path {path:?} contains a NUL byte")))
}

fn path_text(path: &Path) -> Result<String, ExecutorError> {
    path.to_str().map(str::to_owned).ok_or_else(|| ExecutorError::Unsupported {
        what: format!("the folder {path:?}, whose name is not UTF-8,"),
        advice: "put the data directory at a path that is UTF-8".to_owned(),
    })
}

#[cfg(test)]
mod tests;
