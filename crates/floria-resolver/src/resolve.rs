//! From a request to the graph of instances.

use std::collections::BTreeMap;

use floria::{
    Design, Edge, EdgeId, EdgeTemplate, Graph, Handlers, Metadata, Origin, Properties, Value, VertexId,
    rules::{Directive, SELECTED},
};

use crate::{
    Explanation, Hooks, Ids, Postponed, Request, ResolveError, Tried,
    hooks::HookRun,
    instances::{self, Instances, Maker},
    keep::keep,
    select,
    solver::{Given, Rules, Solver},
    substitute::{Around, Choice, Inside, choose},
    trees::Trees,
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
    let trees = Trees::of(design)?;
    let waiting = rules.waiting(design);
    let mut hooks = HookRun::new(hooks);
    let maker = Maker {
        request,
        trees: &trees,
        waiting: &waiting,
        hooks: &mut hooks,
        nodes: 0,
        directed: Vec::new(),
    };
    let solver = Solver::new(request, &rules, Graph::default(), ids);
    let mut resolver = Resolver {
        request,
        rules: &rules,
        trees: &trees,
        maker,
        solver,
        around: Around::default(),
        open: Vec::new(),
    };
    let own = resolver.make(0, None)?;
    resolver.settle(own, &Given::new())?;
    resolver.run()?;
    let Resolver { maker, mut solver, .. } = resolver;
    let left = solver.finish(maker.hooks)?;
    let mut graph = solver.graph;
    hooks.after(&mut graph)?;
    Ok(Resolution { graph, postponed: left.postponed, unfulfilled: left.unfulfilled })
}

/// A resolution that is under way.
struct Resolver<'r, 'c, 'h> {
    request: &'r Request<'r>,
    rules: &'r Rules,
    trees: &'r Trees,
    maker: Maker<'r, 'h>,
    solver: Solver<'r, 'c>,
    around: Around,
    /// The vertexes that wait for a service inside of them.
    open: Vec<Open>,
}

/// A vertex that waits for a service inside of it, unless what its other directives say can be done.
struct Open {
    vertex: VertexId,
    /// The place of its template.
    template: usize,
    /// What is left of its directives.
    directives: Vec<Directive>,
    tried: Vec<Tried>,
}

