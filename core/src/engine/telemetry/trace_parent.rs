//! The context of a trace outside, as a portal hands it over.

use serde::{Deserialize, Serialize};

/// A W3C `traceparent`: which span of which trace asked for the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::engine) struct TraceParent(String);

impl TraceParent {
    /// `None` for what is none; the standard wants such a context to be ignored.
    pub(in crate::engine) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let known = hex(parts.next()?, 2)?;
        let (trace, span) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
        hex(parts.next()?, 2)?;
        let void = |id: &str| id.bytes().all(|byte| byte == b'0');
        // Later versions may have more parts; version 00 has none, and ff is forbidden.
        let length = if known == "00" { text.len() == 55 } else { text.len() <= 256 };
        (length && known != "ff" && !void(trace) && !void(span)).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn hex(part: &str, length: usize) -> Option<&str> {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (part.len() == length && part.bytes().all(digit)).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::TraceParent;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_context_is_kept_as_it_came() {
        assert_eq!(TraceParent::parse(GOOD).unwrap().as_str(), GOOD);
        let later = GOOD.replacen("00", "01", 1) + "-more";
        assert_eq!(TraceParent::parse(&later).unwrap().as_str(), later);
    }

    #[test]
    fn what_is_no_context_is_ignored() {
        let zero_trace = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let zero_span = "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01";
        let (upper, longer) = (GOOD.to_uppercase(), format!("{GOOD}-more"));
        let endless = format!("{}-{}", GOOD.replacen("00", "01", 1), "x".repeat(300));
        let forbidden = GOOD.replacen("00", "ff", 1);
        for bad in ["", "00", "no trace", zero_trace, zero_span, &upper, &longer, &endless, &forbidden, &GOOD[..54]] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }
}
