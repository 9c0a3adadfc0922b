//! A plugin that does all that plugins must not do. Each event is one kind of misbehaviour; tests look at what becomes of it.
//!
//! It asks for more than it is granted: for `/bin/echo` with one argument, for files below `/tmp`, for processes, and not for
//! sockets.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated, and hostile by design"
)]

wit_bindgen::generate!({ path: "../../../../../wit/khutulun-plugin", world: "plugin" });

use std::sync::atomic::{AtomicI64, Ordering};

use exports::khutulun::plugin::operations::{Failure, FailureClass, Guest, Request};
use khutulun::plugin::{
    commands, errors, files, http, log, processes,
    values::{Children, Node, Span, Value},
};

/// Counts the calls of this instance: always 1, unless an instance is used twice.
static CALLS: AtomicI64 = AtomicI64::new(0);

struct Hostile;

impl Guest for Hostile {
    fn manifest() -> String {
        concat!(
            r#"{"schema":"khutulun.manifest/1","name":"hostile","version":"0.1.0","asks":{"#,
            r#""commands":[{"program":"/bin/echo","arguments":["*"]}],"#,
            r#""paths":[{"path":"/tmp","access":"write"}],"processes":true}}"#
        )
        .to_owned()
    }

    fn invoke(request: Request) -> Result<Value, Failure> {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        // With or without the name of an interface before it, so that a design can ask too.
        match request.event.rsplit('.').next().unwrap_or_default() {
            "echo" | "before" => Ok(request.inputs),
            "calls" => Ok(map(&[("calls", Node::Integer(calls))], "")),
            // Text inputs, in the order of their names: a path; a socket; the arguments of a command, and its program.
            "read" => answer(files::read(&text(&request.inputs)[0]).map(drop)),
            "write" => answer(files::write(&text(&request.inputs)[0], b"was here", 0o644)),
            "write-set-user" => answer(files::write(&text(&request.inputs)[0], b"was here", 0o4755)),
            "remove" => answer(files::remove(&text(&request.inputs)[0])),
            "artifact" => answer(files::artifact(&text(&request.inputs)[0]).map(drop)),
            "socket" => answer(http::call(&get(&text(&request.inputs)[0])).map(drop)),
            "command" => answer(commands::run(&run(text(&request.inputs))).map(drop)),
            "command-with-environment" => {
                let environment = vec![("LD_PRELOAD".to_owned(), "/evil.so".to_owned())];
                answer(
                    commands::run(&commands::Request { environment, ..run(text(&request.inputs)) }).map(drop),
                )
            }
            "process" => answer(processes::observe().map(drop)),
            // Goes on after what it was denied, and fails for another reason.
            "denied-then-fail" | "after" => {
                let _ = files::read("/etc/shadow");
                let _ = commands::run(&run(vec!["/bin/rm".into(), "-r".into(), "/".into()]));
                Err(failure("nothing works"))
            }
            "fail" => Err(failure("\x1b[2Jit was not to be")),
            "panic" => panic!("a plugin that panics"),
            "recurse" => Ok(map(&[("depth", Node::Integer(recurse(1)))], "")),
            "loop" => loop {
                std::hint::black_box(calls);
            },
            "loop-with-requests" => loop {
                let _ = processes::observe();
            },
            "loop-with-log" => loop {
                log::write(log::Level::Info, "again");
            },
            "allocate" => {
                let mut all = Vec::new();
                loop {
                    all.push(std::hint::black_box(vec![1u8; 1 << 20]));
                }
            }
            // Ten thousand arguments that all are the same megabyte.
            "amplify" => {
                let text = String::from_utf8(vec![b'a'; 1 << 20]).unwrap_or_default();
                let alias = || {
                    // SAFETY: none; it is never dropped, as the loop below never ends.
                    unsafe { String::from_raw_parts(text.as_ptr() as *mut u8, text.len(), text.len()) }
                };
                let request = commands::Request {
                    arguments: (0..10_000).map(|_| alias()).collect(),
                    ..run(Vec::new())
                };
                let _ = commands::run(&request);
                std::mem::forget(request);
                Ok(map(&[], ""))
            }
            "answer-nothing" => Ok(Value { nodes: Vec::new(), content: Vec::new() }),
            "answer-cycle" => {
                Ok(Value { nodes: vec![Node::List(Children { first: 0, length: 1 })], content: Vec::new() })
            }
            "answer-outside" => {
                Ok(Value { nodes: vec![Node::Text(Span { offset: 1, length: u32::MAX })], content: vec![0] })
            }
            "answer-text" => {
                Ok(Value { nodes: vec![Node::Text(Span { offset: 0, length: 1 })], content: vec![b'a'] })
            }
            "answer-much" => Ok(Value { nodes: vec![Node::Null; 300_000], content: Vec::new() }),
            other => Err(failure(other)),
        }
    }
}

