//! Workspaces of runs that are over: kept, and taken over by another run.
//!
//! The cases whose steps do nothing are for executors without `sh` as well.

use std::time::Duration;

use super::bench::{Bench, Factory, LogReader, archive, unpacked};
use super::stops::is_quiet;
use crate::executor::{Adopt, ExecutorError, RunScope};
use crate::run::RunId;

impl Bench<'_> {
    async fn keep(&self, generation: u32) -> bool {
        let kept = self.must("keep", self.executor.keep(self.run, generation)).await;
        assert!(
            !kept || self.factory.keeps_workspaces(),
            "the executor is said to keep nothing, and says that it does"
        );
        kept
    }

    /// A run with a file, kept; `None` for an executor that keeps nothing, once it is seen that everything is freed.
    async fn kept(self) -> Option<Self> {
        self.put("file").await;
        if self.keep(1).await {
            return Some(self);
        }
        assert!(!self.factory.keeps_workspaces(), "the workspace is there, and was not kept");
        self.gone().await;
        None
    }

    async fn put(&self, name: &str) {
        self.must("write", self.executor.write(self.run, "kept", archive(&[(name, "text", 0o644)]))).await;
    }

    /// Whether the file that `put` wrote is in the run's workspace.
    async fn has(&self, name: &str) -> bool {
        let Ok(tar) = self.within("read", self.executor.read(self.run, "kept")).await else { return false };
        match self.must("read", unpacked(tar)).await.into_iter().find(|(path, _)| path.ends_with(name)) {
            Some((_, (text, _))) => text == "text",
            None => false,
        }
    }

    fn adopting(&self, old: RunId) -> RunScope {
        RunScope { adopt: Some(Adopt { run: old, generation: 1 }), ..self.scope() }
    }

    /// The run has no workspace, and nobody can take it over.
    async fn gone(&self) {
        assert!(!self.has("file").await, "the files are still there");
        let next = Bench::bare(self.factory);
        next.lost(&next.adopting(self.run)).await;
    }

    async fn lost(&self, scope: &RunScope) {
        let lost = self.within("prepare", self.executor.prepare(scope)).await;
        assert!(matches!(lost, Err(ExecutorError::WorkspaceLost { .. })), "{lost:?}");
    }
}

/// A run that takes a kept workspace over has its files with their modes and links, and its steps work in it.
pub async fn kept_files_are_adopted(factory: &dyn Factory) {
    let old = Bench::new(factory).await;
    old.finish_script("make", "mkdir -p deep/er; echo text > deep/er/file; chmod 640 deep/er/file; ln -s er deep/link")
        .await
        .success();
    old.finish_script("more", "echo 'echo hi' > run.sh; chmod 750 run.sh; : > .hidden; mkdir closed; chmod 500 closed")
        .await
        .success();
    if !old.keep(1).await {
        return old.gone().await;
    }
    let new = Bench { executor: factory.executor(), ..Bench::bare(factory) };
    new.must("prepare", new.executor.prepare(&new.adopting(old.run))).await;
    let seen =
        new.finish_script("look", "ls -A; cat deep/link/file; ./run.sh; readlink deep/link; echo new >> deep/er/file");
    assert_eq!(seen.await.success(), ".hidden\nclosed\ndeep\nrun.sh\ntext\nhi\ner\n");
    let files = new.must("read", new.executor.read(new.run, ".")).await;
    let files = new.must("read", unpacked(files)).await;
    let modes = ["deep/er/file", "run.sh", "closed"].map(|name| files.get(name).map(|(_, mode)| *mode));
    assert_eq!(modes, [Some(0o640), Some(0o750), Some(0o500)], "{files:?}");
    let mut again = new.scope();
    again.existing = true;
    new.must("prepare", factory.executor().prepare(&again)).await;
    new.release().await;
}

