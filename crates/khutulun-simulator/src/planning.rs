//! Services, and how whoever is to do something with one plans it: with the real resolver and the real planner.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use floria::{
    Design, Evaluator, Functions, Graph, LogEntry, LogQuery, LogRow, Namespace, Record, Store as _, Value,
    Vertex, VertexId,
};
use floria_resolver::{Counts, Inventory, Limits, NoHooks, Request, StoreIds, resolve};
use khutulun_api::{Operation, Outcome, RunId, names};
use khutulun_plan::{
    Basis, Drift, DriftPolicy, Plan, PlanError, Step, drift, plan_acceptance, plan_adopt, plan_deploy,
    plan_destroy, plan_forget, plan_operate, plan_refresh, plan_repair, plan_run, plan_workflow,
};

use crate::{bug::Bug, sketch::event_of, task::Task, world::World};

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

/// A plan, with what is intended by it, if it is a design.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) intention: Option<Intention>,
}

/// What is intended: recorded with the beginning of the run that it leads to, as the real program records revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intention {
    design: usize,
    counts: Counts,
    /// The run that it led to, once there is one.
    run: Option<RunId>,
}

impl Intention {
    fn of(design: usize) -> Self {
        Self { design, counts: Counts::default(), run: None }
    }

    pub(crate) fn record(self, run: RunId, namespace: &Namespace) -> Record {
        let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let counts = self.counts.into_iter().map(|(node, count)| (node, number(count)));
        let counts = Value::map(counts.collect::<BTreeMap<_, _>>());
        let body = [("run", number(run.0)), ("design", number(self.design as u64)), ("counts", counts)];
        Record {
            stream: names::REVISIONS.to_owned(),
            namespace: namespace.clone(),
            kind: "revision".to_owned(),
            body: Value::map(body),
        }
    }

    fn read(body: &Value) -> Option<Self> {
        let number = |value: &Value| value.as_integer().and_then(|number| u64::try_from(number).ok());
        let counts = body.get("counts").and_then(Value::as_map)?.iter();
        let counts = counts.map(|(node, count)| Some((node.as_text()?.to_owned(), number(count)?)));
        let design = body.get("design").and_then(number)? as usize;
        let run = body.get("run").and_then(number).map(RunId);
        Some(Self { design, counts: counts.collect::<Option<_>>()?, run })
    }
}

/// The nodes of this name, or all of them.
pub(crate) fn nodes_of(graph: &Graph, name: Option<&str>) -> impl Iterator<Item = VertexId> {
    let is_meant = move |vertex: &&Vertex| {
        vertex.metadata.contains_key(names::NODE) && name.is_none_or(|name| vertex.name == name)
    };
    graph.vertexes().filter(is_meant).map(|vertex| vertex.id)
}

