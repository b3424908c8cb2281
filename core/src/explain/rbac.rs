//! `… is forbidden`: which right is missing, and the rule that gives it.

use std::fmt::Write;

/// A right that somebody lacks, as the API server's sentence says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// Who asked, such as `system:serviceaccount:ci:deployer`.
    pub user: String,
    /// What was asked, such as `list`.
    pub verb: String,
    /// Of what, such as `pods` or `pods/log`.
    pub resource: String,
    /// The API group; empty for the first one.
    pub group: String,
    /// Where; `None` for the whole cluster.
    pub namespace: Option<String>,
}

impl Forbidden {
    /// Reads `pods is forbidden: User "ana" cannot list resource "pods" in API group "" in the namespace "web"`.
    pub fn read(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once("User \"")?;
        let (user, rest) = rest.split_once("\" cannot ")?;
        let (verb, rest) = rest.split_once(" resource \"")?;
        let (resource, rest) = rest.split_once("\" in API group \"")?;
        let (group, rest) = rest.split_once('"')?;
        let namespace = rest.split_once("in the namespace \"").and_then(|(_, rest)| rest.split('"').next());
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-._/:@*".contains(c));
        if ![user, verb, resource, group].into_iter().chain(namespace).all(plain) {
            return None;
        }
        Some(Self {
            user: user.to_owned(),
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            group: group.to_owned(),
            namespace: namespace.map(str::to_owned),
        })
    }

    /// The role with the rule, and its binding, as YAML that can be applied.
    pub fn as_yaml(&self) -> String {
        let (role, place) = match &self.namespace {
            Some(namespace) => ("Role", format!(", namespace: {namespace}")),
            None => ("ClusterRole", String::new()),
        };
        let name = self.name();
        let mut yaml = String::new();
        let _ = write!(
            yaml,
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: {role}\nmetadata: {{name: {name}{place}}}\nrules:\n  - apiGroups: \
             [\"{}\"]\n    resources: [\"{}\"]\n    verbs: [\"{}\"]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: \
             {role}Binding\nmetadata: {{name: {name}{place}}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {role}, name: \
             {name}}}\nsubjects:\n  - {}\n",
            self.group,
            self.resource,
            self.verb,
            rbac_subject(&self.user),
        );
        yaml
    }

    /// `windlass-list-pods-log`.
    fn name(&self) -> String {
        format!("windlass-{}-{}", self.verb, self.resource.replace(['/', '*'], "-"))
    }
}

/// Whoever a user name stands for, as the subject of a binding.
pub(crate) fn rbac_subject(user: &str) -> String {
    let account = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    match account {
        Some((namespace, name)) => format!("{{kind: ServiceAccount, name: {name}, namespace: {namespace}}}"),
        None => format!("{{kind: User, apiGroup: rbac.authorization.k8s.io, name: {user:?}}}"),
    }
}
