//! Who the engine is for the cluster: what it may do, for how long, and inside of the cluster itself.

use std::process::Command;
use std::time::Duration;

use windlass::cluster::{ClusterAccess, NewCluster, role_yaml};
use windlass::executor::PodSettings;
use windlass::secret::{Credential, SecretText};
use windlass::{Engine, Pipeline, Run, RunRequest};
use windlass_tests::cluster::{Space, TestCluster, eventually};
use windlass_tests::outcome::Outcome;

use crate::house::until_log;

const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass-under-test");

/// An engine that is a service account in a namespace of its own.
struct Account {
    cluster: TestCluster,
    space: Space,
    engine: Engine,
    folder: tempfile::TempDir,
}

impl Account {
    async fn new(name: &str) -> Self {
        let cluster = TestCluster::find();
        let (space, folder) = (cluster.space(name), tempfile::tempdir().unwrap());
        space.kubectl(&["create", "serviceaccount", "windlass"]);
        let helper = format!("{}/busybox:1", cluster.images);
        let builder = Engine::builder().data_dir(folder.path().join("data"));
        let builder = builder.kubernetes("pods", "test", |pods| pods.pods(PodSettings::default().helper(helper)));
        let account = Self { engine: builder.open().await.unwrap(), cluster, space, folder };
        account.know_the_token().await;
        account
    }

    /// Keeps a token that is valid now.
    async fn know_the_token(&self) {
        let token = self.space.kubectl(&["create", "token", "windlass"]);
        let json = self.cluster.kubectl(&["config", "view", "--flatten", "--minify", "--raw", "-o", "json"]);
        let mut config: serde_json::Value = serde_json::from_str(&json).unwrap();
        config["users"][0]["user"] = serde_json::json!({ "token": token });
        let credential = Credential::Kubeconfig { config: SecretText::new(config.to_string()), context: None };
        self.engine.credentials().set("account", &credential, "ana").await.unwrap();
    }

    /// Lets the engine keep the cluster.
    async fn know_the_cluster(&self) {
        let access = ClusterAccess::Kubeconfig { credential: "account".parse().unwrap(), context: None };
        let new = NewCluster { name: "test".to_owned(), access, namespace: Some(self.space.name.clone()) };
        self.engine.clusters().add(new, "ana").await.unwrap();
    }

    /// May do everything that Windlass does, except what is named.
    fn may_all_but(&self, resource: &str) {
        let role = role_yaml(&self.space.name, "windlass");
        let lines = role.lines().filter(|line| !line.contains(&format!("[{resource}]")));
        let role: String = lines.flat_map(|line| [line, "\n"]).collect();
        self.cluster.apply(self.folder.path(), &role);
    }

