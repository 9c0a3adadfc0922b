//! Designs as text: what `khutulun compile` shows, and what golden tests compare.

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
};

use floria::{
    Artifact, Call, ClassName, Design, EdgeTemplate, Expression, Handler, Implementation, Origin, Property,
    Value, VertexTemplate, VertexTemplateId, rules::Selector,
};
use khutulun_api::names;
use tosca_functions::{CUSTOM_NAMESPACE, NAMESPACE, Schema, SchemaType};

/// How many characters of a digest are shown: enough to tell two apart.
const DIGEST_SHOWN: usize = 12;

/// Shows a design to a person: one line a thing, what is inside it indented, nodes in the design's order. Stable: equal
/// designs give equal texts.
pub fn render(design: &Design) -> String {
    let mut page = Page { design, contained: HashMap::new(), outgoing: HashMap::new(), text: String::new() };
    for vertex in &design.vertexes {
        if let Some(container) = vertex.container {
            page.contained.entry(container).or_default().push(vertex);
        }
    }
    for edge in &design.edges {
        page.outgoing.entry(edge.source).or_default().push(edge);
    }
    page.design();
    page.text
}

pub(crate) struct Page<'a> {
    pub(crate) design: &'a Design,
    /// In the design's order, as the next one.
    pub(crate) contained: HashMap<VertexTemplateId, Vec<&'a VertexTemplate>>,
    pub(crate) outgoing: HashMap<VertexTemplateId, Vec<&'a EdgeTemplate>>,
    text: String,
}

impl<'a> Page<'a> {
    pub(crate) fn line(&mut self, depth: usize, line: fmt::Arguments<'_>) {
        writeln!(self.text, "{:indent$}{line}", "", indent = 2 * depth)
            .expect("a string takes whatever is written to it");
    }

    fn design(&mut self) {
        let design = self.design;
        for (place, service) in design.vertexes.iter().filter(|vertex| vertex.container.is_none()).enumerate()
        {
            if place > 0 {
                self.text.push('\n');
            }
            self.service(service);
        }
        if !design.classes.is_empty() {
            self.text.push('\n');
        }
        for class in &design.classes {
            let parent = class.ancestors.first().map(|parent| format!(" < {parent}")).unwrap_or_default();
            self.line(0, format_args!("class {}{parent}", class.name));
        }
    }

    fn service(&mut self, service: &'a VertexTemplate) {
        self.line(0, format_args!("service {}{}", service.name, place(&service.origin)));
        self.substitution(service);
        for (name, property) in &service.properties {
            if !name.starts_with(names::OUTPUT_PREFIX) {
                self.property(1, "input", name, property);
            }
        }
        for (name, property) in &service.properties {
            if let Some(output) = name.strip_prefix(names::OUTPUT_PREFIX) {
                self.property(1, "output", output, property);
            }
        }
        for vertex in self.contained.remove(&service.id).unwrap_or_default() {
            self.text.push('\n');
            if !self.part(0, vertex) {
                self.node(vertex);
            }
        }
    }

    fn node(&mut self, node: &'a VertexTemplate) {
        self.line(0, format_args!("node {}{}{}", node.name, class(&node.classes), place(&node.origin)));
        self.making(node);
        self.properties(1, &node.properties);
        for (name, artifact) in
            node.metadata.get(names::ARTIFACTS).and_then(Value::as_map).into_iter().flatten()
        {
            let part = |key| artifact.get(key).and_then(Value::as_text).unwrap_or_default();
            self.line(1, format_args!("artifact {name} = {} ({})", part("path"), short(part("digest"))));
        }
        for capability in self.contained.remove(&node.id).unwrap_or_default() {
            self.line(1, format_args!("capability {}{}", capability.name, class(&capability.classes)));
            self.capability(capability);
            self.properties(2, &capability.properties);
        }
        for edge in self.outgoing.remove(&node.id).unwrap_or_default() {
            self.edge(edge);
        }
        for (event, handler) in &node.handlers {
            self.handler(event, handler);
        }
    }

