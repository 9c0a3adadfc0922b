//! The operational model with real processes: representations, requirements that are looked for, and those that wait.

use serde_json::Value as Json;

use crate::sandbox::{Sandbox, poll};

/// The vertexes of the nodes by path, with their ids.
fn ids(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let found = sandbox.run(&["store", "query", "in farm type:Process", "-o", "json"]).expect(0).json();
    let entity =
        |entity: &Json| (entity["path"].as_str().unwrap().to_owned(), entity["id"].as_u64().unwrap());
    found["entities"].as_array().unwrap().iter().map(entity).collect()
}

#[test]
fn counts_grow_and_shrink_at_the_highest_indexes() {
    let sandbox = Sandbox::new();
    sandbox.write("farm/service.yaml", include_str!("designs/farm.yaml"));
    let farm = sandbox.path("farm");
    sandbox.deploy(&farm, &[]).expect(0);
    assert_eq!(sandbox.roles(), ["worker-0", "worker-1", "worker-2"]);
    let (three, three_ids) = (sandbox.processes(), ids(&sandbox));

    sandbox.deploy(&farm, &["-i", "workers=5"]).expect(0);
    let (five, five_ids) = (sandbox.processes(), ids(&sandbox));
    assert_eq!((five.len(), &five[..3], &five_ids[..3]), (5, &three[..], &three_ids[..]));

    let mark = sandbox.mark_input();
    let plan = ["plan", farm.to_str().unwrap(), "-i", &mark, "-i", "workers=2", "-o", "json"];
    let plan = sandbox.run(&plan).expect(2).json();
    let actions: Vec<_> =
        plan["nodes"].as_array().unwrap().iter().map(|node| node["action"].clone()).collect();
    assert_eq!(actions, ["keep", "keep", "delete", "delete", "delete"]);
    sandbox.deploy(&farm, &["-i", "workers=2"]).expect(0);
    assert_eq!(sandbox.processes(), three[..2]);
    assert_eq!(ids(&sandbox), three_ids[..2]);

    // The same selectors everywhere.
    poll("both wrote their line", || {
        let logs = sandbox.run(&["logs", "worker"]).expect(0).stdout;
        (logs.contains("worker-0 | worker-0 works") && logs.contains("worker-1 | worker-1 works"))
            .then_some(())
    });
    for one in ["worker/1", "worker-1", "farm:worker/1", "type:Process worker/1"] {
        let status = sandbox.run(&["status", one, "-o", "json"]).expect(0).json();
        let nodes = status["services"][0]["nodes"].as_array().unwrap();
        assert_eq!((nodes.len(), nodes[0]["node"].as_str()), (1, Some("worker-1")), "{one}: {status:#}");
    }
    sandbox.run(&["run", "worker", "observe"]).expect(64).five_parts();
    sandbox.run(&["run", "worker/1", "observe"]).expect(0);
    sandbox.run(&["status", "worker/7"]).expect(64).five_parts();

    // None at all is a count, too; what is no count is refused before anything happens.
    let refused = sandbox.deploy(&farm, &["-i", "workers=-1"]).expect(3);
    refused.five_parts();
    assert!(refused.stderr.contains("service.yaml:"), "{}", refused.stderr);
    sandbox.deploy(&farm, &["-i", "workers=1000000"]).expect(3).five_parts();
    assert_eq!(sandbox.processes(), three[..2]);
    sandbox.deploy(&farm, &["-i", "workers=0"]).expect(0);
    assert_eq!(sandbox.processes(), []);
}
