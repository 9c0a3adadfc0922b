//! Laws that hold for all designs.

use std::collections::BTreeSet;

use floria::{Evaluator, Graph, Value, Vertex, VertexId};
use khutulun_api::names;
use khutulun_plan::{Action, Goal, applied};
use proptest::prelude::*;

use crate::{
    operate::operate,
    sketch::SketchFunctions,
    transcripts::{deploy, deployed, destroy},
    world::{run, wanted},
};

/// One node of a random design: whether it is there, its property, whether it reads an attribute of the one before it that is
/// there, which earlier nodes it requires, what code it has.
type RandomNode = (bool, u8, bool, Vec<u8>, u8);

/// The operations that relationships may have.
const RELATIONSHIPS: [&str; 5] = [
    "",
    "",
    " ^add_target ^remove_target",
    " ^pre_configure_target ^add_source ^remove_source",
    " ^pre_configure_source ^pre_configure_target ^post_configure_source ^post_configure_target ^add_target ^add_source \
     ^target_changed ^remove_target ^remove_source",
];

fn sketch(nodes: &[RandomNode]) -> String {
    let mut text = String::new();
    let mut there: Vec<usize> = Vec::new();
    for (index, (present, property, reads, requires, code)) in nodes.iter().enumerate() {
        if !present {
            continue;
        }
        text += &format!(
            "n{index} T port={}!{} @pid",
            property % 3,
            ["restart", "configure", "replace", "none"][usize::from(code % 4)]
        );
        if let Some(earlier) = there.last().filter(|_| *reads) {
            text += &format!(
                " seen=$n{earlier}.pid{}",
                ["", "!none", "!configure"][usize::from(property / 3 % 3)]
            );
        }
        for target in requires {
            if let Some(target) = there.get(usize::from(*target)) {
                text += &format!(" ->n{target}{}", RELATIONSHIPS[usize::from(code / 5 % 5)]);
            }
        }
        text += [
            "",
            " none",
            " create()>pid delete()",
            " start(x=$SELF.port)>pid stop(pid=$SELF.pid)",
            " configure()>pid start()",
        ][usize::from(code % 5)];
        text += "\n";
        there.push(index);
    }
    text
}

fn random_nodes() -> impl Strategy<Value = Vec<RandomNode>> {
    prop::collection::vec(
        (any::<bool>(), any::<u8>(), any::<bool>(), prop::collection::vec(0..8_u8, 0..3), any::<u8>()),
        1..10,
    )
}

fn random_sketch() -> impl Strategy<Value = String> {
    random_nodes().prop_map(|nodes| sketch(&nodes))
}

