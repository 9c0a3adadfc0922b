//! Asking a person: only on a terminal, and the default is No.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::{error::CliError, exit::Exit, progress::Progress, terminal::Style};

/// Returns whether somebody is there to be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The error of a command that would have to ask and cannot.
pub(crate) fn unasked(what: &str) -> CliError {
    CliError::usage(
        format!("cannot ask whether to {what}"),
        "there is no terminal to ask on, and --yes was not given",
    )
    .next("give --yes, to be asked nothing")
}

/// Asks a question that is answered with yes or no.
pub(crate) fn ask(progress: &Progress, question: &str) -> Result<bool, CliError> {
    progress.settle();
    let mut out = io::stderr();
    let _ = write!(out, "{} [y/N] ", Style::stderr().bold(question));
    let _ = out.flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|error| {
        CliError::new(Exit::Usage, "failed to read the answer")
            .place("standard input")
            .cause(&error)
            .next("--yes")
    })?;
    // The end of input (Ctrl-D) is no answer, and leaves the cursor behind the question.
    if answer.is_empty() {
        let _ = writeln!(out);
    }
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// The person said no: that is no failure, but nothing was done either.
pub(crate) fn refused() -> CliError {
    CliError::new(Exit::Failed, "not done")
        .place("this terminal")
        .why("the answer was not yes")
        .next("run the command again when you are ready")
}
