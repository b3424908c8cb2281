//! What goes wrong around actions in the engine.

use super::code;
use crate::run::Cause;

/// What to do when nobody knows how far an action came.
const LOST_ADVICE: &str = "It may have done its work, or a part of it, and must not be repeated by itself. Look at what it did, \
                           and start the run again; if it is safe to do twice, let the task `retry` on `lost`.";

/// The engine ended while an action was running that must not be repeated.
pub fn action_lost(action: &str) -> Cause {
    let message = format!("the engine ended while the action {action:?} was running, and nobody knows how far it came");
    Cause::new(code::LOST, message, LOST_ADVICE)
}

/// The action broke down.
pub fn action_panicked(action: &str) -> Cause {
    let message = format!(
        "the action {action:?} panicked; the details are on the standard error of the process that embeds Windlass"
    );
    Cause::new(code::PANIC, message, "This is a mistake in the action: report it to those who wrote it.")
}

/// There is no action of that name any more. `why` says which there are.
pub fn action_missing(why: impl Into<String>) -> Cause {
    let advice = "Register the action with the engine before it is opened, as it was when the run started.";
    Cause::new(code::UNSUPPORTED_ACTION, why, advice)
}
