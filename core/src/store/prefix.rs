//! Beginnings of ids, as people type them.

use uuid::Uuid;

use crate::run::RunId;

/// Where the dashes of a UUID are in its text.
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// The lowest and the highest id that starts with these characters; `None` when no id can.
pub(super) fn range(prefix: &str) -> Option<(RunId, RunId)> {
    let digits = if prefix.contains('-') { without_dashes(prefix)? } else { prefix.to_owned() };
    if digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bound = |fill: &str| u128::from_str_radix(&format!("{digits}{}", fill.repeat(32 - digits.len())), 16).ok();
    Some((RunId::new(Uuid::from_u128(bound("0")?)), RunId::new(Uuid::from_u128(bound("f")?))))
}

/// The digits, when the dashes are where a UUID has them.
fn without_dashes(prefix: &str) -> Option<String> {
    let right = prefix.char_indices().all(|(at, character)| (character == '-') == DASHES.contains(&at));
    right.then(|| prefix.replace('-', ""))
}
