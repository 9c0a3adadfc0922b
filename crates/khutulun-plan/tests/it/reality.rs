//! What is seen and what should be: looking, drift, repairing, adopting and forgetting.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Graph, Revision, Value, Vertex, VertexId};
use khutulun_api::names;
use khutulun_plan::{
    Action, AdoptError, Basis, Drift, DriftPolicy, NotAsked, Plan, drift, plan_acceptance, plan_adopt,
    plan_forget, plan_operation, plan_refresh, plan_repair,
};
use proptest::prelude::*;

use crate::{
    sketch::{SketchFunctions, namespace},
    transcripts::{deploy, deployed, steps},
    world::{run, wanted},
};

const DESIGN: &str = "web T ->app start(x=$app.pid) stop()
app T @pid ->db create() start()>pid stop() delete() lifecycle.observe()>pid
db Host none
other T ->db";

fn with_basis<T>(made: impl FnOnce(&Basis<'_>) -> T) -> T {
    let namespace = namespace();
    made(&Basis::new(&namespace, Revision(1), &SketchFunctions))
}

fn id(graph: &Graph, name: &str) -> VertexId {
    graph.vertexes().find(|vertex| vertex.name == name).unwrap().id
}

fn ids(graph: &Graph, names: &[&str]) -> BTreeSet<VertexId> {
    names.iter().map(|name| id(graph, name)).collect()
}

/// A node of which something was seen.
fn seen(state: &str, seen: &str) -> Vertex {
    let graph = deployed("web T @pid start()>pid");
    let mut vertex = graph.vertex(id(&graph, "web")).unwrap().clone();
    vertex.metadata.insert(names::STATE.to_owned(), state.into());
    let observed = Value::map([("state", Value::from(seen)), ("attributes", Value::map([("pid", 7)]))]);
    vertex.metadata.insert(names::OBSERVED.to_owned(), observed);
    vertex
}

fn told(drift: &[Drift]) -> Vec<String> {
    let one = |drift: &Drift| {
        let what = drift.attribute.as_deref().unwrap_or("state");
        format!("{what} {} instead of {}", drift.seen, drift.intended)
    };
    drift.iter().map(one).collect()
}

#[test]
fn what_should_run_and_what_should_be_at_rest() {
    for (state, look, expected) in [
        ("started", "running", None),
        ("started", "stopped", Some("state stopped instead of running")),
        ("started", "failed", Some("state failed instead of running")),
        ("started", "absent", Some("state absent instead of running")),
        ("stopped", "running", Some("state running instead of stopped")),
        ("stopped", "failed", None),
        ("configured", "absent", None),
        ("created", "running", Some("state running instead of stopped")),
        ("started", "unsupervised", Some("state unsupervised instead of supervised")),
        ("stopped", "unsupervised", Some("state unsupervised instead of stopped")),
        // Nobody knows what to expect of these.
        ("failed", "running", None),
        ("initial", "running", None),
    ] {
        let found = told(&drift(&seen(state, look), &DriftPolicy::default()));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{state} {look}");
    }
    let mut attempted = seen("started", "failed");
    attempted.metadata.insert(names::ATTEMPTED.to_owned(), "lifecycle.start".into());
    assert_eq!(drift(&attempted, &DriftPolicy::default()), []);
    // An attribute is compared where that is said, and where there is something.
    let compared = DriftPolicy { compared: BTreeSet::from(["pid".to_owned()]), ..DriftPolicy::default() };
    assert_eq!(told(&drift(&seen("started", "running"), &compared)), ["pid 7 instead of 1"]);
    assert_eq!(told(&drift(&seen("started", "absent"), &compared)).len(), 1);
}

#[test]
fn all_that_can_be_looked_at_is_looked_at_at_once() {
    let actual = deployed(DESIGN);
    let all = ids(&actual, &["web", "app", "db", "other"]);
    let (plan, not_asked) = with_basis(|basis| plan_refresh(basis, &actual, &all, 5));
    assert_eq!(steps(&plan), "app.observe\n");
    assert_eq!(plan.steps[0].asked_ms, Some(5));
    assert_eq!((plan.prepare.len(), plan.conclude.len()), (0, 0));
    assert_eq!(not_asked[&id(&actual, "web")], NotAsked::NoOperation);
    let nothing = wanted(DESIGN, &Graph::default());
    let (plan, not_asked) = with_basis(|basis| plan_refresh(basis, &nothing, &all, 5));
    assert_eq!((plan.steps.len(), not_asked.len()), (0, 4));
}

fn drifted(name: &str, seen: &str, intended: &str, actual: &Graph) -> BTreeMap<VertexId, Vec<Drift>> {
    let drift = Drift { attribute: None, seen: seen.into(), intended: intended.into() };
    BTreeMap::from([(id(actual, name), vec![drift])])
}

#[test]
fn what_drifted_is_repaired_alone_or_taken_as_it_is() {
    let actual = deployed(DESIGN);
    let repaired = |seen, intended| {
        let drifts = drifted("app", seen, intended, &actual);
        let plan = with_basis(|basis| plan_repair(basis, &actual, &drifts)).unwrap();
        assert_eq!(plan.nodes.iter().map(|node| node.node.as_str()).collect::<Vec<_>>(), ["app"]);
        steps(&plan)
    };
    assert_eq!(repaired("failed", "running"), "app.stop\napp.start after app.stop\n");
    assert_eq!(repaired("absent", "running"), "app.create\napp.start after app.create\n");
    assert_eq!(repaired("running", "stopped"), "app.stop\n");
    assert_eq!(repaired("unsupervised", "stopped"), "app.stop\n");
    assert_eq!(repaired("unsupervised", "supervised"), "app.start\n");
    for (seen, expected) in [("failed", "stopped"), ("running", "started"), ("absent", "deleted")] {
        let drifts = drifted("app", seen, "anything", &actual);
        let plan = with_basis(|basis| plan_acceptance(basis, &actual, &drifts));
        assert_eq!((plan.steps.len(), plan.prepare.len()), (0, 1));
        let after = run(&plan, &actual, usize::MAX, 1);
        let state = after.vertex(id(&after, "app")).unwrap().metadata[names::STATE].clone();
        assert_eq!(state.as_text(), Some(expected), "{seen}");
    }
}

#[test]
fn a_deployment_makes_what_drifted_what_it_should_be_and_nothing_else() {
    let see = |name: &str, state: &str| {
        let mut actual = deployed(DESIGN);
        let mut vertex = actual.vertex(id(&actual, name)).unwrap().clone();
        vertex.metadata.insert(names::OBSERVED.to_owned(), Value::map([("state", Value::from(state))]));
        actual.put_vertex(vertex);
        actual
    };
    assert!(deploy(DESIGN, &see("app", "running")).unwrap().is_empty());
    let repaired = |state: &str| {
        let actual = see("app", state);
        let plan = deploy(DESIGN, &actual).unwrap();
        // What was seen is no longer so when an operation has been run; the run writes that.
        assert!(plan.prepare.is_empty() && plan.conclude.is_empty());
        assert!(matches!(plan.nodes[1].reasons[0], khutulun_plan::Reason::Drift { .. }));
        steps(&plan)
    };
    // `web` reads an attribute that starting it writes.
    let rest =
        "web.stop\napp.stop after web.stop\napp.start after app.stop\nweb.start after web.stop, app.start\n";
    assert_eq!(repaired("failed"), rest);
    assert_eq!(
        repaired("absent"),
        "web.stop\napp.create\napp.start after app.create\nweb.start after web.stop, app.start\n"
    );
    // A change of the design is made along with it.
    let plan = deploy(&DESIGN.replace("app T", "app T port=2!replace"), &see("app", "failed")).unwrap();
    let app: Vec<&str> =
        plan.steps.iter().filter(|step| step.subject.node == "app").map(|step| step.event.as_str()).collect();
    assert_eq!(app, ["lifecycle.stop", "lifecycle.delete", "lifecycle.create", "lifecycle.start"]);
}

#[test]
fn forgetting_needs_that_nobody_depends_on_it() {
    let actual = deployed(DESIGN);
    let forget = |names: &[&str], force| {
        let selected = ids(&actual, names);
        with_basis(|basis| plan_forget(basis, &actual, &selected, force))
    };
    let refused = forget(&["app", "db"], false).unwrap_err().to_string();
    assert_eq!(refused, "nodes that stay depend on nodes that are to be forgotten: web on app; other on db");
    let plan = forget(&["app", "web"], false).unwrap();
    assert_eq!((plan.steps.len(), plan.prepare.len(), plan.count(Action::Forget)), (0, 0, 2));
    let rest = run(&plan, &actual, 0, 1);
    let names: Vec<&str> = rest.vertexes().map(|vertex| vertex.name.as_str()).collect();
    assert_eq!(names, ["shop", "db", "other"]);
    let rest = run(&forget(&["db"], true).unwrap(), &actual, 0, 1);
    assert!(rest.edges().all(|edge| edge.target != id(&actual, "db")));
    assert!(run(&forget(&["db", "other", "app", "web"], false).unwrap(), &actual, 0, 1).is_empty());
}

fn adopt(text: &str, actual: &Graph, names: &[&str]) -> Result<Plan, AdoptError> {
    let wanted = wanted(text, actual);
    let selected = ids(&wanted, names);
    with_basis(|basis| plan_adopt(basis, &wanted, actual, "digest", &selected, 5))
}

#[test]
fn adopting_takes_what_is_asked_for_and_nothing_else() {
    let text = DESIGN.replace("stop()\napp", "stop() lifecycle.observe()\napp");
    let nothing = Graph::default();
    let refused = adopt(&text, &nothing, &["web"]).unwrap_err();
    assert_eq!(refused.to_string(), "node `web` depends on `app`, which is not managed");
    assert!(matches!(adopt(&text, &nothing, &["other"]), Err(AdoptError::NoOperation { .. })));
    // The host has no code: it comes along.
    let plan = adopt(&text, &nothing, &["app"]).unwrap();
    assert_eq!(steps(&plan), "db.observe (nothing)\napp.observe after db.observe\n");
    let actual = run(&plan, &nothing, usize::MAX, 1);
    assert_eq!(
        actual.vertexes().map(|vertex| vertex.name.as_str()).collect::<Vec<_>>(),
        ["shop", "app", "db"]
    );
    let refused = adopt(&text, &actual, &["app"]).unwrap_err();
    assert_eq!(refused.to_string(), "node `app` is managed already: it is started");
    let actual = run(&adopt(&text, &actual, &["web"]).unwrap(), &actual, usize::MAX, 1);
    let plan = deploy(&text, &actual).unwrap();
    let created: Vec<&str> = plan.steps.iter().map(|step| step.subject.node.as_str()).collect();
    assert_eq!(created, ["other"; 3]);
}

#[test]
fn an_operation_of_several_goes_from_what_is_depended_on_to_who_depends() {
    let actual = deployed(DESIGN);
    let several = |names: &[&str], event: &str| {
        let sites: Vec<floria::Site> =
            names.iter().map(|name| floria::Site::Vertex(id(&actual, name))).collect();
        with_basis(|basis| plan_operation(basis, &actual, &sites, event, &BTreeMap::new()))
    };
    assert_eq!(steps(&several(&["web", "app"], "start").unwrap()), "app.start\nweb.start after app.start\n");
    assert_eq!(steps(&several(&["app", "web"], "stop").unwrap()), "web.stop\napp.stop after web.stop\n");
    assert!(several(&["app", "db"], "stop").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// What was adopted is as if it had been deployed.
    #[test]
    fn deploying_after_adopting_has_nothing_to_do(
        nodes in prop::collection::vec((0..4_u8, prop::collection::vec(0..8_usize, 0..3), any::<bool>()), 1..8),
    ) {
        let mut text = String::new();
        for (index, (code, requires, reads)) in nodes.iter().enumerate() {
            text += &format!("n{index} T port={code} @pid lifecycle.observe()>pid");
            text += ["", " create()", " start(x=$SELF.port)>pid", " configure()>pid start()"][usize::from(*code)];
            if *reads && index > 0 {
                text += &format!(" seen=$n{}.pid", index - 1);
            }
            for target in requires.iter().filter(|target| **target < index) {
                text += &format!(" ->n{target}");
            }
            text += "\n";
        }
        let names: Vec<String> = (0..nodes.len()).map(|index| format!("n{index}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let has_code = |index: usize| nodes[index].0 > 0;
        match adopt(&text, &Graph::default(), &names) {
            Ok(plan) => {
                let actual = run(&plan, &Graph::default(), usize::MAX, 1);
                let plan = deploy(&text, &actual).unwrap();
                prop_assert!(plan.is_empty(), "{text}\n{}", khutulun_plan::render(&plan));
            }
            Err(error) => prop_assert!(!(0..nodes.len()).any(has_code), "{error}"),
        }
    }
}