/// Makes a map of outputs, all of whose text lies in `content`.
fn map(entries: &[(&str, Node)], content: &str) -> Value {
    let mut content = content.as_bytes().to_vec();
    let mut nodes = vec![Node::Map(Children { first: 1, length: entries.len() as u32 * 2 })];
    for (name, node) in entries {
        nodes.push(Node::Text(Span { offset: content.len() as u32, length: name.len() as u32 }));
        nodes.push(*node);
        content.extend_from_slice(name.as_bytes());
    }
    Value { nodes, content }
}

/// Answers how a request ended: `done`, or the kind of the error.
fn answer(result: Result<(), errors::Error>) -> Result<Value, Failure> {
    let (kind, text) = match result {
        Ok(()) => ("done", String::new()),
        Err(errors::Error::Denied(text)) => ("denied", text),
        Err(errors::Error::NotFound(text)) => ("not-found", text),
        Err(errors::Error::TimedOut(text)) => ("timed-out", text),
        Err(errors::Error::TooLarge(text)) => ("too-large", text),
        Err(errors::Error::Refused(text)) => ("refused", text),
        Err(errors::Error::System(text)) => ("system", text),
    };
    let (kind_length, text_length) = (kind.len() as u32, text.len() as u32);
    Ok(map(
        &[
            ("answer", Node::Text(Span { offset: 0, length: kind_length })),
            ("text", Node::Text(Span { offset: kind_length, length: text_length })),
        ],
        &format!("{kind}{text}"),
    ))
}

/// Returns the texts among the values of a map, by the order of its keys.
fn text(value: &Value) -> Vec<String> {
    let Some(Node::Map(children)) = value.nodes.first() else { return Vec::new() };
    let items = value.nodes.iter().skip(children.first as usize).take(children.length as usize);
    items
        .skip(1)
        .step_by(2)
        .map(|node| match node {
            Node::Text(span) => {
                let bytes = &value.content[span.offset as usize..][..span.length as usize];
                String::from_utf8_lossy(bytes).into_owned()
            }
            _ => String::new(),
        })
        .collect()
}

fn run(words: Vec<String>) -> commands::Request {
    let mut words = words.into_iter();
    commands::Request {
        program: words.next().unwrap_or_default(),
        arguments: words.collect(),
        environment: Vec::new(),
        input: Vec::new(),
        timeout_ms: 0,
    }
}

fn get(socket: &str) -> http::Request {
    http::Request {
        socket: socket.to_owned(),
        method: "GET".into(),
        path: "/".into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: 0,
    }
}

fn failure(message: &str) -> Failure {
    Failure { class: FailureClass::Permanent, message: message.to_owned(), detail: String::new() }
}

#[inline(never)]
fn recurse(depth: i64) -> i64 {
    let room = std::hint::black_box([depth; 64]);
    if depth == i64::MAX { 0 } else { room[0] + recurse(depth + 1) }
}

#[cfg(target_arch = "wasm32")]
export!(Hostile);
