//! The example `image`, by the command line and in Rust, on a real Docker engine and real registries.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use windlass::registry::{Registry, RegistryAccess, Transport};
use windlass_tests::docker::Site;
use windlass_tests::git::Repository;

/// What the example needs: a repository, a home folder that trusts the registry over TLS, private images.
struct Stage {
    site: Site,
    repository: Repository,
    commit: String,
    home: tempfile::TempDir,
    image: String,
    base: String,
    tools: String,
}

impl Stage {
    async fn set() -> Self {
        let site = Site::find();
        let repository = Repository::empty();
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("image/project");
        for file in ["Dockerfile", "www/index.html"] {
            let place = repository.work().join(file);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::copy(project.join(file), place).unwrap();
        }
        let commit = repository.commit_all("Greet");
        repository.push("main");
        let home = tempfile::tempdir().unwrap();
        let trusted = home.path().join(".docker/certs.d").join(&site.registries.tls);
        std::fs::create_dir_all(&trusted).unwrap();
        std::fs::copy(&site.authority, trusted.join("ca.crt")).unwrap();
        let image = format!("{}/{}", site.registries.tls, site.fresh("demo/myweb"));
        let (base, tools) = (private(&site, "base").await, private(&site, "tools").await);
        Self { site, repository, commit, home, image, base, tools }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("HOME", self.home.path())
            .env("DOCKER_HOST", &self.site.engine)
            .env("WINDLASS_HELPER", "/usr/bin/busybox")
            .env_remove("DOCKER_CONFIG");
        command
    }

    fn windlass(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_windlass-cli"));
        command.args(arguments).arg("--data-dir").arg(self.data());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Keeps the login for the registry of an image as a credential.
    fn keep_login(&self, name: &str, image: &str) {
        let (server, _) = image.split_once('/').unwrap();
        let arguments = ["secret", "set", name, "--kind", "registry", "--server", server, "--user", &self.site.user];
        let output = self.windlass(&arguments, &self.site.password);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Looks from outside whether the image is there under both tags, is of the commit, and whether all is tidy.
    async fn look(&self, said: &str) {
        let (server, repository) = self.image.split_once('/').unwrap();
        let access = RegistryAccess::user(&self.site.user, self.site.password.as_str());
        let access = access.authorities(std::fs::read_to_string(&self.site.authority).unwrap());
        let registry = Registry::new(server, access).unwrap();
        let digest = registry.digest(repository, "latest").await.unwrap();
        assert_eq!(registry.digest(repository, "alpha-1").await.unwrap(), digest);
        assert!(said.contains(&format!("tested {digest}")), "{said}");
        assert!(said.contains("Hello from myweb"), "{said}");
        assert!(said.contains("[web] "), "the service's log is not kept: {said}");
        assert!(!said.contains(&self.site.password), "{said}");
        let tag = format!("{}:latest", self.image);
        let labels = self.site.docker(&["image", "inspect", "--format", "{{json .Config.Labels}}", &tag]);
        let labels: Value = serde_json::from_str(&labels).unwrap();
        assert_eq!(labels["org.opencontainers.image.revision"], self.commit.as_str());
        assert_eq!(labels["org.opencontainers.image.source"], self.url());
        self.site.docker(&["rmi", "--force", &tag, &format!("{}:alpha-1", self.image), &self.base, &self.tools]);
    }

    fn url(&self) -> String {
        self.repository.bare().display().to_string()
    }
}

/// An image that only the registry with a password has. Its name.
async fn private(site: &Site, name: &str) -> String {
    let repository = site.fresh(name);
    let open = format!("{}/{repository}:1", site.registries.open);
    site.docker(&["tag", &site.images.busybox, &open]);
    site.docker(&["push", "--quiet", &open]);
    site.docker(&["rmi", &open]);
    let plain = |access: RegistryAccess| access.transport(Transport::PlainHttp);
    let from = Registry::new(&site.registries.open, plain(RegistryAccess::anonymous())).unwrap();
    let login = RegistryAccess::user(&site.user, site.password.as_str());
    let to = Registry::new(&site.registries.password, plain(login)).unwrap();
    from.copy(&repository, "1", &to, &repository, "1").await.unwrap();
    format!("{}/{repository}:1", site.registries.password)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_builds_publishes_and_tests_an_image() {
    let stage = Stage::set().await;
    stage.keep_login("team-registry", &stage.image);
    stage.keep_login("team-images", &stage.base);
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("image/windlass.yaml");
    let parameters = [
        ("REPOSITORY", stage.url()),
        ("IMAGE", stage.image.clone()),
        ("BASE", stage.base.clone()),
        ("TOOLS", stage.tools.clone()),
    ];
    let parameters: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = vec!["run", document.to_str().unwrap()];
    arguments.extend(parameters.iter().flat_map(|parameter| ["--param", parameter.as_str()]));
    let output = stage.windlass(&arguments, "");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("fetched the image"), "the way of the image is not told: {said}");
    let logs = stage.windlass(&["logs", "latest", "http"], "");
    stage.look(&String::from_utf8_lossy(&logs.stdout)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_builds_publishes_and_tests_an_image() {
    let stage = Stage::set().await;
    let mut program = stage.command(env!("CARGO_BIN_EXE_image"));
    program.env("REGISTRY_USER", &stage.site.user).env("REGISTRY_PASSWORD", &stage.site.password);
    program.arg(stage.data()).args([&stage.url(), &stage.image, &stage.base, &stage.tools]);
    let output = program.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    stage.look(&said).await;
}
