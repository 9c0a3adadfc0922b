//! Interface and operation definitions, implementations and artifacts (chapters 11 and 12).

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, did_you_mean, one_of};
use tosca_syntax::words::{self, ArtifactReference, Word};

use super::form::{description_or, metadata_or, plain_metadata};
use super::{Compiler, Context, repositories};
use crate::model::{
    Artifact, ArtifactType, Checksum, Implementation, InterfaceDefinition, Map, OperationDefinition,
    TypeBody, TypeId, TypeKind,
};

/// What an interface says of its operations, what its type says, and what an inherited definition refined.
type Refinements<'w, 'a> = (
    &'a [words::OperationDefinition<'a>],
    &'w Map<Arc<OperationDefinition>>,
    Option<&'w Map<Arc<OperationDefinition>>>,
);

impl<'a> Compiler<'a> {
    /// The interfaces of a type (or of a requirement's relationship, where only those of its type can be refined).
    pub(super) fn interface_definitions(
        &self,
        words: &'a [words::InterfaceDefinition<'a>],
        inherited: &Map<Arc<InterfaceDefinition>>,
        context: Context,
        artifacts: Option<&Map<Arc<Artifact>>>,
        only_of: Option<TypeId>,
    ) -> Map<Arc<InterfaceDefinition>> {
        let mut definitions: Map<Arc<InterfaceDefinition>> = inherited
            .iter()
            .map(|(name, definition)| (name.clone(), rebound_interface(definition, artifacts)))
            .collect();
        for own in words {
            let name = self.name(own.name.text);
            let parent = definitions.get(&name).cloned();
            if let (Some(of_type), None) = (only_of, &parent) {
                if !self.is_vague(of_type, "interfaces") {
                    let names = definitions.keys().map(|name| name.as_str());
                    let label = "only what the type defines can be refined here";
                    self.unknown_name("interface", own.name, names, of_type, label);
                }
                continue;
            }
            let definition = self.interface_definition(own, parent.as_deref(), context, artifacts);
            definitions.insert(name, Arc::new(definition));
        }
        definitions
    }

    fn interface_definition(
        &self,
        own: &'a words::InterfaceDefinition<'a>,
        parent: Option<&InterfaceDefinition>,
        context: Context,
        artifacts: Option<&Map<Arc<Artifact>>>,
    ) -> InterfaceDefinition {
        let type_id = match (own.interface_type, parent) {
            (Some(word), parent) => {
                let found = self.find_type(context.file, TypeKind::Interface, word);
                if let Some(parent) = parent.filter(|parent| !self.fits(found, parent.type_id)) {
                    self.not_derived("interface", word, found, parent.type_id, parent.span);
                }
                found
            }
            (None, Some(parent)) => parent.type_id,
            (None, None) => {
                if !own.hidden.has("type") {
                    self.lacks_type("interface", own.name, "11.2");
                }
                self.unknown.of(TypeKind::Interface)
            }
        };
        let TypeBody::Interface(body) = &self.type_of(type_id).body else {
            unreachable!("found as an interface type")
        };
        // What the type defines, over it what an inherited definition refined or added.
        let mut inputs = body.inputs.clone();
        if let Some(parent) = parent {
            inputs.extend(parent.inputs.iter().map(|(name, input)| (name.clone(), input.clone())));
        }
        let refined = parent.map(|parent| &parent.operations);
        let operations = self.operation_refinements(
            (&own.operations, &body.operations, refined),
            type_id,
            ("operation", "operations"),
            context,
            artifacts,
        );
        let refined = parent.map(|parent| &parent.notifications);
        let notifications = self.operation_refinements(
            (&own.notifications, &body.notifications, refined),
            type_id,
            ("notification", "notifications"),
            context,
            artifacts,
        );
        InterfaceDefinition {
            type_id,
            inputs: self.parameter_definitions(&own.inputs, &inputs, context, "input"),
            operations,
            notifications,
            description: description_or(
                own.common.description,
                parent.and_then(|parent| parent.description.as_ref()),
            ),
            metadata: metadata_or(own.common.metadata, parent.map(|parent| &parent.metadata)),
            span: own.name.span,
        }
    }

    /// The operations or notifications of an interface: one's own, over those of the type and what an inherited
    /// definition refined. New names are errors (11.2).
    fn operation_refinements(
        &self,
        (own, of_type, refined): Refinements<'_, 'a>,
        type_id: TypeId,
        (what, keyname): (&str, &'static str),
        context: Context,
        artifacts: Option<&Map<Arc<Artifact>>>,
    ) -> Map<Arc<OperationDefinition>> {
        let mut operations = of_type.clone();
        let refined = refined.into_iter().flatten();
        operations.extend(refined.map(|(name, operation)| (name.clone(), operation.clone())));
        for operation in own {
            let name = self.name(operation.name.text);
            let Some(before) = operations.get(&name).cloned() else {
                if !self.is_vague(type_id, keyname) {
                    let names = operations.keys().map(|name| name.as_str());
                    self.unknown_name(what, operation.name, names, type_id, "not in the interface type");
                }
                continue;
            };
            let built = self.operation_definition(operation, Some(&before), context, artifacts);
            operations.insert(name, Arc::new(built));
        }
        operations
    }

    /// An operation, over the inherited one when it refines.
    pub(super) fn operation_definition(
        &self,
        own: &'a words::OperationDefinition<'a>,
        parent: Option<&OperationDefinition>,
        context: Context,
        artifacts: Option<&Map<Arc<Artifact>>>,
    ) -> OperationDefinition {
        let none = Map::new();
        let inputs = parent.map_or(&none, |parent| &parent.inputs);
        let outputs = parent.map_or(&Map::new(), |parent| &parent.outputs).clone();
        // In interface types it is not allowed, and was reported.
        let is_in_interface_type = matches!(context.self_is, super::SelfIs::Unknown);
        let implementation = own
            .implementation
            .as_ref()
            .filter(|_| !is_in_interface_type)
            .and_then(|words| self.implementation(words, context, artifacts));
        OperationDefinition {
            inputs: self.parameter_definitions(&own.inputs, inputs, context, "input"),
            outputs: self.parameter_definitions(&own.outputs, &outputs, context, "output"),
            implementation: implementation.or(parent.and_then(|parent| parent.implementation.clone())),
            description: description_or(
                own.common.description,
                parent.and_then(|parent| parent.description.as_ref()),
            ),
            metadata: metadata_or(own.common.metadata, parent.map(|parent| &parent.metadata)),
            span: own.name.span,
        }
    }

    /// What an operation runs; `None` when it was reported.
    pub(super) fn implementation(
        &self,
        words: &'a words::Implementation<'a>,
        context: Context,
        artifacts: Option<&Map<Arc<Artifact>>>,
    ) -> Option<Arc<Implementation>> {
        let resolve = |reference: &'a ArtifactReference<'a>| match reference {
            ArtifactReference::Name(word) => match artifacts.and_then(|artifacts| artifacts.get(word.text)) {
                Some(artifact) => Some(artifact.clone()),
                None => self.file_artifact(*word, context, artifacts),
            },
            ArtifactReference::Inline(words) => self.artifact(words, context).map(Arc::new),
        };
        let primary = match &words.primary {
            Some(reference) => Some(resolve(reference)?),
            None => None,
        };
        let dependencies: Option<Vec<_>> = words.dependencies.iter().map(resolve).collect();
        Some(Arc::new(Implementation {
            primary,
            dependencies: dependencies?,
            timeout_seconds: words.timeout,
            span: words.span,
        }))
    }

    /// A file named in place of an artifact: its type is the one that names its extension. The standard's grammar
    /// wants the name of an artifact here, its examples name files.
    fn file_artifact(
        &self,
        word: Word<'a>,
        context: Context,
        artifacts: Option<&Map<Arc<Artifact>>>,
    ) -> Option<Arc<Artifact>> {
        let file_name = word.text.rsplit('/').next().unwrap_or(word.text).to_lowercase();
        // `.tar.gz` before `.gz`.
        let candidates = file_name
            .match_indices('.')
            .find_map(|(at, _)| self.file_extensions.get(&file_name[at + 1..]))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let roots = self.scopes.root_files(context.file);
        let is_near =
            |id: &TypeId| self.declared[id.index()].is_some_and(|declared| roots.contains(&declared.file));
        let near: Vec<TypeId> = candidates.iter().copied().filter(is_near).collect();
        let chosen = if near.is_empty() { candidates } else { &near };
        match chosen {
            [type_id] => {
                let TypeBody::Artifact(body) = &self.type_of(*type_id).body else { return None };
                let holder = format_args!("the artifact `{}`", word.text);
                let properties = self.assign(
                    &body.properties,
                    &[],
                    *type_id,
                    "properties",
                    false,
                    context,
                    &holder,
                    word.span,
                );
                Some(Arc::new(Artifact {
                    name: None,
                    type_id: *type_id,
                    file: word.text.into(),
                    source: word.span.source,
                    repository: None,
                    version: None,
                    checksum: None,
                    properties,
                    description: None,
                    metadata: crate::model::Metadata::new(),
                    span: word.span,
                }))
            }
            [] => {
                let is_unread = context.of_type.is_some_and(|id| self.is_vague(id, "artifacts"));
                if !is_unread {
                    self.unknown_artifact(word, artifacts);
                }
                None
            }
            several => {
                let names = one_of(several.iter().map(|&id| self.type_of(id).name.as_str()));
                let message = format!("the file `{}` could be of several artifact types", word.text);
                self.report(
                    Diagnostic::error("ambiguous-artifact", message)
                        .at(Place::new(word.span, "which one?"))
                        .hint(format!(
                            "write `primary: {{ type: …, file: {} }}` with one of: {names}",
                            word.text
                        ))
                        .chapter("11.8"),
                );
                None
            }
        }
    }

    fn unknown_artifact(&self, word: Word<'_>, artifacts: Option<&Map<Arc<Artifact>>>) {
        // The type may be in a file that could not be had, or have extensions that could not be read.
        let is_unread = |file: &super::load::LoadedFile| {
            file.hidden.has("artifact_types") || file.imports.iter().any(|import| import.file.is_none())
        };
        if self.files.iter().any(is_unread)
            || self.vague.values().any(|keynames| keynames.contains("file_ext"))
        {
            return;
        }
        let names = || artifacts.into_iter().flat_map(|artifacts| artifacts.keys().map(|name| name.as_str()));
        let mut diagnostic = Diagnostic::error(
            "unknown-artifact",
            format!("`{}` is not an artifact, and not a file of a known type", word.text),
        )
        .at(Place::new(word.span, "not under `artifacts`, and no artifact type has its extension"))
        .maybe_hint(did_you_mean(word.text, names()))
        .chapter("11.8");
        if word.text.contains(['.', '/']) {
            let hint = format!("to say what it is, write `primary: {{ type: …, file: {} }}`", word.text);
            diagnostic = diagnostic.hint(hint);
        }
        let mut extensions: Vec<_> =
            self.file_extensions.keys().map(|extension| format!(".{extension}")).collect();
        extensions.sort();
        let hint = match extensions.is_empty() {
            true => "no artifact type with a `file_ext` is known here; is an import missing?".to_owned(),
            false => format!("the known extensions are: {}", one_of(extensions.iter().map(String::as_str))),
        };
        self.report(diagnostic.hint(hint));
    }

    /// The artifacts of a type or template: one's own replace inherited ones wholly (12.2).
    pub(super) fn artifacts(
        &self,
        words: &[words::ArtifactDefinition<'a>],
        inherited: &Map<Arc<Artifact>>,
        context: Context,
    ) -> Map<Arc<Artifact>> {
        let mut artifacts = inherited.clone();
        for own in words {
            if let (Some(name), Some(artifact)) = (own.name, self.artifact(own, context)) {
                artifacts.insert(self.name(name.text), Arc::new(artifact));
            }
        }
        artifacts
    }

    /// A file that its artifact type would not be guessed from (12.1).
    fn check_extension(&self, file: Word<'_>, body: &ArtifactType, type_id: TypeId) {
        let name = file.text.rsplit('/').next().unwrap_or(file.text).to_lowercase();
        let has = |extension: &Arc<str>| {
            name.strip_suffix(&extension.to_lowercase()).is_some_and(|stem| stem.ends_with('.'))
        };
        // Without an extension nothing contradicts the type.
        if body.file_ext.is_empty() || !name.contains('.') || body.file_ext.iter().any(has) {
            return;
        }
        let extensions: Vec<String> = body.file_ext.iter().map(|extension| format!(".{extension}")).collect();
        let of_type = &self.type_of(type_id).name;
        self.report(
            Diagnostic::warning(
                "unusual-extension",
                format!("the file `{}` is not named as files of the type `{of_type}` are", file.text),
            )
            .at(file.span)
            .hint(format!("such files end in: {}", one_of(extensions.iter().map(String::as_str))))
            .chapter("12.1"),
        );
    }

    /// An artifact definition; `None` when it was reported.
    fn artifact(&self, own: &words::ArtifactDefinition<'a>, context: Context) -> Option<Artifact> {
        // What lacks a type or a file is an artifact all the same, so that nobody misses it.
        let unknown = || self.unknown.of(TypeKind::Artifact);
        let type_id = own
            .artifact_type
            .map_or_else(unknown, |word| self.find_type(context.file, TypeKind::Artifact, word));
        let file = own.file.or(own.name.map(|name| Word { text: "", span: name.span }))?;
        let TypeBody::Artifact(body) = &self.type_of(type_id).body else { return None };
        let holder = match own.name {
            Some(name) => format!("the artifact `{}`", name.text),
            None => format!("the artifact `{}`", file.text),
        };
        let hides = own.hidden.has("properties");
        self.check_extension(file, body, type_id);
        if let Some(word) = own.repository
            && repositories::find(self.files, context.file, word.text).is_none()
            && let Some(diagnostic) = repositories::unknown(self.files, context.file, word.text, word.span)
        {
            self.report(diagnostic.chapter("12.2"));
        }
        Some(Artifact {
            name: own.name.map(|name| self.name(name.text)),
            type_id,
            file: file.text.into(),
            source: file.span.source,
            repository: own.repository.map(|word| self.name(word.text)),
            version: own.version.map(Arc::from),
            checksum: own
                .checksum
                .map(|words| Checksum { value: words.value.into(), algorithm: words.algorithm.into() }),
            properties: self.assign(
                &body.properties,
                &own.properties,
                type_id,
                "properties",
                hides,
                context,
                &holder,
                own.span,
            ),
            description: own.common.description.map(Arc::from),
            metadata: own.common.metadata.map(plain_metadata).unwrap_or_default(),
            span: file.span,
        })
    }
}

/// An inherited interface with the artifacts of a derived type or template in place of those it named.
fn rebound_interface(
    definition: &Arc<InterfaceDefinition>,
    artifacts: Option<&Map<Arc<Artifact>>>,
) -> Arc<InterfaceDefinition> {
    let all = definition.operations.values().chain(definition.notifications.values());
    let changed = all
        .filter_map(|operation| operation.implementation.as_ref())
        .any(|own| rebound(own, artifacts).is_some());
    if !changed {
        return definition.clone();
    }
    let mut definition = InterfaceDefinition::clone(definition);
    let notifications = definition.notifications.values_mut();
    for operation in definition.operations.values_mut().chain(notifications) {
        if let Some(changed) = operation.implementation.as_ref().and_then(|own| rebound(own, artifacts)) {
            let mut own = OperationDefinition::clone(operation);
            own.implementation = Some(changed);
            *operation = Arc::new(own);
        }
    }
    Arc::new(definition)
}

/// An implementation with other artifacts of the same names; `None` when none of them changed.
pub(super) fn rebound(
    implementation: &Arc<Implementation>,
    artifacts: Option<&Map<Arc<Artifact>>>,
) -> Option<Arc<Implementation>> {
    let artifacts = artifacts?;
    let other = |artifact: &Arc<Artifact>| {
        let other = artifacts.get(artifact.name.as_ref()?)?;
        (!Arc::ptr_eq(other, artifact)).then(|| other.clone())
    };
    let all = implementation.primary.iter().chain(&implementation.dependencies);
    if all.clone().all(|artifact| other(artifact).is_none()) {
        return None;
    }
    let replace = |artifact: &Arc<Artifact>| other(artifact).unwrap_or_else(|| artifact.clone());
    Some(Arc::new(Implementation {
        primary: implementation.primary.as_ref().map(replace),
        dependencies: implementation.dependencies.iter().map(replace).collect(),
        timeout_seconds: implementation.timeout_seconds,
        span: implementation.span,
    }))
}
