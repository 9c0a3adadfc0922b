//! From text to model: time for n, 2n and 4n nodes, the exponent that fits them, peak memory, and a cold process.
//!
//! Not criterion's: what matters here is growth and memory, which it does not know. Times are of CPU, best of five, as
//! the machine may have other work. Linear means an exponent below 1.15; `cargo bench --bench frontend` fails else.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use tosca::{MemorySources, compile};

/// The argument with which the benchmark starts itself to be the cold process.
const COLD: &str = "--cold";
const RUNS: usize = 5;
const EXPONENT_MAX: f64 = 1.15;

/// A template of as many nodes: each of one of ten types derived from another, with two properties, one of them an
/// input's, and a requirement on the node before.
fn template(nodes: usize) -> String {
    let mut text = String::from(
        "tosca_definitions_version: tosca_2_0
capability_types: { Endpoint: {} }
relationship_types: { Uses: {} }
node_types:
  Base:
    capabilities: { endpoint: Endpoint }
    requirements:
    - upstream: { capability: Endpoint, node: Base, relationship: Uses, count_range: [ 0, 1 ] }
",
    );
    for family in 0..10 {
        _ = write!(
            text,
            "  Family{family}:
    derived_from: Base
    properties: {{ p{family}: {{ type: integer }}, q{family}: {{ type: string }} }}
"
        );
    }
    text.push_str("service_template:\n  inputs: { name: { type: string } }\n  node_templates:\n");
    for node in 0..nodes {
        let family = node % 10;
        _ = write!(
            text,
            "    n{node}:
      type: Family{family}
      properties: {{ p{family}: {node}, q{family}: {{ $get_input: name }} }}
"
        );
        if node > 0 {
            _ = writeln!(text, "      requirements: [ upstream: n{} ]", node - 1);
        }
    }
    text
}

/// Compiles a text, which has to be without mistakes.
fn compile_text(text: &str) -> tosca::Compilation {
    let compilation = compile("service.yaml", &MemorySources::new().with("service.yaml", text));
    assert!(compilation.model.is_some(), "{:?}", compilation.diagnostics.first());
    compilation
}

/// The CPU time of this process so far, when the system tells.
fn cpu_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// A number of `/proc/self/status`, in bytes.
fn memory(keyname: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with(keyname))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

/// The best CPU time.
fn measure(nodes: usize) -> Duration {
    let text = template(nodes);
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let (wall, cpu) = (Instant::now(), cpu_time());
        let compilation = compile_text(&text);
        let took = cpu_time().zip(cpu).map_or_else(|| wall.elapsed(), |(after, before)| after - before);
        best = best.min(took);
        drop(compilation);
    }
    println!("{nodes:>7} nodes  {:>9.2} ms of CPU", best.as_secs_f64() * 1e3);
    best
}

/// The best wall time of a process that compiles a file of as many nodes and ends, and its peak memory beyond what it
/// had with the text alone.
fn cold(nodes: usize) -> std::io::Result<(Duration, u64)> {
    let path = std::env::temp_dir().join(format!("khutulun-frontend-{}.yaml", std::process::id()));
    fs::write(&path, template(nodes))?;
    let program = std::env::current_exe()?;
    let mut best = Duration::MAX;
    let mut peak = 0;
    for _ in 0..RUNS {
        let start = Instant::now();
        let output = Command::new(&program).arg(COLD).arg(&path).output()?;
        best = best.min(start.elapsed());
        assert!(output.status.success(), "the cold process compiles the template");
        peak = String::from_utf8_lossy(&output.stdout).trim().parse().map_err(std::io::Error::other)?;
    }
    fs::remove_file(&path)?;
    Ok((best, peak))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, path] = arguments.as_slice()
        && flag == COLD
    {
        let text = fs::read_to_string(path).expect("the parent wrote the file");
        let before = memory("VmRSS").unwrap_or(0);
        // A command ends without giving memory back either.
        std::mem::forget(compile_text(&text));
        println!("{}", memory("VmHWM").unwrap_or(0).saturating_sub(before));
        return ExitCode::SUCCESS;
    }
    for nodes in [1_000, 10_000, 100_000] {
        match cold(nodes) {
            Ok((wall, peak)) => println!(
                "{nodes:>7} nodes in a cold process  {:>9.2} ms, {} bytes a node",
                wall.as_secs_f64() * 1e3,
                peak / nodes as u64
            ),
            Err(error) => println!("{nodes:>7} nodes in a cold process: not measured: {error}"),
        }
    }
    let sizes = [10_000, 20_000, 40_000];
    let times = sizes.map(|nodes| measure(nodes).as_secs_f64());
    let exponent = (times[2] / times[0]).log2() / 2.0;
    println!("exponent {exponent:.2} (at most {EXPONENT_MAX})");
    if exponent <= EXPONENT_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
