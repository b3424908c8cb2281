//! From what a run needs to objects of the cluster.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::convert::{self, Site};
use super::super::names::Names;
use super::super::pull::{names_secret, pull_of};
use super::super::settings::PodSettings;
use super::super::shape::{Home, Shape};
use super::super::{ContainerPolicy, security};
use crate::clock::{Clock, SystemClock};
use crate::executor::{Command, ExecutorError, StepContainer, StepOutline, StepSecrets, StepService, StepSpec};
use crate::pipeline::{ContainerOptions, CredentialName, Isolation, Quantities, Resources, TaskId, WorkspaceUse};
use crate::run::{RunId, StepKey};
use crate::secret::Credential;

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

    fn site(&self) -> Site<'_> {
        let Self { names, policy, settings, run } = self;
        Site { names, policy, settings, run: *run, generation: 2 }
    }

    fn pod(&self, shapes: &[Shape]) -> Value {
        serde_json::to_value(convert::run_pod(&self.site(), "owner-uid", shapes, &[]).unwrap()).unwrap()
    }

    fn step(&self, image: &str) -> StepSpec {
        StepSpec {
            key: StepKey { run: self.run, task: TaskId::new("unit"), attempt: 1 },
            generation: 2,
            resumed: false,
            command: Command::Script { text: "true".to_owned(), shell: None },
            env: BTreeMap::new(),
            secrets: StepSecrets::default(),
            image: Some(image.to_owned()),
            container: StepContainer::default(),
            resources: Resources::default(),
            isolation: Isolation::Run,
            workspace: WorkspaceUse::Shared,
        }
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
    let refused = convert::run_pod(&site, "uid", &[], &[]);
    assert!(matches!(refused, Err(ExecutorError::BadStep { code: "badPodTemplate", .. })), "{refused:?}");
}

