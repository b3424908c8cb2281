use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn key(byte: u8) -> MasterKey {
    MasterKey::new([byte; 32])
}

fn random(byte: u8) -> [u8; Sealed::RANDOM_BYTES] {
    std::array::from_fn(|at| byte.wrapping_add(at as u8))
}

fn login() -> Credential {
    Credential::UserPassword { user: "ana".to_owned(), password: SecretText::new("correct horse") }
}

fn sealed(name: &str) -> Sealed {
    Sealed::seal(name, &login(), &key(1), &random(7)).unwrap()
}

#[test]
fn what_was_sealed_opens_with_the_key_and_under_its_name() {
    assert_eq!(sealed("team-git").open("team-git", &[key(2), key(1)]).unwrap(), login());
}

#[test]
fn nothing_of_it_can_be_read_without_the_key() {
    let stored = serde_json::to_string(&sealed("team-git")).unwrap();
    for clear in ["correct", "horse", "ana", "userPassword"] {
        assert!(!stored.contains(clear), "{stored}");
        assert!(!stored.contains(&STANDARD.encode(clear)), "{stored}");
    }
}

#[test]
fn another_key_is_named() {
    let error = sealed("team-git").open("team-git", &[key(2)]).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, SecretError::OtherKey { .. }), "{said}");
    assert!(said.contains(key(1).id().as_str()) && said.contains(key(2).id().as_str()), "{said}");
}

#[test]
fn a_name_cannot_get_what_was_sealed_for_another() {
    let error = sealed("dev").open("prod", &[key(1)]).unwrap_err();
    assert!(matches!(error, SecretError::Tampered { .. }), "{error}");
}

#[test]
fn every_changed_character_is_noticed() {
    let whole = serde_json::to_value(sealed("team-git")).unwrap();
    for field in ["dataKey", "sealed"] {
        let text = whole[field].as_str().unwrap();
        for at in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let mut other = whole.clone();
            other[field] = String::from_utf8(changed).unwrap().into();
            let other: Sealed = serde_json::from_value(other).unwrap();
            let opened = other.open("team-git", &[key(1)]);
            assert!(matches!(opened, Err(SecretError::Tampered { .. })), "{field} changed at {at}");
        }
    }
}

#[test]
fn a_rotated_key_opens_what_the_old_one_sealed() {
    let rotated = sealed("team-git").reseal("team-git", &[key(1)], &key(2), &random(9)).unwrap();
    assert_eq!(rotated.key(), key(2).id().as_str());
    assert_eq!(rotated.open("team-git", &[key(2)]).unwrap(), login());
    assert!(rotated.open("team-git", &[key(1)]).is_err());
}

