//! Hooks that are components: they adapt and refuse, and have no authority.

use std::collections::BTreeMap;

use floria::{
    Call, Design, Evaluated, EvaluationError, Evaluator, Expression, Functions, Graph, Handler,
    Implementation, Namespace, Property, Site, Value, VertexTemplate, VertexTemplateId,
};
use floria_resolver::{AFTER_INSTANTIATION, BEFORE_INSTANTIATION, Limits, Request, resolve};
use khutulun_wasm::{Access, Grant, GrantPolicy, PathGrant, WasmExecutor};

use crate::support::hostile;

/// A service with one template, whose hook of `event` has these inputs.
fn design(event: &str, implementation: Implementation, inputs: &[(&str, Value)]) -> Design {
    let literal = |(name, value): &(&str, Value)| ((*name).to_owned(), Expression::Literal(value.clone()));
    let handler = Handler {
        implementation: Some(implementation),
        inputs: inputs.iter().map(literal).collect(),
        outputs: Default::default(),
        timeout_ms_max: None,
        metadata: Default::default(),
        origin: None,
    };
    let template = VertexTemplate {
        id: VertexTemplateId(1),
        namespace: Namespace("shop".to_owned()),
        name: "shop".to_owned(),
        container: None,
        classes: Vec::new(),
        properties: [("region".to_owned(), Property::default())].into_iter().collect(),
        handlers: [(event.to_owned(), handler)].into_iter().collect(),
        rules: Default::default(),
        metadata: Default::default(),
        origin: None,
    };
    let namespace = template.namespace.clone();
    Design { namespace, classes: Vec::new(), vertexes: vec![template], edges: Vec::new() }
}

/// A language without functions.
struct NoFunctions;

impl Functions for NoFunctions {
    fn call(&self, call: &Call, _: Site, _: &mut Evaluator<'_>) -> Result<Evaluated, EvaluationError> {
        Err(EvaluationError::new(format!("unknown function `{}`", call.function)))
    }
}

fn make(executor: &WasmExecutor, design: &Design) -> Result<Graph, String> {
    let request = Request {
        design,
        inputs: &BTreeMap::new(),
        counts: &floria_resolver::OWN_COUNTS,
        current: &Graph::default(),
        inventory: &[],
        functions: &NoFunctions,
        limits: Limits::default(),
    };
    resolve(&request, &mut (1..), &mut executor.hooks())
        .map(|resolution| resolution.graph)
        .map_err(|error| error.to_string())
}

#[test]
fn a_component_adapts_and_has_no_authority() {
    let (machine, plugin) = hostile();
    // What an operator allows its operations, its hooks may still not do.
    let paths = vec![PathGrant { path: "/tmp".into(), access: Access::Write }];
    let policy = GrantPolicy::new().allow("hostile", Grant { paths, ..Grant::default() });
    let executor = WasmExecutor::new(machine.clone(), Vec::new()).with_policy(policy);

    let region = Value::map([("region", "north")]);
    let graph =
        make(&executor, &design(BEFORE_INSTANTIATION, plugin.clone(), &[("properties", region)])).unwrap();
    let vertex = graph.vertexes().next().unwrap();
    assert_eq!(vertex.properties["region"].value, Some("north".into()));

    let error = make(&executor, &design(BEFORE_INSTANTIATION, plugin.clone(), &[("colour", "red".into())]))
        .unwrap_err();
    assert!(error.ends_with("it answered `colour`, which a hook does not have"), "{error}");

    let reading = design(AFTER_INSTANTIATION, plugin, &[("path", "/tmp/x".into())]);
    let error = make(&executor, &reading).unwrap_err();
    assert!(error.contains("was not granted"), "{error}");
    assert_eq!(machine.asked(), [""; 0]);
}
