//! What a Docker engine says when it cannot build an image or push one.

use super::error::FailureClass;
use super::{Explained, code};
use crate::run::Cause;

/// What the engine says, in lower case; the code; what is the matter; what to do; who failed.
type Sentence = (&'static [&'static str], &'static str, &'static str, &'static str, FailureClass);

const SENTENCES: &[Sentence] = &[
    (
        &["requires buildkit"],
        code::NEEDS_BUILDKIT,
        "the Dockerfile uses what only BuildKit knows, and images are built with the classic builder of the Docker engine",
        "Do without it: take a secret in a stage of its own and copy its result (`COPY --from`), since only the last stage's layers are \
         pushed; or let a script build with `docker buildx build --output type=docker,dest=image.tar`, and push that with `archive`.",
        FailureClass::Failure,
    ),
    (
        &["no space left on device", "disk quota exceeded"],
        code::NO_SPACE,
        "the disk of the Docker engine is full",
        "Make room there: `docker system df` shows what takes it, `docker system prune` removes what nobody uses.",
        FailureClass::Infrastructure,
    ),
    (
        &["toomanyrequests", "pull rate limit"],
        code::BASE_IMAGE,
        "the registry of the base image wants fewer requests",
        "Name a credential of that registry in `pullCredentials`, or keep a copy of the base image in a registry of your own.",
        FailureClass::Infrastructure,
    ),
    (
        &["repository does not exist or may require", "pull access denied"],
        code::BASE_IMAGE,
        "the base image does not exist, or may not be pulled without a login",
        "Look whether the name after FROM is spelled right; for a private one name a credential of its registry in `pullCredentials`.",
        FailureClass::Failure,
    ),
    (
        &["unauthorized", "no basic auth credentials", "authentication required"],
        code::BASE_IMAGE_UNAUTHORISED,
        "the base image may not be pulled with this login",
        "Name a credential of the kind `registry`, made for the registry of the base image, in `pullCredentials`.",
        FailureClass::Failure,
    ),
    (
        &["manifest unknown", "not found: manifest", "manifest for ", "invalid reference format"],
        code::BASE_IMAGE,
        "there is no such base image",
        "Look whether name and tag after FROM are spelled right, and whether the registry has that tag for this platform.",
        FailureClass::Failure,
    ),
    (
        &["no matching manifest for", "no match for platform"],
        code::BASE_IMAGE,
        "the base image does not exist for the platform of the Docker engine",
        "Use a base image for that platform, or a Docker engine of another one.",
        FailureClass::Failure,
    ),
    (
        &[
            "dockerfile parse error",
            "unknown instruction",
            "file with no instructions",
            "no build stage in current context",
        ],
        code::BAD_DOCKERFILE,
        "the Dockerfile cannot be read",
        "Correct the line that is named.",
        FailureClass::Failure,
    ),
    (
        &["failed to reach build target", "target stage"],
        code::BAD_DOCKERFILE,
        "the Dockerfile has no stage of the name in `target`",
        "Name one of the stages (`FROM … AS NAME`), or remove `target`.",
        FailureClass::Failure,
    ),
    (
        &["copy failed", "add failed", "no source files were specified", "failed to compute cache key"],
        code::COPY_FAILED,
        "a file that COPY or ADD names is not in the context",
        "Paths are relative to `context`, and what `.dockerignore` leaves out is not there.",
        FailureClass::Failure,
    ),
    (
        &["server misbehaving", "no such host", "i/o timeout", "connection refused", "tls handshake timeout"],
        code::UNREACHABLE,
        "the Docker engine cannot reach a registry",
        "Look whether the machine of the engine has a network, a name server and, where it needs one, a proxy.",
        FailureClass::Infrastructure,
    ),
    (
        &["x509: ", "server gave http response to https client"],
        code::UNREACHABLE,
        "the Docker engine does not trust the registry of the base image",
        "Give the engine the certificate of its authority (/etc/docker/certs.d/HOST:PORT/ca.crt), or list it under `insecure-registries`.",
        FailureClass::Failure,
    ),
];

/// Why an image could not be built, from what the engine said at the end.
pub fn build_failure(said: &str) -> Explained {
    let said = said.trim();
    if let Some(exit) = said.rsplit_once("returned a non-zero code: ").and_then(|(_, code)| code.parse::<i64>().ok()) {
        let message = format!("a RUN instruction of the Dockerfile ended with the exit code {exit}");
        let advice = match exit {
            127 => "A program does not exist in the image: install it before, or look for a slip in its name.",
            137 => {
                "Something killed it, mostly because memory ran out: look at the limits of the Docker engine's machine."
            }
            _ => "The lines above in the log are what it printed; the last `Step` line is the instruction.",
        };
        return explained(FailureClass::Failure, code::BUILD_FAILED, message, advice);
    }
    let lower = said.to_lowercase();
    let found = SENTENCES.iter().find(|(words, ..)| words.iter().any(|word| lower.contains(word)));
    match found {
        Some((_, code, what, advice, class)) => explained(*class, code, format!("{what}: {}", short(said)), advice),
        None => explained(
            FailureClass::Failure,
            code::BUILD_FAILED,
            format!("the image could not be built: {}", short(said)),
            "The lines above in the log say how far it came.",
        ),
    }
}

/// There is no Dockerfile. `there` is what the folder has.
pub fn dockerfile_missing(path: &str, there: &[String]) -> Cause {
    let names = match there {
        [] => "the folder is empty".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    let message = format!("there is no {path:?} in the workspace; {names}");
    let near = there.iter().find(|name| name.to_lowercase().contains("dockerfile") || *name == "Containerfile");
    let advice = match near {
        Some(near) => format!("Say `dockerfile: {near}` if that is the one."),
        None => "Look whether an earlier task brings the files, and set `context` and `dockerfile` to where it stands."
            .to_owned(),
    };
    Cause::new(code::DOCKERFILE_MISSING, message, advice)
}

fn explained(class: FailureClass, code: &str, message: String, advice: &str) -> Explained {
    Explained { cause: Cause::new(code, message, advice), class }
}

/// The first line, as far as a sentence bears it.
fn short(said: &str) -> String {
    const MOST: usize = 300;
    said.lines().next().unwrap_or_default().chars().take(MOST).collect()
}