impl Resolver<'_, '_, '_> {
    /// Makes the vertexes of a service.
    fn make(&mut self, tree: usize, inside: Option<VertexId>) -> Result<Instances, ResolveError> {
        let Solver { graph, ids, .. } = &mut self.solver;
        let instances = self.maker.make(tree, inside, *ids, graph)?;
        self.around.note(&instances);
        Ok(instances)
    }

    /// Follows the directives of a service's vertexes, and sets out what its edges have to lead to.
    fn settle(&mut self, instances: Instances, given: &Given) -> Result<(), ResolveError> {
        for (vertex, template) in std::mem::take(&mut self.maker.directed) {
            let is_bound = |vertex: &floria::Vertex| vertex.metadata.contains_key(SELECTED);
            if !self.solver.graph.vertex(vertex).is_some_and(is_bound) {
                let directives = instances::making(&self.request.design.vertexes[template])?.directives;
                self.follow(Open { vertex, template, directives, tried: Vec::new() })?;
            }
        }
        let design = self.request.design;
        for place in &self.trees.get(instances.tree).edges {
            if self.rules.all[*place].is_none() {
                let Solver { graph, ids, .. } = &mut self.solver;
                plain(self.request, &design.edges[*place], &instances, *ids, self.maker.hooks, graph)?;
            }
        }
        self.solver.add(self.trees.get(instances.tree), instances, given)
    }

    /// Follows the directives of a vertex, until one is done or has to wait.
    fn follow(&mut self, mut open: Open) -> Result<(), ResolveError> {
        let template = &self.request.design.vertexes[open.template];
        while !open.directives.is_empty() {
            match open.directives[0] {
                Directive::Create => return Ok(()),
                Directive::Substitute => {
                    self.open.push(open);
                    return Ok(());
                }
                Directive::Select => {
                    let making = instances::making(template)?;
                    let Solver { graph, stands, .. } = &mut self.solver;
                    match select::select(self.request, stands, graph, open.vertex, &making)? {
                        None => return Ok(()),
                        Some(tried) => open.tried.push(tried),
                    }
                    open.directives.remove(0);
                }
            }
        }
        Err(ResolveError::Directives {
            path: self.solver.graph.path_of(open.vertex),
            tried: open.tried,
            origin: template.origin.clone(),
        })
    }

    /// Decides requirements, and which services are inside of which vertexes, until nothing more can be decided.
    fn run(&mut self) -> Result<(), ResolveError> {
        loop {
            self.solver.run()?;
            let before = self.open.len();
            let mut waits = None;
            for mut open in std::mem::take(&mut self.open) {
                let around = self.around.of(&self.solver.graph, open.vertex);
                match choose(self.request, self.trees, &self.solver.graph, open.vertex, &around) {
                    Choice::Tree(tree) => self.substitute(&open, tree)?,
                    Choice::None(tried) => {
                        open.tried.push(tried);
                        open.directives.remove(0);
                        self.follow(open)?;
                    }
                    Choice::Waits(waited) => {
                        waits.get_or_insert((open.vertex, open.template, waited));
                        self.open.push(open);
                    }
                }
            }
            if before == 0 {
                return Ok(());
            }
            if let Some((vertex, template, waits)) = waits.filter(|_| self.open.len() == before) {
                return Err(ResolveError::Undecided {
                    path: self.solver.graph.path_of(vertex),
                    waits,
                    origin: self.request.design.vertexes[template].origin.clone(),
                });
            }
            // What is inside may be what others waited for.
            self.solver.retry();
        }
    }

    /// Makes a service inside of a vertex.
    fn substitute(&mut self, open: &Open, tree: usize) -> Result<(), ResolveError> {
        let instances = self.make(tree, Some(open.vertex))?;
        let own = self.trees.get(tree);
        let Some(substitution) = &own.substitution else { return Ok(()) };
        let Solver { graph, ids, services, stands, .. } = &mut self.solver;
        let inside = Inside {
            request: self.request,
            rules: self.rules,
            vertex: open.vertex,
            tree: own,
            substitution,
            instances: &instances,
            services,
            stands,
        };
        inside.operations(graph);
        inside.attributes(graph)?;
        inside.capabilities(graph, *ids)?;
        let given = inside.requirements(graph, *ids)?;
        self.settle(instances, &given)
    }
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
    let design = request.design;
    let rules = Rules::of(design)?;
    let trees = Trees::of(design)?;
    // Ids of a store come nowhere near the upper half, and what is made here goes nowhere.
    let mut ids = 1_u64 << 63..;
    let mut solver = Solver::new(request, &rules, graph.clone(), &mut ids);
    let mut open = vec![(0, None, Given::new())];
    while let Some((tree, inside, given)) = open.pop() {
        let own = trees.get(tree);
        let instances = Instances::found(design, &trees, tree, inside, graph)?;
        let nodes = own.vertexes.clone().flat_map(|place| instances.of(place).iter().copied());
        let nodes: Vec<VertexId> = nodes.collect();
        solver.add(own, instances, &given)?;
        for (tree, own, substitution) in trees.substituting() {
            let name = &design.vertexes[own.vertexes.start].name;
            let is_inside = |node: &VertexId| graph.named(Some(*node), name).is_some();
            for vertex in nodes.iter().copied().filter(is_inside) {
                let instances = Instances::found(design, &trees, tree, Some(vertex), graph)?;
                let given = Inside {
                    request,
                    rules: &rules,
                    vertex,
                    tree: own,
                    substitution,
                    instances: &instances,
                    services: &solver.services,
                    stands: &solver.stands,
                }
                .requirements(&mut graph.clone(), &mut (1_u64 << 62..))?;
                open.push((tree, Some(vertex), given));
            }
        }
    }
    solver.explain(source, name)
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
    let is_own = |source: &&VertexId| {
        // What stands for another one has no requirements of its own.
        graph.vertex(**source).is_some_and(|source| !source.metadata.contains_key(SELECTED))
    };
    let sources: Vec<&VertexId> = instances.of(source).iter().filter(is_own).collect();
    for source in sources {
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
        graph.put_edge_as_in(request.current, edge);
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
    let edge = Edge {
        id: EdgeId(0),
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
    identified(request, edge, ids)
}

/// Makes an edge that no template asks for, or makes it anew.
pub(crate) fn link(
    request: &Request<'_>,
    name: &str,
    index: u32,
    (source, target): (VertexId, VertexId),
    origin: &Option<Origin>,
    ids: &mut dyn Ids,
) -> Result<Edge, ResolveError> {
    let edge = Edge {
        id: EdgeId(0),
        namespace: request.design.namespace.clone(),
        name: name.to_owned(),
        index,
        source,
        target,
        classes: Vec::new(),
        properties: Properties::new(),
        handlers: Handlers::new(),
        metadata: Metadata::new(),
        origin: origin.clone(),
    };
    identified(request, edge, ids)
}

/// Gives an edge the id and the memory of the one that is there in its place, or an id of its own.
fn identified(request: &Request<'_>, mut edge: Edge, ids: &mut dyn Ids) -> Result<Edge, ResolveError> {
    match request.current.outgoing_at(edge.source, &edge.name, edge.index) {
        None => edge.id = EdgeId(ids.next_id()?),
        Some(present) => {
            edge.id = present.id;
            keep(&mut edge.properties, &mut edge.metadata, &present.properties, &present.metadata);
        }
    }
    Ok(edge)
}
