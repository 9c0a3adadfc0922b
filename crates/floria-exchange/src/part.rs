//! Entities as what all formats can write: maps, lists, texts, numbers and values.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use floria::{
    Artifact, ClassName, ENCODED_DEPTH_MAX, Entity, EntityKind, Expression, Handler, Handlers,
    Implementation, Metadata, Origin, Properties, Property, Rules, Site, Value,
};

use crate::{
    ExchangeError,
    event::{Sink, Written},
};

/// A part of an entity.
pub(crate) enum Part<'a> {
    Text(&'a str),
    Count(u64),
    Boolean(bool),
    Value(&'a Value),
    List(Vec<Part<'a>>),
    Map(Vec<(&'a str, Part<'a>)>),
}

/// Returns the word for a kind of entities in files.
pub(crate) fn kind_word(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Class => "class",
        EntityKind::Plugin => "plugin",
        EntityKind::VertexTemplate => "vertex_template",
        EntityKind::EdgeTemplate => "edge_template",
        EntityKind::Vertex => "vertex",
        EntityKind::Edge => "edge",
    }
}

/// The fields of a map. Those that are empty are left out: a list, map or option that is empty is one that is not there.
#[derive(Default)]
struct Fields<'a>(Vec<(&'a str, Part<'a>)>);

impl<'a> Fields<'a> {
    fn put(mut self, name: &'a str, part: Part<'a>) -> Self {
        self.0.push((name, part));
        self
    }

    fn some(self, name: &'a str, part: Option<Part<'a>>) -> Self {
        match part {
            Some(part) => self.put(name, part),
            None => self,
        }
    }

    fn list(self, name: &'a str, items: impl Iterator<Item = Part<'a>>) -> Self {
        let items: Vec<_> = items.collect();
        if items.is_empty() { self } else { self.put(name, Part::List(items)) }
    }

    fn map(self, name: &'a str, entries: impl Iterator<Item = (&'a str, Part<'a>)>) -> Self {
        let entries: Vec<_> = entries.collect();
        if entries.is_empty() { self } else { self.put(name, Part::Map(entries)) }
    }

    fn classes(self, name: &'a str, classes: &'a [ClassName]) -> Self {
        self.list(name, classes.iter().map(|class| Part::Text(&class.0)))
    }

    fn behaviour(self, properties: &'a Properties, handlers: &'a Handlers) -> Self {
        self.map("properties", properties.iter().map(|(name, each)| (name.as_str(), property(each))))
            .map("handlers", handlers.iter().map(|(name, each)| (name.as_str(), handler(each))))
    }

    fn rules(self, rules: &'a Rules) -> Self {
        self.map("rules", rules.iter().map(|(name, rule)| (name.as_str(), expression(rule))))
    }

    fn about(self, metadata: &'a Metadata, of: &'a Option<Origin>) -> Self {
        self.map("metadata", metadata.iter().map(|(name, value)| (name.as_str(), Part::Value(value))))
            .some("origin", of.as_ref().map(origin))
    }

    fn done(self) -> Part<'a> {
        Part::Map(self.0)
    }
}

/// Returns an entity as a part: a map from the word for its kind to its fields.
pub(crate) fn entity(entity: &Entity) -> Part<'_> {
    let named = |name| {
        let namespace = Part::Text(&entity.namespace().0);
        let id = entity.key().id().map(Part::Count);
        Fields::default().some("id", id).put("namespace", namespace).put("name", Part::Text(name))
    };
    let fields = named(entity.name());
    let fields = match entity {
        Entity::Class(class) => fields.classes("ancestors", &class.ancestors),
        Entity::Plugin(plugin) => fields.put("artifact", artifact(&plugin.artifact)),
        Entity::VertexTemplate(_) | Entity::Vertex(_) => {
            fields.some("container", entity.container().flatten().map(Part::Count))
        }
        Entity::EdgeTemplate(edge) => ends(fields, edge.index, edge.source.0, edge.target.0),
        Entity::Edge(edge) => ends(fields, edge.index, edge.source.0, edge.target.0),
    };
    let fields = match entity {
        Entity::Class(_) | Entity::Plugin(_) => fields,
        Entity::VertexTemplate(it) => {
            fields.classes("classes", &it.classes).behaviour(&it.properties, &it.handlers).rules(&it.rules)
        }
        Entity::EdgeTemplate(it) => {
            fields.classes("classes", &it.classes).behaviour(&it.properties, &it.handlers).rules(&it.rules)
        }
        Entity::Vertex(it) => fields.classes("classes", &it.classes).behaviour(&it.properties, &it.handlers),
        Entity::Edge(it) => fields.classes("classes", &it.classes).behaviour(&it.properties, &it.handlers),
    };
    let fields = match entity {
        Entity::Class(it) => fields.about(&it.metadata, &it.origin),
        Entity::Plugin(it) => fields.about(&it.metadata, &it.origin),
        Entity::VertexTemplate(it) => fields.about(&it.metadata, &it.origin),
        Entity::EdgeTemplate(it) => fields.about(&it.metadata, &it.origin),
        Entity::Vertex(it) => fields.about(&it.metadata, &it.origin),
        Entity::Edge(it) => fields.about(&it.metadata, &it.origin),
    };
    Part::Map(vec![(kind_word(entity.kind()), fields.done())])
}

