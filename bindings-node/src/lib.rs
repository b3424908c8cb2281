//! Windlass for Node. Carries calls and values between JavaScript and the core, and decides nothing: what is given goes as JSON
//! through `windlass::wire`, which reads it strictly; what comes back is the JSON of the core's own types.
//!
//! The TypeScript in `ts/` is the package that people see; `ts/native.ts` declares what is here.

#![cfg_attr(not(test), expect(unreachable_pub, reason = "`#[napi]` wants public items, which only JavaScript reaches"))]

// In a test build `#[napi]` registers nothing, so that nothing of it would be used.
#[cfg(not(test))]
mod action;
#[cfg(not(test))]
mod arguments;
#[cfg(not(test))]
mod command_line;
#[cfg(not(test))]
mod conformance;
#[cfg(not(test))]
mod context;
#[cfg(not(test))]
mod credentials;
#[cfg(not(test))]
mod document;
#[cfg(not(test))]
mod editor;
#[cfg(not(test))]
mod engine;
#[cfg(not(test))]
mod error;
#[cfg(not(test))]
mod executor;
#[cfg(not(test))]
mod failure;
#[cfg(not(test))]
mod host;
#[cfg(not(test))]
mod logging;
#[cfg(not(test))]
mod metrics;
#[cfg(not(test))]
mod noun;
#[cfg(not(test))]
mod pipelines;
#[cfg(not(test))]
mod plugin;
#[cfg(not(test))]
mod quiet;
#[cfg(not(test))]
mod reader;
#[cfg(not(test))]
mod run;
#[cfg(not(test))]
mod scripted;
#[cfg(not(test))]
mod simple_executor;
#[cfg(not(test))]
mod stream;
#[cfg(not(test))]
mod testing;