#[test]
fn a_key_comes_from_base64_and_goes_there() {
    let again = MasterKey::from_base64(&key(3).to_base64(), "a test").unwrap();
    assert_eq!(again.id(), key(3).id());
    for wrong in ["", "not base64!", "c2hvcnQ="] {
        let error = MasterKey::from_base64(wrong, "$WINDLASS_KEY").unwrap_err().to_string();
        assert!(error.contains("$WINDLASS_KEY") && error.contains("openssl rand"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, key(4).to_base64().as_bytes()).unwrap();
    for (mode, fine) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let read = MasterKey::from_file(&path);
        assert_eq!(read.is_ok(), fine, "{mode:o}");
        assert!(fine || matches!(read, Err(SecretError::OpenKeyFile { .. })), "{mode:o}");
    }
}

#[test]
fn nothing_is_printed() {
    let key = key(5);
    let all = format!("{:?} {:?} {:?}", login(), key, SecretText::new("hush"));
    assert!(!all.contains("horse") && !all.contains("hush") && !all.contains(&**key.to_base64()), "{all}");
}

#[test]
fn a_kubeconfig_keeps_only_its_secrets_secret() {
    let config = "apiVersion: v1\nusers:\n- name: ci\n  user:\n    token: abc.def.ghi\n    client-key-data: \"S0VZ\"\n";
    let credential = Credential::Kubeconfig { config: SecretText::new(config), context: None };
    assert_eq!(credential.secrets(), ["abc.def.ghi", "S0VZ"]);
    let json = r#"{"users":[{"name":"ci","user":{"token":"abc.def.ghi","password":"pw-1"}}]}"#;
    let credential = Credential::Kubeconfig { config: SecretText::new(json), context: None };
    assert_eq!(credential.secrets(), ["abc.def.ghi", "pw-1"]);
}

/// Whether the text shows one of the forms, so that masking covers it.
fn shows(secret: &str, text: &str) -> bool {
    forms(secret).iter().any(|form| text.contains(form.as_str()))
}

#[test]
fn short_secrets_have_no_forms() {
    for short in ["", "abc", "  ab\n", "äöü"] {
        assert!(forms(short).is_empty(), "{short:?}");
    }
}

#[test]
fn the_forms_of_programs_are_known() {
    let secret = "p@ss \"w'rd\"/$HOME\\é";
    for text in [
        // python3 -c 'print(urllib.parse.quote(s, safe=""))'; the same with quote_plus; JavaScript's encodeURIComponent
        "p%40ss%20%22w%27rd%22%2F%24HOME%5C%C3%A9",
        "p%40ss+%22w%27rd%22%2F%24HOME%5C%C3%A9",
        "p%40ss%20%22w'rd%22%2F%24HOME%5C%C3%A9",
        // python3 -c 'print(json.dumps(s))'; JavaScript's JSON.stringify; PHP's json_encode escapes the slash
        r#""p@ss \"w'rd\"/$HOME\\\u00e9""#,
        r#""p@ss \"w'rd\"/$HOME\\é""#,
        r#""p@ss \"w'rd\"\/$HOME\\é""#,
        // sh -x; bash's ${s@Q}
        r#"'p@ss "w'"'"'rd"/$HOME\é'"#,
        r#"'p@ss "w'\''rd"/$HOME\é'"#,
        // bash's printf %q in the C locale
        r#"$'p@ss "w\'rd"/$HOME\\\303\251'"#,
        // printf %q
        r#"p@ss\ \"w\'rd\"/\$HOME\\é"#,
    ] {
        assert!(shows(secret, text), "{text} is not masked; the forms are {:#?}", forms(secret));
    }
}

#[test]
fn the_lines_of_a_key_are_masked_and_its_frame_is_not() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----\n";
    assert!(shows(key, "+ echo 9w0BAQEFAASCBKcwggSj"));
    assert!(!shows(key, "-----BEGIN PRIVATE KEY-----"));
}

proptest! {
    #[test]
    fn base64_of_anything_that_contains_it_is_known(
        before in proptest::collection::vec(any::<u8>(), 0..40),
        secret in "[ -~]{6,80}",
        after in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        prop_assume!(secret.trim().len() >= 6);
        let whole = [before.as_slice(), secret.as_bytes(), &after].concat();
        for text in [STANDARD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)] {
            prop_assert!(shows(&secret, &text), "{text}");
        }
    }

    #[test]
    fn escaped_by_libraries_it_is_known(secret in "\\PC{4,40}") {
        prop_assume!(secret.trim().chars().count() >= SHORTEST_MASKED);
        let json = serde_json::to_string(&serde_json::json!({"password": secret})).unwrap();
        prop_assert!(shows(&secret, &json), "{json}");
        let twice = serde_json::to_string(&json).unwrap();
        prop_assert!(shows(&secret, &twice), "{twice}");
    }

    #[test]
    fn whatever_is_sealed_opens(name in "[a-z-]{1,20}", value in ".{0,200}", seed in any::<u8>()) {
        let credential = Credential::opaque(value);
        let sealed = Sealed::seal(&name, &credential, &key(seed), &random(seed)).unwrap();
        let stored = serde_json::to_string(&sealed).unwrap();
        let again: Sealed = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(again.open(&name, &[key(seed)]).unwrap(), credential);
    }
}
