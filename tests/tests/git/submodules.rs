//! Repositories within repositories.

use windlass_tests::git::{HttpRemote, Repository};

use crate::engine::{Site, Vault, checking_out};

/// Adds a submodule by its address, at a commit of another repository, without asking that address.
fn add(parent: &Repository, path: &str, url: &str, of: &Repository) {
    let sha = of.run(&["rev-parse", "HEAD"]);
    let modules = parent.work().join(".gitmodules");
    let before = std::fs::read_to_string(&modules).unwrap_or_default();
    std::fs::write(&modules, format!("{before}[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n")).unwrap();
    parent.run(&["add", ".gitmodules"]);
    parent.run(&["update-index", "--add", "--cacheinfo", &format!("160000,{sha},{path}")]);
    parent.run(&["commit", "-q", "-m", "Add a submodule"]);
    parent.push("main");
}

#[tokio::test(flavor = "multi_thread")]
async fn submodules_come_where_they_are_wanted_and_theirs_too() {
    let (inner, middle, outer) =
        (Repository::with_a_commit(), Repository::with_a_commit(), Repository::with_a_commit());
    add(&middle, "deep/inner", &inner.bare().display().to_string(), &inner);
    // Relative to the address of the outer one.
    let relative = format!("../../{}/shop.git", middle.root().file_name().unwrap().to_string_lossy());
    add(&outer, "lib", &relative, &middle);
    let site = Site::open().await;
    let url = outer.bare().display().to_string();
    let look = "cat lib/README.md lib/deep/inner/README.md; git -C lib status --porcelain";
    let run = site.run(&checking_out(&format!("{{url: '{url}', submodules: true}}"), look)).await;
    assert!(run.succeeded(), "{run:?}");
    assert_eq!(site.log(&run, "look").await, "a shop\na shop\n");
    assert!(site.log(&run, "source").await.contains("at lib/deep/inner"));
    let run = site.run(&checking_out(&format!("{{url: '{url}'}}"), "ls lib | wc -l")).await;
    assert_eq!(site.log(&run, "look").await.trim(), "0", "nobody asked for them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_goes_to_no_other_host() {
    let (same, elsewhere, outer) =
        (Repository::with_a_commit(), Repository::with_a_commit(), Repository::with_a_commit());
    let stranger = HttpRemote::open(&elsewhere);
    add(&outer, "elsewhere", &stranger.url(), &elsewhere);
    let host = HttpRemote::with_login(&outer, "ana", "right");
    // The same host, another repository.
    outer.git(outer.root(), &["clone", "-q", "--bare", &same.bare().display().to_string(), "same.git"]);
    add(&outer, "same", "../same.git", &same);
    let site = Site::with(Vault::password("ana", "right")).await;
    let settings = format!("{{url: '{}', credential: team-git, submodules: true}}", host.url());
    let run = site.run(&checking_out(&settings, "cat same/README.md elsewhere/README.md")).await;
    assert!(run.succeeded(), "{run:?}");
    assert!(host.logins() > 0);
    assert_eq!(stranger.logins(), 0, "the credential was sent to another host");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submodule_reaches_no_folder_of_the_engine_and_runs_nothing() {
    let secret = Repository::with_a_commit();
    let site = Site::open().await;
    let local = secret.bare().display().to_string();
    for (at, url) in
        [&local, &format!("file://{local}"), "ext::sh -c touch% x", "--upload-pack=x"].into_iter().enumerate()
    {
        let repository = Repository::with_a_commit();
        add(&repository, "lib", url, &secret);
        let remote = HttpRemote::open(&repository);
        let settings = format!("{{url: '{}', submodules: true}}", remote.url());
        let run = site.run(&checking_out(&settings, "true")).await;
        assert!(!run.succeeded(), "{at}: {url} was fetched");
        let code = run.cause.map(|cause| cause.code).unwrap_or_default();
        assert_eq!(code, "badUrl", "{url}");
    }
}
