//! Credentials from elsewhere: a provider that asks a folder of mounted files, as Kubernetes and Vault's agent make them.
//!
//! A folder `SECRETS/NAME/` has one file for each value of the credential NAME. What is changed there counts for the next task
//! that starts. Steps get the values, and their logs show none of them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use async_trait::async_trait;
use windlass::secret::{Credential, SecretError, SecretProvider};
use windlass::{Engine, Pipeline, RunRequest, Stage, Task};

/// Credentials as folders of files.
#[derive(Debug)]
struct Mounted {
    folder: PathBuf,
}

impl Mounted {
    /// The values of a credential; `None` when there is no folder of this name.
    fn values(&self, name: &str) -> std::io::Result<Option<Credential>> {
        // A name is untrusted text, and becomes a path only when it is nothing but a name.
        if name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            return Ok(None);
        }
        let files = match std::fs::read_dir(self.folder.join(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            files => files?,
        };
        let mut values = BTreeMap::new();
        for file in files {
            let file = file?;
            let key = file.file_name().to_string_lossy().into_owned();
            // Kubernetes swaps folders that begin with two dots.
            if !key.starts_with("..") {
                let text = std::fs::read_to_string(file.path())?;
                values.insert(key, text.trim_end_matches('\n').into());
            }
        }
        Ok(Some(Credential::Opaque { values }))
    }
}

#[async_trait]
impl SecretProvider for Mounted {
    fn name(&self) -> &str {
        "the mounted secrets"
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        self.values(name).map_err(|error| SecretError::Provider {
            name: name.to_owned(),
            provider: self.name().to_owned(),
            why: error.to_string(),
        })
    }

    async fn names(&self) -> Vec<String> {
        let folders = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        folders.filter_map(|folder| folder.file_name().into_string().ok()).collect()
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(folder), Some(data_dir)) = (args.next(), args.next()) else {
        eprintln!("usage: secret_provider SECRETS DATA_DIR");
        return Ok(ExitCode::from(2));
    };
    let engine = Engine::builder().data_dir(data_dir).secrets(Mounted { folder: folder.into() }).open().await?;
    let script = "echo \"$USER_NAME logs in with $PASSWORD\"; wc -c < \"$PASSWORD_FILE\"";
    let pipeline = Pipeline::builder("deploy")
        .stage(
            Stage::sequential("Deploy").task(
                Task::script("login", script)
                    .secret_key("USER_NAME", "database", "user")
                    .secret_key("PASSWORD", "database", "password")
                    .secret_file("PASSWORD_FILE", "pin"),
            ),
        )
        .build()?;
    let run = match engine.start(&pipeline, RunRequest::manual()).await {
        Ok(run) => run,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let outcome = run.wait().await?;
    print!("{}", String::from_utf8_lossy(&run.logs("login").await?));
    engine.close().await?;
    Ok(if outcome.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