#[test]
fn a_template_for_steps_is_laid_over_their_containers_also_over_those_that_come_late() {
    let settings = PodSettings::default()
        .cache_claim("pip", "/root/.cache/pip")
        .step_template(json!({"env": [{"name": "A", "value": "1"}], "resources": {"limits": {"nvidia.com/gpu": "1"}}}));
    let bench = Bench::new(ContainerPolicy::default(), settings);
    let shape = Shape::of(&bench.outline("app:1")).unwrap();
    let pod = bench.pod(std::slice::from_ref(&shape));
    let (keeper, step) = (&pod["spec"]["containers"][0], &pod["spec"]["containers"][1]);
    assert_eq!(keeper["env"], Value::Null);
    assert_eq!(step["env"], json!([{"name": "A", "value": "1"}]));
    assert_eq!(step["resources"]["limits"]["nvidia.com/gpu"], "1");
    let mounts = |container: &Value| -> Vec<String> {
        let all = container["volumeMounts"].as_array().unwrap();
        all.iter().filter_map(|mount| mount["mountPath"].as_str()).map(str::to_owned).collect()
    };
    let volume = pod["spec"]["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|volume| volume["name"] != "bin" && volume["persistentVolumeClaim"]["claimName"] == "pip");
    assert!(volume.is_some(), "{pod}");
    let late = serde_json::to_value(convert::late_container(&bench.site(), &shape).unwrap()).unwrap();
    assert_eq!(late["env"], step["env"]);
    assert_eq!(mounts(&late), mounts(step));
    assert!(mounts(&late).contains(&"/root/.cache/pip".to_owned()), "{late}");
    let secrets =
        late["volumeMounts"].as_array().unwrap().iter().find(|mount| mount["mountPath"] == "/.windlass/secrets");
    assert_eq!(secrets.unwrap()["name"], "secrets-late");
}

#[test]
fn what_the_embedder_says_of_pods_is_in_them() {
    let settings = PodSettings::default()
        .priority_class("low")
        .runtime_class("gvisor")
        .fs_group(2000)
        .run_as(1000, 1001)
        .workspace_claim(Some("fast"), "10Gi");
    let spec = &Bench::new(ContainerPolicy::default(), settings).pod(&[])["spec"];
    assert_eq!((&spec["priorityClassName"], &spec["runtimeClassName"]), (&json!("low"), &json!("gvisor")));
    let context = &spec["securityContext"];
    assert_eq!(
        (&context["fsGroup"], &context["runAsUser"], &context["runAsGroup"]),
        (&json!(2000), &json!(1000), &json!(1001))
    );
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    let volumes = spec["volumes"].as_array().unwrap();
    let workspaces: Vec<&Value> = volumes.iter().filter(|volume| volume["name"] == "workspace").collect();
    let claim = &workspaces[0]["ephemeral"]["volumeClaimTemplate"]["spec"];
    assert_eq!(
        (&claim["storageClassName"], &claim["resources"]["requests"]["storage"]),
        (&json!("fast"), &json!("10Gi"))
    );
    assert_eq!((workspaces.len(), &workspaces[0]["emptyDir"]), (1, &Value::Null));
}

#[test]
fn a_private_image_comes_late_into_the_pod_of_its_run_with_a_secret_of_its_own() {
    let bench = Bench::new(ContainerPolicy::default(), PodSettings::default());
    let mut outline = bench.outline("registry.example.com/app:1");
    outline.container.options.credential = Some(CredentialName::new("team").unwrap());
    let shape = Shape::of(&outline).unwrap();
    assert_eq!(shape.home(), Home::Late);
    outline.resources.limits.memory = Some("1Gi".to_owned());
    assert_eq!(Shape::of(&outline).unwrap().home(), Home::Own);
    let pull = pull_of(&shape).unwrap();
    let login = Credential::Registry {
        server: "https://registry.example.com".to_owned(),
        user: "me".to_owned(),
        password: "s3cret".into(),
    };
    let given = |credential: Credential| StepSecrets {
        pulls: [("team".to_owned(), credential)].into(),
        ..StepSecrets::default()
    };
    let secret = pull.object(&bench.site(), "owner-uid", &given(login.clone())).unwrap();
    assert_eq!(secret.metadata.name.as_deref(), Some(pull.secret(&bench.site()).as_str()));
    assert_eq!(secret.metadata.owner_references.unwrap()[0].uid, "owner-uid");
    let config: Value = serde_json::from_slice(&secret.data.unwrap()[".dockerconfigjson"].0).unwrap();
    assert_eq!(config["auths"]["registry.example.com"]["password"], "s3cret");
    let refused = |secrets: StepSecrets| match pull.object(&bench.site(), "owner-uid", &secrets) {
        Err(ExecutorError::BadStep { code: "badRegistryCredential", message, .. }) => message,
        other => panic!("it was not refused: {other:?}"),
    };
    let other = Credential::Registry { server: "ghcr.io".to_owned(), user: "me".to_owned(), password: "s3cret".into() };
    assert!(refused(given(other)).contains("for the registry ghcr.io"));
    assert!(refused(StepSecrets::default()).contains("was not given"));
    let named = convert::run_pod(&bench.site(), "owner-uid", &[], &[pull.secret(&bench.site())]).unwrap();
    assert!(names_secret(&named, &pull.secret(&bench.site())));
    assert!(!names_secret(
        &convert::run_pod(&bench.site(), "owner-uid", &[], &[]).unwrap(),
        &pull.secret(&bench.site())
    ));
}

#[test]
fn the_pod_of_a_step_has_its_services_and_the_secrets_of_their_images() {
    let bench = Bench::new(ContainerPolicy::default(), PodSettings::default());
    let mut step = bench.step("app:1");
    step.container.services.push(StepService {
        name: "db".to_owned(),
        image: "registry.example.com/postgres:17".to_owned(),
        credential: Some(CredentialName::new("team").unwrap()),
        command: vec!["run".to_owned(), "$HOME".to_owned()],
        env: BTreeMap::new(),
        health: None,
        privileged: false,
    });
    let shape = Shape::of(&StepOutline::of(&step)).unwrap();
    assert_eq!(shape.home(), Home::Own);
    let pod = convert::step_pod(&bench.site(), "owner-uid", "p".to_owned(), &shape, &step).unwrap();
    let pod = serde_json::to_value(pod).unwrap();
    assert_eq!(pod["metadata"]["annotations"]["windlass.dev/services"], r#"["db"]"#);
    assert_eq!(pod["spec"]["imagePullSecrets"].as_array().unwrap().len(), 1);
    let service = &pod["spec"]["containers"][2];
    assert_eq!((&service["name"], &service["args"]), (&json!("service-0"), &json!(["run", "$$HOME"])));
    assert_eq!(service["volumeMounts"], json!([{"name": "bin", "mountPath": "/.windlass/bin", "readOnly": true}]));
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
