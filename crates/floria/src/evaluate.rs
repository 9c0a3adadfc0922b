//! Evaluation: demand-driven, with reads recorded.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::{Call, EdgeId, Expression, Graph, Origin, Properties, Property, Value, ValueMap, VertexId};

/// How deep evaluation may nest, counting each property and each list, map or call around it: 170 properties of which each
/// passes the next one's value to a function. The bound keeps the machine's stack (2 MiB in a thread) from being the limit.
pub const EVALUATION_DEPTH_MAX: usize = 512;

/// Where an expression stands: what `SELF` means in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Site {
    /// On a vertex.
    Vertex(VertexId),
    /// On an edge.
    Edge(EdgeId),
}

/// What an expression came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluated {
    /// A value.
    Known(Value),
    /// Not known before run time: these properties have no value yet. In order, each once.
    Unknown(Vec<(Site, String)>),
}

/// Functions by name, as a language brings them.
pub trait Functions: Send + Sync {
    /// Calls a function. Arguments come unevaluated; [`Evaluator::evaluate`] evaluates them where the function is not
    /// lazy. An unknown function is an error that names it.
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError>;
}

/// Why an expression has no value and never will, as things are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What is wrong.
    pub message: String,
    /// Where the expression was written.
    pub origin: Option<Origin>,
}

impl EvaluationError {
    /// Makes an error that says nothing of its place; the evaluator adds that of the nearest call or property.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), origin: None }
    }

    /// Adds a place, where there is none yet.
    fn at(mut self, origin: &Option<Origin>) -> Self {
        if self.origin.is_none() {
            self.origin.clone_from(origin);
        }
        self
    }
}

/// A property of something in the graph.
type Key<'a> = (Site, &'a str);

/// The properties that something read itself, in order; what those read in turn is theirs.
pub type Reads<'a> = BTreeSet<(Site, &'a str)>;

/// What evaluating a property came to, and what it read on the way.
struct Memo<'a> {
    result: Result<Evaluated, EvaluationError>,
    reads: Reads<'a>,
}

/// Evaluates expressions in one graph, each property once.
///
/// A property is evaluated when it is first asked for. Its result is kept, an error too, with the properties that it read.
/// Nothing is evaluated twice and nothing that nobody asks for.
pub struct Evaluator<'a> {
    graph: &'a Graph,
    functions: &'a dyn Functions,
    memos: HashMap<Key<'a>, Memo<'a>>,
    forgotten: BTreeMap<Site, BTreeSet<String>>,
    /// The properties that are being evaluated, outermost first.
    path: Vec<Key<'a>>,
    /// The same, to find one fast.
    active: HashSet<Key<'a>>,
    /// What the innermost property, or the expression outside of all, has read so far.
    reads: Reads<'a>,
    depth: usize,
    /// Whether the depth was exceeded since evaluation began.
    too_deep: bool,
}

impl<'a> Evaluator<'a> {
    /// Makes an evaluator with nothing evaluated yet.
    pub fn new(graph: &'a Graph, functions: &'a dyn Functions) -> Self {
        Self {
            graph,
            functions,
            memos: HashMap::new(),
            forgotten: BTreeMap::new(),
            path: Vec::new(),
            active: HashSet::new(),
            reads: BTreeSet::new(),
            depth: 0,
            too_deep: false,
        }
    }

    /// Returns the graph that expressions are evaluated in.
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// Declares properties unknown before run time, whatever the graph holds: those of what is about to change.
    ///
    /// Cheap before anything was evaluated. Afterwards, what read the property is evaluated anew when it is next asked for.
    pub fn forget(&mut self, site: Site, property: &str) {
        if !self.forgotten.entry(site).or_default().insert(property.to_owned()) {
            return;
        }
        // Whatever read it, directly or not, goes; who never was evaluated cannot have been read.
        let mut stale: Vec<Key<'a>> =
            self.memos.keys().filter(|key| **key == (site, property)).copied().collect();
        while let Some(key) = stale.pop() {
            self.memos.remove(&key);
            stale
                .extend(self.memos.iter().filter(|(_, memo)| memo.reads.contains(&key)).map(|(key, _)| *key));
        }
    }

    /// Evaluates an expression that stands at `site`.
    ///
    /// # Errors
    ///
    /// When a function fails, a property that is read does not exist or depends on itself, two keys of a map are equal, or
    /// the nesting exceeds [`EVALUATION_DEPTH_MAX`].
    pub fn evaluate(&mut self, expression: &Expression, site: Site) -> Result<Evaluated, EvaluationError> {
        match expression {
            Expression::Literal(value) => Ok(Evaluated::Known(value.clone())),
            Expression::List(items) => self.deeper(|evaluator| evaluator.list(items, site)),
            Expression::Map(entries) => self.deeper(|evaluator| evaluator.map(entries, site)),
            Expression::Call(call) => self
                .deeper(|evaluator| evaluator.functions.call(call, site, evaluator))
                .map_err(|error| error.at(&call.origin)),
        }
    }

