//! Types: declared, tied to their parents, built parents first.

use std::collections::HashMap;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::words::TypeBody as Words;

use super::form::plain_metadata;
use super::scope::Meeting;
use super::{Compiler, Context, Declared};
use crate::model::{
    ArtifactType, CapabilityType, DataBase, DataType, GroupType, InterfaceType, Map, Metadata, NodeType,
    PolicyType, RelationshipType, Type, TypeBody, TypeId, TypeKind, Version,
};

/// The data types of the standard (9.1), first in every model, in this order.
pub(super) const BUILT_IN: [DataBase; 11] = [
    DataBase::String,
    DataBase::Integer,
    DataBase::Float,
    DataBase::Boolean,
    DataBase::Bytes,
    DataBase::Nil,
    DataBase::Timestamp,
    DataBase::Scalar,
    DataBase::Version,
    DataBase::List,
    DataBase::Map,
];

/// Each type lists its ancestors and holds what they define: a longer chain would cost the square of its length.
const DERIVATION_DEPTH_MAX: usize = 128;

/// Stand for types that could not be resolved: each fits everything and has everything. Only one of them is in a
/// model: the relationship type, for requirements whose definition names none (the short form).
#[derive(Debug, Clone, Copy)]
pub(super) struct UnknownTypes {
    first: TypeId,
}

impl Default for UnknownTypes {
    fn default() -> Self {
        Self { first: TypeId::from_index(0) }
    }
}

impl UnknownTypes {
    /// The unknown type of a kind.
    pub(super) fn of(self, kind: TypeKind) -> TypeId {
        let offset = UNKNOWN.iter().position(|other| *other == kind).expect("all kinds are listed");
        TypeId::from_index(self.first.index() + offset)
    }

    /// The first of them.
    fn start(self) -> usize {
        self.first.index()
    }

    fn has(self, id: TypeId) -> bool {
        id >= self.first
    }
}

/// The kinds of unknown types: that of relationships first, as it stays in the model.
const UNKNOWN: [TypeKind; 8] = [
    TypeKind::Relationship,
    TypeKind::Artifact,
    TypeKind::Data,
    TypeKind::Capability,
    TypeKind::Interface,
    TypeKind::Node,
    TypeKind::Group,
    TypeKind::Policy,
];

fn empty_body(kind: TypeKind) -> TypeBody {
    match kind {
        TypeKind::Artifact => TypeBody::Artifact(ArtifactType::default()),
        TypeKind::Data => TypeBody::Data(empty_data(DataBase::Structure)),
        TypeKind::Capability => TypeBody::Capability(CapabilityType::default()),
        TypeKind::Interface => TypeBody::Interface(InterfaceType::default()),
        TypeKind::Relationship => TypeBody::Relationship(RelationshipType::default()),
        TypeKind::Node => TypeBody::Node(NodeType::default()),
        TypeKind::Group => TypeBody::Group(GroupType::default()),
        TypeKind::Policy => TypeBody::Policy(PolicyType::default()),
    }
}

fn empty_data(base: DataBase) -> DataType {
    DataType {
        base,
        properties: Map::new(),
        key_schema: None,
        entry_schema: None,
        validation: Vec::new(),
        units: None,
    }
}

fn kind_of(words: &Words<'_>) -> TypeKind {
    match words {
        Words::Artifact(_) => TypeKind::Artifact,
        Words::Data(_) => TypeKind::Data,
        Words::Capability(_) => TypeKind::Capability,
        Words::Interface(_) => TypeKind::Interface,
        Words::Relationship(_) => TypeKind::Relationship,
        Words::Node(_) => TypeKind::Node,
        Words::Group(_) => TypeKind::Group,
        Words::Policy(_) => TypeKind::Policy,
    }
}

impl<'a> Compiler<'a> {
    /// The type of an id.
    pub(super) fn type_of(&self, id: TypeId) -> &Type {
        &self.types[id.index()]
    }

