//! Checkouts that cannot work, in the words of the person who gets them.

use windlass::{ErrorKind, Remote, RunRequest};
use windlass_tests::git::{HttpRemote, Repository, SshRemote};

use crate::engine::{Site, Vault, checking_out, read};

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_that_could_become_something_else_are_refused_before_the_start() {
    let site = Site::open().await;
    for (settings, place) in [
        ("{url: 'ext::sh -c touch% x'}", "checkout.url"),
        ("{url: \"https://example.com/a\\nb\"}", "checkout.url"),
        ("{url: '--upload-pack=touch x'}", "checkout.url"),
        ("{url: '-u'}", "checkout.url"),
        ("{url: 'https://ana:secret@example.com/web'}", "checkout.url"),
        ("{url: /srv/web.git, ref: '--upload-pack=x'}", "checkout.ref"),
        ("{url: /srv/web.git, ref: 'a..b'}", "checkout.ref"),
        ("{url: /srv/web.git, path: ../up}", "checkout.path"),
        ("{url: /srv/web.git, path: /etc}", "checkout.path"),
    ] {
        let started = site.engine.start(&read(&checking_out(settings, "true")), RunRequest::manual()).await;
        let error = started.err().unwrap_or_else(|| panic!("{settings} was taken"));
        assert_eq!(error.code(), "invalidPipeline", "{settings}: {error}");
        assert!(error.to_string().contains(place), "{settings}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_from_a_parameter_fails_the_task_and_runs_nothing() {
    let site = Site::open().await;
    let repository = Repository::with_a_commit();
    let name = "$(touch${IFS}touched)";
    repository.run(&["branch", name]);
    repository.push(name);
    let document = |settings: &str| {
        checking_out(settings, "echo \"$CI_COMMIT_BRANCH\"; echo $CI_COMMIT_BRANCH; ls")
            .replace("stages:", "parameters: [{name: TEXT, dynamic: true}]\nstages:")
    };
    let request = |text: &str| RunRequest::manual().parameter("TEXT", text);
    for (text, code) in [("ext::sh -c touch% x", "badUrl"), ("--upload-pack=x", "badUrl"), ("/a\nb", "badUrl")] {
        let run = site.run_for(&document("{url: $TEXT}"), request(text)).await;
        assert_eq!(run.cause.as_ref().map(|cause| cause.code.as_str()), Some(code), "{text:?}: {run:?}");
    }
    let settings = format!("{{url: '{}', ref: $TEXT}}", repository.bare().display());
    let run = site.run_for(&document(&settings), request("--upload-pack=x")).await;
    assert_eq!(run.cause.as_ref().map(|cause| cause.code.as_str()), Some("badRef"), "{run:?}");
    let run = site.run_for(&document(&settings), request(name)).await;
    assert!(run.succeeded(), "{run:?}");
    assert_eq!(run.commit.branch, name);
    assert_eq!(site.log(&run, "look").await, format!("{name}\n{name}\nREADME.md\n"));
    let here = std::env::current_dir().unwrap();
    assert!(!here.join("touched").exists(), "a branch's name was run");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_has_its_code_and_its_advice() {
    let repository = Repository::with_a_commit();
    let remote = HttpRemote::with_login(&repository, "ana", "right");
    let site = Site::with(Vault::password("ana", "wrong")).await;
    let empty = Repository::empty();
    let local = repository.bare().display().to_string();
    let empty = empty.bare().display().to_string();
    for (settings, code, said) in [
        (format!("{{url: '{local}', ref: mian}}"), "refNotFound", "\"main\""),
        (format!("{{url: '{local}-gone'}}"), "repositoryNotFound", "Look at the address"),
        (format!("{{url: '{empty}'}}"), "repositoryEmpty", "Push a first commit"),
        (format!("{{url: '{}'}}", remote.url()), "remoteUnauthorized", "Name a `credential`"),
        (
            format!("{{url: '{}', credential: team-git}}", remote.url()),
            "remoteUnauthorized",
            "save the credential again",
        ),
        ("{url: 'http://127.0.0.1:1/web'}".to_owned(), "remoteUnreachable", "firewall"),
    ] {
        let (found, text) = site.cause(&checking_out(&settings, "true"), "source").await;
        assert_eq!(found, code, "{settings}: {text}");
        assert!(text.contains(said), "{settings}: {text}");
        assert!(!text.contains("wrong\""), "{text}");
    }
    let missing = crate::engine::read(&checking_out(&format!("{{url: '{local}', credential: nobody}}"), "true"));
    let error = site.engine.start(&missing, windlass::RunRequest::manual()).await.unwrap_err();
    assert_eq!(error.code(), "noSuchCredential", "before anything runs: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_fails_is_tried_again_and_a_branch_that_is_gone_is_not() {
    let repository = Repository::with_a_commit();
    let site = Site::open().await;
    let document = |settings: &str| {
        checking_out(settings, "true")
            .replace("  - {name: look", "    retry: {attempts: 3, on: [infrastructure]}\n  - {name: look")
    };
    let run = site.run(&document("{url: 'http://127.0.0.1:1/web'}")).await;
    assert_eq!(run.task("source").unwrap().attempts, 3);
    let run = site.run(&document(&format!("{{url: '{}', ref: gone}}", repository.bare().display()))).await;
    assert_eq!(run.task("source").unwrap().attempts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_known_or_has_changed_is_not_spoken_to() {
    let repository = Repository::with_a_commit();
    let remote = SshRemote::start(&repository, "");
    let settings = format!("{{url: '{}', credential: team-git}}", remote.url());
    let site = Site::with(Vault::key(&remote.key(), "")).await;
    let (code, text) = site.cause(&checking_out(&settings, "true"), "source").await;
    assert_eq!(code, "hostKeyUnknown");
    let known = remote.known_host();
    let line = known.trim().trim_end_matches(" a test");
    assert!(text.contains("SHA256:") && text.contains(line), "{text}");
    let site = Site::with(Vault::key(&remote.key(), &remote.other_host())).await;
    let (code, text) = site.cause(&checking_out(&settings, "true"), "source").await;
    assert_eq!(code, "hostKeyChanged");
    assert!(text.contains("do not go on"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_asks_a_remote_what_it_has_and_whether_a_credential_opens_it() {
    let repository = Repository::with_a_commit();
    repository.run(&["tag", "v1"]);
    repository.push("v1");
    let remote = HttpRemote::with_login(&repository, "ana", "right");
    let site = Site::with(Vault::password("ana", "right")).await;
    let asked = Remote::new(remote.url()).credential("team-git");
    let refs = site.engine.sources().refs(&asked).await.unwrap();
    let head = repository.run(&["rev-parse", "HEAD"]);
    assert_eq!(refs.default.as_deref(), Some("main"));
    assert_eq!((refs.branches, refs.tags), (vec![("main".to_owned(), head.clone())], vec![("v1".to_owned(), head)]));
    site.engine.sources().test(&asked).await.unwrap();
    let error = site.engine.sources().test(&Remote::new(remote.url())).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("remoteUnauthorized", ErrorKind::Invalid), "{error}");
    let error = site.engine.sources().test(&Remote::new("http://127.0.0.1:1/x")).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let error = site.engine.sources().test(&Remote::new("ext::x")).await.unwrap_err();
    assert_eq!(error.code(), "badUrl");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_repositories_are_in_no_backup_and_can_be_forgotten() {
    let repository = Repository::with_a_commit();
    let url = repository.bare().display().to_string();
    let site = Site::open().await;
    let run = site.run(&checking_out(&format!("{{url: '{url}'}}"), "true")).await;
    assert!(run.succeeded(), "{run:?}");
    let mirrors = || {
        let entries = std::fs::read_dir(site.data_dir().join("sources")).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".git")).count()
    };
    assert_eq!(mirrors(), 1);
    let backup = site.path().join("backup");
    site.engine.backup(&backup, "nightly").await.unwrap();
    assert!(backup.join("windlass.db").exists() && !backup.join("sources").exists());
    site.engine.sources().forget(&url).await.unwrap();
    assert_eq!(mirrors(), 0);
}
