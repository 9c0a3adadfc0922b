//! Files to a checked model.
//!
//! In order: [`load`] reads the entry and everything it imports; [`types`] declares all types, ties each to its
//! parent and puts parents first; [`data`], [`bodies`] and [`interfaces`] build their effective definitions;
//! [`service`] builds the service template: its nodes in [`template`], with [`requirements`] and [`operations`], then
//! what is about them. [`values`], [`functions`], [`paths`], [`references`] and [`validation`] do what is inside values.
//!
//! A mistake never stops the rest. What cannot be resolved becomes an *unknown* type that fits everything, so that
//! one mistake has one diagnostic.

mod assigned;
mod bodies;
mod capabilities;
mod custom;
mod data;
mod dataflow;
mod definitions;
mod evaluate;
mod find;
mod follow;
mod form;
mod functions;
mod get;
mod interface_types;
mod interfaces;
mod kinds;
mod load;
mod older;
mod operations;
mod parameters;
mod paths;
mod policies;
mod references;
mod repositories;
mod required;
mod requirement_mapping;
mod requirements;
mod schemas;
mod scope;
mod service;
mod signatures;
mod special;
mod substitution;
mod target_capability;
mod template;
mod topology;
mod types;
mod units;
mod validation;
mod values;
mod workflows;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use custom::{CustomFunctions, CustomWords};
use diagnostics::{Diagnostic, SourceMap, has_errors};
pub use load::profile_of;
use load::{ImportEdge, LoadedFile};
use repositories::LoadedRepository;
use scope::Scopes;
use service::TemplateState;
use tosca_syntax::words::{
    Reader, TypeDefinition, read_functions, read_service_template, read_template_functions, read_types,
};

use crate::model::{Expression, File, Import, Model, Name, Reference, Repository, Schema, Type, TypeId};
use crate::sources::Sources;

/// The names of the standard's functions, without `$`.
pub(crate) fn built_in_functions() -> impl Iterator<Item = &'static str> {
    functions::built_in()
}

/// What came of compiling a file.
#[derive(Debug, Clone)]
pub struct Compilation {
    /// Present when there are no errors.
    pub model: Option<Model>,
    /// The files read, the entry first.
    pub files: Arc<[File]>,
    /// Every mistake found, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts read, for rendering the diagnostics and for the places in the model.
    pub sources: SourceMap,
}

/// Compiles a TOSCA file and everything it imports.
///
/// `entry` is a URL or path that `sources` understands. All independent mistakes are found in one run; a file that
/// cannot be read is a diagnostic without a place when it is the entry, and at the import when it is imported.
/// Inputs of the service template have no values yet: they bind when somebody deploys.
pub fn compile(entry: &str, sources: &dyn Sources) -> Compilation {
    let mut loaded = load::load(entry, sources);
    let mut diagnostics = std::mem::take(&mut loaded.diagnostics);
    let mut reader = Reader::default();
    let words: Vec<Vec<TypeDefinition<'_>>> = loaded
        .files
        .iter()
        .map(|file| {
            file.document.as_ref().map(|document| read_types(&mut reader, document)).unwrap_or_default()
        })
        .collect();
    let entry = loaded.files.first().and_then(|file| file.document.as_ref());
    let mut template = entry.and_then(|document| read_service_template(&mut reader, document));
    let nodes = template.as_mut().map(|words| std::mem::take(&mut words.node_templates)).unwrap_or_default();
    let documents = loaded.files.iter().map(|file| file.document.as_ref());
    let functions = CustomWords {
        files: documents
            .map(|document| {
                document.map(|document| read_functions(&mut reader, document)).unwrap_or_default()
            })
            .collect(),
        template: entry.map(|entry| read_template_functions(&mut reader, entry)).unwrap_or_default(),
    };
    diagnostics.append(&mut reader.diagnostics);

    let mut compiler = Compiler::new(&loaded.files, &words, &loaded.map);
    compiler.declare_types();
    compiler.declare_functions(&functions);
    compiler.build_types();
    compiler.check_type_references();
    compiler.check_repositories();
    let service_template = template.as_ref().and_then(|words| compiler.service_template(words, nodes));
    compiler.check_subjects();
    let types = compiler.finish_types();
    let functions_of_model = std::mem::take(&mut compiler.custom.functions);
    diagnostics.append(&mut compiler.diagnostics.borrow_mut());
    drop(compiler);

    older::fold(&mut diagnostics, &loaded.map);
    diagnostics.sort_by_key(|diagnostic| {
        diagnostic.primary.as_ref().map(|place| (place.span.source, place.span.start))
    });
    told_once(&mut diagnostics);
    let files: Arc<[File]> = loaded.files.iter().map(file).collect();
    let model = (!has_errors(&diagnostics)).then(|| Model {
        files: Arc::clone(&files),
        types,
        functions: functions_of_model,
        service_template,
    });
    drop(functions);
    drop(template);
    drop(words);
    Compilation { model, files, diagnostics, sources: loaded.map }
}

