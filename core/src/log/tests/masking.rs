use proptest::prelude::*;

use crate::log::{Masker, SecretMasker};

fn masker(secrets: &[&str]) -> SecretMasker {
    SecretMasker::new(&secrets.iter().map(|secret| (*secret).to_owned()).collect::<Vec<_>>())
}

fn mask_chunks(masker: &mut SecretMasker, chunks: &[&[u8]]) -> String {
    let mut out = Vec::new();
    for chunk in chunks {
        masker.mask(chunk, &mut out);
    }
    masker.finish(&mut out);
    String::from_utf8(out).unwrap()
}

/// The plainest way to say what is wanted: every byte of every occurrence is covered, overlapping ones by one mask.
fn model(secrets: &[String], text: &[u8]) -> Vec<u8> {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for start in 0..text.len() {
        let longest =
            secrets.iter().filter(|secret| text[start..].starts_with(secret.as_bytes())).map(String::len).max();
        let Some(length) = longest else { continue };
        match stretches.last_mut() {
            Some(last) if start < last.1 => last.1 = last.1.max(start + length),
            _ => stretches.push((start, start + length)),
        }
    }
    let (mut out, mut at) = (Vec::new(), 0);
    for (start, end) in stretches {
        out.extend_from_slice(&text[at..start]);
        out.extend_from_slice(b"***");
        at = end;
    }
    out.extend_from_slice(&text[at..]);
    out
}

#[test]
fn a_secret_is_masked_across_chunk_borders() {
    let text = b"password=hunter2 and hunter2, not hunter";
    for first in 0..text.len() {
        for second in first..text.len() {
            let chunks = [&text[..first], &text[first..second], &text[second..]];
            let masked = mask_chunks(&mut masker(&["hunter2"]), &chunks);
            assert_eq!(masked, "password=*** and ***, not hunter");
        }
    }
}

#[test]
fn overlapping_secrets_leave_nothing_between_them() {
    assert_eq!(mask_chunks(&mut masker(&["abc", "bcd"]), &[b"xabcdx"]), "x***x");
    assert_eq!(mask_chunks(&mut masker(&["bab", "a"]), &[b"baba", b"b"]), "***");
    assert_eq!(mask_chunks(&mut masker(&["bab", "a"]), &[b"baba", b"c"]), "******c");
    assert_eq!(mask_chunks(&mut masker(&["ab"]), &[b"abab"]), "******");
    assert_eq!(mask_chunks(&mut masker(&["token", "token-long"]), &[b"token-l", b"ong token-lo"]), "*** ***-lo");
}

#[test]
fn each_line_of_a_secret_is_masked_but_short_ones_say_nothing() {
    let secret = "{\n  \"key\": \"first-part\"\r\n}\n";
    let masked = mask_chunks(&mut masker(&[secret]), &[b"{ x }\n> \"key\": \"first-part\" <\n"]);
    assert_eq!(masked, "{ x }\n> *** <\n");
    assert_eq!(mask_chunks(&mut masker(&["", "  ", "\n"]), &[b"a b\n"]), "a b\n");
}

#[test]
fn an_endless_mask_needs_no_memory() {
    let mut masker = masker(&["aa"]);
    let mut out = Vec::new();
    masker.mask(b"x", &mut out);
    for _ in 0..1000 {
        masker.mask(&[b'a'; 1000], &mut out);
    }
    assert_eq!((out.as_slice(), masker.held()), (b"x".as_slice(), 1_000_000));
    masker.mask(b"y", &mut out);
    assert_eq!((out.as_slice(), masker.held()), (b"x***y".as_slice(), 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn chunks_and_new_beginnings_change_nothing(
        secrets in prop::collection::vec("[ab]{1,5}", 1..4),
        chunks in prop::collection::vec(("[abc]{0,8}", any::<bool>()), 0..12),
    ) {
        let whole: Vec<u8> = chunks.iter().flat_map(|(chunk, _)| chunk.bytes()).collect();
        let (mut masker, mut out, mut taken) = (SecretMasker::new(&secrets), Vec::new(), 0);
        for (chunk, begin_anew) in &chunks {
            masker.mask(chunk.as_bytes(), &mut out);
            taken += chunk.len();
            if *begin_anew {
                // What a crash does: reading goes on at the first byte held back, with a fresh masker.
                let source = taken - masker.held();
                masker = SecretMasker::new(&secrets);
                masker.mask(&whole[source..taken], &mut out);
            }
        }
        masker.finish(&mut out);
        for secret in &secrets {
            prop_assert!(memchr::memmem::find(&out, secret.as_bytes()).is_none());
        }
        prop_assert_eq!(out, model(&secrets, &whole));
    }

    #[test]
    fn only_what_may_become_a_secret_is_held_back(text in "[abc]{0,30}") {
        let mut masker = SecretMasker::new(&["aabc".to_owned()]);
        masker.mask(text.as_bytes(), &mut Vec::new());
        prop_assert!(masker.held() < 4);
        prop_assert!("aabc".starts_with(&text[text.len() - masker.held()..]));
    }
}
