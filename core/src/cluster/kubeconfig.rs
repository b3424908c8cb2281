//! Kubeconfigs: read, and refused where they could do more than connect.

use std::path::Path;

use kube::Config;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::proxy::{Environment, proxy_of};
use crate::explain::{ClusterFailure, code};

/// What makes a kubeconfig out of one that names files.
const FLATTEN: &str = "Store what `kubectl config view --flatten --minify --raw` prints: it holds everything itself.";

/// The configuration in a file on this machine.
pub(super) async fn of_file(path: &Path, context: Option<&str>) -> Result<Config, ClusterFailure> {
    let config = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
    refuse_gaps(&config, context)?;
    choose(config, context).await
}

/// The configuration in a text, which may come from anybody: it must not name files of this machine, nor programs.
pub(super) async fn of_text(text: &str, context: Option<&str>) -> Result<Config, ClusterFailure> {
    let config = Kubeconfig::from_yaml(text).map_err(|error| unusable(&error))?;
    refuse_places(&config)?;
    refuse_gaps(&config, context)?;
    choose(config, context).await
}

/// Refuses a context that names what is not there: a user, files, a program. What else is missing is said when it is chosen.
fn refuse_gaps(config: &Kubeconfig, context: Option<&str>) -> Result<(), ClusterFailure> {
    let Some(name) = context.or(config.current_context.as_deref()) else { return Ok(()) };
    let context = config.contexts.iter().find(|named| named.name == name);
    let Some(context) = context.and_then(|named| named.context.as_ref()) else { return Ok(()) };
    let cluster = config.clusters.iter().find(|named| named.name == context.cluster);
    if let Some(cluster) = cluster.and_then(|named| named.cluster.as_ref())
        && cluster.certificate_authority_data.is_none()
        && let Some(file) = &cluster.certificate_authority
    {
        readable("certificate-authority", file)?;
    }
    let Some(user) = context.user.as_deref().filter(|user| !user.is_empty()) else { return Ok(()) };
    let Some(found) = config.auth_infos.iter().find(|named| named.name == user) else {
        let users: Vec<&str> = config.auth_infos.iter().map(|named| named.name.as_str()).collect();
        let message = format!("the context {name:?} of the kubeconfig names the user {user:?}, which it does not have");
        return Err(bad(
            message,
            format!("It has {}.", if users.is_empty() { "none".to_owned() } else { users.join(", ") }),
        ));
    };
    let Some(user) = &found.auth_info else { return Ok(()) };
    files_of(user).into_iter().try_for_each(|(key, file)| readable(key, file))?;
    let command = user.exec.as_ref().and_then(|exec| exec.command.as_deref());
    command.map_or(Ok(()), installed)
}

/// The files that a user names and that count.
fn files_of(user: &AuthInfo) -> Vec<(&'static str, &str)> {
    let files = [
        ("client-certificate", user.client_certificate_data.is_none(), &user.client_certificate),
        ("client-key", user.client_key_data.is_none(), &user.client_key),
        ("tokenFile", user.token.is_none(), &user.token_file),
    ];
    files
        .into_iter()
        .filter(|(_, counts, _)| *counts)
        .filter_map(|(key, _, file)| Some((key, file.as_deref()?)))
        .collect()
}

fn readable(key: &str, file: &str) -> Result<(), ClusterFailure> {
    std::fs::File::open(file).map(drop).map_err(|error| {
        let message = format!("the kubeconfig names a file in `{key}` that cannot be read: {file}: {error}");
        let advice = "Put it there, or use what `kubectl config view --flatten --minify --raw` prints where the file is: it holds \
                      everything itself.";
        bad(message, advice)
    })
}

/// A program without a folder is looked for as the system does.
fn installed(command: &str) -> Result<(), ClusterFailure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = match command.contains('/') {
        true => Path::new(command).is_file(),
        false => std::env::split_paths(&path).any(|folder| folder.join(command).is_file()),
    };
    if is_there {
        return Ok(());
    }
    let message = format!("the kubeconfig gets its token from the program {command:?}, which is not here");
    Err(bad(message, "Install it for the user of the engine's process, or use a token of a service account."))
}

async fn choose(config: Kubeconfig, context: Option<&str>) -> Result<Config, ClusterFailure> {
    let contexts: Vec<String> = config.contexts.iter().map(|context| context.name.clone()).collect();
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let own_proxy = own_proxy(&config, context);
    let chosen = Config::from_custom_kubeconfig(config, &options).await;
    let mut chosen = chosen.map_err(|error| refusal(&error, &contexts))?;
    // What `kube` found does not know of NO_PROXY.
    chosen.proxy_url = proxy_of(&chosen.cluster_url, own_proxy.as_deref(), &Environment::of_process())?;
    Ok(chosen)
}

/// The proxy that a context's cluster names.
fn own_proxy(config: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let name = context.or(config.current_context.as_deref())?;
    let context = config.contexts.iter().find(|named| named.name == name)?.context.as_ref()?;
    let cluster = config.clusters.iter().find(|named| named.name == context.cluster)?;
    cluster.cluster.as_ref()?.proxy_url.clone()
}

fn refusal(error: &KubeconfigError, contexts: &[String]) -> ClusterFailure {
    match error {
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
        error => unusable(error),
    }
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
    files_of(user).first().map_or(Ok(()), |(key, file)| Err(names_a_file(key, file)))
}

fn names_a_file(key: &str, file: &str) -> ClusterFailure {
    bad(format!("the kubeconfig names a file in `{key}`: {file}"), FLATTEN)
}

fn unusable(error: &KubeconfigError) -> ClusterFailure {
    let advice = match error {
        KubeconfigError::LoadCertificateAuthority(_)
        | KubeconfigError::LoadClientCertificate(_)
        | KubeconfigError::LoadClientKey(_) => FLATTEN,
        KubeconfigError::LoadClusterOfContext(_) => {
            "The context names a cluster that the kubeconfig does not have: it was cut, or put together by hand."
        }
        KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_) => {
            "Write the address of the API server as `server: https://HOST:PORT`."
        }
        KubeconfigError::ParseProxyUrl(_) => {
            "Write `proxy-url`, or HTTPS_PROXY in the environment, as http://HOST:PORT."
        }
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
