//! Designs as a few lines of text, for scenarios and for designs that are made by chance.

use floria::{
    Artifact, Call, ClassName, Design, EdgeTemplate, EdgeTemplateId, Evaluated, EvaluationError, Evaluator,
    Expression, Functions, Handler, Handlers, Implementation, Metadata, Namespace, Origin, Properties,
    Property, Site, Value, VertexTemplate, VertexTemplateId, rules::Making,
};
use khutulun_api::names;

/// The name of the service that every sketch is of.
pub const SERVICE: &str = "shop";

/// How long operations of sketches may take, in milliseconds.
const TIMEOUT_MS: u64 = 20_000;

/// What is wrong with a sketch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the design: {why}")]
pub struct SketchError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub why: String,
}

/// The functions of sketches.
#[derive(Clone, Copy, Debug, Default)]
pub struct SketchFunctions;

impl Functions for SketchFunctions {
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        let text = |index: usize| {
            let argument = call.arguments.get(index).and_then(Expression::as_literal);
            argument.and_then(Value::as_text).unwrap_or_default()
        };
        match call.function.as_str() {
            "get" => {
                let (node, property) = (text(0), text(1));
                let Site::Vertex(id) = site else { return Err(EvaluationError::new("not on a vertex")) };
                if node == "SELF" {
                    return evaluator.property(site, property);
                }
                let graph = evaluator.graph();
                let container = graph.vertex(id).and_then(|vertex| vertex.container);
                let vertex = graph
                    .named(container, node)
                    .ok_or_else(|| EvaluationError::new(format!("there is no node `{node}`")))?;
                evaluator.property(Site::Vertex(vertex.id), property)
            }
            "number" => match call.arguments.first().and_then(Expression::as_literal) {
                Some(value @ Value::Integer(_)) => Ok(Evaluated::Known(value.clone())),
                other => Err(EvaluationError::new(format!("{other:?} is not a number"))),
            },
            other => Err(EvaluationError::new(format!("there is no function `{other}`"))),
        }
    }
}

/// Returns the namespace of sketches.
pub fn namespace() -> Namespace {
    Namespace(SERVICE.to_owned())
}

/// Reads a sketch. A line is a node: its name, then in any order
///
/// - `port=80` a property; `$db.pid` as its value reads a property of another node (`$SELF.pid`: of its own); `port=80!replace`
///   says what a change of it needs (`none`, `configure`, `restart`, `replace`);
/// - `@pid` an attribute without a value; one whose name ends in `number` takes only numbers;
/// - `->db` a requirement named `to`; `backend->db` one with a name; `->db:add_target,remove_target` with operations of the
///   relationship;
/// - `start()` an operation; `start(flag=$db.pid)` with an input; `start()>pid,name` with outputs that go to attributes of
///   their names; a `!` at the end says that it may be run again without harm. Without any, the node has all five of the
///   lifecycle, and `start` writes every attribute; `none` says that it has none;
/// - `v2` the version of the code of its operations;
/// - `count:3` how many are made of it;
/// - `in:client` what contains it, instead of the service; `nested` says that it is itself a service, and no node;
/// - `protected` and `adopted` what those words mean everywhere.
///
/// A line that begins with `workflow` is one: its name, then steps, each of which the success of the one before it leads to.
/// `db.check` calls an operation, `db.check?` does so once somebody has approved, `db.check|web.check` goes on with the other one
/// where the first fails.
///
/// Empty lines, and lines that begin with `#`, say nothing.
///
/// # Errors
///
/// When a line makes no sense.
pub fn design(text: &str) -> Result<Design, SketchError> {
    let mut reading = Reading { vertexes: vec![template(1, None, SERVICE)], wishes: Vec::new(), line: 0 };
    for (line, text) in (1..).zip(text.lines()) {
        reading.line = line;
        let mut tokens = text.split_whitespace();
        match tokens.next().filter(|name| !name.starts_with('#')) {
            Some("workflow") => reading.workflow(tokens)?,
            Some(name) => reading.node(name, tokens)?,
            None => continue,
        }
    }
    reading.finish()
}

struct Reading {
    vertexes: Vec<VertexTemplate>,
    /// Source, name, target and line of requirements.
    wishes: Vec<(VertexTemplateId, String, String, u32)>,
    line: u32,
}

impl Reading {
    fn wrong(&self, why: impl Into<String>) -> SketchError {
        SketchError { line: self.line, why: why.into() }
    }

    fn by_name(&self, name: &str) -> Result<VertexTemplateId, SketchError> {
        let found = self.vertexes.iter().find(|vertex| vertex.name == name);
        found.map(|vertex| vertex.id).ok_or_else(|| self.wrong(format!("there is no node `{name}`")))
    }

