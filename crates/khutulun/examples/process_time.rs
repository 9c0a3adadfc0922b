//! Prints how long it takes to deploy and to destroy so many processes with the real binary, and how long a plain loop takes that
//! starts the same processes and waits until each is executed: the ratio is what recording and supervising them costs.
//!
//!     cargo run --release --package khutulun --example process_time [-- COUNT PARALLEL]

#![allow(clippy::unwrap_used)]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A program that only waits, and who keeps it must end it.
const PROGRAM: [&str; 2] = ["sleep", "100000"];

/// The program beside this example.
fn khutulun() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.parent().and_then(Path::parent).unwrap().join("khutulun")
}

fn plain_loop(count: usize) -> Duration {
    let begin = Instant::now();
    // Spawning returns once the program is executed, or could not be.
    let mut children: Vec<Child> = (0..count)
        .map(|_| Command::new(PROGRAM[0]).arg(PROGRAM[1]).stdin(Stdio::null()).spawn().unwrap())
        .collect();
    let elapsed = begin.elapsed();
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    elapsed
}

fn timed(folder: &Path, arguments: &[&str]) -> Duration {
    let begin = Instant::now();
    let mut command = Command::new(khutulun());
    command.args(arguments).args(["--progress", "none"]).env("KHUTULUN_STATE", folder.join("state"));
    let output = command.current_dir(folder).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    begin.elapsed()
}

fn main() {
    let mut given = std::env::args().skip(1).map(|number| number.parse::<usize>().unwrap());
    let (count, parallel) = (given.next().unwrap_or(1_000), given.next().unwrap_or(16));
    let folder = tempfile::tempdir().unwrap();
    let design = format!(
        "tosca_definitions_version: tosca_2_0\nimports: [ profile: khutulun.process:0.1 ]\nservice_template:\n  node_templates:\n    \
         worker: {{ type: Process, count: {count}, properties: {{ command: [ {}, '{}' ] }} }}\n",
        PROGRAM[0], PROGRAM[1]
    );
    std::fs::write(folder.path().join("crowd.yaml"), design).unwrap();
    let plain = plain_loop(count);
    println!("{count} processes, plain loop       {:>8.1} ms", plain.as_secs_f64() * 1e3);
    let parallel = parallel.to_string();
    let show = |what: &str, elapsed: Duration| {
        let each = elapsed.as_secs_f64() / plain.as_secs_f64();
        println!("{count} processes, {what:<17} {:>8.1} ms, {each:.2} times", elapsed.as_secs_f64() * 1e3);
    };
    show("deployed", timed(folder.path(), &["deploy", "crowd.yaml", "--yes", "--parallel", &parallel]));
    show("nothing to do", timed(folder.path(), &["plan", "crowd.yaml"]));
    show("destroyed", timed(folder.path(), &["destroy", "crowd", "--yes", "--parallel", &parallel]));
}
