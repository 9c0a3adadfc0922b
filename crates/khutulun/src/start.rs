//! From the operating system to a command and back.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::Write as _,
    panic,
    path::Path,
    process::ExitCode,
};

use clap::{Parser as _, ValueEnum, error::ErrorKind};

use crate::{
    answer,
    cli::{Cli, GlobalOptions, ProgressMode},
    commands,
    error::{Audience, CliError},
    executors::SUPERVISE,
    exit::Exit,
    terminal::Style,
};

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    // A supervisor stays as long as its process does: it must be small and ready at once, so nothing is begun before it.
    let mut arguments = env::args_os().skip(1);
    if arguments.next().as_deref() == Some(OsStr::new(SUPERVISE))
        && let Some(folder) = arguments.next()
    {
        return khutulun_host::supervise(Path::new(&folder));
    }
    // A panic is a bug of ours and says so, whatever thread it was in; the main thread's decides the exit code.
    panic::set_hook(Box::new(|information| {
        let _ = writeln!(
            std::io::stderr(),
            "error: a bug in khutulun {}: {information}\n  next       please report it; `khutulun resume` goes on with a run that it stopped",
            env!("CARGO_PKG_VERSION")
        );
    }));
    panic::catch_unwind(parse_and_run).unwrap_or(Exit::Bug).into()
}

fn parse_and_run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match commands::run(&cli) {
        Ok(exit) => exit,
        Err(error) => show(&error, &cli.options),
    }
}

/// Help and versions are answers; everything else is wrong usage.
fn usage(error: &clap::Error) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Nobody is left to be told when the stream is gone.
        let _ = error.print();
        return Exit::Success;
    }
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    let document = misused(error).document();
    match option::<ProgressMode>(&words, "--progress", None, "KHUTULUN_PROGRESS") {
        Some(ProgressMode::Json) => drop(writeln!(std::io::stderr(), "{document}")),
        _ => drop(error.print()),
    }
    if let Some(format) = option(&words, "--output", Some("-o"), "KHUTULUN_OUTPUT") {
        let _ = answer::give_data(&document, format);
    }
    Exit::Usage
}

/// Returns what the grammar says about a command line as an error of ours: programs know no other.
fn misused(error: &clap::Error) -> CliError {
    let text = error.render().to_string();
    let (said, usage) = text.split_once("Usage: ").unwrap_or((&text, ""));
    let is_said = |line: &&str| !line.is_empty() && !line.starts_with("For more information");
    let mut lines = said.lines().map(str::trim).filter(is_said);
    let what = lines.next().unwrap_or("cannot read the command line");
    let why = lines.collect::<Vec<_>>().join("\n");
    let usage = usage.lines().next().unwrap_or("khutulun").trim();
    let what = what.strip_prefix("error: ").unwrap_or(what).trim_end_matches(':');
    CliError::usage(what, why).next(usage).next("khutulun --help")
}

/// Returns the value of an option of a command line that cannot be read as a whole.
fn option<T: ValueEnum>(words: &[OsString], long: &str, short: Option<&str>, variable: &str) -> Option<T> {
    let mut value = env::var_os(variable);
    let mut words = words.iter().take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        if text == long || Some(text) == short {
            value = words.next().cloned();
        } else if let Some(rest) = text.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')) {
            value = Some(rest.into());
        } else if let Some(rest) = short.and_then(|short| text.strip_prefix(short)) {
            value = Some(rest.trim_start_matches('=').into());
        }
    }
    T::from_str(value?.to_str()?, false).ok()
}

/// People read the error on standard error; a program that asked for data gets data, where it asked for it.
fn show(error: &CliError, options: &GlobalOptions) -> Exit {
    if error.audience != Audience::Nobody {
        let text = match options.progress {
            ProgressMode::Json => format!("{}\n", error.document()),
            _ => error.render(Style::stderr()),
        };
        // Nobody is left to be told when the stream is gone.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    if error.audience == Audience::Everybody {
        let _ = answer::give_data(&error.document(), options.output);
    }
    error.exit
}
