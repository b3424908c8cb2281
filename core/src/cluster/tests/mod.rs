//! What can be shown of clusters without one.

mod identities;
mod kubeconfigs;
