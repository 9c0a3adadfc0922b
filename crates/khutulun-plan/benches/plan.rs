//! How long plans take: nothing to do, one change, everything new and everything gone.
//!
//!     cargo bench --package khutulun-plan [-- COUNT…]
//!
//! Not criterion's: what matters here is growth, which it does not know. Times are of the processor. Linear means an exponent
//! below 1.15, from 12,500 nodes to 100,000; the benchmark fails else. That is looked at where no numbers of nodes are given.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use floria::{Change, Entity, Evaluator, Graph, Revision, Value};
use floria_resolver::{Limits, NoHooks, Request, resolve};
use khutulun_api::names;
use khutulun_plan::{Basis, Plan, applied, plan_deploy, plan_destroy};

#[path = "../tests/it/sketch.rs"]
mod sketch;

use sketch::{SketchFunctions, design, namespace};

/// Chains of ten: each node reads a property and an attribute of the one before it, and requires it.
fn text(count: usize, changed: bool) -> String {
    let mut text = String::new();
    for index in 0..count {
        let first = index % 10 == 0;
        let port = if changed && index == count - 10 { 2 } else { 1 };
        text += &format!("n{index} T port={port} name=web user=nobody grace=10000 restart=never @pid @state");
        if !first {
            let before = index - 1;
            text += &format!(" up=$n{before}.port peer=$n{before}.pid ->n{before}");
        }
        text += "\n";
    }
    text
}

fn wanted(text: &str, actual: &Graph) -> Graph {
    resolve(
        &Request {
            design: &design(text),
            inputs: &BTreeMap::new(),
            counts: &floria_resolver::OWN_COUNTS,
            current: actual,
            inventory: &[],
            functions: &SketchFunctions,
            limits: Limits::default(),
        },
        &mut (1_u64 << 32..),
        &mut NoHooks,
    )
    .unwrap()
    .graph
}

fn deployed(text: &str) -> Graph {
    let mut graph = wanted(text, &Graph::default());
    let nodes: Vec<_> =
        graph.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE)).cloned().collect();
    for mut vertex in nodes.iter().cloned() {
        for name in ["pid", "state"] {
            vertex.properties.get_mut(name).unwrap().value = Some(Value::Integer(7));
        }
        vertex.metadata.insert(names::STATE.to_owned(), Value::from("started"));
        graph.put_vertex(vertex);
    }
    for id in nodes.iter().map(|vertex| vertex.id) {
        let values = applied(&graph, id, &mut Evaluator::new(&graph, &SketchFunctions));
        let mut vertex = graph.vertex(id).unwrap().clone();
        vertex.metadata.insert(names::APPLIED.to_owned(), Value::Map(values));
        graph.put_vertex(vertex);
    }
    graph
}

/// Returns how long this thread has run: other programs on the machine do not count.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn best(mut work: impl FnMut() -> Plan) -> (Duration, Plan) {
    let mut times = Vec::new();
    let mut plan = None;
    for _ in 0..5 {
        let begin = thread_time();
        plan = Some(work());
        times.push(thread_time() - begin);
    }
    (times.into_iter().min().unwrap(), plan.unwrap())
}

/// Above this, plans are not linear.
const EXPONENT_MAX: f64 = 1.15;

fn main() -> ExitCode {
    let namespace = namespace();
    let basis = Basis::new(&namespace, Revision(1), &SketchFunctions);
    // What cargo itself says to benchmarks begins with a dash.
    let given: Vec<usize> = std::env::args().skip(1).filter_map(|count| count.parse().ok()).collect();
    let is_whole = given.is_empty();
    for count in if is_whole { &[1_000, 10_000][..] } else { &given } {
        let actual = deployed(&text(*count, false));
        let show = |what: &str, (time, plan): (Duration, Plan)| {
            let puts =
                plan.prepare.iter().filter(|change| matches!(change, Change::Put(Entity::Vertex(_)))).count();
            println!(
                "{count:>6} nodes, {what:<14} {:>9.2} ms  {} steps, {puts} vertexes put",
                time.as_secs_f64() * 1e3,
                plan.steps.len()
            );
        };
        let same = wanted(&text(*count, false), &actual);
        let changed = wanted(&text(*count, true), &actual);
        show("nothing to do", best(|| plan_deploy(&basis, &same, &actual, "d").unwrap()));
        show("one change", best(|| plan_deploy(&basis, &changed, &actual, "d").unwrap()));
        let fresh = wanted(&text(*count, false), &Graph::default());
        show("all new", best(|| plan_deploy(&basis, &fresh, &Graph::default(), "d").unwrap()));
        show("all gone", best(|| plan_destroy(&basis, &actual).unwrap()));
    }
    if !is_whole {
        return ExitCode::SUCCESS;
    }
    let mut times = Vec::new();
    for count in [12_500, 25_000, 50_000, 100_000] {
        let actual = deployed(&text(count, false));
        let same = wanted(&text(count, false), &actual);
        let (time, plan) = best(|| plan_deploy(&basis, &same, &actual, "d").unwrap());
        assert!(plan.is_empty(), "there is nothing to do");
        println!("{count:>6} nodes, nothing to do  {:>9.2} ms", time.as_secs_f64() * 1e3);
        times.push(time.as_secs_f64());
    }
    let exponent = (times[3] / times[0]).log2() / 3.0;
    println!("exponent {exponent:.2} (at most {EXPONENT_MAX})");
    if exponent <= EXPONENT_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