fn ends(fields: Fields<'_>, index: u32, source: u64, target: u64) -> Fields<'_> {
    let index = (index > 0).then_some(Part::Count(index.into()));
    fields.some("index", index).put("source", Part::Count(source)).put("target", Part::Count(target))
}

fn origin(origin: &Origin) -> Part<'_> {
    Fields::default()
        .put("source", Part::Text(&origin.source))
        .put("line", Part::Count(origin.line.into()))
        .put("column", Part::Count(origin.column.into()))
        .done()
}

fn artifact(artifact: &Artifact) -> Part<'_> {
    Fields::default()
        .put("path", Part::Text(&artifact.path))
        .put("digest", Part::Text(&artifact.digest))
        .done()
}

fn property(property: &Property) -> Part<'_> {
    let reads = property.reads.iter().map(|(site, name)| {
        let (word, id) = match site {
            Site::Vertex(id) => ("vertex", id.0),
            Site::Edge(id) => ("edge", id.0),
        };
        Fields::default().put(word, Part::Count(id)).put("property", Part::Text(name)).done()
    });
    Fields::default()
        .some("value", property.value.as_ref().map(Part::Value))
        .some("updater", property.updater.as_ref().map(expression))
        .some("preparer", property.preparer.as_ref().map(expression))
        .some("read_only", property.read_only.then_some(Part::Boolean(true)))
        .list("reads", reads)
        .about(&property.metadata, &property.origin)
        .done()
}

fn handler(handler: &Handler) -> Part<'_> {
    let implementation = handler.implementation.as_ref().map(|implementation| {
        let (word, part) = match implementation {
            Implementation::Driver(name) => ("driver", Part::Text(name)),
            Implementation::Plugin(file) => ("plugin", artifact(file)),
            Implementation::Script { artifact: file, dependencies } => {
                let fields = Fields::default().put("artifact", artifact(file));
                ("script", fields.list("dependencies", dependencies.iter().map(artifact)).done())
            }
        };
        Part::Map(vec![(word, part)])
    });
    Fields::default()
        .some("implementation", implementation)
        .map("inputs", handler.inputs.iter().map(|(name, input)| (name.as_str(), expression(input))))
        .map("outputs", handler.outputs.iter().map(|(name, to)| (name.as_str(), Part::Text(to))))
        .some("timeout_ms_max", handler.timeout_ms_max.map(Part::Count))
        .about(&handler.metadata, &handler.origin)
        .done()
}

fn expression(from: &Expression) -> Part<'_> {
    let (word, part) = match from {
        Expression::Literal(value) => ("literal", Part::Value(value)),
        Expression::List(items) => ("list", Part::List(items.iter().map(expression).collect())),
        Expression::Map(entries) => {
            let pair = |(key, value)| Part::List(vec![expression(key), expression(value)]);
            ("map", Part::List(entries.iter().map(|(key, value)| pair((key, value))).collect()))
        }
        Expression::Call(call) => {
            let fields = Fields::default()
                .put("function", Part::Text(&call.function))
                .list("arguments", call.arguments.iter().map(expression))
                .some("origin", call.origin.as_ref().map(origin));
            ("call", fields.done())
        }
    };
    Part::Map(vec![(word, part)])
}

