//! Plans made by hand, as the planner would make them.

use std::sync::Arc;
use std::time::Duration;

use crate::pipeline::{
    Action, Approve, CommitInfo, Condition, DEFAULT_FINALLY_TIMEOUT, DEFAULT_GRACE, DEFAULT_TIMEOUT, Isolation,
    PipelineName, Plan, PlannedStage, PlannedTask, RetryOn, RetryPolicy, Section, StageIndex, StageName, Task, TaskId,
    TaskIndex, TaskName, Template, TriggerInfo, VariableName, WorkspaceUse, default_retry_on,
};

/// A plan in the making. What follows a task changes that task.
pub(crate) struct Kit {
    plan: Plan,
    finally: bool,
}

pub(crate) fn plan() -> Kit {
    let plan = Plan {
        pipeline: PipelineName::new("demo").unwrap(),
        parameters: Default::default(),
        trigger: TriggerInfo::default(),
        commit: Default::default(),
        executor: None,
        concurrency: None,
        timeout: DEFAULT_TIMEOUT,
        finally_timeout: DEFAULT_FINALLY_TIMEOUT,
        keep_workspace: Duration::ZERO,
        env: Default::default(),
        stages: Vec::new(),
        tasks: Vec::new(),
    };
    Kit { plan, finally: false }
}

impl Kit {
    pub(crate) fn sequential(self, name: &str) -> Self {
        self.stage(name, false)
    }

    pub(crate) fn parallel(self, name: &str) -> Self {
        self.stage(name, true)
    }

    fn stage(mut self, name: &str, parallel: bool) -> Self {
        let at = self.plan.tasks.len() as u32;
        let name = StageName::new(name).unwrap();
        self.plan.stages.push(PlannedStage { name, parallel, fail_fast: true, tasks: at..at });
        self
    }

    /// The last stage lets the others finish when one of its tasks fails.
    pub(crate) fn lenient(mut self) -> Self {
        self.plan.stages.last_mut().unwrap().fail_fast = false;
        self
    }

    /// The tasks from here on belong to `finally`.
    pub(crate) fn finally(mut self) -> Self {
        self.finally = true;
        self
    }

    pub(crate) fn task(self, name: &str) -> Self {
        self.action(name, Action::Script("true".to_owned()))
    }

    pub(crate) fn approve(self, name: &str) -> Self {
        let approve = Approve { message: Template::parse("Ship it?").unwrap(), approvers: vec!["ada".to_owned()] };
        self.action(name, Action::Approve(approve))
    }

    fn action(mut self, name: &str, action: Action) -> Self {
        let at = TaskIndex(self.plan.tasks.len() as u32);
        let (section, needs, after) = if self.finally { (Section::Finally, Vec::new(), None) } else { self.place(at) };
        self.plan.tasks.push(PlannedTask {
            id: TaskId::new(name),
            name: TaskName::new(name.split('[').next().unwrap()).unwrap(),
            section,
            needs,
            after,
            when: Vec::new(),
            matrix: Default::default(),
            retry: RetryPolicy { attempts: 1, on: default_retry_on(), backoff: Duration::ZERO, from: None },
            timeout: None,
            grace: DEFAULT_GRACE,
            definition: Arc::new(definition(name, action)),
        });
        self
    }

    fn place(&mut self, at: TaskIndex) -> (Section, Vec<TaskIndex>, Option<StageIndex>) {
        let stage = self.plan.stages.len() as u32 - 1;
        let planned = self.plan.stages.last_mut().unwrap();
        planned.tasks.end = at.0 + 1;
        let section = Section::Stage(StageIndex(stage));
        if !planned.parallel && planned.tasks.len() > 1 {
            return (section, vec![TaskIndex(at.0 - 1)], None);
        }
        (section, Vec::new(), stage.checked_sub(1).map(StageIndex))
    }

    /// Changes the last task.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut PlannedTask)) -> Self {
        change(self.plan.tasks.last_mut().unwrap());
        self
    }

    fn defined(self, change: impl FnOnce(&mut Task)) -> Self {
        self.with(|task| change(Arc::make_mut(&mut task.definition)))
    }

    pub(crate) fn needs(self, names: &[&str]) -> Self {
        let needs = names.iter().map(|name| self.plan.index_of(name).unwrap()).collect();
        self.with(|task| (task.needs, task.after) = (needs, None))
    }

    pub(crate) fn when(self, condition: &str) -> Self {
        let condition = Condition::parse(condition).unwrap();
        self.with(|task| task.when.push(condition))
    }

    pub(crate) fn output(self, key: &str) -> Self {
        let key = VariableName::new(key).unwrap();
        self.defined(|task| task.outputs.push(key))
    }

    pub(crate) fn allow_failure(self) -> Self {
        self.defined(|task| task.allow_failure = true)
    }

    pub(crate) fn without_workspace(self) -> Self {
        self.defined(|task| task.workspace = WorkspaceUse::None)
    }

    pub(crate) fn timeout(self, millis: u64) -> Self {
        self.with(|task| task.timeout = Some(Duration::from_millis(millis)))
    }

    pub(crate) fn retry(self, attempts: u32, on: &[RetryOn], backoff: u64) -> Self {
        let (on, backoff) = (on.to_vec(), Duration::from_millis(backoff));
        self.with(|task| task.retry = RetryPolicy { attempts, on, backoff, from: None })
    }

    pub(crate) fn repeat_from(self, name: &str) -> Self {
        let from = TaskName::new(name).unwrap();
        self.with(|task| task.retry.from = Some(from))
    }

    pub(crate) fn keep_workspace(mut self, millis: u64) -> Self {
        self.plan.keep_workspace = Duration::from_millis(millis);
        self
    }

    pub(crate) fn commit(mut self, commit: CommitInfo) -> Self {
        self.plan.commit = commit;
        self
    }

    pub(crate) fn pipeline_timeout(mut self, millis: u64) -> Self {
        self.plan.timeout = Duration::from_millis(millis);
        self
    }

    pub(crate) fn finally_timeout(mut self, millis: u64) -> Self {
        self.plan.finally_timeout = Duration::from_millis(millis);
        self
    }

    pub(crate) fn build(self) -> Arc<Plan> {
        Arc::new(self.plan)
    }
}

fn definition(name: &str, action: Action) -> Task {
    Task {
        name: TaskName::new(name.split('[').next().unwrap()).unwrap(),
        action,
        image: None,
        shell: None,
        env: Default::default(),
        outputs: Vec::new(),
        matrix: Default::default(),
        when: None,
        needs: None,
        allow_failure: false,
        retry: None,
        timeout: None,
        grace: None,
        executor: None,
        caches: Vec::new(),
        artifacts: Vec::new(),
        reports: None,
        resources: None,
        secrets: Vec::new(),
        container: None,
        services: Vec::new(),
        isolation: Isolation::Run,
        workspace: WorkspaceUse::Shared,
    }
}
