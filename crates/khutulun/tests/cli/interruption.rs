//! Ctrl-C, once and twice.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::sandbox::{Ended, Sandbox, finish, poll};

/// A pair whose script says that it was reached and waits for the gate.
fn gated(sandbox: &Sandbox) {
    sandbox.pair();
    let gate = sandbox.path("gate");
    sandbox.write(
        "pair/scripts/note.sh",
        &format!(
            "#!/bin/sh\necho run >> {gate}.reached\nwhile [ ! -e {gate} ]; do sleep 0.02; done\necho done >> {gate}.ended\n",
            gate = gate.display()
        ),
    );
}

fn interrupt(pid: u32) {
    assert!(Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap().success());
}

#[test]
fn once_finishes_what_runs_and_starts_nothing_new() {
    let sandbox = Sandbox::new();
    gated(&sandbox);
    let mark = sandbox.mark_input();
    let told = sandbox.path("told");
    let deploy = sandbox
        .command(&["deploy", "pair", "--yes", "-i", &mark])
        .stdout(Stdio::null())
        .stderr(fs::File::create(&told).unwrap())
        .spawn()
        .unwrap();
    poll("the script runs", || sandbox.path("gate.reached").exists().then_some(()));
    interrupt(deploy.id());
    poll("it is heard", || fs::read_to_string(&told).unwrap().contains("Ctrl-C again").then_some(()));
    // The script is not interrupted: it ends when the gate opens.
    fs::write(sandbox.path("gate"), "").unwrap();
    let ended = finish(deploy);
    let ended = Ended { stderr: fs::read_to_string(&told).unwrap(), ..ended }.expect(4);
    ended.five_parts();
    assert!(ended.stderr.contains("khutulun resume"), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(sandbox.path("gate.ended")).unwrap(), "done\n");
    assert_eq!(sandbox.roles(), ["store"], "nothing new was started");
    let status = sandbox.run(&["status"]).expect(0);
    assert!(status.stdout.contains("khutulun resume"), "{}", status.stdout);
    sandbox.run(&["resume"]).expect(0);
    assert_eq!(sandbox.roles(), ["store", "web"]);
    assert_eq!(
        fs::read_to_string(sandbox.path("gate.reached")).unwrap(),
        "run\n",
        "what was done is not done again"
    );
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
}

#[test]
fn twice_leaves_at_once_and_the_run_can_be_resumed() {
    let sandbox = Sandbox::new();
    gated(&sandbox);
    let mark = sandbox.mark_input();
    let deploy = sandbox.start(&["deploy", "pair", "--yes", "-i", &mark]);
    poll("the script runs", || sandbox.path("gate.reached").exists().then_some(()));
    interrupt(deploy.id());
    let mut deploy = deploy;
    // The second is only a second one once the first was taken in; a third does no harm.
    let status = poll("the command leaves", || {
        interrupt_if_alive(&mut deploy);
        deploy.try_wait().unwrap()
    });
    assert_eq!(status.code(), Some(130));
    assert_eq!(fs::read_to_string(sandbox.path("gate.reached")).unwrap(), "run\n");
    fs::write(sandbox.path("gate"), "").unwrap();
    sandbox.run(&["resume"]).expect(0);
    assert_eq!(sandbox.roles(), ["store", "web"]);
    assert_eq!(
        fs::read_to_string(sandbox.path("gate.reached")).unwrap(),
        "run\n",
        "the script that went on alone is waited for, not run twice"
    );
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
}

fn interrupt_if_alive(child: &mut std::process::Child) {
    if child.try_wait().unwrap().is_none() {
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    }
}
