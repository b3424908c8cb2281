//! The workspace: shared in a run, apart between runs, in and out as archives, and gone in the end.

use std::fs;

use super::bench::{Bench, Factory, archive, archive_with_link, unpacked};
use crate::executor::ExecutorError;
use crate::pipeline::WorkspaceUse;
use crate::run::RunId;

/// Steps begin in the workspace, and see what the steps before left there.
pub async fn shared_workspace(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    assert_eq!(bench.finish_script("look", "ls -A").await.success(), "", "it is empty at first");
    bench
        .finish_script("write", "echo text > file; [ \"$(pwd -P)\" = \"$(cd \"$WORKSPACE\" && pwd -P)\" ]")
        .await
        .success();
    assert_eq!(bench.finish_script("read", "cat file \"$WORKSPACE/file\"").await.success(), "text\ntext\n");
    bench.must("prepare", bench.executor.prepare(&bench.scope())).await;
    assert_eq!(bench.finish_script("again", "cat file").await.success(), "text\n", "prepare is safe to repeat");
    bench.release().await;
}

/// Another run has another workspace.
pub async fn isolated_workspaces(factory: &dyn Factory) {
    let (one, other) = (Bench::new(factory).await, Bench::new(factory).await);
    one.finish_script("write", "echo one > file").await.success();
    assert_eq!(other.finish_script("look", "ls -A").await.success(), "");
    other.release().await;
    assert_eq!(one.finish_script("read", "cat file").await.success(), "one\n", "the other's release took it");
    one.release().await;
}

/// A step without the workspace has an empty folder of its own.
pub async fn own_empty_workspace(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    bench.touch("file").await;
    let mut step = bench.script("none", "ls -A; echo mine > own; cat \"$WORKSPACE/own\"");
    step.workspace = WorkspaceUse::None;
    assert_eq!(bench.finish(&step).await.success(), "mine\n");
    assert_eq!(bench.finish_script("look", "ls -A").await.success(), "file\n");
    bench.release().await;
}

/// What a step writes to `$WINDLASS_OUTPUT` comes with its end, up to the limit.
pub async fn outputs(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let finished = bench
        .finish_script("some", "echo A=1 >> \"$WINDLASS_OUTPUT\"; printf 'B=ü' >> \"$WINDLASS_OUTPUT\"; exit 1")
        .await;
    assert_eq!(finished.exit.output, "A=1\nB=ü".as_bytes());
    assert!(bench.finish_script("none", "true").await.exit.output.is_empty());
    assert!(bench.finish_script("removed", "rm -f \"$WINDLASS_OUTPUT\"").await.exit.output.is_empty());
    let much = bench.finish_script("much", "head -c 3000000 /dev/zero > \"$WINDLASS_OUTPUT\"").await;
    assert_eq!(much.exit.output.len(), crate::executor::MAX_OUTPUT_BYTES);
    bench.release().await;
}

