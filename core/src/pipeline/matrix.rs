//! The instances of a task with a matrix.

use indexmap::IndexMap;

use super::name::{TaskName, VariableName};
use super::plan::TaskId;

/// The most instances of one task.
pub const MAX_INSTANCES: usize = 256;

/// A task, or one instance of its matrix.
pub(super) struct Instance {
    pub(super) id: TaskId,
    pub(super) values: IndexMap<VariableName, String>,
}

/// How many instances a matrix has, without making them.
pub(super) fn count(matrix: &IndexMap<VariableName, Vec<String>>) -> usize {
    matrix.values().fold(1, |product, values| product.saturating_mul(values.len()))
}

/// All instances: the last axis changes fastest. A task without a matrix is its own only instance. At most
/// [`MAX_INSTANCES`]; a matrix with more is refused elsewhere.
pub(super) fn instances(name: &TaskName, matrix: &IndexMap<VariableName, Vec<String>>) -> Vec<Instance> {
    if matrix.is_empty() {
        return vec![Instance { id: TaskId::new(name.as_str()), values: IndexMap::new() }];
    }
    let mut combinations: Vec<IndexMap<VariableName, String>> = vec![IndexMap::new()];
    for (axis, values) in matrix {
        let longer = combinations.iter().flat_map(|combination| {
            values.iter().map(move |value| {
                let mut combination = combination.clone();
                combination.insert(axis.clone(), value.clone());
                combination
            })
        });
        combinations = longer.take(MAX_INSTANCES).collect();
    }
    combinations.into_iter().map(|values| Instance { id: instance_id(name, &values), values }).collect()
}

/// `unit[OS=linux,PY=3.11]`, the axes in the order of the document.
fn instance_id(name: &TaskName, values: &IndexMap<VariableName, String>) -> TaskId {
    let shown: Vec<String> = values.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
    TaskId::new(format!("{name}[{}]", shown.join(",")))
}