impl World {
    /// Plans what somebody wants, as things are.
    pub(crate) fn plan(&mut self, task: &Task, machine: usize) -> Result<Planned, String> {
        let own = Counts::default();
        let plan = match task {
            Task::Deploy(design) => return self.plan_intention(Intention::of(*design)),
            Task::Scale { design, node, count } => {
                let counts = Counts::from([(node.clone(), *count)]);
                return self.plan_intention(Intention { counts, ..Intention::of(*design) });
            }
            Task::RollBack => {
                let all = self.intentions();
                let last = all.last().ok_or("nothing was ever intended")?;
                let differs = |one: &&Intention| (one.design, &one.counts) != (last.design, &last.counts);
                let before = all.iter().rev().find(differs).ok_or("nothing was intended before")?;
                return self.plan_intention(before.clone());
            }
            Task::Unwind(Some(design)) => {
                let goes_on = self.has_planted(Bug::UnwoundForwards);
                let failed = self.intentions().pop().filter(|_| goes_on);
                let planned = self.plan_intention(failed.unwrap_or_else(|| Intention::of(*design)))?;
                return Ok(Planned { intention: Some(Intention::of(*design)), ..planned });
            }
            Task::Destroy | Task::Unwind(None) => self.plan_destroy().map_err(|error| error.to_string()),
            Task::Operate { node, operation } => {
                let graph = self.graph();
                let plan = plan_run(&self.basis(), &graph, node, &event_of(operation), &BTreeMap::new());
                plan.map_err(|error| error.to_string())
            }
            Task::Workflow(name) => {
                let graph = self.graph();
                let name = Value::from(name.as_str());
                let mut workflows = graph.vertexes();
                let workflow = workflows.find(|vertex| vertex.metadata.get(names::WORKFLOW) == Some(&name));
                let workflow = workflow.ok_or("there is no such workflow")?.id;
                let plan = plan_workflow(&self.basis(), &graph, workflow, &BTreeMap::new());
                plan.map_err(|error| error.to_string())
            }
            Task::Change(goal, node) => {
                let graph = self.graph();
                let selected: Vec<VertexId> = nodes_of(&graph, node.as_deref()).collect();
                plan_operate(&self.basis(), &graph, &selected, *goal).map_err(|error| error.to_string())
            }
            Task::Refresh => {
                let graph = self.graph();
                let selected = self.observed(&graph).collect();
                Ok(plan_refresh(&self.basis(), &graph, &selected, self.wall_ms(machine)).0)
            }
            Task::Repair => {
                let (graph, mut drifts) = (self.graph(), self.drifts());
                if self.has_planted(Bug::RepairLeavesOut) {
                    drifts.pop_first();
                }
                plan_repair(&self.basis(), &graph, &drifts).map_err(|error| error.to_string())
            }
            Task::Accept => Ok(plan_acceptance(&self.basis(), &self.graph(), &self.drifts())),
            Task::Adopt(design) => {
                let (graph, wanted) = (self.graph(), self.resolve(*design, &own)?);
                let open = |id: &VertexId| {
                    let state = graph.vertex(*id).and_then(|vertex| vertex.metadata.get(names::STATE));
                    let state = state.and_then(Value::as_text).unwrap_or("initial");
                    matches!(state, "initial" | "deleted" | "failed")
                };
                let selected: BTreeSet<VertexId> = nodes_of(&wanted, None).filter(open).collect();
                let digest = &self.subject.designs[*design].1;
                let now_ms = self.wall_ms(machine);
                let plan = plan_adopt(&self.basis(), &wanted, &graph, digest, &selected, now_ms);
                let plan = plan.map_err(|error| error.to_string())?;
                self.learn_outputs(&plan, &wanted);
                Ok(plan)
            }
            Task::Forget(node) => {
                let graph = self.graph();
                let selected = nodes_of(&graph, node.as_deref()).collect();
                plan_forget(&self.basis(), &graph, &selected, false).map_err(|error| error.to_string())
            }
            Task::Resume(_) | Task::Cancel => Err("there is nothing to plan".to_owned()),
        }?;
        let graph = self.graph();
        self.learn_outputs(&plan, &graph);
        Ok(Planned { plan, intention: None })
    }

    fn plan_intention(&mut self, intention: Intention) -> Result<Planned, String> {
        let ignored = self.has_planted(Bug::ScaleIgnored);
        let own = Counts::default();
        let counts = if ignored { &own } else { &intention.counts };
        let plan = self.plan_towards(intention.design, counts)?;
        Ok(Planned { plan, intention: Some(intention) })
    }

    /// Plans towards a design, as things are.
    pub(crate) fn plan_deploy(&mut self, design: usize) -> Result<Plan, String> {
        self.plan_towards(design, &Counts::default())
    }

    fn plan_towards(&mut self, design: usize, counts: &Counts) -> Result<Plan, String> {
        let (wanted, actual) = (self.resolve(design, counts)?, self.graph());
        let digest = &self.subject.designs[design].1;
        let plan = plan_deploy(&self.basis(), &wanted, &actual, digest).map_err(|error| error.to_string())?;
        self.learn_outputs(&plan, &wanted);
        Ok(plan)
    }

    pub(crate) fn plan_destroy(&mut self) -> Result<Plan, PlanError> {
        let mut basis = self.basis();
        basis.unprotected = self.has_planted(Bug::ProtectionIgnored);
        basis.adopted_too = self.has_planted(Bug::AdoptedDestroyed);
        plan_destroy(&basis, &self.graph())
    }

