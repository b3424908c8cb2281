crate::executor_conformance!(super::support::Site::new());
