//! The `windlass` command as scripts and people see it: exit codes, standard output, standard error, what is left behind.

mod bad_input;
mod data_directories;
mod following;
mod interrupts;
mod logs;
mod program;
mod story;
