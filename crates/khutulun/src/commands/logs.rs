//! `khutulun logs`: what nodes wrote, from wherever their drivers say that it is.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc::{self, Sender},
    thread,
};

use floria::Value;
use khutulun_api::{Outcome, names};
use khutulun_host::LogTail;
use serde_json::json;

use crate::{
    answer,
    cli::{Format, LogsArguments},
    error::CliError,
    exit::Exit,
    instance,
    probe::Prober,
    proposal::read_actual,
    selection,
    selector::Selector,
    session::Session,
    terminal::{self, Style},
};

/// How much of an unfinished line is kept before it is shown as it is, in bytes.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Where a node's output is.
enum Source {
    Files(Vec<PathBuf>),
    Program { program: String, arguments: Vec<String>, follow: Vec<String> },
}

pub(crate) fn run(arguments: &LogsArguments, session: &Session) -> Result<Exit, CliError> {
    let sources = find(arguments, session)?;
    session.progress.settle();
    let width = sources.iter().map(|(name, _)| terminal::columns(name)).max().unwrap_or(0);
    let printer =
        Printer { format: session.format, prefixed: sources.len() > 1, width, style: Style::stdout() };
    let mut files = Vec::new();
    let mut programs = Vec::new();
    for (name, source) in sources {
        match source {
            Source::Files(paths) => files.extend(paths.into_iter().map(|path| (name.clone(), path))),
            Source::Program { program, arguments, follow } => {
                programs.push((name, program, arguments, follow))
            }
        }
    }
    let (sender, lines) = mpsc::channel();
    let mut threads = Vec::new();
    for (node, program, shown, follow) in programs {
        let arguments_now = if arguments.follow { follow } else { shown };
        let (sender, count) = (sender.clone(), arguments.lines);
        let is_followed = arguments.follow;
        threads.push(thread::spawn(move || {
            run_program(&node, &program, &arguments_now, count, is_followed, &sender)
        }));
    }
    if !files.is_empty() {
        let (sender, count, is_followed) = (sender.clone(), arguments.lines, arguments.follow);
        threads.push(thread::spawn(move || read_files(&files, count, is_followed, &sender)));
    }
    drop(sender);
    for line in lines {
        printer.print(&line)?;
    }
    for thread in threads {
        // A panic was told by the panic hook.
        thread.join().unwrap_or(Ok(()))?;
    }
    Ok(Exit::Success)
}

/// Asks the selected nodes where their output is.
fn find(arguments: &LogsArguments, session: &Session) -> Result<Vec<(String, Source)>, CliError> {
    Selector::check(&arguments.selectors)?;
    let store = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let selectors = Selector::read_all(&arguments.selectors, &store)?;
    let service = selection::service(session, &store, arguments.name.as_deref(), &selectors)?;
    let (graph, _) = read_actual(session, &store, &service)?;
    let nodes = selection::nodes(&graph, &service, &arguments.selectors, &selectors)?;
    let event = format!("{}.{}", names::LIFECYCLE, names::LOGS);
    session.progress.phase("asking where the logs are");
    let vertexes: Vec<_> = nodes.iter().map(|(_, node)| *node).collect();
    let mut answers = Prober::new(session).ask(&graph, &vertexes, &event)?;
    let mut sources = Vec::new();
    for (name, node) in nodes {
        let failed = |why: String| {
            CliError::new(Exit::Failed, format!("found no logs of `{name}`"))
                .place(
                    node.origin.as_ref().map_or_else(|| format!("service `{service}`"), ToString::to_string),
                )
                .why(why)
                .next("khutulun status")
        };
        match answers.remove(&node.id) {
            // Of many, those that write nothing are not worth an error.
            None if vertexes.len() > 1 => {}
            None => {
                return Err(match instance::stands_for(node) {
                    Some(other) => failed(format!("it stands for `{other}`, which has the output"))
                        .next(format!("khutulun logs {other}")),
                    None => failed("nodes of its type do not say where their output is".to_owned()),
                });
            }
            Some(Outcome::Failed(failure)) => return Err(failed(failure.message)),
            Some(Outcome::Succeeded(outputs)) => {
                let source = source(&outputs)
                    .ok_or_else(|| failed("the driver's answer makes no sense".to_owned()))?;
                sources.push((name, source));
            }
        }
    }
    Ok(sources)
}

/// Reads a driver's answer: see [`names::LOGS`].
fn source(outputs: &BTreeMap<String, Value>) -> Option<Source> {
    let source = outputs.get("source")?;
    let texts = |name: &str| -> Option<Vec<String>> {
        source.get(name)?.as_list()?.iter().map(|item| item.as_text().map(str::to_owned)).collect()
    };
    if let Some(files) = texts("file") {
        return Some(Source::Files(files.into_iter().map(PathBuf::from).collect()));
    }
    let program = source.get("program")?.as_text()?.to_owned();
    let arguments = texts("arguments")?;
    let follow = texts("follow-arguments").unwrap_or_else(|| arguments.clone());
    Some(Source::Program { program, arguments, follow })
}

