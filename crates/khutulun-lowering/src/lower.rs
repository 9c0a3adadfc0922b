//! The walk over the service template.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use diagnostics::{Diagnostic, SourceId, SourceMap, Span};
use floria::{
    Design, EdgeTemplate, Handlers, Metadata, Namespace, Origin, Properties, Rules, Value, VertexTemplate,
    VertexTemplateId,
};
use khutulun_api::names;
use tosca::{
    Locator, SourceError,
    model::{Model, NodeTemplate, ServiceTemplate, Substitution},
};

use crate::{classes::Classes, expressions, files::Files, operations::Holder, schemas::Schemas};

/// What lowering needs besides the model.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The service's name: the namespace, and the name of the service's vertex.
    pub service: &'a str,
    /// The texts that the model's spans point into.
    pub texts: &'a SourceMap,
    /// The service's files.
    pub files: &'a dyn Files,
    /// The package's root: the paths of artifacts are relative to it. None: the folder of the model's first file.
    pub root: Option<&'a str>,
}

/// What a model was lowered to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// The design.
    pub design: Design,
    /// The files that the design refers to, by path, each once. Whoever deploys keeps them by digest.
    pub artifacts: Vec<ArtifactFile>,
}

/// A file that a design refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArtifactFile {
    /// The path relative to the package's root, with `/` between levels.
    pub path: String,
    /// SHA-256 of its content, in lower-case hexadecimal.
    pub digest: String,
    /// Where [`Files`] has it.
    pub locator: Locator,
    /// Whether a function needs it: then it is needed to evaluate, not only to deploy.
    pub computes: bool,
}

/// What all services of a design share, while they are lowered one after the other.
pub(crate) struct Shared {
    pub(crate) namespace: Namespace,
    pub(crate) vertexes: Vec<VertexTemplate>,
    pub(crate) edges: Vec<EdgeTemplate>,
    pub(crate) classes: Classes,
    /// By path.
    pub(crate) artifacts: BTreeMap<String, ArtifactFile>,
    /// What is in a file.
    pub(crate) digests: HashMap<Locator, Result<String, SourceError>>,
}

/// Lowers one service after those that are there already, and returns what is wrong with it. `substitution`: what it can stand
/// for, when it is not the design's own service.
pub(crate) fn service(
    model: &Model,
    service: &ServiceTemplate,
    options: &Options<'_>,
    substitution: Option<&Substitution>,
    shared: &mut Shared,
) -> Vec<Diagnostic> {
    let mut lowering = Lowering {
        model,
        service,
        options,
        substitution,
        shared,
        schemas: Schemas::default(),
        located: HashMap::new(),
        diagnostics: Vec::new(),
        told: HashSet::new(),
    };
    lowering.run();
    let Lowering { diagnostics, shared, .. } = lowering;
    shared.classes.finish(model, &shared.namespace, options.texts);
    diagnostics
}

/// A walk that is under way.
pub(crate) struct Lowering<'a, 's> {
    pub(crate) model: &'a Model,
    pub(crate) service: &'a ServiceTemplate,
    pub(crate) options: &'a Options<'a>,
    pub(crate) substitution: Option<&'a Substitution>,
    pub(crate) shared: &'s mut Shared,
    pub(crate) schemas: Schemas,
    /// Where a file is, by where it is written and how: it is looked for once, however many nodes have it.
    pub(crate) located: HashMap<(SourceId, Arc<str>), Result<Locator, SourceError>>,
    diagnostics: Vec<Diagnostic>,
    told: HashSet<(Option<Span>, String)>,
}

