//! Workflows as plans.

use std::{collections::BTreeMap, fmt::Write as _};

use floria::{
    Edge, EdgeId, Expression, Graph, Handler, Handlers, Metadata, Named, Properties, Property, Revision,
    Value, Vertex, VertexId,
};
use khutulun_api::names;
use khutulun_plan::{Basis, Goal, Plan, PlanError, plan_workflow, workflow_named};

use crate::{
    sketch::{SketchFunctions, namespace},
    transcripts::deployed,
};

const NODES: &str = "a T configure()>pid @pid stop()\nb T configure(seen=$a.pid) stop()";

fn put(
    graph: &mut Graph,
    container: Option<VertexId>,
    name: &str,
    mark: &str,
    handlers: Handlers,
) -> VertexId {
    let id = VertexId(1000 + graph.vertexes().len() as u64);
    graph.put_vertex(Vertex {
        id,
        namespace: namespace(),
        name: format!("{mark}:{name}"),
        container,
        classes: Vec::new(),
        properties: Properties::new(),
        handlers,
        metadata: Metadata::from([(mark.to_owned(), Value::from(name))]),
        origin: None,
    });
    id
}

fn link(graph: &mut Graph, source: VertexId, name: &str, target: VertexId) {
    let index = graph.outgoing(source).filter(|edge| edge.name == name).count() as u32;
    let id = EdgeId(1000 + graph.edges().len() as u64);
    graph.put_edge(Edge {
        id,
        namespace: namespace(),
        name: name.to_owned(),
        index,
        source,
        target,
        classes: Vec::new(),
        properties: Properties::new(),
        handlers: Handlers::new(),
        metadata: Metadata::new(),
        origin: None,
    });
}

fn handler(inputs: Named<Expression>, metadata: Metadata) -> Handler {
    Handler {
        implementation: None,
        inputs,
        outputs: Named::new(),
        timeout_ms_max: None,
        metadata,
        origin: None,
    }
}

fn service(graph: &Graph) -> VertexId {
    graph.contained(None).next().unwrap().id
}

/// Adds a workflow. A line is a step: its name, its target, its activities (`stop` calls an operation of the lifecycle,
/// `=failed` sets the state, `+other` inlines, `!deploy` delegates), then `>next` for success and `-next` for failure.
fn workflow(graph: &mut Graph, name: &str, text: &str) -> VertexId {
    let outer = service(graph);
    let workflow = put(graph, Some(outer), name, names::WORKFLOW, Handlers::new());
    let mut steps: BTreeMap<&str, VertexId> = BTreeMap::new();
    let mut ways = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut handlers = Handlers::new();
        for word in &words[2..] {
            let (kind, subject) = match word.split_at(1) {
                (">", next) => {
                    ways.push((words[0], names::FOLLOWERS[0], next));
                    continue;
                }
                ("-", next) => {
                    ways.push((words[0], names::FOLLOWERS[1], next));
                    continue;
                }
                ("=", state) => (names::ACTIVITY_KINDS[1], state.to_owned()),
                ("+", other) => (names::ACTIVITY_KINDS[3], other.to_owned()),
                ("!", other) => (names::ACTIVITY_KINDS[0], other.to_owned()),
                _ => (names::ACTIVITY_KINDS[2], format!("lifecycle.{word}")),
            };
            let metadata = Metadata::from([
                (names::ACTIVITY_KIND.to_owned(), Value::from(kind)),
                (names::ACTIVITY_SUBJECT.to_owned(), Value::Text(subject)),
            ]);
            handlers
                .insert(format!("{}.{}", names::ACTIVITY, handlers.len()), handler(Named::new(), metadata));
        }
        let step = put(graph, Some(workflow), words[0], names::STEP, handlers);
        let target = graph.named(Some(outer), words[1]).unwrap().id;
        link(graph, step, names::TARGET, target);
        steps.insert(words[0], step);
    }
    for (source, name, target) in ways {
        link(graph, steps[source], name, steps[target]);
    }
    workflow
}

fn plan(graph: &Graph, name: &str) -> Result<Plan, PlanError> {
    let namespace = namespace();
    let basis = Basis::new(&namespace, Revision(1), &SketchFunctions);
    let workflow = workflow_named(graph, service(graph), name).unwrap().id;
    plan_workflow(&basis, graph, workflow, &BTreeMap::new())
}