    async fn start(&self, script: &str) -> Run {
        let image = format!("{}/busybox:2", self.cluster.images);
        let text = format!(
            "name: c\nexecutor: pods\nstages: [{{name: S, tasks: [{{name: t, image: \"{image}\", script: \"{script}\"}}]}}]\n"
        );
        let pipeline: Pipeline = windlass::pipeline::read(text.as_bytes(), "c.yaml").unwrap();
        self.engine.start(&pipeline, RunRequest::manual()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_in_the_middle_of_a_step_is_replaced_by_the_one_that_is_kept_then() {
    let account = Account::new("expired").await;
    account.may_all_but("nothing");
    account.know_the_cluster().await;
    let run = account.start("echo begins; until [ -e go ]; do sleep 0.1; done; echo ends").await;
    until_log(&run, |log| log.contains("begins\n")).await;
    // All tokens of an account end with it; a new one is somebody else.
    account.space.kubectl(&["delete", "serviceaccount", "windlass"]);
    account.space.kubectl(&["create", "serviceaccount", "windlass"]);
    let selector = format!("windlass.dev/run={}", run.id());
    let pod = account.space.kubectl(&["get", "pods", "--output", "name", "--selector", &selector]);
    account.know_the_token().await;
    account.space.kubectl(&["exec", pod.trim(), "--container", "keeper", "--", "busybox", "touch", "/workspace/go"]);
    let outcome = Outcome::of(run).await;
    let log = outcome.success("t").await;
    assert!(log.ends_with("ends\n") && log.matches("begins").count() == 1, "{log}");
    let left = ["get", "pods,configmaps", "--output", "name", "--selector", &selector];
    eventually(Duration::from_secs(60), || account.space.kubectl(&left).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_named_with_the_rule_that_gives_it() {
    for resource in ["pods/exec", "pods/ephemeralcontainers", "configmaps"] {
        let account = Account::new("forbidden").await;
        account.may_all_but("nothing");
        account.know_the_cluster().await;
        account.space.kubectl(&["delete", "role", "windlass"]);
        account.may_all_but(resource);
        let run = account.start("echo in").await;
        let summary = run.wait().await.unwrap();
        if resource == "pods/ephemeralcontainers" {
            // The images are known when the pod is made.
            assert!(summary.succeeded(), "{summary:?}");
            continue;
        }
        let cause = summary.task("t").and_then(|task| task.cause.clone()).or(summary.cause.clone()).unwrap();
        assert_eq!(cause.code, "forbidden", "{cause:?}");
        let yaml = cause.advice.split_once("apply this:\n").unwrap_or_else(|| panic!("{cause:?}")).1;
        assert!(yaml.contains(resource) && yaml.contains("kind: Role"), "{yaml}");
    }
}

/// The files that a pod has of its service account, and a program that sees them where a pod has them.
fn in_cluster(account: &Account, arguments: &[&str]) -> (bool, String) {
    let files = account.folder.path().join("account");
    std::fs::create_dir_all(&files).unwrap();
    let token = account.space.kubectl(&["create", "token", "windlass"]);
    let json = account.cluster.kubectl(&["config", "view", "--flatten", "--minify", "--raw", "-o", "json"]);
    let config: serde_json::Value = serde_json::from_str(&json).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap().trim_start_matches("https://").to_owned();
    let (host, port) = server.rsplit_once(':').unwrap();
    let authority = config["clusters"][0]["cluster"]["certificate-authority-data"].as_str().unwrap();
    std::fs::write(files.join("token"), token).unwrap();
    std::fs::write(files.join("namespace"), &account.space.name).unwrap();
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, authority).unwrap();
    std::fs::write(files.join("ca.crt"), decoded).unwrap();
    // In a mount namespace of its own, so that nobody else sees them.
    let there = "mount -t tmpfs none /run && mkdir -p /var/run/secrets/kubernetes.io && \
                 ln -s \"$FILES\" /var/run/secrets/kubernetes.io/serviceaccount && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", there, "sh", PROGRAM]).args(arguments);
    command.env("FILES", &files).env("KUBERNETES_SERVICE_HOST", host).env("KUBERNETES_SERVICE_PORT", port);
    command.env("WINDLASS_HELPER", format!("{}/busybox:1", account.cluster.images)).env_remove("KUBECONFIG");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_in_a_pod_is_its_service_account_and_runs_steps_beside_itself() {
    let account = Account::new("inside").await;
    account.may_all_but("nothing");
    let data = account.folder.path().join("inside");
    let data = data.to_str().unwrap();
    let (done, said) = in_cluster(
        &account,
        &["cluster", "add", "here", "--in-cluster", "--namespace", &account.space.name, "--data-dir", data],
    );
    assert!(done, "{said}");
    let file = account.folder.path().join("pipeline.yaml");
    let image = format!("{}/busybox:2", account.cluster.images);
    let text = format!("name: c\nstages: [{{name: S, tasks: [{{name: t, image: \"{image}\", script: hostname}}]}}]\n");
    std::fs::write(&file, text).unwrap();
    let run = ["run", file.to_str().unwrap(), "--executor", "here", "--data-dir", data];
    let (done, said) = in_cluster(&account, &run);
    assert!(done && said.contains("windlass-"), "{said}");
}
