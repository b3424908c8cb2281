//! Many documents, pruned, previewed, with pull secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass::deploy::{DeployOptions, PreviewAction, Substitution, read_manifests};
use windlass::secret::Credential;
use windlass_tests::cluster::eventually;
use windlass_tests::load::get;

use crate::rolling::address;
use crate::support::{Site, Vault, clock, page};

/// A front end that shows what a back end says, which reads what a Job prepared: of each kind one, in an order that cannot work.
const GUESTBOOK: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: guestbook}
spec:
  defaultBackend: {service: {name: front, port: {number: 80}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front}
spec:
  replicas: 1
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: front
          image: IMAGES/busybox:1
          envFrom: [{configMapRef: {name: texts}}]
          command:
            - sh
            - -c
            - mkdir /pages; (while sleep 1; do echo \"$GREETING from $(wget -qO- http://$BACK_SERVICE_HOST/)\" > /pages/index.html; done) & exec httpd -f -p 8080 -h /pages
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: back}
spec:
  serviceName: back
  selector: {matchLabels: {app: back}}
  template:
    metadata: {labels: {app: back}}
    spec:
      terminationGracePeriodSeconds: 1
      volumes: [{name: book, configMap: {name: book, defaultMode: 0644}}]
      containers:
        - name: back
          image: IMAGES/busybox:1
          command: [httpd, -f, -p, '8080', -h, /book]
          volumeMounts: [{name: book, mountPath: /book}]
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: batch/v1
kind: Job
metadata: {name: prepare}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: prepare, image: 'IMAGES/busybox:1', command: [echo, 'prepared by run ${BUILD_NUMBER}']}]
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: {name: back}
    spec: {selector: {app: back}, ports: [{port: 80, targetPort: 8080}]}
  - apiVersion: v1
    kind: Service
    metadata: {name: front}
    spec: {type: NodePort, selector: {app: front}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: book}
data:
  index.html: 'guest ${BUILD_NUMBER}, and $uri stays'
