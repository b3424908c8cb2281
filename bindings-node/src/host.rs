//! Functions of JavaScript that the core calls: executors, actions, providers of credentials.
//!
//! JavaScript gives one function for each of them, `call(operation, request, bytes, context)`, which answers with a promise and
//! never throws: a failure is part of the answer. It is held weakly, so that it keeps no process alive.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use napi::Status;
use napi::bindgen_prelude::{Buffer, FnArgs, Promise};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::NativeContext;

/// What JavaScript answers.
#[napi(object)]
pub struct HostAnswer {
    /// The value as JSON.
    pub json: Option<String>,
    /// Bytes, where the value is some.
    pub bytes: Option<Buffer>,
    /// Why it failed, as JSON of a [`HostFailure`].
    pub failed: Option<String>,
}

type Arguments = FnArgs<(String, String, Option<Buffer>, Option<NativeContext>)>;
/// A function of JavaScript that may be called from any thread, and keeps no process alive.
pub type HostFunction = ThreadsafeFunction<Arguments, Promise<HostAnswer>, Arguments, Status, false, true>;

/// Something that JavaScript brings: its kind, its name, and what it says of itself as JSON.
#[napi(object, object_to_js = false)]
pub struct Plugin {
    /// `simpleExecutor`, `executor`, `action` or `secrets`.
    pub kind: String,
    /// The name under which it is registered.
    pub name: String,
    /// What it says of itself, as JSON.
    pub about: String,
    /// How it is called.
    pub call: HostFunction,
}

/// Why JavaScript could not do it.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HostFailure {
    /// The kind of the error class, or `thrown` for anything else that was thrown.
    pub(crate) kind: String,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) advice: String,
}

/// A function of JavaScript with the name of what it stands for.
#[derive(Clone)]
pub(crate) struct Host {
    name: Arc<str>,
    call: Arc<HostFunction>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Host").field(&self.name).finish()
    }
}

/// The answer to one call.
pub(crate) struct Answer {
    json: Option<String>,
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Host {
    pub(crate) fn new(name: &str, call: HostFunction) -> Self {
        Self { name: Arc::from(name), call: Arc::new(call) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Calls JavaScript and waits for its answer.
    pub(crate) async fn ask(
        &self,
        operation: &str,
        request: Value,
        context: Option<NativeContext>,
    ) -> Result<Answer, HostFailure> {
        let arguments = FnArgs::from((operation.to_owned(), request.to_string(), None, context));
        let promise = self.call.call_async_catch(arguments).await.map_err(|error| self.gone(&error))?;
        let answer = promise.await.map_err(|error| self.gone(&error))?;
        match answer.failed {
            Some(failed) => Err(serde_json::from_str(&failed).unwrap_or_else(|_| self.nonsense(&failed))),
            None => Ok(Answer { json: answer.json, bytes: answer.bytes.map(|bytes| bytes.to_vec()) }),
        }
    }

    /// Tells JavaScript something, without an answer.
    pub(crate) fn tell(&self, operation: &str, request: Value) {
        let arguments = FnArgs::from((operation.to_owned(), request.to_string(), None, None));
        // Who is gone needs to be told nothing.
        let _ = self.call.call(arguments, ThreadsafeFunctionCallMode::NonBlocking);
    }

    /// Calls JavaScript from a thread that may block, for the few questions that the core asks without waiting.
    pub(crate) fn ask_now(&self, operation: &str, request: Value) -> Option<String> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let arguments = FnArgs::from((operation.to_owned(), request.to_string(), None, None));
        let runtime = tokio::runtime::Handle::current();
        let status = self.call.call_with_return_value(
            arguments,
            ThreadsafeFunctionCallMode::NonBlocking,
            move |promise: napi::Result<Promise<HostAnswer>>, _env| {
                if let Ok(promise) = promise {
                    runtime.spawn(async move {
                        // Nobody waits any more when the receiver is gone.
                        let _ = sender.send(promise.await.ok().and_then(|answer| answer.json));
                    });
                }
                Ok(())
            },
        );
        (status == Status::Ok).then(|| receiver.recv().ok().flatten()).flatten()
    }

    /// JavaScript is no longer there: its process, its worker thread or its window ended.
    fn gone(&self, error: &napi::Error) -> HostFailure {
        HostFailure {
            kind: "infrastructure".to_owned(),
            code: "javaScriptGone".to_owned(),
            message: format!("{:?} cannot be called: {error}", self.name),
            advice: "the thread of JavaScript that opened the engine has ended; open the engine again".to_owned(),
        }
    }

    fn nonsense(&self, what: &str) -> HostFailure {
        HostFailure {
            kind: "thrown".to_owned(),
            code: "badAnswer".to_owned(),
            message: format!("{:?} answered with what makes no sense: {what}", self.name),
            advice: String::new(),
        }
    }

    /// The value in an answer.
    pub(crate) fn value<T: DeserializeOwned>(&self, answer: &Answer, operation: &str) -> Result<T, HostFailure> {
        let text = answer.json.as_deref().unwrap_or("null");
        let mut reader = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let place = match error.path().to_string() {
                root if root == "." => String::new(),
                path => format!(" at {path}"),
            };
            HostFailure {
                kind: "thrown".to_owned(),
                code: "badAnswer".to_owned(),
                message: format!(
                    "`{operation}` of {:?} returned something else than it should{place}: {}",
                    self.name,
                    error.inner()
                ),
                advice: "look at the type of what it returns".to_owned(),
            }
        })
    }
}

/// A code that JavaScript made up, as the core wants it. There are only as many as programs have written down.
pub(crate) fn interned(code: &str) -> &'static str {
    static CODES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    match codes.get(code) {
        Some(known) => known,
        None => {
            let new: &'static str = Box::leak(code.to_owned().into_boxed_str());
            codes.insert(new);
            new
        }
    }
}
