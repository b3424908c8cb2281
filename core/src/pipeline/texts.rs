//! The texts of a task with their places in its document.

use super::check;
use super::model::Task;
use super::path::{Path, Segment};
use super::template::Template;

/// The texts of a task that refer to something, each with its place in the task's document as a JSON pointer.
pub(crate) fn texts(task: &Task) -> Vec<(String, Template)> {
    let mut found = Vec::new();
    check::texts_of_task(task, &Path::root(), &mut |path, _, text| {
        found.extend(text.ok().map(|text| (pointer(&path), text.clone())));
    });
    found
}

fn pointer(path: &Path) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Item(at) => format!("/{at}"),
    };
    path.segments().iter().map(segment).collect()
}
