//! What differs between an object as it is and as it would be.

use serde_json::{Value, json};

use crate::deploy::diff::changes;

fn paths(before: Value, after: Value) -> Vec<(String, Option<Value>, Option<Value>)> {
    changes(&before, &after).into_iter().map(|change| (change.path, change.before, change.after)).collect()
}

#[test]
fn items_with_names_are_compared_by_their_names() {
    let containers = |image: &str| json!([{"name": "side", "image": "s"}, {"name": "web", "image": image}]);
    let before = json!({"spec": {"containers": containers("a:1")}});
    let mut after = json!({"spec": {"containers": containers("a:2")}});
    after["spec"]["containers"].as_array_mut().unwrap().reverse();
    let expected = vec![("spec.containers[web].image".to_owned(), Some(json!("a:1")), Some(json!("a:2")))];
    assert_eq!(paths(before, after), expected);
}

#[test]
fn what_the_cluster_adds_is_no_change() {
    let before =
        json!({"metadata": {"name": "a", "resourceVersion": "1", "managedFields": []}, "status": {"ready": 1}});
    let after = json!({"metadata": {"name": "a", "resourceVersion": "2", "generation": 9}, "status": {"ready": 0}});
    assert_eq!(paths(before, after), []);
}

#[test]
fn fields_that_come_and_go_are_named() {
    let found = paths(json!({"spec": {"a": 1, "list": [1]}}), json!({"spec": {"b": 2, "list": [1, 2]}}));
    let expected = vec![
        ("spec.b".to_owned(), None, Some(json!(2))),
        ("spec.list".to_owned(), Some(json!([1])), Some(json!([1, 2]))),
        ("spec.a".to_owned(), Some(json!(1)), None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn values_of_secrets_are_not_shown() {
    let found = paths(
        json!({"kind": "Secret", "data": {"k": "b2xk"}}),
        json!({"kind": "Secret", "data": {"k": "bmV3", "n": "eA=="}}),
    );
    assert!(found.iter().all(|(_, before, after)| before.iter().chain(after).all(|value| value == "***")), "{found:?}");
    assert_eq!(found.len(), 2);
}