    /// Evaluates an expression as [`Self::evaluate`] does, and also returns the properties that it read itself (what those
    /// read in turn is in [`Self::reads`]).
    pub fn evaluate_with_reads(
        &mut self,
        expression: &Expression,
        site: Site,
    ) -> Result<(Evaluated, Reads<'a>), EvaluationError> {
        let outer = std::mem::take(&mut self.reads);
        let result = self.evaluate(expression, site);
        let reads = std::mem::replace(&mut self.reads, outer);
        self.reads.extend(&reads);
        Ok((result?, reads))
    }

    /// Returns the value of a property: its updater's, or else what is stored; either way prepared.
    ///
    /// Without both, a read-only property (TOSCA's property) is null, and any other (TOSCA's attribute) is not known yet. A
    /// forgotten one is not known, whatever it holds.
    ///
    /// # Errors
    ///
    /// When there is no such property or site (the message names what there is), when the property depends on itself (the
    /// message has the whole path), and as [`Self::evaluate`].
    pub fn property(&mut self, site: Site, name: &str) -> Result<Evaluated, EvaluationError> {
        let (name, property) = self.find(site, name)?;
        let key = (site, name);
        self.reads.insert(key);
        if let Some(memo) = self.memos.get(&key) {
            return memo.result.clone();
        }
        if !self.active.insert(key) {
            return Err(self.cycle(key));
        }
        self.path.push(key);
        let outer = std::mem::take(&mut self.reads);
        let result = self
            .deeper(|evaluator| evaluator.compute(key, property))
            .map_err(|error| error.at(&property.origin));
        let reads = std::mem::replace(&mut self.reads, outer);
        self.path.pop();
        self.active.remove(&key);
        // Nesting that is too deep from afar may be fine from here, or once what is further down is known.
        if !self.too_deep {
            self.memos.insert(key, Memo { result: result.clone(), reads });
        }
        result
    }

    /// Returns a property as it is to be stored once it is computed: with its value, where that is known, and with what that
    /// was computed from in [`Property::reads`]. So stores find what depends on a property that changes
    /// ([`Index::Readers`](crate::Index::Readers)), and nobody needs to evaluate everything to know.
    ///
    /// A property that is not computed comes as it is, and so does one whose value is not known yet, but for the reads: when
    /// what it waits for changes, it is found.
    ///
    /// # Errors
    ///
    /// As [`Self::property`].
    pub fn computed(&mut self, site: Site, name: &str) -> Result<Property, EvaluationError> {
        let (name, property) = self.find(site, name)?;
        let mut property = property.clone();
        property.reads.clear();
        if property.updater.is_none() {
            return Ok(property);
        }
        if let Evaluated::Known(value) = self.property(site, name)? {
            property.value = Some(value);
        }
        if let Some(memo) = self.memos.get(&(site, name)) {
            property.reads = memo.reads.iter().map(|(site, name)| (*site, (*name).to_owned())).collect();
        }
        Ok(property)
    }

