//! A run that asks a person, and goes on with the answer.
//!
//! ```text
//! cargo run -p windlass-examples --bin approval -- .windlass yes
//! cargo run -p windlass-examples --bin approval -- .windlass no
//! ```

use std::process::ExitCode;
use std::time::Duration;

use windlass::pipeline::Problems;
use windlass::{Engine, EventKind, Pipeline, RunRequest, Stage, Task};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn pipeline() -> Result<Pipeline, Problems> {
    Pipeline::builder("rollout")
        .stage(
            Stage::sequential("Build")
                .task(Task::script("build", "echo \"IMAGE=shop:42\" >> \"$WINDLASS_OUTPUT\"").output("IMAGE")),
        )
        .stage(
            Stage::sequential("Deploy")
                // Nobody answers for a day: the task has timed out, and the run fails.
                .task(Task::approve("sign-off", "Ship ${build.IMAGE}?").timeout(DAY))
                .task(Task::script("deploy", "echo \"deploying $IMAGE\"").env("IMAGE", "${build.IMAGE}")),
        )
        .finally(Task::script("report", "echo \"the rollout has $WINDLASS_STATUS\""))
        .build()
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = arguments.next().unwrap_or_else(|| ".windlass".to_owned());
    let yes = arguments.next().is_none_or(|answer| answer == "yes");

    let engine = Engine::builder().data_dir(data_dir).open().await?;
    let run = engine.start(&pipeline()?, RunRequest::manual().actor("ana")).await?;
    let mut events = run.events().await?;
    while let Some(event) = events.next().await? {
        // While it waits the run holds no slot and its timeout stands still. The process may end here: who opens the data
        // directory next can answer.
        if let EventKind::ApprovalRequested { task, message, .. } = &event.kind {
            println!("{message} {}", if yes { "Yes." } else { "No." });
            match yes {
                true => run.approve(task.as_str(), "ben", "the numbers look good").await?,
                false => run.reject(task.as_str(), "ben", "not on a Friday").await?,
            }
        }
        if let EventKind::ApprovalDecided { by, reason, .. } = &event.kind {
            println!("{by}: {reason}");
        }
    }

    let outcome = run.wait().await?;
    for task in outcome.tasks.iter().filter(|task| task.attempts > 0) {
        print!("{}", String::from_utf8_lossy(&run.logs(task.task.as_str()).await?));
    }
    if let Some(cause) = &outcome.cause {
        println!("{}", cause.message);
    }
    engine.close().await?;
    Ok(if outcome.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
