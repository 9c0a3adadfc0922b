//! A design in the simulator, before it touches a machine.

use crate::sandbox::Sandbox;

#[test]
fn a_design_is_tried_in_a_world_that_fails_and_nothing_is_touched() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let ended = sandbox.run(&["simulate", pair.to_str().unwrap(), "--seeds", "30"]).expect(0);
    assert!(ended.stdout.contains("30 stories of pair"), "{}", ended.stdout);
    assert!(ended.stdout.contains("OK: all promises held"), "{}", ended.stdout);
    assert!(ended.stdout.contains("crashes"), "{}", ended.stdout);
    assert!(!sandbox.state().exists(), "there is a state directory");
    assert_eq!(sandbox.processes(), []);

    let data =
        sandbox.run(&["simulate", pair.to_str().unwrap(), "--seeds", "30", "-o", "json"]).expect(0).json();
    assert_eq!(data["schema"], "khutulun.simulation/1");
    assert_eq!((&data["stories"], &data["ok"]), (&30.into(), &true.into()));
    assert!(data["met"]["effects"].as_u64().unwrap() > 100, "{data}");
}

#[test]
fn a_seed_is_told_again_with_all_that_happens() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let tell = || sandbox.run(&["simulate", pair.to_str().unwrap(), "--seed", "7"]).expect(0).stdout;
    let told = tell();
    assert!(told.contains("deploy design 0") && told.contains("EFFECT"), "{told}");
    assert_eq!(told, tell());
}

#[test]
fn what_a_design_leaves_and_what_an_operator_is_asked_are_notes() {
    let sandbox = Sandbox::new();
    sandbox.write("scripts/act.sh", "#!/bin/sh\n");
    let design = "\
tosca_definitions_version: tosca_2_0
imports:
  - profile: 'khutulun.process:0.1'
node_types:
  Disk:
    interfaces:
      lifecycle:
        type: Lifecycle
        operations:
          create: scripts/act.sh
service_template:
  node_templates:
    disk: { type: Disk }
";
    let path = sandbox.write("disk.yaml", design);
    let ended = sandbox.run(&["simulate", path.to_str().unwrap(), "--seeds", "600"]).expect(0);
    assert!(
        ended.stdout.contains("stays after `destroy`, since they have no `delete`: disk"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("an operator is asked how it ended: disk (create)"), "{}", ended.stdout);
    assert!(ended.stdout.contains("the operator was asked"), "{}", ended.stdout);
}

#[test]
fn a_design_that_is_wrong_is_said_to_be_wrong_at_once() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("wrong.yaml", "tosca_definitions_version: tosca_2_0\nservice_templat: {}\n");
    sandbox.run(&["simulate", path.to_str().unwrap()]).expect(3).five_parts();
}

#[test]
fn a_scenario_of_ones_own_is_played_with_the_design() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let pair = pair.to_str().unwrap();
    sandbox.write("good.txt", "do deploy design and die after commit 2\n=> died\ndo resume\n=> succeeded\ndo destroy\nexpect nothing is there\n");
    let ended = sandbox.run(&["simulate", pair, "--scenario", "good.txt"]).expect(0);
    assert!(ended.stdout.contains("OK: the scenario is as it says"), "{}", ended.stdout);
    sandbox.write("bad.txt", "do deploy design\n=> failed\n");
    let ended = sandbox.run(&["simulate", pair, "--scenario", "bad.txt"]).expect(1);
    ended.five_parts();
    assert!(ended.stderr.contains("line 2: it ended otherwise: succeeded"), "{}", ended.stderr);
}
