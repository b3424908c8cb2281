//! Examples that run: each program in `src/bin` shows one thing, and the tests run all of them.
//!
//! | to see | run |
//! |---|---|
//! | a pipeline in YAML | `cargo run --release -p windlass --features cli -- run examples/quickstart/windlass.yaml --param REPOSITORY="$PWD" --pass-env RUSTUP_HOME --pass-env CARGO_HOME` |
//! | the same in Rust, with its events | `cargo run -p windlass-examples --bin quickstart` |
//! | steps on an executor of your own | `cargo run -p windlass-examples --bin own_executor` |
//! | a task that asks another system, once however often it is asked | `cargo run -p windlass-examples --bin own_action` |
//! | a unit test of a pipeline, in which a day passes in milliseconds | `examples/tests/pipeline_unit_test.rs` |
//! | a person who is asked before the run goes on | `cargo run -p windlass-examples --bin approval` |
//! | runs that wait for each other, replace each other, or are refused | `cargo run -p windlass-examples --bin queue` |
//! | an image built, published, and tested over HTTP in containers, with private images | `examples/image/windlass.yaml`, `cargo run -p windlass-examples --bin image` |
//! | a portal over HTTP that survives its own restart | `cargo run -p windlass-examples --bin portal` |
