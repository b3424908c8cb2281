//! What must not show up in anything that a run leaves behind: the values that its attempts were given, in every form.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::credential::Credential;
use super::forms::{SHORTEST_MASKED, forms};

/// The values that the attempts of a run were given so far, in every form. Clones are the same, and `Debug` shows none.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    /// How many forms there are, so that nobody has to lock to hear that there is nothing new.
    count: AtomicUsize,
}

#[derive(Default)]
struct Known {
    forms: Vec<Zeroizing<String>>,
    /// To which credential each form belongs.
    names: Vec<Arc<str>>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("forms", &self.forms.len()).finish_non_exhaustive()
    }
}

/// A value that is too short to be masked: it stands in too many places where it is no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmasked {
    /// The credential.
    pub credential: String,
    /// How many characters the value has.
    pub characters: usize,
}

impl std::fmt::Display for Unmasked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { credential, characters } = self;
        write!(
            f,
            "the credential {credential:?} has a value of {characters} characters, and only values of {SHORTEST_MASKED} or more \
             are masked: whatever prints it shows it"
        )
    }
}

/// The values of a credential that are too short to be masked. Empty ones cannot be shown.
pub fn unmasked(name: &str, credential: &Credential) -> Vec<Unmasked> {
    let lengths = credential.secrets().into_iter().map(|secret| secret.trim().chars().count());
    let short = lengths.filter(|characters| (1..SHORTEST_MASKED).contains(characters));
    short.map(|characters| Unmasked { credential: name.to_owned(), characters }).collect()
}

impl Masks {
    /// Whether all values of a credential are masked already.
    pub fn knows(&self, credential: &Credential) -> bool {
        let known = self.known();
        forms_of(credential).all(|form| known.forms.contains(&form))
    }

    /// Masks the values of a credential from now on.
    pub fn learn(&self, name: &str, credential: &Credential) {
        let name: Arc<str> = Arc::from(name);
        let new: Vec<_> = forms_of(credential).collect();
        let mut known = self.known();
        for form in new {
            if !known.forms.contains(&form) {
                known.forms.push(form);
                known.names.push(name.clone());
            }
        }
        self.shared.count.store(known.forms.len(), Ordering::Release);
    }

    /// How many forms are known. It only rises.
    pub fn count(&self) -> usize {
        self.shared.count.load(Ordering::Acquire)
    }

    /// The forms after the first so many.
    pub fn forms_after(&self, count: usize) -> Vec<Zeroizing<String>> {
        self.known().forms.iter().skip(count).cloned().collect()
    }

    /// The credential of which a text holds a value in any form.
    pub fn found_in(&self, text: &str) -> Option<String> {
        if self.count() == 0 {
            return None;
        }
        let known = self.known();
        let found = known.forms.iter().position(|form| text.contains(form.as_str()));
        found.and_then(|at| known.names.get(at)).map(ToString::to_string)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forms_of(credential: &Credential) -> impl Iterator<Item = Zeroizing<String>> {
    credential.secrets().into_iter().flat_map(forms).map(Zeroizing::new)
}
