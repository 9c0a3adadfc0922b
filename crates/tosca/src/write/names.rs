//! Names that stay distinct when everything is in one file.

use std::collections::{BTreeSet, HashMap, HashSet};

use diagnostics::{SourceId, Span};

use super::imports::Imports;
use crate::model::{Model, Name, RequiredCapability, Type, TypeBody, TypeKind};

pub(super) struct Names {
    pub(super) types: Vec<String>,
    pub(super) functions: Vec<String>,
    /// By file and name, in the order of the files.
    pub(super) repositories: Vec<(SourceId, Name, String)>,
    pub(super) imports: Imports,
}

/// Whether a type is the last one, which stands for the relationship type of requirements that name none.
pub(super) fn is_unknown(model: &Model, index: usize) -> bool {
    let own = &model.types[index];
    index + 1 == model.types.len() && own.span.is_none() && own.kind() == TypeKind::Relationship
}

/// Whether a type has no definition in a document.
fn is_built_in(own: &Type) -> bool {
    own.span.is_none()
}

/// In which order the kinds of types get their names: where a name may be one of two kinds, the standard says which is
/// looked for first, and here they are distinct.
const KINDS: [TypeKind; 8] = [
    TypeKind::Node,
    TypeKind::Group,
    TypeKind::Policy,
    TypeKind::Artifact,
    TypeKind::Data,
    TypeKind::Capability,
    TypeKind::Interface,
    TypeKind::Relationship,
];

pub(super) fn choose(model: &Model) -> Names {
    let mut imports = Imports::find(model);
    let (types, functions, repositories) = match imported(model, &imports) {
        Some(names) => names,
        None => {
            imports.separate(model);
            imported(model, &imports).unwrap_or_default()
        }
    };
    let is_merged = |span: Option<Span>| span.is_none_or(|span| imports.is_merged(span.source));
    let entry = model.files.first().map(|file| file.source);
    let mut written: Vec<String> = model.types.iter().map(|own| own.name.to_string()).collect();
    let mut nodes: HashSet<String> = HashSet::new();
    for kind in KINDS {
        let mut taken = reserved(model, kind);
        if kind == TypeKind::Group {
            taken.extend(nodes.iter().cloned());
        }
        let of_kind = (0..written.len()).filter(|&index| model.types[index].kind() == kind);
        let (merged, others): (Vec<usize>, Vec<usize>) =
            of_kind.partition(|&index| is_merged(model.types[index].span));
        for index in others {
            written[index].clone_from(&types[&index]);
            taken.insert(types[&index].clone());
        }
        let merged = merged.into_iter().filter(|&index| !is_built_in(&model.types[index]));
        let is_near = |index: &usize| model.types[*index].span.map(|span| span.source) == entry;
        let (near, far): (Vec<usize>, Vec<usize>) = merged.partition(is_near);
        for index in near.into_iter().chain(far) {
            let own = &model.types[index];
            written[index] = distinct(&own.name, &own.qualified_name, &mut taken);
        }
        if kind == TypeKind::Node {
            nodes = taken;
        }
    }
    let qualified = |profile: Option<&Name>, name: &str| match profile {
        Some(profile) => format!("{profile}:{name}"),
        None => name.to_owned(),
    };
    let mut taken: HashSet<String> = crate::compile::built_in_functions().map(str::to_owned).collect();
    taken.extend(functions.values().cloned());
    let named = model.functions.iter().enumerate().map(|(index, own)| match functions.get(&index) {
        Some(imported) => imported.clone(),
        None => distinct(&own.name, &qualified(own.profile.as_ref(), &own.name), &mut taken),
    });
    let functions = named.collect();
    let mut taken: HashSet<String> = repositories.values().cloned().collect();
    let mut named = Vec::new();
    for file in model.files.iter() {
        for name in file.repositories.keys() {
            let chosen = match repositories.get(&(file.source, name.clone())) {
                Some(imported) => imported.clone(),
                None => distinct(name, &qualified(file.profile.as_ref(), name), &mut taken),
            };
            named.push((file.source, name.clone(), chosen));
        }
    }
    Names { types: written, functions, repositories: named, imports }
}

/// The names of what profiles define: of types and functions by their positions, of repositories by file and name.
type ImportedNames = (HashMap<usize, String>, HashMap<usize, String>, HashMap<(SourceId, Name), String>);

/// Names what is imported; None where names meet, so that the profiles need namespaces.
fn imported(model: &Model, imports: &Imports) -> Option<ImportedNames> {
    let has_namespaces = imports.profiles.iter().any(|profile| profile.namespace.is_some());
    let way_to = |span: Option<Span>, name: &str| imports.way_to(span?.source, name);
    let mut names = ImportedNames::default();
    for kind in KINDS {
        let mut taken = reserved(model, kind);
        for (index, own) in model.types.iter().enumerate().filter(|(_, own)| own.kind() == kind) {
            if let Some(name) = way_to(own.span, &own.name) {
                if !taken.insert(name.clone()) && !has_namespaces {
                    return None;
                }
                names.0.insert(index, name);
            }
        }
    }
    let mut taken: HashSet<String> = HashSet::new();
    for (index, own) in model.functions.iter().enumerate() {
        if let Some(name) = way_to(Some(own.span), &own.name) {
            if !taken.insert(name.clone()) && !has_namespaces {
                return None;
            }
            names.1.insert(index, name);
        }
    }
    let mut taken: HashSet<String> = HashSet::new();
    for file in model.files.iter() {
        for name in file.repositories.keys() {
            if let Some(written) = imports.way_to(file.source, name) {
                if !taken.insert(written.clone()) && !has_namespaces {
                    return None;
                }
                names.2.insert((file.source, name.clone()), written);
            }
        }
    }
    Some(names)
}

/// The name, or a longer one when it is taken.
fn distinct(name: &str, qualified: &str, taken: &mut HashSet<String>) -> String {
    if taken.insert(name.to_owned()) {
        return name.to_owned();
    }
    let long = plain(qualified);
    let mut number = 1;
    let mut chosen = long.clone();
    while !taken.insert(chosen.clone()) {
        number += 1;
        chosen = format!("{long}-{number}");
    }
    chosen
}

/// A name without what means something in names.
pub(super) fn plain(name: &str) -> String {
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_');
    name.chars().map(|letter| if is_word(letter) { letter } else { '_' }).collect()
}

/// Names that types of a kind may not have, as they would stand for something else.
fn reserved(model: &Model, kind: TypeKind) -> HashSet<String> {
    let service = model.service_template.as_ref();
    let names: BTreeSet<&str> = match kind {
        TypeKind::Data => {
            model.types.iter().filter(|own| is_built_in(own)).map(|own| own.name.as_str()).collect()
        }
        TypeKind::Node => service
            .into_iter()
            .flat_map(|service| service.node_templates.keys())
            .map(|name| name.as_str())
            .collect(),
        TypeKind::Relationship => service
            .into_iter()
            .flat_map(|service| service.relationship_templates.keys())
            .map(|name| name.as_str())
            .collect(),
        TypeKind::Capability => {
            let mut names = BTreeSet::new();
            for own in &model.types {
                let TypeBody::Node(body) = &own.body else { continue };
                names.extend(body.capabilities.keys().map(|name| name.as_str()));
                for requirement in body.requirements.values() {
                    if let RequiredCapability::Named { name, .. } = &requirement.capability {
                        names.insert(name.as_str());
                    }
                }
            }
            names
        }
        _ => BTreeSet::new(),
    };
    names.into_iter().map(str::to_owned).collect()
}
