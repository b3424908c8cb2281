//! Texts given to builders: parsed at once, complaints kept.

use crate::pipeline::condition::Condition;
use crate::pipeline::name::{CredentialName, ExecutorName, NameError, PipelineName, StageName, TaskName, VariableName};
use crate::pipeline::path::Path;
use crate::pipeline::problem::Findings;
use crate::pipeline::template::Template;

/// A name that can be checked.
pub(super) trait Name: Sized {
    fn check(text: &str) -> Result<Self, NameError>;
    fn stand_in() -> Self;
}

macro_rules! names {
    ($($name:ident),*) => {$(
        impl Name for $name {
            fn check(text: &str) -> Result<Self, NameError> {
                $name::new(text)
            }
            fn stand_in() -> Self {
                $name::stand_in()
            }
        }
    )*};
}

names!(CredentialName, PipelineName, ExecutorName, StageName, TaskName, VariableName);

pub(super) fn named<N: Name>(text: &str, path: Path, findings: &mut Findings) -> N {
    N::check(text).unwrap_or_else(|error| {
        findings.report(path, error.to_string());
        N::stand_in()
    })
}

pub(super) fn template(text: &str, path: Path, findings: &mut Findings) -> Template {
    Template::parse(text).unwrap_or_else(|error| {
        findings.report(path, format!("in {text:?} at byte {}: {error}", error.at));
        Template::default()
    })
}

pub(super) fn condition(text: &str, path: Path, findings: &mut Findings) -> Condition {
    Condition::parse(text).unwrap_or_else(|error| {
        findings.report(path, error.to_string());
        Condition::always()
    })
}

/// Mistakes in the fields of something whose place in the tree is not known yet.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Findings);

impl Mistakes {
    pub(super) fn name<N: Name>(&mut self, text: impl AsRef<str>, path: Path) -> N {
        named(text.as_ref(), path, &mut self.0)
    }

    pub(super) fn template(&mut self, text: impl AsRef<str>, path: Path) -> Template {
        template(text.as_ref(), path, &mut self.0)
    }

    pub(super) fn templates<T: AsRef<str>>(
        &mut self,
        texts: impl IntoIterator<Item = T>,
        path: &Path,
    ) -> Vec<Template> {
        texts.into_iter().enumerate().map(|(at, text)| self.template(text, path.item(at))).collect()
    }

    pub(super) fn condition(&mut self, text: impl AsRef<str>, path: Path) -> Condition {
        condition(text.as_ref(), path, &mut self.0)
    }

    pub(super) fn report(&mut self, path: Path, message: String) {
        self.0.report(path, message);
    }

    /// Moves the mistakes below a place.
    pub(super) fn move_below(self, path: &Path, findings: &mut Findings) {
        for mut finding in self.0.into_list() {
            finding.path = path.join(&finding.path);
            findings.push(finding);
        }
    }
}
