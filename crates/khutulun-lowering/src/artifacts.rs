//! Artifacts: files by digest, and what runs them.

use std::sync::Arc;

use diagnostics::{Diagnostic, Span};
use floria::{Implementation, Value, ValueMap};
use khutulun_api::names;
use tosca::{
    SourceError,
    model::{self, Model, NodeTemplate},
};

use crate::{
    expressions::value,
    lower::{ArtifactFile, Lowering},
    services::root_of,
};

/// Metadata of an artifact type: how an operation runs such a file.
const IMPLEMENTATION: &str = "khutulun.implementation";

/// How an operation runs a file.
#[derive(Clone, Copy, PartialEq)]
enum Runner {
    Driver,
    Plugin,
    Script,
}

impl Lowering<'_, '_> {
    /// What an operation runs; None when that is nothing, or was told as a diagnostic.
    pub(crate) fn implementation(&mut self, written: &model::Implementation) -> Option<Implementation> {
        let Some(primary) = &written.primary else {
            if !written.dependencies.is_empty() {
                let message = "an implementation has dependencies and nothing that needs them";
                self.tell(Diagnostic::error("no-primary", message).at(written.span).chapter("11.8"));
            }
            return None;
        };
        let runner = self.runner(primary);
        if runner != Some(Runner::Script)
            && runner.is_some()
            && let Some(dependency) = written.dependencies.first()
        {
            let message = "only a script can have dependencies; a component is one file";
            self.tell(Diagnostic::error("unsupported-dependency", message).at(dependency.span));
        }
        match runner {
            Some(Runner::Driver) => Some(Implementation::Driver(primary.file.as_ref().to_owned())),
            Some(Runner::Plugin) => self.file(primary).map(Implementation::Plugin),
            Some(Runner::Script) => {
                let artifact = self.file(primary);
                let dependencies: Vec<_> =
                    written.dependencies.iter().filter_map(|dependency| self.file(dependency)).collect();
                Some(Implementation::Script { artifact: artifact?, dependencies })
            }
            None => {
                let own = self.model.type_of(primary.type_id);
                self.tell(
                    Diagnostic::error(
                        "unknown-implementation",
                        format!("an artifact of the type `{}` cannot be run", own.name),
                    )
                    .at(primary.span)
                    .hint(
                        "derive its type from `Script`, `Plugin` or `Driver` of the profile `khutulun.process:0.1`",
                    ),
                );
                None
            }
        }
    }

    fn runner(&self, artifact: &model::Artifact) -> Option<Runner> {
        runner(self.model, artifact)
    }

    /// The artifacts of a node that are files, by name.
    pub(crate) fn node_artifacts(&mut self, node: &NodeTemplate) -> ValueMap {
        let mut artifacts = ValueMap::new();
        for (name, artifact) in &node.artifacts {
            // A driver is no file.
            if self.runner(artifact) == Some(Runner::Driver) {
                continue;
            }
            let Some(file) = self.file(artifact) else { continue };
            let own = self.model.type_of(artifact.type_id);
            let mut entry = ValueMap::from([
                ("path".into(), file.path.into()),
                ("digest".into(), file.digest.into()),
                ("type".into(), own.qualified_name.as_str().into()),
            ]);
            // What another file of this name needs: the artifact says, or else its type.
            let change = artifact
                .metadata
                .get(names::CHANGE)
                .or_else(|| self.model.inherited_metadata(artifact.type_id, names::CHANGE));
            if let Some(change) = change.map(|change| value(self.model, change)) {
                self.check_change(&change, artifact.span);
                entry.insert(names::CHANGE.into(), change);
            }
            if let Some(version) = &artifact.version {
                entry.insert("version".into(), version.as_ref().into());
            }
            let mut properties = ValueMap::new();
            for (name, property) in &artifact.properties {
                match property.value.as_ref().map(|expression| expression.as_value()) {
                    None => {}
                    Some(Some(literal)) => {
                        properties.insert(name.as_str().into(), value(self.model, literal));
                    }
                    Some(None) => {
                        let message = "a function in a property of an artifact is not supported yet";
                        self.tell(Diagnostic::error("unsupported-function", message).at(property.span));
                    }
                }
            }
            if !properties.is_empty() {
                entry.insert("properties".into(), Value::Map(properties));
            }
            artifacts.insert(name.as_str().into(), Value::Map(entry));
        }
        artifacts
    }

