//! What is mounted into the containers of pods, and where it comes from. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, EphemeralVolumeSource, HostPathVolumeSource, PersistentVolumeClaimSpec,
    PersistentVolumeClaimTemplate, PersistentVolumeClaimVolumeSource, Volume, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::settings::PodSettings;

/// A folder of the node, or a claim that lives as long as the pod.
pub(super) fn workspace(settings: &PodSettings) -> Volume {
    let Some(claim) = &settings.workspace else { return empty("workspace", None) };
    let spec = PersistentVolumeClaimSpec {
        access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
        storage_class_name: claim.storage_class.clone(),
        resources: Some(VolumeResourceRequirements {
            requests: Some(BTreeMap::from([("storage".to_owned(), Quantity(claim.size.clone()))])),
            limits: None,
        }),
        ..PersistentVolumeClaimSpec::default()
    };
    let template = PersistentVolumeClaimTemplate { metadata: None, spec };
    let source = EphemeralVolumeSource { volume_claim_template: Some(template) };
    Volume { name: "workspace".to_owned(), ephemeral: Some(source), ..Volume::default() }
}

pub(super) fn empty(name: &str, medium: Option<&str>) -> Volume {
    let size = medium.map(|_| Quantity("64Mi".to_owned()));
    let source = EmptyDirVolumeSource { medium: medium.map(str::to_owned), size_limit: size };
    Volume { name: name.to_owned(), empty_dir: Some(source), ..Volume::default() }
}

/// A claim by its name, or a folder of the node.
pub(super) fn extra(source: &str) -> Volume {
    let mut volume = Volume { name: extra_name(source), ..Volume::default() };
    if source.starts_with('/') {
        volume.host_path = Some(HostPathVolumeSource { path: source.to_owned(), type_: None });
    } else {
        let claim = PersistentVolumeClaimVolumeSource { claim_name: source.to_owned(), read_only: None };
        volume.persistent_volume_claim = Some(claim);
    }
    volume
}

pub(super) fn extra_name(source: &str) -> String {
    format!("extra-{}", crate::executor::installation::digest(source.as_bytes(), 12))
}
