//! The contract of executors, sentence by sentence.

windlass::executor_conformance!(super::support::Site::new().await);
