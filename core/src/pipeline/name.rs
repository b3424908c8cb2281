//! Names that people give, checked once when they are read.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name that is accepted, in characters.
pub const MAX_NAME_CHARS: usize = 100;

/// Why a text cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no character in it.
    #[error("{} {what} may not be empty", article(what))]
    Empty {
        /// What the name was for, such as `task name`.
        what: &'static str,
    },
    /// It is longer than [`MAX_NAME_CHARS`].
    #[error("{} {what} has at most {MAX_NAME_CHARS} characters, this one has {chars}", article(what))]
    TooLong {
        /// What the name was for.
        what: &'static str,
        /// How many characters it has.
        chars: usize,
    },
    /// It holds a character that has a meaning elsewhere, or that cannot be seen.
    #[error("{} {what} may not contain {character:?}: {rule}", article(what))]
    Character {
        /// What the name was for.
        what: &'static str,
        /// The first character that is not allowed.
        character: char,
        /// Which characters are.
        rule: &'static str,
    },
    /// It starts or ends with white space.
    #[error("{} {what} may not start or end with white space", article(what))]
    Edge {
        /// What the name was for.
        what: &'static str,
    },
}

/// Empty, so that no name equals it.
const STAND_IN: &str = "";

/// Whether this stands for a name that could not be read.
pub(super) fn is_stand_in(name: &str) -> bool {
    name == STAND_IN
}

/// `a` or `an`, as the word wants it.
fn article(what: &str) -> &'static str {
    if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

const FREE_RULE: &str =
    "letters, digits, spaces and . _ - + @ : are fine; / \\ [ ] ' \" ` $ and control characters are not";
const IDENTIFIER_RULE: &str = "it starts with a letter or _, and goes on with letters, digits or _ (ASCII)";

/// A name for people: any script, but nothing that could be read as a path, a quote or a variable.
fn check_free(what: &'static str, text: &str) -> Result<(), NameError> {
    let chars = text.chars().count();
    if chars == 0 {
        return Err(NameError::Empty { what });
    }
    if chars > MAX_NAME_CHARS {
        return Err(NameError::TooLong { what, chars });
    }
    if let Some(character) = text.chars().find(|c| c.is_control() || "/\\[]'\"`$".contains(*c)) {
        return Err(NameError::Character { what, character, rule: FREE_RULE });
    }
    if text.trim() != text {
        return Err(NameError::Edge { what });
    }
    Ok(())
}

/// A name for programs: `[A-Za-z_][A-Za-z0-9_]*`.
fn check_identifier(what: &'static str, text: &str) -> Result<(), NameError> {
    let chars = text.chars().count();
    if chars == 0 {
        return Err(NameError::Empty { what });
    }
    if chars > MAX_NAME_CHARS {
        return Err(NameError::TooLong { what, chars });
    }
    let wrong = text
        .chars()
        .enumerate()
        .find(|(at, c)| !(c.is_ascii_alphabetic() || *c == '_' || (*at > 0 && c.is_ascii_digit())));
    match wrong {
        Some((_, character)) => Err(NameError::Character { what, character, rule: IDENTIFIER_RULE }),
        None => Ok(()),
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $check:ident, $pattern:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What such a name is called in messages.
            pub const WHAT: &'static str = $what;

            /// Checks the text; the error says which rule it breaks.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                $check($what, text)?;
                Ok(Self(Arc::from(text)))
            }

            /// Stands for a name that could not be read; nothing that a person writes is equal to it.
            pub(super) fn stand_in() -> Self {
                Self(Arc::from(STAND_IN))
            }

            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(text.as_ref()).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS, "pattern": $pattern,
                    "description": concat!("A ", $what, "."),
                })
            }
        }
    )*};
}

names! {
    /// The name of a pipeline.
    PipelineName, "pipeline name", check_free, r#"^[^\u0000-\u001f/\\\[\]'"`$]+$"#;
    /// The name of a stage, unique in its pipeline.
    StageName, "stage name", check_free, r#"^[^\u0000-\u001f/\\\[\]'"`$]+$"#;
    /// The name of a task as it stands in the document, unique in its pipeline.
    TaskName, "task name", check_free, r#"^[^\u0000-\u001f/\\\[\]'"`$]+$"#;
    /// The name under which the embedder registered an executor.
    ExecutorName, "executor name", check_free, r#"^[^\u0000-\u001f/\\\[\]'"`$]+$"#;
    /// The name of a stored credential.
    CredentialName, "credential name", check_free, r#"^[^\u0000-\u001f/\\\[\]'"`$]+$"#;
    /// The name of a parameter, an output or a matrix axis; it becomes an environment variable.
    VariableName, "variable name", check_identifier, "^[A-Za-z_][A-Za-z0-9_]*$";
}
