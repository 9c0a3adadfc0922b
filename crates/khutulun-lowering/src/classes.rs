//! Types become classes.

use std::collections::BTreeMap;

use diagnostics::SourceMap;
use floria::{Class, ClassName, Metadata, Namespace};
use tosca::model::{Model, TypeId, TypeKind};

use crate::lower;

/// Metadata of a class: which kind of TOSCA type it was, such as `node`.
const KIND: &str = "tosca.kind";

/// The classes that are used so far.
#[derive(Default)]
pub(crate) struct Classes {
    names: BTreeMap<TypeId, ClassName>,
}

impl Classes {
    /// The class of a type and those of its ancestors, nearest first; all of them will be in the design.
    pub(crate) fn of(&mut self, model: &Model, id: TypeId) -> Vec<ClassName> {
        let mut lineage = vec![id];
        lineage.extend(model.type_of(id).ancestors.iter().copied());
        lineage.into_iter().map(|id| self.name(model, id)).collect()
    }

    fn name(&mut self, model: &Model, id: TypeId) -> ClassName {
        self.names.entry(id).or_insert_with(|| class_name(model, id)).clone()
    }

    /// The classes, by name.
    pub(crate) fn finish(mut self, model: &Model, namespace: &Namespace, texts: &SourceMap) -> Vec<Class> {
        let used: Vec<TypeId> = self.names.keys().copied().collect();
        let mut classes: Vec<Class> = used
            .into_iter()
            .map(|id| {
                let own = model.type_of(id);
                Class {
                    name: self.name(model, id),
                    namespace: namespace.clone(),
                    ancestors: own.ancestors.iter().map(|ancestor| self.name(model, *ancestor)).collect(),
                    metadata: Metadata::from([(KIND.to_owned(), own.kind().as_str().into())]),
                    origin: own.span.map(|span| lower::origin(texts, span)),
                }
            })
            .collect();
        classes.sort_by(|first, second| first.name.cmp(&second.name));
        classes
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
