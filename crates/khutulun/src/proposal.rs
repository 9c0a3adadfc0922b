//! From a design and inputs to what should be there, and the plan that leads to it.

use std::{collections::BTreeMap, path::Path};

use diagnostics::did_you_mean;
use floria::{
    Design, EvaluationError, Evaluator, Graph, Namespace, Revision, Site, Store, StoreError, Value,
};
use floria_resolver::{Ids, Resolution, StoreIds, explain::Requirement, outermost};
use khutulun_api::names;
use khutulun_host::FunctionFile;
use khutulun_lowering::{ArtifactFile, Lowered, Mistakes, Options, Substituting, lower_with};
use khutulun_plan::{Basis, Plan, PlanError, plan_deploy};
use tosca::{
    Sources as _,
    model::{DataBase, Model, TypeBody},
};
use tosca_csar::Findings;

use crate::{
    cli::DesignArguments,
    dependents,
    design::{self, Compiled},
    error::{CliError, chain},
    exit::Exit,
    inputs, instance,
    inventory::Others,
    plan_view::{self, PlanView},
    resolution::MADE_UP,
    session::Session,
};

/// A design with its inputs, ready to be compared with what is there.
pub(crate) struct Intention {
    /// What was compiled.
    pub(crate) compiled: Compiled,
    /// The service.
    pub(crate) namespace: Namespace,
    /// The templates.
    pub(crate) design: Design,
    pub(crate) artifacts: Vec<ArtifactFile>,
    pub(crate) inputs: BTreeMap<String, Value>,
}

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
    /// Reads the design and the inputs that a person gave. Touches no state.
    pub(crate) fn read(session: &Session, arguments: &DesignArguments) -> Result<Self, CliError> {
        let given = inputs::gather(&arguments.input, &arguments.inputs)?;
        let (compiled, Lowered { design, artifacts }) =
            compile_and_lower(session, &arguments.path, arguments.name.as_deref())?;
        let inputs = inputs::values(given, |name| wants_text(&compiled.model, name))?;
        let namespace = design.namespace.clone();
        let intention = Self { compiled, namespace, design, artifacts, inputs };
        intention.bring_functions(session)?;
        intention.check_inputs(session)?;
        Ok(intention)
    }

    /// Compares with what is there and plans. `ids` gives ids to what is new.
    fn propose(
        &self,
        session: &Session,
        (actual, base): (Graph, Revision),
        others: &Others,
        ids: &mut dyn Ids,
    ) -> Result<Proposal, CliError> {
        let actual = &actual;
        let Resolution { graph: wanted, postponed, unfulfilled } =
            self.resolve(session, actual, others, ids)?;
        let basis = Basis::new(&self.namespace, base, &*session.functions);
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

    /// Returns the content of the files that the design refers to, each with whether it may be executed.
    pub(crate) fn artifacts(&self) -> Result<Vec<(Vec<u8>, bool)>, CliError> {
        self.artifacts.iter().map(|artifact| self.content(artifact)).collect()
    }

    fn content(&self, artifact: &ArtifactFile) -> Result<(Vec<u8>, bool), CliError> {
        let source = &self.compiled.source;
        let content = source.files.read(&artifact.locator).map_err(|error| {
            CliError::new(Exit::Failed, format!("failed to read the artifact `{}`", artifact.path))
                .place(artifact.locator.to_string())
                .why(error.to_string())
                .next("put the file back, then run the command again")
        })?;
        Ok((content, source.is_executable(&artifact.locator)))
    }

    /// Lets the design's functions be called before it is deployed.
    fn bring_functions(&self, session: &Session) -> Result<(), CliError> {
        let files = self.artifacts.iter().filter(|artifact| artifact.computes).map(|artifact| {
            let (content, executable) = self.content(artifact)?;
            Ok((artifact.digest.clone(), FunctionFile { content, executable }))
        });
        session.functions.runner().bring(files.collect::<Result<Vec<_>, CliError>>()?);
        Ok(())
    }

    /// Checks the inputs against what the design says of them: all mistakes at once.
    fn check_inputs(&self, session: &Session) -> Result<(), CliError> {
        let Some(service) = self.design.vertexes.first() else { return Ok(()) };
        let is_input = |name: &&String| !name.starts_with(names::OUTPUT_PREFIX);
        let known: Vec<&String> = service.properties.keys().filter(is_input).collect();
        let mut mistakes = Vec::new();
        let mut next = Vec::new();
        for name in self.inputs.keys().filter(|name| !known.contains(name)) {
            let hint = did_you_mean(name, known.iter().map(|name| name.as_str()));
            let hint = hint.map_or_else(
                || match known.is_empty() {
                    true => "the service has no inputs".to_owned(),
                    false => format!("there are {}", crate::session::quoted(&known)),
                },
                |hint| hint.to_string(),
            );
            mistakes.push(format!("there is no input `{name}`: {hint}"));
        }
        if mistakes.is_empty() {
            let graph =
                outermost(&self.design, &self.inputs).map_err(|error| self.not_resolved(session, error))?;
            let mut evaluator = Evaluator::new(&graph, &*session.functions);
            for (name, property) in service.properties.iter().filter(|(name, _)| is_input(name)) {
                let is_required =
                    property.metadata.get(names::REQUIRED).and_then(Value::as_boolean) == Some(true);
                let is_there =
                    self.inputs.contains_key(name) || property.value.is_some() || property.updater.is_some();
                if is_required && !is_there {
                    mistakes.push(format!("input `{name}` needs a value{}", at(property.origin.as_ref())));
                    next.push(format!("-i {name}=VALUE"));
                } else if is_there
                    && let Some(service) = instance::service(&graph)
                    && let Err(EvaluationError { message, origin }) =
                        evaluator.property(Site::Vertex(service.id), name)
                {
                    mistakes.push(format!("input `{name}`: {message}{}", at(origin.as_ref())));
                }
            }
        }
        if mistakes.is_empty() {
            return Ok(());
        }
        next.push("say each input as the design wants it: -i NAME=VALUE or --inputs FILE".to_owned());
        let what = if mistakes.len() == 1 { "an input is wrong" } else { "some inputs are wrong" };
        let mut error = CliError::usage(what, mistakes.join("\n"))
            .place(format!("the inputs of {}", self.compiled.source.path.display()));
        error.next = next;
        Err(error)
    }

    /// Inputs that were not given and so fall back from what the last deploy had.
    fn fallen_back(&self, session: &Session, wanted: &Graph, actual: &Graph) -> Vec<String> {
        let (Some(new), Some(old)) = (instance::service(wanted), instance::service(actual)) else {
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
        PlanError::NotMade { .. } => "khutulun deploy, which makes what is not made yet",
        PlanError::NoSuchOperation { .. } | PlanError::NoSuchWorkflow { .. } => "say one of those",
        PlanError::WorkflowInput { .. } => "give the workflow's inputs with -i NAME=VALUE",
        PlanError::NotTriggered { .. } => "run the workflow when its precondition holds",
        _ => "mend the design or the inputs, then run the command again",
    };
    CliError::new(exit, "failed to make a plan").place(place).why(chain(error)).next(next)
}

/// Returns whether an input wants text, or what is written as text (a version `1.10` is no float): then what the command line says is taken as it is.
fn wants_text(model: &Model, input: &str) -> bool {
    let schema = || model.service_template.as_ref()?.inputs.get(input)?.schema.as_ref();
    schema().is_some_and(|schema| match &model.type_of(schema.data_type).body {
        TypeBody::Data(data) => matches!(
            data.base,
            DataBase::String | DataBase::Bytes | DataBase::Timestamp | DataBase::Scalar | DataBase::Version
        ),
        _ => false,
    })
}

fn at(origin: Option<&floria::Origin>) -> String {
    origin.map_or_else(String::new, |origin| format!(" ({origin})"))
}
