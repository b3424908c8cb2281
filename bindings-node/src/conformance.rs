//! The conformance suite of executors over one of JavaScript.

use std::sync::Arc;

use futures::FutureExt;
use napi::bindgen_prelude::Result;
use napi_derive::napi;
use windlass::clock::{SharedClock, SystemClock};
use windlass::executor::Executor;
use windlass::testing::executor_conformance::{self, CASES, Factory};
use windlass::{Error, ErrorKind};

use crate::error::{guarded, guarded_now};
use crate::host::Plugin;
use crate::plugin::Registration;
use crate::quiet;

/// An executor that the suite looks at.
#[napi]
pub struct NativeConformance {
    executor: Arc<dyn Executor>,
    clock: SharedClock,
    keeps_workspaces: bool,
}

#[derive(Debug)]
struct Same {
    executor: Arc<dyn Executor>,
    clock: SharedClock,
    keeps_workspaces: bool,
}

impl Factory for Same {
    fn executor(&self) -> Arc<dyn Executor> {
        self.executor.clone()
    }

    fn clock(&self) -> SharedClock {
        self.clock.clone()
    }

    fn keeps_workspaces(&self) -> bool {
        self.keeps_workspaces
    }
}

/// Takes an executor to the suite. One that is simple works in the folder.
#[napi]
pub fn executor_conformance(plugin: Plugin, folder: String, keeps_workspaces: bool) -> Result<NativeConformance> {
    let clock: SharedClock = Arc::new(SystemClock::resume(None));
    let executor = guarded_now("conformance", || Registration::of(plugin)?.executor(folder.as_ref(), &clock))?;
    Ok(NativeConformance { executor, clock, keeps_workspaces })
}

/// The names of the cases.
#[napi]
pub fn executor_conformance_cases() -> Vec<&'static str> {
    CASES.to_vec()
}

#[napi]
impl NativeConformance {
    /// Runs a case, and throws with what broke the contract.
    #[napi]
    pub async fn case(&self, name: String) -> Result<()> {
        let Self { executor, clock, keeps_workspaces } = self;
        let same = Same { executor: executor.clone(), clock: clock.clone(), keeps_workspaces: *keeps_workspaces };
        let ran = std::panic::AssertUnwindSafe(executor_conformance::run_case(&name, &same)).catch_unwind().await;
        guarded("conformance", async {
            match ran {
                Ok(true) => Ok(()),
                Ok(false) => {
                    Err(Error::new(ErrorKind::NotFound, "noSuchCase", "conformance", format!("no case {name:?}")))
                }
                Err(panic) => Err(Error::new(ErrorKind::Invalid, "assertion", "conformance", quiet::message(&*panic))),
            }
        })
        .await
    }
}
