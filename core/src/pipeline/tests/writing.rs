//! What is written is read again as the same value.

use proptest::prelude::*;

use super::arbitrary;
use crate::pipeline::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn yaml_is_read_again_as_the_same_value(pipeline in arbitrary::pipeline()) {
        let text = to_yaml(&pipeline);
        match read(text.as_bytes(), "a.yaml") {
            Ok(again) => prop_assert_eq!(again, pipeline, "{}", text),
            Err(problems) => prop_assert!(false, "{}\n{}", problems, text),
        }
    }

    #[test]
    fn json_is_read_again_as_the_same_value_by_both_readers(pipeline in arbitrary::pipeline()) {
        let text = to_json(&pipeline);
        match read(text.as_bytes(), "a.json") {
            Ok(again) => prop_assert_eq!(&again, &pipeline, "{}", text),
            Err(problems) => prop_assert!(false, "{}\n{}", problems, text),
        }
        let derived: Pipeline = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(derived, pipeline);
    }
}

/// A document with some of its characters changed.
fn damaged() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "", " ", "  ", "\n", "\t", ":", "- ", "[", "]", "{", "}", "'", "\"", "&a ", "*a", "|", ">", "#", "%", "!", "$",
        "${", "}", "\u{feff}", "é", "\r", "---\n", "...\n", "? ", "\0", "0", "null", "<<: ",
    ]);
    let changes = prop::collection::vec((0usize..4000, 0usize..30, piece), 1..6);
    changes.prop_map(|changes| {
        let mut text: Vec<char> = super::reading::DESIGN.chars().collect();
        for (at, cut, piece) in changes {
            let at = at.min(text.len());
            let end = (at + cut).min(text.len());
            text.splice(at..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_documents_are_refused_with_places_in_them(text in damaged()) {
        for file in ["a.yaml", "a.json"] {
            if let Err(problems) = read(text.as_bytes(), file) {
                let lines = text.matches(['\n', '\r']).count() as u32 + 1;
                for position in problems.iter().filter_map(|problem| problem.position) {
                    prop_assert!(position.line >= 1 && position.line <= lines, "{}", problems);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        for file in ["a.yaml", "a.json"] {
            let _ = read(&bytes, file);
            let _ = read(text.as_bytes(), file);
        }
    }
}
