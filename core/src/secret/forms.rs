//! The forms in which a secret could show up in a log: as it is, and as programs write it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Values with fewer characters are not masked: they stand in too many places where they are no secret.
pub const SHORTEST_MASKED: usize = 4;
/// Pieces of an encoded form that are shorter than this say too little, and would mask too much.
const SHORTEST_PIECE: usize = 8;

/// Every text that is masked for a secret: itself, its lines, in base64 at each alignment, and escaped for URLs, JSON and
/// shells. Empty for a secret that is too short to be masked, about which somebody should be warned.
pub fn forms(secret: &str) -> Vec<String> {
    let trimmed = secret.trim();
    if trimmed.chars().count() < SHORTEST_MASKED {
        return Vec::new();
    }
    let mut forms = BTreeSet::new();
    // Programs often cut the line end of what they read.
    for text in BTreeSet::from([secret, trimmed]) {
        forms.extend(written(text));
        forms.extend(base64(text.as_bytes()));
    }
    let lines = trimmed.lines().map(str::trim);
    if trimmed.contains('\n') {
        // The frame of a key in PEM is no secret.
        for line in lines.filter(|line| line.chars().count() >= SHORTEST_PIECE && !line.starts_with("-----")) {
            forms.extend(written(line));
        }
    }
    forms.into_iter().collect()
}

/// The text as it is, and escaped in the ways of programs.
fn written(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    forms.extend(in_urls(text));
    forms.extend(in_json(text));
    forms.extend(in_shells(text));
    forms
}

/// The middle of the base64 of any text that contains these bytes: one for each place at which they can begin in a group of
/// three, in both alphabets. And the lines of long ones, as they are wrapped.
fn base64(bytes: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let padded = [&[0; 2][..before], bytes].concat();
        // Characters that hold bits of what stands before or after are left out.
        let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            forms.push(encoded[from..to].to_owned());
        }
    }
    for width in [76, 64] {
        let encoded = STANDARD_NO_PAD.encode(bytes);
        if encoded.len() > width {
            let lines = encoded.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned());
            forms.extend(lines);
        }
    }
    forms.retain(|form| form.len() >= SHORTEST_PIECE.min(bytes.len()));
    forms
}

fn in_urls(text: &str) -> Vec<String> {
    // RFC 3986; what `encodeURIComponent` leaves as well; forms of HTML pages, with `+` for a space.
    let kept: [(&[u8], bool); 3] = [(b"-._~", false), (b"-._~!'()*", false), (b"-._*", true)];
    let mut forms = Vec::new();
    for (kept, plus) in kept {
        for upper in [true, false] {
            let mut form = String::with_capacity(text.len() * 3);
            for byte in text.bytes() {
                match byte {
                    b' ' if plus => form.push('+'),
                    _ if byte.is_ascii_alphanumeric() || kept.contains(&byte) => form.push(char::from(byte)),
                    _ if upper => form.push_str(&format!("%{byte:02X}")),
                    _ => form.push_str(&format!("%{byte:02x}")),
                }
            }
            forms.push(form);
        }
    }
    forms
}

fn in_json(text: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(text).to_string();
    let plain = quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
    let mut ascii = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character.is_ascii() {
            true => ascii.push(character),
            false => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    ascii.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    let slashes = plain.replace('/', "\\/");
    // As a text in a text, such as a document in a message.
    let twice = serde_json::Value::from(plain.as_str()).to_string();
    let twice = twice.get(1..twice.len() - 1).unwrap_or_default().to_owned();
    vec![plain, ascii, slashes, twice]
}

fn in_shells(text: &str) -> Vec<String> {
    let escaped = |special: &str| {
        let mut form = String::with_capacity(text.len());
        for character in text.chars() {
            if special.contains(character) {
                form.push('\\');
            }
            form.push(character);
        }
        form
    };
    vec![
        // Between single quotes, in the two ways to write one inside.
        text.replace('\'', r"'\''"),
        text.replace('\'', r#"'"'"'"#),
        // Between double quotes.
        escaped("\\\"$`"),
        // Between `$'` and `'`, as `set -x` of bash has it.
        in_ansi_c(text, char::is_control),
        in_ansi_c(text, |character| character.is_control() || !character.is_ascii()),
        // Without quotes, as `printf %q` has it.
        escaped(" !\"#$&'()*,;<>?[\\]^`{|}~"),
        escaped(" !\"#$&'()*;<>?[\\]^`{|}"),
    ]
}

/// As it stands between `$'` and `'`: some characters by letter or by number, in a locale without them every one that is not
/// ASCII.
fn in_ansi_c(text: &str, by_number: impl Fn(char) -> bool) -> String {
    let mut form = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '\'' => form.extend(['\\', character]),
            '\n' => form.push_str("\\n"),
            '\t' => form.push_str("\\t"),
            '\r' => form.push_str("\\r"),
            '\u{7}' => form.push_str("\\a"),
            '\u{8}' => form.push_str("\\b"),
            '\u{b}' => form.push_str("\\v"),
            '\u{c}' => form.push_str("\\f"),
            '\u{1b}' => form.push_str("\\E"),
            _ if by_number(character) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    form.push_str(&format!("\\{byte:03o}"));
                }
            }
            _ => form.push(character),
        }
    }
    form
}
