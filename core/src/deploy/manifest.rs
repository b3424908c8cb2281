//! One object as it stands in a file.

use serde_json::Value;

/// An object that is to be in a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    object: Value,
    place: String,
}

impl Manifest {
    /// An object with where it was read, such as `deploy/web.yaml, document 2`. The message says what an object must have.
    ///
    /// # Errors
    /// When `apiVersion`, `kind` or `metadata.name` is missing.
    pub fn new(object: Value, place: impl Into<String>) -> Result<Self, String> {
        for (pointer, field) in [("/apiVersion", "apiVersion"), ("/kind", "kind"), ("/metadata/name", "metadata.name")]
        {
            if object.pointer(pointer).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(format!("the object has no `{field}`"));
            }
        }
        Ok(Self { object, place: place.into() })
    }

    /// The object.
    pub fn object(&self) -> &Value {
        &self.object
    }

    pub(super) fn object_mut(&mut self) -> &mut Value {
        &mut self.object
    }

    /// Where it was read.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Its API version, such as `apps/v1`.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// Its kind, such as `Deployment`.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// The namespace that it names.
    pub fn namespace(&self) -> Option<&str> {
        self.object.pointer("/metadata/namespace").and_then(Value::as_str)
    }

    /// What it is called in messages: `Deployment web/shop`, or `Namespace web`.
    pub fn title(&self) -> String {
        title(self.kind(), self.namespace(), self.name())
    }

    /// Sets the namespace of an object that names none.
    pub(super) fn settle_namespace(&mut self, namespace: &str) {
        if self.namespace().is_none() {
            self.object["metadata"]["namespace"] = Value::from(namespace);
        }
    }

    /// Adds a label unless it has one of that key.
    pub(super) fn label(&mut self, key: &str, value: &str) {
        let labels = &mut self.object["metadata"]["labels"];
        if labels.get(key).is_none() {
            labels[key] = Value::from(value);
        }
    }

    fn text(&self, pointer: &str) -> &str {
        self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

/// What an object is called in messages.
pub(super) fn title(kind: &str, namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
