//! Stopping, starting and restarting some nodes.

use floria::{Graph, Revision, Value, VertexId};
use khutulun_api::names;
use khutulun_plan::{Action, Basis, Goal, Plan, PlanError, plan_operate, render};

use crate::{
    sketch::{SketchFunctions, namespace},
    transcripts::{deploy, deployed, steps},
    world::run,
};

pub(crate) fn operate(actual: &Graph, selected: &[VertexId], how: Goal) -> Result<Plan, PlanError> {
    let namespace = namespace();
    plan_operate(&Basis::new(&namespace, Revision(1), &SketchFunctions), actual, selected, how)
}

fn ids(graph: &Graph, names: &[&str]) -> Vec<VertexId> {
    let id = |name: &&str| graph.vertexes().find(|vertex| vertex.name == **name).unwrap().id;
    names.iter().map(id).collect()
}

fn states(graph: &Graph) -> Vec<(String, String)> {
    let state = |vertex: &floria::Vertex| {
        Some((vertex.name.clone(), vertex.metadata.get(names::STATE)?.as_text()?.to_owned()))
    };
    graph.vertexes().filter_map(state).collect()
}

#[track_caller]
fn check(actual: &Graph, names: &[&str], how: Goal, expected: &str) -> Graph {
    let plan = operate(actual, &ids(actual, names), how).unwrap();
    assert_eq!((plan.goal, plan.prepare.len(), plan.conclude.len()), (how, 0, 0));
    let found = format!("{}{}", render(&plan), steps(&plan));
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    };
    assert_eq!(lines(&found), lines(expected), "\n{found}");
    run(&plan, actual, usize::MAX, 2)
}

const DESIGN: &str = "web T ->app start(x=$app.pid) stop()
app T @pid ->db start()>pid stop()
db Host none
other T ->db";

#[test]
fn dependents_stop_first_and_dependencies_start_first() {
    let actual = deployed(DESIGN);
    let stopped = check(
        &actual,
        &["db", "web", "app"],
        Goal::Stop,
        "> run web (T)  shop.yaml:1
            lifecycle.stop was asked for
            runs stop
        > run app (T)  shop.yaml:2
            lifecycle.stop was asked for
            runs stop
        > run db (Host)  shop.yaml:3
            lifecycle.stop was asked for
        Plan: 3 to run
        web.stop
        app.stop after web.stop
        db.stop (nothing) after app.stop",
    );
    let all = |state: &str| {
        let own = [("web", state), ("app", state), ("db", state), ("other", "started")];
        own.map(|(node, state)| (node.to_owned(), state.to_owned())).to_vec()
    };
    assert_eq!(states(&stopped), all("stopped"));
    check(&stopped, &["web"], Goal::Stop, "Nothing to do");
    let started = check(
        &stopped,
        &["web", "app", "db"],
        Goal::Start,
        "> run web (T)  shop.yaml:1
            lifecycle.start was asked for
            runs start (x is known after app.pid)
        > run app (T)  shop.yaml:2
            lifecycle.start was asked for
            runs start
        > run db (Host)  shop.yaml:3
            lifecycle.start was asked for
        Plan: 3 to run
        db.start (nothing)
        app.start after db.start
        web.start after app.start",
    );
    assert_eq!(states(&started), all("started"));
    // What it was started with is what it was made from now.
    assert!(deploy(DESIGN, &started).unwrap().is_empty());
}

#[test]
fn a_restart_is_a_stop_and_a_start_of_each_and_of_no_other() {
    let actual = deployed(DESIGN);
    let restarted = check(
        &actual,
        &["web", "app", "db"],
        Goal::Restart,
        "> run web (T)  shop.yaml:1
            lifecycle.stop was asked for
            lifecycle.start was asked for
            runs stop, then start (x is known after app.pid)
        > run app (T)  shop.yaml:2
            lifecycle.stop was asked for
            lifecycle.start was asked for
            runs stop, then start
        Plan: 2 to run; 1 node unchanged
        web.stop
        app.stop after web.stop
        app.start after app.stop
        web.start after web.stop, app.start",
    );
    assert!(deploy(DESIGN, &restarted).unwrap().is_empty());
    let alone = operate(&actual, &ids(&actual, &["app"]), Goal::Restart).unwrap();
    assert_eq!(steps(&alone), "app.stop\napp.start after app.stop\n");
    // Who reads what the restart wrote is for the next plan of the design.
    let after = run(&alone, &actual, usize::MAX, 7);
    assert_eq!(steps(&deploy(DESIGN, &after).unwrap()), "web.stop\nweb.start after web.stop\n");
}

#[test]
fn what_was_stopped_is_brought_up_by_the_next_deployment() {
    let actual = deployed("web T");
    let plan = operate(&actual, &ids(&actual, &["web"]), Goal::Stop).unwrap();
    let stopped = run(&plan, &actual, usize::MAX, 2);
    let plan = deploy("web T", &stopped).unwrap();
    assert_eq!(plan.nodes[0].action, Action::Update);
    assert_eq!(steps(&plan), "web.configure\nweb.start after web.configure\n");
}

#[test]
fn what_is_not_made_cannot_be_started() {
    let plan = deploy("web T", &Graph::default()).unwrap();
    for (done, state) in [(0, "initial"), (1, "created")] {
        let half = run(&plan, &Graph::default(), done, 1);
        for how in [Goal::Start, Goal::Restart] {
            let error = operate(&half, &ids(&half, &["web"]), how).unwrap_err();
            assert_eq!(error.to_string(), format!("node `web` cannot be started: it is {state}"));
        }
        assert!(operate(&half, &ids(&half, &["web"]), Goal::Stop).unwrap().is_empty());
    }
    let half = run(&plan, &Graph::default(), 2, 1);
    assert_eq!(steps(&operate(&half, &ids(&half, &["web"]), Goal::Start).unwrap()), "web.start\n");
}

#[test]
fn after_a_start_that_failed_it_is_stopped_first() {
    let mut actual = deployed("web T");
    let mut web = actual.vertexes().find(|vertex| vertex.name == "web").unwrap().clone();
    web.metadata.insert(names::ATTEMPTED.to_owned(), Value::from("lifecycle.start"));
    web.metadata.insert(names::STATE.to_owned(), Value::from("stopped"));
    actual.put_vertex(web.clone());
    for how in [Goal::Start, Goal::Restart] {
        let plan = operate(&actual, &[web.id], how).unwrap();
        assert_eq!(steps(&plan), "web.stop\nweb.start after web.stop\n");
    }
    assert_eq!(steps(&operate(&actual, &[web.id], Goal::Stop).unwrap()), "web.stop\n");
    web.metadata.insert(names::ATTEMPTED.to_owned(), Value::from("lifecycle.configure"));
    actual.put_vertex(web.clone());
    let error = operate(&actual, &[web.id], Goal::Start).unwrap_err().to_string();
    assert_eq!(error, "node `web` cannot be started: it is stopped, and `configure` did not succeed");
}

#[test]
fn only_nodes_are_operated_on() {
    let actual = deployed("web T");
    let shop = ids(&actual, &["shop"]);
    let error = operate(&actual, &shop, Goal::Stop).unwrap_err().to_string();
    assert_eq!(error, "there is no node `shop`; there are: web");
    assert!(matches!(operate(&actual, &[], Goal::Refresh), Ok(plan) if plan.is_empty()));
    let error = operate(&actual, &ids(&actual, &["web"]), Goal::Refresh).unwrap_err();
    assert!(matches!(error, PlanError::WrongGoal { goal: "refresh" }), "{error}");
}
