//! What shells say when a program cannot be started: exit codes 126 and 127.

use super::quote;

/// What a line of a log says about a program that did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such program.
    NotFound {
        /// Its name, when it can be shown.
        program: Option<String>,
        /// The line of the script.
        line: Option<u32>,
    },
    /// The first line of the script `file` names an interpreter that does not exist.
    BadInterpreter {
        /// The file, when it can be shown.
        file: Option<String>,
        /// The interpreter, when it can be shown.
        interpreter: Option<String>,
        /// Whether its name ends with the carriage return of a Windows line end.
        carriage_return: bool,
    },
    /// The file may not be executed.
    Denied {
        /// The file, when it can be shown.
        file: Option<String>,
    },
    /// It is a folder.
    Folder {
        /// The folder, when it can be shown.
        file: Option<String>,
    },
    /// It is made for another kind of machine, or is no program at all.
    WrongFormat {
        /// The file, when it can be shown.
        file: Option<String>,
    },
}

/// The newest of the lines (newest first) that says why a program did not start.
pub(super) fn refusal(lines: &[String]) -> Option<Refusal> {
    lines.iter().find_map(|line| read(line))
}

/// The line of the script that a shell names in a message such as `bash: line 3: …` or `sh: 3: …`.
pub(super) fn script_line(line: &str) -> Option<u32> {
    line.split(": ").skip(1).find_map(|part| part.strip_prefix("line ").unwrap_or(part).parse().ok())
}

fn read(line: &str) -> Option<Refusal> {
    read_interpreter(line).or_else(|| read_env(line)).or_else(|| read_shell(line))
}

/// `bash: ./x: /bin/nosuch: bad interpreter: No such file or directory`, with `^M` behind the name for a carriage return;
/// newer ones say `bash: ./x: cannot execute: required file not found`, zsh says `zsh: ./x: bad interpreter: /bin/nosuch: …`.
fn read_interpreter(line: &str) -> Option<Refusal> {
    if let Some((before, _)) = line.split_once(": cannot execute: required file not found") {
        return Some(Refusal::BadInterpreter { file: last_name(before), interpreter: None, carriage_return: false });
    }
    let (before, after) = line.split_once(": bad interpreter: ")?;
    let (file, interpreter) = if line.starts_with("zsh:") {
        (last_part(before), after.split(": ").next().unwrap_or(after))
    } else {
        before.rsplit_once(": ").map(|(file, interpreter)| (last_part(file), interpreter))?
    };
    Some(Refusal::BadInterpreter {
        file: quote::name(file).map(str::to_owned),
        interpreter: quote::name(without_return(interpreter)).map(str::to_owned),
        carriage_return: without_return(interpreter) != interpreter,
    })
}

/// `env: ‘nosuch’: No such file or directory`, and `env: can't execute 'nosuch': No such file or directory` of busybox. With a
/// carriage return it comes from the first line of a script.
fn read_env(line: &str) -> Option<Refusal> {
    let (head, _) = line.split_once(": No such file or directory")?;
    let (env, name) = head.split_once(": ")?;
    if env != "env" && !env.ends_with("/env") {
        return None;
    }
    let name = name.strip_prefix("can't execute ").unwrap_or(name).trim_matches(['‘', '’', '\'', '"', '`']);
    let program = quote::name(without_return(name)).map(str::to_owned);
    Some(if without_return(name) == name {
        Refusal::NotFound { program, line: None }
    } else {
        Refusal::BadInterpreter { file: None, interpreter: program, carriage_return: true }
    })
}

/// `bash: line 3: foo: command not found`, `sh: 1: foo: not found`, `/x/script: line 2: foo: Permission denied`.
fn read_shell(line: &str) -> Option<Refusal> {
    if let Some(program) = line.strip_prefix("zsh:").and_then(|rest| rest.split_once("command not found: ")) {
        return Some(not_found(program.1, zsh_line(line)));
    }
    let (before, said) = line.rsplit_once(": ")?;
    let program = last_part(before);
    match said {
        "command not found" | "not found" | "inaccessible or not found" => Some(not_found(program, script_line(line))),
        // Other programs than shells say this about other files than programs.
        "No such file or directory" if program.contains('/') && is_of_a_shell(before) => {
            Some(not_found(program, script_line(line)))
        }
        "Permission denied" | "permission denied" if before.contains(": ") => {
            Some(Refusal::Denied { file: last_name(before) })
        }
        "Is a directory" | "is a directory" if is_of_a_shell(before) => {
            Some(Refusal::Folder { file: last_name(before) })
        }
        "Exec format error" => Some(Refusal::WrongFormat {
            file: last_name(before.strip_suffix(": cannot execute binary file").unwrap_or(before)),
        }),
        "cannot execute binary file" => Some(Refusal::WrongFormat { file: last_name(before) }),
        _ => None,
    }
}

fn not_found(program: &str, line: Option<u32>) -> Refusal {
    Refusal::NotFound { program: quote::name(program).map(str::to_owned), line }
}

/// Whether a message begins as those of shells do: with `bash`, `sh`, or a script's file and a line.
fn is_of_a_shell(before: &str) -> bool {
    let Some((who, rest)) = before.split_once(": ") else { return false };
    let who = who.rsplit('/').next().unwrap_or(who);
    matches!(who, "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh")
        || rest.starts_with("line ")
        || script_line(before).is_some()
}

/// `zsh:3: command not found: foo`.
fn zsh_line(line: &str) -> Option<u32> {
    line.strip_prefix("zsh:")?.split(':').next()?.parse().ok()
}

/// What stands behind the last colon: the program, after the shell's name and the line.
fn last_part(text: &str) -> &str {
    text.rsplit(": ").next().unwrap_or(text)
}

fn last_name(text: &str) -> Option<String> {
    quote::name(last_part(text)).map(str::to_owned)
}

/// Without the carriage return of a Windows line end, as it is or as programs show it.
fn without_return(name: &str) -> &str {
    name.strip_suffix("^M").or_else(|| name.strip_suffix("\\r")).or_else(|| name.strip_suffix('\r')).unwrap_or(name)
}
