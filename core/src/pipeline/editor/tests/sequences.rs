//! Any steps in any order.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::pipeline::editor::{Edit, Editor, Place, Settings, StageSettings, TaskList};
use crate::pipeline::tests::arbitrary;
use crate::pipeline::*;

/// A step before it is known what there is to point at.
#[derive(Clone, Debug)]
struct Wish {
    kind: usize,
    which: usize,
    other: usize,
    to: usize,
    /// Whether it points at something that is not there.
    amiss: bool,
}

fn wish() -> impl Strategy<Value = Wish> {
    (0usize..19, 0usize..1000, 0usize..1000, 0usize..12, prop::bool::weighted(0.05))
        .prop_map(|(kind, which, other, to, amiss)| Wish { kind, which, other, to, amiss })
}

impl Wish {
    /// The step that is meant in a state of the definition.
    fn edit(&self, pipeline: &Pipeline) -> Edit {
        let stages: Vec<&Stage> = pipeline.stages.iter().collect();
        let tasks: Vec<&Task> = stages.iter().flat_map(|stage| &stage.tasks).chain(&pipeline.finally).collect();
        let name = |names: Vec<String>, at: usize| match names.len() {
            _ if self.amiss => "nobody".to_owned(),
            0 => "nothing".to_owned(),
            count => names[at % count].clone(),
        };
        let stage = |at: usize| name(stages.iter().map(|stage| stage.name.to_string()).collect(), at);
        let task_name = |at: usize| name(tasks.iter().map(|task| task.name.to_string()).collect(), at);
        let place = |after: String| [Place::First, Place::Last, Place::After(after)][self.to % 3].clone();
        // Names are taken now and then: there are few of them.
        let new = format!("new-{}", self.other % 9);
        let task = |name: &str| Box::new(Task { name: TaskName::new(name).unwrap(), ..self.example(&tasks) });
        let list = if self.other.is_multiple_of(4) { TaskList::Finally } else { TaskList::Stage(stage(self.which)) };
        let settings =
            StageSettings { fail_fast: self.to.is_multiple_of(2), ..StageSettings::new(StageName::new(&new).unwrap()) };
        match self.kind {
            0 => Edit::AddStage {
                at: place(stage(self.which)),
                settings: (self.other.is_multiple_of(2)).then_some(settings),
            },
            1 => Edit::EditStage { stage: stage(self.which), settings },
            2 => Edit::CopyStage { stage: stage(self.which) },
            3 => Edit::DeleteStage { stage: stage(self.which) },
            4 => Edit::MoveStage { stage: stage(self.which), to: self.to },
            5 => Edit::AddTask { to: list, at: place(task_name(self.other)), task: task(&new) },
            6 => Edit::EditTask { task: task_name(self.which), with: task(&new) },
            7 => Edit::CopyTask { task: task_name(self.which) },
            8 => Edit::DeleteTask { task: task_name(self.which) },
            9 => Edit::MoveTask { task: task_name(self.which), to: self.to },
            10 => Edit::AddSource { stage: None, at: place(task_name(self.other)), source: task(&new) },
            11 => Edit::EditSource { source: task_name(self.which), with: task(&new) },
            12 => Edit::CopySource { source: task_name(self.which) },
            13 => Edit::DeleteSource { source: task_name(self.which) },
            14 => Edit::MoveSource { source: task_name(self.which), to: self.to },
            15 => {
                Edit::EditSettings { settings: Box::new(Settings { description: Some(new), ..Settings::of(pipeline) }) }
            }
            16 => Edit::Reset,
            17 => Edit::Undo,
            _ => Edit::Redo,
        }
    }

    fn example(&self, tasks: &[&Task]) -> Task {
        match tasks.len() {
            0 => super::script("x"),
            count => tasks[self.other % count].clone(),
        }
    }
}

fn names_are_unique(pipeline: &Pipeline) -> bool {
    let mut names = HashSet::new();
    let tasks = pipeline.stages.iter().flat_map(|stage| &stage.tasks).chain(&pipeline.finally);
    let tasks_differ = tasks.map(|task| task.name.as_str()).all(|name| names.insert(name));
    let mut names = HashSet::new();
    tasks_differ && pipeline.stages.iter().all(|stage| names.insert(stage.name.as_str()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_steps_can_be_taken_back_to_the_opening_and_done_again_to_the_end(
        opening in arbitrary::pipeline(),
        wishes in vec(wish(), 1..25),
    ) {
        let mut editor = Editor::open(opening.clone());
        for wish in &wishes {
            let before = editor.definition().clone();
            let edit = wish.edit(&before);
            let json = serde_json::to_string(&edit).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Edit>(&json).unwrap(), &edit, "{}", json);
            match editor.apply(edit) {
                Ok(edited) => prop_assert_eq!(&*edited.definition, editor.definition()),
                Err(_) => prop_assert_eq!(editor.definition(), &before),
            }
            prop_assert!(names_are_unique(editor.definition()));
        }
        let end = editor.definition().clone();
        let (mut undone, mut states) = (0, vec![end.clone()]);
        while editor.can_undo() {
            editor.undo().unwrap();
            states.push(editor.definition().clone());
            undone += 1;
        }
        prop_assert_eq!(editor.definition(), &opening);
        prop_assert!(!editor.is_changed());
        for state in states.iter().rev().skip(1) {
            prop_assert_eq!(&*editor.redo().unwrap().definition, state);
            undone -= 1;
        }
        prop_assert_eq!(undone, 0);
        prop_assert_eq!(editor.definition(), &end);
    }

    #[test]
    fn copies_and_new_names_make_no_sound_definition_wrong(
        opening in arbitrary::pipeline(),
        wishes in vec((prop::bool::ANY, 0usize..1000), 1..6),
    ) {
        let mut editor = Editor::open(opening);
        for (at, (rename, which)) in wishes.into_iter().enumerate() {
            let pipeline = editor.definition().clone();
            let tasks: Vec<_> = pipeline.stages.iter().flat_map(|s| &s.tasks).chain(&pipeline.finally).collect();
            let edited = if let Some(task) = tasks.get(which % tasks.len().max(1)).filter(|_| rename) {
                editor.rename_task(task.name.as_str(), format!("other {at}")).unwrap()
            } else if let Some(stage) = pipeline.stages.get(which % pipeline.stages.len().max(1)) {
                editor.copy_stage(stage.name.as_str()).unwrap()
            } else {
                continue;
            };
            prop_assert_eq!(&edited.problems, &[], "{}", to_yaml(&edited.definition));
        }
    }
}
