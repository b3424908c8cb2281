use std::fs;

use super::child::{self, Other};
use crate::store::{DataDir, SqliteStore, StoreError};

#[test]
fn a_new_folder_is_private_hidden_from_git_and_says_its_format() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("deep/er/.windlass");
    let dir = DataDir::open(&path).unwrap();
    assert_eq!(crate::disk::open_to_others(&fs::metadata(&path).unwrap()), None);
    assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
    assert_eq!(fs::read_to_string(path.join("format")).unwrap(), "Windlass data directory, format 1\n");
    assert!(dir.path().is_absolute());
    drop(dir);
    DataDir::open(&path).unwrap();
}

#[test]
fn it_has_one_owner_in_a_process() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    let dir = DataDir::open(&path).unwrap();
    let mut paths = vec![path.clone(), root.path().join("data/../data")];
    if cfg!(unix) {
        crate::disk::make_link(&path, &root.path().join("other"), true).unwrap();
        paths.push(root.path().join("other"));
    }
    for same in paths {
        match DataDir::open(&same) {
            Err(error @ StoreError::Locked { .. }) => assert!(error.to_string().contains("this process"), "{error}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(DataDir::open_read_only(&path).unwrap().is_read_only());
    assert!(matches!(DataDir::check_free(&path), Err(StoreError::Locked { .. })));
    drop(dir);
    DataDir::open(&path).unwrap();
}

#[test]
fn it_has_one_owner_among_processes() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    let mut other = Other::start("store::tests::dir::part_holds_the_folder", &path);
    other.told("HELD").unwrap();
    // Windows does not tell who it is.
    let holder = cfg!(unix).then(|| other.id());
    // A refused attempt must not take the lock away from its holder.
    for _ in 0..2 {
        match DataDir::open(&path) {
            Err(StoreError::Locked { pid, .. }) => assert_eq!(pid, holder),
            unexpected => panic!("{unexpected:?}"),
        }
    }
    // Nor must a look at who holds it.
    for _ in 0..2 {
        match DataDir::check_free(&path) {
            Err(StoreError::Locked { pid, .. }) => assert_eq!(pid, holder),
            unexpected => panic!("{unexpected:?}"),
        }
    }
    DataDir::open_read_only(&path).unwrap();
    other.end();
    DataDir::check_free(&path).unwrap();
    drop(DataDir::open(&path).unwrap());

    let mut other = Other::start("store::tests::dir::part_holds_the_folder", &path);
    other.told("HELD").unwrap();
    other.kill();
    DataDir::open(&path).unwrap();
}

#[test]
#[ignore = "a part that another test starts as a process"]
fn part_holds_the_folder() {
    let Some(folder) = child::folder() else { return };
    let _dir = DataDir::open(folder).unwrap();
    println!("HELD");
    child::wait_for_end();
}

#[test]
fn somebody_elses_folder_is_not_taken_over() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("README.md"), "mine").unwrap();
    for result in [DataDir::open(root.path()), DataDir::open_read_only(root.path())] {
        let error = result.unwrap_err();
        assert!(matches!(error, StoreError::NotADataDir { .. }), "{error:?}");
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_folder_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = DataDir::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::NotADataDir { .. }), "{error:?}");
    }
    for path in [file, root.path().join("nothing")] {
        let error = DataDir::open_read_only(&path).unwrap_err();
        assert!(matches!(error, StoreError::NotADataDir { .. }), "{error:?}");
    }
    let database = SqliteStore::open_read_only(root.path().join("nothing/windlass.db")).unwrap_err();
    assert!(matches!(database, StoreError::NotADataDir { .. }), "{database:?}");
}

#[test]
fn a_newer_format_is_left_alone_and_a_torn_one_is_damage() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    drop(DataDir::open(&path).unwrap());
    let open = |text: &str| {
        fs::write(path.join("format"), text).unwrap();
        [DataDir::open(&path).unwrap_err(), DataDir::open_read_only(&path).unwrap_err()]
    };
    for error in open("Windlass data directory, format 2\n") {
        assert!(matches!(error, StoreError::NewerFormat { found: 2, known: 1, .. }), "{error:?}");
    }
    for torn in ["", "Windlass data dir", "Windlass data directory, format ", "\u{0}\u{0}"] {
        for error in open(torn) {
            assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        }
    }
}

#[test]
fn a_first_open_that_was_interrupted_is_gone_on_with() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(".gitignore"), "").unwrap();
    fs::write(root.path().join("format.new"), "Wind").unwrap();
    DataDir::open(root.path()).unwrap();
    assert_eq!(fs::read_to_string(root.path().join(".gitignore")).unwrap(), "*\n");
}

#[test]
fn executors_have_folders_that_no_name_leads_out_of() {
    let root = tempfile::tempdir().unwrap();
    let dir = DataDir::open(root.path().join("data")).unwrap();
    let executors = dir.path().join("executors");
    let folders = ["local", "..", "../../etc", "a b", "a%20b", "", "con", "Local", &"ä".repeat(100), &"ö".repeat(100)];
    let folders: Vec<_> = folders.iter().map(|name| dir.executor_state(name)).collect();
    assert_eq!(folders[0], executors.join("local"));
    for (at, folder) in folders.iter().enumerate() {
        assert_eq!(folder.parent(), Some(executors.as_path()));
        assert!(folder.file_name().unwrap().len() < 255);
        assert!(!folders[..at].contains(folder));
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_says_so() {
    use std::os::unix::fs::PermissionsExt;

    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = root.path().join("data");
    drop(DataDir::open(&path).unwrap());
    drop(SqliteStore::open(path.join("windlass.db")).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
    for file in ["lock", "format", "windlass.db"] {
        fs::set_permissions(path.join(file), fs::Permissions::from_mode(0o444)).unwrap();
    }
    let mut other = Other::start("store::tests::dir::part_opens_without_rights", &path);
    assert_eq!(other.told("FOLDER").as_deref(), Some("read-only"));
    assert_eq!(other.told("DATABASE").as_deref(), Some("read-only"));
    assert_eq!(other.told("NEW").as_deref(), Some("read-only"));
    other.end();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
#[ignore = "a part that another test starts as a process"]
fn part_opens_without_rights() {
    let Some(folder) = child::folder() else { return };
    if nix::unistd::geteuid().is_root() {
        // Rights do not bind root. 65534 is nobody's number.
        nix::unistd::setuid(nix::unistd::Uid::from_raw(65534)).unwrap();
    }
    let say = |what: &str, error: StoreError| match error {
        StoreError::ReadOnly { .. } => println!("{what} read-only"),
        other => println!("{what} {other:?}"),
    };
    say("FOLDER", DataDir::open(&folder).unwrap_err());
    say("DATABASE", SqliteStore::open(folder.join("windlass.db")).unwrap_err());
    say("NEW", SqliteStore::open(folder.join("new.db")).unwrap_err());
}
