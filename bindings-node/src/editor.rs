//! An editing session, as JavaScript holds it.

use std::sync::{Mutex, PoisonError};

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::pipeline::Pipeline;
use windlass::pipeline::editor::{Edit, Editor};
use windlass::wire;

use crate::error::{guarded_now, json};

/// An editing session.
#[napi]
pub struct NativeEditor {
    editor: Mutex<Editor>,
}

/// Begins a session. The definition may have mistakes, but must have the form of one.
#[napi]
pub fn open_editor(definition: String) -> Result<NativeEditor> {
    guarded_now("edit", || {
        let definition: Pipeline = wire::read(&definition, "edit")?;
        Ok(NativeEditor { editor: Mutex::new(Editor::open(definition)) })
    })
}

#[napi]
impl NativeEditor {
    /// Makes a step, and tells what came of it.
    #[napi]
    pub fn apply(&self, edit: String) -> Result<String> {
        guarded_now("edit", || {
            let edit: Edit = wire::read(&edit, "edit")?;
            json(&self.editor.lock().unwrap_or_else(PoisonError::into_inner).apply(edit)?)
        })
    }

    /// The definition as it is now.
    #[napi]
    pub fn definition(&self) -> Result<String> {
        guarded_now("edit", || json(self.editor.lock().unwrap_or_else(PoisonError::into_inner).definition()))
    }

    /// All that is wrong with it.
    #[napi]
    pub fn problems(&self) -> Result<String> {
        guarded_now("edit", || json(&self.editor.lock().unwrap_or_else(PoisonError::into_inner).problems()))
    }
}
