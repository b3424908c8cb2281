//! Starting a process in a session of its own, without a copy of the embedder's memory.

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// The standard files of a process.
pub(super) struct Files<'a> {
    /// What it reads; `/dev/null` without.
    pub(super) input: Option<BorrowedFd<'a>>,
    /// Where both outputs go.
    pub(super) output: BorrowedFd<'a>,
}

/// Starts `argv` with exactly this environment and these standard files, signals as a fresh process has them, and no other
/// file of the embedder. The program is a path. Returns the process id.
pub(super) fn spawn(program: &CStr, argv: &[CString], env: &[CString], files: &Files<'_>) -> io::Result<i32> {
    let input = files.input.map(copy_above_standard).transpose()?;
    let output = copy_above_standard(files.output)?;
    let actions = Actions::new(input.as_ref().map(AsRawFd::as_raw_fd), output.as_raw_fd())?;
    let attributes = Attributes::new()?;
    let argv = pointers(argv);
    let env = pointers(env);
    let mut pid = 0;
    // SAFETY: every pointer is to a live, initialised value; both vectors end with a null pointer and point to C strings
    // that outlive the call.
    let code = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            program.as_ptr(),
            &raw const actions.0,
            &raw const attributes.0,
            argv.as_ptr(),
            env.as_ptr(),
        )
    };
    check(code).map(|()| pid)
}

/// The file under a number that is not that of a standard file.
pub(super) fn above_standard(file: OwnedFd) -> io::Result<OwnedFd> {
    if file.as_raw_fd() > 2 { Ok(file) } else { copy_above_standard(file.as_fd()) }
}

/// The same file under a number that the standard files of the child do not take.
fn copy_above_standard(file: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is open; the new one is owned by nobody else.
    let copy = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: see above.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

fn pointers(strings: &[CString]) -> Vec<*mut c_char> {
    strings.iter().map(|text| text.as_ptr().cast_mut()).chain(std::iter::once(ptr::null_mut())).collect()
}

fn check(code: c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

struct Actions(libc::posix_spawn_file_actions_t);

impl Actions {
    fn new(input: Option<RawFd>, output: RawFd) -> io::Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: `init` fills what it is given; the calls after it get what it filled, and copy the path.
        unsafe {
            check(libc::posix_spawn_file_actions_init(raw.as_mut_ptr()))?;
            let mut actions = Self(raw.assume_init());
            let all = &raw mut actions.0;
            match input {
                Some(input) => check(libc::posix_spawn_file_actions_adddup2(all, input, 0))?,
                None => {
                    check(libc::posix_spawn_file_actions_addopen(all, 0, c"/dev/null".as_ptr(), libc::O_RDONLY, 0))?;
                }
            }
            check(libc::posix_spawn_file_actions_adddup2(all, output, 1))?;
            check(libc::posix_spawn_file_actions_adddup2(all, output, 2))?;
            close_others(all)?;
            Ok(actions)
        }
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: it was initialised, and is not used any more.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}

/// Closes the embedder's other files in the child, also those that lack close-on-exec.
///
/// # Safety
/// `all` points to initialised file actions.
#[cfg(target_os = "linux")]
unsafe fn close_others(all: *mut libc::posix_spawn_file_actions_t) -> io::Result<()> {
    type CloseFrom = unsafe extern "C" fn(*mut libc::posix_spawn_file_actions_t, c_int) -> c_int;
    // Looked up at run time: the C libraries of older systems, and musl, do not have it.
    // SAFETY: the name is a C string; a symbol of this name has this signature in every C library that has it.
    unsafe {
        let symbol = libc::dlsym(libc::RTLD_DEFAULT, c"posix_spawn_file_actions_addclosefrom_np".as_ptr());
        if !symbol.is_null() {
            let close_from = std::mem::transmute::<*mut libc::c_void, CloseFrom>(symbol);
            return check(close_from(all, 3));
        }
    }
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()) else { continue };
        // SAFETY: asking for the flags of any number is harmless, and so is closing one that is closed by then.
        unsafe {
            let flags = libc::fcntl(number, libc::F_GETFD);
            if number > 2 && flags >= 0 && flags & libc::FD_CLOEXEC == 0 {
                check(libc::posix_spawn_file_actions_addclose(all, number))?;
            }
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
unsafe fn close_others(_all: *mut libc::posix_spawn_file_actions_t) -> io::Result<()> {
    Ok(())
}

struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    fn new() -> io::Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: `init` fills what it is given; the calls after it get what it filled.
        unsafe {
            check(libc::posix_spawnattr_init(raw.as_mut_ptr()))?;
            let mut attributes = Self(raw.assume_init());
            let all = &raw mut attributes.0;
            let mut signals = MaybeUninit::uninit();
            libc::sigemptyset(signals.as_mut_ptr());
            check(libc::posix_spawnattr_setsigmask(all, signals.as_ptr()))?;
            libc::sigfillset(signals.as_mut_ptr());
            libc::sigdelset(signals.as_mut_ptr(), libc::SIGKILL);
            libc::sigdelset(signals.as_mut_ptr(), libc::SIGSTOP);
            check(libc::posix_spawnattr_setsigdefault(all, signals.as_ptr()))?;
            check(libc::posix_spawnattr_setflags(all, FLAGS))?;
            Ok(attributes)
        }
    }
}

/// A session of its own, or at least a group; default signals; nothing blocked. The systems give these numbers other types.
#[cfg(target_os = "linux")]
const FLAGS: libc::c_short = {
    let signals = libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK;
    signals as libc::c_short | libc::POSIX_SPAWN_SETSID
};
/// As above; Apple's systems also close the embedder's files by a flag.
#[cfg(target_vendor = "apple")]
const FLAGS: libc::c_short =
    (libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_CLOEXEC_DEFAULT | 0x0400)
        as libc::c_short;
/// As above.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
const FLAGS: libc::c_short = (libc::POSIX_SPAWN_SETSIGDEF as libc::c_int
    | libc::POSIX_SPAWN_SETSIGMASK as libc::c_int
    | libc::POSIX_SPAWN_SETPGROUP as libc::c_int) as libc::c_short;

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: it was initialised, and is not used any more.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}
