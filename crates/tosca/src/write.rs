//! A model written back as one TOSCA 2.0 file.
//!
//! What imports by URL bring in becomes the file's own: types, functions, repositories. Profiles that are imported by
//! their names stay imports, so that their types stay those of the profile. Where names of several files meet, all but
//! one get longer ones. What is inherited, and values that come from definitions, are not repeated.

mod definitions;
mod imports;
mod names;
mod template;
mod types;
mod values;
mod yaml;

use std::fmt;

use diagnostics::{SourceId, Span};
use names::Names;
use yaml::{Fields, Yaml};

use crate::model::{Artifact, File, Model, Name, TypeId, TypeKind};

/// Where the metadata of a written file has what the files that were merged into it say of themselves.
const MERGED_FILES: &str = "merged_files";

/// How [`write()`] writes.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// The folder that the file will be in, as the locators of the model name folders. The paths of artifact files
    /// start there. None: the entry's folder.
    pub folder: Option<String>,
    /// Whether the `file` of an artifact is no path, and so stays as it is. None: all are paths.
    pub is_no_path: Option<fn(&Model, &Artifact) -> bool>,
}

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

/// Writes a model as one file that compiles to the same model with the same profiles, but for places, the names of
/// files, and names of types, functions and repositories that met.
///
/// What imported files say of themselves goes to the metadata `merged_files`: a list with a map for each file that has
/// a description, metadata or a profile of its own. A type of such a profile, which was imported by a URL and not by
/// its name, is then a type of the written file. What the model does not keep has no place in it: comments,
/// `dsl_definitions`, descriptions of relationships, `copy` of relationship templates.
///
/// # Errors
/// When TOSCA has no words for something in the model; one that comes from [`compile`](crate::compile) has nothing
/// like that.
pub fn write(model: &Model, options: &WriteOptions) -> Result<String, WriteError> {
    let writer = Writer { model, options, names: names::choose(model) };
    let mut fields = Fields::default();
    fields.put("tosca_definitions_version", "tosca_2_0".into());
    if let Some(entry) = model.files.first() {
        fields.text("profile", entry.profile.as_deref());
        fields.text("description", entry.description.as_deref());
        fields.filled("metadata", writer.file_metadata(entry));
    }
    fields.filled("imports", writer.imports());
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

/// The profiles that types lose when a model is [written](write()): those of files that are imported by URLs.
pub fn lost_profiles(model: &Model) -> Vec<Name> {
    let imports = imports::Imports::find(model);
    let mut lost: Vec<Name> = Vec::new();
    let entry = model.files.first().and_then(|entry| entry.profile.as_ref());
    for file in model.files.iter().filter(|file| imports.is_merged(file.source)) {
        if let Some(profile) = file.profile.as_ref().filter(|profile| entry != Some(profile))
            && !lost.contains(profile)
        {
            lost.push(profile.clone());
        }
    }
    lost
}

/// The model and the names that things have in the file.
struct Writer<'m> {
    model: &'m Model,
    options: &'m WriteOptions,
    names: Names,
}