impl<'a> Lowering<'a, '_> {
    /// Tells a mistake once, though many nodes may share the definition that it is in.
    pub(crate) fn tell(&mut self, diagnostic: Diagnostic) {
        let span = diagnostic.primary.as_ref().map(|place| place.span);
        if self.told.insert((span, diagnostic.message.clone())) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// The place of a span, for people.
    #[allow(clippy::unnecessary_wraps, reason = "every user stores it where an origin is optional")]
    pub(crate) fn origin(&self, span: Span) -> Option<Origin> {
        Some(origin(self.options.texts, span))
    }

    fn run(&mut self) {
        if !is_plain_name(self.options.service) {
            self.tell(unusable_name("service", self.options.service));
        }
        self.check_names();
        let service = self.service_vertex();
        // Where each node's vertexes are: a requirement may name a node that comes later.
        let mut places: Vec<NodePlace> = Vec::with_capacity(self.service.node_templates.len());
        for node in self.service.node_templates.values() {
            places.push(self.node(node, service));
        }
        for (node, place) in self.service.node_templates.values().zip(&places) {
            self.requirements(node, place.vertex, service, &places);
        }
        self.map_inputs(&places);
        self.groups_policies_and_workflows(service, &places);
    }

    pub(crate) fn next_vertex(&self) -> VertexTemplateId {
        VertexTemplateId(self.shared.vertexes.len() as u64 + 1)
    }

    fn service_vertex(&mut self) -> VertexTemplateId {
        let service = self.service;
        let mut mapped = self.mapped_inputs();
        let mut properties = Properties::new();
        for (name, input) in &service.inputs {
            if name.starts_with(names::OUTPUT_PREFIX) {
                let message = format!("the input name `{name}` is taken: outputs are kept under such names");
                self.tell(Diagnostic::error("unusable-name", message).at(input.span));
            }
            let mut property = self.input(name, input);
            if let Some(value) = mapped.remove(name.as_str()) {
                property.value = None;
                property.updater = Some(value);
            }
            properties.insert(name.as_str().to_owned(), property);
        }
        for (name, output) in &service.outputs {
            properties.insert(format!("{}{name}", names::OUTPUT_PREFIX), self.output(name, output));
        }
        let outputs = service.outputs.keys().map(|name| Value::from(name.as_str())).collect();
        let mut metadata = self.entity_metadata(&service.metadata, service.span);
        metadata.insert(names::SERVICE.to_owned(), self.options.service.into());
        metadata.insert(names::OUTPUTS.to_owned(), Value::List(outputs));
        let id = self.next_vertex();
        let template = VertexTemplate {
            id,
            namespace: self.shared.namespace.clone(),
            name: self.options.service.to_owned(),
            container: None,
            classes: Vec::new(),
            properties,
            handlers: Handlers::new(),
            rules: self.substitution_rules(),
            metadata,
            origin: self.origin(service.span),
        };
        self.shared.vertexes.push(template);
        id
    }

    fn node(&mut self, node: &'a NodeTemplate, service: VertexTemplateId) -> NodePlace {
        if !is_plain_name(&node.name) {
            self.tell(unusable_name("node template", &node.name).at(node.span));
        }
        self.refuse_notifications(node.interfaces.values());
        let mut properties = self.properties(&node.properties);
        self.attributes(&node.attributes, &mut properties, node.span);
        self.show_selected(node, None, &mut properties);
        let mut metadata = self.metadata_with(&node.metadata, node.span, names::PROTECTED);
        metadata.insert(names::NODE.to_owned(), node.name.as_str().into());
        let artifacts = self.node_artifacts(node);
        if !artifacts.is_empty() {
            metadata.insert(names::ARTIFACTS.to_owned(), Value::Map(artifacts));
        }
        let vertex = self.next_vertex();
        let template = VertexTemplate {
            id: vertex,
            namespace: self.shared.namespace.clone(),
            name: node.name.as_str().to_owned(),
            container: Some(service),
            classes: self.shared.classes.of(self.model, node.type_id),
            properties,
            handlers: self.handlers(Holder::Node(node)),
            rules: self.making(node),
            metadata,
            origin: self.origin(node.span),
        };
        self.shared.vertexes.push(template);

        let mut capabilities = HashMap::with_capacity(node.capabilities.len());
        for (name, capability) in &node.capabilities {
            let id = self.next_vertex();
            let mut properties = self.properties(&capability.properties);
            self.attributes(&capability.attributes, &mut properties, capability.span);
            self.show_selected(node, Some(name), &mut properties);
            let template = VertexTemplate {
                id,
                namespace: self.shared.namespace.clone(),
                name: name.as_str().to_owned(),
                container: Some(vertex),
                classes: self.shared.classes.of(self.model, capability.type_id),
                properties,
                handlers: Handlers::new(),
                rules: Rules::new(),
                metadata: self.capability_metadata(node, name, capability),
                origin: self.origin(capability.span),
            };
            self.shared.vertexes.push(template);
            capabilities.insert(name.as_str().to_owned(), id);
        }
        NodePlace { vertex, capabilities }
    }

    /// The metadata of a template, without words that would make an instance look as if the engine had written on it.
    pub(crate) fn entity_metadata(&mut self, metadata: &tosca::model::Metadata, span: Span) -> Metadata {
        self.metadata_with(metadata, span, "")
    }

    /// The same of what may have the metadata `own` of khutulun's.
    pub(crate) fn metadata_with(
        &mut self,
        metadata: &tosca::model::Metadata,
        span: Span,
        own: &str,
    ) -> Metadata {
        let metadata = expressions::metadata(self.model, metadata);
        for (name, value) in
            metadata.iter().filter(|(name, _)| name.starts_with(floria::ENGINE_METADATA_PREFIX))
        {
            let is_written = match name.as_str() {
                names::PROTECTED => matches!(value, Value::Boolean(_)),
                _ => matches!(value, Value::Text(_)),
            };
            let (message, hint) = match name == own {
                true if is_written => continue,
                true => {
                    let what = if own == names::PROTECTED { "`true` or `false`" } else { "a text" };
                    (format!("the metadata `{name}` is {what}"), String::new())
                }
                false => (
                    format!("the metadata `{name}` is khutulun's own"),
                    format!("names that begin with `{}` are reserved here", floria::ENGINE_METADATA_PREFIX),
                ),
            };
            let mistake = Diagnostic::error("reserved-metadata", message).at(span);
            self.tell(if hint.is_empty() { mistake } else { mistake.hint(hint) });
        }
        metadata
    }
}

/// Where a node's vertexes are.
pub(crate) struct NodePlace {
    pub(crate) vertex: VertexTemplateId,
    pub(crate) capabilities: HashMap<String, VertexTemplateId>,
}

/// The place of a span, for people.
pub(crate) fn origin(texts: &SourceMap, span: Span) -> Origin {
    let file = texts.file(span.source);
    let start = file.position(span.start);
    Origin { source: file.name().as_ref().into(), line: start.line, column: start.column }
}

/// How long a name may be: it becomes part of the names of files and units, which systems limit to 255 bytes.
const NAME_BYTES_MAX: usize = 100;

/// Whether a name can be the name of a file, unit or container everywhere.
pub(crate) fn is_plain_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))
}

fn unusable_name(kind: &str, name: &str) -> Diagnostic {
    Diagnostic::error("unusable-name", format!("the {kind} name `{name}` cannot name things on a machine")).hint(
        format!(
            "use letters, digits, `-`, `_` and `.`, a letter or digit first, at most {NAME_BYTES_MAX}: it becomes part \
             of the names of files, units and containers"
        ),
    )
}
