//! From what a run needs to objects of the cluster.

use serde_json::{Value, json};

use super::super::convert::{self, Site};
use super::super::names::Names;
use super::super::settings::PodSettings;
use super::super::shape::{Home, Shape};
use super::super::{ContainerPolicy, security};
use crate::clock::{Clock, SystemClock};
use crate::executor::{ExecutorError, StepContainer, StepOutline};
use crate::pipeline::{ContainerOptions, Isolation, Quantities, Resources, TaskId};
use crate::run::{RunId, StepKey};

struct Bench {
    names: Names,
    policy: ContainerPolicy,
    settings: PodSettings,
    run: RunId,
}

impl Bench {
    fn new(policy: ContainerPolicy, settings: PodSettings) -> Self {
        let run = RunId::new(SystemClock::resume(None).new_id());
        Self { names: Names::new("portal"), policy, settings, run }
    }

    fn pod(&self, shapes: &[Shape]) -> Value {
        let Self { names, policy, settings, run } = self;
        let site = Site { names, policy, settings, run: *run, generation: 2 };
        serde_json::to_value(convert::run_pod(&site, "owner-uid", shapes).unwrap()).unwrap()
    }

    fn outline(&self, image: &str) -> StepOutline {
        StepOutline {
            key: StepKey { run: self.run, task: TaskId::new("unit"), attempt: 1 },
            image: Some(image.to_owned()),
            container: StepContainer::default(),
            resources: Resources::default(),
            isolation: Isolation::Run,
        }
    }
}

#[test]
fn a_run_has_one_pod_that_belongs_to_its_owner_and_has_no_rights() {
    let bench = Bench::new(ContainerPolicy::default(), PodSettings::default().pull_secret("registry"));
    let pod = bench.pod(&[Shape::of(&bench.outline("app:1")).unwrap()]);
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "owner-uid");
    assert_eq!(pod["metadata"]["labels"]["windlass.dev/generation"], "2");
    let spec = &pod["spec"];
    assert_eq!(spec["restartPolicy"], "Never");
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!(spec["enableServiceLinks"], false);
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "registry"}]));
    assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let names: Vec<&str> =
        spec["containers"].as_array().unwrap().iter().filter_map(|container| container["name"].as_str()).collect();
    // What the others need is brought by the first one.
    assert_eq!(names[0], "keeper");
    let step = &spec["containers"][1];
    assert_eq!(step["image"], "app:1");
    assert_eq!(step["securityContext"]["allowPrivilegeEscalation"], false);
    assert_eq!(step["securityContext"]["privileged"], Value::Null);
    assert_eq!(step["securityContext"]["runAsUser"], Value::Null, "images that run as root work");
    // The policy's limit must not become a request.
    assert_eq!(step["resources"]["requests"]["memory"], "0");
}

#[test]
fn the_hardened_policy_gives_what_the_restricted_standard_wants() {
    let bench = Bench::new(ContainerPolicy::hardened(), PodSettings::default());
    let mut outline = bench.outline("app:1");
    outline.container.options.user = Some("1000:1000".to_owned());
    let pod = bench.pod(&[Shape::of(&outline).unwrap()]);
    assert_eq!(pod["spec"]["securityContext"]["runAsNonRoot"], true);
    for container in pod["spec"]["containers"].as_array().unwrap() {
        let context = &container["securityContext"];
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert!(context["runAsUser"].as_i64().unwrap() > 0, "{context}");
    }
}

#[test]
fn a_template_is_laid_over_every_pod() {
    let settings = PodSettings::default().node_selector("disk", "fast").service_account("builder").template(json!({
        "metadata": {"annotations": {"team": "a"}}, "spec": {"volumes": [{"name": "more", "emptyDir": {}}]},
    }));
    let bench = Bench::new(ContainerPolicy::default(), settings);
    let pod = bench.pod(&[]);
    assert_eq!(pod["spec"]["nodeSelector"], json!({"disk": "fast"}));
    assert_eq!(pod["spec"]["serviceAccountName"], "builder");
    assert_eq!(pod["metadata"]["annotations"]["team"], "a");
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    assert!(volumes.iter().any(|volume| volume["name"] == "more") && volumes.len() > 3, "{volumes:?}");
    let wrong =
        Bench::new(ContainerPolicy::default(), PodSettings::default().template(json!({"spec": {"volumes": 3}})));
    let site =
        Site { names: &wrong.names, policy: &wrong.policy, settings: &wrong.settings, run: wrong.run, generation: 1 };
    let refused = convert::run_pod(&site, "uid", &[]);
    assert!(matches!(refused, Err(ExecutorError::BadStep { code: "badPodTemplate", .. })), "{refused:?}");
}

#[test]
fn steps_share_a_container_unless_something_tells_them_apart() {
    let bench = Bench::new(ContainerPolicy::default(), PodSettings::default());
    let plain = Shape::of(&bench.outline("app:1")).unwrap();
    let mut outline = bench.outline("app:1");
    outline.key.attempt = 2;
    outline.container.options.working_folder = Some("src".to_owned());
    assert_eq!(Shape::of(&outline).unwrap().container(), plain.container());
    assert_eq!(plain.home(), Home::Anywhere);
    let mut limited = bench.outline("app:1");
    limited.resources.limits = Quantities { cpu: None, memory: Some("1Gi".to_owned()) };
    let limited = Shape::of(&limited).unwrap();
    assert_ne!(limited.container(), plain.container());
    assert_eq!(limited.home(), Home::Early);
    let mut hosts = bench.outline("app:1");
    hosts.container.options.hosts.insert("db".to_owned(), "10.0.0.1".to_owned());
    assert_eq!(Shape::of(&hosts).unwrap().home(), Home::Own);
    let mut no_image = bench.outline("app:1");
    no_image.image = None;
    assert!(matches!(Shape::of(&no_image), Err(ExecutorError::BadStep { code: "noImage", .. })));
}

#[test]
fn what_the_policy_or_a_cluster_does_not_have_is_refused_beforehand() {
    let options = |options: ContainerOptions| {
        security::check(&ContainerPolicy::default(), &StepContainer { options, services: Vec::new() })
    };
    let refused = |found: Result<(), ExecutorError>| match found {
        Err(ExecutorError::BadStep { code, .. }) => code,
        Err(ExecutorError::Unsupported { .. }) => "unsupported",
        other => panic!("it was not refused: {other:?}"),
    };
    let default = ContainerOptions::default;
    assert_eq!(refused(options(ContainerOptions { privileged: true, ..default() })), "policyRefused");
    assert_eq!(refused(options(ContainerOptions { user: Some("web".to_owned()), ..default() })), "userByName");
    assert_eq!(refused(options(ContainerOptions { network: Some("none".to_owned()), ..default() })), "unsupported");
    assert_eq!(refused(options(ContainerOptions { network: Some("host".to_owned()), ..default() })), "policyRefused");
    assert_eq!(refused(options(ContainerOptions { devices: vec!["/dev/kvm".to_owned()], ..default() })), "unsupported");
    for fine in ["0", "root", "1000", "1000:1000"] {
        options(ContainerOptions { user: Some(fine.to_owned()), ..default() }).unwrap();
    }
}
