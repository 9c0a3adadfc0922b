//! `khutulun outputs`: what a service answers, evaluated now.

use std::collections::BTreeMap;

use floria::Namespace;
use floria_sqlite::SqliteStore;
use khutulun_api::RunId;
use khutulun_engine::{RunState, outputs_of};
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer, to_json},
    cli::{Format, OutputsArguments},
    error::CliError,
    execution::engine_error,
    exit::Exit,
    instance::{self, Output},
    proposal::read_actual,
    session::{Session, quoted},
    terminal::{self, Style},
};

/// The outputs of a service.
pub(crate) struct Outputs {
    pub(crate) service: Namespace,
    pub(crate) outputs: BTreeMap<String, Output>,
}

impl Outputs {
    /// The values that are known, as data; the others are null.
    pub(crate) fn values(&self) -> Json {
        let value = |output: &Output| match output {
            Output::Known(value) => to_json(value),
            Output::Unknown(_) | Output::Failed(_) => Json::Null,
        };
        self.outputs
            .iter()
            .map(|(name, output)| (name.clone(), value(output)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// The outputs for people, one a line.
    pub(crate) fn lines(&self, style: Style) -> String {
        let width = self.outputs.keys().map(|name| terminal::columns(name)).max().unwrap_or(0);
        let shown = |output: &Output| match output {
            Output::Known(value) => terminal::harmless(&value.to_string()),
            Output::Unknown(missing) => style.dim(&format!("(not known yet: needs {})", missing.join(", "))),
            Output::Failed(error) => style.red(&format!("(failed: {})", terminal::harmless(&error.message))),
        };
        self.outputs
            .iter()
            .map(|(name, output)| format!("  {} = {}\n", terminal::pad(name, width), shown(output)))
            .collect()
    }
}

impl Answer for Outputs {
    fn document(&self) -> Json {
        let problem = |output: &Output| match output {
            Output::Known(_) => None,
            Output::Unknown(missing) => Some(json!({ "unknown": missing })),
            Output::Failed(error) => Some(
                json!({ "failed": error.message, "where": error.origin.as_ref().map(ToString::to_string) }),
            ),
        };
        let problems: serde_json::Map<_, _> =
            self.outputs.iter().filter_map(|(name, output)| Some((name.clone(), problem(output)?))).collect();
        json!({
            "schema": "khutulun.outputs/1",
            "service": self.service.0,
            "outputs": self.values(),
            "problems": problems,
        })
    }

    fn text(&self, style: Style) -> String {
        if self.outputs.is_empty() {
            return format!("`{}` has no outputs.\n", self.service);
        }
        self.lines(style)
    }
}

/// What the workflow of a run put out.
fn of_run(session: &Session, store: &SqliteStore, run: RunId) -> Result<Outputs, CliError> {
    let failed = |error| engine_error(session, &error);
    let service = RunState::read(store, run).map_err(failed)?.plan.namespace.clone();
    let Some(outputs) = outputs_of(store, run).map_err(failed)? else {
        return Err(CliError::usage(
            format!("run {run} has no outputs"),
            "it is of no workflow with outputs, or did not come to its end",
        )
        .place(format!("service `{service}`"))
        .next("khutulun history"));
    };
    let outputs = outputs.into_iter().map(|(name, value)| (name, Output::Known(value))).collect();
    Ok(Outputs { service, outputs })
}

pub(crate) fn run(arguments: &OutputsArguments, session: &Session) -> Result<Exit, CliError> {
    let store = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let outputs = match arguments.run {
        Some(run) => of_run(session, &store, RunId(run))?,
        None => {
            let service = session.service(&store, arguments.name.as_deref())?;
            let (graph, _) = read_actual(session, &store, &service)?;
            Outputs { outputs: instance::outputs(&graph, &*session.functions), service }
        }
    };
    let Some(name) = &arguments.only else {
        answer::give(&outputs, session.format)?;
        return Ok(Exit::Success);
    };
    match outputs.outputs.get(name) {
        Some(Output::Known(value)) if session.format == Format::Table => {
            answer::write(format!("{value}\n").as_bytes())?;
        }
        Some(Output::Known(value)) => answer::give_data(&to_json(value), session.format)?,
        Some(Output::Unknown(missing)) => {
            return Err(CliError::new(Exit::Failed, format!("the output `{name}` has no value yet"))
                .place(format!("service `{}`", outputs.service))
                .why(format!("it needs {}", missing.join(", ")))
                .next("khutulun status"));
        }
        Some(Output::Failed(error)) => {
            return Err(CliError::new(Exit::Failed, format!("failed to evaluate the output `{name}`"))
                .place(
                    error
                        .origin
                        .as_ref()
                        .map_or_else(|| format!("service `{}`", outputs.service), ToString::to_string),
                )
                .why(error.message.clone())
                .next("mend the design, then: khutulun deploy PATH"));
        }
        None => {
            let known: Vec<&String> = outputs.outputs.keys().collect();
            let why = match known.is_empty() {
                true => "it has none".to_owned(),
                false => format!("there are {}", quoted(&known)),
            };
            return Err(CliError::usage(format!("there is no output `{}`", terminal::harmless(name)), why)
                .place(format!("service `{}`", outputs.service))
                .next("khutulun outputs"));
        }
    }
    Ok(Exit::Success)
}
