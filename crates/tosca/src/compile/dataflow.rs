//! What flows where in a service template: values that depend on themselves (4.2.2), and attributes that are assigned
//! although something else sets them (9.6, 9.9).

use std::collections::{HashMap, HashSet};

use diagnostics::{Diagnostic, Place, Span};

use super::{Compiler, Context, SelfIs};
use crate::model::{Call, Index, Map, NodeTemplate, Path, PathStart, Property, Reference, Step, ValueOrigin};

/// A property of a node template or of its capability.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Value<'m> {
    node: usize,
    capability: Option<&'m str>,
    property: &'m str,
}

/// That a value is computed from another one, and where that is written.
type Dependencies<'m> = HashMap<Value<'m>, Vec<(Value<'m>, Span)>>;

impl Compiler<'_> {
    /// Reports values that depend on themselves, each circle once, with all of it.
    pub(super) fn check_circles(&self, nodes: &Map<NodeTemplate>, file: usize) {
        let mut dependencies = Dependencies::new();
        let mut starts = Vec::new();
        for (name, node) in nodes {
            let Some(&position) = self.template.ids.get(name.as_str()) else { continue };
            let self_is = SelfIs::NodeTemplate(position);
            let context = Context { self_is, in_template: true, ..Context::in_type(file, self_is) };
            let capabilities = node.capabilities.iter();
            let holders = capabilities.map(|(name, own)| (Some(name.as_str()), &own.properties));
            for (capability, properties) in std::iter::once((None, &node.properties)).chain(holders) {
                for (property, value) in properties {
                    let found = self.dependencies(value, context);
                    if !found.is_empty() {
                        let own = Value { node: position, capability, property: property.as_str() };
                        starts.push(own);
                        dependencies.insert(own, found);
                    }
                }
            }
        }
        let mut done = HashSet::new();
        let mut told: HashSet<Span> = HashSet::new();
        for start in starts {
            let Some(circle) = circle(start, &dependencies, &mut done) else { continue };
            // A circle of a type's defaults is in every node of the type.
            if circle.iter().all(|(_, span)| told.insert(*span)) {
                self.report(self.circular(&circle));
            }
        }
    }

    /// The properties that a value is computed from, as far as it is known which ones.
    fn dependencies<'m>(&self, property: &'m Property, context: Context) -> Vec<(Value<'m>, Span)> {
        let Some(value) = property.value.as_ref().filter(|value| value.as_value().is_none()) else {
            return Vec::new();
        };
        let calls = value.calls().into_iter();
        let references = calls.filter_map(|call| match call {
            // Without names into the value: the part that is read may not be the part that depends.
            Call::GetProperty(reference) if reference.nested.is_empty() => Some(reference),
            _ => None,
        });
        references.filter_map(|reference| Some((self.value_of(reference, context)?, value.span))).collect()
    }

    fn value_of<'m>(&self, reference: &'m Reference, context: Context) -> Option<Value<'m>> {
        // Which of several nodes is meant is for run time to know.
        if reference.path.indexes().any(|index| matches!(index, Index::Computed(_))) {
            return None;
        }
        let (capability, steps) = match reference.path.steps.split_last() {
            Some((Step::Capability { capability }, steps)) => (Some(capability.as_str()), steps),
            _ => (None, &reference.path.steps[..]),
        };
        let node = match (&reference.path.start, context.self_is, steps) {
            (PathStart::Node { template, .. }, _, []) => template.index(),
            (PathStart::SelfNode, SelfIs::NodeTemplate(node), []) => node,
            (start, ..) => {
                self.node_at_end(&Path { start: start.clone(), steps: steps.to_vec() }, context)?
            }
        };
        Some(Value { node, capability, property: reference.name.as_str() })
    }

    fn circular(&self, circle: &[(Value<'_>, Span)]) -> Diagnostic {
        let name = |value: &Value<'_>| {
            let capability = value.capability.map(|name| format!(".{name}")).unwrap_or_default();
            format!("`{}{capability}.{}`", self.template.names[value.node], value.property)
        };
        let (first, span) = &circle[0];
        let way: Vec<String> = circle.iter().chain([&circle[0]]).map(|(value, _)| name(value)).collect();
        let message = format!("the value of {} depends on itself: {}", name(first), way.join(" → "));
        let mut diagnostic = Diagnostic::error("circular-value", message)
            .at(Place::new(*span, "this is computed from itself"))
            .hint("write one of the values out, or let it come from an input")
            .chapter("4.2.2");
        let mut seen = HashSet::from([*span]);
        for (value, span) in &circle[1..] {
            if seen.insert(*span) {
                diagnostic = diagnostic.related(Place::new(*span, format!("by {}", name(value))));
            }
        }
        diagnostic
    }

    /// 9.9 lets a template assign what an output of an operation is mapped to, as the value at first; 9.6 does not.
    pub(super) fn check_overwritten(&self, nodes: &Map<NodeTemplate>) {
        for (name, node) in nodes {
            let assigned = |attribute: &str| {
                let found = node.attributes.get(attribute)?;
                (found.origin == ValueOrigin::Assigned).then_some(found.span)
            };
            if !node.attributes.values().any(|attribute| attribute.origin == ValueOrigin::Assigned) {
                continue;
            }
            let operations = node.interfaces.values().flat_map(|interface| interface.operations.values());
            let outputs = operations.flat_map(|operation| operation.outputs.values());
            let mut told = HashSet::new();
            for mapping in outputs.filter_map(|output| output.mapping.as_ref()) {
                let is_own = matches!(mapping.path.start, PathStart::SelfNode);
                if !is_own || !mapping.path.steps.is_empty() || !told.insert(mapping.name.as_str()) {
                    continue;
                }
                let Some(span) = assigned(&mapping.name) else { continue };
                let attribute = &mapping.name;
                let message = format!(
                    "the attribute `{attribute}` of the node template `{name}` is set by an output, too"
                );
                self.report(
                    Diagnostic::warning("overwritten-attribute", message)
                        .at(Place::new(span, "only until then"))
                        .related(Place::new(mapping.name_span, "an output goes to it here"))
                        .chapter("9.9"),
                );
            }
        }
    }
}

/// A circle that is reached from a value by what was not looked at yet.
fn circle<'m>(
    start: Value<'m>,
    dependencies: &Dependencies<'m>,
    done: &mut HashSet<Value<'m>>,
) -> Option<Vec<(Value<'m>, Span)>> {
    if !done.insert(start) {
        return None;
    }
    // The way to where the search is, each with the next of its dependencies to follow and the place of the last one.
    let mut way: Vec<(Value<'m>, usize, Option<Span>)> = vec![(start, 0, None)];
    let mut on_way = HashSet::from([start]);
    while let Some((value, next, span)) = way.last_mut() {
        let Some(&(wanted, place)) = dependencies.get(value).and_then(|found| found.get(*next)) else {
            on_way.remove(value);
            way.pop();
            continue;
        };
        *next += 1;
        *span = Some(place);
        if on_way.contains(&wanted) {
            let from = way.iter().position(|(value, ..)| *value == wanted)?;
            return way[from..].iter().map(|(value, _, span)| Some((*value, (*span)?))).collect();
        }
        if done.insert(wanted) {
            on_way.insert(wanted);
            way.push((wanted, 0, None));
        }
    }
    None
}
