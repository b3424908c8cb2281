//! What the cluster says of pods, in lines for those who read the logs of their steps. Pure.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Event, Pod};

use super::convert::{SERVICES, service_name};
use super::status::{ended_pod, statuses, told};

/// What is not told: that a pull secret of a step that has not come yet is not there yet.
const UNTOLD: &[&str] = &["FailedToRetrieveImagePullSecret"];

/// Something that the cluster says of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct News {
    pub(super) pod: String,
    /// The container of which it is said; `None` when it concerns the pod.
    pub(super) container: Option<String>,
    /// By the clock of the cluster.
    at: Option<Timestamp>,
    text: String,
}

impl News {
    /// For the log of a step.
    pub(super) fn line(&self) -> String {
        match self.at {
            Some(at) => format!("{} {}", whole_seconds(at), self.text),
            None => self.text.clone(),
        }
    }

    /// The same, whenever it was said.
    pub(super) fn without_time(&self) -> Self {
        Self { at: None, ..self.clone() }
    }
}

/// Nodes tell no parts of seconds.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// What an event says, when it is of a pod.
pub(super) fn of_event(event: &Event) -> Option<News> {
    let object = &event.involved_object;
    let reason = event.reason.as_deref().unwrap_or("Event");
    if object.kind.as_deref() != Some("Pod") || UNTOLD.contains(&reason) {
        return None;
    }
    let at = event.last_timestamp.as_ref().or(event.first_timestamp.as_ref()).map(|time| time.0);
    let at = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0).or(at);
    let at = at.or(event.event_time.as_ref().map(|time| time.0));
    let message = event.message.as_deref().unwrap_or_default();
    let words: Vec<&str> = message.split_whitespace().collect();
    Some(News {
        pod: object.name.clone()?,
        container: object.field_path.as_deref().and_then(container_of),
        at,
        text: format!("{reason}: {}", words.join(" ")),
    })
}

/// The container that a node says it has started, with the uid of its pod.
pub(super) fn started(event: &Event) -> Option<(&str, String)> {
    let object = &event.involved_object;
    let of_pod = object.kind.as_deref() == Some("Pod") && event.reason.as_deref() == Some("Started");
    let container = object.field_path.as_deref().and_then(container_of).filter(|_| of_pod)?;
    Some((object.uid.as_deref()?, container))
}

/// The container in a path such as `spec.containers{unit}`.
fn container_of(path: &str) -> Option<String> {
    let (_, name) = path.split_once('{')?;
    Some(name.strip_suffix('}')?.to_owned())
}

/// What became of a pod since it was looked at before.
pub(super) fn of_change(before: Option<&Pod>, now: &Pod) -> Vec<News> {
    let pod = now.metadata.name.clone().unwrap_or_default();
    let of_pod = |at, text| News { pod: pod.clone(), container: None, at, text };
    let mut news = Vec::new();
    let removed = |pod: &Pod| pod.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    if let Some(at) = removed(now).filter(|_| before.and_then(removed).is_none()) {
        let grace = now.metadata.deletion_grace_period_seconds.unwrap_or_default();
        let at = at.checked_sub(jiff::SignedDuration::from_secs(grace)).unwrap_or(at);
        news.push(of_pod(Some(at), "Deleted: the pod of the step is being removed".to_owned()));
    }
    let over = |pod: &Pod| pod.status.as_ref().and_then(ended_pod);
    let ended_before = before.map(ends).unwrap_or_default();
    let mut last = None;
    for (container, ended) in ends(now) {
        let at = ended.finished_at.as_ref().map(|time| time.0);
        last = last.max(at);
        if ended_before.iter().all(|(name, _)| *name != container) {
            let reason = ended.reason.as_deref().unwrap_or("Ended");
            let text = match service_of(now, container) {
                Some(service) => format!("{reason}: the service {service} ended with exit code {}", ended.exit_code),
                None => format!("{reason}: {}", told(ended)),
            };
            news.push(News { pod: pod.clone(), container: Some(container.to_owned()), at, text });
        }
    }
    if let Some(why) = over(now).filter(|_| before.and_then(over).is_none()) {
        let reason = now.status.as_ref().and_then(|status| status.reason.as_deref()).unwrap_or("Over");
        news.push(of_pod(last, format!("{reason}: {why}")));
    }
    news
}

/// The service that a container of a step's pod is.
fn service_of(pod: &Pod, container: &str) -> Option<String> {
    let services: Vec<String> = serde_json::from_str(pod.metadata.annotations.as_ref()?.get(SERVICES)?).ok()?;
    let mut names = services.into_iter().enumerate();
    names.find(|(at, _)| service_name(*at) == container).map(|(_, name)| name)
}

