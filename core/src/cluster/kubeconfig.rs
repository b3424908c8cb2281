//! Kubeconfigs: read, and refused where they could do more than connect.

use std::path::Path;

use kube::Config;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::explain::{ClusterFailure, code};

/// What makes a kubeconfig out of one that names files.
const FLATTEN: &str = "Store what `kubectl config view --flatten --minify --raw` prints: it holds everything itself.";

/// The configuration in a file on this machine.
pub(super) async fn of_file(path: &Path, context: Option<&str>) -> Result<Config, ClusterFailure> {
    let config = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
    choose(config, context).await
}

/// The configuration in a text, which may come from anybody: it must not name files of this machine, nor programs.
pub(super) async fn of_text(text: &str, context: Option<&str>) -> Result<Config, ClusterFailure> {
    let config = Kubeconfig::from_yaml(text).map_err(|error| unusable(&error))?;
    refuse_places(&config)?;
    choose(config, context).await
}

async fn choose(config: Kubeconfig, context: Option<&str>) -> Result<Config, ClusterFailure> {
    let contexts: Vec<String> = config.contexts.iter().map(|context| context.name.clone()).collect();
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(config, &options).await.map_err(|error| match error {
        KubeconfigError::CurrentContextNotSet => {
            bad("the kubeconfig has no current context", format!("Name one of its contexts: {}.", contexts.join(", ")))
        }
        KubeconfigError::LoadContext(name) => bad(
            format!("the kubeconfig has no context {name:?}"),
            match contexts.is_empty() {
                true => "It has no context at all: is it the right file?".to_owned(),
                false => format!("It has {}.", contexts.join(", ")),
            },
        ),
        error => unusable(&error),
    })
}

/// Refuses what a text must not make the engine do: read its files, run its programs.
fn refuse_places(config: &Kubeconfig) -> Result<(), ClusterFailure> {
    for named in &config.clusters {
        if let Some(cluster) = &named.cluster
            && cluster.certificate_authority_data.is_none()
            && let Some(file) = &cluster.certificate_authority
        {
            return Err(names_a_file("certificate-authority", file));
        }
    }
    config.auth_infos.iter().filter_map(|named| named.auth_info.as_ref()).try_for_each(refuse_places_of_user)
}

fn refuse_places_of_user(user: &AuthInfo) -> Result<(), ClusterFailure> {
    if let Some(exec) = &user.exec {
        return Err(bad(
            format!("the kubeconfig gets its token from the program {:?}", exec.command.as_deref().unwrap_or("?")),
            "A stored kubeconfig runs no programs. Use a token of a service account, or name a kubeconfig file of the \
             engine's machine.",
        ));
    }
    if user.auth_provider.is_some() {
        return Err(bad("the kubeconfig gets its token from an auth-provider", "Use a token of a service account."));
    }
    let files = [
        ("client-certificate", user.client_certificate_data.is_none(), &user.client_certificate),
        ("client-key", user.client_key_data.is_none(), &user.client_key),
        ("tokenFile", user.token.is_none(), &user.token_file),
    ];
    for (key, used, file) in files {
        if let Some(file) = file.as_ref().filter(|_| used) {
            return Err(names_a_file(key, file));
        }
    }
    Ok(())
}

fn names_a_file(key: &str, file: &str) -> ClusterFailure {
    bad(format!("the kubeconfig names a file in `{key}`: {file}"), FLATTEN)
}

fn unusable(error: &KubeconfigError) -> ClusterFailure {
    let advice = match error {
        KubeconfigError::LoadCertificateAuthority(_)
        | KubeconfigError::LoadClientCertificate(_)
        | KubeconfigError::LoadClientKey(_) => FLATTEN,
        KubeconfigError::ReadConfig(..) => "Look at the path, and whether the engine's user may read it.",
        KubeconfigError::Parse(_) => {
            "Paste the whole file, as `kubectl config view --flatten --minify --raw` prints it."
        }
        _ => "",
    };
    // A parser's sentence could quote a secret of the text; its place says enough.
    let message = match error {
        KubeconfigError::Parse(error) => {
            let at = error.location().map(|at| format!(" at line {}", at.line())).unwrap_or_default();
            format!("the kubeconfig cannot be read{at}: it is not YAML of a kubeconfig")
        }
        error => format!("the kubeconfig cannot be used: {error}"),
    };
    bad(message, advice)
}

fn bad(message: impl Into<String>, advice: impl Into<String>) -> ClusterFailure {
    ClusterFailure::failed(code::BAD_KUBECONFIG, message, advice)
}
