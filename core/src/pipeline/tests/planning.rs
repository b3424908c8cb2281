//! From definitions to graphs.

use std::time::Duration;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::arbitrary;
use crate::pipeline::*;

pub(crate) fn parse(text: &str) -> Pipeline {
    read(text.as_bytes(), "p.yaml").unwrap()
}

pub(crate) fn planned(text: &str) -> Plan {
    plan(&parse(text), &RunInputs::default()).unwrap()
}

/// `id <- needs, after the stage`.
fn graph(plan: &Plan) -> String {
    let line = |task: &PlannedTask| {
        let needs: Vec<&str> = task.needs.iter().map(|need| plan.task(*need).id.as_str()).collect();
        let after = task.after.map(|stage| format!(" after {}", plan.stages[stage.get()].name)).unwrap_or_default();
        format!("{} <- {}{after}", task.id, needs.join(" + "))
    };
    plan.tasks.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn stages_chains_needs_and_matrices_become_edges() {
    let plan = planned(
        "name: a
stages:
  - name: one
    tasks:
      - {name: a, script: x}
      - {name: b, script: x, matrix: {OS: [linux, mac], PY: ['3.11', '3.12']}}
      - {name: c, script: x}
  - name: empty
  - name: two
    order: parallel
    tasks:
      - {name: d, script: x}
      - {name: e, script: x, needs: [b]}
      - {name: f, script: x, needs: []}
finally:
  - {name: g, script: x, matrix: {N: ['1', '2']}}
  - {name: h, script: x}
",
    );
    assert_snapshot!(graph(&plan));
    let ranges: Vec<_> = plan.stages.iter().map(|stage| stage.tasks.clone()).collect();
    assert_eq!(ranges, [0..6, 6..6, 6..9]);
    assert_eq!(plan.finally(), 9..12);
    assert_eq!(plan.tasks[1].matrix.get("PY").map(String::as_str), Some("3.11"));
}

#[test]
fn what_is_not_said_has_its_default() {
    let plan = planned("name: a\nstages: [{name: s, when: 'true', tasks: [{name: t, script: x, when: 'false'}]}]");
    assert_eq!(plan.timeout, DEFAULT_TIMEOUT);
    assert_eq!(plan.finally_timeout, DEFAULT_FINALLY_TIMEOUT);
    assert_eq!(plan.keep_workspace, DEFAULT_KEEP_WORKSPACE);
    let task = &plan.tasks[0];
    assert_eq!(
        (task.retry.attempts, task.retry.backoff, task.grace, task.timeout),
        (1, Duration::ZERO, DEFAULT_GRACE, None)
    );
    let conditions: Vec<&str> = task.when.iter().map(Condition::source).collect();
    assert_eq!(conditions, ["true", "false"], "the stage's condition comes first");
}

#[test]
fn parameters_get_the_values_of_the_run() {
    let pipeline = parse(
        "name: a
parameters:
  - {name: FIXED, value: x}
  - {name: TARGET, dynamic: true, default: dev, choices: [dev, prod]}
  - {name: GIVEN, dynamic: true}
concurrency: {group: '$TARGET-${GIVEN}-$CI_COMMIT_BRANCH'}
stages: []
",
    );
    let inputs = |pairs: &[(&str, &str)]| RunInputs {
        parameters: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        commit: CommitInfo { branch: "main".to_owned(), ..CommitInfo::default() },
        ..RunInputs::default()
    };
    let plan_of = |pairs: &[(&str, &str)]| plan(&pipeline, &inputs(pairs));

    let fine = plan_of(&[("GIVEN", "$(rm -rf /) $TARGET")]).unwrap();
    assert_eq!(fine.parameters["TARGET"], "dev");
    assert_eq!(fine.concurrency.unwrap().group, "dev-$(rm -rf /) $TARGET-main", "a value is never looked at again");

    assert_snapshot!(plan_of(&[("GIVEN", "x"), ("FIXED", "y"), ("TARGTE", "dev"), ("TARGET", "prd")]).unwrap_err(), @r#"
    parameters.FIXED: "FIXED" is static and cannot be given when a run is started; make it dynamic: true for that
    parameters.TARGET: "prd" is not allowed for "TARGET", only dev, prod, did you mean "prod"?
    parameters.TARGTE: there is no parameter "TARGTE", did you mean "TARGET"?
    "#);
    assert_snapshot!(plan_of(&[]).unwrap_err(), @r#"parameters.GIVEN: "GIVEN" has no default, so the run must give it a value"#);
}

#[test]
fn ten_thousand_tasks_are_planned_with_few_edges() {
    let stage = |order: &str, at: usize| {
        let tasks: String = (0..2500)
            .map(|n| {
                format!("      - {{name: t{at}-{n}, script: x, outputs: [K], env: {{A: '{}'}}}}\n", reference(at, n))
            })
            .collect();
        format!("  - name: s{at}\n    order: {order}\n    tasks:\n{tasks}")
    };
    fn reference(stage: usize, n: usize) -> String {
        if stage == 0 { "x".to_owned() } else { format!("${{t{}-{n}.K}}", stage - 1) }
    }
    let orders = ["parallel", "sequential", "parallel", "parallel"];
    let stages: String = orders.iter().enumerate().map(|(at, order)| stage(order, at)).collect();
    let plan = planned(&format!("name: big\nstages:\n{stages}"));
    assert_eq!(plan.tasks.len(), 10_000);
    assert_eq!(plan.tasks.iter().map(|task| task.needs.len()).sum::<usize>(), 2499);
}

#[test]
fn a_long_chain_in_which_all_refer_to_the_first_is_planned_at_once() {
    let task = |n: usize| {
        format!("      - {{name: t{n}, script: x, outputs: [K], image: '{}'}}\n", if n == 0 { "x" } else { "${t0.K}" })
    };
    let needs = |n: usize| {
        format!(
            "      - {{name: n{n}, script: x, image: '${{t0.K}}', needs: [{}]}}\n",
            if n == 0 { "t0".to_owned() } else { format!("n{}", n - 1) }
        )
    };
    let chain: String = (0..5000).map(task).collect();
    let by_needs: String = (0..300).map(needs).collect();
    let plan =
        planned(&format!("name: a\nstages:\n  - name: s\n    tasks:\n{chain}  - name: n\n    tasks:\n{by_needs}"));
    assert_eq!(plan.tasks.len(), 5300);
}

#[test]
fn the_same_pipeline_and_inputs_give_the_same_plan() {
    let pipeline = parse(super::reading::DESIGN);
    assert_eq!(plan(&pipeline, &RunInputs::default()).unwrap(), plan(&pipeline, &RunInputs::default()).unwrap());
}

/// Nothing has happened yet.
struct Nothing;

impl TaskHistory for Nothing {
    fn state(&self, _: TaskIndex) -> &str {
        "pending"
    }
    fn output(&self, _: TaskIndex, _: &str) -> Option<&str> {
        None
    }
}

/// Goes through the tasks as a run would, and gives how many it could start.
fn walk(plan: &Plan) -> usize {
    let mut over = vec![false; plan.tasks.len()];
    let stage_tasks = |stage: usize| plan.stages[..=stage].iter().flat_map(|stage| stage.tasks.clone());
    loop {
        let ready: Vec<usize> = (0..plan.tasks.len())
            .filter(|at| !over[*at])
            .filter(|at| {
                let task = &plan.tasks[*at];
                let needs = task.needs.iter().all(|need| over[need.get()]);
                let after = task.after.is_none_or(|stage| stage_tasks(stage.get()).all(|before| over[before as usize]));
                needs && after
            })
            .collect();
        if ready.is_empty() {
            return over.iter().filter(|over| **over).count();
        }
        ready.into_iter().for_each(|at| over[at] = true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_right_definition_is_planned_and_can_be_run_to_its_end(pipeline in arbitrary::pipeline()) {
        let mut inputs = RunInputs::default();
        if let Some(choice) = pipeline.parameters[0].choices.first() {
            inputs.parameters.insert("P0".to_owned(), choice.clone());
        }
        if pipeline.parameters[0].dynamic {
            inputs.parameters.entry("P0".to_owned()).or_default();
        }
        let plan = match plan(&pipeline, &inputs) {
            Ok(plan) => plan,
            Err(problems) => return Err(TestCaseError::fail(problems.to_string())),
        };
        prop_assert_eq!(walk(&plan), plan.tasks.len(), "each task can start some time");
        let ids: std::collections::HashSet<&str> = plan.tasks.iter().map(|task| task.id.as_str()).collect();
        prop_assert_eq!(ids.len(), plan.tasks.len(), "no two tasks share a name");
        let facts = RunFacts { run_id: "r", number: 1, attempt: 1, status: "running", url: "", commit: None, tasks: &Nothing };
        for index in plan.indices() {
            prop_assert!(plan.condition(index, &facts).is_ok());
            if let Err(error) = plan.resolve(index, &facts) {
                return Err(TestCaseError::fail(error.to_string()));
            }
        }
    }
}
