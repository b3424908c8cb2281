//! The set-up itself.

use windlass_tests::docker::{Daemon, DaemonOptions, OnRestart, Site};

#[test]
fn images_run_and_go_to_the_open_registry() {
    let site = Site::find();
    assert_eq!(site.docker(&["run", "--rm", "--network=none", &site.images.busybox, "id", "-u"]), "0");
    let version =
        site.docker(&["run", "--rm", "--network=none", &site.images.debian, "bash", "-c", "apt-get --version"]);
    assert!(version.starts_with("apt "), "{version}");
    let image = format!("{}/{}:1", site.registries.open, site.fresh("set-up"));
    site.docker(&["tag", &site.images.busybox, &image]);
    site.docker(&["push", "--quiet", &image]);
    site.docker(&["rmi", &image]);
}

#[test]
fn an_engine_of_ones_own_may_be_killed_and_its_containers_go_on_or_end() {
    let site = Site::find();
    for (on_restart, left) in [(OnRestart::GoOn, "one"), (OnRestart::End, "")] {
        let mut daemon = Daemon::start(&site, DaemonOptions { on_restart, ..DaemonOptions::default() });
        daemon.docker(&["run", "--detach", "--network=none", "--name=one", &site.images.busybox, "sleep", "1000"]);
        daemon.kill();
        daemon.begin();
        assert_eq!(daemon.docker(&["ps", "--format={{.Names}}"]), left, "{on_restart:?}");
    }
}

#[test]
fn an_engine_of_ones_own_may_have_a_small_disk() {
    let site = Site::find();
    let daemon = Daemon::start(&site, DaemonOptions { disk: Some(32 << 20), ..DaemonOptions::default() });
    let fill = "dd if=/dev/zero of=/file bs=1M count=64 2>&1; true";
    let said = daemon.docker(&["run", "--network=none", &site.images.busybox, "sh", "-c", fill]);
    assert!(said.contains("No space left on device"), "{said}");
}
