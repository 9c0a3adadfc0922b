//! Instances in the words of TOSCA: what `khutulun compile --instantiate` shows, and what golden tests compare.

use std::fmt;

use floria::{
    ClassName, Edge, Evaluated, Evaluator, Functions, Graph, Metadata, Properties, Site, Value, Vertex,
};
use khutulun_api::{describe_unknown, names};

use crate::render::Literal;

/// The instances of a service with their values, each before what it contains. Ids are left out: names and paths say which is
/// meant, so that equal graphs are shown as equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instances(pub Vec<Instance>);

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The names from just below the service down to it; the service's own name, for the service.
    pub path: String,
    /// How many instances contain it.
    pub depth: usize,
    /// What it is an instance of.
    pub kind: Kind,
    /// The name of its template, group, policy and so on; its own name, where nothing says.
    pub template: String,
    /// Its index among the nodes of its template, where it has one.
    pub index: Option<i64>,
    /// Its most specific class.
    pub class: Option<ClassName>,
    /// What of another service it stands for, if it does: a map.
    pub selected: Option<Value>,
    /// The values of its properties (of a service: its inputs), as far as there are any.
    pub properties: Vec<(String, Outcome)>,
    /// The values of its attributes, as far as there are any.
    pub attributes: Vec<(String, Outcome)>,
    /// The values of the service's outputs.
    pub outputs: Vec<(String, Outcome)>,
    /// What leads from it to others.
    pub edges: Vec<InstanceEdge>,
    /// The requirements whose relationships are not made yet.
    pub waiting: Vec<String>,
}

/// A relationship, or what leads to a member or target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceEdge {
    /// The name: a requirement's.
    pub name: String,
    /// Which of this name.
    pub index: u32,
    /// The path of what it leads to.
    pub target: String,
    /// Its most specific class.
    pub class: Option<ClassName>,
    /// The values of its properties, as far as there are any.
    pub properties: Vec<(String, Outcome)>,
    /// The values of its attributes, as far as there are any.
    pub attributes: Vec<(String, Outcome)>,
    /// What it takes of its target, if it does: a map.
    pub allocation: Option<Value>,
}

/// What an instance is an instance of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A service template.
    Service,
    /// A node template.
    Node,
    /// A capability.
    Capability,
    /// A group.
    Group,
    /// A policy.
    Policy,
    /// A trigger of a policy.
    Trigger,
    /// A workflow.
    Workflow,
    /// A step of a workflow.
    Step,
    /// Anything else.
    Other,
}

impl Kind {
    /// The marks of vertexes, from the one that says most.
    const MARKS: [(&'static str, Self); 8] = [
        (names::NODE, Self::Node),
        (names::CAPABILITY, Self::Capability),
        (names::SERVICE, Self::Service),
        (names::GROUP, Self::Group),
        (names::TRIGGER, Self::Trigger),
        (names::POLICY, Self::Policy),
        (names::STEP, Self::Step),
        (names::WORKFLOW, Self::Workflow),
    ];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Node => "node",
            Self::Capability => "capability",
            Self::Group => "group",
            Self::Policy => "policy",
            Self::Trigger => "trigger",
            Self::Workflow => "workflow",
            Self::Step => "step",
            Self::Other => "vertex",
        }
    }
}

/// What a value has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A value.
    Known(Value),
    /// None before run time; what it waits for.
    Unknown(Vec<String>),
    /// It cannot be computed; why.
    Failed(String),
}

impl Instances {
    /// Evaluates everything in a graph.
    pub fn of(graph: &Graph, functions: &dyn Functions) -> Self {
        let mut evaluator = Evaluator::new(graph, functions);
        let mut list = Vec::new();
        // The next one is the last; what is in it comes before what is beside it.
        let mut open: Vec<(&Vertex, usize)> = graph.contained(None).map(|service| (service, 0)).collect();
        open.reverse();
        while let Some((vertex, depth)) = open.pop() {
            list.push(instance(graph, vertex, depth, &mut evaluator));
            let inside = open.len();
            open.extend(graph.contained(Some(vertex.id)).map(|part| (part, depth + 1)));
            open[inside..].reverse();
        }
        Self(list)
    }
}

fn instance(graph: &Graph, vertex: &Vertex, depth: usize, evaluator: &mut Evaluator<'_>) -> Instance {
    let mark = |name: &str| vertex.metadata.get(name);
    let marked = Kind::MARKS.iter().find_map(|(name, kind)| Some((*kind, mark(name)?.as_text()?)));
    let (kind, template) = marked.unwrap_or(match depth {
        0 => (Kind::Service, vertex.name.as_str()),
        _ => (Kind::Other, vertex.name.as_str()),
    });
    let site = Site::Vertex(vertex.id);
    let is_output = |name: &str| name.starts_with(names::OUTPUT_PREFIX);
    let (properties, attributes) = values(&vertex.properties, site, evaluator, &|name| !is_output(name));
    let (also, mut outputs) = values(&vertex.properties, site, evaluator, &is_output);
    outputs.extend(also);
    for (name, _) in &mut outputs {
        *name = name.trim_start_matches(names::OUTPUT_PREFIX).to_owned();
    }
    let mut edges: Vec<&Edge> = graph.outgoing(vertex.id).collect();
    edges.sort_by_key(|edge| (&edge.name, edge.index));
    Instance {
        path: graph.path_of(vertex.id),
        depth,
        kind,
        template: template.to_owned(),
        index: mark(names::INDEX).and_then(Value::as_integer),
        class: vertex.classes.first().cloned(),
        selected: mark(names::SELECTED).map(without_id),
        properties,
        attributes,
        outputs,
        edges: edges.into_iter().map(|edge| relationship(graph, edge, evaluator)).collect(),
        waiting: waiting(&vertex.metadata),
    }
}

