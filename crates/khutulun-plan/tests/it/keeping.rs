//! What may not go, what is let go, and what was seen to be otherwise.

use floria::{Graph, Revision, Value};
use khutulun_api::names;
use khutulun_plan::{Action, Basis, Plan, PlanError, Reason, plan_deploy, plan_destroy, plan_run, render};

use crate::{
    sketch::{SketchFunctions, namespace},
    transcripts::{deploy, deployed, destroy, steps},
    world::{run, wanted},
};

/// Plans with the words that let everything go.
fn with_all_words(text: Option<&str>, actual: &Graph) -> Plan {
    let namespace = namespace();
    let basis = Basis {
        unprotected: true,
        adopted_too: true,
        ..Basis::new(&namespace, Revision(1), &SketchFunctions)
    };
    match text {
        Some(text) => plan_deploy(&basis, &wanted(text, actual), actual, "digest").unwrap(),
        None => plan_destroy(&basis, actual).unwrap(),
    }
}

/// Notes something with a node.
fn mark(graph: &mut Graph, node: &str, name: &str, value: Value) {
    let mut vertex = graph.vertexes().find(|vertex| vertex.name == node).unwrap().clone();
    vertex.metadata.insert(name.to_owned(), value);
    graph.put_vertex(vertex);
}

fn acted(plan: &Plan) -> Vec<(&str, Action)> {
    let acted = plan.nodes.iter().filter(|node| node.action != Action::Keep);
    acted.map(|node| (node.node.as_str(), node.action)).collect()
}

#[test]
fn what_is_protected_neither_goes_nor_is_made_anew() {
    let design = "web T ->db\ndb T x=1!replace y=1 protected";
    let actual = deployed(design);
    let changed = design.replace("x=1", "x=2");
    for error in [deploy("web T", &actual).unwrap_err(), deploy(&changed, &actual).unwrap_err()] {
        assert_eq!(error.to_string(), "node `db` is protected from being deleted or made anew");
        assert!(matches!(error, PlanError::Protected { origin: Some(_), .. }));
    }
    let namespace = namespace();
    let basis = Basis::new(&namespace, Revision(1), &SketchFunctions);
    assert!(matches!(plan_destroy(&basis, &actual), Err(PlanError::Protected { .. })));
    assert!(matches!(
        plan_run(&basis, &actual, "db", "delete", &Default::default()),
        Err(PlanError::Protected { .. })
    ));
    // All else may be done to it.
    assert_eq!(acted(&deploy(&design.replace("y=1", "y=2"), &actual).unwrap()), [("db", Action::Update)]);
    // Whoever says that it is not protected any more may replace it at once, and take it away after that.
    let open = changed.replace(" protected", "");
    assert_eq!(acted(&deploy(&open, &actual).unwrap()), [("db", Action::Replace)]);
    assert_eq!(acted(&with_all_words(Some("web T"), &actual)).last(), Some(&("db", Action::Delete)));
    assert_eq!(with_all_words(None, &actual).count(Action::Delete), 2);
}

#[test]
fn what_was_adopted_is_let_go_and_not_deleted() {
    let design = "web T ->db ^remove_source ^remove_target\ndb T x=1!replace";
    let mut actual = deployed(design);
    mark(&mut actual, "db", names::ADOPTED, Value::from(true));
    let plan = destroy(&actual);
    assert_eq!(acted(&plan), [("web", Action::Delete), ("db", Action::Forget)]);
    assert_eq!(plan.nodes[1].reasons, [Reason::Destroyed, Reason::Adopted]);
    assert_eq!(steps(&plan), "web.stop\nweb.delete after web.stop\n");
    assert_eq!(run(&plan, &actual, usize::MAX, 2), Graph::default());
    assert!(render(&plan).ends_with("Plan: 1 to delete, 1 to forget\n"), "{}", render(&plan));

    let plan = deploy("web T", &actual).unwrap();
    assert_eq!(acted(&plan), [("web", Action::Update), ("db", Action::Forget)]);
    assert_eq!(steps(&plan), "web.relationship.remove_target\n");
    let after = run(&plan, &actual, usize::MAX, 2);
    assert!(deploy("web T", &after).unwrap().is_empty());

    // It cannot be made anew without being deleted.
    let changed = design.replace("x=1", "x=2");
    let error = deploy(&changed, &actual).unwrap_err().to_string();
    assert_eq!(error, "node `db` is adopted, and would have to be deleted to be made anew");
    assert!(acted(&with_all_words(Some(&changed), &actual)).contains(&("db", Action::Replace)));
    assert_eq!(with_all_words(None, &actual).count(Action::Delete), 2);
}

#[test]
fn what_was_seen_to_be_otherwise_is_put_right_and_said() {
    let design = "web T x=1 ->db\ndb T";
    let actual = deployed(design);
    for (seen, expected) in [
        ("running", ""),
        ("failed", "db.stop\ndb.start after db.stop\n"),
        ("stopped", "db.stop\ndb.start after db.stop\n"),
        ("absent", "db.create\ndb.configure after db.create\ndb.start after db.configure\n"),
    ] {
        let mut actual = actual.clone();
        mark(&mut actual, "db", names::OBSERVED, Value::map([("state", seen)]));
        let plan = deploy(design, &actual).unwrap();
        assert_eq!(steps(&plan), expected, "{seen}");
        let drift = Reason::Drift { seen: seen.to_owned(), intended: "running".to_owned() };
        assert_eq!(plan.nodes.iter().any(|node| node.reasons == [drift.clone()]), seen != "running");
    }
    let mut both = actual.clone();
    mark(&mut both, "web", names::OBSERVED, Value::map([("state", "failed")]));
    let plan = deploy("web T x=2 ->db\ndb T", &both).unwrap();
    assert_eq!(steps(&plan), "web.stop\nweb.configure after web.stop\nweb.start after web.configure\n");
    assert_eq!(plan.nodes[0].reasons.len(), 2);
}
