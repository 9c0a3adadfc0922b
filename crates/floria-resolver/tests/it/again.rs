//! What was resolved stays as it is: random designs, resolved again, grown and shrunk.

use std::collections::BTreeMap;

use floria::{
    Expression, Graph, Named, Properties, VertexTemplateId,
    rules::{Count, Selector},
};
use floria_resolver::{Limits, NoHooks, Request, ResolveError, resolve};
use proptest::prelude::*;

use crate::support::{Sketch, call, edges, literal, of_class, properties, request, stored};

/// Where a requirement leads.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// Any capability of the class, in a zone or wherever.
    Open(Option<i64>),
    /// One of a template's, by place.
    Template(usize),
    /// The one with the index of the source.
    Matched(usize),
    /// All of a template's.
    All(usize),
    /// One in the zone of the first target of the requirement before it.
    SameAsBefore,
}

#[derive(Clone, Debug)]
struct Required {
    target: Target,
    count: i64,
    amount: i64,
    optional: bool,
}

#[derive(Clone, Debug)]
struct Template {
    count: Option<i64>,
    zone: i64,
    room: i64,
    requirements: Vec<Required>,
}

fn designs() -> impl Strategy<Value = Vec<Template>> {
    let target = prop_oneof![
        2 => prop::option::of(0..2_i64).prop_map(Target::Open),
        2 => (0..4_usize).prop_map(Target::Template),
        1 => (0..4_usize).prop_map(Target::Matched),
        1 => (0..4_usize).prop_map(Target::All),
        1 => Just(Target::SameAsBefore),
    ];
    let required = (target, 1..3_i64, 0..3_i64, prop::bool::weighted(0.3))
        .prop_map(|(target, count, amount, optional)| Required { target, count, amount, optional });
    let template =
        (prop::option::weighted(0.7, 0..4_i64), 0..2_i64, 1..8_i64, prop::collection::vec(required, 0..3))
            .prop_map(|(count, zone, room, requirements)| Template { count, zone, room, requirements });
    prop::collection::vec(template, 1..5)
}

fn sketch(templates: &[Template]) -> Sketch {
    let mut sketch = Sketch::new(Properties::new());
    let mut ends = Vec::new();
    for (place, template) in templates.iter().enumerate() {
        let count = template.count.map(literal);
        let node = sketch.node(&format!("n{place}"), "Node", count, Properties::new());
        let all = properties([("zone", stored(template.zone)), ("room", stored(template.room))]);
        ends.push((node, sketch.capability(node, "host", "Host", all)));
    }
    for (template, (node, _)) in templates.iter().zip(&ends) {
        for (place, required) in template.requirements.iter().enumerate() {
            let end = |other: usize| ends[other % ends.len()].1;
            let service = VertexTemplateId(1);
            let zone = || call("target", [literal("zone")]);
            let mut selector = Selector {
                optional: required.optional,
                count: Count::Of(literal(required.count)),
                allocation: (required.amount > 0)
                    .then(|| ("room".to_owned(), literal(required.amount)))
                    .into_iter()
                    .collect::<Named<Expression>>(),
                ..of_class("Host")
            };
            let target = match required.target {
                Target::Open(wanted) => {
                    selector.conditions =
                        wanted.map(|wanted| call("equal", [zone(), literal(wanted)])).into_iter().collect();
                    service
                }
                Target::Template(other) => end(other),
                Target::Matched(other) if template.count.is_some() => {
                    selector.index = Some(call("index", []));
                    selector.count = Count::One;
                    end(other)
                }
                Target::All(other) => {
                    // As members of groups and targets of steps are: they take nothing.
                    selector.count = Count::All;
                    selector.allocation = Named::default();
                    end(other)
                }
                Target::SameAsBefore if place > 0 => {
                    let before = call("through", [literal(format!("r{}", place - 1)), literal("zone")]);
                    selector.conditions = vec![call("equal", [zone(), before])];
                    service
                }
                Target::Matched(_) | Target::SameAsBefore => service,
            };
            sketch.requirement(*node, &format!("r{place}"), target, Some(selector));
        }
    }
    sketch
}

/// Resolves a design again; None: there is no solution, or it is not found soon.
fn resolved(templates: &[Template], current: &Graph) -> Result<Option<Graph>, TestCaseError> {
    let design = sketch(templates).0;
    let limits = Limits { steps_max: 300, ..Limits::default() };
    let inputs = BTreeMap::new();
    let request = Request { limits, ..request(&design, &inputs, current) };
    let next =
        current.vertexes().map(|vertex| vertex.id.0).chain(current.edges().map(|edge| edge.id.0)).max();
    match resolve(&request, &mut (next.unwrap_or(0) + 1..), &mut NoHooks) {
        Ok(resolution) => Ok(Some(resolution.graph)),
        Err(ResolveError::Unmet(_) | ResolveError::GaveUp { .. }) => Ok(None),
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    }
}

fn ids(graph: &Graph) -> BTreeMap<String, u64> {
    graph.vertexes().map(|vertex| (graph.path_of(vertex.id), vertex.id.0)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// C313, C321: nodes keep their indexes and ids when others come and go, and so do relationships when nothing changes.
    #[test]
    fn what_was_resolved_stays(templates in designs(), place in 0..4_usize) {
        let Some(first) = resolved(&templates, &Graph::default())? else { return Ok(()) };
        let again = resolved(&templates, &first)?;
        prop_assert_eq!(again.as_ref().map(edges), Some(edges(&first)));
        prop_assert_eq!(again.as_ref(), Some(&first));

        // One template grows, as far as all can still be met.
        let mut grown = templates.clone();
        let place = place % grown.len();
        let Some(count) = &mut grown[place].count else { return Ok(()) };
        *count += 2;
        let Some(more) = resolved(&grown, &first)? else { return Ok(()) };
        let (before, after) = (ids(&first), ids(&more));
        prop_assert!(before.iter().all(|(path, id)| after.get(path) == Some(id)));
        prop_assert_eq!(after.len(), before.len() + 4);
        let Some(fewer) = resolved(&templates, &more)? else { return Ok(()) };
        prop_assert_eq!(ids(&fewer), before);
        prop_assert_eq!(resolved(&templates, &fewer)?, Some(fewer));
    }
}