fn file(loaded: &LoadedFile) -> File {
    let import = |edge: &ImportEdge| {
        let ImportEdge { namespace, profile, file, span, .. } = edge;
        let (namespace, profile) = (namespace.clone(), profile.clone());
        file.map(|file| Import { namespace, profile, file, span: *span })
    };
    File {
        source: loaded.source,
        locator: loaded.locator.clone(),
        profile: loaded.profile.clone(),
        description: loaded.description.clone(),
        metadata: loaded.metadata.clone(),
        imports: loaded.imports.iter().filter_map(import).collect(),
        imported_at: loaded.imported_at,
        repositories: loaded.repositories.iter().map(repository).collect(),
    }
}

/// Drops what is said again: a mistake behind an anchor is in every element that has the alias.
fn told_once(diagnostics: &mut Vec<Diagnostic>) {
    let mut told = HashSet::new();
    diagnostics.retain(|diagnostic| {
        diagnostic.primary.as_ref().is_none_or(|place| {
            told.insert((diagnostic.code.clone(), place.span, place.label.clone(), diagnostic.hints.clone()))
        })
    });
}

fn repository(loaded: &LoadedRepository) -> (Name, Repository) {
    let LoadedRepository { name, span, url, description, metadata } = loaded;
    let url = url.clone().unwrap_or_default();
    let repository =
        Repository { url, description: description.clone(), metadata: metadata.clone(), span: *span };
    (name.clone(), repository)
}

/// What the passes share. Diagnostics and names are behind cells so that values can be compiled while types are
/// borrowed.
struct Compiler<'a> {
    files: &'a [LoadedFile],
    words: &'a [Vec<TypeDefinition<'a>>],
    map: &'a SourceMap,
    scopes: Scopes<'a>,
    types: Vec<Type>,
    /// For each type: its file and its words; absent for built-in and unknown ones.
    declared: Vec<Option<Declared<'a>>>,
    /// Which keynames of a type, or of an ancestor, could not be read: what is not found in them may be there.
    vague: HashMap<TypeId, HashSet<&'static str>>,
    unknown: types::UnknownTypes,
    template: TemplateState<'a>,
    custom: CustomFunctions<'a>,
    /// Artifact types by the file extensions that they name themselves.
    file_extensions: HashMap<String, Vec<TypeId>>,
    /// References in types, to be checked when all types are built.
    references: RefCell<Vec<PendingReference>>,
    /// Data types of `$value`, each with the names and indexes into it, to be checked when all types are built.
    subjects: RefCell<Vec<(TypeId, Vec<Expression>)>>,
    diagnostics: RefCell<Vec<Diagnostic>>,
    names: RefCell<HashSet<Name>>,
    /// How many values have been copied from definitions into others.
    copied: Cell<u64>,
}

#[derive(Clone, Copy)]
struct Declared<'a> {
    file: usize,
    words: &'a TypeDefinition<'a>,
}

struct PendingReference {
    reference: Reference,
    context: Context,
    wanted: Wanted,
    /// For a mapping: what goes to the attribute, when it is known.
    given: Option<Arc<Schema>>,
}

