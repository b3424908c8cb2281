//! How the mappings of the document are read: one line per key.

/// `field: "key" = required | optional | default(value)`.
macro_rules! record {
    ($type:ident { $($field:ident: $key:literal = $mode:ident $(($default:expr))?),* $(,)? }) => {
        impl $crate::pipeline::read::decode::Decode for $type {
            fn decode(
                node: &$crate::pipeline::read::tree::Node,
                decoder: &mut $crate::pipeline::read::decode::Decoder,
            ) -> Self {
                let fields = $crate::pipeline::read::decode::Fields::open(node, decoder, &[$($key),*]);
                Self { $($field: fields.$mode($key, decoder $(, $default)?)),* }
            }
            fn stand_in() -> Self {
                Self { $($field: $crate::pipeline::read::record::record!(@ $mode $($default)?)),* }
            }
        }
    };
    (@ required) => { $crate::pipeline::read::decode::Decode::stand_in() };
    (@ optional) => { None };
    (@ default $default:expr) => { $default };
}

/// `Variant = "word"`: the words that a text may be.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $crate::pipeline::read::decode::Decode for $type {
            fn decode(
                node: &$crate::pipeline::read::tree::Node,
                decoder: &mut $crate::pipeline::read::decode::Decoder,
            ) -> Self {
                match $crate::pipeline::read::record::word(node, decoder, &[$($word),*]) {
                    $(Some($word) => Self::$variant,)*
                    _ => Self::stand_in(),
                }
            }
            #[expect(unreachable_code, reason = "the first word stands in")]
            fn stand_in() -> Self {
                $(return Self::$variant;)*
            }
        }
    };
}

pub(super) use record;
pub(super) use words;

use super::decode::Decoder;
use super::tree::{Kind, Node};
use crate::pipeline::problem::nearest;

/// The word that the node is; reports another one with the nearest that fits.
pub(super) fn word(node: &Node, decoder: &mut Decoder, words: &[&'static str]) -> Option<&'static str> {
    let text = match &node.kind {
        Kind::Text(text) => text.as_str(),
        _ => "",
    };
    if let Some(word) = words.iter().find(|word| **word == text) {
        return Some(word);
    }
    let hint = nearest(text, words.iter().copied()).map(|near| format!(", did you mean {near:?}?")).unwrap_or_default();
    let found = node.describe();
    decoder.report(node.at, format!("one of {} is wanted here, found {found}{hint}", words.join(", ")));
    None
}
