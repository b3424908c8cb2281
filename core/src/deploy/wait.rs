//! Waiting until objects are as they shall be.

use std::time::Duration;

use serde_json::Value;

use super::apply;
use super::objects::Target;
use super::progress::Progress;
use super::state::{RolloutState, is_waited_for};
use super::stuck;
use crate::clock::SharedClock;
use crate::cluster::Cluster;
use crate::explain::{ClusterFailure, FailureClass, code};
use crate::run::Elapsed;

/// How often the cluster is asked.
const EVERY: Duration = Duration::from_millis(400);
/// How often it is asked why something does not go on.
const LOOKS: u32 = 5;

/// Until when a rollout is waited for, by which clock, and who is told.
pub(super) struct Waiting<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) clock: &'a SharedClock,
    pub(super) progress: &'a dyn Progress,
    pub(super) until: Elapsed,
    pub(super) limit: Duration,
}

impl Waiting<'_> {
    /// Waits until an object is as it shall be, with a line for each step on the way.
    pub(super) async fn wait(&self, target: &Target) -> Result<(), ClusterFailure> {
        if !is_waited_for(target.manifest.kind()) {
            return Ok(());
        }
        let mut told = String::new();
        let mut looks = 0;
        loop {
            let object = match apply::look(target).await {
                Ok(Some(object)) => object,
                Ok(None) => return Err(gone(target)),
                // The API server may be away for a while; the rollout goes on without it.
                Err(failure) if failure.class == FailureClass::Infrastructure && !self.is_over() => {
                    self.tell(target, &mut told, &format!("{}; waiting for the API server", failure.message)).await;
                    self.pause().await;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let going = match RolloutState::of(&object) {
                RolloutState::Done if told.is_empty() => return Ok(()),
                RolloutState::Done => {
                    self.progress.line(&format!("{}: ready", target.title())).await;
                    return Ok(());
                }
                RolloutState::Failed(why) => return Err(self.explained(&object, &why).await),
                RolloutState::Going(going) => going,
            };
            if self.is_over() {
                let how = format!("it is not there after {}: {going}", humantime::format_duration(self.limit));
                return Err(self.explained(&object, &how).await);
            }
            self.tell(target, &mut told, &going).await;
            looks += 1;
            if looks % LOOKS == 0 {
                let explanation = stuck::explain(self.cluster, &object, &going).await;
                if explanation.hopeless {
                    return Err(self.explained(&object, &going).await);
                }
            }
            self.pause().await;
        }
    }

    async fn tell(&self, target: &Target, told: &mut String, line: &str) {
        if told != line {
            self.progress.line(&format!("{}: {line}", target.title())).await;
            line.clone_into(told);
        }
    }

    async fn explained(&self, object: &Value, how: &str) -> ClusterFailure {
        let explanation = stuck::explain(self.cluster, object, how).await;
        for line in &explanation.lines {
            self.progress.line(line).await;
        }
        explanation.failure
    }

    fn is_over(&self) -> bool {
        self.clock.now().elapsed >= self.until
    }

    async fn pause(&self) {
        self.clock.sleep_until(self.clock.now().elapsed + EVERY).await;
    }
}

fn gone(target: &Target) -> ClusterFailure {
    let message = format!("{}: somebody deleted it while it was waited for", target.title());
    ClusterFailure::failed(
        code::NOT_IN_CLUSTER,
        message,
        "Look who did (the audit log of the cluster), and deploy again.",
    )
}