/// What a reference names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Of `$get_property`.
    Property,
    /// Of `$get_attribute` and mappings.
    Attribute,
    /// Of `$get_artifact`.
    Artifact,
    /// A capability's property, of `$available_allocation`.
    Allocation,
}

/// Where an expression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Context {
    /// The file, for names of types and for artifacts.
    file: usize,
    /// What `SELF` is.
    self_is: SelfIs,
    /// Whether it is in the service template, where inputs and node templates can be named.
    in_template: bool,
    /// Whether it is a validation clause, where `$value` and the Boolean functions belong.
    in_validation: bool,
    /// The data type of `$value` in a validation clause, when it is known.
    subject: Option<TypeId>,
    /// The type whose definitions it is in.
    of_type: Option<TypeId>,
}

/// What `SELF` is in an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SelfIs {
    /// There is none: inputs and outputs of the service template.
    Nothing,
    /// A node or relationship that is not known here: data, capability, artifact and interface types.
    Unknown,
    /// A node of this type.
    Node(TypeId),
    /// A relationship of this type.
    Relationship(TypeId),
    /// A node template, by its position.
    NodeTemplate(usize),
    /// The relationship of a requirement assignment, by the positions of node template and assignment.
    RequirementOf(usize, usize),
}

impl Context {
    fn in_type(file: usize, self_is: SelfIs) -> Self {
        Self { file, self_is, in_template: false, in_validation: false, subject: None, of_type: None }
    }

    fn validation(self, subject: Option<TypeId>) -> Self {
        Self { in_validation: true, subject, ..self }
    }
}

impl<'a> Compiler<'a> {
    fn new(files: &'a [LoadedFile], words: &'a [Vec<TypeDefinition<'a>>], map: &'a SourceMap) -> Self {
        Self {
            files,
            words,
            map,
            scopes: Scopes::new(files),
            types: Vec::new(),
            declared: Vec::new(),
            vague: HashMap::new(),
            unknown: types::UnknownTypes::default(),
            template: TemplateState::default(),
            custom: CustomFunctions::default(),
            file_extensions: HashMap::new(),
            references: RefCell::new(Vec::new()),
            subjects: RefCell::new(Vec::new()),
            diagnostics: RefCell::new(Vec::new()),
            names: RefCell::new(HashSet::new()),
            copied: Cell::new(0),
        }
    }

    fn report(&self, diagnostic: Diagnostic) {
        self.diagnostics.borrow_mut().push(diagnostic);
    }

    /// Whether to look for the name that was meant: comparing with all others costs the product of both numbers, and
    /// nobody reads the thousandth hint.
    fn can_suggest(&self) -> bool {
        const DIAGNOSTICS_WITH_HINTS_MAX: usize = 500;
        self.diagnostics.borrow().len() < DIAGNOSTICS_WITH_HINTS_MAX
    }

    /// A copy of a definition's value for what does not assign one. A large default of a type that is used often, or
    /// defaults within defaults, would otherwise make gigabytes of a small file.
    fn copy(&self, value: &Expression) -> Option<Expression> {
        const COPIED_VALUES_MAX: u64 = 2_000_000;
        let before = self.copied.get();
        if before > COPIED_VALUES_MAX {
            return None;
        }
        // A single value is free: where it goes there is a place for it anyway.
        self.copied.set(before + value.size() - 1);
        if self.copied.get() > COPIED_VALUES_MAX {
            let message =
                format!("the defaults that are filled in have more than {COPIED_VALUES_MAX} values");
            self.report(Diagnostic::error("too-many-defaults", message).at(value.span));
            return None;
        }
        Some(value.clone())
    }

    /// The one copy of a name.
    fn name(&self, text: &str) -> Name {
        let mut names = self.names.borrow_mut();
        if let Some(name) = names.get(text) {
            return name.clone();
        }
        let name = Name::from(text);
        names.insert(name.clone());
        name
    }

    /// The beginning of the file that a context is in, named for people.
    fn file_name(&self, file: usize) -> &str {
        self.map.file(self.files[file].source).name()
    }
}
