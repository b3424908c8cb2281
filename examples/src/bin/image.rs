//! An image in a registry, from a commit to a test over HTTP: the same pipeline as `image/windlass.yaml`, in Rust.
//!
//! The two credentials are given to this run alone; the engine keeps them sealed as long as it goes.

use std::process::ExitCode;
use std::time::Duration;

use windlass::pipeline::{Problems, TaskBuilder};
use windlass::secret::Credential;
use windlass::{Engine, Parameter, Pipeline, RunRequest, Stage, Task};

fn pipeline() -> Result<Pipeline, Problems> {
    Pipeline::builder("myweb")
        .executor("docker")
        .timeout(Duration::from_secs(30 * 60))
        .parameter(Parameter::dynamic("REPOSITORY"))
        .parameter(Parameter::dynamic("IMAGE"))
        .parameter(Parameter::dynamic("BASE"))
        .parameter(Parameter::dynamic("TOOLS"))
        .stage(Stage::sequential("Source").task(Task::checkout("checkout", "$REPOSITORY")))
        .stage(Stage::sequential("Build").task(image()))
        .stage(Stage::sequential("Test").task(http()))
        .build()
}

fn image() -> TaskBuilder {
    Task::build_image("image", "$IMAGE")
        .tag("alpha-${BUILD_NUMBER}")
        .tag("latest")
        .build_arg("BASE", "$BASE")
        .credential("team-registry")
        .pull_credential("team-images")
}

fn http() -> TaskBuilder {
    let script = "wget -q -O page.html http://web:8080/\n\
                  grep 'Hello from myweb' page.html\n\
                  echo \"tested $DIGEST\"\n";
    let ready = "wget -q -O /dev/null http://127.0.0.1:8080/";
    Task::script("http", script)
        .image("$TOOLS")
        .pull_credential("team-images")
        .service("web", "${IMAGE}:alpha-${BUILD_NUMBER}", Some(ready))
        .service_credential("team-registry")
        .env("DIGEST", "${image.DIGEST}")
}

/// The login of the environment at the registry of an image.
fn login(image: &str) -> Result<Credential, Box<dyn std::error::Error>> {
    let (server, _) = image.split_once('/').ok_or("an image of a registry has a host before its first slash")?;
    let (user, password) = (std::env::var("REGISTRY_USER")?, std::env::var("REGISTRY_PASSWORD")?);
    Ok(Credential::Registry { server: server.to_owned(), user, password: password.into() })
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data_dir, repository, image, base, tools] = arguments.as_slice() else {
        eprintln!("usage: REGISTRY_USER=… REGISTRY_PASSWORD=… image DATA_DIR REPOSITORY IMAGE BASE TOOLS");
        return Ok(ExitCode::from(2));
    };
    // Over the Docker engine that DOCKER_HOST names.
    let engine = Engine::builder().data_dir(data_dir).open().await?;
    let request = RunRequest::manual()
        .parameter("REPOSITORY", repository)
        .parameter("IMAGE", image)
        .parameter("BASE", base)
        .parameter("TOOLS", tools)
        .secret("team-registry", login(image)?)
        .secret("team-images", login(base)?);
    let run = engine.start(&pipeline()?, request).await?;
    let outcome = run.wait().await?;
    for task in &outcome.tasks {
        println!("{}: {}", task.task.as_str(), task.status.as_str());
        if let Some(cause) = &task.cause {
            println!("  {} {}", cause.message, cause.advice);
        }
    }
    if let Some(digest) = outcome.task("image").and_then(|image| image.outputs.get("DIGEST")) {
        println!("{image}@{digest}");
    }
    print!("{}", String::from_utf8_lossy(&run.logs("http").await?));
    engine.close().await?;
    Ok(if outcome.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builders_make_the_value_of_the_document() {
        let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("image/windlass.yaml");
        let read = windlass::pipeline::read_file(document).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(pipeline().unwrap_or_else(|problems| panic!("{problems}")), read);
    }
}