    /// A data type of the standard.
    pub(super) fn built_in(&self, base: DataBase) -> TypeId {
        let index =
            BUILT_IN.iter().position(|other| *other == base).expect("all but structures are built in");
        TypeId::from_index(index)
    }

    /// Whether the type stands for one that could not be resolved.
    pub(super) fn is_unknown(&self, id: TypeId) -> bool {
        self.unknown.has(id)
    }

    /// Whether `id` is `ancestor` or derived from it; true when that cannot be known.
    pub(super) fn fits(&self, id: TypeId, ancestor: TypeId) -> bool {
        id == ancestor
            || self.is_unknown(id)
            || self.is_unknown(ancestor)
            || self.type_of(id).ancestors.iter().any(|&other| other == ancestor || self.is_unknown(other))
    }

    /// Whether something that is not found under a keyname of a type may be there all the same.
    pub(super) fn is_vague(&self, id: TypeId, keyname: &'static str) -> bool {
        self.is_unknown(id) || self.vague.get(&id).is_some_and(|keynames| keynames.contains(keyname))
    }

    /// Whether a definition may refine one that the type inherits and that could not be read.
    pub(super) fn may_inherit(&self, context: Context, keyname: &'static str) -> bool {
        let Some(id) = context.of_type else { return false };
        let has_unread_parent = self.vague.get(&id).is_some_and(|vague| vague.contains("derived_from"));
        has_unread_parent || self.type_of(id).parent.is_some_and(|parent| self.is_vague(parent, keyname))
    }