fn relationship(graph: &Graph, edge: &Edge, evaluator: &mut Evaluator<'_>) -> InstanceEdge {
    let (properties, attributes) = values(&edge.properties, Site::Edge(edge.id), evaluator, &|_| true);
    InstanceEdge {
        name: edge.name.clone(),
        index: edge.index,
        target: graph.path_of(edge.target),
        class: edge.classes.first().cloned(),
        properties,
        attributes,
        allocation: edge.metadata.get(names::ALLOCATION).cloned(),
    }
}

/// Returns the names of the requirements that a vertex waits for.
fn waiting(metadata: &Metadata) -> Vec<String> {
    let names = metadata.get(names::WAITING).and_then(Value::as_list).unwrap_or_default();
    names.iter().filter_map(Value::as_text).map(str::to_owned).collect()
}

/// An id says nothing to a person, and is another one in another store.
fn without_id(selected: &Value) -> Value {
    match selected {
        Value::Map(parts) => Value::Map(
            parts
                .iter()
                .filter(|(name, _)| name.as_text() != Some("id"))
                .map(|(name, part)| (name.clone(), part.clone()))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Values by name.
type Values = Vec<(String, Outcome)>;

/// Evaluates properties and attributes. Those without any value are left out.
fn values(
    properties: &Properties,
    site: Site,
    evaluator: &mut Evaluator<'_>,
    is_wanted: &dyn Fn(&str) -> bool,
) -> (Values, Values) {
    let (mut fixed, mut changing) = (Vec::new(), Vec::new());
    for (name, property) in properties.iter().filter(|(name, _)| is_wanted(name)) {
        let outcome = match evaluator.property(site, name) {
            Ok(Evaluated::Known(Value::Null)) => continue,
            Ok(Evaluated::Known(value)) => Outcome::Known(value),
            Ok(Evaluated::Unknown(_)) if property.updater.is_none() => continue,
            Ok(Evaluated::Unknown(what)) => Outcome::Unknown(
                what.iter().map(|(site, name)| describe_unknown(evaluator.graph(), *site, name)).collect(),
            ),
            Err(error) => Outcome::Failed(match error.origin {
                Some(origin) => format!("{} ({origin})", error.message),
                None => error.message,
            }),
        };
        if property.read_only { &mut fixed } else { &mut changing }.push((name.clone(), outcome));
    }
    (fixed, changing)
}

impl fmt::Display for Instances {
    /// One line a thing, what is inside it indented, a line between what is in the service.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for instance in &self.0 {
            if instance.depth == 1 {
                formatter.write_str("\n")?;
            }
            // The service is the page, not a box around everything.
            let indent = 2 * instance.depth.saturating_sub(1);
            let class = shown_class(&instance.class);
            let name = &instance.path;
            write!(formatter, "{:indent$}{} {name}{class}", "", instance.kind.word())?;
            if let Some(index) = instance.index {
                write!(formatter, " (index {index} of {})", instance.template)?;
            }
            if let Some(selected) = &instance.selected {
                write!(formatter, " (stands for {})", Literal(selected))?;
            }
            formatter.write_str("\n")?;
            let inside = if instance.depth == 0 { 2 } else { indent + 2 };
            let property = if instance.kind == Kind::Service { "input" } else { "property" };
            lines(formatter, inside, property, &instance.properties)?;
            lines(formatter, inside, "attribute", &instance.attributes)?;
            lines(formatter, inside, "output", &instance.outputs)?;
            for edge in &instance.edges {
                let name = &edge.name;
                let index = if edge.index > 0 { format!(" {}", edge.index) } else { String::new() };
                let class = shown_class(&edge.class);
                writeln!(formatter, "{:inside$}{name}{index} → {}{class}", "", edge.target)?;
                lines(formatter, inside + 2, "property", &edge.properties)?;
                lines(formatter, inside + 2, "attribute", &edge.attributes)?;
                if let Some(allocation) = &edge.allocation {
                    writeln!(formatter, "{:indent$}takes {}", "", Literal(allocation), indent = inside + 2)?;
                }
            }
            for requirement in &instance.waiting {
                writeln!(formatter, "{:inside$}{requirement} → ? (not known yet)", "")?;
            }
        }
        Ok(())
    }
}

fn shown_class(class: &Option<ClassName>) -> String {
    class.as_ref().map(|class| format!(": {class}")).unwrap_or_default()
}

fn lines(
    formatter: &mut fmt::Formatter<'_>,
    indent: usize,
    kind: &str,
    values: &[(String, Outcome)],
) -> fmt::Result {
    for (name, outcome) in values {
        writeln!(formatter, "{:indent$}{kind} {name} {outcome}", "")?;
    }
    Ok(())
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => write!(formatter, "= {}", Literal(value)),
            Self::Unknown(what) => write!(formatter, "is known after {}", what.join(", ")),
            Self::Failed(why) => write!(formatter, "cannot be computed: {why}"),
        }
    }
}
