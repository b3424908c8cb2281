//! The `windlass` command with named crash points, deliberate bugs and actions of its own, for the tests of recovery.
//!
//! Steps in containers may mount the folder that `WINDLASS_TEST_FOLDER` names.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use windlass::clock::SystemClock;
use windlass::executor::{ContainerPolicy, DockerEndpoint, DockerExecutor, HelperImage, PodSettings};
use windlass::{Engine, EngineBuilder};
use windlass_tests::kill::witness::Witness;

fn main() -> ExitCode {
    let engine = || {
        let builder = Engine::builder().action("witness", Witness { repeatable: true });
        over_containers(builder.action("witness-once", Witness { repeatable: false }))
    };
    windlass::cli::main_over(engine, std::env::args_os())
}

/// Over the Docker engine of the environment and the cluster `test`, when a folder for containers is named.
fn over_containers(builder: EngineBuilder) -> EngineBuilder {
    let Some(folder) = std::env::var_os("WINDLASS_TEST_FOLDER") else { return builder };
    let folder = PathBuf::from(folder);
    let (clock, installation) = (Arc::new(SystemClock::resume(None)), folder.join("installation"));
    let docker = DockerExecutor::kept_in(DockerEndpoint::Environment, installation, clock)
        .policy(ContainerPolicy::default().allow_host_path(&folder))
        .helper(HelperImage::of_environment());
    let helper = std::env::var("WINDLASS_HELPER").unwrap_or_default();
    builder.executor("docker", docker).kubernetes("kubernetes", "test", move |pods| {
        pods.policy(ContainerPolicy::default().allow_host_path(folder)).pods(PodSettings::default().helper(helper))
    })
}
