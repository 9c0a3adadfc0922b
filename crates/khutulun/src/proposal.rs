//! From a design and inputs to what should be there, and the plan that leads to it.

use std::path::Path;

use floria::{Evaluator, Graph, Namespace, Revision, Site, Store, StoreError};
use floria_resolver::{Ids, Resolution, StoreIds, explain::Requirement};
use khutulun_api::names;
use khutulun_lowering::{Lowered, Mistakes, Options, Substituting, lower_with};
use khutulun_plan::{Plan, PlanError, plan_deploy};
use tosca_csar::Findings;

use crate::{
    dependents,
    design::{self, Compiled},
    error::{CliError, chain},
    exit::Exit,
    instance,
    intention::{Intention, Origin},
    inventory::Others,
    plan_view::{self, PlanView},
    reality,
    resolution::MADE_UP,
    session::Session,
};

/// How many optional requirements without a target are named.
const OPEN_MAX: usize = 5;

/// What should be there, and how it comes to be.
pub(crate) struct Proposal {
    /// The plan.
    pub(crate) plan: Plan,
    /// Sentences for the person.
    pub(crate) notes: Vec<String>,
    /// The requirements that wait, each with what for.
    pub(crate) waiting: Vec<String>,
}

impl Proposal {
    /// Returns it as it is shown.
    pub(crate) fn view(&self) -> PlanView<'_> {
        PlanView { plan: &self.plan, notes: &self.notes, waiting: &self.waiting }
    }
}

impl Intention {
    /// Compares with what is there and plans. `ids` gives ids to what is new.
    fn propose(
        &self,
        session: &Session,
        (actual, base): (Graph, Revision),
        others: &Others,
        ids: &mut dyn Ids,
    ) -> Result<Proposal, CliError> {
        let actual = &reality::at_once(session, &self.namespace, actual)?;
        let Resolution { graph: wanted, postponed, unfulfilled } =
            self.resolve(session, actual, others, ids)?;
        let basis = session.basis(&self.namespace, base);
        let plan = plan_deploy(&basis, &wanted, actual, &self.design.digest())
            .map_err(|error| plan_error(session, &error))?;
        let mut notes = self.fallen_back(session, &wanted, actual);
        notes.extend(dependents::selections(&self.namespace, &wanted, actual));
        notes.extend(left_open(&unfulfilled));
        Ok(Proposal { plan, notes, waiting: postponed.iter().map(ToString::to_string).collect() })
    }

    /// Proposes for somebody who only looks: the ids of what is new are made up.
    pub(crate) fn preview(&self, session: &Session, store: Option<&dyn Store>) -> Result<Proposal, CliError> {
        let (actual, others) = match store {
            Some(store) => (
                read_actual(session, store, &self.namespace)?,
                Others::of_store(session, store, &self.design)?,
            ),
            None => ((Graph::default(), Revision(0)), Others::default()),
        };
        let mut proposal = self.propose(session, actual, &others, &mut (MADE_UP..))?;
        if let Some(store) = store {
            proposal.notes.extend(dependents::notes(session, store, &proposal.plan)?);
        }
        Ok(proposal)
    }

    /// Proposes for somebody who may go on to do it: what is new has ids of the store.
    pub(crate) fn propose_for_real(
        &self,
        session: &Session,
        store: &dyn Store,
    ) -> Result<Proposal, CliError> {
        let actual = read_actual(session, store, &self.namespace)?;
        let others = Others::of_store(session, store, &self.design)?;
        let mut proposal = self.propose(session, actual, &others, &mut StoreIds::new(store))?;
        proposal.notes.extend(dependents::notes(session, store, &proposal.plan)?);
        Ok(proposal)
    }

    /// Inputs that were not given and so fall back from what the last deploy had.
    fn fallen_back(&self, session: &Session, wanted: &Graph, actual: &Graph) -> Vec<String> {
        // Who goes on from a revision has its inputs already.
        let (Some(new), Some(old), Origin::Path(_)) =
            (instance::service(wanted), instance::service(actual), &self.origin)
        else {
            return Vec::new();
        };
        let mut before = Evaluator::new(actual, &*session.functions);
        let mut after = Evaluator::new(wanted, &*session.functions);
        let is_input = |name: &&String| !name.starts_with(names::OUTPUT_PREFIX);
        new.properties
            .keys()
            .filter(is_input)
            .filter(|name| !self.inputs.contains_key(*name) && old.properties.contains_key(*name))
            .filter_map(|name| {
                let known =
                    |evaluator: &mut Evaluator<'_>, id| match evaluator.property(Site::Vertex(id), name) {
                        Ok(floria::Evaluated::Known(value)) => Some(value),
                        _ => None,
                    };
                let (from, to) = (known(&mut before, old.id)?, known(&mut after, new.id)?);
                (from != to).then(|| {
                    format!(
                        "input `{name}` was not given, so it falls back from {} to its default {}; \
                         keep it with -i {name}=…",
                        plan_view::shown(&from),
                        plan_view::shown(&to),
                    )
                })
            })
            .collect()
    }
}

/// The optional requirements that lead nowhere, as sentences.
fn left_open(unfulfilled: &[Requirement]) -> Vec<String> {
    let shown = unfulfilled.iter().take(OPEN_MAX);
    let mut sentences: Vec<String> =
        shown.map(|one| format!("{one} has fewer targets than it asks for, which is optional")).collect();
    if unfulfilled.len() > OPEN_MAX {
        sentences.push(format!("so it is with {} more optional requirements", unfulfilled.len() - OPEN_MAX));
    }
    sentences
}

