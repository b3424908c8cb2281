//! The examples of deployment by manifests, on a real cluster: `2048`, out of a registry with a password, and `guestbook`.
//! `scripts/test` sets everything up; alone, run `tests/docker/up` and `tests/cluster/up` first.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use windlass_tests::cluster::{Space, TestCluster, eventually};
use windlass_tests::docker::Site;
use windlass_tests::load::{get, get_path};

/// A data directory with the cluster of the tests as `prod`.
struct Desk {
    example: PathBuf,
    space: Space,
    folder: TempDir,
    engine: Option<String>,
}

impl Desk {
    fn new(example: &str, cluster: &TestCluster) -> Self {
        let space = cluster.space_to_be(example);
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join(example);
        let desk = Self { example, space, folder: tempfile::tempdir().unwrap(), engine: None };
        desk.windlass(&["cluster", "add", "prod", "--kubeconfig", &cluster.kubeconfig.display().to_string()]);
        desk
    }

    /// What the command printed, once it succeeded.
    fn windlass(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass-cli"));
        command.args(arguments).arg("--data-dir").arg(self.folder.path().join("data"));
        if let Some(engine) = &self.engine {
            command.env("DOCKER_HOST", engine);
        }
        let output = command.output().unwrap();
        let [said, complaints] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        assert!(output.status.success(), "{arguments:?}: {said}{complaints}");
        said.into_owned()
    }

    /// Runs the example with these parameters.
    fn run(&self, parameters: &[(&str, &str)]) -> String {
        let (document, source) = (self.example.join("windlass.yaml"), self.example.join("project"));
        let (document, source) = (document.display().to_string(), source.display().to_string());
        let given: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut arguments = vec!["run", &document, "--source", &source];
        given.iter().for_each(|given| arguments.extend(["--param", given]));
        self.windlass(&arguments)
    }

    fn address(&self, service: &str) -> SocketAddr {
        let port = self.space.field(&format!("service/{service}"), "/spec/ports/0/nodePort");
        format!("127.0.0.1:{port}").parse().unwrap()
    }
}

#[test]
fn a_game_comes_out_of_a_registry_with_a_password_with_service_and_ingress() {
    let (docker, cluster) = (Site::find(), TestCluster::find());
    let Some(private) = &cluster.private_images else {
        println!("another cluster has no registry with a password: nothing to see here");
        return;
    };
    let mut desk = Desk::new("2048", &cluster);
    desk.engine = Some(docker.engine.clone());
    let password = desk.folder.path().join("password");
    std::fs::write(&password, "secret").unwrap();
    let password = password.display().to_string();
    desk.windlass(&["secret", "set", "registry", "--kind", "userPassword", "--user", "puller", "--from", &password]);
    let image = format!("{private}/{}", docker.fresh("game"));
    let name = desk.space.name.clone();
    let run = || desk.run(&[("IMAGE", &image), ("BASE", &docker.images.busybox), ("NAMESPACE", &name)]);
    let said = run();
    for object in ["ServiceAccount", "Deployment", "Service", "Ingress"] {
        assert!(said.contains(&format!("{object} {name}/game-2048: created")), "{object}: {said}");
    }
    eventually(Duration::from_secs(60), || {
        get(desk.address("game-2048")).is_ok_and(|page| page.contains("Arrow keys move"))
    });
    assert_eq!(desk.space.field("ingress/game-2048", "/spec/rules/0/host"), "2048.example.com");
    let pod = "/spec/template/spec";
    let used = desk.space.field("deployment/game-2048", &format!("{pod}/containers/0/image"));
    assert_eq!(used.as_str(), Some(format!("{image}:1").as_str()));
    let secrets = desk.space.field("deployment/game-2048", &format!("{pod}/imagePullSecrets"));
    assert_eq!(secrets, serde_json::json!([{"name": "windlass-pull-registry"}]));

    let said = run();
    assert!(said.contains(&format!("Deployment {name}/game-2048: changed")), "{said}");
    assert!(said.contains(&format!("Service {name}/game-2048: unchanged")), "{said}");
    let history =
        desk.windlass(&["rollout", "history", "deployment/game-2048", "--cluster", "prod", "--namespace", &name]);
    assert!(history.contains("build 1") && history.contains("build 2"), "{history}");
}

#[test]
fn a_guestbook_comes_up_from_several_files_and_keeps_its_entries_over_the_next_run() {
    let cluster = TestCluster::find();
    let desk = Desk::new("guestbook", &cluster);
    let (image, name) = (format!("{}/busybox:1", cluster.images), desk.space.name.clone());
    let run = || desk.run(&[("IMAGE", &image), ("NAMESPACE", &name), ("TITLE", "Visitors & friends")]);
    let said = run();
    let kinds: Vec<&str> = said
        .lines()
        .filter(|line| line.ends_with(": created"))
        .filter_map(|line| line.split(&format!(" {name}/")).next()?.rsplit(' ').next())
        .collect();
    assert_eq!(
        kinds,
        ["ConfigMap", "ConfigMap", "Service", "Service", "Deployment", "Job", "Deployment", "Ingress"],
        "{said}"
    );
    let page = || get_path(desk.address("front"), "/cgi-bin/index.cgi").unwrap_or_default();
    eventually(Duration::from_secs(60), || page().contains("<h1>Visitors & friends, build 1</h1>"));
    assert!(page().contains("<li>run 1 was here"), "{}", page());
    get_path(desk.address("front"), "/cgi-bin/index.cgi?entry=hello+from+a+test").unwrap();
    assert!(page().contains("<li>hello from a test"), "{}", page());

    let said = run();
    assert!(said.contains(&format!("Job {name}/first-entry: replaced")), "{said}");
    assert!(said.contains(&format!("Deployment {name}/back: unchanged")), "{said}");
    eventually(Duration::from_secs(60), || page().contains("build 2</h1>"));
    let page = page();
    assert!(page.contains("<li>hello from a test") && page.contains("<li>run 2 was here"), "{page}");
}
