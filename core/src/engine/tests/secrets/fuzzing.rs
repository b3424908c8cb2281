//! Masking, looked at with made-up secrets, written in the ways of programs, cut anywhere, and taken up after crashes.
//!
//! `PROPTEST_CASES=1000000 cargo test --release -p windlass --lib fuzzing` looks for long.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use crate::engine::masking::{GrowingMasker, masked};
use crate::log::Masker;
use crate::secret::{Credential, Masks, SHORTEST_MASKED};
use crate::testing::exposed_in;

/// How a program wrote a secret. Made without what knows the forms.
#[derive(Clone, Debug)]
enum Written {
    Plain,
    Base64 { before: Vec<u8>, after: Vec<u8>, url_safe: bool },
    Url { upper: bool },
    Json { times: usize },
    SingleQuoted,
    DoubleQuoted,
}

impl Written {
    fn text(&self, secret: &str) -> String {
        match self {
            Self::Plain => secret.to_owned(),
            Self::Base64 { before, after, url_safe } => {
                let whole = [before, secret.as_bytes(), after].concat();
                if *url_safe { URL_SAFE_NO_PAD.encode(whole) } else { STANDARD.encode(whole) }
            }
            Self::Url { upper } => {
                let byte = |byte: u8| match byte {
                    _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
                    _ if *upper => format!("%{byte:02X}"),
                    _ => format!("%{byte:02x}"),
                };
                secret.bytes().map(byte).collect()
            }
            Self::Json { times } => (0..*times).fold(secret.to_owned(), |text, _| serde_json::json!(text).to_string()),
            Self::SingleQuoted => format!("'{}'", secret.split('\'').collect::<Vec<_>>().join("'\\''")),
            Self::DoubleQuoted => {
                let escaped = secret.chars().flat_map(|c| "\\\"$`".contains(c).then_some('\\').into_iter().chain([c]));
                format!("\"{}\"", escaped.collect::<String>())
            }
        }
    }
}

fn written() -> impl Strategy<Value = Written> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        Just(Written::Plain),
        (bytes(), bytes(), any::<bool>()).prop_map(|(before, after, url_safe)| Written::Base64 {
            before,
            after,
            url_safe
        }),
        any::<bool>().prop_map(|upper| Written::Url { upper }),
        (1..3_usize).prop_map(|times| Written::Json { times }),
        Just(Written::SingleQuoted),
        Just(Written::DoubleQuoted),
    ]
}

/// Long enough to be masked in every form, and with everything in it that somebody escapes.
fn secret() -> impl Strategy<Value = String> {
    let one_line = prop_oneof!["[a-z0-9]{8,40}", "[ -~]{8,40}", "[a-z'\"\\\\$`/%+é😀 ]{8,24}"];
    let lines = prop::collection::vec("[a-zA-Z0-9+/]{9,30}", 2..4).prop_map(|lines| lines.join("\n"));
    prop_oneof![4 => one_line, 1 => lines]
        .prop_filter("it would be too short", |text| text.trim().chars().count() >= 2 * SHORTEST_MASKED)
}

#[derive(Clone, Debug)]
struct Piece {
    noise: String,
    which: prop::sample::Index,
    how: Written,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = ("[A-Z\n #]{0,12}", any::<prop::sample::Index>(), written());
    prop::collection::vec(piece.prop_map(|(noise, which, how)| Piece { noise, which, how }), 0..6)
}

fn known(secrets: &[String]) -> Masks {
    let masks = Masks::default();
    for (number, secret) in secrets.iter().enumerate() {
        masks.learn(&format!("credential-{number}"), &Credential::opaque(secret.as_str()));
    }
    masks
}

/// Reads a log in chunks; after some of them the engine crashes, and the next one goes on where nothing is committed.
fn read(masks: &Masks, log: &[u8], cuts: &[(usize, bool)]) -> Vec<u8> {
    let (mut masker, mut out, mut taken) = (GrowingMasker::new(masks.clone()), Vec::new(), 0);
    for (length, crash) in cuts.iter().copied().chain([(usize::MAX, false)]) {
        let end = taken + length.min(log.len() - taken);
        masker.mask(&log[taken..end], &mut out);
        taken = end;
        if crash {
            taken -= masker.held();
            masker = GrowingMasker::new(masks.clone());
        }
    }
    masker.mask(&log[taken..], &mut out);
    masker.finish(&mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_gets_through_however_it_is_written_and_cut(
        secrets in prop::collection::vec(secret(), 1..4),
        pieces in pieces(),
        cuts in prop::collection::vec((0..50_usize, any::<bool>()), 0..12),
    ) {
        let mut log = String::new();
        let mut texts = Vec::new();
        for Piece { noise, which, how } in &pieces {
            let secret = which.get(&secrets);
            let text = how.text(secret);
            log += &format!("{noise}{text}\n");
            texts.push((secret.clone(), text));
        }
        let masks = known(&secrets);
        let out = String::from_utf8(read(&masks, log.as_bytes(), &cuts)).unwrap();
        for (secret, text) in &texts {
            prop_assert!(!out.contains(text.as_str()), "{text:?} is in {out:?}");
            prop_assert!(!out.contains(secret.trim()), "{secret:?} is in {out:?}");
        }
        for secret in &secrets {
            prop_assert!(!exposed_in(&out, secret), "a form of {secret:?} is in {out:?}");
        }
        // Wherever it is cut, and whoever reads it, it is the same.
        prop_assert_eq!(&out, &masked(&masks, &log));
        prop_assert_eq!(masks.found_in(&log).is_some(), out != log);
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is(
        secrets in prop::collection::vec("[a-z0-9]{8,30}", 1..4),
        log in "[A-Z \n=_#é]{0,200}",
        cuts in prop::collection::vec((0..50_usize, any::<bool>()), 0..8),
    ) {
        prop_assert_eq!(read(&known(&secrets), log.as_bytes(), &cuts), log.as_bytes());
    }

    #[test]
    fn any_bytes_are_taken(
        secrets in prop::collection::vec(any::<String>(), 0..4),
        log in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec((0..50_usize, any::<bool>()), 0..8),
    ) {
        let masks = known(&secrets);
        prop_assert_eq!(read(&masks, &log, &cuts), read(&masks, &log, &[]));
    }
}
