//! From the start of the process to the first line of the step's log.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Effort;
use crate::measure::{Failure, Stopwatch, medians, millis};
use crate::table::Row;

const WORD: &str = "first-line-of-the-step";

pub(super) fn run(effort: Effort) -> Result<Vec<Row>, Failure> {
    let Some(windlass) = windlass_of_this_build(effort)? else {
        let row = Row::mebibytes("start of the process to the first log line", None);
        return Ok(vec![row.note("windlass is not built; cargo build --release -p windlass --features cli")]);
    };
    let folder = tempfile::tempdir()?;
    let (document, makefile) = (folder.path().join("one.yaml"), folder.path().join("Makefile"));
    let tasks = format!("stages: [{{name: One, tasks: [{{name: say, shell: sh, script: echo {WORD}}}]}}]");
    std::fs::write(&document, format!("name: one\n{tasks}\n"))?;
    std::fs::write(&makefile, format!("all:\n\t@echo {WORD}\n"))?;
    let has_make = Command::new("make").arg("--version").stdout(Stdio::null()).status().is_ok();

    let warm = folder.path().join("warm");
    first_line(&mut run_on(&windlass, &document, &warm))?;
    let mut fresh = (0..).map(|number| folder.path().join(format!("fresh-{number}")));
    let repeat = effort.count(4 * effort.repeat, 1);
    let [shell, make, warm, fresh] = medians(
        repeat,
        [
            &mut || first_line(Command::new("/bin/sh").args(["-c", &format!("echo {WORD}")])),
            &mut || if has_make { first_line(Command::new("make").arg("-f").arg(&makefile)) } else { Ok(f64::NAN) },
            &mut || first_line(&mut run_on(&windlass, &document, &warm)),
            &mut || first_line(&mut run_on(&windlass, &document, &fresh.next().unwrap_or_default())),
        ],
    )?;
    let note = format!("sh -c echo: {shell:.2} ms");
    Ok(vec![
        Row::millis("start to first log line, data directory known", "make", make, warm).target(8.0).note(&note),
        Row::millis("start to first log line, new data directory", "make", make, fresh).target(8.0).note(note),
    ])
}

fn run_on(windlass: &Path, document: &Path, data_dir: &Path) -> Command {
    let mut command = Command::new(windlass);
    command.arg("run").arg(document).arg("--data-dir").arg(data_dir);
    command
}

/// The time until a line with the word is read; the process is then left to come to its end.
fn first_line(command: &mut Command) -> Result<f64, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let watch = Stopwatch::start();
    let mut child = command.spawn()?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    let took = loop {
        line.clear();
        if output.read_line(&mut line)? == 0 {
            return Err(format!("{command:?} ended without its line").into());
        }
        if line.contains(WORD) {
            break millis(watch.elapsed());
        }
    };
    std::io::copy(&mut output, &mut std::io::sink())?;
    child.wait()?;
    Ok(took)
}

/// The command line beside this program; built when there is time for that.
fn windlass_of_this_build(effort: Effort) -> Result<Option<PathBuf>, Failure> {
    let own = std::env::current_exe()?;
    if let (false, Ok(cargo)) = (effort.quick, std::env::var("CARGO")) {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "-p", "windlass", "--features", "cli"]);
        build.args((!cfg!(debug_assertions)).then_some("--release"));
        if !build.status()?.success() {
            return Err("windlass could not be built; see above".into());
        }
    }
    let program = own.with_file_name("windlass");
    Ok(program.exists().then_some(program))
}
