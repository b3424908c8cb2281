//! Keeping what the attempts of a run were given out of what they leave: logs, causes, outputs.

use std::collections::BTreeMap;

use crate::explain;
use crate::log::{Masker, SecretMasker};
use crate::run::{AttemptEnd, Cause};
use crate::secret::Masks;

/// Masks what is known by the time when it comes: what runs beside it may be given more, and an action may ask for more itself.
pub(super) struct GrowingMasker {
    masks: Masks,
    /// How many of its forms the masker has.
    known: usize,
    masker: SecretMasker,
}

impl GrowingMasker {
    pub(super) fn new(masks: Masks) -> Self {
        Self { masks, known: 0, masker: SecretMasker::exactly::<&str>([]) }
    }

    fn grow(&mut self) {
        if self.masks.count() > self.known {
            let new = self.masks.forms_after(self.known);
            self.known += new.len();
            self.masker.add(new.iter().map(|form| form.as_str()));
        }
    }
}

impl Masker for GrowingMasker {
    fn mask(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        if self.passes_everything() {
            return out.extend_from_slice(raw);
        }
        self.grow();
        self.masker.mask(raw, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.grow();
        self.masker.finish(out);
    }

    fn held(&self) -> usize {
        self.masker.held()
    }

    fn passes_everything(&self) -> bool {
        self.masks.count() == 0
    }
}

/// A text with `***` in the place of everything that must not be shown.
pub(super) fn masked(masks: &Masks, text: &str) -> String {
    if masks.found_in(text).is_none() {
        return text.to_owned();
    }
    let forms = masks.forms_after(0);
    let mut masker = SecretMasker::exactly(forms.iter().map(|form| form.as_str()));
    let mut out = Vec::with_capacity(text.len());
    masker.mask(text.as_bytes(), &mut out);
    masker.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The end of an attempt as it may be stored: causes are masked, and outputs with a secret in them are refused.
pub(super) fn shown(masks: &Masks, end: AttemptEnd) -> AttemptEnd {
    if masks.count() == 0 {
        return end;
    }
    match end {
        AttemptEnd::Succeeded { outputs, commit } => match secret_output(masks, &outputs) {
            Some(cause) => AttemptEnd::Failed { exit_code: Some(0), cause },
            None => AttemptEnd::Succeeded { outputs, commit },
        },
        AttemptEnd::Failed { exit_code, cause } => AttemptEnd::Failed { exit_code, cause: hidden(masks, cause) },
        AttemptEnd::Infrastructure { cause } => AttemptEnd::Infrastructure { cause: hidden(masks, cause) },
        AttemptEnd::Lost { cause } => AttemptEnd::Lost { cause: hidden(masks, cause) },
        other => other,
    }
}

fn hidden(masks: &Masks, cause: Cause) -> Cause {
    Cause { code: cause.code, message: masked(masks, &cause.message), advice: masked(masks, &cause.advice) }
}

/// Outputs are kept as they are, and a masked one would only fail later and elsewhere.
fn secret_output(masks: &Masks, outputs: &BTreeMap<String, String>) -> Option<Cause> {
    outputs.iter().find_map(|(key, value)| {
        let credential = masks.found_in(value)?;
        Some(Cause::new(
            explain::code::SECRET_OUTPUT,
            format!(
                "the output {key} holds a value of the credential {credential:?}, and outputs are kept where everybody can read \
                 them"
            ),
            format!("give the later task the credential itself, with `secrets: [{{name: …, from: {credential}}}]`"),
        ))
    })
}
