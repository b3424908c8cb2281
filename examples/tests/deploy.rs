//! From a repository to a page in a cluster, by the command line and in Rust: a real git server, a real Docker engine, a real
//! registry and a real cluster. `scripts/test` sets them up; alone, run `tests/docker/up` and `tests/cluster/up` first.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use windlass_tests::cluster::{Space, TestCluster, eventually};
use windlass_tests::docker::Site;
use windlass_tests::git::{HttpRemote, Repository};
use windlass_tests::load::{Load, get};

/// Everything that the way needs.
struct Way {
    docker: Site,
    space: Space,
    repository: Repository,
    remote: HttpRemote,
    kubeconfig: PathBuf,
    image: String,
    data: tempfile::TempDir,
}

impl Way {
    fn new(name: &str) -> Self {
        let (docker, cluster) = (Site::find(), TestCluster::find());
        let repository = Repository::with_a_commit();
        copy(&example("page"), &repository.work());
        repository.commit_all("Say hello");
        repository.push("main");
        let remote = HttpRemote::open(&repository);
        // Beside the images that the cluster pulls anyway.
        let image = format!("{}/{}", cluster.images, docker.fresh(name));
        let space = cluster.space_to_be(name);
        let data = tempfile::tempdir().unwrap();
        Self { docker, space, repository, remote, kubeconfig: cluster.kubeconfig, image, data }
    }

    /// A program with what it needs in its environment; what it printed, once it succeeded.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).env("DOCKER_HOST", &self.docker.engine);
        command.env("BASE", &self.docker.images.busybox).env("NAMESPACE", &self.space.name);
        let output = command.output().unwrap();
        let [said, complaints] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        assert!(output.status.success(), "{arguments:?}: {said}{complaints}");
        said.into_owned()
    }

    fn data(&self) -> String {
        self.data.path().join("data").display().to_string()
    }

    fn another_version(&self) {
        self.repository.commit("www/index.html", "hello from the second version\n", "Say it again");
        self.repository.push("main");
    }

    fn address(&self) -> SocketAddr {
        let port = self.space.field("service/page", "/spec/ports/0/nodePort");
        format!("127.0.0.1:{port}").parse().unwrap()
    }

    fn shows(&self, text: &str) {
        eventually(Duration::from_secs(60), || get(self.address()).is_ok_and(|page| page.contains(text)));
    }
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn by_the_command_line_a_second_run_fails_no_request_and_an_undo_brings_the_first_back() {
    let way = Way::new("by-command");
    let windlass = |arguments: &[&str]| {
        let data = way.data();
        way.run(env!("CARGO_BIN_EXE_windlass-cli"), &[arguments, &["--data-dir", &data]].concat())
    };
    let kubeconfig = way.kubeconfig.display().to_string();
    windlass(&["cluster", "add", "prod", "--kubeconfig", &kubeconfig, "--namespace", &way.space.name]);
    let document = example("windlass.yaml").display().to_string();
    let parameters = [
        format!("REPOSITORY={}", way.remote.url()),
        format!("IMAGE={}", way.image),
        format!("BASE={}", way.docker.images.busybox),
        format!("NAMESPACE={}", way.space.name),
    ];
    let run = || {
        let mut arguments = vec!["run", document.as_str()];
        parameters.iter().for_each(|parameter| arguments.extend(["--param", parameter.as_str()]));
        windlass(&arguments)
    };
    let first = run();
    assert!(first.contains(&format!("Deployment {}/page: created", way.space.name)), "{first}");
    way.shows("the first version");
    assert_eq!(way.space.field("ingress/page", "/spec/rules/0/host"), "page.example.com");
    let used = way.space.field("deployment/page", "/spec/template/spec/containers/0/image");
    assert_eq!(used.as_str(), Some(format!("{}:build-1", way.image).as_str()));

    way.another_version();
    let load = Load::begin(way.address());
    run();
    way.shows("the second version");
    windlass(&["rollout", "undo", "deployment/page", "--cluster", "prod"]);
    way.shows("the first version");
    let counted = load.end();
    assert!(counted.failed.is_empty(), "{} fine, failed: {:?}", counted.fine, counted.failed);
    assert!(counted.fine > 100, "{} requests are no load", counted.fine);
    println!("{} requests, none failed", counted.fine);
}

#[test]
fn the_program_does_the_same() {
    let way = Way::new("by-program");
    let deploy = |more: &[&str]| {
        let (data, kubeconfig, url) = (way.data(), way.kubeconfig.display().to_string(), way.remote.url());
        way.run(env!("CARGO_BIN_EXE_deploy"), &[&[data.as_str(), &kubeconfig, &url, &way.image], more].concat())
    };
    let said = deploy(&[]);
    assert!(said.contains(&format!("Deployment {}/page: created", way.space.name)), "{said}");
    way.shows("the first version");
    way.another_version();
    let said = deploy(&[]);
    assert!(said.contains(&format!("Deployment {}/page: changed", way.space.name)), "{said}");
    way.shows("the second version");
    let said = deploy(&["undo"]);
    assert!(said.ends_with("as it was in revision 1\n"), "{said}");
    way.shows("the first version");
}
