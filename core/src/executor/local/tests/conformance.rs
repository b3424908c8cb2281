use super::support::Local;

crate::executor_conformance!(Local::new());
