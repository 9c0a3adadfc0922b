//! Evaluation: everything, and again after a change.
//!
//!     cargo bench --package evaluation-benches
//!
//! Not criterion's: what matters here is growth, which it does not know. Times are of the processor.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use evaluation_benches::service;
use floria::{Evaluated, Evaluator, Graph, Site};
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
    let mut evaluator = Evaluator::new(graph, &ToscaFunctions);
    let mut known = 0;
    for vertex in graph.vertexes() {
        for name in vertex.properties.keys() {
            let evaluated = evaluator.property(Site::Vertex(vertex.id), name).unwrap();
            known += usize::from(matches!(evaluated, Evaluated::Known(_)));
        }
    }
    known
}

fn main() {
    for nodes in [10_000, 100_000] {
        let graph = service(nodes);
        let (time, known) = best(|| everything(&graph));
        println!("{nodes:>7} nodes, everything: {time:>9.2} ms, {known} known");
    }
}
