//! The table reads: a step ended so, and its log ended so; then this is the code, the message, and a part of the advice.

use StepEnd::{Code, OutOfMemory, Signal};

use super::LOCAL;
use crate::explain::{StepFacts, step_failure};
use crate::run::StepEnd;

struct Case {
    end: StepEnd,
    log: &'static str,
    step: StepFacts<'static>,
    code: &'static str,
    message: &'static str,
    advice: &'static str,
}

const IMAGE: StepFacts<'static> = StepFacts { image: Some("python:3.12"), executor: "docker", ..LOCAL };
const SHELL: StepFacts<'static> = StepFacts { shell: Some("fish -e"), ..LOCAL };
const ONE_LINE: StepFacts<'static> = StepFacts { script: Some("pytest -q tests"), ..LOCAL };
const PROGRAM: StepFacts<'static> = StepFacts { script: None, program: Some("helm"), ..LOCAL };

/// A line of the table.
fn case(
    end: StepEnd,
    log: &'static str,
    step: StepFacts<'static>,
    code: &'static str,
    message: &'static str,
    advice: &'static str,
) -> Case {
    Case { end, log, step, code, message, advice }
}

fn check(cases: &[Case]) {
    for case in cases {
        let cause = step_failure(&case.end, case.log.as_bytes(), &case.step);
        let shown = format!("{:?} after {:?}: {cause:#?}", case.end, case.log);
        assert_eq!(cause.code, case.code, "{shown}");
        assert_eq!(cause.message, case.message, "{shown}");
        assert!(cause.advice.contains(case.advice), "{:?} is not in the advice of {shown}", case.advice);
    }
}

#[test]
fn a_program_that_is_not_there() {
    let code = "commandNotFound";
    check(&[
        case(
            Code(127),
            "bash: line 3: cargo: command not found\n",
            LOCAL,
            code,
            "the program cargo was not found (line 3 of the script)",
            "cargo is not in the PATH of the machine that runs the step: install it there, name its full path, or run the task in an image, on an executor with images (another than local).",
        ),
        case(
            Code(127),
            "sh: 1: foo: not found\n",
            IMAGE,
            code,
            "the program foo was not found (line 1 of the script)",
            "not in the PATH of the image python:3.12: use an image that has it",
        ),
        case(
            Code(127),
            "/state/script: line 2: foo: not found\n",
            LOCAL,
            code,
            "the program foo was not found (line 2 of the script)",
            "install it",
        ),
        case(Code(127), "sh: foo: not found\r\n", LOCAL, code, "the program foo was not found", "install it"),
        case(
            Code(127),
            "zsh:4: command not found: foo\n",
            LOCAL,
            code,
            "the program foo was not found (line 4 of the script)",
            "install it",
        ),
        case(
            Code(127),
            "env: ‘foo’: No such file or directory\n",
            LOCAL,
            code,
            "the program foo was not found",
            "install it",
        ),
        case(
            Code(127),
            "env: can't execute 'foo': No such file or directory\n",
            LOCAL,
            code,
            "the program foo was not found",
            "install it",
        ),
        case(
            Code(127),
            "bash: line 1: ./build.sh: No such file or directory\n",
            LOCAL,
            code,
            "the program ./build.sh was not found (line 1 of the script)",
            "There is no such file on the machine that runs the step",
        ),
        case(
            Code(127),
            "building\nbash: line 9: python: command not found\ncleaning up\n",
            IMAGE,
            code,
            "the program python was not found (line 9 of the script)",
            "try python3",
        ),
        case(Code(127), "", PROGRAM, code, "the program helm was not found", "install it there"),
        case(
            Code(127),
            "something else\n",
            SHELL,
            code,
            "the script ended with exit code 127, which mostly means that a program was not found",
            "The task's `shell` fish must be on the machine that runs the step too.",
        ),
    ]);
}

#[test]
fn a_file_that_cannot_be_executed() {
    let code = "notExecutable";
    check(&[
        case(
            Code(126),
            "bash: line 2: ./build.sh: Permission denied\n",
            LOCAL,
            code,
            "./build.sh may not be executed: permission denied",
            "chmod +x",
        ),
        case(
            Code(126),
            "sh: 2: ./build.sh: Permission denied\n",
            LOCAL,
            code,
            "./build.sh may not be executed: permission denied",
            "git update-index --chmod=+x",
        ),
        case(
            Code(126),
            "bash: line 1: /usr/: Is a directory\n",
            LOCAL,
            code,
            "/usr/ is a folder, and was to be executed",
            "empty variable",
        ),
        case(
            Code(126),
            "bash: line 1: ./tool: cannot execute binary file: Exec format error\n",
            LOCAL,
            code,
            "./tool is no program for this kind of machine",
            "another processor",
        ),
        case(
            Code(126),
            "bash: line 5: /usr/bin/cc: Argument list too long\n",
            LOCAL,
            "argumentsTooLong",
            "the script ended with exit code 126; by the end of its log, arguments and environment of a command are larger \
             than the system allows",
            "through a file",
        ),
        case(
            Code(126),
            "",
            LOCAL,
            code,
            "the script ended with exit code 126, which mostly means that a file cannot be executed",
            "ls -l",
        ),
    ]);
}

