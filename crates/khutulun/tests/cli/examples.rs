//! The examples, as their READMEs tell a person to use them.

use std::path::Path;

use crate::sandbox::{Sandbox, poll};

fn example(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    root.join("examples").join(name).display().to_string()
}

#[test]
fn hello_world_is_deployed_changed_and_destroyed() {
    let sandbox = Sandbox::new();
    let hello = example("hello-world");
    let deployed = sandbox.run(&["deploy", &hello, "--yes"]).expect(0);
    assert!(deployed.stdout.contains("http://127.0.0.1:8080"), "{}", deployed.stdout);
    let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["services"][0]["service"], "hello-world");
    for node in status["services"][0]["nodes"].as_array().unwrap() {
        assert_eq!(node["observed"]["state"], "running", "{node:#}");
        let pid = node["observed"]["pid"].as_u64().unwrap();
        assert!(Path::new(&format!("/proc/{pid}")).exists(), "{node:#}");
    }
    assert_eq!(sandbox.run(&["outputs", "url"]).expect(0).stdout, "http://127.0.0.1:8080\n");
    assert!(sandbox.run(&["outputs", "banner"]).expect(0).stdout.contains("Hello"));
    poll("web greets", || sandbox.run(&["logs", "web"]).expect(0).stdout.contains("Hello").then_some(()));
    poll("the client found it", || {
        sandbox.run(&["logs", "client"]).expect(0).stdout.contains("127.0.0.1:8080").then_some(())
    });
    assert!(sandbox.run(&["deploy", &hello, "--yes"]).expect(0).stdout.contains("Nothing to do"));
    sandbox.run(&["plan", &hello]).expect(0);
    let plan = sandbox.run(&["plan", &hello, "-i", "greeting=Good morning"]).expect(2).stdout;
    assert!(plan.contains("web") && plan.contains("Good morning") && plan.contains("1 unchanged"), "{plan}");
    let plan = sandbox.run(&["plan", &hello, "-i", "port=8081"]).expect(2).stdout;
    assert!(plan.contains("client") && plan.contains("8081"), "{plan}");
    sandbox.run(&["destroy", &hello, "--yes"]).expect(0);
    poll("nothing of it is left", || sandbox.family().is_empty().then_some(()));
}

#[test]
fn hello_functions_computes_addresses() {
    let sandbox = Sandbox::new();
    let hello = example("hello-functions");
    let instances = sandbox.run(&["compile", "--instantiate", &hello]).expect(0).stdout;
    assert!(instances.contains("10.0.7.10") && instances.contains("10.0.7.11"), "{instances}");
    let refused = sandbox.run(&["plan", &hello, "-i", "network=10.0.0.0/8"]).expect(3);
    assert!(refused.five_parts().stderr.contains("only networks such as 10.0.7.0/24 are known here"));
    let refused = sandbox.run(&["plan", &hello, "-i", "workers=300"]).expect(3);
    assert!(refused.five_parts().stderr.contains("255 does not satisfy"), "{}", refused.stderr);
    sandbox.run(&["deploy", &hello, "--yes"]).expect(0);
    assert_eq!(sandbox.run(&["outputs", "first"]).expect(0).stdout, "10.0.7.10\n");
    sandbox.run(&["destroy", &hello, "--yes"]).expect(0);
}

#[test]
fn a_pool_of_workers_grows_and_shrinks() {
    let sandbox = Sandbox::new();
    let pool = example("worker-pool");
    sandbox.run(&["deploy", &pool, "--yes"]).expect(0);
    let pids = || {
        let status = sandbox.run(&["status", "worker", "-o", "json"]).expect(0).json();
        let nodes = status["services"][0]["nodes"].as_array().unwrap().clone();
        let pid = |node: &serde_json::Value| {
            (node["node"].as_str().unwrap().to_owned(), node["observed"]["pid"].as_u64().unwrap())
        };
        nodes.iter().map(pid).collect::<Vec<_>>()
    };
    let dispatches = |to: &str| {
        poll("the dispatcher knows its workers", || {
            let logs = sandbox.run(&["logs", "dispatcher"]).expect(0).stdout;
            logs.lines().any(|line| line == format!("dispatching to {to}")).then_some(())
        });
    };
    let three = pids();
    let names: Vec<&str> = three.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["worker-0", "worker-1", "worker-2"]);
    dispatches("127.0.0.1:9000 127.0.0.1:9001 127.0.0.1:9002");
    let asked = ["explain", "requirement", "dispatcher/connection", &pool];
    assert!(sandbox.run(&asked).expect(0).stdout.contains("worker-2/endpoint: chosen"));

    let plan = sandbox.run(&["plan", &pool, "-i", "workers=5"]).expect(2).stdout;
    assert!(plan.contains("2 to create, 1 to update, 3 unchanged"), "{plan}");
    sandbox.run(&["deploy", &pool, "--yes", "-i", "workers=5"]).expect(0);
    let five = pids();
    assert_eq!((five.len(), &five[..3]), (5, &three[..]));
    dispatches("127.0.0.1:9000 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003 127.0.0.1:9004");
    sandbox.run(&["deploy", &pool, "--yes", "-i", "workers=2"]).expect(0);
    assert_eq!(pids(), three[..2]);
    dispatches("127.0.0.1:9000 127.0.0.1:9001");
    sandbox.run(&["destroy", "worker-pool", "--yes"]).expect(0);
    poll("nothing of it is left", || sandbox.family().is_empty().then_some(()));
}

#[test]
fn what_compile_writes_of_the_examples_can_be_validated_planned_and_deployed() {
    let sandbox = Sandbox::new();
    for name in ["hello-world", "hello-web"] {
        crate::packages::copy(Path::new(&example(name)), &sandbox.path(name));
    }
    // What its script would make; nobody looks into it before it is deployed.
    sandbox.write("hello-web/image.tar", "an image");
    for name in ["hello-world", "hello-web"] {
        let written = sandbox.run(&["compile", name, "-o", "tosca"]).expect(0).stdout;
        let file = format!("{name}.yaml");
        sandbox.write(&file, &written);
        sandbox.run(&["validate", &file]).expect(0);
        let steps = |path: &str| {
            let plan = sandbox.run(&["plan", path, "--name", name, "-o", "json"]).expect(2).json();
            let steps = plan["steps"].as_array().unwrap().iter();
            steps.map(|step| format!("{} {}", step["subject"]["node"], step["event"])).collect::<Vec<_>>()
        };
        assert!(!steps(name).is_empty());
        assert_eq!(steps(name), steps(&file), "{name}");
    }
    let deployed = sandbox.run(&["deploy", "hello-world.yaml", "--yes"]).expect(0);
    assert!(deployed.stdout.contains("http://127.0.0.1:8080"), "{}", deployed.stdout);
    sandbox.run(&["destroy", "hello-world", "--yes"]).expect(0);
    poll("nothing of it is left", || sandbox.family().is_empty().then_some(()));
}