    fn resolve(&self, design: usize, counts: &Counts) -> Result<Graph, String> {
        let actual = self.graph();
        let others = self.subject.others.iter();
        let inventory: Vec<_> = others.map(|(namespace, graph)| Inventory { namespace, graph }).collect();
        let request = Request {
            design: &self.subject.designs[design].0,
            inputs: &self.subject.inputs,
            counts,
            current: &actual,
            inventory: &inventory,
            functions: &*self.subject.functions,
            limits: Limits::default(),
        };
        let resolved = resolve(&request, &mut StoreIds::new(&*self.store), &mut NoHooks);
        Ok(resolved.map_err(|error| error.to_string())?.graph)
    }

    fn basis(&self) -> Basis<'_> {
        let namespace = &self.subject.namespace;
        Basis::new(namespace, self.revision(namespace), &*self.subject.functions)
    }

    /// The nodes that can be looked at, and of which something is there when they run.
    pub(crate) fn observed<'g>(&self, graph: &'g Graph) -> impl Iterator<Item = VertexId> + use<'g> {
        let has_code = |id: &VertexId, operation: &str| {
            let handler = graph.vertex(*id).and_then(|vertex| vertex.handlers.get(&event_of(operation)));
            handler.is_some_and(|handler| handler.implementation.is_some())
        };
        nodes_of(graph, None).filter(move |id| has_code(id, names::OBSERVE) && has_code(id, "start"))
    }

    /// What was seen to be otherwise, by node.
    pub(crate) fn drifts(&self) -> BTreeMap<VertexId, Vec<Drift>> {
        let graph = self.graph();
        let mut found: BTreeMap<VertexId, Vec<Drift>> = BTreeMap::new();
        let mut evaluator = Evaluator::new(&graph, &*self.subject.functions);
        for id in nodes_of(&graph, None) {
            let Some(vertex) = graph.vertex(id) else { continue };
            let policy = DriftPolicy::of(&graph, id, &mut evaluator).unwrap_or_default();
            let drifts = drift(vertex, &policy);
            if !drifts.is_empty() {
                found.insert(id, drifts);
            }
        }
        found
    }

    /// Whether something was seen to be otherwise that somebody could put right: what nothing stops runs on.
    pub(crate) fn can_put_right(&self) -> bool {
        let graph = self.graph();
        let stops = |id: &VertexId| {
            let handler = graph.vertex(*id).and_then(|vertex| vertex.handlers.get(&event_of("stop")));
            handler.is_some_and(|handler| handler.implementation.is_some())
        };
        let runs = |drifts: &[Drift]| drifts.iter().any(|drift| drift.seen.as_text() == Some("running"));
        self.drifts().iter().any(|(id, drifts)| !runs(drifts) || stops(id))
    }

    /// What was intended so far, as it was recorded.
    pub(crate) fn intentions(&self) -> Vec<Intention> {
        let query = LogQuery { stream: Some(names::REVISIONS.to_owned()), ..LogQuery::default() };
        let rows = self.store.log(&query).unwrap_or_default();
        let record = |row: LogRow| match row.entry {
            LogEntry::Record(record) => Intention::read(&record.body),
            _ => None,
        };
        rows.into_iter().filter_map(record).collect()
    }

    /// What was intended before a run began: a design, or nothing. None: the run is not one towards an intention.
    pub(crate) fn intended_before(&self, run: RunId) -> Option<Option<usize>> {
        let all = self.intentions();
        let place = all.iter().position(|one| one.run == Some(run))?;
        Some(all[..place].last().map(|one| one.design))
    }

    /// Returns how many nodes there are of a template.
    pub(crate) fn instances_of(&self, node: &str) -> u64 {
        let is_of =
            |vertex: &&Vertex| vertex.metadata.get(names::NODE).and_then(Value::as_text) == Some(node);
        self.graph().vertexes().filter(is_of).count() as u64
    }

    pub(crate) fn has_planted(&self, bug: Bug) -> bool {
        self.planted.as_ref().is_some_and(|planted| planted.bug == bug)
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
