//! What the Docker engine tells by itself, in the log of the step that it concerns.

use crate::house::{House, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_the_kernel_ended_for_want_of_memory_is_told_while_its_step_goes_on() {
    let house = House::new().await;
    let script =
        "(head -c 300000000 /dev/zero | tail >/dev/null) || true; until [ -e go ]; do sleep 0.05; done; echo on";
    let task = format!("{{name: t, image: BUSYBOX, script: \"{script}\", resources: {{limits: {{memory: 48Mi}}}}}}");
    let run = house.start(&[&task]).await;
    const TOLD: &str = "[windlass] the kernel ended a process of the container for want of memory\n";
    until("it is told", async || {
        let log = run.logs("t").await.unwrap_or_default();
        String::from_utf8_lossy(&log).contains(TOLD)
    })
    .await;
    let filter = format!("label=dev.windlass.run={}", run.id());
    let container = house.docker(&["ps", "--quiet", "--filter", &filter]);
    house.docker(&["exec", &container, "touch", "/workspace/go"]);
    assert!(run.wait().await.unwrap().succeeded());
    let log = run.logs("t").await.unwrap();
    assert!(String::from_utf8_lossy(&log).ends_with("on\n"), "{log:?}");
}
