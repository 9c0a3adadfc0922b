//! From a design to its instances, or to why there are none.

use std::collections::BTreeSet;

use floria::{Edge, EdgeTemplateId, Graph, Store};
use floria_resolver::{
    Explanation, Ids, Inventory, Limits, NoHooks, Request, Resolution, ResolveError, explain,
    explain::{Ask, Considered, Requirement, Verdict},
    resolve,
};

use crate::{
    error::CliError,
    exit::Exit,
    explanation,
    hooks::{self, has_hooks},
    instance,
    intention::{Intention, Origin},
    inventory::Others,
    proposal::read_actual,
    session::{Session, quoted},
};

/// The first of the ids of what is only looked at. Ids of a store come nowhere near.
pub(crate) const MADE_UP: u64 = 1 << 62;

/// How many requirements without a target are told in full; data has all.
const UNMET_MAX: usize = 5;

impl Intention {
    /// Makes the instances that should be there, as the hooks of their templates adapt them. What is new has its ids from `ids`.
    pub(crate) fn resolve(
        &self,
        session: &Session,
        actual: &Graph,
        others: &Others,
        ids: &mut dyn Ids,
    ) -> Result<Resolution, CliError> {
        let inventory = others.inventory();
        let resolved = self.try_resolve(session, &self.request(session, actual, &inventory), ids)?;
        resolved.map_err(|error| self.not_resolved(session, error))
    }

    /// Explains the requirements of a name at a node, as they would be if the design was deployed now.
    pub(crate) fn explain(
        &self,
        session: &Session,
        store: Option<&dyn Store>,
        node: &str,
        requirement: &str,
    ) -> Result<Vec<Explanation>, CliError> {
        let (actual, others) = match store {
            Some(store) => (
                read_actual(session, store, &self.namespace)?.0,
                Others::of_store(session, store, &self.design)?,
            ),
            None => (Graph::default(), Others::default()),
        };
        let inventory = others.inventory();
        let request = self.request(session, &actual, &inventory);
        // `web/1` is `web-1`, as everywhere.
        let indexed =
            node.rsplit_once('/').filter(|(_, index)| index.bytes().all(|byte| byte.is_ascii_digit()));
        let indexed = indexed.map(|(name, index)| format!("{name}-{index}"));
        let is_node = |path: &str| path == node || indexed.as_deref() == Some(path);
        let graph = match self.try_resolve(session, &request, &mut (MADE_UP..))? {
            Ok(resolution) => resolution.graph,
            Err(ResolveError::Unmet(mut unmet)) => {
                let is_meant =
                    |one: &Explanation| is_node(&one.requirement.path) && one.requirement.name == requirement;
                if unmet.iter().any(is_meant) {
                    unmet.retain(is_meant);
                    return Ok(unmet);
                }
                return Err(self.not_resolved(session, ResolveError::Unmet(unmet)));
            }
            Err(error) => return Err(self.not_resolved(session, error)),
        };
        let nodes = instance::nodes(&graph);
        let Some((_, source)) = nodes.iter().find(|(name, _)| is_node(name)) else {
            let known: Vec<&String> = nodes.iter().map(|(name, _)| name).collect();
            return Err(self.nothing_to_explain(format!("there is no node `{node}`"), "nodes", &known));
        };
        let explanations = explain(&request, &graph, source.id, requirement)
            .map_err(|error| self.not_resolved(session, error))?;
        if !explanations.is_empty() {
            return Ok(explanations);
        }
        let known: BTreeSet<&String> = graph.outgoing(source.id).map(|edge| &edge.name).collect();
        if !known.contains(&requirement.to_owned()) {
            let known: Vec<&String> = known.into_iter().collect();
            let what = format!("`{node}` has no requirement `{requirement}`");
            return Err(self.nothing_to_explain(what, "requirements", &known));
        }
        let named = graph.outgoing(source.id).filter(|edge| edge.name == requirement);
        Ok(named.map(|edge| self.named(&graph, node, edge)).collect())
    }

    /// Explains an edge that leads to what the design names.
    fn named(&self, graph: &Graph, node: &str, edge: &Edge) -> Explanation {
        let target = graph.path_of(edge.target);
        let template = self.design.edges.iter().find(|template| {
            (&template.name, template.index, &template.origin) == (&edge.name, edge.index, &edge.origin)
        });
        Explanation {
            requirement: Requirement {
                source: edge.source,
                path: node.to_owned(),
                name: edge.name.clone(),
                template: template.map_or(EdgeTemplateId(0), |template| template.id),
                wanted: Some(1),
                made: 1,
                is_optional: false,
                is_implicit: false,
                origin: edge.origin.clone(),
            },
            asked: vec![Ask::Template(target.clone())],
            candidates: vec![Considered {
                vertex: edge.target,
                path: target,
                verdict: Verdict::Chosen { index: edge.index },
            }],
            left_out: Vec::new(),
        }
    }

