//! `windlass secret`.

use serde_json::json;

use super::args::{
    ListSecretsArgs, RemoveSecretArgs, RotateKeyArgs, SecretArgs, SecretVerb, SetSecretArgs, TestSecretArgs,
};
use super::exit::{Exit, Failure};
use super::open::{self, printed};
use super::output::Output;
use super::reach::ask_or_do;
use super::text;
use super::ui::Ui;
use super::value;
use crate::engine::{Control, CredentialsAlone, EngineBuilder, StoredCredential};
use crate::error::{Error, ErrorKind, Result};
use crate::store::DataDir;

type Engines<'a> = &'a dyn Fn() -> EngineBuilder;

pub(super) async fn secret(args: SecretArgs, ui: &Ui, engine: Engines<'_>) -> Result<Exit, Failure> {
    match args.verb {
        SecretVerb::Set(args) => set(args, ui, engine).await,
        SecretVerb::List(args) => list(args, ui).await,
        SecretVerb::Remove(args) => remove(args, engine).await,
        SecretVerb::Test(args) => test(args, engine).await,
        SecretVerb::Rotate(args) => rotate(args, engine).await,
    }
}

async fn set(args: SetSecretArgs, ui: &Ui, engine: Engines<'_>) -> Result<Exit, Failure> {
    let credential = value::credential(&args).map_err(Failure::input)?;
    credential.check().map_err(Failure::input)?;
    let (name, by) = (args.name.as_str(), args.who.name());
    if !args.data_dir.data_dir.exists() {
        // Credentials may be set before the first run.
        drop(DataDir::open(&args.data_dir.data_dir).map_err(Failure::engine)?);
    }
    let ask = async |control: Control| control.set_credential(name, &credential, &by).await;
    let alone = async || {
        let credentials = CredentialsAlone::open(engine().data_dir(&args.data_dir.data_dir)).await?;
        let saved = credentials.set(name, &credential, &by).await;
        credentials.close().await?;
        saved
    };
    let saved = ask_or_do(&args.data_dir, ask, alone).await.map_err(|error| Failure::of_request(&error))?;
    for unmasked in &saved.unmasked {
        ui.note(unmasked.to_string());
    }
    let done = if saved.created { "is kept" } else { "has another value" };
    said(format!("{name} {done} ({})", credential.kind().as_str()))
}

async fn list(args: ListSecretsArgs, ui: &Ui) -> Result<Exit, Failure> {
    let reader = open::reader(&args.data_dir).await?;
    let all = reader.credentials().await.map_err(Failure::engine)?;
    let mut out = Output::stdout();
    if args.json {
        all.iter().for_each(|credential| out.line(as_json(credential)));
    } else if all.is_empty() {
        ui.note("there are no credentials");
    } else {
        let width = all.iter().map(|credential| credential.name.chars().count()).max().unwrap_or(0);
        all.iter().for_each(|credential| out.line(as_line(credential, width)));
    }
    printed(Exit::Succeeded, out.finish())
}

fn as_line(credential: &StoredCredential, width: usize) -> String {
    let StoredCredential { name, kind, changed, changed_by, .. } = credential;
    let padding = " ".repeat(width - name.chars().count());
    let by = if changed_by.is_empty() { String::new() } else { format!(" by {changed_by}") };
    text::one_line(&format!("{name}{padding}  {:<12}  {}{by}", kind.as_str(), text::moment(*changed)))
}

fn as_json(credential: &StoredCredential) -> String {
    let StoredCredential { name, kind, changed, changed_by, key } = credential;
    let changed = format!("{changed:.3}");
    json!({ "name": name, "kind": kind.as_str(), "changed": changed, "changedBy": changed_by, "key": key }).to_string()
}

async fn remove(args: RemoveSecretArgs, engine: Engines<'_>) -> Result<Exit, Failure> {
    drop(open::reader(&args.data_dir).await?);
    let (name, by) = (args.name.as_str(), args.who.name());
    let ask = async |control: Control| control.remove_credential(name, &by).await;
    let alone = async || {
        let credentials = CredentialsAlone::open(engine().data_dir(&args.data_dir.data_dir)).await?;
        let removed = credentials.remove(name, &by).await;
        credentials.close().await?;
        removed
    };
    ask_or_do(&args.data_dir, ask, alone).await.map_err(|error| Failure::of_request(&error))?;
    said(format!("{name} is removed"))
}

async fn test(args: TestSecretArgs, engine: Engines<'_>) -> Result<Exit, Failure> {
    drop(open::reader(&args.data_dir).await?);
    let (name, target) = (args.name.as_str(), args.target());
    let ask = async |control: Control| control.test_credential(name, &target).await;
    let alone = async || {
        let credentials = CredentialsAlone::open(engine().data_dir(&args.data_dir.data_dir)).await?;
        let tried = credentials.test(name, &target).await;
        credentials.close().await?;
        tried
    };
    let tried = ask_or_do(&args.data_dir, ask, alone).await.map_err(|error| not_tried(&error))?;
    said(tried.message)
}

/// What was wrong: the request, the engine, or the credential itself.
fn not_tried(error: &Error) -> Failure {
    const REQUEST: [&str; 4] = ["noSuchCredential", "noCredentialTest", "invalidName", "badUrl"];
    let exit = match error.kind() {
        _ if REQUEST.contains(&error.code()) => Exit::Invalid,
        ErrorKind::Conflict | ErrorKind::Damaged | ErrorKind::Internal => Exit::Engine,
        _ => Exit::Failed,
    };
    Failure { exit, message: error.to_string() }
}

async fn rotate(args: RotateKeyArgs, engine: Engines<'_>) -> Result<Exit, Failure> {
    drop(open::reader(&args.data_dir).await?);
    let by = args.who.name();
    let ask = async |control: Control| control.rotate_master_key(&by).await;
    let alone = async || {
        let credentials = CredentialsAlone::open(engine().data_dir(&args.data_dir.data_dir)).await?;
        let rotated = credentials.rotate_master_key(&by).await;
        credentials.close().await?;
        rotated
    };
    let rotated = ask_or_do(&args.data_dir, ask, alone).await.map_err(|error| Failure::of_request(&error))?;
    let count = text::count(rotated.credentials, "credential");
    said(format!("{count} sealed anew with the master key {}", rotated.key))
}

fn said(text: impl AsRef<str>) -> Result<Exit, Failure> {
    let mut out = Output::stdout();
    out.line(text::one_line(text.as_ref()));
    printed(Exit::Succeeded, out.finish())
}
