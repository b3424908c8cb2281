//! `npx windlass`: the command of the core in this process.

use std::ffi::OsString;

use napi_derive::napi;

/// Does what the arguments say; the first one is the name of the program. Gives the exit code when all is done: nothing else
/// happens in the process meanwhile.
#[napi]
pub fn command_line(arguments: Vec<String>) -> u32 {
    let code = std::panic::catch_unwind(|| windlass::cli::code_with(arguments.into_iter().map(OsString::from)));
    // 3 says that the engine could not do its work.
    code.map_or(3, u32::from)
}
