//! The machine: what steps on the local executor need.

use std::path::PathBuf;

use super::Check;

/// Looks for the shells.
pub(super) fn look() -> Vec<Check> {
    if !cfg!(unix) {
        let message = "steps cannot run as processes of this system";
        return vec![Check::warning("local executor", message, "use another executor, such as one with containers")];
    }
    vec![sh(), bash()]
}

fn sh() -> Check {
    match PathBuf::from("/bin/sh") {
        path if path.exists() => Check::fine("sh", path.display()),
        path => Check::bad("sh", format!("there is no {}", path.display()), "install a POSIX shell, such as dash"),
    }
}

fn bash() -> Check {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("bash")).find(|file| file.is_file());
    match found.or_else(|| Some(PathBuf::from("/bin/bash")).filter(|file| file.is_file())) {
        Some(file) => Check::fine("bash", file.display()),
        None => Check::warning(
            "bash",
            "there is none; scripts that name no shell run with sh",
            "install bash if your scripts need it",
        ),
    }
}
