//! Arbitrary definitions that are right: whatever is generated here passes all checks.

use std::num::NonZeroU32;
use std::time::Duration;

use indexmap::IndexMap;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use serde_json::Value;

use crate::pipeline::*;

/// Texts of all kinds, with those that YAML might take for something else.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        4 => "[a-zA-Z0-9 ._/-]{0,20}",
        2 => any::<String>(),
        2 => prop::sample::select(vec![
            "", " ", "3.10", "007", "1e3", "0x1f", "true", "null", "~", "no", "yes", "on", "- a", "a: b", "#x", "a #b", "'", "\"",
            "{}", "[]", "*a", "&a", "!t", "%y", "@a", "`", "|", ">", "a\nb", "a\n", "\n", "\na", " a", "a ", "a\n\n", "\t", "a\tb",
            "é", "🦀", "\r", "a\r\nb", "---", "...", "--- a", "=", "<<", ".inf", "-", "?", ":", "\u{85}", "\u{2028}", "\u{feff}",
            "12:30:45", "2001-01-01", "1_000", "a\n  b\n c", "  a\nb", "\u{7f}", "\u{1b}[0m", "\\n",
        ]).prop_map(str::to_owned),
        1 => ".{0,30}(\n.{0,30}){0,4}",
    ];
    text.prop_map(|text| text.replace('\0', ""))
}

fn filled() -> impl Strategy<Value = String> {
    text().prop_map(|text| if text.trim().is_empty() { "x".to_owned() } else { text })
}

/// Texts with variables that every run knows.
pub(crate) fn template() -> impl Strategy<Value = Template> {
    let piece = prop_oneof![
        3 => text().prop_map(|text| text.replace('$', "$$")),
        1 => prop::sample::select(vec!["${P0}", "$CI_COMMIT_SHA ", "${BUILD_NUMBER}", "${TASK_NAME:-x y}", "$$", "${NOBODY:-d}"])
            .prop_map(str::to_owned),
    ];
    vec(piece, 1..4).prop_map(|pieces| Template::parse(pieces.concat()).unwrap())
}

fn filled_template() -> impl Strategy<Value = Template> {
    template().prop_map(|t| if t.source().trim().is_empty() { Template::literal("x") } else { t })
}

fn duration() -> impl Strategy<Value = HumanDuration> {
    prop_oneof![
        (1u64..10_000_000).prop_map(Duration::from_millis),
        (1u64..300_000_000).prop_map(Duration::from_secs),
        (1u64..300_000_000_000_000_000).prop_map(Duration::from_nanos),
    ]
    .prop_map(HumanDuration::from)
}

fn credential() -> impl Strategy<Value = CredentialName> {
    prop::sample::select(vec!["team-git", "a b", "3.10", "true", "é:x@y"])
        .prop_map(|name| CredentialName::new(name).unwrap())
}

fn executor() -> impl Strategy<Value = ExecutorName> {
    prop::sample::select(vec!["local", "docker", "null"]).prop_map(|name| ExecutorName::new(name).unwrap())
}

fn templates(least: usize) -> impl Strategy<Value = Vec<Template>> {
    vec(template(), least..3)
}

fn template_map() -> impl Strategy<Value = IndexMap<String, Template>> {
    btree_map(prop_oneof!["[A-Z_]{1,6}", filled().prop_map(|t| t.replace('=', "-"))], template(), 0..3)
        .prop_map(|map| map.into_iter().collect())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_000_000i32..1_000_000).prop_map(|n| Value::from(f64::from(n) / 64.0)),
        text().prop_map(|text| Value::String(text.replace('$', "$$"))),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            btree_map(text(), inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn values() -> impl Strategy<Value = IndexMap<String, Value>> {
    btree_map("[a-z.]{1,8}", json(), 0..3).prop_map(|map| map.into_iter().collect())
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => filled().prop_map(Action::Script),
        1 => checkout(),
        1 => build_image(),
        1 => (templates(1), of(template()), of(template()), any::<[bool; 5]>(), of(credential()), of(duration())).prop_map(
            |(paths, cluster, namespace, [a, b, c, d, e], pull_credential, wait)| Action::DeployManifests(DeployManifests {
                paths, cluster, namespace, create_namespace: a, pull_credential, wait, substitute: b, rollback: c, prune: d, dry_run: e,
            })
        ),
        1 => (filled_template(), filled_template(), of(template()), of(template()), of(credential())).prop_map(
            |(path, repository, name, version, credential)| Action::PublishChart(PublishChart { path, repository, name, version, credential })
        ),
        1 => deploy_chart(),
        1 => sync_files(),
        1 => (json(), of(template()), of(template()), any::<bool>(), template()).prop_map(|(manifest, cluster, namespace, inline, path)| {
            // `manifest: null` is the same as no manifest for the derived reader.
            let inline = inline && !manifest.is_null();
            Action::RunJob(RunJob { path: (!inline).then_some(path), manifest: inline.then_some(manifest), cluster, namespace })
        }),
        1 => (template(), vec(text(), 0..3)).prop_map(|(message, approvers)| Action::Approve(Approve { message, approvers })),
        1 => (filled(), values()).prop_map(|(name, with)| Action::Custom(Custom { name, with })),
    ]
}

