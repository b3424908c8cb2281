//! The master key: where it is, what happens without it, and another one.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use super::*;
use crate::audit::Change;
use crate::engine::{Reader, restore};
use crate::secret::{CredentialKind, KeySource, MasterKey};

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_set_listed_used_and_removed() {
    let site = Site::new();
    let engine = site.open().await;
    assert!(!site.data().join("master.key").exists(), "nothing is sealed yet");
    let credentials = engine.credentials();
    assert!(credentials.set("hook", &token(TOKEN), "ana").await.unwrap().created);
    assert!(is_private(&site.data().join("master.key")));
    assert!(!credentials.set("hook", &login(), "bob").await.unwrap().created);
    credentials.set("a", &token("some value"), "ana").await.unwrap();
    let listed: Vec<_> =
        credentials.list().await.unwrap().into_iter().map(|known| (known.name, known.kind, known.changed_by)).collect();
    let own = |name: &str, kind, by: &str| (name.to_owned(), kind, by.to_owned());
    assert_eq!(listed, [own("a", CredentialKind::Token, "ana"), own("hook", CredentialKind::UserPassword, "bob")]);
    assert_eq!(credentials.open("hook").await.unwrap(), login());
    let beside = Reader::open(site.data()).unwrap();
    assert_eq!(beside.credentials().await.unwrap(), credentials.list().await.unwrap());
    credentials.remove("a", "eve").await.unwrap();
    for (name, nearest) in [("a", false), ("hok", true)] {
        let error = credentials.remove(name, "eve").await.unwrap_err();
        assert_eq!((error.code(), error.to_string().contains("\"hook\"")), ("noSuchCredential", nearest), "{error}");
    }
    for (name, value, code) in [("a/b", "value", "invalidName"), ("a", "", "badCredential")] {
        assert_eq!(credentials.set(name, &token(value), "ana").await.unwrap_err().code(), code);
    }
    let trail = engine.audit(&AuditFilter::default()).await.unwrap();
    let trail: Vec<_> = trail.iter().rev().map(|entry| (entry.entry.by.as_str(), entry.entry.change.kind())).collect();
    let set = "credentialSet";
    assert_eq!(trail, [("ana", set), ("bob", set), ("ana", set), ("eve", "credentialRemoved")]);
    site.shows_no(&engine, TOKEN).await;
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_nothing_is_opened_and_the_missing_one_is_named() {
    let site = Site::new();
    let engine = site.with_token().await;
    let key = engine.credentials().list().await.unwrap()[0].key.clone();
    engine.close().await.unwrap();
    std::fs::rename(site.data().join("master.key"), site.path("elsewhere")).unwrap();
    let engine = site.open().await;
    let uses = task("true", "secrets: [{name: HOOK, from: hook}]");
    for error in [
        engine.start(&uses, RunRequest::manual()).await.unwrap_err(),
        engine.credentials().open("hook").await.unwrap_err(),
        engine.credentials().set("other", &token("value"), "ana").await.unwrap_err(),
        engine.credentials().rotate_master_key("ana").await.unwrap_err(),
    ] {
        assert_eq!(error.code(), "noMasterKey", "{error}");
        assert!(error.to_string().contains(&key) && error.to_string().contains("master.key"), "{error}");
    }
    assert_eq!(engine.credentials().list().await.unwrap().len(), 1, "names are listed without a key");
    // Put back, it works at once.
    std::fs::rename(site.path("elsewhere"), site.data().join("master.key")).unwrap();
    assert_eq!(engine.credentials().open("hook").await.unwrap(), token(TOKEN));
    engine.close().await.unwrap();

    std::fs::set_permissions(site.data().join("master.key"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let engine = site.open().await;
    assert_eq!(engine.credentials().open("hook").await.unwrap_err().code(), "openKeyFile");
    engine.close().await.unwrap();

    std::fs::remove_file(site.data().join("master.key")).unwrap();
    let engine = site.open().await;
    engine.credentials().remove("hook", "ana").await.unwrap();
    assert!(engine.credentials().set("hook", &token("a new one"), "ana").await.unwrap().created, "with a new key");
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_needs_the_key() {
    let site = Site::new();
    let engine = site.with_token().await;
    engine.backup(site.path("backup"), "ana").await.unwrap();
    engine.close().await.unwrap();
    restore(site.path("backup"), site.path("restored")).await.unwrap();
    let open = || Engine::builder().data_dir(site.path("restored")).open();
    let engine = open().await.unwrap();
    assert_eq!(engine.credentials().open("hook").await.unwrap_err().code(), "noMasterKey");
    std::fs::copy(site.data().join("master.key"), site.path("restored").join("master.key")).unwrap();
    assert_eq!(engine.credentials().open("hook").await.unwrap(), token(TOKEN));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_seals_what_the_old_one_did() {
    let site = Site::new();
    let engine = site.with_token().await;
    let (file, before) = (site.data().join("master.key"), engine.credentials().list().await.unwrap()[0].key.clone());
    let old = std::fs::read_to_string(&file).unwrap();
    let rotated = engine.credentials().rotate_master_key("ana").await.unwrap();
    assert!(rotated.credentials == 1 && rotated.key != before);
    assert_eq!(engine.credentials().list().await.unwrap()[0].key, rotated.key);
    let new = std::fs::read_to_string(&file).unwrap();
    assert!(!new.contains(old.trim()) && new.lines().count() == 1 && is_private(&file));
    let changes = engine.audit(&AuditFilter::default()).await.unwrap();
    assert_eq!(changes[0].entry.change, Change::MasterKeyRotated { key: rotated.key, credentials: 1 });
    engine.close().await.unwrap();
    let engine = site.open().await;
    assert_eq!(engine.credentials().open("hook").await.unwrap(), token(TOKEN));
    engine.close().await.unwrap();

    // The old key alone does not open it any more, and which one is missing is told.
    std::fs::write(&file, &old).unwrap();
    let engine = site.open().await;
    let error = engine.credentials().open("hook").await.unwrap_err();
    assert!(error.code() == "otherMasterKey" && error.to_string().contains(&before), "{error}");
    engine.close().await.unwrap();

    // As a crash leaves it that comes before the commit: a new key in front of the old one.
    std::fs::write(&file, format!("{}\n{new}", MasterKey::new([9; 32]).to_base64().as_str())).unwrap();
    let engine = site.open().await;
    assert_eq!(engine.credentials().open("hook").await.unwrap(), token(TOKEN));
    engine.credentials().rotate_master_key("ana").await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
    assert_eq!(engine.credentials().open("hook").await.unwrap(), token(TOKEN));
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_from_the_embedder() {
    let site = Site::new();
    let base64 = |byte: u8| MasterKey::new([byte; 32]).to_base64().to_string();
    let given = Arc::new(Mutex::new(Ok(base64(1))));
    let source = {
        let given = given.clone();
        KeySource::callback("the portal's safe", move || given.lock().unwrap().clone())
    };
    let engine = site.open_with(|builder| builder.master_key(source.clone())).await;
    engine.credentials().set("hook", &token(TOKEN), "ana").await.unwrap();
    *given.lock().unwrap() = Ok(format!("{}\n{}", base64(2), base64(1)));
    let rotated = engine.credentials().rotate_master_key("ana").await.unwrap();
    assert_eq!(rotated.key, MasterKey::new([2; 32]).id().as_str());
    assert!(!site.data().join("master.key").exists());
    engine.close().await.unwrap();

    *given.lock().unwrap() = Ok(base64(2));
    let engine = site.open_with(|builder| builder.master_key(source.clone())).await;
    assert_eq!(engine.credentials().open("hook").await.unwrap(), token(TOKEN));
    engine.close().await.unwrap();
    *given.lock().unwrap() = Err("the safe is shut".to_owned());
    for (source, words) in [
        (source, ["the portal's safe", "the safe is shut"]),
        (KeySource::Environment("WINDLASS_NO_SUCH_KEY".to_owned()), ["WINDLASS_NO_SUCH_KEY", "openssl rand"]),
    ] {
        let engine = site.open_with(|builder| builder.master_key(source)).await;
        let error = engine.credentials().open("hook").await.unwrap_err();
        assert_eq!(error.code(), "badMasterKey", "{error}");
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
        engine.close().await.unwrap();
    }
    site.shows_no(&site.open().await, TOKEN).await;
}
