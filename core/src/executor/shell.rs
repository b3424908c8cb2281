//! What shells and the system make of texts: words, variables, shebangs. Pure; shared by the shims of all executors.

use super::ExecutorError;

/// Linux refuses longer arguments and variables, with their terminator.
pub(super) const LONGEST: usize = 128 * 1024 - 1;

/// The interpreter of a script with a shebang, and its one argument, as the kernel reads them. Calling it by name spares the
/// script file from being executed, which fails with "text file busy" while another thread forks.
pub(super) fn shebang(text: &str) -> Option<Vec<String>> {
    let line = text.strip_prefix("#!")?.lines().next().unwrap_or("").trim();
    let (interpreter, argument) = match line.split_once([' ', '\t']) {
        Some((interpreter, argument)) => (interpreter, Some(argument.trim())),
        None => (line, None),
    };
    let words = std::iter::once(interpreter).chain(argument).filter(|word| !word.is_empty());
    Some(words.map(str::to_owned).collect())
}

/// Refuses what no system passes to a process.
pub(super) fn check_variable(name: &str, value: &str) -> Result<(), ExecutorError> {
    let advice = "names are not empty and hold no `=`, values hold no NUL, and both together at most 128 KiB; pass more in a file";
    let wrong = if name.is_empty() || name.contains(['=', '\0']) {
        format!("the environment variable {name:?} has a name that cannot be passed")
    } else if value.contains('\0') {
        format!("the value of the environment variable {name} contains a NUL byte")
    } else if name.len() + 1 + value.len() > LONGEST {
        format!("the environment variable {name} has {} bytes, more than the system passes", value.len())
    } else {
        return Ok(());
    };
    Err(ExecutorError::BadStep { code: "badEnvironment", message: wrong, advice: advice.to_owned() })
}

/// Names that some shell drops, changes or obeys when it starts.
pub(super) fn is_odd(name: &str) -> bool {
    const OBEYED: &[&str] = &[
        "PWD",
        "OLDPWD",
        "IFS",
        "OPTIND",
        "OPTARG",
        "OPTERR",
        "PPID",
        "LINENO",
        "SHLVL",
        "_",
        "ENV",
        "SHELLOPTS",
        "POSIXLY_CORRECT",
        "UID",
        "EUID",
        "RANDOM",
        "SECONDS",
        "GROUPS",
        "DIRSTACK",
        "FUNCNAME",
        "HISTCMD",
        "EPOCHSECONDS",
        "EPOCHREALTIME",
        "SRANDOM",
    ];
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let identifier = first && characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    !identifier || name.starts_with("BASH") || name.starts_with("LD_") || OBEYED.contains(&name)
}

/// Refuses names of variables for credentials that would have to be written out for all to see, if only for a moment.
pub(super) fn check_secret_names<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), ExecutorError> {
    match names.into_iter().find(|name| name.as_str() == "PATH" || is_odd(name)) {
        None => Ok(()),
        Some(name) => Err(ExecutorError::BadStep {
            code: "badEnvironment",
            message: format!("a secret cannot be in the variable {name:?}, which shells treat in a way of their own"),
            advice: "give the secret another name in `secrets` of the task".to_owned(),
        }),
    }
}

/// A word that a shell reads back as exactly this text.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A command that cannot be started as it is described.
pub(super) fn bad_command(message: String) -> ExecutorError {
    let advice = "name a program and arguments that the system can start; long texts go through a file".to_owned();
    ExecutorError::BadStep { code: "badCommand", message, advice }
}
