//! Evaluation: everything, and again after a change.
//!
//!     cargo bench --package evaluation-benches
//!
//! Not criterion's: what matters here is growth, which it does not know. Times are of the processor.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use evaluation_benches::{INPUTS, SERVICE, service};
use floria::{Change, Evaluated, Evaluator, Graph, Site, Value};
use tosca_functions::ToscaFunctions;

const RUNS: usize = 7;

/// Returns how long this thread has run: other programs on the machine do not count.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Returns how many milliseconds the fastest run took.
fn best<T>(mut work: impl FnMut() -> T) -> (f64, T) {
    let mut runs = (0..RUNS).map(|_| {
        let begin = thread_time();
        let result = work();
        ((thread_time() - begin).as_secs_f64() * 1e3, result)
    });
    let first = runs.next().unwrap();
    runs.fold(first, |best, run| if run.0 < best.0 { run } else { best })
}

fn everything(graph: &Graph) -> usize {
    evaluate(&mut Evaluator::new(graph, &ToscaFunctions))
}

fn evaluate(evaluator: &mut Evaluator<'_>) -> usize {
    let mut known = 0;
    for vertex in evaluator.graph().vertexes() {
        for name in vertex.properties.keys() {
            let evaluated = evaluator.property(Site::Vertex(vertex.id), name).unwrap();
            known += usize::from(matches!(evaluated, Evaluated::Known(_)));
        }
    }
    known
}

/// Changes the inputs that so many of the nodes' values depend on, and evaluates again.
fn again(nodes: u64, inputs: usize) -> (f64, usize) {
    let mut graph = service(nodes);
    let mut evaluator = Evaluator::new(&graph, &ToscaFunctions);
    evaluate(&mut evaluator);
    let mut memos = evaluator.into_memos();
    // Who reads what is only found out at the first change.
    let mut counts = Vec::new();
    let mut times = Vec::new();
    for round in 0..=RUNS {
        let mut changed = graph.vertex(SERVICE).unwrap().clone();
        for input in 0..inputs {
            changed.properties.get_mut(&format!("input-{input}")).unwrap().value =
                Some(Value::from(format!("zone-{round}")));
        }
        let changes = [Change::put(changed)];
        let begin = thread_time();
        memos.changed(&graph, &changes);
        let after = thread_time() - begin;
        graph.apply(&changes[0]);
        let begin = thread_time();
        let mut evaluator = Evaluator::with_memos(&graph, &ToscaFunctions, memos);
        let became_other = evaluator.refresh(&mut |_, _, _| false);
        memos = evaluator.into_memos();
        times.push((after + (thread_time() - begin)).as_secs_f64() * 1e3);
        counts.push(became_other.len());
    }
    (times[1..].iter().copied().fold(f64::MAX, f64::min), counts[1])
}

fn main() {
    for nodes in [10_000, 100_000] {
        let graph = service(nodes);
        let (time, known) = best(|| everything(&graph));
        println!("{nodes:>7} nodes, everything: {time:>9.2} ms, {known} known");
    }
    for nodes in [10_000, 100_000] {
        for inputs in [1, 10, 100, INPUTS] {
            let (time, count) = again(nodes, inputs);
            println!(
                "{nodes:>7} nodes, {inputs:>4} of {INPUTS} inputs changed: {time:>9.3} ms, {count} values"
            );
        }
    }
}
