//! Manifests that are ready to be applied: their kinds are served, their namespaces settled.

use std::collections::BTreeSet;

use kube::Api;
use kube::api::DynamicObject;
use kube::discovery::Scope;
use serde_json::Value;

use super::manifest::{Manifest, title};
use super::options::DEPLOYMENT;
use super::order;
use super::prune::{Identity, identity};
use super::served::{Served, ServedKind};
use crate::explain::{ClusterFailure, code};

/// An object with where it goes.
pub(super) struct Target {
    pub(super) manifest: Manifest,
    pub(super) kind: ServedKind,
    pub(super) api: Api<DynamicObject>,
}

impl Target {
    pub(super) fn title(&self) -> String {
        self.manifest.title()
    }

    pub(super) fn identity(&self) -> Identity {
        identity(self.manifest.object(), &self.kind.resource.group)
    }
}

/// Puts manifests in order, and settles where each one goes. Kinds that a definition among them brings are looked for later.
pub(super) fn settle(
    served: &Served,
    mut manifests: Vec<Manifest>,
    namespace: &str,
    deployment: &str,
) -> Result<Vec<Target>, ClusterFailure> {
    order::sort(&mut manifests);
    refuse_doubles(&manifests, namespace)?;
    let brought = brought(&manifests);
    let mut targets = Vec::with_capacity(manifests.len());
    for mut manifest in manifests {
        let kind = match served.kind(&manifest) {
            Ok(kind) => kind,
            Err(failure) => match brought.iter().find(|kind| kind.fits(&manifest)) {
                Some(brought) => brought.served(&manifest),
                None => return Err(failure),
            },
        };
        if kind.scope == Scope::Namespaced {
            manifest.settle_namespace(namespace);
        }
        manifest.label(DEPLOYMENT, deployment);
        let api = served.api(&kind, manifest.namespace());
        targets.push(Target { manifest, kind, api });
    }
    Ok(targets)
}

/// A kind that a CustomResourceDefinition among the manifests brings.
struct Brought {
    group: String,
    kind: String,
    plural: String,
    scope: Scope,
}

impl Brought {
    fn fits(&self, manifest: &Manifest) -> bool {
        manifest.kind() == self.kind && manifest.api_version().split('/').next() == Some(self.group.as_str())
    }

    fn served(&self, manifest: &Manifest) -> ServedKind {
        let version = manifest.api_version().rsplit('/').next().unwrap_or_default().to_owned();
        let resource = kube::core::ApiResource {
            group: self.group.clone(),
            version,
            api_version: manifest.api_version().to_owned(),
            kind: self.kind.clone(),
            plural: self.plural.clone(),
        };
        ServedKind { resource, scope: self.scope.clone() }
    }
}

fn brought(manifests: &[Manifest]) -> Vec<Brought> {
    let definitions = manifests.iter().filter(|manifest| manifest.kind() == "CustomResourceDefinition");
    let text = |object: &Value, pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let read = |manifest: &Manifest| {
        let object = manifest.object();
        let is_namespaced = text(object, "/spec/scope") == "Namespaced";
        Brought {
            group: text(object, "/spec/group"),
            kind: text(object, "/spec/names/kind"),
            plural: text(object, "/spec/names/plural"),
            scope: if is_namespaced { Scope::Namespaced } else { Scope::Cluster },
        }
    };
    definitions.map(read).collect()
}

/// Of two objects of one name the second one would silently take the place of the first.
fn refuse_doubles(manifests: &[Manifest], namespace: &str) -> Result<(), ClusterFailure> {
    let mut seen = BTreeSet::new();
    for manifest in manifests {
        let group = manifest.api_version().split_once('/').map_or("", |(group, _)| group);
        let place = manifest.namespace().unwrap_or(namespace);
        if !seen.insert((group, manifest.kind(), place, manifest.name())) {
            let object = title(manifest.kind(), Some(place), manifest.name());
            let message = format!("{object} stands in the files twice, the second time in {}", manifest.place());
            return Err(ClusterFailure::failed(code::BAD_MANIFEST, message, "Take one of them out, or rename it."));
        }
    }
    Ok(())
}
