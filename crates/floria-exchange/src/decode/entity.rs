//! Entities, out of events.

use floria::{
    Artifact, Class, ClassName, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Entity, EntityKind, Handler,
    Handlers, Implementation, Metadata, Named, Namespace, Origin, Plugin, PluginName, Properties, Property,
    Rules, Site, Vertex, VertexId, VertexTemplate, VertexTemplateId,
};

use super::{Decoder, Result};
use crate::{
    event::{Event, shortened},
    part::kind_word,
};

/// The fields of an entity of any kind, as far as they were read.
#[derive(Default)]
struct Draft {
    id: Option<u64>,
    namespace: Option<Namespace>,
    name: Option<String>,
    index: u32,
    container: Option<u64>,
    source: Option<u64>,
    target: Option<u64>,
    artifact: Option<Artifact>,
    classes: Vec<ClassName>,
    properties: Properties,
    handlers: Handlers,
    rules: Rules,
    metadata: Metadata,
    origin: Option<Origin>,
}

impl Decoder<'_> {
    /// Reads an entity whose map has begun and whose kind was read.
    pub(crate) fn entity(&mut self, ordinal: u64, kind: &str) -> Result<Entity> {
        let Some(kind) = EntityKind::ALL.into_iter().find(|each| kind_word(*each) == kind) else {
            return self.fault(format!("there is no kind `{}` of entities", shortened(kind)));
        };
        let word = kind.word();
        self.entity = Some(format!("entity {ordinal}, a {word}"));
        self.expect(&Event::Map, &format!("the fields of a {word}"))?;
        let draft = self.draft(ordinal, kind)?;
        self.expect(&Event::End, "the end of an entity")?;
        let what = &format!("a {word}");
        let namespace = self.needed(draft.namespace, what, "namespace")?;
        let name = self.needed(draft.name, what, "name")?;
        let Draft { index, container, classes, properties, handlers, rules, metadata, origin, .. } = draft;
        Ok(match kind {
            EntityKind::Class => Entity::Class(Class {
                name: ClassName(name),
                namespace,
                ancestors: classes,
                metadata,
                origin,
            }),
            EntityKind::Plugin => Entity::Plugin(Plugin {
                name: PluginName(name),
                namespace,
                artifact: self.needed(draft.artifact, what, "artifact")?,
                metadata,
                origin,
            }),
            EntityKind::VertexTemplate => Entity::VertexTemplate(VertexTemplate {
                id: VertexTemplateId(self.needed(draft.id, what, "id")?),
                container: container.map(VertexTemplateId),
                namespace,
                name,
                classes,
                properties,
                handlers,
                rules,
                metadata,
                origin,
            }),
            EntityKind::Vertex => Entity::Vertex(Vertex {
                id: VertexId(self.needed(draft.id, what, "id")?),
                container: container.map(VertexId),
                namespace,
                name,
                classes,
                properties,
                handlers,
                metadata,
                origin,
            }),
            EntityKind::EdgeTemplate => Entity::EdgeTemplate(EdgeTemplate {
                id: EdgeTemplateId(self.needed(draft.id, what, "id")?),
                source: VertexTemplateId(self.needed(draft.source, what, "source")?),
                target: VertexTemplateId(self.needed(draft.target, what, "target")?),
                namespace,
                name,
                index,
                classes,
                properties,
                handlers,
                rules,
                metadata,
                origin,
            }),
            EntityKind::Edge => Entity::Edge(Edge {
                id: EdgeId(self.needed(draft.id, what, "id")?),
                source: VertexId(self.needed(draft.source, what, "source")?),
                target: VertexId(self.needed(draft.target, what, "target")?),
                namespace,
                name,
                index,
                classes,
                properties,
                handlers,
                metadata,
                origin,
            }),
        })
    }

    fn draft(&mut self, ordinal: u64, kind: EntityKind) -> Result<Draft> {
        use EntityKind::{Class, Edge, EdgeTemplate, Plugin, Vertex, VertexTemplate};
        let mut draft = Draft::default();
        let is_vertex = matches!(kind, VertexTemplate | Vertex);
        let is_edge = matches!(kind, EdgeTemplate | Edge);
        self.fields(&format!("a {}", kind.word()), |decoder, field| {
            match field {
                "id" if is_vertex || is_edge => {
                    let id = decoder.count("an id")?;
                    decoder.entity = Some(format!("entity {ordinal}, {} {id}", kind.word()));
                    draft.id = Some(id);
                }
                "namespace" => draft.namespace = Some(Namespace(decoder.text("the name of a namespace")?)),
                "name" => {
                    let name = decoder.text("a name")?;
                    if !is_vertex && !is_edge {
                        let name = shortened(&name);
                        decoder.entity = Some(format!("entity {ordinal}, {} `{name}`", kind.word()));
                    }
                    draft.name = Some(name);
                }
                "container" if is_vertex => draft.container = Some(decoder.count("the id of a container")?),
                "index" if is_edge => draft.index = decoder.small_count("an index")?,
                "source" if is_edge => draft.source = Some(decoder.count("the id of a source")?),
                "target" if is_edge => draft.target = Some(decoder.count("the id of a target")?),
                "ancestors" if kind == Class => draft.classes = decoder.classes()?,
                "classes" if is_vertex || is_edge => draft.classes = decoder.classes()?,
                "artifact" if kind == Plugin => draft.artifact = Some(decoder.artifact()?),
                "properties" if is_vertex || is_edge => {
                    draft.properties = decoder.names("a map of properties", Self::property)?;
                }
                "handlers" if is_vertex || is_edge => {
                    draft.handlers = decoder.names("a map of handlers", Self::handler)?;
                }
                "rules" if matches!(kind, VertexTemplate | EdgeTemplate) => {
                    draft.rules = decoder.names("a map of rules", |decoder| decoder.expression(0))?;
                }
                "metadata" => draft.metadata = decoder.metadata()?,
                "origin" => draft.origin = Some(decoder.origin()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(draft)
    }

    fn classes(&mut self) -> Result<Vec<ClassName>> {
        self.list("a list of classes", |decoder, event| match event {
            Event::Text(name) => Ok(ClassName(name)),
            other => decoder.unexpected(&other, "the name of a class"),
        })
    }

    fn metadata(&mut self) -> Result<Metadata> {
        self.names("a map of metadata", |decoder| decoder.value(0))
    }

    pub(super) fn origin(&mut self) -> Result<Origin> {
        let (mut source, mut line, mut column) = (None, None, None);
        self.expect(&Event::Map, "an origin")?;
        self.fields("an origin", |decoder, field| {
            match field {
                "source" => source = Some(decoder.text("the name of a source")?),
                "line" => line = Some(decoder.small_count("a line")?),
                "column" => column = Some(decoder.small_count("a column")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Origin {
            source: self.needed(source, "an origin", "source")?.into(),
            line: self.needed(line, "an origin", "line")?,
            column: self.needed(column, "an origin", "column")?,
        })
    }

    fn artifact(&mut self) -> Result<Artifact> {
        self.expect(&Event::Map, "a file")?;
        self.artifact_fields()
    }

    fn artifact_fields(&mut self) -> Result<Artifact> {
        let (mut path, mut digest) = (None, None);
        self.fields("a file", |decoder, field| {
            match field {
                "path" => path = Some(decoder.text("a path")?),
                "digest" => digest = Some(decoder.text("a digest")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Artifact {
            path: self.needed(path, "a file", "path")?,
            digest: self.needed(digest, "a file", "digest")?,
        })
    }

    fn property(&mut self) -> Result<Property> {
        let mut property = Property::default();
        self.expect(&Event::Map, "a property")?;
        self.fields("a property", |decoder, field| {
            match field {
                "value" => property.value = Some(decoder.value(0)?),
                "updater" => property.updater = Some(decoder.expression(0)?),
                "preparer" => property.preparer = Some(decoder.expression(0)?),
                "read_only" => match decoder.next()? {
                    Event::Boolean(read_only) => property.read_only = read_only,
                    other => return decoder.unexpected(&other, "`true` or `false`"),
                },
                "reads" => property.reads = decoder.list("a list of what was read", Self::read)?,
                "metadata" => property.metadata = decoder.metadata()?,
                "origin" => property.origin = Some(decoder.origin()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(property)
    }

    fn read(&mut self, event: Event) -> Result<(Site, String)> {
        if event != Event::Map {
            return self.unexpected(&event, "what was read");
        }
        let (mut site, mut name) = (None, None);
        self.fields("what was read", |decoder, field| {
            match field {
                "vertex" if site.is_none() => site = Some(Site::Vertex(VertexId(decoder.count("an id")?))),
                "edge" if site.is_none() => site = Some(Site::Edge(EdgeId(decoder.count("an id")?))),
                "property" => name = Some(decoder.text("the name of a property")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let site = self.needed(site, "what was read", "vertex` or `edge")?;
        Ok((site, self.needed(name, "what was read", "property")?))
    }

    fn handler(&mut self) -> Result<Handler> {
        let mut handler = Handler {
            implementation: None,
            inputs: Named::new(),
            outputs: Named::new(),
            timeout_ms_max: None,
            metadata: Metadata::new(),
            origin: None,
        };
        self.expect(&Event::Map, "a handler")?;
        self.fields("a handler", |decoder, field| {
            match field {
                "implementation" => handler.implementation = Some(decoder.implementation()?),
                "inputs" => {
                    handler.inputs = decoder.names("a map of inputs", |decoder| decoder.expression(0))?
                }
                "outputs" => {
                    let property = |decoder: &mut Self| decoder.text("the name of a property");
                    handler.outputs = decoder.names("a map of outputs", property)?;
                }
                "timeout_ms_max" => handler.timeout_ms_max = Some(decoder.count("a time in milliseconds")?),
                "metadata" => handler.metadata = decoder.metadata()?,
                "origin" => handler.origin = Some(decoder.origin()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(handler)
    }

    fn implementation(&mut self) -> Result<Implementation> {
        self.one_of("an implementation", "`driver`, `plugin` or `script`", |decoder, word| {
            Ok(Some(match word {
                "driver" => Implementation::Driver(decoder.text("the name of a driver")?),
                "plugin" => Implementation::Plugin(decoder.artifact()?),
                "script" => decoder.script()?,
                _ => return Ok(None),
            }))
        })
    }

    fn script(&mut self) -> Result<Implementation> {
        let (mut file, mut dependencies) = (None, Vec::new());
        self.expect(&Event::Map, "a script")?;
        self.fields("a script", |decoder, field| {
            match field {
                "artifact" => file = Some(decoder.artifact()?),
                "dependencies" => {
                    dependencies = decoder.list("a list of files", |decoder, event| match event {
                        Event::Map => decoder.artifact_fields(),
                        other => decoder.unexpected(&other, "a file"),
                    })?;
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Implementation::Script { artifact: self.needed(file, "a script", "artifact")?, dependencies })
    }
}
