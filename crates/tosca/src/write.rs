//! A model written back as one TOSCA 2.0 file.
//!
//! The file stands alone: the types, functions and repositories of all imports and profiles are in it. Where names
//! of several files meet, all but one get longer ones. What is inherited, and values that come from definitions, are
//! not repeated.

mod definitions;
mod names;
mod template;
mod types;
mod values;
mod yaml;

use std::fmt;

use diagnostics::SourceId;
use names::Names;
use yaml::{Fields, Yaml};

use crate::model::{Artifact, Model, Name, TypeId, TypeKind};

/// How [`write`] writes.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct WriteOptions {}

/// Why a model cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// A refinement with several validation clauses or node filters of its own: TOSCA has a place for one.
    Clauses {
        /// What has them.
        what: String,
        /// How many.
        count: usize,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Clauses { what, count } = self;
        write!(f, "cannot write {what} that adds {count} clauses at once: TOSCA has a place for one")
    }
}

impl std::error::Error for WriteError {}

/// Writes a model as one file that compiles to the same model, but for places, the names of files, the profiles of
/// types, and names of types, functions and repositories that met.
///
/// Descriptions and metadata of imported files have no place in it, and neither has what the model does not keep:
/// comments, `dsl_definitions`, descriptions of relationships, `copy` of relationship templates.
///
/// # Errors
/// When TOSCA has no words for something in the model; one that comes from [`compile`](crate::compile) has nothing
/// like that.
pub fn write(model: &Model, _options: &WriteOptions) -> Result<String, WriteError> {
    let Names { types, functions, repositories } = names::choose(model);
    let writer = Writer { model, types, functions, repositories };
    let mut fields = Fields::default();
    fields.put("tosca_definitions_version", "tosca_2_0".into());
    if let Some(entry) = model.files.first() {
        fields.text("profile", entry.profile.as_deref());
        fields.text("description", entry.description.as_deref());
        fields.filled("metadata", values::metadata(&entry.metadata));
    }
    fields.filled("repositories", writer.repository_definitions());
    for kind in TypeKind::ALL {
        fields.filled(&format!("{kind}_types"), writer.types_of_kind(kind)?);
    }
    fields.filled("functions", writer.function_definitions()?);
    if let Some(service) = &model.service_template {
        fields.put("service_template", writer.service_template(service)?);
    }
    Ok(fields.map().document())
}

/// The model and the names that things have in the file.
struct Writer<'m> {
    model: &'m Model,
    types: Vec<String>,
    functions: Vec<String>,
    /// By file and name.
    repositories: Vec<(SourceId, Name, String)>,
}

impl Writer<'_> {
    fn type_name(&self, id: TypeId) -> Yaml {
        self.types[id.index()].as_str().into()
    }

    /// Whether it is the relationship type of requirements that name none.
    fn is_unknown(&self, id: TypeId) -> bool {
        names::is_unknown(self.model, id.index())
    }

    /// The name that a repository has in the file. One that an imported file has under a namespace is found by what
    /// follows it.
    fn repository(&self, source: SourceId, name: &str) -> Yaml {
        let candidates = || std::iter::successors(Some(name), |name| Some(name.split_once(':')?.1));
        let find = |is_near: bool| {
            candidates().find_map(|name| {
                let mut all = self.repositories.iter();
                all.find(|(file, own, _)| own == name && (!is_near || *file == source))
            })
        };
        let found = find(true).or_else(|| find(false));
        found.map_or_else(|| name.into(), |(_, _, written)| written.as_str().into())
    }

    fn repository_definitions(&self) -> Yaml {
        let mut all = Fields::default();
        let definitions = self.model.files.iter().flat_map(|file| file.repositories.values());
        for (definition, (_, _, name)) in definitions.zip(&self.repositories) {
            let mut fields = Fields::default();
            fields.text("url", Some(&definition.url));
            fields.text("description", definition.description.as_deref());
            fields.filled("metadata", values::metadata(&definition.metadata));
            all.put(name, fields.map());
        }
        all.map()
    }

    /// Where the file of an artifact is, seen from the entry.
    fn file_of(&self, artifact: &Artifact) -> String {
        let entry = self.model.files.first();
        let source = self.model.files.iter().find(|file| file.source == artifact.source);
        let (Some(entry), Some(source)) = (entry, source) else { return artifact.file.to_string() };
        let is_whole =
            artifact.file.starts_with('/') || artifact.file.contains(':') || artifact.repository.is_some();
        if is_whole {
            return artifact.file.to_string();
        }
        relocated(entry.locator.as_str(), source.locator.as_str(), &artifact.file)
    }
}

/// A path that is relative to the folder of `source`, as one that is relative to that of `entry`; where both have
/// nothing in common, the whole locator.
fn relocated(entry: &str, source: &str, file: &str) -> String {
    let folder = |locator: &str| -> Vec<String> {
        let folder = locator.rsplit_once('/').map_or("", |(folder, _)| folder);
        folder.split('/').map(str::to_owned).collect()
    };
    let (from, to) = (folder(entry), folder(source));
    if from == to {
        return file.to_owned();
    }
    let has_scheme = |locator: &str| locator.contains(':');
    if has_scheme(entry) != has_scheme(source) || has_scheme(source) && from.first() != to.first() {
        return format!("{}/{file}", to.join("/"));
    }
    let clean = |parts: Vec<String>| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let (from, to) = (clean(from), clean(to));
    let common = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    let down = to[common..].iter().map(String::as_str);
    up.chain(down).chain([file]).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::relocated;

    #[test]
    fn files_of_artifacts_are_found_from_the_entry() {
        assert_eq!(relocated("a/main.yaml", "a/types.yaml", "run.sh"), "run.sh");
        assert_eq!(relocated("main.yaml", "types/all.yaml", "run.sh"), "types/run.sh");
        assert_eq!(relocated("/a/b/main.yaml", "/a/c/types.yaml", "../run.sh"), "../c/../run.sh");
        assert_eq!(relocated("/a/main.yaml", "profile:x/p.yaml", "run.sh"), "profile:x/run.sh");
    }
}
