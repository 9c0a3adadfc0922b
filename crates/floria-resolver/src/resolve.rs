//! From a request to the graph of instances.

use std::collections::BTreeMap;

use floria::{Design, Edge, EdgeId, EdgeTemplate, Graph, Value, VertexId};

use crate::{
    Explanation, Hooks, Ids, Postponed, Request, ResolveError,
    hooks::HookRun,
    instances::{self, Instances},
    keep::keep,
    solver::{Rules, Solver},
};

/// What a request came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    /// The instances that are wanted.
    pub graph: Graph,
    /// The requirements that wait for what is only known at run time. Their sources say so, with the metadata
    /// [`WAITING`](floria::rules::WAITING).
    pub postponed: Vec<Postponed>,
    /// The requirements that are optional, and have fewer edges than they ask for.
    pub unfulfilled: Vec<crate::explain::Requirement>,
}

/// Makes the graph of instances that a design asks for.
///
/// The first vertex template is the service itself: its properties take the values of the inputs, unprepared (an
/// [`Evaluator`](floria::Evaluator) prepares what it reads); a given input loses its updater. Every other template in it
/// becomes as many instances as its [`Making`](floria::rules::Making) says, in each instance of its container. Other outermost
/// templates are services that can stand for a vertex, and are not made by themselves.
///
/// An instance that the current graph has in the same container under the same name (an edge: at the same source with the same
/// name and index) keeps its id, the values of its properties that are not read-only, what was computed last, and the metadata
/// whose keys begin with [`ENGINE_METADATA_PREFIX`](floria::ENGINE_METADATA_PREFIX), where the design does not set the same
/// key. Everything else is as the design says. New instances take their ids from `ids`.
///
/// An edge template with a [`Selector`](floria::rules::Selector) becomes as many edges as that says, to targets that are looked
/// for. What is not optional comes before what is. A target that the current edge has is kept while it is valid; otherwise
/// those come first to which no other edge of the name leads, in the order of the design. Where a first choice stands in the
/// way of another requirement, it is changed: if all requirements can be met, they are.
///
/// Each instance is shown to the handlers of its template for [`BEFORE_INSTANTIATION`](crate::BEFORE_INSTANTIATION) and
/// [`AFTER_INSTANTIATION`](crate::AFTER_INSTANTIATION), which may set values of its properties and metadata, or refuse it. A
/// given input is set between the two.
///
/// # Errors
///
/// When an input does not exist, the design is not whole, there would be too much of something, a requirement that is not
/// optional cannot be met, requirements wait for each other, a hook refuses, or there are no ids.
pub fn resolve(
    request: &Request<'_>,
    ids: &mut dyn Ids,
    hooks: &mut dyn Hooks,
) -> Result<Resolution, ResolveError> {
    let design = request.design;
    instances::check_inputs(instances::first(design)?, request.inputs)?;
    let rules = Rules::of(design)?;
    let mut hooks = HookRun::new(hooks);
    let mut graph = Graph::default();
    let instances = instances::make(request, &rules.waiting(design), ids, &mut hooks, &mut graph)?;
    for (template, rule) in design.edges.iter().zip(&rules.all) {
        if rule.is_none() {
            plain(request, template, &instances, ids, &mut hooks, &mut graph)?;
        }
    }
    let mut solver = Solver::new(request, &rules, instances, graph, ids)?;
    solver.run()?;
    let left = solver.finish(&mut hooks)?;
    let mut graph = solver.graph;
    hooks.after(&mut graph)?;
    Ok(Resolution { graph, postponed: left.postponed, unfulfilled: left.unfulfilled })
}

/// Explains the requirements of a name at a vertex of a resolved graph: one explanation for each edge template that has rules.
/// Nothing, where there is none: then edges lead to what the design names.
///
/// # Errors
///
/// When the design is not whole.
pub fn explain(
    request: &Request<'_>,
    graph: &Graph,
    source: VertexId,
    name: &str,
) -> Result<Vec<Explanation>, ResolveError> {
    let rules = Rules::of(request.design)?;
    let instances = Instances::found(request.design, graph)?;
    // Ids of a store come nowhere near the upper half, and what is made here goes nowhere.
    let mut ids = 1_u64 << 63..;
    Solver::new(request, &rules, instances, graph.clone(), &mut ids)?.explain(source, name)
}

/// Makes the service's own vertex, with these inputs and without anything in it: enough to look at the inputs. No hooks run.
///
/// # Errors
///
/// When an input does not exist, or the design is empty.
pub fn outermost(design: &Design, inputs: &BTreeMap<String, Value>) -> Result<Graph, ResolveError> {
    let mut graph = Graph::default();
    graph.put_vertex(instances::service(design, inputs, &Graph::default(), &mut (1..))?);
    Ok(graph)
}

/// Makes the edges of a template without rules: one from each instance of its source, to the one instance of its target.
fn plain(
    request: &Request<'_>,
    template: &EdgeTemplate,
    instances: &Instances,
    ids: &mut dyn Ids,
    hooks: &mut HookRun<'_>,
    graph: &mut Graph,
) -> Result<(), ResolveError> {
    let end = |id| {
        instances.place(id).ok_or_else(|| ResolveError::MissingEnd { name: template.name.clone(), end: id })
    };
    let (source, target) = (end(template.source)?, end(template.target)?);
    let targets = instances.of(target);
    for source in instances.of(source) {
        let &[target] = targets else {
            return Err(ResolveError::Ambiguous {
                name: template.name.clone(),
                target: request.design.vertexes[target].name.clone(),
                instances: targets.len(),
                origin: template.origin.clone(),
            });
        };
        let mut edge = edge(request, template, template.index, *source, target, ids)?;
        hooks.before_edge(&mut edge, graph)?;
        graph.put_edge(edge);
    }
    Ok(())
}

/// Makes one edge, or makes it anew.
pub(crate) fn edge(
    request: &Request<'_>,
    template: &EdgeTemplate,
    index: u32,
    source: VertexId,
    target: VertexId,
    ids: &mut dyn Ids,
) -> Result<Edge, ResolveError> {
    let present = request.current.outgoing_at(source, &template.name, index);
    let mut edge = Edge {
        id: match present {
            Some(present) => present.id,
            None => EdgeId(ids.next_id()?),
        },
        namespace: request.design.namespace.clone(),
        name: template.name.clone(),
        index,
        source,
        target,
        classes: template.classes.clone(),
        properties: template.properties.clone(),
        handlers: template.handlers.clone(),
        metadata: template.metadata.clone(),
        origin: template.origin.clone(),
    };
    if let Some(present) = present {
        keep(&mut edge.properties, &mut edge.metadata, &present.properties, &present.metadata);
    }
    Ok(edge)
}
