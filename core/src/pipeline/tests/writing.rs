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
