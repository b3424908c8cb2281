//! Files to objects.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::deploy::{Substitution, read_manifests};

fn variables() -> BTreeMap<String, String> {
    let pairs =
        [("BUILD_NUMBER", "7"), ("TAG", "1.0"), ("EVIL", "x\nspec: {replicas: 99}"), ("EMPTY", ""), ("ON", "true")];
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The only object of a text.
fn read(text: &str) -> Value {
    let variables = variables();
    let manifests = read_manifests("web.yaml", text, Substitution::Of(&variables)).unwrap();
    assert_eq!(manifests.len(), 1, "{manifests:?}");
    manifests[0].object().clone()
}

fn object(rest: &str) -> Value {
    read(&format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\n{rest}"))
}

#[test]
fn several_documents_are_read_and_empty_ones_and_lists_are_understood() {
    let text = "---\n# nothing\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n  - \
                {apiVersion: v1, kind: Secret, metadata: {name: b}}\n  - {apiVersion: v1, kind: Secret, metadata: {name: c}}\n";
    let manifests = read_manifests("all.yaml", text, Substitution::Off).unwrap();
    let titles: Vec<String> = manifests.iter().map(|manifest| manifest.title()).collect();
    assert_eq!(titles, ["Service a", "Secret b", "Secret c"]);
    assert_eq!(manifests[2].place(), "all.yaml, document 3");
}

#[test]
fn json_is_read_as_well() {
    let object = read(
        r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "n", "labels": {"build": "${BUILD_NUMBER}"}}}"#,
    );
    assert_eq!(object["metadata"]["labels"]["build"], "7");
}

#[test]
fn only_variables_of_the_run_are_replaced() {
    let nginx = "location / { try_files $uri $uri/ /index.html; proxy_set_header Host $host; }";
    let object = object(&format!(
        "data:\n  conf: \"{nginx}\"\n  other: $(POD_NAME) ${{UNKNOWN}} $$ $\n  page: v${{TAG}}-$BUILD_NUMBER.\n"
    ));
    assert_eq!(object["data"]["conf"], nginx);
    assert_eq!(object["data"]["other"], "$(POD_NAME) ${UNKNOWN} $$ $");
    assert_eq!(object["data"]["page"], "v1.0-7.");
}

#[test]
fn a_default_takes_the_place_of_an_empty_value_of_a_known_name_only() {
    let object = object("data: {one: \"${EMPTY:-some}\", other: \"${NOBODY:-some}\"}");
    assert_eq!(object["data"], json!({"one": "some", "other": "${NOBODY:-some}"}));
}

#[test]
fn a_value_never_becomes_structure() {
    let object = object("data: {conf: \"${EVIL}\"}\nspec: {command: [\"${EVIL}\"], \"${EVIL}\": 1}");
    assert_eq!(object["data"]["conf"], "x\nspec: {replicas: 99}");
    assert_eq!(object["spec"]["command"], json!(["x\nspec: {replicas: 99}"]));
    assert_eq!(object["spec"]["${EVIL}"], 1, "keys stay as they are");
}

#[test]
fn what_is_only_a_variable_is_a_number_where_numbers_stand_and_a_text_where_texts_stand() {
    let object = object(
        "spec: {replicas: $BUILD_NUMBER, paused: $ON, quoted: \"$BUILD_NUMBER\"}\nenv: [{name: A, value: $BUILD_NUMBER}]\n\
         args: [$BUILD_NUMBER]\nselector: {build: $BUILD_NUMBER}",
    );
    assert_eq!(object["spec"], json!({"replicas": 7, "paused": true, "quoted": "7"}));
    assert_eq!(object["env"][0]["value"], "7");
    assert_eq!(object["args"], json!(["7"]));
    assert_eq!(object["selector"], json!({"build": "7"}));
}

#[test]
fn scalars_are_what_kubernetes_own_tools_make_of_them() {
    let object = object(
        "spec: {mode: 0644, hex: 0x1F, off: off, no: No, none: ~, half: 0.5, version: 1.2.3, negative: -3, big: 1e3}",
    );
    let expected = json!({"mode": 420, "hex": 31, "off": "off", "no": "No", "none": null, "half": 0.5, "version": "1.2.3",
        "negative": -3, "big": 1000.0});
    assert_eq!(object["spec"], expected);
}

#[test]
fn merge_keys_and_aliases_are_unfolded() {
    let object = object("base: &base {cpu: 1, memory: 2}\nspec: {<<: *base, cpu: 5}");
    assert_eq!(object["spec"], json!({"cpu": 5, "memory": 2}));
}

#[test]
fn mistakes_have_their_place() {
    let error = |text: &str| read_manifests("web.yaml", text, Substitution::Off).unwrap_err().to_string();
    assert_eq!(error("apiVersion: v1\nkind: Secret\n"), "web.yaml: document 1: the object has no `metadata.name`");
    assert_eq!(error("a: 1\nb: 2\na: 3\n"), "web.yaml:3: the key \"a\" stands here twice");
    assert!(error("a: [1\nb").starts_with("web.yaml:"), "{}", error("a: [1\nb"));
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let below = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
    }
    let error = read_manifests("bomb.yaml", &text, Substitution::Off).unwrap_err();
    assert!(error.message.contains("more than 200000 values"), "{error}");
}

proptest! {
    /// Whatever a value holds, the object has the same shape.
    #[test]
    fn no_value_changes_the_shape(value in ".*") {
        let variables = BTreeMap::from([("V".to_owned(), value.clone())]);
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  plain: ${V}\n  quoted: \"a${V}\"\n";
        let manifests = read_manifests("f", text, Substitution::Of(&variables)).unwrap();
        prop_assert_eq!(manifests.len(), 1);
        let data = &manifests[0].object()["data"];
        prop_assert_eq!(data.as_object().unwrap().len(), 2);
        prop_assert_eq!(data["quoted"].as_str().unwrap(), format!("a{value}"));
        prop_assert_eq!(data["plain"].as_str().unwrap(), value);
    }

    /// Without variables nothing is changed.
    #[test]
    fn texts_without_known_names_stay(text in "[$a-z{}():-]{0,40}") {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"t": text}});
        let variables = BTreeMap::from([("UPPER".to_owned(), "no".to_owned())]);
        let read = read_manifests("f", &object.to_string(), Substitution::Of(&variables)).unwrap();
        prop_assert_eq!(read[0].object(), &object);
    }
}
