//! A task gets another name, and what refers to it follows.

use super::{lines, open};
use crate::pipeline::editor::Editor;
use crate::pipeline::*;

const DOCUMENT: &str = r#"
name: p
stages:
  - name: Build
    tasks:
      - {name: unit, script: 'echo ${unit.N}', outputs: [N], matrix: {PY: ["3.11"]}, retry: {attempts: 2, from: unit}}
  - name: Test
    when: tasks['unit'].state == 'succeeded'
    tasks:
      - name: report
        needs: [unit]
        retry: {attempts: 2, from: unit}
        when: tasks["unit[PY=3.11]"].outputs.N != 'unit' && tasks.unit.state != "tasks['unit']"
        image: 'a$$b:${unit[PY=3.11].N}-$BUILD_NUMBER-${unit.N:-${}'
        custom: {name: tell, with: {deep: [{text: 'is ${unit.N:-unit}'}], number: 1.50}}
finally:
  - {name: tell, script: x, env: {unit: '${unit.N:-}'}}
"#;

#[test]
fn everything_that_is_not_a_script_follows() {
    let mut editor = open(DOCUMENT);
    let edited = editor.rename_task("unit", "unit tests").unwrap();
    assert_eq!(lines(&edited), Vec::<String>::new());
    let renamed = |text: &str| text.replace("name: unit,", "name: unit tests,");
    let expected = renamed(DOCUMENT)
        .replace("from: unit", "from: unit tests")
        .replace("needs: [unit]", "needs: [unit tests]")
        .replace("tasks['unit'].state ==", "tasks['unit tests'].state ==")
        .replace("\"unit[PY", "\"unit tests[PY")
        .replace("tasks.unit.state", "tasks['unit tests'].state")
        .replace("{unit[PY", "{unit tests[PY")
        .replace("${unit.N:", "${unit tests.N:");
    assert_eq!(*edited.definition, *open(&expected).definition());
    editor.undo().unwrap();
    assert_eq!(*editor.definition(), *open(DOCUMENT).definition());
}

#[test]
fn the_new_form_of_the_task_itself_follows_as_well() {
    let mut editor = open(DOCUMENT);
    // A form sends the whole task, in which `retry.from` still has the old name.
    let mut with = editor.definition().stages[0].tasks[0].clone();
    with.name = TaskName::new("check").unwrap();
    let edited = editor.edit_task("unit", with).unwrap();
    let task = &edited.definition.stages[0].tasks[0];
    assert_eq!(task.retry.as_ref().unwrap().from.as_ref().unwrap().as_str(), "check");
    assert_eq!(lines(&edited), Vec::<String>::new());
}

#[test]
fn where_the_new_name_cannot_be_written_the_old_one_stays_and_is_told() {
    let follows = |name: &str| {
        let mut editor = open(DOCUMENT);
        lines(&editor.rename_task("unit", name).unwrap())
    };
    assert_eq!(follows("a.b"), Vec::<String>::new());
    assert_eq!(follows("a: {b"), Vec::<String>::new());
    assert_eq!(follows("größe"), Vec::<String>::new());
    // `}` ends a reference, `:-` begins a default, and `hash:` is something else.
    for name in ["a}b", "a:-b", "hash:b"] {
        let told = follows(name);
        assert!(
            told.iter().any(|line| line.starts_with("finally[0].env.unit: there is no task \"unit\"")),
            "{name}: {told:?}"
        );
    }
}

#[test]
fn other_tasks_with_a_similar_name_do_not_follow() {
    let document = "{name: p, stages: [{name: A, tasks: [{name: a, script: x, outputs: [V]}, {name: a.b, script: x, outputs: [V]}, {name: ab, script: x}, {name: c, script: x, needs: [ab], env: {V: '${a.b.V}$a ${a.V}'}, when: \"tasks['ab'].state == 'a' && tasks['a.b'].state != ''\"}]}], parameters: [{name: a, value: x}]}";
    let mut editor: Editor = open(&document.replace("needs: [ab]", "needs: [ab, a, a.b]"));
    let edited = editor.rename_task("a", "z").unwrap();
    let task = &edited.definition.stages[0].tasks[3];
    assert_eq!(lines(&edited), Vec::<String>::new());
    assert_eq!(task.env["V"].source(), "${a.b.V}$a ${z.V}");
    assert_eq!(task.when.as_ref().unwrap().source(), "tasks['ab'].state == 'a' && tasks['a.b'].state != ''");
    assert_eq!(task.needs.as_deref().unwrap()[1].as_str(), "z");
}
