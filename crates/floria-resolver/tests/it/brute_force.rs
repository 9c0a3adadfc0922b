//! A solution is found exactly when there is one, and it keeps all rules: small services, held against trying everything.

use std::collections::BTreeMap;

use floria::{
    Expression, Graph, Named, Properties, VertexId,
    rules::{Count, Selector},
};
use floria_resolver::ResolveError;
use proptest::prelude::*;

use crate::support::{Sketch, call, edges, literal, of_class, properties, stored};

/// What a requirement asks for.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Nothing,
    /// A target in this zone.
    Zone(i64),
    /// A target in the same zone as the first of the other requirement of the source.
    SameAsOther,
    DifferentFromOther,
    /// A target in the same zone as the first of `a` of the node before the source.
    SameAsBefore,
}

#[derive(Clone, Copy, Debug)]
struct Required {
    count: usize,
    amount: i64,
    ask: Ask,
}

#[derive(Clone, Debug)]
struct Problem {
    /// The zone and the capacity of each target.
    targets: Vec<(i64, i64)>,
    /// `a` and `b` of each source.
    sources: Vec<[Required; 2]>,
}

const SLOTS_MAX: usize = 8;

fn problems() -> impl Strategy<Value = Problem> {
    let ask = |is_second: bool| {
        prop_oneof![
            2 => Just(Ask::Nothing),
            2 => (0..3_i64).prop_map(Ask::Zone),
            2 => Just(if is_second { Ask::SameAsOther } else { Ask::SameAsBefore }),
            2 => Just(if is_second { Ask::DifferentFromOther } else { Ask::Nothing }),
            1 => Just(Ask::SameAsBefore),
        ]
    };
    let required = move |is_second| {
        (1..3_usize, 0..3_i64, ask(is_second)).prop_map(|(count, amount, ask)| Required {
            count,
            amount,
            ask,
        })
    };
    let source = (required(false), required(true)).prop_map(|(a, b)| [a, b]);
    let targets = prop::collection::vec((0..3_i64, 0..4_i64), 1..5);
    (targets, prop::collection::vec(source, 1..4)).prop_map(|(targets, sources)| {
        let mut problem = Problem { targets, sources };
        // Trying everything has to end.
        while slots(&problem).len() > SLOTS_MAX {
            problem.sources.pop();
        }
        problem
    })
}

fn sketch(problem: &Problem) -> Sketch {
    let mut sketch = Sketch::new(Properties::new());
    let nodes: Vec<_> = (0..problem.sources.len())
        .map(|source| sketch.node(&format!("s{source}"), "Source", None, Properties::new()))
        .collect();
    for (place, (zone, capacity)) in problem.targets.iter().enumerate() {
        let node = sketch.node(&format!("t{place}"), "Target", None, Properties::new());
        let all = properties([("zone", stored(*zone)), ("room", stored(*capacity))]);
        sketch.capability(node, "host", "Host", all);
    }
    for (place, (source, requirements)) in nodes.iter().zip(&problem.sources).enumerate() {
        for (name, required) in ["a", "b"].into_iter().zip(requirements) {
            let zone = || call("target", [literal("zone")]);
            let other = || call("through", [literal("a"), literal("zone")]);
            let condition = match required.ask {
                Ask::Nothing => None,
                Ask::Zone(wanted) => Some(call("equal", [zone(), literal(wanted)])),
                Ask::SameAsOther => Some(call("equal", [zone(), other()])),
                Ask::DifferentFromOther => Some(call("differ", [zone(), other()])),
                Ask::SameAsBefore if place == 0 => None,
                Ask::SameAsBefore => {
                    let before = format!("s{}", place - 1);
                    let there = call("of", [literal(before.as_str()), literal("a"), literal("zone")]);
                    Some(call("equal", [zone(), there]))
                }
            };
            let amount = (required.amount > 0).then(|| ("room".to_owned(), literal(required.amount)));
            let selector = Selector {
                conditions: condition.into_iter().collect(),
                allocation: amount.into_iter().collect::<Named<Expression>>(),
                count: Count::Of(literal(required.count as i64)),
                ..of_class("Host")
            };
            sketch.requirement(*source, name, floria::VertexTemplateId(1), Some(selector));
        }
    }
    sketch
}

/// Which targets each slot has: by source, requirement and index.
type Choice = BTreeMap<(usize, usize, usize), usize>;

/// Whether a choice of all slots keeps all rules. Of `a`, conditions of others read the first target.
fn is_valid(problem: &Problem, choice: &Choice) -> bool {
    let zone = |target: usize| problem.targets[target].0;
    let mut taken = vec![0; problem.targets.len()];
    for ((source, requirement, index), target) in choice {
        let required = problem.sources[*source][*requirement];
        taken[*target] += required.amount;
        if (0..*index).any(|other| choice[&(*source, *requirement, other)] == *target) {
            return false;
        }
        let fits = match required.ask {
            Ask::Nothing => true,
            Ask::Zone(wanted) => zone(*target) == wanted,
            Ask::SameAsOther => zone(*target) == zone(choice[&(*source, 0, 0)]),
            Ask::DifferentFromOther => zone(*target) != zone(choice[&(*source, 0, 0)]),
            Ask::SameAsBefore => *source == 0 || zone(*target) == zone(choice[&(source - 1, 0, 0)]),
        };
        if !fits {
            return false;
        }
    }
    taken.iter().zip(&problem.targets).all(|(taken, (_, capacity))| taken <= capacity)
}

fn slots(problem: &Problem) -> Vec<(usize, usize, usize)> {
    let mut slots = Vec::new();
    for (source, requirements) in problem.sources.iter().enumerate() {
        for (requirement, required) in requirements.iter().enumerate() {
            slots.extend((0..required.count).map(|index| (source, requirement, index)));
        }
    }
    slots
}

/// Tries everything.
fn has_solution(problem: &Problem) -> bool {
    let slots = slots(problem);
    let mut digits = vec![0; slots.len()];
    loop {
        let choice: Choice = slots.iter().copied().zip(digits.iter().copied()).collect();
        if is_valid(problem, &choice) {
            return true;
        }
        let Some(place) = digits.iter().position(|digit| digit + 1 < problem.targets.len()) else {
            return false;
        };
        digits[..place].fill(0);
        digits[place] += 1;
    }
}

fn choice_of(problem: &Problem, graph: &Graph) -> Choice {
    let service = graph.named(None, "shop").unwrap().id;
    let node = |name: String| graph.named(Some(service), &name).unwrap().id;
    let target = |id: VertexId| graph.path_of(id).trim_end_matches("/host")[1..].parse::<usize>().unwrap();
    slots(problem)
        .into_iter()
        .map(|(source, requirement, index)| {
            let name = ["a", "b"][requirement];
            let edge = graph.outgoing_at(node(format!("s{source}")), name, index as u32).unwrap();
            ((source, requirement, index), target(edge.target))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_solution_is_found_exactly_when_there_is_one(problem in problems()) {
        let sketch = sketch(&problem);
        match sketch.resolve() {
            Ok(resolution) => {
                prop_assert!(resolution.postponed.is_empty() && resolution.unfulfilled.is_empty());
                prop_assert!(is_valid(&problem, &choice_of(&problem, &resolution.graph)));
                // What was found is kept.
                let again = sketch.resolve_again(&resolution.graph).unwrap();
                prop_assert_eq!(edges(&again.graph), edges(&resolution.graph));
                prop_assert_eq!(again.graph, resolution.graph);
            }
            Err(ResolveError::Unmet(all)) => {
                prop_assert!(!has_solution(&problem), "{}", all[0]);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