/// Keeping stops what is left of the run and frees its steps.
pub async fn keeping_ends_the_run(factory: &dyn Factory) {
    let old = Bench::new(factory).await;
    let running =
        old.script("running", "trap '' TERM; echo x > beat; echo up; while :; do echo x >> beat; sleep 0.02; done");
    old.must("start", old.executor.start(&running)).await;
    let mut log = LogReader::new(&old, &running.key, 0);
    log.until(&old, "up").await;
    let kept = old.keep(1).await;
    assert_eq!(kept, factory.keeps_workspaces());
    let wait = old.within("wait", old.executor.wait(&running.key)).await;
    assert!(wait.is_err(), "the step's folder is still there: {wait:?}");
    let late = old.within("start", old.executor.start(&old.script("late", "true"))).await;
    assert!(late.is_err(), "a step started in a workspace that is only kept");
    old.must("stop", old.executor.stop(&running.key, Duration::ZERO)).await;
    if kept {
        let new = Bench::bare(factory);
        new.must("prepare", new.executor.prepare(&new.adopting(old.run))).await;
        is_quiet(&new, "beat").await;
        new.release().await;
    }
    old.release().await;
}

/// Keeping is safe to repeat, also from a fresh instance.
pub async fn kept_again(factory: &dyn Factory) {
    let Some(old) = Bench::new(factory).await.kept().await else { return };
    assert!(old.keep(1).await, "kept already, and said not to be");
    assert!(old.must("keep", factory.executor().keep(old.run, 1)).await);
    assert!(old.has("file").await);
    old.release().await;
}

/// A kept workspace stays until the release.
pub async fn kept_and_released(factory: &dyn Factory) {
    let Some(old) = Bench::new(factory).await.kept().await else { return };
    assert!(old.has("file").await, "it is kept without its files");
    for _ in 0..2 {
        old.must("release", old.executor.release(old.run)).await;
        old.gone().await;
    }
}

/// A sweep takes kept workspaces unless it is told to leave them.
pub async fn kept_and_swept(factory: &dyn Factory) {
    let (Some(old), Some(other)) = (Bench::new(factory).await.kept().await, Bench::new(factory).await.kept().await)
    else {
        return;
    };
    let report = old.must("sweep", factory.executor().sweep(&[old.run])).await;
    assert_eq!(report.removed, [other.run]);
    assert!(old.has("file").await);
    other.gone().await;
    let report = old.must("sweep", factory.executor().sweep(&[])).await;
    assert_eq!(report.removed, [old.run]);
    old.gone().await;
}

/// Where there is no such workspace, nothing is kept and everything is freed.
pub async fn nothing_to_keep(factory: &dyn Factory) {
    let never = Bench::bare(factory);
    assert!(!never.keep(1).await, "a workspace was kept that was never made");
    never.gone().await;
    let other = Bench::new(factory).await;
    other.put("file").await;
    assert!(!other.keep(2).await, "another generation was kept");
    other.gone().await;
    let mut scope = other.scope();
    scope.existing = true;
    other.lost(&scope).await;
}

/// Taking over is safe to repeat, and moves: there is one workspace, and it is the new run's.
pub async fn adopted_again(factory: &dyn Factory) {
    let Some(old) = Bench::new(factory).await.kept().await else { return };
    let new = Bench::bare(factory);
    let scope = new.adopting(old.run);
    new.must("prepare", new.executor.prepare(&scope)).await;
    assert!(new.has("file").await);
    new.put("more").await;
    new.must("prepare", factory.executor().prepare(&scope)).await;
    assert!(new.has("more").await, "the second time made another workspace");
    old.gone().await;
    new.must("release of the old run", new.executor.release(old.run)).await;
    assert!(new.has("more").await, "the release of the old run took the new one's workspace");
    let (one, other) = (Bench::new(factory).await.kept().await.unwrap(), Bench::bare(factory));
    let scope = other.adopting(one.run);
    let (first, second) = futures::join!(other.executor.prepare(&scope), other.executor.prepare(&scope));
    assert!(first.is_ok() && second.is_ok(), "at the same time: {first:?}, {second:?}");
    assert!(other.has("file").await);
    other.release().await;
    new.release().await;
}

/// Taking over what is not kept fails, however often, and makes nothing.
pub async fn nothing_to_adopt(factory: &dyn Factory) {
    let (never, new) = (Bench::bare(factory), Bench::bare(factory));
    for _ in 0..2 {
        new.lost(&new.adopting(never.run)).await;
    }
    let mut scope = new.scope();
    scope.existing = true;
    new.lost(&scope).await;
    let Some(old) = Bench::new(factory).await.kept().await else { return };
    let other = RunScope { adopt: Some(Adopt { run: old.run, generation: 2 }), ..new.scope() };
    new.lost(&other).await;
    assert!(old.has("file").await, "who asked for another generation took this one");
    old.release().await;
}