fn checkout() -> impl Strategy<Value = Action> {
    (
        filled_template(),
        of(template()),
        of(credential()),
        of(template()),
        of(1u32..100),
        any::<bool>(),
        of(template()),
        any::<bool>(),
    )
        .prop_map(|(url, reference, credential, path, depth, submodules, ca_certificate, verify_certificate)| {
            let depth = depth.and_then(NonZeroU32::new);
            Action::Checkout(Checkout {
                url,
                reference,
                credential,
                path,
                depth,
                submodules,
                ca_certificate,
                verify_certificate,
            })
        })
}

fn build_image() -> impl Strategy<Value = Action> {
    (
        of(template()),
        filled_template(),
        templates(0),
        template_map(),
        template_map(),
        of(credential()),
        any::<[bool; 3]>(),
    )
        .prop_map(|(context, image, tags, args, labels, credential, [push, insecure, no_cache])| {
            let (dockerfile, archive, target) = (context.clone(), context.clone(), None);
            let pull_credentials = credential.iter().cloned().collect();
            Action::BuildImage(BuildImage {
                context,
                dockerfile,
                image,
                tags,
                args,
                labels,
                target,
                archive,
                credential,
                pull_credentials,
                push,
                no_cache,
                insecure,
            })
        })
}

fn deploy_chart() -> impl Strategy<Value = Action> {
    (filled_template(), filled_template(), of(template()), values(), templates(0), of(credential()), of(duration()))
        .prop_map(|(release, chart, version, values, values_files, credential, wait)| {
            let (repository, cluster, namespace) = (version.clone(), None, None);
            Action::DeployChart(DeployChart {
                release,
                chart,
                repository,
                version,
                cluster,
                namespace,
                values,
                values_files,
                credential,
                wait,
            })
        })
}

fn sync_files() -> impl Strategy<Value = Action> {
    let transfer = (templates(0), templates(0), of(template()), template(), any::<bool>())
        .prop_map(|(include, exclude, strip_prefix, to, clean)| Transfer { include, exclude, strip_prefix, to, clean });
    (filled_template(), of(1u16..), credential(), vec(transfer, 0..2), vec(text(), 1..3), of(duration())).prop_map(
        |(host, port, credential, transfers, commands, timeout)| {
            Action::SyncFiles(SyncFiles { host, port, credential, transfers, commands, timeout })
        },
    )
}

fn retry() -> impl Strategy<Value = Retry> {
    let on = prop::sample::subsequence(
        vec![RetryOn::Failure, RetryOn::Infrastructure, RetryOn::Timeout, RetryOn::Lost],
        1..5,
    );
    (1u32..10, prop_oneof![on, Just(default_retry_on())], of(duration())).prop_map(|(attempts, on, backoff)| Retry {
        attempts: NonZeroU32::new(attempts).unwrap(),
        on,
        backoff,
        from: None,
    })
}

fn resources() -> impl Strategy<Value = Resources> {
    let quantities = || {
        (of(prop::sample::select(vec!["2", "0.5", "500m"])), of(prop::sample::select(vec!["256Mi", "1Gi", "1000000"])))
            .prop_map(|(cpu, memory)| Quantities { cpu: cpu.map(str::to_owned), memory: memory.map(str::to_owned) })
    };
    (quantities(), quantities()).prop_map(|(requests, limits)| Resources { requests, limits })
}