    /// Returns what each property that was evaluated read itself: property, and the properties it read. In order.
    pub fn reads(&self) -> Vec<((Site, &'a str), &Reads<'a>)> {
        let mut all: Vec<_> = self.memos.iter().map(|(key, memo)| (*key, &memo.reads)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Coerces and validates a value with a property's preparer. Without a preparer, that is the value itself.
    ///
    /// # Errors
    ///
    /// When the preparer refuses the value, is not a call, or needs properties that are not known yet (the message names
    /// them).
    pub fn prepare(
        &mut self,
        property: &Property,
        value: Value,
        site: Site,
    ) -> Result<Value, EvaluationError> {
        match self.prepared(property, value, site)? {
            Evaluated::Known(value) => Ok(value),
            Evaluated::Unknown(properties) => {
                let names: Vec<_> =
                    properties.iter().map(|(site, name)| self.describe((*site, name))).collect();
                Err(EvaluationError::new(format!(
                    "the value cannot be checked before these have a value: {}",
                    names.join(", ")
                ))
                .at(&property.origin))
            }
        }
    }

    fn deeper(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<Evaluated, EvaluationError>,
    ) -> Result<Evaluated, EvaluationError> {
        if self.depth == EVALUATION_DEPTH_MAX {
            self.too_deep = true;
            return Err(EvaluationError::new(format!(
                "the expression nests deeper than {EVALUATION_DEPTH_MAX} levels"
            )));
        }
        if self.depth == 0 {
            self.too_deep = false;
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    fn list(&mut self, items: &[Expression], site: Site) -> Result<Evaluated, EvaluationError> {
        let mut values = Vec::with_capacity(items.len());
        let mut unknown = Vec::new();
        for item in items {
            match self.evaluate(item, site)? {
                Evaluated::Known(value) => values.push(value),
                Evaluated::Unknown(properties) => unknown.extend(properties),
            }
        }
        Ok(known_unless(unknown, || Value::List(values)))
    }

    fn map(
        &mut self,
        entries: &[(Expression, Expression)],
        site: Site,
    ) -> Result<Evaluated, EvaluationError> {
        let mut values = ValueMap::new();
        let mut unknown = Vec::new();
        for (key, value) in entries {
            match (self.evaluate(key, site)?, self.evaluate(value, site)?) {
                (Evaluated::Known(key), Evaluated::Known(value)) => {
                    if values.contains_key(&key) {
                        return Err(EvaluationError::new(format!("two keys of a map are both `{key}`")));
                    }
                    values.insert(key, value);
                }
                (key, value) => {
                    for evaluated in [key, value] {
                        if let Evaluated::Unknown(properties) = evaluated {
                            unknown.extend(properties);
                        }
                    }
                }
            }
        }
        Ok(known_unless(unknown, || Value::Map(values)))
    }

    fn compute(&mut self, key: Key<'a>, property: &'a Property) -> Result<Evaluated, EvaluationError> {
        let (site, name) = key;
        if self.forgotten.get(&site).is_some_and(|names| names.contains(name)) {
            return Ok(Evaluated::Unknown(vec![(site, name.to_owned())]));
        }
        let evaluated = match (&property.updater, &property.value) {
            (Some(updater), _) => self.evaluate(updater, site)?,
            (None, Some(value)) => Evaluated::Known(value.clone()),
            (None, None) if property.read_only => return Ok(Evaluated::Known(Value::Null)),
            (None, None) => return Ok(Evaluated::Unknown(vec![(site, name.to_owned())])),
        };
        match evaluated {
            Evaluated::Known(value) => self.prepared(property, value, site),
            unknown @ Evaluated::Unknown(_) => Ok(unknown),
        }
    }

    fn prepared(
        &mut self,
        property: &Property,
        value: Value,
        site: Site,
    ) -> Result<Evaluated, EvaluationError> {
        let Some(preparer) = &property.preparer else { return Ok(Evaluated::Known(value)) };
        let Expression::Call(call) = preparer else {
            return Err(EvaluationError::new("the preparer of a property is not a call").at(&property.origin));
        };
        let mut call = call.clone();
        call.arguments.push(Expression::Literal(value));
        self.evaluate(&Expression::Call(call), site).map_err(|error| error.at(&property.origin))
    }

    fn find(&self, site: Site, name: &str) -> Result<(&'a str, &'a Property), EvaluationError> {
        let properties = self.properties(site)?;
        let Some((name, property)) = properties.get_key_value(name) else {
            let known: Vec<_> = properties.keys().map(|name| format!("`{name}`")).collect();
            let known = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
            return Err(EvaluationError::new(format!(
                "{} has no property `{name}`; there are: {known}",
                self.describe_site(site)
            )));
        };
        Ok((name, property))
    }

    fn properties(&self, site: Site) -> Result<&'a Properties, EvaluationError> {
        let properties = match site {
            Site::Vertex(id) => self.graph.vertex(id).map(|vertex| &vertex.properties),
            Site::Edge(id) => self.graph.edge(id).map(|edge| &edge.properties),
        };
        properties.ok_or_else(|| {
            EvaluationError::new(format!(
                "there is no {} in the graph, which has {} vertexes and {} edges",
                self.describe_site(site),
                self.graph.vertexes().len(),
                self.graph.edges().len()
            ))
        })
    }

    fn cycle(&self, key: Key<'a>) -> EvaluationError {
        let start = self.path.iter().position(|other| *other == key).unwrap_or(0);
        let path: Vec<_> =
            self.path[start..].iter().chain([&key]).map(|key| format!("`{}`", self.describe(*key))).collect();
        EvaluationError::new(format!("a property depends on itself: {}", path.join(" → ")))
    }

    /// As in `web/endpoint.port`.
    fn describe(&self, (site, name): Key<'_>) -> String {
        match site {
            Site::Vertex(id) => format!("{}.{name}", self.graph.path_of(id)),
            Site::Edge(id) => match self.graph.edge(id) {
                Some(edge) => {
                    format!("{}→{}[{}].{name}", self.graph.path_of(edge.source), edge.name, edge.index)
                }
                None => format!("edge {id}.{name}"),
            },
        }
    }

    fn describe_site(&self, site: Site) -> String {
        match site {
            Site::Vertex(id) if self.graph.vertex(id).is_some() => format!("`{}`", self.graph.path_of(id)),
            Site::Vertex(id) => format!("vertex {id}"),
            Site::Edge(id) => match self.graph.edge(id) {
                Some(edge) => format!("edge `{}` of `{}`", edge.name, self.graph.path_of(edge.source)),
                None => format!("edge {id}"),
            },
        }
    }
}

fn known_unless(mut unknown: Vec<(Site, String)>, value: impl FnOnce() -> Value) -> Evaluated {
    if unknown.is_empty() {
        return Evaluated::Known(value());
    }
    unknown.sort_unstable();
    unknown.dedup();
    Evaluated::Unknown(unknown)
}
