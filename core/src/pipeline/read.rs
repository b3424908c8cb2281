//! Strict reading of YAML and JSON: every mistake at once, each with its place and what was probably meant.
//!
//! Scalars are read by the core rules of YAML 1.2. Where a text is wanted, a number, `true` or `null` is a mistake with
//! the advice to quote it: a version `3.10` would silently become 3.1, and `no` means something else in every tool.

mod budget;
mod decode;
mod document;
mod file;
mod json;
mod record;
mod scalar;
mod task;
mod tree;
mod triggers;
mod yaml;

use std::sync::Arc;

use super::check;
use super::model::Pipeline;
use super::problem::{Position, Problem, Problems};
use decode::{Decode, Decoder};
use tree::Node;

pub use budget::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
pub use file::read_file;

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON, without comments and trailing commas.
    Json,
}

impl Format {
    /// The language by the file's name, else by its first character: `{` is JSON. (Flow mappings are YAML too, so a YAML
    /// text that begins with `{` wants a name ending in `.yaml`.)
    pub fn guess(file: &str, text: &str) -> Self {
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        match extension.as_deref() {
            Some("json") => Self::Json,
            Some("yaml" | "yml") => Self::Yaml,
            _ if text.trim_start().starts_with('{') => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// Reads a definition. `file` is the name that stands before each problem; its extension tells YAML from JSON.
///
/// ```
/// let problems = windlass::pipeline::read(b"name: a\nstagse: []\n", "ci.yaml").unwrap_err();
/// assert_eq!(problems.to_string(), "ci.yaml:2:1: unknown key \"stagse\", did you mean \"stages\"?");
/// ```
pub fn read(text: &[u8], file: &str) -> Result<Pipeline, Problems> {
    let name: Arc<str> = Arc::from(file);
    let text = budget::text(text, &name)?;
    let tree = match Format::guess(file, text) {
        Format::Json => json::parse(text),
        Format::Yaml => yaml::parse(text),
    };
    match tree {
        Ok(tree) => read_tree(&tree, &name),
        Err(broken) => Err(broken.into_problems(&name)),
    }
}

fn read_tree(tree: &Node, file: &Arc<str>) -> Result<Pipeline, Problems> {
    let mut decoder = Decoder::default();
    let pipeline = Pipeline::decode(tree, &mut decoder);
    let Decoder { mut findings, broken, .. } = decoder;
    check::check(&pipeline, &broken, &mut findings);
    match findings.into_problems(Some(file), |path| tree.locate(path)) {
        Some(problems) => Err(problems),
        None => Ok(pipeline),
    }
}

/// A text that is no tree at all: nothing more can be said about it.
#[derive(Debug)]
struct Broken {
    position: Option<Position>,
    message: String,
}

impl Broken {
    fn new(position: Option<Position>, message: impl Into<String>) -> Self {
        Self { position, message: message.into() }
    }

    fn into_problems(self, file: &Arc<str>) -> Problems {
        let Self { position, message } = self;
        let problem =
            Problem { file: Some(Arc::clone(file)), position, path: String::new(), message, suggestion: None };
        match Problems::from_vec(vec![problem]) {
            Some(problems) => problems,
            None => Problems::of_file(file, "cannot be read"),
        }
    }
}
