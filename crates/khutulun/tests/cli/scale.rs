//! As many nodes as somebody says.

use crate::{
    agent::Agent,
    sandbox::{Sandbox, poll},
};

const POOL: &str = include_str!("designs/pool.yaml");

#[test]
fn a_count_that_is_an_input_is_set_and_others_are_not_touched() {
    let sandbox = Sandbox::new();
    sandbox.write("pool/service.yaml", POOL);
    sandbox.deploy(&sandbox.path("pool"), &[]).expect(0);
    let before = sandbox.processes();
    assert_eq!(before.len(), 3);

    sandbox.run(&["scale", "worker=5", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), ["worker-0", "worker-1", "worker-2", "worker-3", "worker-4"]);
    assert_eq!(sandbox.processes()[..3], before, "who was there is who is there");
    sandbox.run(&["scale", "worker=1", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), before[..1], "the highest went");
    let history = sandbox.run(&["history", "-o", "json"]).expect(0).json();
    assert_eq!(history["entries"][1]["changed"]["inputs"]["workers"]["to"], 5, "{history:#}");
    assert_eq!(history["entries"][2]["what"], "scale");

    // It is an input: the next deploy says that it falls back.
    let plan = sandbox.run(&["plan", "pool"]).expect(2).stdout;
    assert!(
        plan.contains("input `workers` was not given, so it falls back from 1 to its default 3"),
        "{plan}"
    );
    sandbox.run(&["scale", "worker=0", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), [""; 0]);
}

#[test]
fn another_count_is_put_aside_until_the_design_is_deployed_anew() {
    let sandbox = Sandbox::new();
    let twice =
        POOL.replace("count: { $get_input: workers }", "count: { $sum: [ { $get_input: workers }, 1 ] }");
    sandbox.write("pool/service.yaml", &twice);
    sandbox.deploy(&sandbox.path("pool"), &["-i", "workers=1"]).expect(0);
    let before = sandbox.processes();
    sandbox.run(&["scale", "worker=3", "--yes"]).expect(0);
    assert_eq!(sandbox.processes()[..2], before);
    assert_eq!(sandbox.roles().len(), 3);
    // Other inputs leave it so, and going back takes it back.
    sandbox.run(&["update", "-i", "workers=7", "--yes"]).expect(0);
    assert_eq!(sandbox.roles().len(), 3);
    let diff = sandbox.run(&["diff", "1", "3", "-o", "json"]).expect(2).json();
    assert_eq!(diff["counts"]["worker"]["to"], 3, "{diff:#}");
    let mark = sandbox.mark_input();
    let plan = sandbox.run(&["plan", "pool", "-i", &mark, "-i", "workers=0"]).expect(2).stdout;
    assert!(plan.contains("`worker` was scaled to 3, and has the count of its design again"), "{plan}");
    sandbox.run(&["rollback", "1", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), before);
}

/// Inside of a node that a service stands for, by path; its own input is given by the node, so only the count can be put aside.
#[test]
fn what_is_inside_of_a_node_is_scaled_by_its_path() {
    let sandbox = Sandbox::new();
    sandbox.write("shop/service.yaml", include_str!("designs/shop.yaml"));
    sandbox.write("shop/types.yaml", include_str!("designs/shop-types.yaml"));
    sandbox.write("shop/backend.yaml", include_str!("designs/shop-backend.yaml"));
    sandbox.deploy(&sandbox.path("shop"), &[]).expect(0);
    let before = sandbox.processes();
    sandbox.run(&["scale", "back/backend/copy=3", "--yes"]).expect(0);
    let after = sandbox.processes();
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|process| after.contains(process)), "{before:?} {after:?}");
    sandbox.run(&["scale", "back/nothing/copy=3", "--yes"]).expect(64).five_parts();
    let single = sandbox.run(&["scale", "back/backend/leader=3", "--yes"]).expect(64);
    assert!(single.five_parts().stderr.contains("give it a count"), "{}", single.stderr);
    sandbox.run(&["rollback", "1", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), before);
}

/// What a policy asks for is a revision like any other, and says who it was.
#[test]
fn a_policy_scales_through_the_agent() {
    let sandbox = Sandbox::new();
    let crowded = POOL.replace(
        "- profile: khutulun.process:0.1",
        "- profile: khutulun.process:0.1\n- profile: khutulun.policies:0.1",
    );
    let policies = "
  policies:
  - crowd:
      type: Reaction
      targets: [ worker ]
      triggers:
        more: { event: crowded, action: [ { call_operation: { operation: orchestration.scale, inputs: { by: 2 } } } ] }
        none: { event: deserted, action: [ { call_operation: { operation: orchestration.scale, inputs: { to: 0 } } } ] }
";
    sandbox.write("pool/service.yaml", &format!("{crowded}{policies}"));
    sandbox.deploy(&sandbox.path("pool"), &["-i", "workers=1"]).expect(0);
    let before = sandbox.processes();
    let agent = Agent::start(&sandbox);
    sandbox.run(&["events", "emit", "crowded"]).expect(0);
    poll("there are three", || (sandbox.processes().len() == 3).then_some(()));
    assert_eq!(sandbox.processes()[..1], before);
    sandbox.run(&["events", "emit", "deserted"]).expect(0);
    poll("nobody is there", || sandbox.processes().is_empty().then_some(()));
    agent.end();
    let history = sandbox.run(&["history", "-o", "json"]).expect(0).json();
    let scaled: Vec<_> =
        history["entries"].as_array().unwrap().iter().filter(|entry| entry["what"] == "scale").collect();
    assert_eq!(scaled.len(), 2, "{history:#}");
    assert_eq!(scaled[0]["changed"]["inputs"]["workers"]["to"], 3, "{history:#}");
    assert!(scaled[0]["author"].as_str().unwrap().starts_with("agent of "), "{history:#}");
}

#[test]
fn what_cannot_be_scaled_is_said_with_what_can() {
    let sandbox = Sandbox::new();
    let single = "\n    single: { type: Process, properties: { command: [ sleep, '100000' ] } }\n";
    sandbox.write("pool/service.yaml", &format!("{POOL}{single}"));
    sandbox.run(&["scale", "worker=2", "--yes"]).expect(64).five_parts();
    sandbox.deploy(&sandbox.path("pool"), &["-i", "workers=1"]).expect(0);
    for (count, says) in [
        ("single=2", "give it a count, such as `count: 1`"),
        ("worker-0=2", "`worker-0` is one of the nodes of `worker`"),
        ("wroker=2", "did you mean `worker`"),
        ("nobody=2", "those with a count are `worker`"),
        ("pool/worker=2", "there is no node template"),
        ("worker", "khutulun scale NODE=N"),
        ("worker=-1", "a number from 0"),
        ("worker=many", "a number from 0"),
        ("=3", "a number from 0"),
    ] {
        let refused = sandbox.run(&["scale", count, "--yes"]).expect(64);
        assert!(refused.five_parts().stderr.contains(says), "{count}: no {says:?} in:\n{}", refused.stderr);
    }
    let many = sandbox.run(&["scale", "worker=100001", "--yes"]).expect(3);
    assert!(many.five_parts().stderr.contains("100000 nodes"), "{}", many.stderr);
    assert_eq!(sandbox.roles().len(), 1);
}