    /// The file of an artifact; None when there is something wrong with it.
    fn file(&mut self, artifact: &model::Artifact) -> Option<floria::Artifact> {
        if self.refuse_repository(artifact) {
            return None;
        }
        let model = self.model;
        let written_in = model.files.iter().find(|file| file.source == artifact.source)?;
        let files = self.options.files;
        let key = (artifact.source, Arc::clone(&artifact.file));
        let located = self
            .located
            .entry(key)
            .or_insert_with(|| files.locate(&artifact.file, &written_in.locator))
            .clone();
        let locator = match located {
            Ok(locator) => locator,
            // Wherever it could be fetched, what a service needs has to come with it.
            Err(SourceError::NoNetwork) => return self.outside(artifact),
            Err(error) => {
                self.tell(unreadable(artifact, &error));
                return None;
            }
        };
        let own = || below(locator.as_str(), self.root()).map(str::to_owned);
        let Some(path) = files.path_in_profile(&locator).or_else(own) else { return self.outside(artifact) };
        let digest =
            self.shared.digests.entry(locator.clone()).or_insert_with(|| files.digest(&locator)).clone();
        let digest = match digest {
            Ok(digest) => digest,
            Err(error) => {
                self.tell(unreadable(artifact, &error));
                return None;
            }
        };
        self.check_sum(artifact, &digest);
        self.shared.artifacts.entry(path.clone()).or_insert_with(|| ArtifactFile {
            path: path.clone(),
            digest: digest.clone(),
            locator,
            computes: false,
        });
        Some(floria::Artifact { path, digest })
    }

    /// The folder of the package.
    fn root(&self) -> &str {
        self.options.root.unwrap_or_else(|| root_of(self.model))
    }

    fn outside(&mut self, artifact: &model::Artifact) -> Option<floria::Artifact> {
        let message = format!("the artifact file `{}` is outside the package", artifact.file);
        let hint = format!("the package is `{}`; what it needs has to be in it", self.root());
        self.tell(Diagnostic::error("artifact-outside", message).at(artifact.span).hint(hint));
        None
    }

    /// Compares a file with the checksum that the document gives, if any.
    fn check_sum(&mut self, artifact: &model::Artifact, digest: &str) {
        let Some(checksum) = &artifact.checksum else { return };
        let algorithm: String =
            checksum.algorithm.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        if algorithm != "sha256" {
            let message = format!("the checksum algorithm `{}` is not supported yet", checksum.algorithm);
            self.tell(
                Diagnostic::error("unsupported-checksum", message).at(artifact.span).hint("use SHA-256"),
            );
        } else if !checksum.value.eq_ignore_ascii_case(digest) {
            let message = format!("the artifact file `{}` is not the one of the checksum", artifact.file);
            self.tell(
                Diagnostic::error("wrong-checksum", message)
                    .at(artifact.span)
                    .hint(format!("the SHA-256 of the file is {digest}")),
            );
        }
    }
}

fn runner(model: &Model, artifact: &model::Artifact) -> Option<Runner> {
    match model.inherited_metadata(artifact.type_id, IMPLEMENTATION)?.as_str()? {
        "driver" => Some(Runner::Driver),
        "plugin" => Some(Runner::Plugin),
        "script" => Some(Runner::Script),
        _ => None,
    }
}

/// Whether an artifact is a driver: its `file` is the driver's name and no path.
pub fn is_driver(model: &Model, artifact: &model::Artifact) -> bool {
    runner(model, artifact) == Some(Runner::Driver)
}

fn unreadable(artifact: &model::Artifact, error: &SourceError) -> Diagnostic {
    let message = format!("cannot read the artifact file `{}`: {error}", artifact.file);
    let span: Span = artifact.span;
    // Whoever wrote the document may have said where the file is to come from.
    let words =
        artifact.description.as_ref().map(|words| format!("the document says of it: {}", words.trim()));
    Diagnostic::error("missing-artifact", message).at(span).maybe_hint(words)
}

/// The path of a file relative to a folder that holds it.
pub(crate) fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    let rest = if folder.is_empty() { path } else { path.strip_prefix(folder)?.strip_prefix('/')? };
    let is_inside = !rest.is_empty()
        && !rest.starts_with('/')
        && !rest.contains("://")
        && rest.split('/').all(|level| level != "..");
    is_inside.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn only_what_is_inside_has_a_path() {
        assert_eq!(below("/package/scripts/a.sh", "/package"), Some("scripts/a.sh"));
        assert_eq!(below("scripts/a.sh", ""), Some("scripts/a.sh"));
        assert_eq!(below("/packages/a.sh", "/package"), None);
        assert_eq!(below("../a.sh", ""), None);
        assert_eq!(below("/a.sh", ""), None);
        assert_eq!(below("https://example.com/a.sh", ""), None);
        assert_eq!(below("/package", "/package"), None);
    }
}
