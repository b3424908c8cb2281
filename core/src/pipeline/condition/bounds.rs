//! How big an expression may be. Looked at before the parser sees it, whose own stack grows with the nesting.

use super::ConditionError;

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 4096;
/// The deepest nesting of brackets and of `? :`.
const MAX_NESTING: usize = 24;
/// The most operators; a chain of them is as deep a tree as it is long.
const MAX_OPERATORS: usize = 200;

pub(super) fn check(source: &str) -> Result<(), ConditionError> {
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
    Ok(())
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
    Size { nesting: nesting + ternaries, operators: operators + ternaries }
}