fn condition() -> impl Strategy<Value = Condition> {
    prop::sample::select(vec![
        "true",
        "P0 == 'x'",
        "commit.branch.startsWith(\"a\")",
        "params.P0 in ['a', 'b']",
        "trigger.kind != 'push'",
    ])
    .prop_map(|text| Condition::parse(text).unwrap())
}

fn matrix() -> impl Strategy<Value = IndexMap<VariableName, Vec<String>>> {
    let values =
        || prop::collection::btree_set("[a-z0-9.]{1,5}", 1..4).prop_map(|set| set.into_iter().collect::<Vec<_>>());
    prop_oneof![
        4 => Just(IndexMap::new()),
        1 => values().prop_map(|v| IndexMap::from([(variable("AXIS"), v)])),
        1 => (values(), values()).prop_map(|(v, w)| IndexMap::from([(variable("ZED"), v), (variable("AXIS"), w)])),
    ]
}

fn variable(name: &str) -> VariableName {
    VariableName::new(name).unwrap()
}

fn keeps_nothing(task: &Task) -> bool {
    task.caches.is_empty() && task.artifacts.is_empty() && task.reports.is_none()
}

prop_compose! {
    fn keeps()(
        caches in vec((template(), templates(1), templates(0)), 0..2),
        artifacts in vec((of(template()), templates(1), of(duration()), any::<bool>()), 0..2),
        reports in of((templates(0), templates(0))),
        resources in of(resources()),
        secret in of(credential()),
        flags in any::<[bool; 3]>(),
        executor in of(executor()),
    ) -> Task {
        let mut task = Task::new(TaskName::new("x").unwrap(), Action::Script("x".to_owned()));
        task.caches = caches.into_iter().map(|(key, paths, fallback_keys)| Cache { key, paths, fallback_keys }).collect();
        let artifacts = artifacts.into_iter().map(|(name, paths, keep, all)| {
            Artifact { name, paths, keep, when: if all { ArtifactWhen::Always } else { ArtifactWhen::OnSuccess } }
        });
        task.artifacts = artifacts.collect();
        task.reports = reports.map(|(junit, annotations)| Reports { junit, annotations });
        task.resources = resources;
        let (key, form) = match flags {
            [true, false, _] => (Some("user".to_owned()), SecretForm::Env),
            [false, true, _] => (None, SecretForm::File),
            _ => (None, SecretForm::Env),
        };
        task.secrets =
            secret.into_iter().map(|from| SecretVariable { name: variable("SECRET"), from, key: key.clone(), form }).collect();
        task.isolation = if flags[0] { Isolation::Task } else { Isolation::Run };
        task.workspace = if flags[1] && keeps_nothing(&task) { WorkspaceUse::None } else { WorkspaceUse::Shared };
        task.allow_failure = flags[2];
        task.executor = executor;
        task.container = flags[2].then(|| ContainerOptions {
            user: Some("1000".to_owned()),
            pull: PullPolicy::Always,
            credential: Some(CredentialName::new("team").unwrap()),
            networks: vec!["n".to_owned()],
            hosts: [("db".to_owned(), "10.0.0.1".to_owned())].into(),
            volumes: vec![VolumeMount { source: "v".to_owned(), target: "/v".to_owned(), read_only: flags[0] }],
            privileged: flags[1],
            ..ContainerOptions::default()
        });
        task
    }
}

/// A task whose name is set later, and that needs nobody.
fn task() -> impl Strategy<Value = Task> {
    (
        keeps(),
        action(),
        of(template()),
        of(filled()),
        template_map(),
        matrix(),
        of(condition()),
        of(retry()),
        of(duration()),
        of(duration()),
    )
        .prop_map(|(base, action, image, shell, env, matrix, when, retry, timeout, grace)| Task {
            shell: shell.filter(|_| matches!(action, Action::Script(_))),
            action,
            image,
            env: env.into_iter().filter(|(name, _)| name != "SECRET").collect(),
            outputs: vec![variable("KEY"), variable("OTHER")],
            matrix,
            when,
            retry,
            timeout,
            grace,
            ..base
        })
}

fn parameter() -> impl Strategy<Value = Parameter> {
    (any::<bool>(), text(), of(text()), of(text())).prop_map(|(dynamic, value, default, description)| {
        let other = format!("{value}!");
        let choices = if dynamic && default.is_none() { vec![value.clone(), other] } else { Vec::new() };
        Parameter {
            name: variable("P0"),
            value: (!dynamic).then_some(value),
            dynamic,
            default: default.filter(|_| dynamic),
            choices,
            description,
        }
    })
}