    /// Gives every type an id, and finds duplicates.
    pub(super) fn declare_types(&mut self) {
        let words = self.words;
        let mut add = |name: &str, span, body| {
            let name = self.name(name);
            self.types.push(Type {
                qualified_name: name.clone(),
                name,
                profile: None,
                parent: None,
                ancestors: Arc::new([]),
                version: None,
                description: None,
                metadata: Metadata::new(),
                span,
                body,
            });
        };
        for base in BUILT_IN {
            add(base.as_str(), None, TypeBody::Data(empty_data(base)));
        }
        for types in words {
            for definition in types {
                add(definition.name.text, Some(definition.name.span), empty_body(kind_of(&definition.body)));
            }
        }
        let first = TypeId::from_index(self.types.len());
        let unknown = self.name("unknown");
        for kind in UNKNOWN {
            let (name, qualified_name) = (unknown.clone(), unknown.clone());
            self.types.push(Type { body: empty_body(kind), name, qualified_name, ..self.types[0].clone() });
        }
        self.unknown = UnknownTypes { first };
        self.declared = vec![None; self.types.len()];
        let mut index = BUILT_IN.len();
        // By kind and name, for finding what is there more than once; in order of declaration.
        let mut by_name: HashMap<(TypeKind, &'a str), Vec<TypeId>> = HashMap::new();
        for (file, types) in words.iter().enumerate() {
            for definition in types {
                let id = TypeId::from_index(index);
                let kind = kind_of(&definition.body);
                self.declared[index] = Some(Declared { file, words: definition });
                self.scopes.declare(file, kind, definition.name.text, id);
                by_name.entry((kind, definition.name.text)).or_default().push(id);
                self.types[index].profile = self.files[file].profile.clone();
                index += 1;
            }
        }
        self.name_types(&by_name);
        self.find_duplicates(&by_name);
    }

    /// Gives every type its qualified name.
    fn name_types(&mut self, by_name: &HashMap<(TypeKind, &'a str), Vec<TypeId>>) {
        for ids in by_name.values() {
            let mut seen = Vec::with_capacity(ids.len());
            for &id in ids {
                let declared = self.declared[id.index()].expect("only declared types are in the map");
                let name = declared.words.name.text;
                let own = &self.types[id.index()];
                let mut qualified = match &own.profile {
                    Some(profile) => format!("{profile}:{name}"),
                    None => name.to_owned(),
                };
                if seen.contains(&qualified) {
                    qualified = format!("{}:{qualified}", self.file_name(declared.file));
                }
                seen.push(qualified.clone());
                self.types[id.index()].qualified_name = self.name(&qualified);
            }
        }
    }

    /// Reports names that several files bring into one namespace (6.8.4), once, in the file where they meet.
    fn find_duplicates(&self, by_name: &HashMap<(TypeKind, &'a str), Vec<TypeId>>) {
        for (&(kind, name), ids) in by_name {
            if kind == TypeKind::Data {
                for &id in ids {
                    self.check_reserved(id, name);
                }
            }
            if ids.len() < 2 {
                continue;
            }
            let places: Vec<(usize, Span)> = ids
                .iter()
                .map(|id| self.declared[id.index()].expect("only declared types are in the map"))
                .map(|declared| (declared.file, declared.words.name.span))
                .collect();
            let files: Vec<usize> = places.iter().map(|(file, _)| *file).collect();
            for Meeting { file, members } in self.scopes.meetings(&files) {
                let message = format!("the {kind} type `{name}` is defined more than once in one namespace");
                let diagnostic = Diagnostic::error("duplicate-type", message)
                    .hint("give one of the imports a `namespace`, and write `namespace:Name`")
                    .chapter("6.8.4");
                let here = members.iter().map(|&member| places[member]).collect::<Vec<_>>();
                self.report(self.at_meeting(diagnostic, file, &here));
            }
        }
    }

    fn check_reserved(&self, id: TypeId, name: &str) {
        if BUILT_IN.iter().any(|base| base.as_str() == name) {
            let span = self.declared[id.index()].map(|declared| declared.words.name.span);
            let message = format!("`{name}` is a data type of the standard and cannot be defined again");
            let diagnostic = Diagnostic::error("reserved-type", message).chapter("9.1");
            self.report(span.into_iter().fold(diagnostic, Diagnostic::at));
        }
    }

    /// Ties every type to its parent and builds all, parents before children, and what is needed by others first.
    pub(super) fn build_types(&mut self) {
        let mut order: Vec<TypeId> = Vec::with_capacity(self.types.len());
        let count = self.unknown.start();
        let parents: Vec<Option<TypeId>> =
            (0..count).map(|index| self.parent_of(TypeId::from_index(index))).collect();
        let mut state = vec![State::New; count];
        for index in 0..count {
            self.visit(index, &parents, &mut state, &mut order);
        }
        for &id in &order {
            self.tie(id, parents[id.index()]);
        }
        for kind in TypeKind::ALL {
            let of_kind: Vec<TypeId> =
                order.iter().copied().filter(|&id| self.type_of(id).kind() == kind).collect();
            match kind {
                TypeKind::Data => {
                    self.build_data_types(&of_kind);
                    self.build_functions();
                }
                _ => of_kind.into_iter().for_each(|id| self.build_body(id)),
            }
            if kind == TypeKind::Artifact {
                self.index_artifact_types();
            }
        }
    }

    fn parent_of(&self, id: TypeId) -> Option<TypeId> {
        let declared = self.declared[id.index()]?;
        let kind = kind_of(&declared.words.body);
        match declared.words.derived_from {
            Some(word) => Some(self.find_type(declared.file, kind, word)),
            None if declared.words.hidden.has("derived_from") => Some(self.unknown.of(kind)),
            None => None,
        }
    }

    /// Puts a type behind its ancestors; reports a circle of derivation once and takes it for an unknown parent.
    fn visit(&self, start: usize, parents: &[Option<TypeId>], state: &mut [State], order: &mut Vec<TypeId>) {
        let mut chain = Vec::new();
        let mut next = Some(start);
        while let Some(index) = next {
            match state[index] {
                State::Done => break,
                State::Open => {
                    let from = chain.iter().position(|&other| other == index).unwrap_or(0);
                    self.report_circle(&chain[from..]);
                    break;
                }
                State::New => {
                    state[index] = State::Open;
                    chain.push(index);
                    next = parents[index].map(TypeId::index).filter(|&parent| parent < parents.len());
                }
            }
        }
        for index in chain.into_iter().rev() {
            state[index] = State::Done;
            order.push(TypeId::from_index(index));
        }
    }

    fn report_circle(&self, circle: &[usize]) {
        let definitions: Vec<Declared<'_>> =
            circle.iter().filter_map(|&index| self.declared[index]).collect();
        let Some(first) = definitions.first() else { return };
        let mut names: Vec<&str> = definitions.iter().map(|declared| declared.words.name.text).collect();
        names.push(first.words.name.text);
        let mut diagnostic = Diagnostic::error(
            "circular-derivation",
            format!("types are derived in a circle: {}", names.join(" → ")),
        )
        .at(first.words.derived_from.map_or(first.words.name.span, |word| word.span))
        .chapter("6.4.2");
        for other in &definitions[1..] {
            let span = other.words.derived_from.map_or(other.words.name.span, |word| word.span);
            diagnostic = diagnostic.related(Place::new(span, "and so on"));
        }
        self.report(diagnostic);
    }

    /// Fills what all kinds have in common.
    fn tie(&mut self, id: TypeId, parent: Option<TypeId>) {
        let Some(declared) = self.declared[id.index()] else { return };
        let mut vague: Vec<&'static str> =
            ALL_SECTIONS.iter().copied().filter(|keyname| declared.words.hidden.has(keyname)).collect();
        let mut ancestors = Vec::new();
        let mut parent = parent;
        if let Some(deep) =
            parent.filter(|&parent| self.type_of(parent).ancestors.len() >= DERIVATION_DEPTH_MAX)
        {
            let message = format!("the type is derived over more than {DERIVATION_DEPTH_MAX} others");
            let span = declared.words.derived_from.map_or(declared.words.name.span, |word| word.span);
            self.report(Diagnostic::error("derived-too-deep", message).at(span).chapter("6.4.2"));
            // Once: what is derived from this type begins anew.
            parent = Some(self.unknown.of(self.type_of(deep).kind()));
        }
        if let Some(parent) = parent {
            // In a circle the parent is not tied yet and the type comes before it; it counts as unknown.
            let is_circular = parent != id && self.type_of(parent).ancestors.contains(&id);
            ancestors.push(parent);
            ancestors.extend_from_slice(&self.type_of(parent).ancestors);
            if self.is_unknown(parent) || is_circular || parent == id {
                vague = ALL_SECTIONS.to_vec();
            }
            if let Some(inherited) = self.vague.get(&parent) {
                vague.extend(inherited);
            }
        }
        if !vague.is_empty() {
            self.vague.insert(id, vague.into_iter().collect());
        }
        let words = declared.words;
        if let Some(version) = words.version.filter(|version| Version::parse(version.text).is_none()) {
            let message = format!("the version of `{}` must be a version", words.name.text);
            self.report(
                Diagnostic::error("invalid-version", message)
                    .at(Place::new(version.span, "not a version"))
                    .hint(
                        "a version is `major.minor[.fix[.qualifier[-build]]]`: \"2.0.1\", \"1.0.0.alpha-10\"",
                    )
                    .chapter("6.4.1"),
            );
        }
        let own = &mut self.types[id.index()];
        own.parent = parent;
        own.ancestors = ancestors.into();
        own.version = words.version.map(|word| word.text.into());
        own.description = words.common.description.map(Arc::from);
        own.metadata = words.common.metadata.map(plain_metadata).unwrap_or_default();
    }

    /// The types of the model: without the unknown ones, but that of relationships.
    pub(super) fn finish_types(&mut self) -> Vec<Type> {
        let mut types = std::mem::take(&mut self.types);
        types.truncate(self.unknown.start() + 1);
        types
    }
}

/// The keynames of types under which others look things up.
const ALL_SECTIONS: [&str; 16] = [
    "derived_from",
    "properties",
    "attributes",
    "capabilities",
    "requirements",
    "interfaces",
    "artifacts",
    "file_ext",
    "inputs",
    "operations",
    "notifications",
    "triggers",
    "key_schema",
    "entry_schema",
    "validation",
    "file_ext",
];

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}
