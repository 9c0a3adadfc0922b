//! What a plugin may ask of the host.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// What a plugin asks for in its manifest, or what an operator allows. The default is nothing.
///
/// A request is done when the manifest asks for it *and* the operator allows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grant {
    /// Programs to run.
    pub commands: Vec<CommandGrant>,
    /// Files.
    pub paths: Vec<PathGrant>,
    /// Unix sockets to talk HTTP on.
    pub sockets: Vec<PathBuf>,
    /// Whether to start and keep the process of the node whose operation runs.
    pub processes: bool,
    /// Whether to learn where artifacts of the service are, and to read them.
    pub artifacts: bool,
}

/// A program, with the arguments that it may get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandGrant {
    /// The program, exactly as the plugin names it: by name or by absolute path.
    pub program: String,
    /// One pattern for each argument: `*` stands for any one argument, `prefix*` for one that begins so, `**` at the end for
    /// any number of any arguments; all else is taken literally. No patterns: no arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The environment variables that may be set. Not by patterns: some variables make a program run another.
    #[serde(default)]
    pub environment: Vec<String>,
}

/// A file, or all below a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathGrant {
    /// Its absolute path.
    pub path: PathBuf,
    /// What may be done there.
    pub access: Access,
}

/// What may be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read it.
    Read,
    /// Read, write and remove it.
    Write,
}

impl Grant {
    /// Returns whether a command is covered.
    pub fn covers_command<'a>(
        &self,
        program: &str,
        arguments: &[String],
        environment: impl Iterator<Item = &'a str> + Clone,
    ) -> bool {
        self.commands.iter().any(|grant| {
            grant.program == program
                && matches(&grant.arguments, arguments)
                && environment.clone().all(|name| grant.environment.iter().any(|allowed| allowed == name))
        })
    }
}

fn matches(patterns: &[String], arguments: &[String]) -> bool {
    match (patterns, arguments) {
        ([], []) => true,
        ([rest], _) if rest == "**" => true,
        ([pattern, patterns @ ..], [argument, arguments @ ..]) => {
            let fits = match pattern.strip_suffix('*') {
                Some(prefix) => argument.starts_with(prefix),
                None => pattern == argument,
            };
            fits && matches(patterns, arguments)
        }
        _ => false,
    }
}

/// What the operator allows to plugins. What is built in gets what its manifest asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantPolicy {
    grants: BTreeMap<String, Grant>,
}

impl GrantPolicy {
    /// Allows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows a plugin what the grant holds. A plugin is named by the digest of its component, which binds, or by the name in
    /// its manifest, which any plugin may claim.
    pub fn allow(mut self, plugin: impl Into<String>, grant: Grant) -> Self {
        self.grants.insert(plugin.into(), grant);
        self
    }

    /// Returns what a plugin is allowed: by its digest, else by its name, else nothing.
    pub fn allowed(&self, digest: &str, name: &str) -> Grant {
        self.grants.get(digest).or_else(|| self.grants.get(name)).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(patterns: &[&str], arguments: &[&str], expected: bool) {
        let grant = Grant {
            commands: vec![CommandGrant {
                program: "podman".into(),
                arguments: patterns.iter().map(|&pattern| pattern.into()).collect(),
                environment: vec!["HOME".into()],
            }],
            ..Grant::default()
        };
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.into()).collect();
        let covered = grant.covers_command("podman", &arguments, ["HOME"].into_iter());
        assert_eq!(covered, expected, "{patterns:?} {arguments:?}");
        assert!(!grant.covers_command("docker", &arguments, [].into_iter()));
        assert!(!grant.covers_command("podman", &arguments, ["HOME", "LD_PRELOAD"].into_iter()));
    }

    #[test]
    fn patterns_match_argument_by_argument() {
        check(&[], &[], true);
        check(&[], &["ps"], false);
        check(&["ps"], &["ps"], true);
        check(&["ps"], &["ps", "-a"], false);
        check(&["rm", "*"], &["rm", "anything at all"], true);
        check(&["rm", "*"], &["rm"], false);
        check(&["rm", "*"], &["rm", "a", "b"], false);
        check(&["rm", "khutulun-*"], &["rm", "khutulun-web"], true);
        check(&["rm", "khutulun-*"], &["rm", "web"], false);
        check(&["logs", "**"], &["logs"], true);
        check(&["logs", "**"], &["logs", "-f", "x"], true);
        check(&["**", "x"], &["x", "x"], false);
        check(&["p.*"], &["ps"], false);
    }
}
