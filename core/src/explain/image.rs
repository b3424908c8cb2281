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
        "the Dockerfile uses what only BuildKit knows, and the Docker engine offers no BuildKit",
        "Use Docker 20.10 or newer, and let its address answer `POST /session`, which some proxies in front of it refuse. Or do without it: take a secret in a stage of its own and copy its result (`COPY --from`), since only the last stage's layers are \
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
    (
        &[": not found"],
        code::BASE_IMAGE,
        "there is no such base image",
        "Look whether name and tag after FROM are spelled right, and whether the registry has that tag for this platform.",
        FailureClass::Failure,
    ),
];

/// Why an image could not be built, from what the engine said at the end, and the instruction of the Dockerfile at which it was, as
/// far as that is known.
pub fn build_failure(said: &str, instruction: Option<&str>) -> Explained {
    let said = plain(said.trim());
    if let Some(exit) = exit_code(said) {
        let instruction = instruction.map(|instruction| short(without_place(instruction)));
        let at = instruction.map_or_else(|| "a RUN instruction".to_owned(), |text| format!("the instruction `{text}`"));
        let message = format!("{at} of the Dockerfile ended with the exit code {exit}");
        let advice = match exit {
            127 => "A program does not exist in the image: install it before, or look for a slip in its name.",
            137 => {
                "Something killed it, mostly because memory ran out: look at the limits of the Docker engine's machine."
            }
            _ => "The lines above in the log are what it printed.",
        };
        return explained(FailureClass::Failure, code::BUILD_FAILED, message, advice);
    }
    if let Some(secret) = missing_secret(said) {
        let message =
            format!("an instruction of the Dockerfile requires the secret {secret}, which the task does not have");
        let advice = "Give it to the task under `secrets`, with the id of the instruction as its `name`.";
        return explained(FailureClass::Failure, code::BUILD_SECRET_MISSING, message, advice);
    }
    let lower = said.to_lowercase();
    let found = SENTENCES.iter().find(|(words, ..)| words.iter().any(|word| lower.contains(word)));
    match found {
        Some((_, code, what, advice, class)) => {
            let advice = advice.replace("HOST:PORT", registry_in(said).unwrap_or("HOST:PORT"));
            explained(*class, code, format!("{what}: {}", short(said)), &advice)
        }
        None => {
            let at = instruction.map(|instruction| format!(" at `{}`", short(without_place(instruction))));
            let message = format!("the image could not be built{}: {}", at.unwrap_or_default(), short(said));
            let advice = "The lines above in the log say how far it came.";
            explained(FailureClass::Failure, code::BUILD_FAILED, message, advice)
        }
    }
}

/// A task wants secrets in its build, and the engine cannot give them without leaving them in the image.
pub fn no_build_secrets() -> Cause {
    let message =
        "the task has secrets, which only BuildKit keeps out of images, and the Docker engine offers no BuildKit";
    let advice = "Use Docker 20.10 or newer, and let its address answer `POST /session`, which some proxies in front of it refuse.";
    Cause::new(code::NEEDS_BUILDKIT, message, advice)
}

/// What is said, without the names of those who passed it on.
fn plain(mut said: &str) -> &str {
    const MESSENGERS: [&str; 5] = [
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve with frontend gateway.v0: ",
        "failed to solve: ",
        "rpc error: code = Unknown desc = ",
        "failed to create LLB definition: ",
    ];
    while let Some(rest) = MESSENGERS.iter().find_map(|messenger| said.strip_prefix(messenger)) {
        said = rest;
    }
    said
}

/// How a RUN instruction ended, in the words of either builder.
fn exit_code(said: &str) -> Option<i64> {
    let (before, code) = said.rsplit_once("returned a non-zero code: ").or_else(|| said.rsplit_once("exit code: "))?;
    let runs = ["The command '", "executor failed running", "did not complete successfully"];
    let code = code.split_whitespace().next()?.parse().ok()?;
    runs.iter().any(|words| before.contains(words)).then_some(code)
}

/// The host and port in `… "https://registry:5000/v2/…`.
fn registry_in(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("https://").or_else(|| said.split_once("http://"))?;
    rest.split_once('/').map(|(host, _)| host)
}

/// The id in `… secret NAME: not found`, or in `… secret NAME not found: not found`, as older engines have it.
fn missing_secret(said: &str) -> Option<&str> {
    let (_, id) = said.strip_suffix(": not found")?.rsplit_once("secret ")?;
    let id = id.strip_suffix(" not found").unwrap_or(id);
    (!id.contains(char::is_whitespace)).then_some(id)
}

/// `[stage 2/3] RUN make` without the place.
fn without_place(instruction: &str) -> &str {
    match instruction.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((_, instruction)) => instruction,
        None => instruction,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_builders_are_understood() {
        let solve = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: ";
        let cases: &[(&str, &str, &str, &str)] = &[
            ("The command '/bin/sh -c exit 3' returned a non-zero code: 3", "", code::BUILD_FAILED, "exit code 3"),
            (
                "executor failed running [/bin/sh -c make]: exit code: 2",
                "[2/3] RUN make",
                code::BUILD_FAILED,
                "`RUN make`",
            ),
            (
                "failed to solve: process \"/bin/sh -c make\" did not complete successfully: exit code: 127",
                "[build 2/3] RUN make",
                code::BUILD_FAILED,
                "the instruction `RUN make` of the Dockerfile ended with the exit code 127",
            ),
            ("dockerfile parse error line 2: unknown instruction: RUM", "", code::BAD_DOCKERFILE, "line 2"),
            ("127.0.0.1:5000/no/such:1: not found", "", code::BASE_IMAGE, "no such base image"),
            ("secret npm: not found", "[2/2] RUN x", code::BUILD_SECRET_MISSING, "the secret npm,"),
            ("secret npm not found: not found", "[2/2] RUN x", code::BUILD_SECRET_MISSING, "the secret npm,"),
            ("failed to compute cache key: \"/missing\" not found: not found", "", code::COPY_FAILED, "missing"),
            ("target stage nothing could not be found", "", code::BAD_DOCKERFILE, "`target`"),
            ("something else", "[2/2] RUN x", code::BUILD_FAILED, "at `RUN x`: something else"),
        ];
        for (said, instruction, expected, words) in cases {
            let instruction = Some(*instruction).filter(|instruction| !instruction.is_empty());
            for said in [(*said).to_owned(), format!("{solve}{said}")] {
                let explained = build_failure(&said, instruction);
                assert_eq!(explained.cause.code, *expected, "{said}: {:?}", explained.cause);
                assert!(explained.cause.message.contains(words), "{:?}", explained.cause);
                assert!(!explained.cause.message.contains("frontend"), "{:?}", explained.cause);
            }
        }
    }

    #[test]
    fn the_place_for_a_certificate_has_the_name_of_the_registry() {
        let said = "failed to do request: Head \"https://registry:5443/v2/a/manifests/1\": x509: certificate signed by unknown authority";
        assert!(build_failure(said, None).cause.advice.contains("/etc/docker/certs.d/registry:5443/ca.crt"));
    }
}
