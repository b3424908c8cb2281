//! Kubeconfigs that can be used, and those that cannot.

use crate::cluster::{Cluster, ClusterAccess};
use crate::explain::ClusterFailure;
use crate::secret::{Credential, SecretText};

const CONFIG: &str = "\
apiVersion: v1
kind: Config
clusters:
  - name: one
    cluster: {server: 'https://one.example:6443', insecure-skip-tls-verify: true}
  - name: two
    cluster: {server: 'https://two.example:6443'}
users:
  - name: ana
    user: {token: sesame}
contexts:
  - name: first
    context: {cluster: one, user: ana, namespace: shop}
  - name: second
    context: {cluster: two, user: ana}
";

fn credential(config: &str) -> Credential {
    Credential::Kubeconfig { config: SecretText::new(config), context: None }
}

async fn connect(config: &str, context: Option<&str>) -> Result<Cluster, ClusterFailure> {
    let access = ClusterAccess::Kubeconfig { credential: "c".parse().unwrap(), context: context.map(str::to_owned) };
    Cluster::connect("test", &access, Some(&credential(config)), None).await
}

async fn refused(config: &str, context: Option<&str>) -> String {
    let failure = connect(config, context).await.unwrap_err();
    assert_eq!(failure.code, "badKubeconfig", "{failure}");
    assert!(!failure.to_string().contains("sesame"), "{failure}");
    failure.to_string()
}

#[tokio::test]
async fn a_context_says_where_and_as_whom() {
    let cluster = connect(CONFIG, Some("first")).await.unwrap();
    assert_eq!((cluster.server(), cluster.namespace()), ("https://one.example:6443", "shop"));
    let cluster = connect(CONFIG, Some("second")).await.unwrap();
    assert_eq!((cluster.server(), cluster.namespace()), ("https://two.example:6443", "default"));
}

#[tokio::test]
async fn a_context_that_is_missing_names_those_that_there_are() {
    let none = refused(CONFIG, None).await;
    assert!(none.contains("no current context") && none.contains("first, second"), "{none}");
    let wrong = refused(CONFIG, Some("third")).await;
    assert!(wrong.contains("\"third\"") && wrong.contains("first, second"), "{wrong}");
}

#[tokio::test]
async fn a_stored_kubeconfig_names_no_files() {
    for key in ["client-certificate", "client-key", "tokenFile"] {
        let config = CONFIG.replace("token: sesame", &format!("{key}: /etc/shadow"));
        let why = refused(&config, Some("first")).await;
        assert!(why.contains(key) && why.contains("/etc/shadow") && why.contains("--flatten"), "{why}");
    }
    let config = CONFIG.replace("insecure-skip-tls-verify: true", "certificate-authority: ca.crt");
    assert!(refused(&config, Some("first")).await.contains("certificate-authority"));
}

#[tokio::test]
async fn a_stored_kubeconfig_runs_no_programs() {
    let exec = "exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/evil, interactiveMode: Never}";
    let why = refused(&CONFIG.replace("token: sesame", exec), Some("first")).await;
    assert!(why.contains("/bin/evil") && why.contains("runs no programs"), "{why}");
}

#[tokio::test]
async fn a_text_that_is_none_is_refused_without_a_word_of_it() {
    let why = refused("clusters: [token: sesame", None).await;
    assert!(why.contains("cannot be read"), "{why}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let access = ClusterAccess::KubeconfigFile { path: "/nowhere/kubeconfig".into(), context: None };
    let failure = Cluster::connect("test", &access, None, None).await.unwrap_err();
    assert_eq!(failure.code, "badKubeconfig");
    assert!(failure.message.contains("/nowhere/kubeconfig"), "{failure}");
}

async fn refused_file(config: &str) -> ClusterFailure {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let access = ClusterAccess::KubeconfigFile { path: file.path().into(), context: Some("first".to_owned()) };
    let failure = Cluster::connect("test", &access, None, None).await.unwrap_err();
    assert_eq!(failure.code, "badKubeconfig", "{failure}");
    failure
}

#[tokio::test]
async fn files_and_programs_that_a_kubeconfig_names_must_be_there() {
    for key in ["client-certificate", "client-key", "tokenFile"] {
        let failure = refused_file(&CONFIG.replace("token: sesame", &format!("{key}: /nowhere/file"))).await;
        assert!(failure.message.contains(&format!("`{key}`")), "{failure}");
        assert!(failure.message.contains("/nowhere/file") && failure.advice.contains("--flatten"), "{failure}");
    }
    let failure =
        refused_file(&CONFIG.replace("insecure-skip-tls-verify: true", "certificate-authority: /nowhere/ca.crt")).await;
    assert!(
        failure.message.contains("`certificate-authority`") && failure.message.contains("/nowhere/ca.crt"),
        "{failure}"
    );
    let exec = "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-login, interactiveMode: Never}";
    let failure = refused_file(&CONFIG.replace("token: sesame", exec)).await;
    assert!(failure.message.contains("\"no-such-login\", which is not here"), "{failure}");
}

#[tokio::test]
async fn parts_that_a_context_names_must_be_there() {
    let why = refused(&CONFIG.replace("- name: ana", "- name: ben"), Some("first")).await;
    assert!(why.contains("\"ana\"") && why.contains("It has ben"), "{why}");
    let why = refused(&CONFIG.replace("- name: one", "- name: uno"), Some("first")).await;
    assert!(why.contains("one") && why.contains("a cluster that the kubeconfig does not have"), "{why}");
    let why = refused(&CONFIG.replace("server: 'https://one.example:6443', ", ""), Some("first")).await;
    assert!(why.contains("https://HOST:PORT"), "{why}");
}