    fn nothing_to_explain(&self, what: String, kind: &str, known: &[&String]) -> CliError {
        let why = match known.is_empty() {
            true => format!("there are no {kind}"),
            false => format!("there are {}", quoted(known)),
        };
        let next = match &self.origin {
            Origin::Path(_) => format!("khutulun compile {} --instantiate", self.word()),
            Origin::Revision(_) => format!("khutulun graph {}", self.word()),
        };
        CliError::usage(what, why).place(self.place()).next(next)
    }

    fn request<'a>(
        &'a self,
        session: &'a Session,
        current: &'a Graph,
        inventory: &'a [Inventory<'a>],
    ) -> Request<'a> {
        Request {
            design: &self.design,
            inputs: &self.inputs,
            counts: &self.counts,
            current,
            inventory,
            functions: &*session.functions,
            limits: Limits::default(),
        }
    }

    fn try_resolve(
        &self,
        session: &Session,
        request: &Request<'_>,
        ids: &mut dyn Ids,
    ) -> Result<Result<Resolution, ResolveError>, CliError> {
        if !has_hooks(&self.design) {
            return Ok(resolve(request, ids, &mut NoHooks));
        }
        let digests = self.files.iter().map(|file| file.digest.clone());
        let contents = self.contents(session)?.into_iter().map(|(content, _)| content);
        let runner = hooks::runner(digests.zip(contents).collect());
        Ok(resolve(request, ids, &mut runner.hooks()))
    }

    /// Requirements without a target, each with all candidates and what is not as asked for about them.
    fn unmet(&self, all: &[Explanation]) -> CliError {
        let what = match all {
            [only] => {
                let requirement = &only.requirement;
                match requirement.wanted {
                    Some(wanted) if requirement.made > 0 => {
                        format!("{requirement} has only {} of {wanted} targets", requirement.made)
                    }
                    _ => format!("{requirement} has no target"),
                }
            }
            several => format!("{} requirements have too few targets", several.len()),
        };
        let first = all.first().map(|first| &first.requirement);
        let mut why: Vec<String> = all.iter().take(UNMET_MAX).map(ToString::to_string).collect();
        if all.len() > UNMET_MAX {
            why.push(format!("… and {} more", all.len() - UNMET_MAX));
        }
        let mut error = CliError::new(Exit::InvalidDesign, what)
            .place(
                first
                    .and_then(|first| first.origin.as_ref())
                    .map_or_else(|| self.place(), ToString::to_string),
            )
            .why(why.join("\n"))
            .detail("requirements", all.iter().map(explanation::document).collect())
            .next("add a node that it can lead to, or ask for less, then run the command again");
        if let Some(Requirement { path, name, .. }) = first {
            let design = self.word();
            error = error
                .next(format!("khutulun explain requirement {path}/{name} {design} (with the same inputs)"));
        }
        error
    }

    /// Why there are no instances, as an error for people.
    pub(crate) fn not_resolved(&self, session: &Session, error: ResolveError) -> CliError {
        match error {
            ResolveError::Store(error) => session.store_error(error),
            ResolveError::Empty(_)
            | ResolveError::MissingContainer { .. }
            | ResolveError::MissingEnd { .. }
            | ResolveError::Rule { .. }
            | ResolveError::OutOfIds => CliError::new(Exit::Bug, "failed to make instances of the design")
                .place(self.place())
                .cause(&error)
                .next("please report this with the design"),
            ResolveError::Unmet(all) => self.unmet(&all),
            error => {
                let place = || match &error {
                    ResolveError::Hook { event, .. } => format!("the handler of `{event}`"),
                    _ => self.place(),
                };
                let next = match &error {
                    ResolveError::Hook { .. } => {
                        "change what the hook looks at, or the hook, then run the command again"
                    }
                    ResolveError::TooMany { .. } => "ask for fewer, then run the command again",
                    ResolveError::NotACount { .. } | ResolveError::Count { .. } => {
                        "let the count be 0 or more, from a literal or an input, then run the command again"
                    }
                    ResolveError::GaveUp { .. } => {
                        "name the targets of some of them, or let there be more room, then run the command again"
                    }
                    ResolveError::Circle(_) => {
                        "name the target of one of them, or let its filter ask for something else, then run the command again"
                    }
                    ResolveError::Directives { .. } => {
                        "give the node another directive, or what it looks for, then run the command again"
                    }
                    _ => "mend the design or the inputs, then run the command again",
                };
                CliError::new(Exit::InvalidDesign, "the design cannot be instantiated")
                    .place(error.origin().map_or_else(place, ToString::to_string))
                    .cause(&error)
                    .next(next)
            }
        }
    }
}
