//! Rights in a namespace as roles that can be applied. Pure.

use std::fmt::Write;

use super::rights::{Right, RightCheck};
use crate::explain::rbac_subject;

/// A service account with the role that it needs in a namespace, and their binding, as YAML that can be applied.
pub fn role_yaml(namespace: &str, account: &str) -> String {
    let rules: Vec<Rule<'_>> = Right::ALL.iter().map(|right| Rule { right, verbs: right.verbs }).collect();
    let subject = rbac_subject(&format!("system:serviceaccount:{namespace}:{account}"));
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {account}, namespace: {namespace}}}\n---\n{}",
        bound(namespace, account, &rules, &subject)
    )
}

/// The rights that are missing as a role, and its binding to whoever lacks them, as YAML that can be applied; `None` when
/// nothing is missing. `user` is who that is, as the cluster knows him.
pub fn missing_role_yaml(namespace: &str, user: &str, checks: &[RightCheck]) -> Option<String> {
    let lacking = checks.iter().filter(|check| !check.missing.is_empty());
    let rules: Vec<Rule<'_>> = lacking.map(|check| Rule { right: &check.right, verbs: &check.missing }).collect();
    if rules.is_empty() {
        return None;
    }
    let listed: String = rules.iter().map(Rule::line).collect();
    // Another set of rules is another role: it must not take away what an earlier one gave.
    let name = format!("windlass-missing-{:08x}", crc32fast::hash(format!("{user}\n{listed}").as_bytes()));
    Some(bound(namespace, &name, &rules, &rbac_subject(user)))
}

struct Rule<'a> {
    right: &'a Right,
    verbs: &'a [&'static str],
}

impl Rule<'_> {
    fn line(&self) -> String {
        let (group, resource, verbs) = (self.right.group, self.right.resource, self.verbs.join(", "));
        format!("  - {{apiGroups: [\"{group}\"], resources: [{resource}], verbs: [{verbs}]}}\n")
    }
}

/// A role and its binding.
fn bound(namespace: &str, name: &str, rules: &[Rule<'_>], subject: &str) -> String {
    const API: &str = "apiVersion: rbac.authorization.k8s.io/v1";
    let mut yaml = format!("{API}\nkind: Role\nmetadata: {{name: {name}, namespace: {namespace}}}\nrules:\n");
    for rule in rules {
        let _ = write!(yaml, "  # {}\n{}", rule.right.purpose, rule.line());
    }
    let _ = write!(
        yaml,
        "---\n{API}\nkind: RoleBinding\nmetadata: {{name: {name}, namespace: {namespace}}}\nroleRef: {{apiGroup: \
         rbac.authorization.k8s.io, kind: Role, name: {name}}}\nsubjects:\n  - {subject}\n"
    );
    yaml
}
