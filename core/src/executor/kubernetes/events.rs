//! What the cluster says of the installation's pods by itself, for those who read the logs of their steps.
//!
//! It is told as it comes, and nothing depends on it: what is said while nobody listens is not asked for again. That a container
//! has started is known earlier by it, see [`reached`](super::Shared::reached).

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};

use super::live::Runs;
use super::names::{Names, run_of};
use super::news;
use super::reach::{Way, status};
use super::watch::Known;
use crate::clock::SharedClock;

/// The pause before the cluster is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause after it refused to tell.
const LONG_PAUSE: Duration = Duration::from_secs(60);
/// After so long without a word somebody asks whether the cluster is still there.
const QUIET: Duration = Duration::from_secs(20);
/// How long it may take to answer that.
const PATIENCE: Duration = Duration::from_secs(10);
/// Only such events are of interest.
const OF_PODS: &str = "involvedObject.kind=Pod";

/// Who listens.
#[derive(Debug)]
pub(super) struct Ear {
    pub(super) way: Arc<Way>,
    pub(super) names: Names,
    pub(super) runs: Arc<Runs>,
    pub(super) clock: SharedClock,
}

/// The events, and the place in them from which on they are heard.
pub(super) type Place = (Api<Event>, String);

/// Why nothing is heard.
pub(super) enum Deaf {
    /// The cluster does not let us hear.
    Refused,
    /// It does not answer.
    Silent,
}

/// Listens as long as it is not aborted, from a place on that was found before there was anything to be heard.
pub(super) async fn follow(ear: Ear, pods: Arc<Known>, mut begun: Result<Place, Deaf>) {
    let mut answers = true;
    loop {
        let pause = match begun {
            Ok((events, version)) => {
                if !std::mem::replace(&mut answers, true) {
                    ear.runs.tell_all("the cluster answers again");
                }
                ear.listen(&pods, &events, version).await;
                PAUSE
            }
            Err(Deaf::Refused) => LONG_PAUSE,
            Err(Deaf::Silent) => {
                if std::mem::replace(&mut answers, false) {
                    ear.runs.tell_all("the API server of the cluster does not answer; the step may go on without it");
                }
                PAUSE
            }
        };
        ear.clock.sleep_until(ear.clock.now().elapsed + pause).await;
        begun = ear.begin().await;
    }
}

impl Ear {
    /// The place in the events from which on they are heard: now.
    pub(super) async fn begin(&self) -> Result<Place, Deaf> {
        let events = self.way.events().await.map_err(|_| Deaf::Silent)?;
        let parameters = ListParams::default().fields(OF_PODS).limit(1);
        match self.within(PATIENCE, events.list(&parameters)).await {
            Some(Ok(found)) => Ok((events, found.metadata.resource_version.unwrap_or_default())),
            Some(Err(error)) if status(&error).is_some() => {
                tracing::debug!(%error, "the cluster does not tell what happens to pods");
                Err(Deaf::Refused)
            }
            Some(Err(_)) | None => Err(Deaf::Silent),
        }
    }

    /// Listens until the connection breaks, or the cluster has forgotten the place.
    async fn listen(&self, pods: &Known, events: &Api<Event>, mut version: String) {
        loop {
            let parameters = WatchParams::default().fields(OF_PODS);
            let Ok(told) = events.watch(&parameters, &version).await else { return };
            let mut told = pin!(told);
            loop {
                let next = self.within(QUIET, told.next()).await;
                match next {
                    Some(Some(Ok(WatchEvent::Added(event) | WatchEvent::Modified(event)))) => {
                        version = event.metadata.resource_version.clone().unwrap_or(version);
                        self.hear(pods, &event);
                    }
                    Some(Some(Ok(WatchEvent::Bookmark(mark)))) => version = mark.metadata.resource_version,
                    Some(Some(Ok(WatchEvent::Deleted(_)))) => {}
                    Some(Some(Ok(WatchEvent::Error(_)) | Err(_))) => return,
                    // It ends from time to time.
                    Some(None) => break,
                    None if self.is_there().await => {}
                    None => return,
                }
            }
        }
    }

    fn hear(&self, pods: &Known, event: &Event) {
        let Some(pod) = event.involved_object.name.as_deref() else { return };
        // A pod that a run took over has the name of an older one.
        let of_pod = pods.get(pod).and_then(|pod| run_of(&pod.metadata));
        let Some(run) = of_pod.or_else(|| self.names.run_of_pod(pod)) else { return };
        let Some(live) = self.runs.known(run) else { return };
        if let Some((pod, container)) = news::started(event) {
            live.hear_start(pod, container);
        }
        if let Some(news) = news::of_event(event) {
            live.hear(news);
        }
    }

    async fn is_there(&self) -> bool {
        let Ok(cluster) = self.way.cluster().await else { return false };
        matches!(self.within(PATIENCE, cluster.client().apiserver_version()).await, Some(Ok(_)))
    }

    async fn within<T>(&self, limit: Duration, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = what => Some(done),
            () = self.clock.sleep_until(self.clock.now().elapsed + limit) => None,
        }
    }
}
