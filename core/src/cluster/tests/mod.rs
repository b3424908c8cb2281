//! What can be shown of clusters without one.

mod failures;
mod identities;
mod kubeconfigs;
mod proxies;
