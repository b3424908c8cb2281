//! Lines of logs, made safe to show: what a step prints must not drive the terminal of the person who reads it.

use std::borrow::Cow;

const ESC: char = '\u{1b}';
const RESET: &str = "\u{1b}[0m";

/// One line of a log without its line break: escape sequences and control characters are left out, colours only when they
/// are not wanted. Of a line that was written over with carriage returns, as progress bars are, the last state counts.
/// Bytes that are no text become `U+FFFD`. (`windlass logs` gives the exact bytes.)
pub(super) fn line(bytes: &[u8], keep_colors: bool) -> Cow<'_, str> {
    if let (true, Ok(text)) = (is_plain_ascii(bytes), std::str::from_utf8(bytes)) {
        return Cow::Borrowed(text);
    }
    let bytes = last_state(bytes);
    let text = String::from_utf8_lossy(bytes);
    if text.chars().all(is_harmless) { text } else { Cow::Owned(filter(&text, keep_colors)) }
}

/// The ordinary case, without a branch for each byte.
fn is_plain_ascii(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & ((b' '..=b'~').contains(byte) | (*byte == b'\t')))
}

/// What is after the last carriage return that something follows.
fn last_state(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != b'\r').map_or(0, |at| at + 1);
    let bytes = &bytes[..end];
    match memchr::memrchr(b'\r', bytes) {
        Some(at) => &bytes[at + 1..],
        None => bytes,
    }
}

fn is_harmless(character: char) -> bool {
    character == '\t' || !(character.is_control() || is_bidi_control(character))
}

/// Characters that turn the direction of the text around: a line could look like another one.
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn filter(text: &str, keep_colors: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut painted = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if character == ESC || character == '\u{9b}' {
            let (sequence, after) = rest.split_at(sequence_length(rest));
            if keep_colors && is_color(sequence) {
                clean.push_str(sequence);
                painted = true;
            }
            rest = after;
        } else {
            if is_harmless(character) {
                clean.push(character);
            }
            rest = &rest[character.len_utf8()..];
        }
    }
    if painted && !clean.ends_with(RESET) {
        clean.push_str(RESET);
    }
    clean
}

/// The length in bytes of the escape sequence with which the text begins. One that does not end takes the whole rest.
fn sequence_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    let introducer = match characters.next() {
        Some((_, ESC)) => match characters.next() {
            None => return text.len(),
            Some((_, kind)) => kind,
        },
        Some(_) => '[',
        None => return 0,
    };
    match introducer {
        '[' => end_after(characters, |character| ('\u{40}'..='\u{7e}').contains(&character)),
        ']' | 'P' | 'X' | '^' | '_' => string_length(text),
        // ESC, some intermediates, and one final character: a choice of character set, a reset …
        '\u{20}'..='\u{2f}' => end_after(characters, |character| !('\u{20}'..='\u{2f}').contains(&character)),
        _ => 1 + introducer.len_utf8(),
    }
    .min(text.len())
}

fn end_after(mut characters: std::str::CharIndices<'_>, is_last: impl Fn(char) -> bool) -> usize {
    characters
        .find(|(_, character)| is_last(*character))
        .map_or(usize::MAX, |(at, character)| at + character.len_utf8())
}

/// A string of commands to the terminal (its title, its clipboard …), up to BEL or ST.
fn string_length(text: &str) -> usize {
    let bell = text.find('\u{7}').map(|at| at + 1);
    let terminator = text[1..].find("\u{1b}\\").map(|at| at + 3);
    match (bell, terminator) {
        (Some(bell), Some(terminator)) => bell.min(terminator),
        (Some(end), None) | (None, Some(end)) => end,
        (None, None) => text.len(),
    }
}

/// `ESC [ numbers m`.
fn is_color(sequence: &str) -> bool {
    let inner = sequence.strip_prefix("\u{1b}[").and_then(|rest| rest.strip_suffix('m'));
    inner.is_some_and(|inner| inner.chars().all(|c| c.is_ascii_digit() || c == ';' || c == ':'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> String {
        line(text.as_bytes(), false).into_owned()
    }

    fn colored(text: &str) -> String {
        line(text.as_bytes(), true).into_owned()
    }

    #[test]
    fn ordinary_text_is_not_touched() {
        for text in ["", "one\ttwo", "größer · 数", "$(rm -rf /) ${HOME}"] {
            assert!(matches!(line(text.as_bytes(), false), Cow::Borrowed(kept) if kept == text));
        }
    }

    #[test]
    fn colours_stay_where_they_are_wanted_and_are_ended() {
        assert_eq!(
            colored("\x1b[1;31mred\x1b[0m and \x1b[38:5:9mmore"),
            "\x1b[1;31mred\x1b[0m and \x1b[38:5:9mmore\x1b[0m"
        );
        assert_eq!(plain("\x1b[1;31mred\x1b[0m and \x1b[38:5:9mmore"), "red and more");
    }

    #[test]
    fn what_drives_the_terminal_is_left_out() {
        assert_eq!(colored("a\x1b[2Jb\x1b[10;10Hc\x1b[?25ld"), "abcd");
        assert_eq!(colored("a\x1b]0;title\x07b\x1b]52;c;cm0=\x1b\\c"), "abc");
        assert_eq!(colored("a\x1bPq#0\x1b\\b\x1bcc\x1b(Bd\x1b7e"), "abcde");
        assert_eq!(colored("a\u{9b}2Jb\u{85}c\x07\x08d\0e\x7f"), "abcde");
        assert_eq!(colored("abc\u{202e}fed"), "abcfed");
    }

    #[test]
    fn a_sequence_without_an_end_takes_no_more_than_its_line() {
        assert_eq!(colored("a\x1b"), "a");
        assert_eq!(colored("a\x1b[12"), "a");
        assert_eq!(colored("a\x1b]0;never ends"), "a");
    }

    #[test]
    fn of_a_progress_bar_the_last_state_counts() {
        assert_eq!(plain("10%\r50%\r100%"), "100%");
        assert_eq!(plain("10%\r100%\r"), "100%");
        assert_eq!(plain("windows\r"), "windows");
        assert_eq!(plain("\r"), "");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        assert_eq!(line(b"a\xff\xfeb", false), "a\u{fffd}\u{fffd}b");
    }

    proptest! {
        #[test]
        fn nothing_but_colours_is_left(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let kept = line(&bytes, true).into_owned();
            let without_colors = kept.split(ESC).enumerate().map(|(at, part)| match part.split_once('m') {
                Some((numbers, rest)) if at > 0 && numbers.starts_with('[') => rest.to_owned(),
                _ if at == 0 => part.to_owned(),
                _ => format!("{ESC}{part}"),
            });
            prop_assert!(without_colors.collect::<String>().chars().all(is_harmless), "{kept:?}");
        }

        #[test]
        fn escapes_of_all_kinds_are_left_out(text in "(\\x1b[\\[\\]PX^_(c7m]|[0-9;]|m|\\x07|\\x1b\\\\|[a-z]){0,40}") {
            prop_assert!(line(text.as_bytes(), false).chars().all(is_harmless));
        }
    }
}
