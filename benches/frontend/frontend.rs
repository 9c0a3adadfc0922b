//! From files to models: cold processes with their memory, growth, and a file that is checked again after an edit.
//!
//!     cargo bench --package frontend-benches [-- FILE…]
//!
//! Not criterion's: what matters here is growth and memory, which it does not know. Files that are named are compiled
//! in cold processes, too. Linear means an exponent below 1.15; the benchmark fails else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use frontend_benches::template;
use tosca::{Compilation, FileSources, MemorySources, compile};
use tosca_profiles::WithProfiles;

/// The argument with which the benchmark starts itself to be the cold process.
const COLD: &str = "--cold";
const RUNS: usize = 9;
const EXPONENT_MAX: f64 = 1.15;
const HELLO_WORLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/hello-world/service.yaml");

/// What the cold process says of itself: its CPU time, memory beyond what it had before, in bytes, and whether there is a
/// model.
struct Said {
    cpu: Duration,
    peak: u64,
    left: u64,
    has_model: bool,
}

/// The CPU time of this process so far.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A number of `/proc/self/status`, in bytes; 0 where there is no such file.
fn memory(keyname: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(keyname));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}

/// Compiles a file as a command does, which does not give memory back before it ends either.
fn be_cold(path: &str) {
    let before = memory("VmRSS");
    let sources = WithProfiles::new(FileSources::new().expect("there is a working directory"));
    let compilation = compile(path, &sources);
    let (peak, left) = (memory("VmHWM") - before, memory("VmRSS") - before);
    let has_model = u8::from(compilation.model.is_some());
    std::mem::forget(compilation);
    println!("{} {peak} {left} {has_model}", cpu_time().as_nanos());
}

/// The best wall time of a process that compiles a file and ends, and what it says, with the best CPU time.
fn cold(path: &Path) -> std::io::Result<(Duration, Said)> {
    let program = std::env::current_exe()?;
    let (mut best, mut best_cpu): (Option<(Duration, Said)>, _) = (None, Duration::MAX);
    for _ in 0..RUNS {
        let start = Instant::now();
        let output = Command::new(&program).arg(COLD).arg(path).output()?;
        let took = start.elapsed();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [cpu, peak, left, has_model] = numbers[..] else {
            return Err(std::io::Error::other("the cold process failed"));
        };
        best_cpu = best_cpu.min(Duration::from_nanos(cpu));
        if best.as_ref().is_none_or(|(best, _)| took < *best) {
            best = Some((took, Said { cpu: best_cpu, peak, left, has_model: has_model == 1 }));
        }
    }
    let (took, said) = best.expect("there is at least one run");
    Ok((took, Said { cpu: best_cpu, ..said }))
}

fn show_cold(name: &str, path: &Path, nodes: Option<u64>) {
    match cold(path) {
        Ok((wall, said)) => {
            let a_node = nodes.map(|nodes| {
                format!(", {} bytes a node at the peak, {} after it", said.peak / nodes, said.left / nodes)
            });
            println!(
                "{name:<24} {:>8.2} ms, {:>7.2} of CPU, {:>6.1} MB{}{}",
                wall.as_secs_f64() * 1e3,
                said.cpu.as_secs_f64() * 1e3,
                said.peak as f64 / 1e6,
                a_node.unwrap_or_default(),
                if said.has_model { "" } else { ", with errors" },
            );
        }
        Err(error) => println!("{name:<24} not measured: {error}"),
    }
}

/// Compiles a text, which has to be without mistakes.
fn compile_text(text: &str) -> Compilation {
    let compilation = compile("service.yaml", &MemorySources::new().with("service.yaml", text));
    assert!(compilation.model.is_some(), "{:?}", compilation.diagnostics.first());
    compilation
}

/// The best CPU time of compiling a text in this process.
fn measure(text: &str) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let before = cpu_time();
        let compilation = compile_text(text);
        let took = cpu_time() - before;
        best = best.min(took);
        drop(compilation);
    }
    best
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, path] = arguments.as_slice()
        && flag == COLD
    {
        be_cold(path);
        return ExitCode::SUCCESS;
    }
    println!("cold process: best wall and CPU time of {RUNS}, peak memory beyond that of the empty process");
    let generated = std::env::temp_dir().join(format!("khutulun-frontend-{}.yaml", std::process::id()));
    for nodes in [1_000, 10_000, 100_000] {
        match fs::write(&generated, template(nodes)) {
            Ok(()) => show_cold(&format!("{nodes} nodes"), &generated, Some(nodes as u64)),
            Err(error) => println!("{nodes} nodes: not measured: {error}"),
        }
    }
    _ = fs::remove_file(&generated);
    show_cold("hello-world", Path::new(HELLO_WORLD), None);
    for path in arguments.iter().map(PathBuf::from) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        show_cold(&name, &path, None);
    }

    println!("warm: best CPU time of {RUNS}");
    let sizes = [10_000, 20_000, 40_000];
    let times = sizes.map(|nodes| {
        let took = measure(&template(nodes)).as_secs_f64();
        println!("{:<24} {:>8.2} ms", format!("{nodes} nodes"), took * 1e3);
        took
    });
    // There is nothing yet that an edit could spare: the whole file is compiled.
    let edited = template(10_000).replacen("p5: 5005,", "p5: 5006,", 1);
    println!("{:<24} {:>8.2} ms", "10000, one line edited", measure(&edited).as_secs_f64() * 1e3);
    let exponent = (times[2] / times[0]).log2() / 2.0;
    println!("exponent {exponent:.2} (at most {EXPONENT_MAX})");
    if exponent <= EXPONENT_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
