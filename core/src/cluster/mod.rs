//! Kubernetes clusters: how they are reached, whether they are well, and what they allow.
//!
//! A [`ClusterAccess`] says how the API server is reached and holds no secret; [`Cluster::connect`] makes the connection with the
//! credential that it names. An engine keeps clusters by name: [`Engine::clusters`](crate::Engine::clusters).

mod access;
mod client;
mod connect;
mod failure;
mod health;
mod identity;
mod kubeconfig;
mod namespace;
mod proxy;
mod record;
mod rights;
mod role;
mod test;
#[cfg(test)]
mod tests;

pub use access::{ClusterAccess, Trust};
pub use connect::Cluster;
pub use health::ClusterHealth;
pub use namespace::NamespaceState;
pub use record::{NewCluster, StoredCluster};
pub use rights::{Right, RightCheck};
pub use role::{missing_role_yaml, role_yaml};
pub use test::ClusterTest;

pub(crate) use failure::refused;
pub(crate) use namespace::MANAGED_BY;
pub(crate) use record::{ClusterSource, name_problem, own_namespace};
