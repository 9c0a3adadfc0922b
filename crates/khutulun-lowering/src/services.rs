//! A design's own service, and the services that can stand for its nodes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diagnostics::{Diagnostic, SourceMap, Span};
use floria::{Design, Namespace};
use tosca::model::{Model, NodeDirective, NodeTemplate, ServiceTemplate, Substitution, TypeId};

use crate::{
    classes::{Classes, identity},
    lower::{Lowered, Options, Shared, is_plain_name, service},
};

/// A file with a service template that can stand for nodes of others (TOSCA 2.0, chapter 15).
#[derive(Clone, Copy, Debug)]
pub struct Substituting<'a> {
    /// What it says; without `substitution_mappings` it stands for nothing.
    pub model: &'a Model,
    /// The texts that the model's spans point into.
    pub texts: &'a SourceMap,
}

/// What stands in the way of lowering one of several models.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistakes {
    /// Which of the substituting models; None: the design's own.
    pub substituting: Option<usize>,
    /// Each with its place in that model's texts.
    pub diagnostics: Vec<Diagnostic>,
}

/// Lowers a model to a design.
///
/// The same model, name and files give the same design, down to ids and order.
///
/// # Errors
/// Everything that stands in the way, each with its place: what is not supported yet, files that are not there, a model
/// without a service template, a node that a service template has to stand for.
pub fn lower(model: &Model, options: &Options<'_>) -> Result<Lowered, Vec<Diagnostic>> {
    lower_with(model, options, &[])
        .map_err(|mistakes| mistakes.into_iter().flat_map(|mistakes| mistakes.diagnostics).collect())
}

/// As [`lower`], with service templates that can stand for nodes with the directive `substitute`.
///
/// Each that could be needed, by such a node of the service or of one that is needed, becomes an outermost vertex template after
/// the service's own, once, with the rules of a [`floria::rules::Substitution`]. The others leave no trace.
///
/// # Errors
/// As [`lower`], for each model that is needed.
pub fn lower_with(
    model: &Model,
    options: &Options<'_>,
    substituting: &[Substituting<'_>],
) -> Result<Lowered, Vec<Mistakes>> {
    let of = |substituting, diagnostics| Mistakes { substituting, diagnostics };
    let Some(own) = &model.service_template else {
        let mut diagnostic =
            Diagnostic::error("no-service-template", "there is no service template to deploy")
                .hint("a file without `service_template` can be imported, not deployed");
        if let Some(file) = model.files.first() {
            diagnostic = diagnostic.at(Span::beginning(file.source));
        }
        return Err(vec![of(None, vec![diagnostic])]);
    };
    let candidates: Vec<Candidate<'_>> = substituting
        .iter()
        .enumerate()
        .filter_map(|(place, Substituting { model, texts })| {
            let service = model.service_template.as_ref()?;
            let substitution = service.substitution.as_ref()?;
            Some(Candidate { place, model, texts, service, substitution })
        })
        .collect();
    let needed = needed(model, own, &candidates);
    let root = options.root.unwrap_or_else(|| root_of(model));
    let mut shared = Shared {
        namespace: Namespace(options.service.to_owned()),
        vertexes: Vec::with_capacity(1 + 2 * own.node_templates.len()),
        edges: Vec::new(),
        classes: Classes::new(root),
        artifacts: BTreeMap::new(),
        digests: HashMap::new(),
    };
    let mut mistakes = Vec::new();
    let mut diagnostics = service(model, own, options, None, &mut shared);
    diagnostics.extend(without(model, own, &candidates));
    if !diagnostics.is_empty() {
        mistakes.push(of(None, diagnostics));
    }
    let mut names =
        taken_names(options.service, std::iter::once(own).chain(needed.iter().map(|it| it.service)));
    for candidate in needed {
        let name = name_of(candidate.model, &mut names);
        let options =
            Options { service: &name, texts: candidate.texts, files: options.files, root: Some(root) };
        let mut diagnostics =
            service(candidate.model, candidate.service, &options, Some(candidate.substitution), &mut shared);
        diagnostics.extend(without(candidate.model, candidate.service, &candidates));
        if !diagnostics.is_empty() {
            mistakes.push(of(Some(candidate.place), diagnostics));
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let design = Design {
        classes: shared.classes.into_classes(),
        namespace: shared.namespace,
        vertexes: shared.vertexes,
        edges: shared.edges,
    };
    Ok(Lowered { design, artifacts: shared.artifacts.into_values().collect() })
}

/// A service template that stands for nodes.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    place: usize,
    model: &'a Model,
    texts: &'a SourceMap,
    service: &'a ServiceTemplate,
    substitution: &'a Substitution,
}

impl Candidate<'_> {
    /// Whether it can stand for nodes of a type: those of its own node type, and of types derived from it.
    fn fits(&self, model: &Model, node_type: TypeId) -> bool {
        let wanted = identity(self.model, self.substitution.node_type);
        let ancestors = model.type_of(node_type).ancestors.iter();
        std::iter::once(&node_type).chain(ancestors).any(|id| identity(model, *id) == wanted)
    }
}

/// The nodes of a service that others may stand for.
fn substituted(service: &ServiceTemplate) -> impl Iterator<Item = &NodeTemplate> {
    let nodes = service.node_templates.values();
    nodes.filter(|node| node.directives.contains(&NodeDirective::Substitute))
}

/// The candidates that a node of the service, or of another one of them, could need, in their order.
fn needed<'a>(model: &Model, service: &ServiceTemplate, candidates: &[Candidate<'a>]) -> Vec<Candidate<'a>> {
    let mut found = BTreeSet::new();
    let mut open = vec![(model, service)];
    while let Some((model, service)) = open.pop() {
        for node in substituted(service) {
            for (place, candidate) in candidates.iter().enumerate() {
                if candidate.fits(model, node.type_id) && found.insert(place) {
                    open.push((candidate.model, candidate.service));
                }
            }
        }
    }
    found.into_iter().filter_map(|place| candidates.get(place)).copied().collect()
}