/// Each step with what it waits for; `|` before those whose failure leads to it.
fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let what = if step.implementation.is_some() || step.state.is_some() {
            format!("{}.{}", step.subject.node, step.event.trim_start_matches("lifecycle."))
        } else {
            step.event.clone()
        };
        let part = step.part.as_deref().unwrap_or("?");
        let _ = write!(text, "{index} {part} {what} {:?}", step.after);
        if !step.otherwise.is_empty() {
            let _ = write!(text, " | {:?}", step.otherwise);
        }
        text.push('\n');
    }
    text
}

#[test]
fn steps_become_operations_between_where_they_begin_and_end() {
    let mut graph = deployed(NODES);
    workflow(&mut graph, "w", "two b stop >three\none a stop configure >two -three\nthree a =failed");
    let plan = plan(&graph, "w").unwrap();
    assert_eq!((plan.goal, plan.workflow.as_deref()), (Goal::Workflow, Some("w")));
    assert_eq!(
        shown(&plan),
        "0 one begin []
1 one a.stop [0]
2 one a.configure [1]
3 one end [0, 1, 2]
4 two begin [3]
5 two b.stop [4]
6 two end [4, 5]
7 three begin [6] | [3]
8 three a.set_state [7]
9 three end [7, 8]
"
    );
    assert!(plan.prepare.is_empty() && plan.conclude.is_empty());
}

#[test]
fn a_workflow_in_a_workflow_ends_before_what_follows() {
    let mut graph = deployed(NODES);
    workflow(&mut graph, "inner", "x a stop -y\ny b stop");
    workflow(&mut graph, "w", "one a +inner configure");
    assert_eq!(
        shown(&plan(&graph, "w").unwrap()),
        "0 one begin []
1 one/x begin [0]
2 one/x a.stop [1]
3 one/x end [1, 2]
4 one/y begin [] | [3]
5 one/y b.stop [4]
6 one/y end [4, 5]
7 one end [0, 6]
8 one a.configure [7]
9 one end [0, 7, 8]
"
    );
}

#[test]
fn inputs_that_operations_write_are_not_known_before() {
    let mut graph = deployed(NODES);
    workflow(&mut graph, "w", "one a configure >two\ntwo b configure");
    workflow(&mut graph, "alone", "two b configure");
    let input =
        |plan: Plan| plan.operations().last().map(|(_, step)| format!("{:?}", step.inputs["seen"])).unwrap();
    assert!(input(plan(&graph, "w").unwrap()).contains("Unknown"));
    assert!(input(plan(&graph, "alone").unwrap()).contains("Known(Integer(1))"));
}

#[test]
fn what_every_node_has_can_be_delegated_to() {
    let mut graph = deployed(NODES);
    workflow(&mut graph, "w", "one a !undeploy !deploy");
    let plan = plan(&graph, "w").unwrap();
    let states: Vec<&str> = plan.steps.iter().filter_map(|step| step.state.as_deref()).collect();
    assert_eq!(states, ["stopped", "deleted", "created", "configured", "started"]);
    workflow(&mut graph, "wrong", "one a !dance");
    let error = self::plan(&graph, "wrong").unwrap_err().to_string();
    assert!(
        error.contains("there are: deploy, create, configure, start, undeploy, stop, delete, w, wrong"),
        "{error}"
    );
}

#[test]
fn what_never_ends_is_refused_in_bounded_time() {
    let mut graph = deployed(NODES);
    workflow(&mut graph, "circle", "zero a stop >one\none a stop >two\ntwo a stop -one");
    let error = plan(&graph, "circle").unwrap_err().to_string();
    assert_eq!(error, "steps of the workflow `circle` lead to each other in a circle: one → two → one");
    workflow(&mut graph, "w0", "one a stop");
    for level in 1..40 {
        let text = format!("one a {}", format!("+w{} ", level - 1).repeat(2));
        workflow(&mut graph, &format!("w{level}"), &text);
    }
    assert!(plan(&graph, "w3").is_ok());
    assert!(matches!(plan(&graph, "w39").unwrap_err(), PlanError::TooManySteps { .. }));
}

#[test]
fn an_input_must_have_a_value() {
    let mut graph = deployed(NODES);
    let id = workflow(&mut graph, "w", "one a stop");
    let mut vertex = graph.vertex(id).unwrap().clone();
    let required = Metadata::from([(names::REQUIRED.to_owned(), Value::from(true))]);
    vertex.properties.insert("to".to_owned(), Property { metadata: required, ..Property::default() });
    graph.put_vertex(vertex);
    let error = plan(&graph, "w").unwrap_err().to_string();
    assert_eq!(error, "the input `to` of the workflow `w` cannot be used: it must have a value");
}
