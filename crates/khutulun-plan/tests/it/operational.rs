//! Plans of representations, of services inside of nodes, and of requirements that wait.

use floria::Graph;
use khutulun_plan::{Action, Plan, PlanError, render};

use crate::{
    transcripts::{deploy, deployed, destroy, steps},
    world::run,
};

fn acted(plan: &Plan) -> Vec<(&str, Action)> {
    let acted = plan.nodes.iter().filter(|node| node.action != Action::Keep);
    acted.map(|node| (node.node.as_str(), node.action)).collect()
}

#[test]
fn the_highest_indexes_go_and_the_others_are_not_touched() {
    let actual = deployed("web Web count:5 port=80");
    assert_eq!(actual.vertexes().len(), 6);
    let plan = deploy("web Web count:2 port=80", &actual).unwrap();
    assert_eq!(acted(&plan), ["web-2", "web-3", "web-4"].map(|node| (node, Action::Delete)));
    assert!(plan.prepare.is_empty(), "{:?}", plan.prepare);
    let after = run(&plan, &actual, usize::MAX, 2);
    let plan = deploy("web Web count:3 port=80", &after).unwrap();
    assert_eq!(acted(&plan), [("web-2", Action::Create)]);
    let again = run(&plan, &after, usize::MAX, 3);
    assert!(deploy("web Web count:3 port=80", &again).unwrap().is_empty());
    for name in ["web-0", "web-1"] {
        let of = |graph: &Graph| graph.vertexes().find(|vertex| vertex.name == name).cloned();
        assert_eq!(of(&again), of(&actual), "{name}");
    }
}

const NESTED: &str = "client Client start()
impl Service nested in:client size=3
software Process in:impl ->host
host Host in:impl
web Web ->client";

#[test]
fn a_node_comes_up_after_what_is_inside_of_it_and_goes_before() {
    let plan = deploy(NESTED, &Graph::default()).unwrap();
    let starts = |plan: &Plan, operation: &str| {
        let of = plan.steps.iter().filter(|step| step.event == format!("lifecycle.{operation}"));
        of.map(|step| step.subject.node.clone()).collect::<Vec<_>>()
    };
    assert_eq!(starts(&plan, "start"), ["client.impl.host", "client.impl.software", "client", "web"]);
    let names: Vec<&str> = plan.nodes.iter().map(|node| node.node.as_str()).collect();
    assert_eq!(names, ["client", "client/impl/software", "client/impl/host", "web"]);
    assert!(render(&plan).contains("create client/impl/software (Process)"), "{}", render(&plan));
    assert_eq!(plan.path_of("client.impl.software"), "client/impl/software");

    let actual = run(&plan, &Graph::default(), usize::MAX, 1);
    let delete = starts(&destroy(&actual), "delete");
    assert_eq!(delete, ["web", "client", "client.impl.software", "client.impl.host"]);
    // What the nested service is given is its own, and no reason to touch the node around it.
    let plan = deploy(&NESTED.replace("size=3", "size=4"), &actual).unwrap();
    assert_eq!((acted(&plan), plan.prepare.len()), (vec![], 1), "{}", steps(&plan));
}

#[test]
fn two_nodes_of_one_name_on_machines_are_refused() {
    let error = deploy(&NESTED.replace("web", "client.impl.host"), &Graph::default()).unwrap_err();
    let SameName { node, other } = &error else { panic!("{error}") };
    assert_eq!((node.as_str(), other.as_str()), ("client/impl/host", "client.impl.host"));
    use PlanError::SameName;
}

#[test]
fn a_name_that_machines_cannot_have_is_refused() {
    let long = format!("software{}", "x".repeat(91));
    let error = deploy(&NESTED.replace("software", &long), &Graph::default()).unwrap_err();
    let PlanError::NameTooLong { node, .. } = &error else { panic!("{error}") };
    assert_eq!(*node, format!("client/impl/{long}"));
    assert!(error.to_string().ends_with("on a machine: that is longer than 110 bytes"), "{error}");
}

#[test]
fn a_node_of_another_service_has_no_operations() {
    let sketch = "db Database selected\nweb Web ->db";
    let plan = deploy(sketch, &Graph::default()).unwrap();
    assert_eq!(acted(&plan), [("web", Action::Create)]);
    let actual = run(&plan, &Graph::default(), usize::MAX, 1);
    assert!(deploy(sketch, &actual).unwrap().is_empty());
    assert_eq!(acted(&destroy(&actual)), [("web", Action::Delete)]);
}

#[test]
fn order_goes_through_a_node_that_stands_for_another_one_of_the_service() {
    let sketch = "client Client
impl Service nested in:client
machine Host in:impl selected selection->host
software Process in:impl ->machine
host Host";
    let plan = deploy(sketch, &Graph::default()).unwrap();
    let starts: Vec<_> = plan.steps.iter().filter(|step| step.event == "lifecycle.start").collect();
    let names: Vec<_> = starts.iter().map(|step| step.subject.node.as_str()).collect();
    assert_eq!(names, ["host", "client.impl.software", "client"]);
}

#[test]
fn what_waits_and_what_depends_on_it_stays_for_the_next_plan() {
    let before = "front Web ->web\nweb Web waits:db\ndb Database";
    let plan = deploy(before, &Graph::default()).unwrap();
    assert_eq!(acted(&plan), [("front", Action::Wait), ("web", Action::Wait), ("db", Action::Create)]);
    assert!(plan.waits());
    let text = render(&plan);
    assert!(text.contains("? wait web (Web)") && text.contains("it depends on web, which waits"), "{text}");
    assert!(text.ends_with("Plan: 1 to create, 2 to wait\n"), "{text}");

    let actual = run(&plan, &Graph::default(), usize::MAX, 1);
    let same = deploy(before, &actual).unwrap();
    assert!(same.is_empty() && same.waits(), "{:?}", same.prepare);
    let after = before.replace("waits:db", "->db");
    let next = deploy(&after, &actual).unwrap();
    assert_eq!(acted(&next), [("front", Action::Create), ("web", Action::Create)]);
    let actual = run(&next, &actual, usize::MAX, 2);
    assert!(deploy(&after, &actual).unwrap().is_empty());

    // Whoever is up stays up, with what depends on it, until what it waits for is known.
    let changed = format!("{before}\nlate Web ->web").replace("waits:db", "waits:db port=81");
    let plan = deploy(&changed, &actual).unwrap();
    assert_eq!(acted(&plan), [("web", Action::Wait), ("late", Action::Create)]);
    let actual = run(&plan, &actual, usize::MAX, 3);
    let plan = deploy(&changed.replace("waits:db", "->db"), &actual).unwrap();
    assert_eq!(acted(&plan), [("web", Action::Update)], "{}", render(&plan));
}
