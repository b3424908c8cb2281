//! Credentials of actions.

use async_trait::async_trait;

use super::*;
use crate::action::{ActionContext, ActionError, ActionHandler, ActionOutput};
use crate::error::{Error, ErrorKind};
use crate::secret::{CredentialReport, CredentialTarget, CredentialTest, TargetKind};

/// Logs a credential in every way, and ends as its settings say.
#[derive(Debug)]
struct Careless;

#[async_trait]
impl ActionHandler for Careless {
    async fn run(&self, context: ActionContext) -> Result<ActionOutput, ActionError> {
        context.log("before\n").await;
        let credential = context.credential("hook").await?;
        let value = credential.value().unwrap_or_default();
        let (start, end) = value.split_at(5);
        context.log(start).await;
        context.log_line(end).await;
        context.log_line(format!("{:?} {}", value, serde_json::json!({ "token": value }))).await;
        match context.raw_settings()["end"].as_str() {
            Some("fail") => {
                Err(ActionError::failed("refused", format!("the host refused {value}"), format!("not {value}")))
            }
            Some("output") => Ok(ActionOutput::default().with("OUT", format!("https://x/{value}"))),
            _ => Ok(ActionOutput::default()),
        }
    }
}

fn careless(end: &str) -> crate::Pipeline {
    pipeline(&format!(
        "name: p\nstages: [{{name: S, tasks: [{{name: t, custom: {{name: careless, with: {{end: {end}}}}}, outputs: [OUT]}}]}}]"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_action_asked_for_is_masked_from_then_on() {
    let site = Site::new();
    let engine = site.open_with(|builder| builder.action("careless", Careless)).await;
    engine.credentials().set("hook", &token(TOKEN), "ana").await.unwrap();
    let (run, summary) = outcome(&engine, &careless("well")).await;
    assert!(summary.succeeded());
    assert_eq!(log(&run).await, "before\n***\n\"***\" {\"token\":\"***\"}\n");

    let (_, summary) = outcome(&engine, &careless("fail")).await;
    let cause = summary.task("t").unwrap().cause.clone().unwrap();
    assert_eq!((cause.message.as_str(), cause.advice.as_str()), ("the host refused ***", "not ***"));
    let (_, summary) = outcome(&engine, &careless("output")).await;
    assert_eq!(summary.task("t").unwrap().cause.clone().unwrap().code, "secretOutput");
    site.shows_no(&engine, TOKEN).await;

    engine.credentials().remove("hook", "ana").await.unwrap();
    engine.credentials().set("hok", &token("12"), "ana").await.unwrap();
    let (_, summary) = outcome(&engine, &careless("well")).await;
    let cause = summary.task("t").unwrap().cause.clone().unwrap();
    assert!(cause.code == "credential" && cause.message.contains("\"hok\""), "{cause:?}");
    engine.close().await.unwrap();
}

/// Takes the right token.
#[derive(Debug)]
struct Host;

#[async_trait]
impl CredentialTest for Host {
    async fn test(&self, name: &str, credential: &Credential, address: &str) -> crate::Result<CredentialReport> {
        if credential.value() == Some(TOKEN) {
            return Ok(CredentialReport { message: format!("{address} has 3 branches") });
        }
        let message = format!("{address} refused the credential {name:?}");
        Err(Error::new(ErrorKind::Invalid, "credentialRefused", "credentials", message))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_tried_on_its_target() {
    let site = Site::new();
    let engine = site.open_with(|builder| builder.credential_test(TargetKind::Git, Host)).await;
    let (credentials, git) = (engine.credentials(), CredentialTarget::new(TargetKind::Git, "https://host/x.git"));
    credentials.set("hook", &token(TOKEN), "ana").await.unwrap();
    assert_eq!(credentials.test("hook", &git).await.unwrap().message, "https://host/x.git has 3 branches");
    credentials.set("hook", &token("another one"), "ana").await.unwrap();
    assert_eq!(credentials.test("hook", &git).await.unwrap_err().code(), "credentialRefused");
    assert_eq!(credentials.test("hok", &git).await.unwrap_err().code(), "noSuchCredential");
    engine.close().await.unwrap();
}
