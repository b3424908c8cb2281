//! Other processes: the test binary starts itself again and plays a part.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A process that plays a part and tells about it on its standard output.
pub(crate) struct Other {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts the part with this name: an ignored test, given its path in the crate.
    pub(crate) fn start(part: &str, folder: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([part, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("WINDLASS_TEST_FOLDER", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The rest of the next line that begins with this word; `None` when the process is over.
    pub(crate) fn told(&mut self, word: &str) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| {
            // The test harness writes the test's name on the same line.
            let at = line.find(word)?;
            Some(line[at + word.len()..].trim().to_owned())
        })
    }

    /// Kills it with SIGKILL and gives what it told and nobody has read.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.by_ref().map_while(Result::ok).collect()
    }

    /// Lets it end by closing its standard input.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// In the other process: the folder that it was given; `None` when somebody runs all ignored tests.
pub(crate) fn folder() -> Option<std::path::PathBuf> {
    std::env::var_os("WINDLASS_TEST_FOLDER").map(Into::into)
}

/// In the other process: waits until the first one lets it end.
pub(crate) fn wait_for_end() {
    let _ = std::io::stdin().read_line(&mut String::new());
}