fn triggers() -> impl Strategy<Value = Vec<Trigger>> {
    let zone = of(Just("Europe/Berlin".to_owned()));
    let rule = prop_oneof![
        (1u8..60).prop_map(ScheduleRule::EveryMinutes),
        (1u8..24, 0u8..60).prop_map(|(hours, minute)| ScheduleRule::EveryHours { hours, minute }),
        Just(ScheduleRule::Daily("08:30".to_owned())),
        Just(ScheduleRule::Weekly(Weekly { day: Weekday::Friday, at: "23:59".to_owned() })),
        (1u8..32).prop_map(|day| ScheduleRule::Monthly(Monthly { day, at: "00:00".to_owned() })),
        Just(ScheduleRule::Cron("*/5 0-6,12 1 jan-MAR 1-5".to_owned())),
    ];
    let schedule = (rule, zone)
        .prop_map(|(rule, time_zone)| Trigger::Schedule(ScheduleTrigger { schedule: Schedule { rule, time_zone } }));
    let event = (
        prop::sample::select(vec![CodeEvent::Push, CodeEvent::Merge, CodeEvent::Tag]),
        vec(text(), 0..2),
        vec(text(), 0..2),
    )
        .prop_map(|(event, branches, paths)| Trigger::Event(EventTrigger { event, branches, paths }));
    vec(prop_oneof![schedule, event], 0..3)
}

/// Names tasks in order, and gives some of them needs among the earlier ones.
fn finish(mut tasks: Vec<Task>, first: usize, needs: &[(bool, usize)]) -> Vec<Task> {
    for (at, task) in tasks.iter_mut().enumerate() {
        let number = first + at;
        task.name = TaskName::new(format!("task {number}")).unwrap();
        let (has_needs, which) = needs[number % needs.len()];
        if has_needs && number > 0 {
            task.needs = Some(vec![TaskName::new(format!("task {}", which % number)).unwrap()]);
        } else if has_needs {
            task.needs = Some(Vec::new());
        }
        if number > 0 && which % 3 == 0 {
            // An optional value of an earlier task, wherever that one stands: only sound when it comes before.
            if let Some(need) = task.needs.as_ref().and_then(|needs| needs.first()) {
                task.env.insert("FROM".to_owned(), Template::parse(format!("${{{need}.KEY:-none}}")).unwrap());
            }
        }
    }
    tasks
}

prop_compose! {
    /// A whole definition that passes all checks.
    pub(crate) fn pipeline()(
        description in of(text()),
        parameter in parameter(),
        times in (of(duration()), of(duration()), of(duration())),
        group in of(template().prop_map(|_| Template::parse("g-${P0}-$PIPELINE_NAME").unwrap())),
        limit in (1u32..5, prop::sample::select(vec![OnConflict::Queue, OnConflict::CancelOlder, OnConflict::Reject])),
        executor in of(executor()),
        triggers in triggers(),
        env in template_map(),
        stages in vec((any::<[bool; 2]>(), of(condition()), vec(task(), 0..4)), 0..4),
        finally in vec(task(), 0..3),
        needs in vec((prop::bool::weighted(0.3), 0usize..100), 1..8),
    ) -> Pipeline {
        let mut count = 0;
        let stages = stages.into_iter().enumerate().map(|(at, ([parallel, fail_fast], when, tasks))| {
            let first = count;
            count += tasks.len();
            Stage {
                name: StageName::new(format!("stage {at}")).unwrap(),
                order: if parallel { Order::Parallel } else { Order::Sequential },
                when,
                fail_fast,
                tasks: finish(tasks, first, &needs),
            }
        }).collect();
        let finally = finally.into_iter().enumerate().map(|(at, task)| {
            Task { name: TaskName::new(format!("last {at}")).unwrap(), ..task }
        }).collect();
        Pipeline {
            name: PipelineName::new("arbitrary: one").unwrap(),
            description,
            parameters: vec![parameter],
            timeout: times.0,
            concurrency: group.map(|group| Concurrency { group, limit: NonZeroU32::new(limit.0).unwrap(), on_conflict: limit.1 }),
            executor,
            triggers,
            env: env.into_iter().filter(|(_, value)| !value.source().contains("SECRET")).collect(),
            keep_workspace: times.1,
            stages,
            finally,
            finally_timeout: times.2,
        }
    }
}