    fn node<'t>(&mut self, name: &str, tokens: impl Iterator<Item = &'t str>) -> Result<(), SketchError> {
        if self.by_name(name).is_ok() {
            return Err(self.wrong(format!("there are two nodes `{name}`")));
        }
        let id = self.vertexes.len() as u64 + 1;
        let mut node = template(id, Some(VertexTemplateId(1)), name);
        node.metadata.insert(names::NODE.to_owned(), Value::from(name));
        node.origin = Some(Origin { source: "sketch".into(), line: self.line, column: 1 });
        let mut operations: Vec<&str> = Vec::new();
        let mut version = "v1";
        for token in tokens {
            if let Some(attribute) = token.strip_prefix('@') {
                node.properties.insert(attribute.to_owned(), attribute_named(attribute));
            } else if let Some((requirement, target)) = token.split_once("->") {
                let requirement = if requirement.is_empty() { "to" } else { requirement };
                self.wishes.push((node.id, requirement.to_owned(), target.to_owned(), self.line));
            } else if token.contains('(') || token == "none" {
                operations.push(token);
            } else if let Some(outer) = token.strip_prefix("in:") {
                node.container = Some(self.by_name(outer)?);
            } else if token == "nested" {
                node.metadata.remove(names::NODE);
                node.metadata.insert(names::SERVICE.to_owned(), Value::from(name));
                operations.push("none");
            } else if token == "protected" || token == "adopted" {
                let word = if token == "adopted" { names::ADOPTED } else { names::PROTECTED };
                node.metadata.insert(word.to_owned(), Value::from(true));
            } else if let Some(count) = token.strip_prefix("count:") {
                let count = count.parse().map_err(|_| self.wrong(format!("`{count}` is no number")))?;
                let count = Some(Expression::Literal(Value::Integer(count)));
                node.rules = Making { count, ..Making::default() }.into_rules();
            } else if let Some((name, value)) = token.split_once('=') {
                node.properties.extend([(name.to_owned(), property(value, &node.origin))]);
            } else if token.starts_with('v') {
                version = token;
            } else {
                return Err(self.wrong(format!("`{token}` means nothing")));
            }
        }
        self.handlers(&mut node, &operations, version)?;
        self.vertexes.push(node);
        Ok(())
    }

    fn workflow<'t>(&mut self, mut tokens: impl Iterator<Item = &'t str>) -> Result<(), SketchError> {
        let name = tokens.next().ok_or_else(|| self.wrong("a workflow needs a name"))?;
        let mark = |vertex: &mut VertexTemplate, key: &str, value: &str| {
            vertex.metadata.insert(key.to_owned(), Value::from(value));
        };
        let workflow = VertexTemplateId(self.vertexes.len() as u64 + 1);
        let mut vertex = template(workflow.0, Some(VertexTemplateId(1)), name);
        mark(&mut vertex, names::WORKFLOW, name);
        self.vertexes.push(vertex);
        let [success, failure] = names::FOLLOWERS;
        let mut before: Option<VertexTemplateId> = None;
        for (place, token) in tokens.enumerate() {
            let mut first = None;
            for (way, call) in token.split('|').enumerate() {
                let (call, asks) = call.strip_suffix('?').map_or((call, false), |call| (call, true));
                let (target, operation) =
                    call.split_once('.').ok_or_else(|| self.wrong(format!("`{call}` is no operation")))?;
                let step = format!("{name}-{place}-{way}");
                let id = VertexTemplateId(self.vertexes.len() as u64 + 1);
                let mut vertex = template(id.0, Some(workflow), &step);
                mark(&mut vertex, names::STEP, &step);
                if asks {
                    mark(&mut vertex, names::APPROVAL, &format!("may {call} happen?"));
                }
                let mut activity = handler(operation, "", &[], "v1", false);
                activity.implementation = None;
                let [_, _, calls, _] = names::ACTIVITY_KINDS;
                let words = [
                    (names::ACTIVITY_KIND, calls.to_owned()),
                    (names::ACTIVITY_SUBJECT, event_of(operation)),
                ];
                activity.metadata.extend(words.map(|(key, word)| (key.to_owned(), Value::from(word))));
                vertex.handlers.insert(format!("{}.0", names::ACTIVITY), activity);
                self.vertexes.push(vertex);
                self.wishes.push((id, names::TARGET.to_owned(), target.to_owned(), self.line));
                let leads = match first {
                    None => before.map(|before| (before, success)),
                    Some(first) => Some((first, failure)),
                };
                self.wishes.extend(leads.map(|(from, name)| (from, name.to_owned(), step, self.line)));
                first = first.or(Some(id));
            }
            before = first;
        }
        Ok(())
    }

    fn handlers(
        &self,
        node: &mut VertexTemplate,
        operations: &[&str],
        version: &str,
    ) -> Result<(), SketchError> {
        let attributes: Vec<String> = node
            .properties
            .iter()
            .filter(|(_, property)| !property.read_only)
            .map(|(name, _)| name.clone())
            .collect();
        if operations.is_empty() {
            for operation in names::LIFECYCLE_UP.iter().chain(&names::LIFECYCLE_DOWN) {
                let outputs = if *operation == "start" { attributes.as_slice() } else { &[] };
                add_handler(node, operation, "", outputs, version, false);
            }
        }
        for operation in operations.iter().filter(|operation| **operation != "none") {
            let (operation, repeatable) =
                operation.strip_suffix('!').map_or((*operation, false), |rest| (rest, true));
            let parts = operation.split_once('(').and_then(|(name, rest)| {
                let (inputs, outputs) = rest.split_once(')')?;
                Some((name, inputs, outputs))
            });
            let (name, inputs, outputs) =
                parts.ok_or_else(|| self.wrong(format!("`{operation}` is no operation")))?;
            let outputs: Vec<String> = outputs
                .trim_start_matches('>')
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            add_handler(node, name, inputs, &outputs, version, repeatable);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Design, SketchError> {
        let mut edges: Vec<EdgeTemplate> = Vec::new();
        for (source, name, target, line) in std::mem::take(&mut self.wishes) {
            self.line = line;
            let (target, operations) = target.split_once(':').unwrap_or((&target, ""));
            let mut handlers = Handlers::default();
            for operation in operations.split(',').filter(|operation| !operation.is_empty()) {
                if !names::RELATIONSHIP_OPERATIONS.contains(&operation) {
                    return Err(self.wrong(format!("there is no operation `{operation}` of relationships")));
                }
                let event = format!("{}.{operation}", names::CONFIGURE);
                handlers.insert(event, handler(operation, "", &[], "v1", false));
            }
            let same = edges.iter().filter(|edge| edge.source == source && edge.name == name).count();
            edges.push(EdgeTemplate {
                id: EdgeTemplateId(edges.len() as u64 + 1),
                namespace: namespace(),
                index: u32::try_from(same).unwrap_or(u32::MAX),
                name,
                source,
                target: self.by_name(target)?,
                classes: vec![],
                properties: Properties::default(),
                handlers,
                rules: Default::default(),
                metadata: Metadata::new(),
                origin: None,
            });
        }
        Ok(Design { namespace: namespace(), classes: vec![], vertexes: self.vertexes, edges })
    }
}

fn attribute_named(name: &str) -> Property {
    let preparer = name
        .ends_with("number")
        .then(|| Expression::from(Call { function: "number".to_owned(), arguments: vec![], origin: None }));
    Property { preparer, ..Property::default() }
}

fn property(text: &str, origin: &Option<Origin>) -> Property {
    let (value, change) = text.split_once('!').map_or((text, None), |(value, change)| (value, Some(change)));
    let (value, updater) = match expression(value) {
        Expression::Literal(value) => (Some(value), None),
        call => (None, Some(call)),
    };
    Property {
        value,
        updater,
        read_only: true,
        metadata: Metadata::from_iter(change.map(|change| (names::CHANGE.to_owned(), Value::from(change)))),
        origin: origin.clone(),
        ..Property::default()
    }
}

fn expression(text: &str) -> Expression {
    if let Some((node, property)) = text.strip_prefix('$').and_then(|path| path.split_once('.')) {
        let arguments = vec![Expression::from(Value::from(node)), Expression::from(Value::from(property))];
        return Expression::from(Call { function: "get".to_owned(), arguments, origin: None });
    }
    Expression::Literal(text.parse::<i64>().map_or_else(|_| Value::from(text), Value::Integer))
}

/// Returns the event of an operation by its short name: those of the lifecycle need no interface.
pub fn event_of(operation: &str) -> String {
    let mut lifecycle = names::LIFECYCLE_UP.iter().chain(&names::LIFECYCLE_DOWN).chain([&names::OBSERVE]);
    let of_lifecycle = lifecycle.any(|name| *name == operation);
    if of_lifecycle { format!("{}.{operation}", names::LIFECYCLE) } else { operation.to_owned() }
}

fn add_handler(
    node: &mut VertexTemplate,
    name: &str,
    inputs: &str,
    outputs: &[String],
    version: &str,
    repeatable: bool,
) {
    node.handlers.insert(event_of(name), handler(name, inputs, outputs, version, repeatable));
}

fn handler(name: &str, inputs: &str, outputs: &[String], version: &str, repeatable: bool) -> Handler {
    let inputs = inputs.split(',').filter_map(|input| input.split_once('='));
    let artifact = Artifact { path: format!("{name}.sh"), digest: format!("{name}-{version}") };
    let metadata = repeatable.then(|| (names::REPEATABLE.to_owned(), Value::from(true)));
    Handler {
        implementation: Some(Implementation::Script { artifact, dependencies: vec![] }),
        inputs: inputs.map(|(name, value)| (name.to_owned(), expression(value))).collect(),
        outputs: outputs.iter().map(|name| (name.clone(), name.clone())).collect(),
        timeout_ms_max: Some(TIMEOUT_MS),
        metadata: Metadata::from_iter(metadata),
        origin: None,
    }
}

fn template(id: u64, container: Option<VertexTemplateId>, name: &str) -> VertexTemplate {
    VertexTemplate {
        id: VertexTemplateId(id),
        namespace: namespace(),
        name: name.to_owned(),
        container,
        classes: vec![ClassName("sketch:1.0:Node".to_owned())],
        properties: Properties::default(),
        handlers: Default::default(),
        rules: Default::default(),
        metadata: Metadata::new(),
        origin: None,
    }
}
