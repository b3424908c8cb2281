//! An executor that is one function of JavaScript.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde_json::json;
use windlass::executor::{Capabilities, ExecutorError, SimpleExecutor, StepContext, StepSpec};
use windlass::run::StepEnd;

use crate::context::NativeContext;
use crate::credentials::carried;
use crate::failure::executor_error;
use crate::host::Host;

/// A [`SimpleExecutor`] of JavaScript.
#[derive(Debug)]
pub(crate) struct JsSimpleExecutor {
    host: Host,
    capabilities: Capabilities,
}

impl JsSimpleExecutor {
    pub(crate) fn new(host: Host, capabilities: Capabilities) -> Self {
        Self { host, capabilities: Capabilities { reattach: false, ..capabilities } }
    }
}

#[async_trait]
impl SimpleExecutor for JsSimpleExecutor {
    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn run(&self, step: StepSpec, context: StepContext) -> Result<StepEnd, ExecutorError> {
        let call = Call::begin(&self.host);
        let context = Arc::new(context);
        let request = json!({ "call": call.number, "step": step, "secrets": carried(&step.secrets) });
        let lent = Lent(NativeContext::step(context.clone()));
        let run = self.host.ask("run", request, Some(lent.0.clone()));
        let answer = call.until(run, context.cancelled()).await;
        let end = answer.and_then(|answer| self.host.value::<StepEnd>(&answer, "run"));
        end.map_err(|failure| executor_error(failure, Some(step.key.run)))
    }
}

/// A context that is JavaScript's only as long as this lives.
pub(crate) struct Lent(pub(crate) NativeContext);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A call that JavaScript works on: it is told when it shall end, and when nobody waits for it any more.
pub(crate) struct Call<'a> {
    host: &'a Host,
    pub(crate) number: u64,
    over: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn begin(host: &'a Host) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { host, number: NEXT.fetch_add(1, Ordering::Relaxed), over: false }
    }

    /// Waits for the answer. JavaScript is told once that it is wanted no longer, and still waited for.
    pub(crate) async fn until<T>(mut self, answer: impl Future<Output = T>, cancelled: impl Future<Output = ()>) -> T {
        let answer = std::pin::pin!(answer);
        let cancelled = std::pin::pin!(cancelled);
        let answer = match futures::future::select(answer, cancelled).await {
            futures::future::Either::Left((answer, _)) => answer,
            futures::future::Either::Right(((), answer)) => {
                self.host.tell("cancel", json!({ "call": self.number }));
                answer.await
            }
        };
        self.over = true;
        answer
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.host.tell("cancel", json!({ "call": self.number }));
        }
    }
}
