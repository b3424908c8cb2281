//! Reaching Docker engines.

pub(crate) mod connect;

pub use self::connect::DockerEndpoint;
