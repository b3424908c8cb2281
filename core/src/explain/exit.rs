//! How a step's own command ended.

use super::program::{self, Refusal};
use super::signal::{self, Victim};
use super::{StepFacts, code, hint, quote};
use crate::run::{Cause, StepEnd};

/// So many of the last lines are looked at. What a shell says stands at the end; a hint that is older misleads.
const LINES: usize = 8;

/// Why a step failed, from its end and the end of its log. For steps that were not stopped by the run itself.
pub fn step_failure(end: &StepEnd, log_tail: &[u8], step: &StepFacts<'_>) -> Cause {
    let lines = quote::last_lines(log_tail, LINES);
    match *end {
        StepEnd::OutOfMemory => out_of_memory(step),
        StepEnd::Signal(number) => signal::cause(number, Victim::Step, step),
        StepEnd::Code(127) => not_found(&lines, step),
        StepEnd::Code(126) => not_executable(&lines, step),
        StepEnd::Code(exit_code) => match signal::of_exit_code(exit_code) {
            Some(number) => signal::cause(number, Victim::Command, step),
            None => plain(exit_code, &lines, step),
        },
    }
}

fn out_of_memory(step: &StepFacts<'_>) -> Cause {
    Cause::new(
        code::OUT_OF_MEMORY,
        format!("the {} used more memory than its limit, and the kernel ended it", step.noun()),
        "Raise the task's `resources.limits.memory`, or let it do less at once (fewer jobs in parallel).",
    )
}

fn not_found(lines: &[String], step: &StepFacts<'_>) -> Cause {
    match program::refusal(lines) {
        Some(Refusal::BadInterpreter { file, interpreter, carriage_return }) => {
            bad_interpreter(file, interpreter, carriage_return)
        }
        Some(Refusal::NotFound { program: Some(program), line }) => missing(&program, line, step),
        _ => match step.program.and_then(quote::name) {
            Some(program) => missing(program, None, step),
            None => missing_shell_or_unknown(step),
        },
    }
}

fn missing(program: &str, line: Option<u32>, step: &StepFacts<'_>) -> Cause {
    let line = line.map(|line| format!(" (line {line} of the script)")).unwrap_or_default();
    let message = format!("the program {program} was not found{line}");
    let place = step.at_place();
    let advice = match program {
        _ if program.contains('/') => format!(
            "There is no such file {place}. Look for a slip in the path, and whether an earlier task makes the file. When it is \
             there, the interpreter in its first line or a library that it needs is missing."
        ),
        "python" | "pip" => format!("{program} is not {place}: try {program}3, or install it."),
        "docker-compose" => format!("docker-compose is not {place}: the newer form is `docker compose`."),
        "sudo" => format!("sudo is not {place}: in a container a step is mostly root, and needs none."),
        _ => elsewhere(program, step),
    };
    Cause::new(code::COMMAND_NOT_FOUND, message, advice)
}

fn elsewhere(program: &str, step: &StepFacts<'_>) -> String {
    let place = step.place();
    if step.image.is_some() {
        format!("{program} is not in the PATH of {place}: use an image that has it, or install it in the script.")
    } else {
        let other =
            quote::name(step.executor).map_or_else(|| "another".to_owned(), |name| format!("another than {name}"));
        format!(
            "{program} is not in the PATH of {place}: install it there, name its full path, or run the task in an image, on an \
             executor with images ({other})."
        )
    }
}

fn missing_shell_or_unknown(step: &StepFacts<'_>) -> Cause {
    let message =
        format!("the {} ended with exit code 127, which mostly means that a program was not found", step.noun());
    let shell = step.shell.and_then(|shell| shell.split_whitespace().next()).and_then(quote::name);
    let advice = match shell {
        Some(shell) => {
            format!("The end of the log may name it. The task's `shell` {shell} must be {} too.", step.at_place())
        }
        None => format!("The end of the log may name it. It must be in the PATH of {}.", step.place()),
    };
    Cause::new(code::COMMAND_NOT_FOUND, message, advice)
}