    fn edge(&mut self, edge: &'a EdgeTemplate) {
        let index = if edge.index > 0 { format!(" {}", edge.index) } else { String::new() };
        let name = format_args!("{}{index}", edge.name);
        let class = class(&edge.classes);
        match Selector::of(&edge.rules) {
            Ok(Some(selector)) => {
                let target = self.sought(edge.target, &selector);
                self.line(1, format_args!("requirement {name} → {target}{class}"));
                self.selector(&selector);
            }
            Ok(None) => {
                let target = self.path(edge.target);
                self.line(1, format_args!("requirement {name} → {target}{class}"));
            }
            Err(error) => self.line(1, format_args!("requirement {name} → ({error}){class}")),
        }
        self.properties(2, &edge.properties);
    }

    /// A node's name, or a node's and its capability's.
    pub(crate) fn path(&self, id: VertexTemplateId) -> String {
        let Some(vertex) = self.design.vertex(id) else { return format!("#{id}") };
        match vertex.container.and_then(|container| self.design.vertex(container)) {
            Some(container) if container.container.is_some() => {
                format!("{}.{}", self.path(container.id), vertex.name)
            }
            _ => vertex.name.clone(),
        }
    }

    pub(crate) fn properties(&mut self, depth: usize, properties: &floria::Properties) {
        for (kind, read_only) in [("property", true), ("attribute", false)] {
            for (name, property) in properties.iter().filter(|(_, property)| property.read_only == read_only)
            {
                self.property(depth, kind, name, property);
            }
        }
    }

    pub(crate) fn property(&mut self, depth: usize, kind: &str, name: &str, property: &Property) {
        let schema = property.preparer.as_ref().and_then(schema_of).map(|schema| format!(": {schema}"));
        let value = match (&property.updater, &property.value) {
            (Some(updater), _) => format!(" = {}", Shown(updater)),
            (None, Some(value)) => format!(" = {}", Literal(value)),
            (None, None) => String::new(),
        };
        let mut notes = Vec::new();
        if let Some(change) = property.metadata.get(names::CHANGE) {
            notes.push(format!("change: {change}"));
        }
        if value.is_empty() && property.metadata.get(names::REQUIRED) == Some(&Value::Boolean(true)) {
            notes.push("required".to_owned());
        }
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        self.line(depth, format_args!("{kind} {name}{}{value}{notes}", schema.unwrap_or_default()));
    }

    pub(crate) fn handler(&mut self, event: &str, handler: &Handler) {
        let code = match &handler.implementation {
            None => "nothing".to_owned(),
            Some(Implementation::Driver(name)) => format!("driver {name}"),
            Some(Implementation::Plugin(artifact)) => format!("plugin {}", file(artifact)),
            Some(Implementation::Script { artifact, .. }) => format!("script {}", file(artifact)),
        };
        let limit = handler.timeout_ms_max.map(|limit| format!(", at most {limit} ms")).unwrap_or_default();
        self.line(1, format_args!("on {event}: {code}{limit}"));
        if let Some(Implementation::Script { dependencies, .. }) = &handler.implementation {
            for dependency in dependencies {
                self.line(2, format_args!("with {}", file(dependency)));
            }
        }
        for (name, input) in &handler.inputs {
            self.line(2, format_args!("input {name} = {}", Shown(input)));
        }
        let outputs: Vec<String> = handler
            .outputs
            .iter()
            .map(
                |(name, attribute)| {
                    if name == attribute { name.clone() } else { format!("{name} → {attribute}") }
                },
            )
            .collect();
        if !outputs.is_empty() {
            self.line(2, format_args!("outputs {}", outputs.join(", ")));
        }
    }
}

pub(crate) fn class(classes: &[ClassName]) -> String {
    classes.first().map(|class| format!(": {class}")).unwrap_or_default()
}

pub(crate) fn place(origin: &Option<Origin>) -> String {
    origin.as_ref().map(|origin| format!("  # {origin}")).unwrap_or_default()
}

fn file(artifact: &Artifact) -> String {
    format!("{} ({})", artifact.path, short(&artifact.digest))
}

fn short(digest: &str) -> &str {
    digest.get(..DIGEST_SHOWN).unwrap_or(digest)
}

/// The schema in a preparer, in a few words.
fn schema_of(preparer: &Expression) -> Option<String> {
    let Expression::Call(call) = preparer else { return None };
    let schema = Schema::from_value(call.arguments.first()?.as_literal()?).ok()?;
    Some(words(&schema, schema.types.first()?))
}

