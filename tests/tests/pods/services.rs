//! Containers beside a step, and what they said.

use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_said_stands_behind_the_log_of_its_step_also_when_it_does_not_end() {
    let house = House::new().await;
    let service = |name: &str, script: &str| format!("{{name: {name}, image: IMAGE, command: [sh, -c, \"{script}\"]}}");
    let ends = service("ends", "trap 'echo goodbye; exit 0' TERM; echo up; while :; do sleep 0.1; done");
    let stays = service("stays", "trap '' TERM; echo here; while :; do sleep 0.1; done");
    let task = format!("{{name: t, image: IMAGE, script: echo in, services: [{ends}, {stays}]}}");
    let log = house.run(&[&task]).await.success("t").await;
    let own: Vec<&str> = log.lines().filter(|line| !line.starts_with("[windlass] ") && !line.is_empty()).collect();
    assert_eq!(own, ["in", "[ends] up", "[ends] goodbye", "[stays] here"], "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_get_ready_is_told_with_what_it_said() {
    let house = House::new().await;
    let task = "{name: t, image: IMAGE, script: \"true\", services: [{name: db, image: IMAGE, \
                command: [sh, -c, \"echo no disk; exit 3\"], health: {command: \"true\"}}]}";
    let outcome = house.run(&[task]).await;
    let (code, message, _) = outcome.cause("t");
    assert_eq!(code, "serviceNotReady", "{message}");
    assert!(message.contains("exit code 3") && message.contains("no disk"), "{message}");
    assert!(outcome.log("t").await.contains("[db] no disk\n"), "{}", outcome.log("t").await);
}
