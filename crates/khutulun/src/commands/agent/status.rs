//! `khutulun agent status`: how the agent is.

use khutulun_agent::{AskError, Status, ask};
use serde_json::Value as Json;

use crate::{
    answer::{self, Answer},
    error::CliError,
    exit::Exit,
    session::Session,
    terminal::Style,
    time,
};

struct View(Status);

impl Answer for View {
    fn document(&self) -> Json {
        let mut document = serde_json::to_value(&self.0).unwrap_or_default();
        if let Some(fields) = document.as_object_mut() {
            fields.remove("since_ms");
            fields.insert("since".to_owned(), time::rfc3339(self.0.since_ms).into());
        }
        document
    }

    fn text(&self, _style: Style) -> String {
        let Status { pid, since_ms, processes, timers, files, told, waiting, at_work, performed, .. } =
            &self.0;
        format!(
            "● at work since {} ({}), pid {pid}\n  hears of   processes {processes}, timers {timers}, files {files}\n  told       \
             events {told}, waiting for a run {waiting}\n  reactions  at work {at_work}, performed {performed}\n",
            time::rfc3339(*since_ms),
            time::ago(*since_ms, time::now_ms()),
        )
    }
}

pub(super) fn run(session: &Session) -> Result<Exit, CliError> {
    let status = ask(session.root()).map_err(|error| {
        let place = session.root().display().to_string();
        match &error {
            AskError::None => CliError::new(Exit::Unreachable, "no agent is at work")
                .place(place)
                .why("nobody listens at its socket")
                .next("khutulun agent, or: khutulun agent install"),
            _ => CliError::new(Exit::Unreachable, "the agent cannot be asked")
                .place(place)
                .cause(&error)
                .next("look at what it wrote: journalctl -u khutulun-agent"),
        }
    })?;
    answer::give(&View(status), session.format)?;
    Ok(Exit::Success)
}