/// A fresh workspace starts with the files of the source folder.
pub async fn source_is_copied(factory: &dyn Factory) {
    let bench = Bench::bare(factory);
    let source = std::env::temp_dir().join(format!("windlass-source-{}", bench.run));
    let write = |name: &str, text: &str| {
        let file = source.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("deep/er/file", "text\n");
    write(".hidden", "");
    write("ignored.log", "");
    write(".gitignore", "*.log\nbuild/\n");
    write("build/result", "");
    write(".git/config", "");
    write(".windlass/db", "");
    let mut scope = bench.scope();
    scope.source = Some(source.clone());
    bench.must("prepare", bench.executor.prepare(&scope)).await;
    let found = bench.finish_script("find", "find . -type f | sort; cat deep/er/file").await.success();
    assert_eq!(found, "./.gitignore\n./.hidden\n./deep/er/file\ntext\n");
    fs::remove_dir_all(&source).unwrap();
    scope.source = Some(source);
    bench.must("release", bench.executor.release(bench.run)).await;
    let missing = bench.within("prepare", bench.executor.prepare(&scope)).await;
    assert!(missing.is_err(), "a source that is not there");
    bench.release().await;
}

/// A workspace that was there and is gone is told, and not made anew.
pub async fn lost_workspace(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let mut scope = bench.scope();
    scope.existing = true;
    bench.must("prepare", bench.executor.prepare(&scope)).await;
    bench.must("release", bench.executor.release(bench.run)).await;
    for _ in 0..2 {
        let lost = bench.within("prepare", bench.executor.prepare(&scope)).await;
        assert!(matches!(lost, Err(ExecutorError::WorkspaceLost { .. })), "{lost:?}");
    }
    let late = bench.within("start", bench.executor.start(&bench.script("late", "true"))).await;
    assert!(late.is_err(), "a step started without a workspace");
    bench.release().await;
}

/// Files and folders go in and out with their modes and links.
pub async fn files_in_and_out(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let (executor, run) = (&bench.executor, bench.run);
    let files = [("run.sh", "echo hi\n", 0o755), ("deep/plain", "text", 0o640)];
    bench.must("write", executor.write(run, "in/side", archive(&files))).await;
    let look =
        bench.finish_script("look", "cat in/side/deep/plain; in/side/run.sh; ln -s ../plain in/side/deep/link").await;
    assert_eq!(look.success(), "texthi\n");
    let read =
        |path: &'static str| async { unpacked(bench.must("read", executor.read(run, path)).await).await.unwrap() };
    let folder = read("in/side").await;
    assert_eq!(folder["side/run.sh"], ("echo hi\n".to_owned(), 0o755));
    assert_eq!(folder["side/deep/plain"], ("text".to_owned(), 0o640));
    assert_eq!(folder["side/deep/link"].0, "../plain");
    assert_eq!(read("in/side/run.sh").await["run.sh"].0, "echo hi\n");
    assert_eq!(read(".").await["in/side/deep/plain"].0, "text");
    let again = executor.read(run, "in").await.unwrap();
    bench.must("write", executor.write(run, "copy", again)).await;
    let look = bench
        .finish_script("copy", "cat copy/in/side/deep/plain; copy/in/side/run.sh; readlink copy/in/side/deep/link")
        .await;
    assert_eq!(look.success(), "texthi\n../plain\n");
    bench.must("write", executor.write(run, "in/side", archive(&[("run.sh", "echo new\n", 0o755)]))).await;
    assert_eq!(bench.finish_script("replaced", "in/side/run.sh").await.success(), "new\n");
    assert!(executor.read(run, "not/there").await.is_err(), "a path that is not there");
    bench.release().await;
}

/// Nothing in an archive leaves the folder into which it is unpacked.
pub async fn archives_cannot_leave(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    let (executor, run) = (&bench.executor, bench.run);
    bench.must("write", executor.write(run, "folder", archive(&[("fine", "", 0o644)]))).await;
    for name in ["../evil", "a/../../evil", "/tmp/windlass-evil"] {
        let refused = bench.within("write", executor.write(run, "folder", archive(&[(name, "evil", 0o644)]))).await;
        assert!(refused.is_err(), "{name} was unpacked");
    }
    for target in ["..", "/tmp", "../../.."] {
        let refused =
            bench.within("write", executor.write(run, "folder", archive_with_link("link", target, "link/evil"))).await;
        assert!(refused.is_err(), "a file was written through a link to {target}");
    }
    bench
        .finish_script("look", "[ ! -e evil ]; [ ! -e ../evil ]; [ ! -e /tmp/windlass-evil ]; [ ! -e /tmp/evil ]")
        .await
        .success();
    bench.release().await;
}

/// Paths are relative and go nowhere but down.
pub async fn paths_cannot_leave(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    for path in ["..", "../x", "a/../../x", "/etc/passwd", "/", "a\0b"] {
        let read = bench.within("read", bench.executor.read(bench.run, path)).await;
        assert!(matches!(read, Err(ExecutorError::BadStep { .. })), "{path:?} was read");
        let write = bench.within("write", bench.executor.write(bench.run, path, archive(&[("x", "", 0o644)]))).await;
        assert!(matches!(write, Err(ExecutorError::BadStep { .. })), "{path:?} was written: {write:?}");
    }
    bench.release().await;
}

/// Links that a step made do not lead the engine out of the workspace.
pub async fn links_cannot_lead_out(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    bench
        .finish_script("links", "ln -s / root; ln -s .. up; mkdir in; ln -s in inside; echo text > in/file")
        .await
        .success();
    for path in ["root/etc", "up", "root"] {
        assert!(bench.within("read", bench.executor.read(bench.run, path)).await.is_err(), "{path} was read");
        let write = bench.executor.write(bench.run, path, archive(&[("windlass-evil", "", 0o644)]));
        assert!(bench.within("write", write).await.is_err(), "{path} was written");
    }
    let inside = bench.must("read", bench.executor.read(bench.run, "inside/file")).await;
    assert_eq!(unpacked(inside).await.unwrap()["file"].0, "text\n");
    bench.release().await;
}

/// Release stops what runs and removes everything, read-only files too; again and without a prepare it is fine.
pub async fn released_runs(factory: &dyn Factory) {
    let bench = Bench::new(factory).await;
    bench.finish_script("files", "mkdir -p a/b; echo x > a/b/c; chmod 400 a/b/c; chmod 500 a/b a").await.success();
    let running = bench.script("running", "trap '' TERM; while :; do echo x >> beat; sleep 0.02; done");
    bench.must("start", bench.executor.start(&running)).await;
    for _ in 0..2 {
        bench.must("release", bench.executor.release(bench.run)).await;
    }
    let wait = bench.within("wait", bench.executor.wait(&running.key)).await;
    assert!(wait.is_err(), "{wait:?}");
    let never = RunId::new(factory.clock().new_id());
    bench.must("release", bench.executor.release(never)).await;
    bench.must("stop", bench.executor.stop(&running.key, std::time::Duration::ZERO)).await;
    bench.release().await;
}

/// Sweep removes the runs that nobody keeps, and leaves the others in peace.
pub async fn swept_runs(factory: &dyn Factory) {
    let (kept, other) = (Bench::new(factory).await, Bench::new(factory).await);
    kept.finish_script("write", "echo kept > file").await.success();
    let step = kept.script("running", "until [ -e go ]; do sleep 0.02; done; cat file");
    kept.must("start", kept.executor.start(&step)).await;
    let report = kept.must("sweep", factory.executor().sweep(&[kept.run])).await;
    assert!(report.removed.contains(&other.run) && !report.removed.contains(&kept.run), "{report:?}");
    let mut scope = other.scope();
    scope.existing = true;
    let lost = other.within("prepare", other.executor.prepare(&scope)).await;
    assert!(matches!(lost, Err(ExecutorError::WorkspaceLost { .. })), "{lost:?}");
    kept.touch("go").await;
    assert_eq!(kept.finished(&step.key).await.success(), "kept\n");
    let report = kept.must("sweep", factory.executor().sweep(&[])).await;
    assert_eq!(report.removed, vec![kept.run]);
    let report = kept.must("sweep", factory.executor().sweep(&[])).await;
    assert!(report.removed.is_empty(), "{report:?}");
}
