//! Definitions: read, checked and written by the core.

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::pipeline;
use windlass::wire;

use crate::error::{guarded_now, json};

/// Reads a definition in YAML or JSON and gives it back as JSON. `file` stands before each mistake.
#[napi]
pub fn read_definition(text: String, file: String) -> Result<String> {
    guarded_now("read", || json(&pipeline::read(text.as_bytes(), &file)?))
}

/// Reads the definition in a file.
#[napi]
pub fn read_definition_file(path: String) -> Result<String> {
    guarded_now("read", || json(&pipeline::read_file(path)?))
}

/// Refuses a definition that was built when anything is wrong with it; gives it back as the core writes it.
#[napi]
pub fn check_definition(definition: String) -> Result<String> {
    guarded_now("read", || json(&wire::definition(&definition)?))
}

/// A definition as YAML.
#[napi]
pub fn write_yaml(definition: String) -> Result<String> {
    guarded_now("write", || Ok(pipeline::to_yaml(&wire::definition(&definition)?)))
}

/// The JSON Schema of definitions.
#[napi]
pub fn schema() -> Result<String> {
    guarded_now("schema", || json(&pipeline::schema()))
}

/// The version of the package.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
