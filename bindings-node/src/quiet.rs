//! Panics that are answers: the core's assertions and conformance cases fail by one, and their message goes to JavaScript and
//! not to standard error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{UnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Does what may panic, and gives the message when it did.
pub(crate) fn panics<T>(work: impl FnOnce() -> T + UnwindSafe) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(work);
    QUIET.set(false);
    result.map_err(|panic| message(&*panic))
}

/// What a panic says.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    said.unwrap_or("a panic without a message").to_owned()
}
