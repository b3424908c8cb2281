//! Secrets of steps, with real processes.

use super::*;
use crate::run::{RunStatus, TaskStatus};

#[tokio::test(flavor = "multi_thread")]
async fn a_step_uses_what_no_one_sees() {
    let site = Site::new();
    let engine = site.with_token().await;
    engine.credentials().set("team", &login(), "ana").await.unwrap();
    let script = "
        set -x
        echo \"plain $HOOK.\"
        printf 'x%s' \"$HOOK\" | base64; printf 'xy%s' \"$HOOK\" | base64; printf '%s' \"$HOOK\" | base64
        printf '%q\\n' \"$HOOK\"
        set +x
        cat \"$PASSWORD\"; echo; echo \"$WHO\"
        for part in 1 2 3; do printf %s \"${HOOK:0:5}\"; sleep 0.05; printf '%s\\n' \"${HOOK:5}\"; done
        echo \"$(env | grep -c HOOK) $(ls -l \"$PASSWORD\" | cut -c1-10) $(printf %s \"$HOOK\" | wc -c)\"
        cp \"$PASSWORD\" copy; test $(wc -c < copy) = 13; rm copy";
    let more = "secrets: [{name: HOOK, from: hook}, {name: WHO, from: team, key: user}, {name: PASSWORD, from: team, as: file}]";
    let (run, summary) = outcome(&engine, &task(script, more)).await;
    let log = log(&run).await;
    assert_eq!(summary.status, RunStatus::Succeeded, "{log}");
    assert!(log.contains("\nplain ***.\n") && log.contains("\n$'***'\n"), "{log}");
    let last = format!("\n***\nana-of-the-team\n***\n***\n***\n1 -rw------- {}\n", TOKEN.len());
    assert!(log.ends_with(&last), "a user is no secret: {log}");
    for secret in [TOKEN, "correct horse"] {
        assert!(!exposed_in(&log, secret), "{log}");
        assert!(!exposed_in(&format!("{summary:?} {:?}", events(&run).await), secret));
        site.shows_no(&engine, secret).await;
    }
    assert_eq!(sealed(&engine).await.len(), 2, "what the attempt was given went with the run");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_would_miss_a_credential_is_not_started() {
    let site = Site::new();
    let engine = site.with_token().await;
    engine.credentials().set("team", &login(), "ana").await.unwrap();
    engine.credentials().set("two", &two(), "ana").await.unwrap();
    let cases = [
        ("{name: A, from: hok}", "noSuchCredential", "\"hook\""),
        ("{name: A, from: nothing-like-it}", "noSuchCredential", "windlass secret set"),
        ("{name: A, from: team, key: pasword}", "noSuchKey", "user, password"),
        ("{name: A, from: two}", "severalValues", "first, second"),
    ];
    for (secret, code, word) in cases {
        let definition = task("true", &format!("secrets: [{secret}]"));
        let error = engine.start(&definition, RunRequest::manual()).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(word) && error.to_string().contains("\"t\""), "{error}");
    }
    assert!(engine.runs(&Default::default()).await.unwrap().is_empty());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_would_miss_its_credential_is_not_started_either() {
    let site = Site::new();
    let engine = site.with_token().await;
    for action in [
        "checkout: {url: 'https://git.example/a.git', credential: hok}",
        "buildImage: {image: 'registry.example/a', credential: hok}",
        "buildImage: {image: 'registry.example/a', pullCredentials: [hook, hok]}",
        "deployManifests: {paths: [a.yaml], pullCredential: hok}",
    ] {
        let definition = pipeline(&format!("name: p\nstages: [{{name: S, tasks: [{{name: t, {action}}}]}}]"));
        let error = engine.start(&definition, RunRequest::manual()).await.unwrap_err();
        // Where an action is not built in, that is said first.
        assert!(["noSuchCredential", "unsupportedAction"].contains(&error.code()), "{action}: {error}");
        if error.code() == "noSuchCredential" {
            assert!(error.to_string().contains("task \"t\"") && error.to_string().contains("\"hook\""), "{error}");
        }
    }
    let definition = pipeline(
        "name: p\nstages: [{name: S, tasks: [{name: t, checkout: {url: /nowhere/at/all, credential: mine}}]}]",
    );
    let request = RunRequest::manual().secret("mine", token(TOKEN));
    let own = engine.start(&definition, request).await;
    assert!(
        own.is_ok() || own.is_err_and(|error| error.code() == "unsupportedAction"),
        "what the run brings along is there"
    );
    engine.close().await.unwrap();
}

fn two() -> Credential {
    let values = [("first", "one-value"), ("second", "other-value")];
    Credential::Opaque { values: values.map(|(name, value)| (name.to_owned(), value.into())).into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_with_a_secret_are_refused() {
    let site = Site::new();
    let engine = site.with_token().await;
    for value in ["$HOOK", "https://x/?t=$HOOK", "$(printf %s \"$HOOK\" | base64)"] {
        let script = format!("echo \"OUT={value}\" >> \"$WINDLASS_OUTPUT\"");
        let definition = task(&script, "outputs: [OUT], secrets: [{name: HOOK, from: hook}]");
        let (_, summary) = outcome(&engine, &definition).await;
        let cause = summary.task("t").unwrap().cause.clone().unwrap();
        assert_eq!(cause.code, "secretOutput", "{cause:?}");
        assert!(cause.message.contains("OUT") && cause.message.contains("\"hook\""), "{cause:?}");
    }
    site.shows_no(&engine, TOKEN).await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn causes_quote_no_secret() {
    let site = Site::new();
    let engine = site.open().await;
    engine.credentials().set("hook", &token("no-such-program-9f"), "ana").await.unwrap();
    let (run, summary) = outcome(&engine, &task("\"$HOOK\"", "secrets: [{name: HOOK, from: hook}]")).await;
    let task = summary.task("t").unwrap();
    assert_eq!((task.status, task.exit_code), (TaskStatus::Failed, Some(127)));
    assert!(!format!("{task:?}").contains("no-such-program-9f"), "{task:?}");
    assert!(log(&run).await.contains("***"));
    site.shows_no(&engine, "no-such-program-9f").await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_too_short_to_be_masked_is_told() {
    let site = Site::new();
    let engine = site.open().await;
    let saved = engine.credentials().set("pin", &token("123"), "ana").await.unwrap();
    let told = saved.unmasked[0].to_string();
    assert!(saved.created && told.contains("\"pin\"") && told.contains("3 characters"), "{told}");
    let definition = task("echo \"pin $PIN\"", "secrets: [{name: PIN, from: pin}]");
    let (run, _) = outcome(&engine, &definition).await;
    let log = log(&run).await;
    assert_eq!(log, format!("[windlass] {told}\npin 123\n"));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_log_is_masked_with_what_the_step_was_given() {
    let site = Site::new();
    let engine = site.with_token().await;
    let go = site.path("go");
    let script = format!(
        "echo \"first $HOOK\"; printf %s \"${{HOOK:0:5}}\"; while [ ! -e {} ]; do sleep 0.02; done; echo \"${{HOOK:5}}\"; cat \"$KEY\"",
        go.display()
    );
    let definition = task(&script, "secrets: [{name: HOOK, from: hook}, {name: KEY, from: hook, as: file}]");
    let run = engine.start(&definition, RunRequest::manual()).await.unwrap();
    until_logged(&run, "first ***\n").await;
    let id = run.id();
    drop(run);
    engine.close().await.unwrap();

    let engine = site.open().await;
    engine.credentials().set("hook", &token("another value"), "bob").await.unwrap();
    engine.close().await.unwrap();
    let engine = site.open().await;
    engine.credentials().remove("hook", "bob").await.unwrap();
    std::fs::write(&go, "").unwrap();
    let run = engine.run(id).await.unwrap();
    assert!(run.wait().await.unwrap().succeeded());
    assert_eq!(log(&run).await, "first ***\n***\n***");
    site.shows_no(&engine, TOKEN).await;
    assert!(sealed(&engine).await.is_empty());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_log_cannot_be_masked_any_more_is_ended() {
    let site = Site::new();
    let engine = site.with_token().await;
    let definition = task("echo \"first $HOOK\"; sleep 1000", "secrets: [{name: HOOK, from: hook}]");
    let run = engine.start(&definition, RunRequest::manual()).await.unwrap();
    until_logged(&run, "first ***\n").await;
    let id = run.id();
    drop(run);
    engine.close().await.unwrap();
    std::fs::rename(site.data().join("master.key"), site.path("elsewhere")).unwrap();
    let engine = site.open().await;
    let summary = engine.run(id).await.unwrap().wait().await.unwrap();
    let cause = summary.task("t").unwrap().cause.clone().unwrap();
    assert_eq!(cause.code, "credential", "{cause:?}");
    assert!(cause.message.contains("no master key") && cause.message.contains("master.key"), "{cause:?}");
    site.shows_no(&engine, TOKEN).await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_cannot_be_in_a_variable_that_shells_obey() {
    let site = Site::new();
    let engine = site.with_token().await;
    for name in ["BASH_ENV", "LD_PRELOAD", "PATH"] {
        let definition = task("true", &format!("secrets: [{{name: {name}, from: hook}}]"));
        let (_, summary) = outcome(&engine, &definition).await;
        let cause = summary.task("t").unwrap().cause.clone().unwrap();
        assert!(cause.code == "badEnvironment" && cause.message.contains(name), "{cause:?}");
    }
    site.shows_no(&engine, TOKEN).await;
    engine.close().await.unwrap();
}
