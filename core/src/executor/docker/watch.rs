//! What the Docker engine tells of a run's containers by itself, for those who read the logs of its steps.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;

use super::Shared;
use super::live::Live;
use super::names::{KIND, Kind, Names, SERVICE, STEP};
use crate::executor::ExecutorError;
use crate::run::{RunId, StepKey};

/// The pause before the engine is asked again that did not answer.
const PAUSE: Duration = Duration::from_secs(1);

impl Shared {
    /// Listens as long as the run is known here.
    pub(super) fn watch(self: &Arc<Self>, run: RunId, live: &Arc<Live>) {
        let (shared, listening) = (Arc::downgrade(self), Arc::downgrade(live));
        live.watch(|| tokio::spawn(listen(shared, run, listening)).abort_handle());
    }

    fn events_of(&self, run: RunId) -> Result<HashMap<String, Vec<String>>, ExecutorError> {
        let mut filters = Names::filter(self.names()?, Some(run));
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        filters.insert("event".to_owned(), ["oom", "die", "destroy"].map(str::to_owned).to_vec());
        Ok(filters)
    }
}

async fn listen(shared: Weak<Shared>, run: RunId, live: Weak<Live>) {
    let mut answers = true;
    loop {
        let (Some(here), Some(known)) = (shared.upgrade(), live.upgrade()) else { return };
        let (docker, filters) = (here.connection.docker().await, here.events_of(run));
        let (Ok(docker), Ok(filters)) = (docker, filters) else { return };
        let (docker, clock) = (docker.clone(), here.clock.clone());
        if !answers && docker.ping().await.is_ok() {
            answers = true;
            to_all(&known, "the Docker engine answers again");
        }
        drop((here, known));
        if answers {
            let mut events = docker.events(Some(EventsOptionsBuilder::new().filters(&filters).build())).boxed();
            while let Some(Ok(event)) = events.next().await {
                let Some(known) = live.upgrade() else { return };
                told(&known, &event);
            }
            answers = docker.ping().await.is_ok();
            if let Some(known) = live.upgrade().filter(|_| !answers) {
                to_all(&known, "the Docker engine does not answer; the step may go on without it");
            }
        }
        clock.sleep_until(clock.now().elapsed + PAUSE).await;
    }
}

fn to_all(live: &Live, line: &str) {
    let steps: Vec<StepKey> = live.steps().keys().cloned().collect();
    for step in steps {
        live.say(&step, line);
    }
}

/// Tells those whom an event concerns.
fn told(live: &Live, event: &EventMessage) {
    let Some(actor) = &event.actor else { return };
    let none = HashMap::new();
    let attributes = actor.attributes.as_ref().unwrap_or(&none);
    let attribute = |name: &str| attributes.get(name).map_or("", String::as_str);
    let action = event.action.as_deref().unwrap_or_default();
    if attribute(KIND) == Kind::Service.word() {
        let Some(step) = live.served_step(attribute(STEP)) else { return };
        if let Some(line) = of_service(action, attribute(SERVICE), attribute("exitCode")) {
            live.say(&step, line);
        }
        return;
    }
    let Some(line) = of_steps(action, attribute("exitCode")) else { return };
    let id = actor.id.as_deref().unwrap_or_default();
    let there: Vec<StepKey> = {
        let steps = live.steps();
        let here = steps.iter().filter(|(_, container)| id.starts_with(container.name()));
        here.map(|(step, _)| step.clone()).collect()
    };
    for step in there {
        live.say(&step, line.clone());
    }
}

fn of_service(action: &str, name: &str, code: &str) -> Option<String> {
    match action {
        "oom" => Some(format!("the service {name} ran out of memory")),
        "die" => Some(format!("the service {name} ended with exit code {code}")),
        _ => None,
    }
}

fn of_steps(action: &str, code: &str) -> Option<String> {
    match action {
        "oom" => Some("the kernel ended a process of the container for want of memory".to_owned()),
        "die" => Some(format!("the container of the step ended with exit code {code}")),
        "destroy" => Some("the container of the step was removed".to_owned()),
        _ => None,
    }
}