fn words(schema: &Schema, own: &SchemaType) -> String {
    let entry = |index: Option<usize>| match index.and_then(|index| schema.types.get(index)) {
        Some(entry) if entry.entry.is_some() => format!(" of ({})", words(schema, entry)),
        Some(entry) => format!(" of {}", words(schema, entry)),
        None => String::new(),
    };
    match &own.name {
        Some(name) => name.clone(),
        None => format!("{}{}", own.base.as_str(), entry(own.entry)),
    }
}

/// An expression as a person reads it; a check around an operation's input is left out.
pub(crate) struct Shown<'a>(pub(crate) &'a Expression);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expression::Literal(value) => Literal(value).fmt(formatter),
            Expression::List(items) => {
                formatter.write_str("[")?;
                separated(formatter, items, |formatter, item| Shown(item).fmt(formatter))?;
                formatter.write_str("]")
            }
            Expression::Map(entries) => {
                formatter.write_str("{")?;
                separated(formatter, entries, |formatter, (key, value)| {
                    write!(formatter, "{}: {}", Shown(key), Shown(value))
                })?;
                formatter.write_str("}")
            }
            Expression::Call(call) => {
                if let Some(value) = checked(call) {
                    return Shown(value).fmt(formatter);
                }
                let name = call.function.strip_prefix(NAMESPACE).unwrap_or(&call.function);
                if let Some(name) = name.strip_prefix(CUSTOM_NAMESPACE) {
                    // Its definition is not shown: who reads this has the design.
                    let given = call.arguments.get(1..).unwrap_or_default();
                    write!(formatter, "${name} [")?;
                    separated(formatter, given, |formatter, item| Shown(item).fmt(formatter))?;
                    return formatter.write_str("]");
                }
                write!(formatter, "${name} [")?;
                match call.arguments.split_first() {
                    // A path and what is at its end are one list of words, as in TOSCA.
                    Some((Expression::Literal(Value::List(path)), rest)) if name.starts_with("get_") => {
                        separated(formatter, path, |formatter, word| word.fmt(formatter))?;
                        rest.iter().try_for_each(|step| write!(formatter, ", {}", Word(step)))?;
                    }
                    Some((Expression::List(path), rest)) if name.starts_with("get_") => {
                        separated(formatter, path, |formatter, step| Word(step).fmt(formatter))?;
                        rest.iter().try_for_each(|step| write!(formatter, ", {}", Word(step)))?;
                    }
                    Some(_) if name.starts_with("get_") => {
                        separated(formatter, &call.arguments, |formatter, step| Word(step).fmt(formatter))?;
                    }
                    _ => separated(formatter, &call.arguments, |formatter, item| Shown(item).fmt(formatter))?,
                }
                formatter.write_str("]")
            }
        }
    }
}

/// A name or index on the way to a value.
struct Word<'a>(&'a Expression);

impl fmt::Display for Word<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_literal() {
            Some(word) => word.fmt(formatter),
            None => Shown(self.0).fmt(formatter),
        }
    }
}

/// What a call of `tosca:coerce` checks.
fn checked(call: &Call) -> Option<&Expression> {
    match call.arguments.as_slice() {
        [_, _, value] if call.function.strip_prefix(NAMESPACE) == Some("coerce") => Some(value),
        _ => None,
    }
}

/// A value on one line, so that a string cannot be taken for anything else.
pub(crate) struct Literal<'a>(pub(crate) &'a Value);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) => write!(formatter, "{text:?}"),
            Value::List(items) => {
                formatter.write_str("[")?;
                separated(formatter, items, |formatter, item| Literal(item).fmt(formatter))?;
                formatter.write_str("]")
            }
            Value::Map(entries) => {
                formatter.write_str("{")?;
                separated(formatter, entries, |formatter, (key, value)| match key {
                    Value::Text(key) => write!(formatter, "{key}: {}", Literal(value)),
                    key => write!(formatter, "{}: {}", Literal(key), Literal(value)),
                })?;
                formatter.write_str("}")
            }
            other => other.fmt(formatter),
        }
    }
}

fn separated<T>(
    formatter: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            formatter.write_str(", ")?;
        }
        each(formatter, item)?;
    }
    Ok(())
}
