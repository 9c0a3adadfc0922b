//! What operations that take away are given where it is not known any more: what the nodes were made from.

use std::{cell::OnceCell, collections::BTreeMap};

use floria::{Evaluated, Evaluator, Functions, Graph, Handler, Properties, Site, Value, ValueMap};
use khutulun_api::names;

use crate::{document::PlannedValue, node::Nodes};

/// A graph, in which computed properties are what the nodes were made from. It is made when somebody first asks.
pub(crate) struct AsMade<'a> {
    graph: &'a Graph,
    nodes: &'a Nodes<'a>,
    functions: &'a dyn Functions,
    made: OnceCell<Graph>,
}

impl<'a> AsMade<'a> {
    pub(crate) fn new(graph: &'a Graph, nodes: &'a Nodes<'a>, functions: &'a dyn Functions) -> Self {
        Self { graph, nodes, functions, made: OnceCell::new() }
    }

    /// Fills in inputs that are not known. A server that is down has no process any more, but what its clients were told of it
    /// is still what has to be taken back.
    pub(crate) fn fill(&self, inputs: &mut BTreeMap<String, PlannedValue>, handler: &Handler, site: Site) {
        for (name, value) in inputs {
            let PlannedValue::Unknown(_) = value else { continue };
            let Some(expression) = handler.inputs.get(name) else { continue };
            let graph = self.made.get_or_init(|| self.make());
            if let Ok(Evaluated::Known(known)) =
                Evaluator::new(graph, self.functions).evaluate(expression, site)
            {
                *value = PlannedValue::Known(known);
            }
        }
    }

    fn make(&self) -> Graph {
        let mut graph = self.graph.clone();
        for node in &self.nodes.list {
            let Some(applied) = node.vertex.metadata.get(names::APPLIED).and_then(Value::as_map) else {
                continue;
            };
            let mut vertex = node.vertex.clone();
            if fix(&mut vertex.properties, applied, "") {
                graph.put_vertex(vertex);
            }
            for part in &node.parts {
                let Some(name) = part.metadata.get(names::CAPABILITY).and_then(Value::as_text) else {
                    continue;
                };
                let mut vertex = (*part).clone();
                if fix(&mut vertex.properties, applied, &format!("capability.{name}.")) {
                    graph.put_vertex(vertex);
                }
            }
        }
        graph
    }
}

/// Gives computed properties the values that they had. Returns whether there was any.
fn fix(properties: &mut Properties, applied: &ValueMap, prefix: &str) -> bool {
    let mut any = false;
    for (name, property) in properties {
        if property.updater.is_none() || !property.read_only {
            continue;
        }
        if let Some(value) = applied.get(&Value::Text(format!("{prefix}{name}"))) {
            property.value = Some(value.clone());
            property.updater = None;
            any = true;
        }
    }
    any
}
