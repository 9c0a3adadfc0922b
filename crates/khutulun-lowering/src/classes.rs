//! Types become classes.

use std::collections::{BTreeMap, HashMap, HashSet};

use diagnostics::SourceMap;
use floria::{Class, ClassName, Metadata, Namespace};
use tosca::model::{Model, TypeId, TypeKind};

use crate::{artifacts::below, lower};

/// Metadata of a class: which kind of TOSCA type it was, such as `node`.
const KIND: &str = "tosca.kind";

/// What makes a type the same one in two models: its kind, its name, and the profile or else the file that defines it.
pub(crate) type Identity = (TypeKind, String, Home);

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Home {
    Profile(String),
    File(String),
}

/// The identity of a type.
pub(crate) fn identity(model: &Model, id: TypeId) -> Identity {
    let own = model.type_of(id);
    let home = match &own.profile {
        Some(profile) => Home::Profile(profile.as_str().to_owned()),
        None => Home::File(file_of(model, id).unwrap_or_default().to_owned()),
    };
    (own.kind(), own.name.as_str().to_owned(), home)
}

fn file_of(model: &Model, id: TypeId) -> Option<&str> {
    Some(model.file_of(model.type_of(id).span?)?.locator.as_str())
}

/// The classes that are used so far.
pub(crate) struct Classes {
    /// The package's folder.
    root: String,
    /// Those of the model that is being lowered.
    names: BTreeMap<TypeId, ClassName>,
    /// Those of all models.
    known: HashMap<Identity, ClassName>,
    taken: HashSet<ClassName>,
    finished: BTreeMap<ClassName, Class>,
}

impl Classes {
    pub(crate) fn new(root: &str) -> Self {
        Self {
            root: root.to_owned(),
            names: BTreeMap::new(),
            known: HashMap::new(),
            taken: HashSet::new(),
            finished: BTreeMap::new(),
        }
    }

    /// The class of a type and those of its ancestors, nearest first; all of them will be in the design.
    pub(crate) fn of(&mut self, model: &Model, id: TypeId) -> Vec<ClassName> {
        let mut lineage = vec![id];
        lineage.extend(model.type_of(id).ancestors.iter().copied());
        lineage.into_iter().map(|id| self.name(model, id)).collect()
    }

    fn name(&mut self, model: &Model, id: TypeId) -> ClassName {
        if let Some(name) = self.names.get(&id) {
            return name.clone();
        }
        let identity = identity(model, id);
        let name = match self.known.get(&identity) {
            Some(name) => name.clone(),
            None => self.free_name(model, id),
        };
        self.taken.insert(name.clone());
        self.known.insert(identity, name.clone());
        self.names.insert(id, name.clone());
        name
    }

    /// The name of a class; of one whose name an earlier model has given to another type, with its file.
    fn free_name(&self, model: &Model, id: TypeId) -> ClassName {
        let name = class_name(model, id);
        if !self.taken.contains(&name) {
            return name;
        }
        let file = file_of(model, id).unwrap_or_default();
        let file = below(file, &self.root).unwrap_or(file);
        let of_file = ClassName(format!("{file}:{name}"));
        let numbered = (2..).map(|number: u64| ClassName(format!("{file}-{number}:{name}")));
        let mut free = std::iter::once(of_file).chain(numbered);
        free.find(|name| !self.taken.contains(name)).expect("there are more numbers than classes")
    }

    /// Ends a model: the next one has other types.
    pub(crate) fn finish(&mut self, model: &Model, namespace: &Namespace, texts: &SourceMap) {
        let used = std::mem::take(&mut self.names);
        for (id, name) in &used {
            let own = model.type_of(*id);
            let ancestors = own.ancestors.iter().filter_map(|ancestor| used.get(ancestor).cloned()).collect();
            self.finished.entry(name.clone()).or_insert_with(|| Class {
                name: name.clone(),
                namespace: namespace.clone(),
                ancestors,
                metadata: Metadata::from([(KIND.to_owned(), own.kind().as_str().into())]),
                origin: own.span.map(|span| lower::origin(texts, span)),
            });
        }
    }

    /// The classes of all models, by name.
    pub(crate) fn into_classes(self) -> Vec<Class> {
        self.finished.into_values().collect()
    }
}

/// The qualified name of a type. Types of different kinds may share one in TOSCA; then the node type has it, and the others
/// are told apart by their kind, so that what a node is called never depends on what else there is.
fn class_name(model: &Model, id: TypeId) -> ClassName {
    const PRECEDENCE: [TypeKind; 3] = [TypeKind::Node, TypeKind::Relationship, TypeKind::Capability];
    let own = model.type_of(id);
    let name = own.qualified_name.as_str();
    let taken = PRECEDENCE
        .into_iter()
        .take_while(|kind| *kind != own.kind())
        .any(|kind| model.find_type(kind, name).is_some());
    ClassName(if taken { format!("{name} ({})", own.kind()) } else { name.to_owned() })
}
