//! What an expression looks at, found in its tree, so that a wrong name is reported before anything starts.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

use super::ConditionError;
use crate::pipeline::problem::nearest;

/// The fields of `commit`.
pub(in crate::pipeline) const COMMIT_FIELDS: [&str; 7] =
    ["sha", "shortSha", "branch", "tag", "message", "author", "repository"];
/// The fields of `trigger`.
pub(in crate::pipeline) const TRIGGER_FIELDS: [&str; 2] = ["kind", "actor"];

const FUNCTIONS: [&str; 11] =
    ["size", "contains", "startsWith", "endsWith", "matches", "string", "int", "uint", "double", "bool", "type"];
const TAKEN: [&str; 4] = ["params", "trigger", "commit", "tasks"];
const RESERVED: [&str; 38] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "dyn",
    "has",
    "all",
    "exists",
    "exists_one",
    "filter",
    "optional",
];

/// Whether a parameter of this name can only be reached as `params.NAME`.
pub(in crate::pipeline) fn clashes(name: &str) -> bool {
    TAKEN.contains(&name) || RESERVED.contains(&name)
}

/// One thing that an expression looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum Use {
    /// `params.NAME`.
    Parameter(String),
    /// `NAME`.
    Bare(String),
    /// `commit.FIELD` or `trigger.FIELD`.
    Field { of: &'static str, field: String },
    /// `tasks['NAME'].state`.
    State { task: String },
    /// `tasks['NAME'].outputs.KEY`.
    Output { task: String, key: String },
}

/// All uses, each once.
pub(super) fn of(expression: &IdedExpr) -> Result<Vec<Use>, ConditionError> {
    let mut walk = Walk::default();
    walk.expression(expression)?;
    Ok(walk.uses)
}

#[derive(Default)]
struct Walk {
    uses: Vec<Use>,
    /// Variables of the comprehensions around this place.
    bound: Vec<String>,
    /// Whether this place is evaluated once for each item of a list.
    repeated: bool,
}

/// A step from a value to a part of it; `None` when only the evaluation tells which.
type Step = Option<String>;

