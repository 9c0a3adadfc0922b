//! Services, and how whoever is to do something with one plans it: with the real resolver and the real planner.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use floria::{Design, Evaluator, Functions, Graph, Namespace, Value, Vertex, VertexId};
use floria_resolver::{Counts, Inventory, Limits, NoHooks, Request, StoreIds, resolve};
use khutulun_api::{Operation, Outcome, names};
use khutulun_plan::{Basis, Goal, Plan, PlanError, Step, plan_deploy, plan_destroy, plan_operate};

use crate::{bug::Bug, world::World};

/// A service, with the designs that it goes through.
#[derive(Clone)]
pub struct Subject {
    /// The service.
    pub namespace: Namespace,
    /// What expressions may call.
    pub functions: Arc<dyn Functions>,
    /// Its designs, each with its digest.
    pub designs: Vec<(Design, String)>,
    /// The inputs that were given.
    pub inputs: BTreeMap<String, Value>,
    /// Other services, which its designs may select from.
    pub others: Vec<(Namespace, Graph)>,
}

impl Subject {
    /// Makes a subject of designs of one service.
    pub fn new(namespace: Namespace, functions: Arc<dyn Functions>, designs: Vec<Design>) -> Self {
        let designs = designs.into_iter().map(|design| {
            let digest = design.digest();
            (design, digest)
        });
        Self { namespace, functions, designs: designs.collect(), inputs: BTreeMap::new(), others: Vec::new() }
    }
}

impl World {
    /// Plans towards a design, as things are.
    pub(crate) fn plan_deploy(&mut self, design: usize) -> Result<Plan, String> {
        let base = self.revision(&self.subject.namespace);
        let actual = self.graph();
        let (design, digest) = &self.subject.designs[design];
        let others = self.subject.others.iter();
        let inventory: Vec<_> = others.map(|(namespace, graph)| Inventory { namespace, graph }).collect();
        let request = Request {
            design,
            inputs: &self.subject.inputs,
            counts: &Counts::default(),
            current: &actual,
            inventory: &inventory,
            functions: &*self.subject.functions,
            limits: Limits::default(),
        };
        let resolved = resolve(&request, &mut StoreIds::new(&*self.store), &mut NoHooks);
        let wanted = resolved.map_err(|error| error.to_string())?.graph;
        let basis = Basis::new(&self.subject.namespace, base, &*self.subject.functions);
        let plan = plan_deploy(&basis, &wanted, &actual, digest).map_err(|error| error.to_string())?;
        self.learn_outputs(&plan, &wanted);
        Ok(plan)
    }

    /// Plans how a node, or all of them, is stopped, started or restarted.
    pub(crate) fn plan_change(&mut self, goal: Goal, node: Option<&str>) -> Result<Plan, String> {
        let base = self.revision(&self.subject.namespace);
        let actual = self.graph();
        let is_meant = |vertex: &&Vertex| {
            vertex.metadata.contains_key(names::NODE) && node.is_none_or(|node| vertex.name == node)
        };
        let selected: Vec<VertexId> = actual.vertexes().filter(is_meant).map(|vertex| vertex.id).collect();
        let basis = Basis::new(&self.subject.namespace, base, &*self.subject.functions);
        let plan = plan_operate(&basis, &actual, &selected, goal).map_err(|error| error.to_string())?;
        self.learn_outputs(&plan, &actual);
        Ok(plan)
    }

    pub(crate) fn plan_destroy(&mut self) -> Result<Plan, PlanError> {
        let base = self.revision(&self.subject.namespace);
        let actual = self.graph();
        let mut basis = Basis::new(&self.subject.namespace, base, &*self.subject.functions);
        basis.unprotected =
            self.planted.as_ref().is_some_and(|planted| planted.bug == Bug::ProtectionIgnored);
        let plan = plan_destroy(&basis, &actual)?;
        self.learn_outputs(&plan, &actual);
        Ok(plan)
    }

    /// Finds values that attributes take, for what operations put out.
    pub(crate) fn learn_outputs(&mut self, plan: &Plan, graph: &Graph) {
        let key = |step: &Step| (step.subject.node.clone(), step.event.clone());
        for (_, step) in plan.operations() {
            let site = step.subject.site();
            let (handlers, properties) = match site {
                floria::Site::Vertex(id) => match graph.vertex(id) {
                    Some(vertex) => (&vertex.handlers, &vertex.properties),
                    None => continue,
                },
                floria::Site::Edge(id) => match graph.edge(id) {
                    Some(edge) => (&edge.handlers, &edge.properties),
                    None => continue,
                },
            };
            let Some(handler) = handlers.get(&step.event).filter(|handler| !handler.outputs.is_empty())
            else {
                continue;
            };
            if self.outputs.contains_key(&key(step)) {
                continue;
            }
            let mut evaluator = Evaluator::new(graph, &*self.subject.functions);
            let mut outputs = Vec::new();
            for (output, attribute) in &handler.outputs {
                let Some(property) = properties.get(attribute) else { continue };
                let candidates = [
                    Value::Integer(1_000),
                    Value::from("simulated"),
                    Value::from(true),
                    Value::from(1.0),
                    Value::List(Vec::new()),
                    Value::map::<&str, Value>([]),
                ];
                let fits = candidates.into_iter().find(|candidate| {
                    property.preparer.is_none()
                        || evaluator.prepare(property, candidate.clone(), site).is_ok()
                });
                outputs.extend(fits.map(|value| (output.clone(), value)));
            }
            self.outputs.insert(key(step), outputs);
        }
    }
}

pub(crate) fn put_out(
    known: &HashMap<(String, String), Vec<(String, Value)>>,
    operation: &Operation,
    generation: i64,
    fits: bool,
) -> Outcome {
    let key = (operation.subject.node.clone(), operation.event.clone());
    let outputs = known.get(&key).into_iter().flatten().map(|(name, value)| {
        let value = match value {
            _ if !fits => Value::List(vec![Value::from("nonsense")]),
            Value::Integer(number) => Value::Integer(number + generation),
            Value::Text(text) => Value::from(format!("{text}-{generation}")),
            other => other.clone(),
        };
        (name.clone(), value)
    });
    Outcome::Succeeded(outputs.collect())
}