/// The nodes that may be reached by a change of one: it, and all that depend on it or read from it.
fn reached(graph: &Graph, text: &str, changed: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from([changed.to_owned()]);
    loop {
        let before = found.len();
        for line in text.lines() {
            let Some(node) = line.split(' ').next() else { continue };
            let id = graph.vertexes().find(|vertex| vertex.name == node).map(|vertex| vertex.id);
            let targets = id.into_iter().flat_map(|id| graph.outgoing(id)).map(|edge| edge.target);
            let mut targets = targets.filter_map(|target| graph.vertex(target));
            let reads = |known: &String| line.contains(&format!("${known}."));
            if found.iter().any(reads) || targets.any(|target| found.contains(&target.name)) {
                found.insert(node.to_owned());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// What is intended of a graph, without ids and what runs have written: what each vertex has and does, and where edges lead.
fn intended(graph: &Graph) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for vertex in graph.vertexes() {
        let path = graph.path_of(vertex.id);
        let classes = &vertex.classes;
        let handlers: Vec<_> = vertex.handlers.iter().collect();
        let state = vertex.metadata.get(names::STATE);
        all.push(format!("{path}: {classes:?} {handlers:?} {state:?}"));
        for (name, property) in &vertex.properties {
            let value = property.value.as_ref().filter(|_| property.read_only);
            all.push(format!("{path}.{name}: {value:?} {:?}", property.updater));
        }
        for edge in graph.outgoing(vertex.id) {
            let (handlers, state) = (&edge.handlers, edge.metadata.get(names::STATE));
            let target = graph.path_of(edge.target);
            all.push(format!("{path} -{}[{}]-> {target}: {handlers:?} {state:?}", edge.name, edge.index));
        }
    }
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_of_a_graph_with_itself_is_empty(text in random_sketch()) {
        let actual = deployed(&text);
        prop_assert_eq!(&wanted(&text, &actual), &actual);
        let plan = deploy(&text, &actual).unwrap();
        prop_assert!(plan.is_empty(), "{}", khutulun_plan::render(&plan));
    }

    #[test]
    fn an_attribute_that_changed_under_the_same_design_reaches_exactly_who_reads_it(
        text in random_sketch(), which in any::<prop::sample::Index>(),
    ) {
        let mut actual = deployed(&text);
        let mut nodes: Vec<Vertex> =
            actual.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE)).cloned().collect();
        prop_assume!(!nodes.is_empty());
        let node = which.get_mut(&mut nodes);
        node.properties.get_mut("pid").unwrap().value = Some(Value::Integer(99));
        actual.put_vertex(node.clone());
        prop_assert_eq!(&wanted(&text, &actual), &actual);
        let mut evaluator = Evaluator::new(&actual, &SketchFunctions);
        nodes.retain(|node| {
            let values = Value::Map(applied(&actual, node.id, &mut evaluator));
            node.metadata.get(names::APPLIED) != Some(&values)
        });
        let plan = deploy(&text, &actual).unwrap();
        prop_assert_eq!(plan.is_empty(), nodes.is_empty(), "{}", khutulun_plan::render(&plan));
        for reader in &nodes {
            let change = plan.nodes.iter().find(|change| change.node == reader.name).unwrap();
            prop_assert_ne!(change.action, Action::Keep);
        }
    }

    #[test]
    fn the_plan_after_a_plan_is_empty(from in random_sketch(), to in random_sketch()) {
        let actual = deployed(&from);
        let plan = deploy(&to, &actual).unwrap();
        let after = run(&plan, &actual, usize::MAX, 2);
        let again = deploy(&to, &after).unwrap();
        prop_assert!(again.is_empty(), "{}", khutulun_plan::render(&again));
    }

    #[test]
    fn going_back_after_an_update_restores_what_was_intended(from in random_sketch(), to in random_sketch()) {
        let before = deployed(&from);
        let updated = run(&deploy(&to, &before).unwrap(), &before, usize::MAX, 2);
        let back = run(&deploy(&from, &updated).unwrap(), &updated, usize::MAX, 3);
        prop_assert_eq!(intended(&back), intended(&before));
        let again = deploy(&from, &back).unwrap();
        prop_assert!(again.is_empty(), "{}", khutulun_plan::render(&again));
    }

    #[test]
    fn from_wherever_a_run_ended_the_next_plan_leads_on(
        from in random_sketch(), to in random_sketch(), last in random_sketch(), part in 0.0..1.0_f64,
    ) {
        let actual = deployed(&from);
        let plan = deploy(&to, &actual).unwrap();
        let half = run(&plan, &actual, (plan.steps.len() as f64 * part) as usize, 2);
        let rest = deploy(&last, &half).unwrap();
        let after = run(&rest, &half, usize::MAX, 3);
        prop_assert!(deploy(&last, &after).unwrap().is_empty());
        let gone = run(&destroy(&half), &half, usize::MAX, 3);
        prop_assert_eq!(gone, Graph::default());
    }

    #[test]
    fn only_what_is_selected_is_stopped_and_started(
        text in random_sketch(), chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let actual = deployed(&text);
        let nodes: Vec<&Vertex> =
            actual.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE)).collect();
        prop_assume!(!nodes.is_empty());
        let selected: Vec<VertexId> = chosen.iter().map(|one| one.get(&nodes).id).collect();
        let check = |graph: &Graph, how: Goal, state: &str| -> Graph {
            let plan = operate(graph, &selected, how).unwrap();
            for step in plan.steps.iter().filter(|step| step.implementation.is_some() || step.state.is_some()) {
                assert!(selected.contains(&step.subject.vertex));
            }
            let after = run(&plan, graph, usize::MAX, 2);
            for node in &nodes {
                let now = after.vertex(node.id).unwrap();
                if selected.contains(&node.id) {
                    assert_eq!(now.metadata.get(names::STATE), Some(&Value::from(state)));
                } else {
                    assert_eq!(&now, node);
                }
            }
            assert!(operate(&after, &selected, how).unwrap().is_empty() || how == Goal::Restart);
            after
        };
        let restarted = check(&actual, Goal::Restart, "started");
        let stopped = check(&actual, Goal::Stop, "stopped");
        let started = check(&stopped, Goal::Start, "started");
        for after in [restarted, stopped, started] {
            let plan = deploy(&text, &after).unwrap();
            let after = run(&plan, &after, usize::MAX, 3);
            prop_assert!(deploy(&text, &after).unwrap().is_empty());
        }
    }

    #[test]
    fn a_plan_touches_nothing_but_what_a_change_reaches(
        nodes in random_nodes(), which in any::<prop::sample::Index>(), property in any::<u8>(),
    ) {
        let from = sketch(&nodes);
        let mut changed = nodes.clone();
        let place = which.index(nodes.len());
        // The value, and not what else the number stands for.
        changed[place].1 = (changed[place].1 / 3 * 3).saturating_add(property % 3);
        prop_assume!(changed[place].1 / 3 == nodes[place].1 / 3);
        let to = sketch(&changed);
        let actual = deployed(&from);
        let plan = deploy(&to, &actual).unwrap();
        let reached = reached(&actual, &to, &format!("n{place}"));
        for step in plan.steps.iter().filter(|step| step.implementation.is_some() || step.state.is_some()) {
            // At both ends of a relationship of which one is reached.
            let edge = step.subject.relationship.and_then(|id| actual.edge(id));
            let source = edge.and_then(|edge| actual.vertex(edge.source)).map(|source| source.name.as_str());
            let node = source.unwrap_or(&step.subject.node);
            prop_assert!(reached.contains(node), "{} of {node} by n{place}:\n{to}", step.event);
        }
    }

    #[test]
    fn steps_come_after_those_they_wait_for(from in random_sketch(), to in random_sketch()) {
        let actual = deployed(&from);
        for plan in [deploy(&to, &actual).unwrap(), destroy(&actual)] {
            for (index, step) in (0_u32..).zip(&plan.steps) {
                prop_assert!(step.after.iter().all(|after| *after < index));
                prop_assert!(step.after.is_sorted());
            }
        }
    }
}