impl Writer<'_> {
    fn type_name(&self, id: TypeId) -> Yaml {
        self.names.types[id.index()].as_str().into()
    }

    /// Whether something is defined in the written file itself, and not in a profile that it imports.
    fn is_merged(&self, span: Span) -> bool {
        self.names.imports.is_merged(span.source)
    }

    fn imports(&self) -> Yaml {
        let import = |profile: &imports::ImportedProfile| {
            let mut fields = Fields::default();
            fields.put("profile", profile.name.as_str().into());
            fields.text("namespace", profile.namespace.as_deref());
            fields.map()
        };
        Yaml::List(self.names.imports.profiles.iter().map(import).collect())
    }

    /// The metadata of the entry, with what merged files say of themselves.
    fn file_metadata(&self, entry: &File) -> Yaml {
        let mut merged = Vec::new();
        for file in self.model.files.iter().skip(1) {
            let own_profile = file.profile.as_ref().filter(|profile| entry.profile.as_ref() != Some(profile));
            let says_nothing =
                file.description.is_none() && file.metadata.is_empty() && own_profile.is_none();
            if says_nothing || !self.names.imports.is_merged(file.source) {
                continue;
            }
            let mut fields = Fields::default();
            fields.put("file", Yaml::Text(self.relocate(&folder(file), file_name(file))));
            fields.text("profile", own_profile.map(Name::as_str));
            fields.text("description", file.description.as_deref());
            fields.filled("metadata", values::metadata(&file.metadata));
            merged.push(fields.map());
        }
        let Yaml::Map(mut metadata) = values::metadata(&entry.metadata) else { return Yaml::Map(Vec::new()) };
        if merged.is_empty() {
            return Yaml::Map(metadata);
        }
        // The entry may be such a file itself.
        let known = metadata.iter().position(|(key, _)| *key == MERGED_FILES.into());
        match known.map(|known| metadata.remove(known).1) {
            Some(Yaml::List(before)) => merged.splice(0..0, before).for_each(drop),
            Some(other) => merged.insert(0, other),
            None => {}
        }
        metadata.push((MERGED_FILES.into(), Yaml::List(merged)));
        Yaml::Map(metadata)
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
                let mut all = self.names.repositories.iter();
                all.find(|(file, own, _)| own == name && (!is_near || *file == source))
            })
        };
        let found = find(true).or_else(|| find(false));
        found.map_or_else(|| name.into(), |(_, _, written)| written.as_str().into())
    }

    fn repository_definitions(&self) -> Yaml {
        let mut all = Fields::default();
        let definitions = self.model.files.iter().flat_map(|file| file.repositories.values());
        for (definition, (_, _, name)) in definitions.zip(&self.names.repositories) {
            if !self.is_merged(definition.span) {
                continue;
            }
            let mut fields = Fields::default();
            fields.text("url", Some(&definition.url));
            fields.text("description", definition.description.as_deref());
            fields.filled("metadata", values::metadata(&definition.metadata));
            all.put(name, fields.map());
        }
        all.map()
    }

    /// The `file` of an artifact: a path starts where the written file will be.
    fn file_of(&self, artifact: &Artifact) -> String {
        let file = artifact.file.to_string();
        let source = self.model.files.iter().find(|file| file.source == artifact.source);
        let is_whole = file.starts_with('/') || file.contains(':') || artifact.repository.is_some();
        let is_path = self.options.is_no_path.is_none_or(|is_no_path| !is_no_path(self.model, artifact));
        match source.filter(|_| is_path && !is_whole) {
            Some(source) => self.relocate(&folder(source), &file),
            None => file,
        }
    }

    /// A path that starts at a folder, as one that starts where the written file will be.
    fn relocate(&self, start: &str, path: &str) -> String {
        match (&self.options.folder, self.model.files.first()) {
            (Some(target), _) => relocated(target, start, path),
            (None, Some(entry)) => relocated(&folder(entry), start, path),
            (None, None) => path.to_owned(),
        }
    }
}

/// The folder that a file is in.
fn folder(file: &File) -> String {
    file.locator.as_str().rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()
}

/// The name of a file in its folder.
fn file_name(file: &File) -> &str {
    file.locator.as_str().rsplit_once('/').map_or(file.locator.as_str(), |(_, name)| name)
}

/// A path that is relative to the folder `source`, as one that is relative to `target`; where both have nothing in
/// common, a whole one.
fn relocated(target: &str, source: &str, path: &str) -> String {
    if target == source {
        return path.to_owned();
    }
    let (mut from, mut to): (Vec<&str>, Vec<&str>) =
        (target.split('/').collect(), source.split('/').collect());
    let has_scheme = |folder: &str| folder.contains(':');
    if has_scheme(target) != has_scheme(source) || has_scheme(source) && from.first() != to.first() {
        return format!("{source}/{path}");
    }
    from.retain(|part| !part.is_empty());
    to.retain(|part| !part.is_empty());
    let mut rest = path;
    while let Some(shorter) = rest.strip_prefix("../").filter(|_| !to.is_empty()) {
        to.pop();
        rest = shorter;
    }
    let common = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    up.chain(to[common..].iter().copied()).chain([rest]).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::relocated;

    #[test]
    fn files_of_artifacts_are_found_from_the_entry() {
        assert_eq!(relocated("a", "a", "run.sh"), "run.sh");
        assert_eq!(relocated("", "types", "run.sh"), "types/run.sh");
        assert_eq!(relocated("/a/b", "/a/c", "../run.sh"), "../run.sh");
        assert_eq!(relocated("/a/b", "/a/b/c", "../run.sh"), "run.sh");
        assert_eq!(relocated("/a", "https://example.org/x", "run.sh"), "https://example.org/x/run.sh");
    }
}
