//! Figures, printed when asked for: `cargo test -p windlass --lib latency -- --ignored --nocapture`.

use std::process::{Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;

use super::support::{Local, script};
use crate::executor::Executor;

const ROUNDS: usize = 200;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}

fn floor(shell: &str) -> Duration {
    let round = || {
        let start = now();
        let status = Command::new(shell).args(["-c", "true"]).stdin(Stdio::null()).status().unwrap();
        assert!(status.success());
        start.elapsed()
    };
    median((0..ROUNDS).map(|_| round()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn latency() {
    // As the engine does it: on a thread of the runtime.
    tokio::spawn(measure()).await.unwrap();
}

async fn measure() {
    let local = Local::new();
    let (executor, run) = local.ready().await;
    for shell in ["sh", "bash"] {
        let mut steps = Vec::new();
        for round in 0..ROUNDS {
            let step = script(run, &format!("{shell} {round}"), "true\n", Some(shell));
            let start = now();
            executor.start(&step).await.unwrap();
            executor.wait(&step.key).await.unwrap();
            steps.push(start.elapsed());
        }
        println!("{shell}: floor {:?}, no-op step {:?}", floor(&format!("/bin/{shell}")), median(steps));
    }
    let mut first = Vec::new();
    for round in 0..ROUNDS {
        let step = script(run, &format!("byte {round}"), "echo x; sleep 0.005\n", Some("sh"));
        let start = now();
        executor.start(&step).await.unwrap();
        executor.logs(&step.key, 0).next().await.unwrap().unwrap();
        first.push(start.elapsed());
        executor.wait(&step.key).await.unwrap();
    }
    println!("first byte of the log {:?} after the start", median(first));
    let steps: Vec<_> =
        (0..100).map(|number| script(run, &format!("parallel {number}"), "true\n", Some("sh"))).collect();
    let start = now();
    futures::future::join_all(steps.iter().map(|step| async {
        executor.start(step).await.unwrap();
        executor.wait(&step.key).await.unwrap();
    }))
    .await;
    println!("100 parallel no-op steps: {:?} each", start.elapsed() / 100);
    let line = "x".repeat(92);
    let step = script(run, "much", &format!("seq -f '%010.0f{line}' 1 1000000"), Some("sh"));
    let start = now();
    executor.start(&step).await.unwrap();
    let (mut bytes, mut pieces, mut log) = (0, 0, executor.logs(&step.key, 0));
    while let Some(chunk) = log.next().await {
        bytes += chunk.unwrap().bytes.len();
        pieces += 1;
    }
    println!("{bytes} bytes in {pieces} pieces: {:?}", start.elapsed());
    let start = now();
    executor.release(run).await.unwrap();
    println!("release: {:?}", start.elapsed());
}