#[test]
fn a_script_whose_interpreter_is_not_there() {
    let code = "badInterpreter";
    check(&[
        case(
            Code(126),
            "bash: ./build.sh: /bin/bash^M: bad interpreter: No such file or directory\n",
            LOCAL,
            code,
            "the script ./build.sh cannot be started: its first line asks for /bin/bash, which was not found",
            "Windows line ends: save the file with Unix line ends",
        ),
        case(
            Code(127),
            "/usr/bin/env: ‘python3\\r’: No such file or directory\n/usr/bin/env: use -[v]S to pass options in shebang lines\n",
            LOCAL,
            code,
            "a script cannot be started: its first line asks for python3, which was not found",
            "Windows line ends",
        ),
        case(
            Code(126),
            "bash: line 4: ./x: /usr/bin/perl6: bad interpreter: No such file or directory\n",
            LOCAL,
            code,
            "the script ./x cannot be started: its first line asks for /usr/bin/perl6, which was not found",
            "Install it",
        ),
        case(
            Code(127),
            "bash: line 1: ./x: cannot execute: required file not found\n",
            LOCAL,
            code,
            "the script ./x cannot be started: the program that its first line asks for was not found",
            "If it ends with ^M",
        ),
        case(
            Code(127),
            "zsh:1: ./x: bad interpreter: /bin/nosuch: no such file or directory\n",
            LOCAL,
            code,
            "the script ./x cannot be started: its first line asks for /bin/nosuch, which was not found",
            "Install it",
        ),
    ]);
}

#[test]
fn signals_and_memory() {
    check(&[
        case(
            OutOfMemory,
            "",
            IMAGE,
            "outOfMemory",
            "the script used more memory than its limit, and the kernel ended it",
            "resources.limits.memory",
        ),
        case(
            Signal(9),
            "",
            LOCAL,
            "killed",
            "the script was ended by SIGKILL",
            "Windlass did not send it, and the signal does not say who did. Most often the system was out of memory",
        ),
        case(
            Code(137),
            "Killed\n",
            IMAGE,
            "killed",
            "the script ended with exit code 137: a command in it was ended by SIGKILL",
            "dmesg) of the host on which the step ran",
        ),
        case(
            Code(139),
            "Segmentation fault (core dumped)\n",
            LOCAL,
            "signal",
            "the script ended with exit code 139: a command in it was ended by SIGSEGV",
            "a bug in it",
        ),
        case(
            Code(143),
            "",
            LOCAL,
            "signal",
            "the script ended with exit code 143: a command in it was ended by SIGTERM",
            "Somebody outside this run sent it",
        ),
        case(Signal(15), "", PROGRAM, "signal", "the program was ended by SIGTERM", "Windlass did not"),
        case(Signal(6), "", LOCAL, "signal", "the script was ended by SIGABRT", "a failed check"),
        case(
            Code(141),
            "",
            LOCAL,
            "signal",
            "the script ended with exit code 141: a command in it was ended by SIGPIPE",
            "pipefail",
        ),
        case(Signal(40), "", LOCAL, "signal", "the script was ended by signal 40", "end of the log"),
        case(
            Code(129),
            "usage: git log\n",
            LOCAL,
            "exitCode",
            "the script ended with exit code 129",
            "The end of the log",
        ),
    ]);
}

#[test]
fn plain_exit_codes_and_what_the_log_says() {
    check(&[
        case(Code(1), "2 failed\n", LOCAL, "exitCode", "the script ended with exit code 1", "set -x"),
        case(Code(5), "", ONE_LINE, "exitCode", "pytest ended with exit code 5", "The end of the log says why."),
        case(Code(1), "", PROGRAM, "exitCode", "helm ended with exit code 1", "The end of the log says why."),
        case(Code(124), "", LOCAL, "exitCode", "the script ended with exit code 124", "`timeout`"),
        case(
            Code(2),
            "bash: line 7: syntax error: unexpected end of file\n",
            LOCAL,
            "exitCode",
            "the script ended with exit code 2",
            "missing quote",
        ),
        case(
            Code(1),
            "cp: error writing 'x': No space left on device\n",
            LOCAL,
            "noSpace",
            "the script ended with exit code 1; by the end of its log, no space is left on a disk",
            "df -i",
        ),
        case(
            Code(1),
            "touch: cannot touch '/x': Read-only file system\n",
            LOCAL,
            "readOnly",
            "the script ended with exit code 1; by the end of its log, a file system cannot be written",
            "$WORKSPACE",
        ),
        case(
            Code(1),
            "bash: line 1: /etc/x: Permission denied\n",
            LOCAL,
            "permissionDenied",
            "the script ended with exit code 1; by the end of its log, a right is missing",
            "ls -l",
        ),
        case(
            Code(1),
            "OSError: [Errno 24] Too many open files: 'x'\n",
            LOCAL,
            "tooManyOpenFiles",
            "the script ended with exit code 1; by the end of its log, the limit on open files is reached",
            "ulimit -n",
        ),
        case(
            Code(1),
            "cp: cannot create regular file 'tool': Text file busy\n",
            LOCAL,
            "textFileBusy",
            "the script ended with exit code 1; by the end of its log, a program was started while its file was still being \
             written",
            "rename it",
        ),
        case(
            Code(254),
            "bash: fork: retry: Resource temporarily unavailable\n",
            LOCAL,
            "noMemory",
            "the script ended with exit code 254; by the end of its log, the system refused more memory or another process",
            "ulimit -u",
        ),
        case(
            Code(6),
            "curl: (6) Could not resolve host: nosuch.example\n",
            LOCAL,
            "unreachable",
            "the script ended with exit code 6; by the end of its log, the name of a host cannot be resolved",
            "a slip in the name",
        ),
    ]);
}