fn bad_interpreter(file: Option<String>, interpreter: Option<String>, carriage_return: bool) -> Cause {
    let file = file.map_or_else(|| "a script".to_owned(), |file| format!("the script {file}"));
    let message = match &interpreter {
        Some(interpreter) => {
            format!("{file} cannot be started: its first line asks for {interpreter}, which was not found")
        }
        None => format!("{file} cannot be started: the program that its first line asks for was not found"),
    };
    let line_ends = "save the file with Unix line ends (`dos2unix FILE`), and have git keep them: `*.sh text eol=lf` in \
                     .gitattributes";
    let advice = if carriage_return {
        format!("The line ends with a carriage return, so the file has Windows line ends: {line_ends}.")
    } else if interpreter.is_none() {
        format!(
            "Look at its first line (`head -1 FILE | cat -A`). If it ends with ^M, {line_ends}. Else install what it asks for."
        )
    } else {
        "Install it where the step runs, or change the first line, such as to `#!/usr/bin/env bash`.".to_owned()
    };
    Cause::new(code::BAD_INTERPRETER, message, advice)
}

fn not_executable(lines: &[String], step: &StepFacts<'_>) -> Cause {
    let named = |file: Option<String>| file.unwrap_or_else(|| "a file".to_owned());
    match program::refusal(lines) {
        Some(Refusal::BadInterpreter { file, interpreter, carriage_return }) => {
            bad_interpreter(file, interpreter, carriage_return)
        }
        Some(Refusal::Denied { file }) => Cause::new(
            code::NOT_EXECUTABLE,
            format!("{} may not be executed: permission denied", named(file)),
            "Make it executable (`chmod +x FILE`, in git also `git update-index --chmod=+x FILE`), or start it by its interpreter \
             (`sh FILE`). On a file system mounted with noexec only the latter helps.",
        ),
        Some(Refusal::Folder { file }) => Cause::new(
            code::NOT_EXECUTABLE,
            format!("{} is a folder, and was to be executed", named(file)),
            "Name the program in it. An empty variable before a `/` has the same effect.",
        ),
        Some(Refusal::WrongFormat { file }) => Cause::new(
            code::NOT_EXECUTABLE,
            format!("{} is no program for this kind of machine", named(file)),
            "It may be built for another processor or system (`file FILE`, `uname -m`), be cut off or empty, or be a script \
             without a first line such as `#!/bin/sh`.",
        ),
        _ => hint::cause(126, step.noun(), lines).unwrap_or_else(|| {
            Cause::new(
                code::NOT_EXECUTABLE,
                format!("the {} ended with exit code 126, which mostly means that a file cannot be executed", step.noun()),
                "The end of the log may name it. Look whether it is executable (`ls -l`) and made for this kind of machine (`file`).",
            )
        }),
    }
}

fn plain(exit_code: i32, lines: &[String], step: &StepFacts<'_>) -> Cause {
    if let Some(cause) = hint::cause(exit_code, step.noun(), lines) {
        return cause;
    }
    let message = match only_command(step) {
        Some(command) => format!("{command} ended with exit code {exit_code}"),
        None => format!("the {} ended with exit code {exit_code}", step.noun()),
    };
    let advice = match (exit_code, step.script) {
        (124, _) => {
            "This is what `timeout` says when the time is up; the end of the log shows where the command stood."
        }
        (2, Some(_)) if lines.iter().any(|line| line.to_lowercase().contains("syntax error")) => {
            "The shell could not read the script: the line that it names has a slip, such as a missing quote, `fi` or `done`."
        }
        (_, Some(script)) if script.lines().nth(1).is_some() => {
            "The end of the log says why. To see which command failed, begin the script with `set -x`."
        }
        _ => "The end of the log says why.",
    };
    Cause::new(code::EXIT_CODE, message, advice)
}

/// The program's name, when it is the only one that can have failed.
fn only_command<'a>(step: &StepFacts<'a>) -> Option<&'a str> {
    if let Some(program) = step.program {
        return quote::name(program);
    }
    if step.shell.is_some() {
        return None;
    }
    let script = step.script?.trim();
    let single = !script.contains(['\n', ';', '|', '&', '$', '`', '(', '{', '=']);
    let first = script.split_whitespace().next().filter(|_| single)?;
    quote::name(first).filter(|name| !KEYWORDS.contains(name))
}

/// Words with which a line begins that are no programs.
const KEYWORDS: &[&str] =
    &["if", "for", "while", "until", "case", "exit", "!", "[", "[[", "set", "cd", ".", "source", "exec"];
