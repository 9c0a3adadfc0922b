//! What somebody wants to be there: a design with inputs and counts, from files or from a revision that is recorded.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _};

use diagnostics::did_you_mean;
use floria::{Design, EvaluationError, Evaluator, Namespace, Site, Value};
use floria_resolver::{Counts, outermost};
use khutulun_api::names;
use khutulun_host::FunctionFile;
use khutulun_lowering::{ArtifactFile, Lowered};
use tosca::{Locator, Sources as _};

use crate::{
    cli::DesignArguments,
    design::Compiled,
    error::CliError,
    exit::Exit,
    inputs::{self, Inputs},
    instance,
    proposal::compile_and_lower,
    session::Session,
    source::Source,
};

/// A design with its inputs, ready to be compared with what is there.
pub(crate) struct Intention {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The service.
    pub(crate) namespace: Namespace,
    /// The templates.
    pub(crate) design: Design,
    /// The files that the design refers to.
    pub(crate) files: Vec<IntendedFile>,
    /// The values of the service's inputs.
    pub(crate) inputs: BTreeMap<String, Value>,
    /// How many instances there are of templates, where somebody said otherwise than their own counts do.
    pub(crate) counts: Counts,
    /// The path that the design was read from, by whoever read it first.
    pub(crate) source: Option<String>,
}

/// Where an intention comes from.
pub(crate) enum Origin {
    /// Somebody's files.
    Path(Box<Source>),
    /// A revision of the service, by its number: its files are in the state directory.
    Revision(u64),
}

/// A file that a design refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IntendedFile {
    /// The path relative to the package's root.
    pub(crate) path: String,
    /// SHA-256 of its content, in lower-case hexadecimal.
    pub(crate) digest: String,
    /// Where the design's files have it. None: it is in the state directory.
    locator: Option<Locator>,
    /// Whether a function needs it.
    computes: bool,
}

impl IntendedFile {
    /// A file that the state directory keeps.
    pub(crate) fn kept(path: String, digest: String) -> Self {
        Self { path, digest, locator: None, computes: false }
    }
}

impl From<ArtifactFile> for IntendedFile {
    fn from(ArtifactFile { path, digest, locator, computes }: ArtifactFile) -> Self {
        Self { path, digest, locator: Some(locator), computes }
    }
}

impl Intention {
    /// Reads the design and the inputs that a person gave. Touches no state.
    pub(crate) fn read(session: &Session, arguments: &DesignArguments) -> Result<Self, CliError> {
        let given = inputs::gather(&arguments.input, &arguments.inputs)?;
        let (Compiled { source: files, .. }, Lowered { design, artifacts }) =
            compile_and_lower(session, &arguments.path, arguments.name.as_deref())?;
        let path = &files.path;
        let source = fs::canonicalize(path).unwrap_or_else(|_| path.clone()).display().to_string();
        let mut intention = Self {
            origin: Origin::Path(Box::new(files)),
            namespace: design.namespace.clone(),
            design,
            files: artifacts.into_iter().map(IntendedFile::from).collect(),
            inputs: BTreeMap::new(),
            counts: Counts::new(),
            source: Some(source),
        };
        intention.give(session, given)?;
        Ok(intention)
    }

    /// Puts inputs that a person gave over those that are there, and checks them all.
    pub(crate) fn give(&mut self, session: &Session, given: Inputs) -> Result<(), CliError> {
        let service = self.design.vertexes.first();
        let property = |name: &str| service.and_then(|service| service.properties.get(name));
        let given = inputs::values(given, |name| {
            property(name).is_some_and(|property| inputs::wants_text(property.preparer.as_ref()))
        })?;
        self.inputs.extend(given);
        self.bring_functions(session)?;
        self.check_inputs(session)
    }

    /// Returns where it is, for people.
    pub(crate) fn place(&self) -> String {
        match &self.origin {
            Origin::Path(source) => source.path.display().to_string(),
            Origin::Revision(number) => format!("revision {number} of `{}`", self.namespace),
        }
    }

    /// Returns the word that commands call it by: a path, or the service.
    pub(crate) fn word(&self) -> String {
        match &self.origin {
            Origin::Path(source) => source.path.display().to_string(),
            Origin::Revision(_) => self.namespace.0.clone(),
        }
    }

    /// Returns the content of the files that the design refers to, each with whether it may be executed.
    pub(crate) fn contents(&self, session: &Session) -> Result<Vec<(Vec<u8>, bool)>, CliError> {
        self.files.iter().map(|file| self.content(session, file)).collect()
    }

    fn content(&self, session: &Session, file: &IntendedFile) -> Result<(Vec<u8>, bool), CliError> {
        let failed = |place: String| {
            CliError::new(Exit::Failed, format!("failed to read the artifact `{}`", file.path)).place(place)
        };
        if let (Origin::Path(source), Some(locator)) = (&self.origin, &file.locator) {
            let content = source.files.read(locator).map_err(|error| {
                failed(locator.to_string())
                    .why(error.to_string())
                    .next("put the file back, then run the command again")
            })?;
            return Ok((content, source.is_executable(locator)));
        }
        let read = || {
            let state = session.state_directory()?;
            let gone = |error: &dyn std::error::Error| {
                failed(format!("{}, in {}", self.place(), session.root().display()))
                    .cause(error)
                    .next("deploy the design from its files: khutulun deploy PATH")
            };
            let content = state.load_artifact(&file.digest).map_err(|error| gone(&error))?;
            let path = state.artifact(&file.digest).map_err(|error| gone(&error))?;
            let mode = fs::metadata(path).map_err(|error| gone(&error))?.permissions().mode();
            Ok((content, mode & 0o100 != 0))
        };
        read()
    }

    /// Lets the design's functions be called before it is deployed. Those of a revision are in the state directory.
    fn bring_functions(&self, session: &Session) -> Result<(), CliError> {
        let files = self.files.iter().filter(|file| file.computes && file.locator.is_some()).map(|file| {
            let (content, executable) = self.content(session, file)?;
            Ok((file.digest.clone(), FunctionFile { content, executable }))
        });
        let files = files.collect::<Result<Vec<_>, CliError>>()?;
        if !files.is_empty() {
            session.functions.runner().bring(files);
        }
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
        let mut error =
            CliError::usage(what, mistakes.join("\n")).place(format!("the inputs of {}", self.place()));
        error.next = next;
        Err(error)
    }
}

fn at(origin: Option<&floria::Origin>) -> String {
    origin.map_or_else(String::new, |origin| format!(" ({origin})"))
}
