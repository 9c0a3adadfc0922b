//! Measures how fast processes are started, looked at, stopped and removed, and what a supervisor weighs.
//!
//! `cargo run --release -p khutulun-host --example start_rate -- COUNT THREADS FOLDER`

use std::{error::Error, path::Path, process::ExitCode, time::Instant};

use khutulun_api::{Machine as _, ProcessIdentity, ProcessSpec, RestartPolicy};
use khutulun_host::{LocalMachine, StateDirectory, SupervisorCommand};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["supervise", folder] => Ok(khutulun_host::supervise(Path::new(folder))),
        [count, threads, folder] => measure(count.parse()?, threads.parse()?, Path::new(folder)),
        _ => Err("usage: start_rate COUNT THREADS FOLDER".into()),
    }
}

fn measure(count: usize, threads: usize, folder: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let command = SupervisorCommand::new(std::env::current_exe()?, ["supervise"]);
    let machine = LocalMachine::with_systemd(StateDirectory::open(folder)?, command, None);
    each("start", count, threads, |number| machine.start_process(&specification(number)).map(drop))?;
    weigh(&machine, count.min(20))?;
    each("status", count, threads, |number| machine.process_status(&identity(number)).map(drop))?;
    each("stop", count, threads, |number| machine.stop_process(&identity(number)).map(drop))?;
    each("remove", count, threads, |number| machine.remove_process(&identity(number)))?;
    // What the operating system takes for half of a start.
    each("spawn and wait", count, threads, |_| std::process::Command::new("/bin/true").status().map(drop))?;
    Ok(ExitCode::SUCCESS)
}

fn each<E: Error + Send>(
    what: &str,
    count: usize,
    threads: usize,
    action: impl Fn(usize) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let began = Instant::now();
    let action = &action;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || (first..count).step_by(threads).try_for_each(action)))
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no action panics"))
    })?;
    let seconds = began.elapsed().as_secs_f64();
    println!("{what}: {count} in {seconds:.3} s, {:.0} a second", count as f64 / seconds);
    Ok(())
}

/// Prints what supervisors weigh, on average.
fn weigh(machine: &LocalMachine, count: usize) -> Result<(), Box<dyn Error>> {
    let mut sums = [0_u64; 3];
    for number in 0..count {
        let path = machine.state().process(&identity(number))?.join("status.json");
        let record: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let memory = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", record["supervisor"]["pid"]))?;
        for (sum, name) in sums.iter_mut().zip(["Rss:", "Pss:", "Private_Dirty:"]) {
            let line = memory.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            *sum += line.trim().trim_end_matches(" kB").parse::<u64>()?;
        }
    }
    let [resident, proportional, private] = sums.map(|sum| sum / count.max(1) as u64);
    println!(
        "a supervisor: {resident} KiB resident, {proportional} proportional, {private} private and dirty"
    );
    Ok(())
}

fn identity(number: usize) -> ProcessIdentity {
    ProcessIdentity { service: "rate".to_owned(), node: format!("node-{number}") }
}

fn specification(number: usize) -> ProcessSpec {
    ProcessSpec {
        identity: identity(number),
        operation: "1-0-1".to_owned(),
        command: vec!["/bin/sleep".to_owned(), "1000".to_owned()],
        environment: std::collections::BTreeMap::new(),
        directory: None,
        user: None,
        restart: RestartPolicy::Never,
        restarts_max: 0,
        restart_delay_ms: 0,
        stop_signal: "TERM".to_owned(),
        stop_grace_ms: 5_000,
    }
}