---
apiVersion: v1
kind: ConfigMap
metadata: {name: texts, labels: {build: '${BUILD_NUMBER}'}}
data: {GREETING: hello}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_guestbook_of_many_documents_comes_up_in_a_namespace_that_is_made() {
    let site = Site::open().await;
    let space = site.cluster.space_to_be("guestbook");
    site.file("deploy/guestbook.yaml", GUESTBOOK);
    let missing = site.deploy(&space.name, "").await;
    assert!(missing.failed("noNamespace").advice.contains("createNamespace: true"));
    let made = site.deploy(&space.name, ", createNamespace: true").await;
    made.succeeded();
    assert!(made.log.contains(&format!("Namespace {}: made", space.name)), "{}", made.log);
    let order: Vec<&str> =
        made.log.lines().filter(|line| line.ends_with(": created")).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        order,
        ["ConfigMap", "ConfigMap", "Service", "Service", "Deployment", "StatefulSet", "Job", "Ingress"],
        "{}",
        made.log
    );
    let address = address(&space, "front");
    eventually(Duration::from_secs(60), || {
        get(address).is_ok_and(|page| page.contains("hello from guest 2, and $uri stays"))
    });
    // The Job has another text now, and what a Job does cannot be changed in place.
    let again = site.deploy(&space.name, "").await;
    again.succeeded();
    assert!(again.log.contains("/prepare: replaced"), "{}", again.log);
    assert!(again.log.contains("/front: unchanged"), "{}", again.log);
    assert_eq!(space.kubectl(&["logs", "job/prepare"]).trim(), "prepared by run 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_files_no_longer_have_goes_only_where_that_is_asked_for() {
    let site = Site::open().await;
    let space = site.cluster.space("pruned");
    let map = |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {{a: b}}}}");
    site.file("deploy/one.yaml", &map("one"));
    site.file("deploy/two.yaml", &map("two"));
    site.deploy(&space.name, "").await.succeeded();
    space.kubectl(&["create", "configmap", "of-others"]);
    site.file("deploy/two.yaml", "# nothing any more\n");
    site.deploy(&space.name, "").await.succeeded();
    assert!(site.cluster.object(&space.name, "configmap/two").is_some());
    let pruned = site.deploy(&space.name, ", prune: true").await;
    assert!(pruned.succeeded().log.contains("/two: deleted"), "{}", pruned.log);
    eventually(Duration::from_secs(30), || site.cluster.object(&space.name, "configmap/two").is_none());
    assert!(site.cluster.object(&space.name, "configmap/one").is_some());
    assert!(site.cluster.object(&space.name, "configmap/of-others").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_says_what_would_change_and_changes_nothing() {
    let site = Site::open().await;
    let space = site.cluster.space("preview");
    let cluster = site.connect().await;
    let mut options = DeployOptions::new("preview");
    options.namespace = Some(space.name.clone());
    let read = |tag: &str, number: &str| {
        let variables = BTreeMap::from([("BUILD_NUMBER".to_owned(), number.to_owned())]);
        let text = page("web", tag).replace("IMAGES", &site.cluster.images);
        read_manifests("web.yaml", &text, Substitution::Of(&variables)).unwrap()
    };
    let actions = async |tag: &str| {
        let previews = cluster.preview(read(tag, "1"), &options, &clock()).await.unwrap();
        previews.iter().map(|preview| preview.action).collect::<Vec<_>>()
    };
    assert_eq!(actions("1").await, [PreviewAction::Create; 3]);
    assert_eq!(site.cluster.object(&space.name, "deployment/web"), None);
    cluster.deploy(read("1", "1"), &options, &clock(), &windlass::deploy::Silent).await.unwrap();
    assert_eq!(actions("1").await, [PreviewAction::Keep; 3]);
    let previews = cluster.preview(read("2", "1"), &options, &clock()).await.unwrap();
    let changed: Vec<_> = previews.iter().flat_map(|preview| &preview.changes).collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(changed[0].path, "spec.template.spec.containers[web].image");
    assert!(changed[0].after.as_ref().unwrap().as_str().unwrap().ends_with("busybox:2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_secret_is_made_and_attached_also_for_accounts_of_the_manifests() {
    let credential = Credential::UserPassword { user: "puller".to_owned(), password: "secret".into() };
    let site = Site::with(Vault(BTreeMap::from([("team registry".to_owned(), credential)]))).await;
    let Some(private) = site.cluster.private_images.clone() else {
        println!("another cluster has no registry with a password: nothing to see here");
        return;
    };
    let space = site.cluster.space("pulling");
    let account =
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: shop}\nimagePullSecrets: [{name: other}]\n---\n";
    let private = page("web", "1")
        .replace("IMAGES", &private)
        .replace("containers:", "serviceAccountName: shop\n      containers:");
    let private = private.replace("image:", "imagePullPolicy: Always\n          image:");
    site.file("deploy/web.yaml", &format!("{account}{private}"));
    let closed = site.deploy(&space.name, ", wait: 6s").await;
    assert!(closed.failed("imagePull").advice.contains("pullCredential"), "{:?}", closed.cause);
    let opened = site.deploy(&space.name, ", pullCredential: team registry").await;
    opened.succeeded();
    let secrets = space.field("deployment/web", "/spec/template/spec/imagePullSecrets").to_string();
    assert!(secrets.contains("\"other\"") && secrets.contains("windlass-pull-team-registry"), "{secrets}");
    assert!(!opened.log.contains("secret:") && !opened.log.contains("cHVsbGVy"), "{}", opened.log);
    // A dry run knows of the secret as well.
    let dry = site.deploy(&space.name, ", pullCredential: team registry, dryRun: true").await;
    assert!(!dry.succeeded().log.contains("imagePullSecrets"), "{}", dry.log);
}
