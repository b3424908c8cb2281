//! What an executor or an action of JavaScript has to work with.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use napi::bindgen_prelude::{Buffer, Result};
use napi_derive::napi;
use tokio::sync::Mutex;
use windlass::action::{ActionContext, ActionError, Waits};
use windlass::executor::{StepContext, TarStream};
use windlass::{Error, ErrorKind};

use crate::error::{guarded, guarded_now, json};
use crate::stream::NativeBytes;

/// What an executor or an action of JavaScript has to work with, until the end of the call. JavaScript may keep it longer, and
/// frees it when it likes: so the end takes away what is in it.
#[napi]
#[derive(Clone)]
pub struct NativeContext {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Step(Arc<StdMutex<Option<Arc<StepContext>>>>),
    Action(Arc<StdMutex<Option<(ActionContext, Waits)>>>),
    Tar(Arc<Mutex<TarStream>>),
}

impl NativeContext {
    pub(crate) fn step(context: Arc<StepContext>) -> Self {
        Self { kind: Kind::Step(Arc::new(StdMutex::new(Some(context)))) }
    }

    pub(crate) fn action(context: ActionContext, waits: Waits) -> Self {
        Self { kind: Kind::Action(Arc::new(StdMutex::new(Some((context, waits))))) }
    }

    pub(crate) fn tar(tar: TarStream) -> Self {
        Self { kind: Kind::Tar(Arc::new(Mutex::new(tar))) }
    }

    /// Takes away what is in it.
    pub(crate) fn end(&self) {
        match &self.kind {
            Kind::Step(context) => drop(context.lock().unwrap_or_else(PoisonError::into_inner).take()),
            Kind::Action(context) => drop(context.lock().unwrap_or_else(PoisonError::into_inner).take()),
            Kind::Tar(_) => {}
        }
    }

    fn action_context(&self) -> windlass::Result<ActionContext> {
        Ok(self.action_lent()?.0)
    }

    fn action_lent(&self) -> windlass::Result<(ActionContext, Waits)> {
        let Kind::Action(lent) = &self.kind else { return Err(not_for("only an action has that")) };
        lent.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(over)
    }

    fn step_context(&self) -> windlass::Result<Arc<StepContext>> {
        let Kind::Step(context) = &self.kind else { return Err(not_for("only a step has that")) };
        context.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(over)
    }
}

fn over() -> Error {
    let message = "the step or action is over: what belongs to it must be done before `run` ends";
    Error::new(ErrorKind::Conflict, "callOver", "context", message)
}

fn not_for(message: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "unsupported", "context", message)
}

/// What keeps an action from its workspace or a credential, as an error with the code of the cause.
fn refused(error: ActionError) -> Error {
    match error {
        ActionError::Failed { cause } => {
            Error::new(ErrorKind::Invalid, crate::host::interned(&cause.code), "action", cause.message)
        }
        ActionError::Infrastructure { cause } => {
            Error::new(ErrorKind::Unavailable, crate::host::interned(&cause.code), "action", cause.message)
        }
        ActionError::Executor(error) => error.into(),
        other => Error::new(ErrorKind::Unavailable, "actionFailed", "action", other.to_string()),
    }
}

#[napi]
impl NativeContext {
    /// The folder on this machine in which a step works.
    #[napi]
    pub fn workspace(&self) -> Result<String> {
        guarded_now("context", || Ok(self.step_context()?.workspace().to_string_lossy().into_owned()))
    }

    /// Adds bytes to the log of a step, at once and so in order.
    #[napi]
    pub fn log_now(&self, bytes: Buffer) -> Result<()> {
        guarded_now("context", || Ok(self.step_context()?.log(&bytes[..])?))
    }

    /// Sets what a step hands to later ones.
    #[napi]
    pub fn set_output(&self, bytes: Buffer) -> Result<()> {
        guarded_now("context", || {
            self.step_context()?.set_output(bytes.to_vec());
            Ok(())
        })
    }

    /// Adds bytes to the log of an action. Waits while the disk is slower.
    #[napi]
    pub async fn log(&self, bytes: Buffer) -> Result<()> {
        let bytes = bytes.to_vec();
        guarded("context", async {
            self.action_context()?.log(bytes).await;
            Ok(())
        })
        .await
    }

    /// Waits by the engine's clock.
    #[napi]
    pub async fn sleep(&self, milliseconds: u32) -> Result<()> {
        guarded("context", async {
            let (context, waits) = self.action_lent()?;
            waits.during(context.sleep(Duration::from_millis(milliseconds.into()))).await;
            Ok(())
        })
        .await
    }

    /// JavaScript looks at the signal of the call: it may wait for the end from here on. After the end that means nothing.
    #[napi]
    pub fn listens(&self) -> Result<()> {
        guarded_now("context", || {
            self.action_lent().map(|(_, waits)| waits.for_good()).or_else(|error| match error.code() {
                "callOver" => Ok(()),
                _ => Err(error),
            })
        })
    }

    /// A credential as JSON.
    #[napi]
    pub async fn credential(&self, name: String) -> Result<String> {
        guarded("context", async { json(&self.action_context()?.credential(&name).await.map_err(refused)?) }).await
    }

    /// A file or folder of the workspace as a tar stream.
    #[napi]
    pub async fn read(&self, path: String) -> Result<NativeBytes> {
        guarded("context", async {
            let tar = self.action_context()?.read(&path).await.map_err(refused)?;
            Ok(NativeBytes::of(tar))
        })
        .await
    }

    /// Unpacks a tar archive below a folder of the workspace.
    #[napi]
    pub async fn write(&self, path: String, tar: Buffer) -> Result<()> {
        let tar = Bytes::from(tar.to_vec());
        guarded("context", async {
            let tar: TarStream = futures::stream::once(async { Ok(tar) }).boxed();
            self.action_context()?.write(&path, tar).await.map_err(refused)
        })
        .await
    }

    /// One file of the workspace.
    #[napi]
    pub async fn read_file(&self, path: String, max: u32) -> Result<Buffer> {
        let most = usize::try_from(max).unwrap_or(usize::MAX);
        let bytes =
            guarded("context", async { self.action_context()?.read_file(&path, most).await.map_err(refused) }).await?;
        Ok(Buffer::from(bytes.to_vec()))
    }

    /// Writes one file of the workspace.
    #[napi]
    pub async fn write_file(&self, path: String, content: Buffer) -> Result<()> {
        let content = content.to_vec();
        guarded("context", async { self.action_context()?.write_file(&path, content).await.map_err(refused) }).await
    }

    /// The next piece of a tar archive that the engine writes; `null` at its end.
    #[napi]
    pub async fn next_piece(&self) -> Result<Option<Buffer>> {
        let piece = guarded("context", async {
            let Kind::Tar(tar) = &self.kind else { return Err(not_for("only an archive has that")) };
            let piece = tar.lock().await.next().await;
            Ok(piece.transpose()?)
        })
        .await?;
        Ok(piece.map(|piece| Buffer::from(piece.to_vec())))
    }
}