impl Walk {
    fn expression(&mut self, node: &IdedExpr) -> Result<(), ConditionError> {
        if let Some((root, steps)) = access(node)
            && !self.bound.iter().any(|name| name == root)
            && !root.starts_with('@')
        {
            self.dynamic_parts(node)?;
            return self.reference(root, &steps);
        }
        match &node.expr {
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => list.elements.iter().try_for_each(|item| self.expression(item)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| self.entry(&entry.expr)),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::Struct(message) => {
                Err(ConditionError::new(format!("{}{{…}} is not known; values are texts", message.type_name)))
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Ok(()),
        }
    }

    fn entry(&mut self, entry: &EntryExpr) -> Result<(), ConditionError> {
        match entry {
            EntryExpr::StructField(field) => self.expression(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.expression(&entry.key)?;
                self.expression(&entry.value)
            }
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<(), ConditionError> {
        let name = call.func_name.as_str();
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && !FUNCTIONS.contains(&name) {
            let hint = nearest(name, FUNCTIONS).map(|near| format!(", did you mean {near:?}?")).unwrap_or_default();
            return Err(ConditionError::new(format!("there is no function {name:?}{hint}")));
        }
        if self.repeated && name == "_+_" {
            self.growth(call)?;
        }
        call.target.iter().try_for_each(|target| self.expression(target))?;
        call.args.iter().try_for_each(|argument| self.expression(argument))
    }

    /// In a loop, what grows with each turn can fill the memory. Only what `filter` and `exists_one` themselves do is fine.
    fn growth(&self, call: &CallExpr) -> Result<(), ConditionError> {
        let [into, added] = call.args.as_slice() else { return Ok(()) };
        let own = matches!(&into.expr, Expr::Ident(name) if name.starts_with('@'));
        let item = match &added.expr {
            Expr::Literal(_) => true,
            Expr::List(list) => {
                list.elements.iter().all(|e| matches!(&e.expr, Expr::Ident(n) if self.bound.contains(n)))
            }
            _ => false,
        };
        if own && item {
            return Ok(());
        }
        Err(ConditionError::new(
            "map, and + inside all, exists and filter, are not available; compare the values directly",
        ))
    }

    fn comprehension(&mut self, loop_: &ComprehensionExpr) -> Result<(), ConditionError> {
        if self.repeated {
            return Err(ConditionError::new("all, exists and filter cannot stand inside one another"));
        }
        self.expression(&loop_.iter_range)?;
        self.expression(&loop_.accu_init)?;
        let outer = self.bound.len();
        self.bound.push(loop_.iter_var.clone());
        self.bound.extend(loop_.iter_var2.clone());
        self.bound.push(loop_.accu_var.clone());
        self.repeated = true;
        let inner =
            [&loop_.loop_cond, &loop_.loop_step, &loop_.result].into_iter().try_for_each(|e| self.expression(e));
        self.repeated = false;
        self.bound.truncate(outer);
        inner
    }

    /// Walks what stands in `[…]` along an access.
    fn dynamic_parts(&mut self, node: &IdedExpr) -> Result<(), ConditionError> {
        match &node.expr {
            Expr::Select(select) => self.dynamic_parts(&select.operand),
            Expr::Call(call) => {
                let Some((operand, index)) = indexed(call) else { return Ok(()) };
                self.dynamic_parts(operand)?;
                if literal(index).is_some() { Ok(()) } else { self.expression(index) }
            }
            _ => Ok(()),
        }
    }

    fn reference(&mut self, root: &str, steps: &[Step]) -> Result<(), ConditionError> {
        let found = match (root, steps) {
            ("params", [Some(name)]) => Use::Parameter(name.clone()),
            ("params", [] | [None]) => return Ok(()),
            ("commit", [Some(field)]) => Use::Field { of: "commit", field: field.clone() },
            ("trigger", [Some(field)]) => Use::Field { of: "trigger", field: field.clone() },
            ("commit" | "trigger", _) => {
                return Err(ConditionError::new(format!(
                    "{root} is used with one field, such as {root}.{}",
                    example(root)
                )));
            }
            ("tasks", [Some(task), Some(state)]) if state == "state" => Use::State { task: task.clone() },
            ("tasks", [Some(task), Some(outputs), Some(key)]) if outputs == "outputs" => {
                Use::Output { task: task.clone(), key: key.clone() }
            }
            ("tasks", _) => {
                return Err(ConditionError::new(
                    "tasks is used as tasks['name'].state or tasks['name'].outputs.KEY, with the name in quotes",
                ));
            }
            (name, []) if RESERVED.contains(&name) => return Ok(()),
            (name, []) => Use::Bare(name.to_owned()),
            ("params", _) | (_, _) => {
                return Err(ConditionError::new(format!("{root:?} has no fields like that: values are texts")));
            }
        };
        if !self.uses.contains(&found) {
            self.uses.push(found);
        }
        Ok(())
    }
}

fn example(root: &str) -> &'static str {
    if root == "commit" { COMMIT_FIELDS[2] } else { TRIGGER_FIELDS[0] }
}

/// `a.b['c'][d]` as `a` and the steps `b`, `c` and an unknown one.
fn access(node: &IdedExpr) -> Option<(&str, Vec<Step>)> {
    match &node.expr {
        Expr::Ident(name) => Some((name.trim_start_matches('.'), Vec::new())),
        Expr::Select(select) => {
            let (root, mut steps) = access(&select.operand)?;
            steps.push(Some(select.field.clone()));
            Some((root, steps))
        }
        Expr::Call(call) => {
            let (operand, index) = indexed(call)?;
            let (root, mut steps) = access(operand)?;
            steps.push(literal(index));
            Some((root, steps))
        }
        _ => None,
    }
}

fn indexed(call: &CallExpr) -> Option<(&IdedExpr, &IdedExpr)> {
    match call.args.as_slice() {
        [operand, index] if call.func_name == "_[_]" => Some((operand, index)),
        _ => None,
    }
}

fn literal(node: &IdedExpr) -> Option<String> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}