/// The containers that have ended, with how.
fn ends(pod: &Pod) -> Vec<(&str, &ContainerStateTerminated)> {
    let all = pod.status.iter().flat_map(statuses);
    all.filter_map(|status| Some((status.name.as_str(), status.state.as_ref()?.terminated.as_ref()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_told_in_the_clusters_words_with_its_time() {
        let event: Event = serde_json::from_value(json!({
            "metadata": {"name": "e"}, "reason": "Pulling", "message": "Pulling image \"app:1\"",
            "lastTimestamp": "2026-11-29T06:31:47Z",
            "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.ephemeralContainers{s-1}"},
        }))
        .unwrap();
        let news = of_event(&event).unwrap();
        assert_eq!((news.pod.as_str(), news.container.as_deref()), ("p", Some("s-1")));
        assert_eq!(news.line(), "2026-11-29T06:31:47Z Pulling: Pulling image \"app:1\"");
    }

    #[test]
    fn only_a_node_says_that_a_container_has_started() {
        let event = |kind: &str, reason: &str, path: Option<&str>| -> Event {
            let object = json!({"kind": kind, "name": "p", "uid": "u", "fieldPath": path});
            serde_json::from_value(json!({"metadata": {"name": "e"}, "reason": reason, "involvedObject": object}))
                .unwrap()
        };
        let path = Some("spec.containers{s-1}");
        assert_eq!(started(&event("Pod", "Started", path)), Some(("u", "s-1".to_owned())));
        assert_eq!(started(&event("Pod", "Created", path)), None);
        assert_eq!(started(&event("Pod", "Started", None)), None);
        assert_eq!(started(&event("Job", "Started", path)), None);
    }

    #[test]
    fn the_scheduler_has_another_clock_and_writes_more_than_one_line() {
        let event: Event = serde_json::from_value(json!({
            "metadata": {"name": "e"}, "reason": "FailedScheduling", "message": "0/1 nodes are available:\n1 is full.",
            "eventTime": "2026-11-29T06:31:47.123456Z", "involvedObject": {"kind": "Pod", "name": "p"},
        }))
        .unwrap();
        let news = of_event(&event).unwrap();
        assert_eq!(news.container, None);
        assert_eq!(news.line(), "2026-11-29T06:31:47Z FailedScheduling: 0/1 nodes are available: 1 is full.");
        let of_node = Event {
            involved_object: k8s_openapi::api::core::v1::ObjectReference {
                kind: Some("Node".to_owned()),
                ..Default::default()
            },
            ..event
        };
        assert_eq!(of_event(&of_node), None);
    }

    #[test]
    fn what_becomes_of_a_pod_is_told_once() {
        let pod = |deleted: bool, state: serde_json::Value, status: serde_json::Value| -> Pod {
            let mut status = status;
            status["containerStatuses"] = json!([{"name": "s-1", "image": "app:1", "imageID": "", "ready": false,
                "restartCount": 0, "state": state}]);
            let mut metadata = json!({"name": "p"});
            if deleted {
                metadata["deletionTimestamp"] = json!("2026-11-29T06:31:48Z");
                metadata["deletionGracePeriodSeconds"] = json!(1);
            }
            serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap()
        };
        let lines = |before: Option<&Pod>, now: &Pod| -> Vec<String> {
            of_change(before, now).iter().map(News::line).collect()
        };
        let runs = pod(false, json!({"running": {}}), json!({"phase": "Running"}));
        assert!(lines(None, &runs).is_empty());
        let oom = json!({"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-29T06:31:50Z"}});
        let killed = pod(false, oom.clone(), json!({"phase": "Running"}));
        let line = "2026-11-29T06:31:50Z OOMKilled: its container was killed, out of memory";
        assert_eq!(lines(Some(&runs), &killed), [line]);
        assert!(lines(Some(&killed), &killed).is_empty());
        let evicted = pod(false, oom, json!({"phase": "Failed", "reason": "Evicted", "message": "the disk is full"}));
        let line = "2026-11-29T06:31:50Z Evicted: its pod failed (Evicted): the disk is full";
        assert_eq!(lines(Some(&killed), &evicted), [line]);
        let mut beside = killed.clone();
        beside.metadata.annotations = Some([(SERVICES.to_owned(), r#"["db"]"#.to_owned())].into());
        for status in beside.status.iter_mut().flat_map(|status| &mut status.container_statuses).flatten() {
            "service-0".clone_into(&mut status.name);
        }
        assert_eq!(lines(None, &beside), ["2026-11-29T06:31:50Z OOMKilled: the service db ended with exit code 137"]);
        let deleted = pod(true, json!({"running": {}}), json!({"phase": "Running"}));
        let line = "2026-11-29T06:31:47Z Deleted: the pod of the step is being removed";
        assert_eq!(lines(Some(&runs), &deleted), [line]);
    }
}
