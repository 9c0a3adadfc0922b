//! Policies as TOSCA has them, from the file to the plan.

use std::collections::BTreeMap;

use floria::{Batch, Change, MemoryStore, Revision, Site, Store as _, Value, Vertex};
use floria_resolver::{Limits, NoHooks, OWN_COUNTS, Request, resolve};
use khutulun_events::{Considered, Event, Limit, Stage, emit, plan_reaction, react};
use khutulun_lowering::{Options, SourceFiles, lower};
use khutulun_plan::{Basis, Plan};
use tosca::MemorySources;
use tosca_functions::ToscaFunctions;
use tosca_profiles::WithProfiles;

use crate::support::{all, emission, shop};

const CARE: &str = "
interface_types:
  Watching: { metadata: { khutulun.events: watch }, notifications: { overloaded: { outputs: { load: { type: float } } } } }
  Backup: { operations: { dump: { inputs: { to: { type: string, default: nowhere } } } } }
node_types:
  Store:
    derived_from: Process
    attributes: { load: { type: float } }
    interfaces:
      eye: { type: Watching, notifications: { overloaded: { outputs: { load: [ SELF, load ] } } } }
      backup: { type: Backup, operations: { dump: { implementation: scripts/dump.sh } } }
group_types: { Tier: {} }
policy_types: { Care: { properties: { limit: { type: float } } } }
service_template:
  node_templates:
    db: { type: Store, count: 2, properties: { command: [ db ] } }
    cache: { type: Store, properties: { command: [ cache ] } }
    web: { type: Process, properties: { command: [ web ] } }
  groups:
    stores: { type: Tier, members: [ db ] }
  policies:
  - care:
      type: Care
      targets: [ stores, cache ]
      properties: { limit: 0.5 }
      triggers:
        overload:
          event: eye.overloaded
          condition: { $greater_than: [ { $get_attribute: [ SELF, load ] }, 0.5 ] }
          action:
          - call_operation: { operation: backup.dump, inputs: { to: { $concat: [ there, /, { $get_attribute: [ SELF, supervisor ] } ] } } }
          - set_state: stopped
          - inline: save
  - life: { type: Heal, targets: [ web ] }
  workflows:
    save: { steps: { one: { target: cache, activities: [ { call_operation: { operation: backup.dump, inputs: { to: all } } } ] } } }
";

/// The instances of a service, in a store.
fn store(text: &str) -> MemoryStore {
    let head = "tosca_definitions_version: tosca_2_0\nimports: [ { profile: 'khutulun.process:0.1' }, { profile: 'khutulun.policies:0.1' } ]\n";
    let files = MemorySources::new().with("service.yaml", format!("{head}{text}"));
    let files = WithProfiles::new(files.with("scripts/dump.sh", "#!/bin/sh\n"));
    let compilation = tosca::compile("service.yaml", &files);
    let model = compilation.model.as_ref().unwrap_or_else(|| panic!("{:?}", compilation.diagnostics));
    let options =
        Options { service: "shop", texts: &compilation.sources, files: &SourceFiles(&files), root: None };
    let lowered = lower(model, &options).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let request = Request {
        design: &lowered.design,
        inputs: &BTreeMap::new(),
        counts: &OWN_COUNTS,
        current: &floria::Graph::default(),
        inventory: &[],
        functions: &ToscaFunctions,
        limits: Limits::default(),
    };
    let store = MemoryStore::new();
    store.allocate(1_000).unwrap();
    let graph = resolve(&request, &mut (1..), &mut NoHooks).unwrap().graph;
    let vertexes = graph.vertexes().cloned().map(Change::put);
    let changes = vertexes.chain(graph.edges().cloned().map(Change::put)).collect();
    store.commit(&Batch { changes, ..Batch::default() }).unwrap();
    store
}

fn named(store: &MemoryStore, name: &str) -> Vertex {
    let graph = store.graph(&shop()).unwrap();
    graph.vertexes().find(|vertex| vertex.name == name).unwrap().clone()
}

/// Tells of something, and returns what follows from it.
fn told(store: &MemoryStore, name: &str, node: &str, data: &[(&str, Value)]) -> Considered {
    let site = Some(Site::Vertex(named(store, node).id));
    let cursor = emit(store, &ToscaFunctions, &emission(name, site, data)).unwrap();
    let event: Event = all(store, cursor - 1).remove(0);
    react(&event, &store.graph(&shop()).unwrap(), &ToscaFunctions)
}

fn plan(store: &MemoryStore, considered: &Considered, stage: usize) -> Plan {
    let (graph, service) = (store.graph(&shop()).unwrap(), shop());
    let basis = Basis::new(&service, Revision(1), &ToscaFunctions);
    plan_reaction(&basis, &graph, &considered.reactions[0], stage).unwrap()
}

/// The operations of a plan: `db-1 backup.dump`.
fn operations(plan: &Plan) -> Vec<String> {
    plan.operations().map(|(_, step)| format!("{} {}", step.subject.node, step.event)).collect()
}

/// C287, C350: the notification's output goes to the attribute that the condition reads, at the node that it is about.
#[test]
fn a_notification_leads_to_activities_where_the_condition_holds() {
    let store = store(CARE);
    let low = told(&store, "watch.overloaded", "db-1", &[("load", 0.25.into())]);
    assert_eq!(low, Considered::default());
    let high = told(&store, "watch.overloaded", "db-1", &[("load", 0.75.into())]);
    let reaction = &high.reactions[0];
    assert_eq!((reaction.name.as_str(), reaction.targets.len()), ("care/overload", 1));
    assert_eq!(reaction.targets, [Site::Vertex(named(&store, "db-1").id)]);
    assert_eq!(reaction.stages, [Stage::Each(0..2), Stage::Once(2..3)]);
    assert!(reaction.origin.is_some());
    let each = plan(&store, &high, 0);
    assert_eq!(operations(&each), ["db-1 backup.dump"]);
    let (place, dump) = each.operations().next().unwrap();
    assert!(format!("{:?}", dump.inputs["to"]).contains("db-1.supervisor"), "{:?}", dump.inputs);
    let state = each.steps.iter().position(|step| step.state.as_deref() == Some("stopped")).unwrap();
    assert_eq!(each.steps[state].after, [place], "in order");
    assert_eq!(operations(&plan(&store, &high, 1)), ["cache backup.dump"]);
    // A member of a group, and a target by itself; what is neither is not.
    assert_eq!(told(&store, "watch.overloaded", "cache", &[("load", 1.0.into())]).reactions.len(), 1);
    assert_eq!(told(&store, "watch.overloaded", "web", &[]).reactions.len(), 0);
    // About the service, at each target: the other one of `db` has no load yet.
    let event = emission("watch.overloaded", None, &[]);
    let cursor = emit(&store, &ToscaFunctions, &event).unwrap();
    let event = all(&store, cursor - 1).remove(0);
    let considered = react(&event, &store.graph(&shop()).unwrap(), &ToscaFunctions);
    assert_eq!(considered.reactions[0].targets.len(), 2);
    assert_eq!(considered.undecided[0].target, Site::Vertex(named(&store, "db-0").id));
}

#[test]
fn a_policy_of_the_profile_has_its_triggers_from_its_type() {
    let store = store(CARE);
    let considered = told(&store, "process.exited", "web", &[]);
    let reaction = &considered.reactions[0];
    assert_eq!(reaction.stages, [Stage::Heal]);
    assert_eq!(reaction.limit, Some(Limit { times_max: 5, within_ms: 600_000 }));
    assert_eq!(told(&store, "process.exited", "cache", &[]).reactions.len(), 0);
}
