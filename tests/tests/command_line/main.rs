//! The `windlass` command as scripts and people see it: exit codes, standard output, standard error, what is left behind.

#[cfg(test)]
mod again;
#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod backups;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod control;
#[cfg(test)]
mod data_directories;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod following;
#[cfg(test)]
mod interrupts;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod looking_back;
#[cfg(test)]
mod program;
#[cfg(test)]
mod searching;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod standing_still;
#[cfg(test)]
mod story;
#[cfg(test)]
mod terminals;
