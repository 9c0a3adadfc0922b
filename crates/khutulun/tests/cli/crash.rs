//! `kill -9` of the real binary at any moment, and `resume`.
//!
//! How far a command is at a moment depends on the machine, so some moments come too late. One of each direction never does: the
//! command then waits for something that the test keeps from happening.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use crate::sandbox::{Sandbox, poll};

/// How many moments are tried in each direction: those at which the command was still there to be killed.
const MOMENTS: usize = 10;

/// How many are tried at most: some come too late, when the machine is fast.
const TRIES_MAX: usize = 60;

/// How many lines of progress a deploy has, and a destroy: the last moments come after all of them.
const DEPLOY_LINES: u64 = 8;
const DESTROY_LINES: u64 = 9;

/// How long after a line the moment may be, in microseconds: longer than one operation takes.
const MORE_MICROSECONDS: u64 = 12_000;

/// The pair's script, slow enough to be interrupted, and telling how often it ran.
const SCRIPT: &str = "#!/bin/sh\necho ran >> \"$HOME/ran\"\nsleep 0.02\n";

/// The seed's variable: set it to try other moments.
pub(crate) const SEED: &str = "KHUTULUN_TEST_SEED";

/// Numbers that look random and come back with their seed: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

pub(crate) fn seed() -> u64 {
    std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// Kills a command at a moment: after so many lines of its progress, and a little later. Returns whether it was still there.
pub(crate) fn kill_at(mut child: Child, lines: u64, more: Duration) -> bool {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut seen = 0;
    let mut reader = stderr.lines();
    while seen < lines && reader.next().is_some_and(|line| line.is_ok()) {
        seen += 1;
    }
    thread::sleep(more);
    // By its own id: nothing else is meant.
    let _ = child.kill();
    drop(reader);
    let status = poll("the killed command is gone", || child.try_wait().unwrap());
    status.code().is_none()
}

pub(crate) fn start(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut all = arguments.to_vec();
    all.extend(["--progress", "json"]);
    sandbox.command(&all).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Every third time, the resumption is killed too.
fn perhaps_kill_the_resumption(sandbox: &Sandbox, random: &mut Random) {
    if random.below(3) == 0 {
        let (lines, more) =
            (random.below(DEPLOY_LINES), Duration::from_micros(random.below(MORE_MICROSECONDS)));
        let killed = kill_at(start(sandbox, &["resume"]), lines, more);
        eprintln!(
            "    its resumption after {lines} lines and {more:?}: {}",
            if killed { "killed" } else { "too late" }
        );
    }
}

/// What a run left unfinished is resumed; nothing to resume is fine when it had not begun, or had ended.
pub(crate) fn resume(sandbox: &Sandbox, context: &str) {
    let status = sandbox.run(&["status", "--stored", "-o", "json"]).expect(0).json();
    let services = status["services"].as_array().unwrap();
    let unfinished: usize =
        services.iter().map(|service| service["unfinished"].as_array().map_or(0, Vec::len)).sum();
    if unfinished > 0 {
        let ended = sandbox.run(&["resume"]);
        assert_eq!(ended.code, 0, "{context}\nstdout:\n{}\nstderr:\n{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn a_killed_deploy_is_resumed_without_twins_or_orphans() {
    let seed = seed();
    let mut random = Random(seed);
    let mut hits = 0;
    for attempt in 0.. {
        if hits == MOMENTS || attempt == TRIES_MAX {
            break;
        }
        let sandbox = Sandbox::new();
        sandbox.pair();
        sandbox.write("pair/scripts/note.sh", SCRIPT);
        let (lines, more) =
            (random.below(DEPLOY_LINES), Duration::from_micros(random.below(MORE_MICROSECONDS)));
        let context = format!("deploy, {SEED}={seed}, attempt {attempt}: {lines} lines and {more:?}");
        let mark = sandbox.mark_input();
        let killed = kill_at(start(&sandbox, &["deploy", "pair", "--yes", "-i", &mark]), lines, more);
        eprintln!("{context}: {}", if killed { "killed" } else { "too late" });
        hits += usize::from(killed);
        check_at_most_one(&sandbox, &context);
        perhaps_kill_the_resumption(&sandbox, &mut random);
        check_at_most_one(&sandbox, &context);
        resume(&sandbox, &context);
        // Where it was killed before its run was recorded there was nothing to resume; deploying is idempotent anyway.
        check_deployed(&sandbox, &context);
    }
    eprintln!("{hits} kills");
}

/// Deploys what a killed command and its resumption may have deployed, and checks that everything is there once.
fn check_deployed(sandbox: &Sandbox, context: &str) {
    let ended = sandbox.deploy(&sandbox.path("pair"), &[]);
    assert_eq!(ended.code, 0, "{context}\n{}", ended.stderr);
    assert_eq!(sandbox.roles(), ["store", "web"], "{context}");
    let ran = fs::read_to_string(sandbox.path("ran")).unwrap_or_default();
    assert_eq!(ran, "ran\n", "{context}: the script ran exactly once");
    let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
    for node in status["services"][0]["nodes"].as_array().unwrap() {
        let (role, pid) = (node["node"].as_str().unwrap(), node["observed"]["pid"].as_u64());
        let alive = sandbox.processes().into_iter().find(|(found, _)| found == role).unwrap().1;
        assert_eq!(pid, Some(alive.into()), "{context}: what is recorded is what runs");
    }
    check_destroyed(sandbox, context);
}

/// Destroys what a killed command and its resumption may have destroyed, and checks that nothing is left.
fn check_destroyed(sandbox: &Sandbox, context: &str) {
    let ended = sandbox.run(&["destroy", "pair", "--yes"]);
    assert_eq!(ended.code, 0, "{context}\n{}", ended.stderr);
    check_nothing_left(sandbox, context);
    let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["services"].as_array().unwrap().len(), 0, "{context}: {status:#}");
}

/// Kills a command that waits for a file to come, once another shows that it does, and lets what it waits for happen.
fn kill_while_it_waits(mut child: Child, reached: &Path, gate: &Path) {
    poll("the command waits", || reached.exists().then_some(()));
    child.kill().unwrap();
    let status = poll("the killed command is gone", || child.try_wait().unwrap());
    assert_eq!(status.code(), None, "it waited no longer");
    fs::write(gate, "").unwrap();
}

#[test]
fn a_deploy_that_is_killed_while_its_script_runs_is_resumed() {
    let sandbox = Sandbox::new();
    sandbox.pair();
    let wait = "while [ ! -e \"$HOME/gate\" ]; do sleep 0.02; done\n";
    sandbox.write("pair/scripts/note.sh", &format!("{SCRIPT}{wait}"));
    let deploy = start(&sandbox, &["deploy", "pair", "--yes", "-i", &sandbox.mark_input()]);
    kill_while_it_waits(deploy, &sandbox.path("ran"), &sandbox.path("gate"));
    check_at_most_one(&sandbox, "the script runs");
    sandbox.run(&["resume"]).expect(0);
    check_deployed(&sandbox, "the script ran");
}

#[test]
fn a_destroy_that_is_killed_while_a_process_ends_is_resumed() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let (reached, gate) = (sandbox.path("reached"), sandbox.path("gate"));
    // It takes its time to end, and is given it.
    let command = format!(
        "trap 'touch {}; while [ ! -e {} ]; do sleep 0.02; done; exit 0' TERM; touch {}; while :; do sleep 0.02; done",
        reached.display(),
        gate.display(),
        sandbox.path("ready").display()
    );
    let design = include_str!("designs/pair.yaml").replace(
        "command: [ sh, -c, 'echo \"web asks $STORE\"; echo \"web is up\"; exec sleep 100000' ]",
        &format!("command: [ sh, -c, {command:?} ]\n        stop_grace: 3600000"),
    );
    sandbox.write("pair/service.yaml", &design);
    sandbox.deploy(&pair, &[]).expect(0);
    poll("the process is ready", || sandbox.path("ready").exists().then_some(()));
    kill_while_it_waits(start(&sandbox, &["destroy", "pair", "--yes"]), &reached, &gate);
    sandbox.run(&["resume"]).expect(0);
    check_destroyed(&sandbox, "the process ended");
}

#[test]
fn a_killed_destroy_is_resumed_without_orphans() {
    let seed = seed();
    let mut random = Random(seed);
    let mut hits = 0;
    for attempt in 0.. {
        if hits == MOMENTS || attempt == TRIES_MAX {
            break;
        }
        let sandbox = Sandbox::new();
        let pair = sandbox.pair();
        sandbox.deploy(&pair, &[]).expect(0);
        let (lines, more) =
            (random.below(DESTROY_LINES), Duration::from_micros(random.below(MORE_MICROSECONDS)));
        let context = format!("destroy, {SEED}={seed}, attempt {attempt}: {lines} lines and {more:?}");
        let killed = kill_at(start(&sandbox, &["destroy", "pair", "--yes"]), lines, more);
        eprintln!("{context}: {}", if killed { "killed" } else { "too late" });
        hits += usize::from(killed);
        check_at_most_one(&sandbox, &context);
        perhaps_kill_the_resumption(&sandbox, &mut random);
        check_at_most_one(&sandbox, &context);
        resume(&sandbox, &context);
        check_destroyed(&sandbox, &context);
    }
    eprintln!("{hits} kills");
}

#[track_caller]
fn check_at_most_one(sandbox: &Sandbox, context: &str) {
    for role in ["store", "web"] {
        let count = sandbox.roles().iter().filter(|found| *found == role).count();
        assert!(count <= 1, "{context}: {count} processes of {role}");
    }
}

/// No process with the mark, and none that has to do with the sandbox: supervisors end once their process has.
#[track_caller]
pub(crate) fn check_nothing_left(sandbox: &Sandbox, context: &str) {
    assert_eq!(sandbox.processes(), [], "{context}");
    let mut last = Vec::new();
    poll(&format!("{context}: nobody of the family is left"), || {
        last = sandbox.family();
        last.is_empty().then_some(())
    });
}
