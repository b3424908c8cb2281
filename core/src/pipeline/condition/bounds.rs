//! How big an expression may be. Looked at before the parser sees it, whose own stack grows with the nesting.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::ConditionError;

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 4096;
/// The deepest nesting of brackets and of `? :`.
const MAX_NESTING: usize = 24;
/// The most operators; a chain of them is as deep a tree as it is long.
const MAX_OPERATORS: usize = 200;

/// Up to here the stack of any thread is enough.
const SMALL_NESTING: usize = 4;
const SMALL_OPERATORS: usize = 30;
/// Room for the biggest expression: the parser takes about 60 KiB for each level, unless it is optimized.
const BIG_STACK: usize = 16 * 1024 * 1024;

/// Whether an expression is so big that looking at it wants a stack of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Small,
    Big,
}

impl Weight {
    /// Runs something that recurses as deep as the expression is nested. `None` when it panics, or when there is no
    /// thread to be had: the parser is somebody else's and reads what anybody wrote.
    pub(super) fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> Option<T> {
        match self {
            Self::Small => catch_unwind(AssertUnwindSafe(work)).ok(),
            Self::Big => std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().stack_size(BIG_STACK).spawn_scoped(scope, work);
                thread.ok().and_then(|thread| thread.join().ok())
            }),
        }
    }
}

pub(super) fn check(source: &str) -> Result<Weight, ConditionError> {
    if source.trim().is_empty() {
        return Err(ConditionError::new(
            "an expression may not be empty; leave the key out when there is no condition",
        ));
    }
    if source.len() > MAX_LENGTH {
        let length = source.len();
        return Err(ConditionError::new(format!(
            "an expression has at most {MAX_LENGTH} bytes, this one has {length}"
        )));
    }
    if source.contains('\0') {
        return Err(ConditionError::new("an expression may not contain the character NUL"));
    }
    let Size { nesting, operators } = measure(source);
    if nesting > MAX_NESTING {
        return Err(ConditionError::new(format!(
            "an expression is nested at most {MAX_NESTING} deep, this one is {nesting}"
        )));
    }
    if operators > MAX_OPERATORS {
        let message = format!(
            "an expression has at most {MAX_OPERATORS} operators and values in lists, this one has {operators}"
        );
        return Err(ConditionError::new(message));
    }
    let small = nesting <= SMALL_NESTING && operators <= SMALL_OPERATORS;
    Ok(if small { Weight::Small } else { Weight::Big })
}

struct Size {
    nesting: usize,
    operators: usize,
}

/// Counts outside of quotes. A quote that is not understood only makes the count larger or the parser complain.
fn measure(source: &str) -> Size {
    let (mut depth, mut nesting, mut ternaries, mut operators) = (0usize, 0, 0, 0);
    let mut characters = source.chars().peekable();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(' | '[' | '{') => {
                depth += 1;
                operators += 1;
                nesting = nesting.max(depth);
            }
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '?') => ternaries += 1,
            (None, '!' | '-' | '+' | '*' | '/' | '%' | '<' | '>' | '=' | '&' | '|' | '.' | ',') => operators += 1,
            (None, _) => {}
        }
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    operators += source.split(|c| !is_word(c)).filter(|word| *word == "in").count();
    Size { nesting: nesting + ternaries, operators: operators + ternaries }
}