/// A line of a node.
struct Line {
    node: String,
    /// Which file or stream.
    source: String,
    text: Vec<u8>,
}

/// Writes lines as the person wants them.
struct Printer {
    format: Format,
    prefixed: bool,
    width: usize,
    style: Style,
}

impl Printer {
    fn print(&self, line: &Line) -> Result<(), CliError> {
        if self.format != Format::Table {
            let document = json!({
                "schema": "khutulun.log/1",
                "node": line.node,
                "source": line.source,
                "line": String::from_utf8_lossy(&line.text),
            });
            // Lines come one by one, perhaps for ever: there is no one document to put them in.
            return match self.format {
                Format::Yaml => answer::give_data(&json!([document]), Format::Yaml),
                _ => answer::give_data(&document, Format::Jsonl),
            };
        }
        let mut bytes = Vec::with_capacity(line.text.len() + self.width + 4);
        if self.prefixed {
            let name = terminal::pad(&line.node, self.width);
            bytes.extend_from_slice(format!("{} | ", self.style.cyan(&name)).as_bytes());
        }
        bytes.extend_from_slice(&line.text);
        bytes.push(b'\n');
        answer::write(&bytes)
    }
}

fn read_files(
    files: &[(String, PathBuf)],
    count: usize,
    follow: bool,
    sender: &Sender<Line>,
) -> Result<(), CliError> {
    let failed = |error: &std::io::Error| {
        CliError::new(Exit::Failed, "failed to read logs")
            .place(files.iter().map(|(_, path)| path.display().to_string()).collect::<Vec<_>>().join(", "))
            .cause(error)
            .next("khutulun status")
    };
    let paths: Vec<&PathBuf> = files.iter().map(|(_, path)| path).collect();
    let mut tail = LogTail::open(&paths).map_err(|error| failed(&error))?;
    let mut open: Vec<Vec<u8>> = vec![Vec::new(); files.len()];
    let mut chunks = tail.read_last(count).map_err(|error| failed(&error))?;
    loop {
        for chunk in chunks {
            let rest = &mut open[chunk.file];
            rest.extend_from_slice(&chunk.bytes);
            let (node, path) = &files[chunk.file];
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let text: Vec<u8> = rest.drain(..=end).take(end).collect();
                // Nobody listens any more: that is the end.
                if sender.send(Line { node: node.clone(), source: path.display().to_string(), text }).is_err()
                {
                    return Ok(());
                }
            }
            if !rest.is_empty() && (!follow || rest.len() > LINE_BYTES_MAX) {
                let text = std::mem::take(rest);
                let _ = sender.send(Line { node: node.clone(), source: path.display().to_string(), text });
            }
        }
        if !follow {
            return Ok(());
        }
        chunks = tail.next_blocking().map_err(|error| failed(&error))?;
    }
}

fn run_program(
    node: &str,
    program: &str,
    arguments: &[String],
    count: usize,
    follow: bool,
    sender: &Sender<Line>,
) -> Result<(), CliError> {
    let failed = |why: String| {
        CliError::new(Exit::Failed, format!("failed to read the logs of `{node}`"))
            .place(format!("{program} {}", arguments.join(" ")))
            .why(why)
            .next("khutulun status")
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let (lines, received) = mpsc::channel();
    let errors = child.stderr.take().map(|stream| forward(stream, "stderr", lines.clone()));
    let output = child.stdout.take().map(|stream| forward(stream, "stdout", lines));
    let mut last = std::collections::VecDeque::new();
    for (source, text) in received {
        let line = Line { node: node.to_owned(), source: source.to_owned(), text };
        if follow {
            if sender.send(line).is_err() {
                break;
            }
            continue;
        }
        last.push_back(line);
        if last.len() > count {
            last.pop_front();
        }
    }
    for line in last {
        let _ = sender.send(line);
    }
    for thread in [errors, output].into_iter().flatten() {
        let _ = thread.join();
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(format!("it ended with {status}"))) }
}

/// Reads a stream line by line in a thread of its own.
fn forward(
    stream: impl io::Read + Send + 'static,
    name: &'static str,
    lines: Sender<(&'static str, Vec<u8>)>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut next = || {
            let mut line = Vec::new();
            let count = stream.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line).ok()?;
            line.pop_if(|last| *last == b'\n');
            (count > 0).then_some(line)
        };
        while let Some(line) = next() {
            if lines.send((name, line)).is_err() {
                return;
            }
        }
    })
}