/// Returns the design that a path means, as TOSCA's model and as Floria's templates.
pub(crate) fn compile_and_lower(
    session: &Session,
    path: &Path,
    name: Option<&str>,
) -> Result<(Compiled, Lowered), CliError> {
    let compiled = design::compile(session, path)?;
    let service = compiled.service_name(name)?;
    let others = design::substituting(session, &compiled)?;
    let substituting: Vec<Substituting<'_>> =
        others.iter().map(|(model, texts)| Substituting { model, texts }).collect();
    let Compiled { source, texts, .. } = &compiled;
    let root = source.root();
    let options = Options { service: &service, texts, files: source, root: root.as_deref() };
    match lower_with(&compiled.model, &options, &substituting) {
        Ok(lowered) => Ok((compiled, lowered)),
        Err(mistakes) => {
            let findings: Vec<Findings> = mistakes
                .into_iter()
                .map(|Mistakes { substituting, diagnostics }| {
                    let of = substituting.and_then(|place| others.get(place));
                    let sources = of.map_or(texts, |(_, texts)| texts).clone();
                    Findings { diagnostics, sources }
                })
                .collect();
            let findings: Vec<&Findings> = findings.iter().collect();
            Err(design::invalid(session, &compiled.source.path, &findings))
        }
    }
}

/// Returns the instances of a service and the revision that they are at.
pub(crate) fn read_actual(
    session: &Session,
    store: &dyn Store,
    namespace: &Namespace,
) -> Result<(Graph, Revision), CliError> {
    let read = || -> Result<_, StoreError> {
        // The revision first: if the graph moves in between, the run will refuse rather than overlook it.
        let base = store.namespace_revision(namespace)?;
        Ok((store.graph(namespace)?, base))
    };
    read().map_err(|error| session.store_error(error))
}

/// Why there is no plan, as an error for people.
pub(crate) fn plan_error(session: &Session, error: &PlanError) -> CliError {
    let (exit, place) = match error {
        PlanError::SameName { .. } => (Exit::InvalidDesign, "the design".to_owned()),
        PlanError::Cycle { origin, .. } => (
            Exit::InvalidDesign,
            origin.as_ref().map_or_else(|| "the design".to_owned(), ToString::to_string),
        ),
        PlanError::NameTooLong { node, origin } => {
            let place = || format!("node `{node}`");
            (Exit::InvalidDesign, origin.as_ref().map_or_else(place, ToString::to_string))
        }
        PlanError::Evaluation { node, origin, source, .. } => {
            let origin = source.origin.as_ref().or(origin.as_ref());
            (Exit::InvalidDesign, origin.map_or_else(|| format!("node `{node}`"), ToString::to_string))
        }
        PlanError::Protected { nodes, origin } | PlanError::Adopted { nodes, origin } => {
            let place = || format!("node `{}`", nodes.join("`, `"));
            (Exit::Failed, origin.as_ref().map_or_else(place, ToString::to_string))
        }
        PlanError::NotMade { node, origin, .. } => {
            let place = || format!("node `{node}`");
            (Exit::Failed, origin.as_ref().map_or_else(place, ToString::to_string))
        }
        PlanError::NoSuchNode { .. }
        | PlanError::WrongGoal { .. }
        | PlanError::NoSuchOperation { .. }
        | PlanError::NoSuchWorkflow { .. }
        | PlanError::WorkflowInput { .. } => (Exit::Usage, session.root().display().to_string()),
        PlanError::NotTriggered { workflow, origin, .. } => (
            Exit::Failed,
            origin.as_ref().map_or_else(|| format!("workflow `{workflow}`"), ToString::to_string),
        ),
        PlanError::StepsInCircle { workflow, origin, .. } => {
            let place = || format!("workflow `{workflow}`");
            (Exit::InvalidDesign, origin.as_ref().map_or_else(place, ToString::to_string))
        }
        PlanError::Step { step, origin, .. } => {
            let place = || format!("step `{step}`");
            (Exit::InvalidDesign, origin.as_ref().map_or_else(place, ToString::to_string))
        }
        PlanError::WorkflowsInCircle { .. } | PlanError::TooManySteps { .. } => {
            (Exit::InvalidDesign, "the design".to_owned())
        }
    };
    let next = match error {
        PlanError::NoSuchNode { .. } => "khutulun status",
        PlanError::Protected { .. } => {
            "let it stay; or deploy it with `khutulun.protected: false`, or say --allow-protected"
        }
        PlanError::Adopted { .. } => "leave it as it is, or say --delete-adopted",
        PlanError::NotMade { .. } => "khutulun deploy, which makes what is not made yet",
        PlanError::NoSuchOperation { .. } | PlanError::NoSuchWorkflow { .. } => "say one of those",
        PlanError::WorkflowInput { .. } => "give the workflow's inputs with -i NAME=VALUE",
        PlanError::NotTriggered { .. } => "run the workflow when its precondition holds",
        _ => "mend the design or the inputs, then run the command again",
    };
    CliError::new(exit, "failed to make a plan").place(place).why(chain(error)).next(next)
}
