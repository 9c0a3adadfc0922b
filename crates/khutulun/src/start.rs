//! From the operating system to a command and back.

use std::{env, ffi::OsStr, io::Write as _, panic, path::Path, process::ExitCode};

use clap::{Parser as _, error::ErrorKind};

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
    let exit = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Success,
        _ => Exit::Usage,
    };
    // Nobody is left to be told when the stream is gone.
    let _ = error.print();
    exit
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