/// Nodes that nothing can stand for, and that cannot come to be in another way.
fn without(model: &Model, service: &ServiceTemplate, candidates: &[Candidate<'_>]) -> Vec<Diagnostic> {
    let nodes = substituted(service).filter(|node| {
        node.directives.iter().all(|directive| *directive == NodeDirective::Substitute)
            && !candidates.iter().any(|candidate| candidate.fits(model, node.type_id))
    });
    let tell = |node: &NodeTemplate| {
        let wanted = model.type_of(node.type_id);
        let message = format!(
            "no service template stands for the node `{}` of the type `{}`",
            node.name, wanted.qualified_name
        );
        let namesake = candidates.iter().find_map(|candidate| {
            let found = candidate.model.type_of(candidate.substitution.node_type);
            (found.name == wanted.name).then_some((candidate, found))
        });
        let hint = match namesake {
            Some((candidate, found)) => format!(
                "the one in `{}` is for a `{}` that is defined elsewhere, so it is another type: define it in one file \
                 that both import",
                place_of(candidate.model),
                found.qualified_name
            ),
            None => "a package lists such templates in `Other-Definitions`; a file, in its metadata \
                     `khutulun.substitutions`"
                .to_owned(),
        };
        Diagnostic::error("no-substitution", message).at(node.span).hint(hint)
    };
    nodes.map(tell).collect()
}

fn place_of(model: &Model) -> &str {
    model.files.first().map_or("?", |file| file.locator.as_str())
}

/// The folder of a model's first file.
pub(crate) fn root_of(model: &Model) -> &str {
    let entry = model.files.first().map_or("", |file| file.locator.as_str());
    entry.rfind('/').map_or("", |end| &entry[..end])
}

/// Names that a service inside of a node cannot have: it is beside the node's capabilities.
fn taken_names<'a>(own: &str, services: impl Iterator<Item = &'a ServiceTemplate>) -> BTreeSet<String> {
    let nodes = services.flat_map(substituted);
    let capabilities = nodes.flat_map(|node| node.capabilities.keys().map(|name| name.as_str().to_owned()));
    capabilities.chain([own.to_owned()]).collect()
}

/// What a substituting service is called: as its file's metadata says, else as the file, with a number where that is taken.
fn name_of(model: &Model, taken: &mut BTreeSet<String>) -> String {
    let file = model.files.first();
    let stated = file.and_then(|file| file.metadata.get("template_name")?.as_str());
    let stem = file.map(|file| {
        let name = file.locator.as_str().rsplit('/').next().unwrap_or_default();
        name.split_once('.').map_or(name, |(stem, _)| stem)
    });
    let name = stated.into_iter().chain(stem).find(|name| is_plain_name(name)).unwrap_or("service");
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains(name));
    let free = free.expect("there are more numbers than names");
    taken.insert(free.clone());
    free
}
