//! Names that stay distinct when everything is in one file.

use std::collections::{BTreeSet, HashSet};

use diagnostics::SourceId;

use crate::model::{Model, Name, RequiredCapability, Type, TypeBody, TypeKind};

pub(super) struct Names {
    pub(super) types: Vec<String>,
    pub(super) functions: Vec<String>,
    pub(super) repositories: Vec<(SourceId, Name, String)>,
}

/// Whether a type is the last one, which stands for the relationship type of requirements that name none.
pub(super) fn is_unknown(model: &Model, index: usize) -> bool {
    let own = &model.types[index];
    index + 1 == model.types.len() && own.span.is_none() && own.kind() == TypeKind::Relationship
}

/// Whether a type has no definition in a document.
pub(super) fn is_built_in(own: &Type) -> bool {
    own.span.is_none()
}

pub(super) fn choose(model: &Model) -> Names {
    let mut types: Vec<String> = model.types.iter().map(|own| own.name.to_string()).collect();
    let mut nodes: HashSet<String> = HashSet::new();
    // Where a name may be one or the other, the standard says which comes first; here they are distinct.
    for kind in [
        TypeKind::Node,
        TypeKind::Group,
        TypeKind::Policy,
        TypeKind::Artifact,
        TypeKind::Data,
        TypeKind::Capability,
        TypeKind::Interface,
        TypeKind::Relationship,
    ] {
        let mut taken = reserved(model, kind);
        if kind == TypeKind::Group {
            taken.extend(nodes.iter().cloned());
        }
        let entry = model.files.first().map(|file| file.source);
        let of_kind =
            |index: &usize| model.types[*index].kind() == kind && !is_built_in(&model.types[*index]);
        let is_near = |index: &usize| model.types[*index].span.map(|span| span.source) == entry;
        let (near, far): (Vec<usize>, Vec<usize>) = (0..types.len()).filter(of_kind).partition(is_near);
        for index in near.into_iter().chain(far) {
            let own = &model.types[index];
            types[index] = distinct(&own.name, &own.qualified_name, &mut taken);
        }
        if kind == TypeKind::Node {
            nodes = taken;
        }
    }
    let mut taken: HashSet<String> = crate::compile::built_in_functions().map(str::to_owned).collect();
    let functions = model.functions.iter();
    let functions = functions.map(|own| {
        let profile = own.profile.as_ref().map_or_else(String::new, |profile| format!("{profile}:"));
        distinct(&own.name, &format!("{profile}{}", own.name), &mut taken)
    });
    let functions = functions.collect();
    let mut taken = HashSet::new();
    let repositories =
        model.files.iter().flat_map(|file| file.repositories.keys().map(move |name| (file, name.clone())));
    let repositories = repositories.map(|(file, name)| {
        let profile = file.profile.as_ref().map_or_else(String::new, |profile| format!("{profile}:"));
        let written = distinct(&name, &format!("{profile}{name}"), &mut taken);
        (file.source, name, written)
    });
    let repositories = repositories.collect();
    Names { types, functions, repositories }
}

/// The name, or a longer one when it is taken.
fn distinct(name: &str, qualified: &str, taken: &mut HashSet<String>) -> String {
    if taken.insert(name.to_owned()) {
        return name.to_owned();
    }
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let long: String = qualified.chars().map(|letter| if is_word(letter) { letter } else { '_' }).collect();
    let mut number = 1;
    let mut chosen = long.clone();
    while !taken.insert(chosen.clone()) {
        number += 1;
        chosen = format!("{long}-{number}");
    }
    chosen
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