/// Writes a part.
pub(crate) fn write(sink: &mut dyn Sink, part: &Part<'_>) -> Written {
    match part {
        Part::Text(text) => sink.text(text),
        // What is above the largest integer is written as its digits.
        Part::Count(count) => match i64::try_from(*count) {
            Ok(count) => sink.integer(count),
            Err(_) => sink.text(&count.to_string()),
        },
        Part::Boolean(boolean) => sink.boolean(*boolean),
        Part::Value(value) => write_value(sink, value, 0),
        Part::List(items) => {
            sink.list(Some(items.len()))?;
            items.iter().try_for_each(|item| write(sink, item))?;
            sink.end()
        }
        Part::Map(entries) => {
            sink.map(entries.len())?;
            for (key, part) in entries {
                sink.text(key)?;
                write(sink, part)?;
            }
            sink.end()
        }
    }
}

fn write_value(sink: &mut dyn Sink, value: &Value, depth: usize) -> Written {
    if depth > ENCODED_DEPTH_MAX {
        let problem = format!("a value nests deeper than {ENCODED_DEPTH_MAX} levels");
        return Err(ExchangeError::Export(problem));
    }
    let is_text = sink.format().is_text();
    match value {
        Value::Null => sink.null(),
        Value::Boolean(value) => sink.boolean(*value),
        Value::Integer(value) => sink.integer(*value),
        Value::Float(value) if is_text && !value.is_finite() => {
            tagged(sink, "$float", |sink| sink.text(&float_word(*value)))
        }
        Value::Float(value) => sink.float(*value),
        Value::Text(text) => sink.text(text),
        Value::Bytes(octets) if is_text => tagged(sink, "$bytes", |sink| sink.text(&STANDARD.encode(octets))),
        Value::Bytes(octets) => sink.bytes(octets),
        Value::List(items) => {
            sink.list(Some(items.len()))?;
            items.iter().try_for_each(|item| write_value(sink, item, depth + 1))?;
            sink.end()
        }
        Value::Map(entries) => {
            let needs_tag = entries.keys().any(|key| match key {
                Value::Text(key) => key.starts_with('$'),
                _ => is_text,
            });
            if needs_tag {
                return tagged(sink, "$map", |sink| {
                    sink.list(Some(entries.len()))?;
                    for (key, value) in entries {
                        sink.list(Some(2))?;
                        write_value(sink, key, depth + 1)?;
                        write_value(sink, value, depth + 1)?;
                        sink.end()?;
                    }
                    sink.end()
                });
            }
            sink.map(entries.len())?;
            for (key, value) in entries {
                write_value(sink, key, depth + 1)?;
                write_value(sink, value, depth + 1)?;
            }
            sink.end()
        }
        Value::Custom(custom) => tagged(sink, "$custom", |sink| {
            sink.map(3)?;
            sink.text("type")?;
            sink.text(&custom.type_name)?;
            sink.text("order")?;
            write_value(sink, &custom.order, depth + 1)?;
            sink.text("text")?;
            sink.text(&custom.text)?;
            sink.end()
        }),
    }
}

fn tagged(sink: &mut dyn Sink, tag: &str, content: impl FnOnce(&mut dyn Sink) -> Written) -> Written {
    sink.map(1)?;
    sink.text(tag)?;
    content(sink)?;
    sink.end()
}

/// Returns the word for a float that is not finite. NaNs that are not the usual one are told apart by their bits.
fn float_word(value: f64) -> String {
    if value == f64::INFINITY {
        "inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-inf".to_owned()
    } else if value.to_bits() == NAN_BITS {
        "nan".to_owned()
    } else {
        format!("{:#018x}", value.to_bits())
    }
}

/// The NaN that has no payload.
const NAN_BITS: u64 = 0x7ff8_0000_0000_0000;

/// Returns the float that a word stands for; None for a word that [`float_word`] never writes.
pub(crate) fn float_of_word(word: &str) -> Option<f64> {
    let value = match word {
        "inf" => f64::INFINITY,
        "-inf" => f64::NEG_INFINITY,
        "nan" => f64::from_bits(NAN_BITS),
        _ => f64::from_bits(u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()?),
    };
    (float_word(value) == word).then_some(value)
}
