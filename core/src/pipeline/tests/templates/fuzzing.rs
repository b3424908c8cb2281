//! Texts that nobody wrote on purpose, and values that look like variables themselves.
//!
//! `PROPTEST_CASES=1000000 cargo test --release -p windlass --lib fuzzing` looks for long.

use std::borrow::Cow;

use proptest::prelude::*;

use super::{Values, resolve};
use crate::pipeline::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "[$\\{\\}a-z:.\\-( é]{0,40}") {
        if let Ok(template) = Template::parse(text.as_str()) {
            prop_assert_eq!(template.source(), text);
            let _ = template.resolve(&Values);
        }
    }

    #[test]
    fn an_escaped_text_gives_itself(text in any::<String>()) {
        let literal = Template::literal(&text);
        prop_assert_eq!(literal.resolve(&Values).unwrap(), text.clone());
        let parsed = Template::parse(text.replace('$', "$$")).unwrap();
        prop_assert_eq!(parsed.resolve(&Values).unwrap(), text);
        prop_assert_eq!(parsed, literal);
    }

    #[test]
    fn text_around_a_variable_stays(before in "[^$]{0,20}", after in "[^$]{0,20}") {
        let text = format!("{before}${{EMPTY}}{after}");
        prop_assert_eq!(resolve(&text).unwrap(), format!("{before}{after}"));
    }
}

/// The values of variables, whatever is in them.
struct Given(std::collections::BTreeMap<String, String>);

impl Scope for Given {
    fn value(&self, reference: &Reference) -> Result<Option<Cow<'_, str>>, BadValue> {
        let Reference::Variable(name) = reference else { return Ok(None) };
        Ok(self.0.get(name).map(|value| value.as_str().into()))
    }
}

/// A piece of a text as somebody writes it.
#[derive(Clone, Debug)]
enum Written {
    Text(String),
    Dollar,
    Bare(prop::sample::Index),
    Braced(prop::sample::Index),
    WithDefault(prop::sample::Index, String),
    Missing(String),
}

fn written() -> impl Strategy<Value = Written> {
    let any = any::<prop::sample::Index>;
    prop_oneof![
        "[^$]{0,12}".prop_map(Written::Text),
        Just(Written::Dollar),
        any().prop_map(Written::Bare),
        any().prop_map(Written::Braced),
        (any(), "[^$}\\\\]{0,8}").prop_map(|(which, default)| Written::WithDefault(which, default)),
        "[^$}\\\\]{0,8}".prop_map(Written::Missing),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_are_put_in_once_and_never_read_again(
        values in prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,8}", any::<String>(), 1..5),
        pieces in prop::collection::vec(written(), 0..12),
    ) {
        let names: Vec<&String> = values.keys().collect();
        let (mut source, mut expected) = (String::new(), String::new());
        for piece in &pieces {
            let (text, value) = match piece {
                Written::Text(text) => (text.clone(), text.clone()),
                Written::Dollar => ("$$".to_owned(), "$".to_owned()),
                // What follows the name must not go on with it.
                Written::Bare(which) => (format!("${} ", which.get(&names)), format!("{} ", values[*which.get(&names)])),
                Written::Braced(which) => (format!("${{{}}}", which.get(&names)), values[*which.get(&names)].clone()),
                Written::WithDefault(which, default) => {
                    let value = &values[*which.get(&names)];
                    // As in shells, an empty value counts as none.
                    let value = if value.is_empty() { default } else { value };
                    (format!("${{{}:-{default}}}", which.get(&names)), value.clone())
                }
                Written::Missing(default) => (format!("${{NOT__HERE__AT_ALL:-{default}}}"), default.clone()),
            };
            source += &text;
            expected += &value;
        }
        let template = Template::parse(source.as_str());
        let template = template.map_err(|error| TestCaseError::fail(format!("{source:?}: {error}")))?;
        prop_assert_eq!(template.resolve(&Given(values)).unwrap(), expected, "{:?}", source);
    }

    #[test]
    fn any_text_at_all_is_read_or_refused(text in any::<String>(), dollars in "[$\\{\\}:a-zA-Z_.-]{0,60}") {
        for text in [text.as_str(), &dollars, &format!("{dollars}{text}"), &format!("${{{text}}}")] {
            if let Err(error) = Template::parse(text) {
                prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at), "{text:?}: {}", error.at);
            }
        }
    }
}
