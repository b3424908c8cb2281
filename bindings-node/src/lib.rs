//! Windlass for Node. Carries calls and values between JavaScript and the core, and decides nothing: what is given goes as JSON
//! through `windlass::wire`, which reads it strictly; what comes back is the JSON of the core's own types.
//!
//! The TypeScript in `ts/` is the package that people see; `ts/native.ts` declares what is here.

#![cfg_attr(test, expect(dead_code, reason = "a test build registers nothing with Node"))]
#![expect(unreachable_pub, reason = "`#[napi]` wants public items, which only JavaScript reaches")]

mod action;
mod arguments;
mod command_line;
mod conformance;
mod context;
mod credentials;
mod document;
mod editor;
mod engine;
mod error;
mod executor;
mod failure;
mod host;
mod pipelines;
mod plugin;
mod quiet;
mod run;
mod scripted;
mod simple_executor;
mod stream;
mod testing;
