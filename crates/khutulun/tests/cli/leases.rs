//! Who is at work on a service: real programs that are asked to stop, killed, and stopped for longer than their lease lasts.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use floria::{Batch, Namespace, Store as _};
use floria_sqlite::SqliteStore;
use khutulun_engine::{Holder, Lease};

use crate::sandbox::{Sandbox, finish, poll};

/// A deploy of a pair whose script says that it was reached and waits for the gate. What it tells goes to the file `told`.
fn gated_deploy(sandbox: &Sandbox) -> Child {
    sandbox.pair();
    let gate = sandbox.path("gate");
    sandbox.write(
        "pair/scripts/note.sh",
        &format!(
            "#!/bin/sh\necho run >> {gate}.reached\nwhile [ ! -e {gate} ]; do sleep 0.02; done\necho done >> {gate}.ended\n",
            gate = gate.display()
        ),
    );
    let mark = sandbox.mark_input();
    let deploy = sandbox
        .command(&["deploy", "pair", "--yes", "-i", &mark])
        .stdout(Stdio::null())
        .stderr(fs::File::create(sandbox.path("told")).unwrap())
        .spawn()
        .unwrap();
    poll("the script runs", || sandbox.path("gate.reached").exists().then_some(()));
    deploy
}

fn open_gate(sandbox: &Sandbox) {
    fs::write(sandbox.path("gate"), "").unwrap();
}

fn told(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path("told")).unwrap()
}

fn signal(name: &str, child: &Child) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn ran_once(sandbox: &Sandbox) {
    assert_eq!(fs::read_to_string(sandbox.path("gate.reached")).unwrap(), "run\n");
    assert_eq!(fs::read_to_string(sandbox.path("gate.ended")).unwrap(), "done\n");
}

#[test]
fn a_run_is_cancelled_by_another_program_and_resumed() {
    let sandbox = Sandbox::new();
    let deploy = gated_deploy(&sandbox);
    // What runs is finished first, and the gate is closed.
    let waited = sandbox.run(&["cancel", "--timeout", "1"]).expect(8);
    waited.five_parts();
    assert!(waited.stderr.contains("`khutulun deploy` by "), "{}", waited.stderr);
    assert!(waited.stderr.contains(&format!("(pid {})", deploy.id())), "{}", waited.stderr);
    poll("it is heard", || told(&sandbox).contains("stopping").then_some(()));
    open_gate(&sandbox);
    let cancelled = sandbox.run(&["cancel", "pair", "-o", "json"]);
    // It may have stopped before it was asked a second time.
    if cancelled.code == 0 {
        assert_eq!(cancelled.json()["result"], "cancelled");
    } else {
        cancelled.expect(64);
    }
    finish(deploy).expect(4);
    assert!(told(&sandbox).contains("khutulun resume"), "{}", told(&sandbox));
    assert_eq!(sandbox.roles(), ["store"], "nothing new was started");
    sandbox.run(&["cancel"]).expect(64).five_parts();
    sandbox.run(&["resume"]).expect(0);
    assert_eq!(sandbox.roles(), ["store", "web"]);
    ran_once(&sandbox);
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
}

#[test]
fn the_run_of_a_program_that_was_killed_is_cancelled_at_once() {
    let sandbox = Sandbox::new();
    let mut deploy = gated_deploy(&sandbox);
    deploy.kill().unwrap();
    deploy.wait().unwrap();
    open_gate(&sandbox);
    let status = sandbox.run(&["status"]).expect(0).stdout;
    assert!(!status.contains("is at work"), "{status}");
    let cancelled = sandbox.run(&["cancel", "pair"]).expect(0).stdout;
    assert!(cancelled.contains("is cancelled"), "{cancelled}");
    // What had begun was waited for, and its end is known.
    ran_once(&sandbox);
    assert_eq!(sandbox.roles(), ["store"]);
    sandbox.run(&["resume", "pair"]).expect(0);
    assert_eq!(sandbox.roles(), ["store", "web"]);
    ran_once(&sandbox);
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
}

#[test]
fn a_program_that_was_stopped_for_too_long_does_nothing_more() {
    let sandbox = Sandbox::new();
    let deploy = gated_deploy(&sandbox);
    signal("-STOP", &deploy);
    // While its lease lasts nobody takes it: the program is still there.
    let busy = sandbox.run(&["resume", "pair"]).expect(5);
    assert!(busy.stderr.contains(&format!("pid {}", deploy.id())), "{}", busy.stderr);
    // Its time passes.
    let store = SqliteStore::open(sandbox.state().join("khutulun.db")).unwrap();
    let lease = Lease::read(&store, &Namespace("pair".to_owned())).unwrap().unwrap();
    let holder = Holder { expires_ms: 1, ..lease.holder.clone().unwrap() };
    let expired = Lease { holder: Some(holder), ..lease };
    store.commit(&Batch { changes: vec![expired.change()], ..Batch::default() }).unwrap();
    drop(store);
    open_gate(&sandbox);
    sandbox.run(&["resume", "pair"]).expect(0);
    let processes = sandbox.processes();
    assert_eq!(sandbox.roles(), ["store", "web"]);
    signal("-CONT", &deploy);
    finish(deploy).expect(5);
    assert!(told(&sandbox).contains("somebody else goes on with this run"), "{}", told(&sandbox));
    assert_eq!(sandbox.processes(), processes, "nothing was started or ended by who came too late");
    ran_once(&sandbox);
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
}

#[test]
fn a_store_that_comes_back_from_a_copy_begins_above_what_the_machine_has_seen() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    sandbox.deploy(&pair, &[]).expect(0);
    sandbox.run(&["store", "backup", "copy.db"]).expect(0);
    for _ in 0..3 {
        sandbox.run(&["restart", "web", "--yes"]).expect(0);
    }
    sandbox.run(&["store", "restore", "copy.db", "--replace", "--yes"]).expect(0);
    // Its lease is that of long ago; what is done under it must not look like what somebody does who came too late.
    sandbox.run(&["restart", "web", "--yes"]).expect(0);
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), [""; 0]);
}
