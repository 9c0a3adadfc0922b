//! The operational model with real processes: representations, requirements that are looked for, and those that wait.

use serde_json::Value as Json;

use crate::sandbox::{Sandbox, poll};

/// The vertexes of the nodes by path, with their ids.
fn ids(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let found = sandbox.run(&["store", "query", "in pool type:Process", "-o", "json"]).expect(0).json();
    let entity =
        |entity: &Json| (entity["path"].as_str().unwrap().to_owned(), entity["id"].as_u64().unwrap());
    found["entities"].as_array().unwrap().iter().map(entity).collect()
}

#[test]
fn counts_grow_and_shrink_at_the_highest_indexes() {
    let sandbox = Sandbox::new();
    sandbox.write("pool/service.yaml", include_str!("designs/pool.yaml"));
    let pool = sandbox.path("pool");
    sandbox.deploy(&pool, &[]).expect(0);
    assert_eq!(sandbox.roles(), ["worker-0", "worker-1", "worker-2"]);
    let (three, three_ids) = (sandbox.processes(), ids(&sandbox));
    // Who asks for what is not there is told what is there, within bounds.
    let path = pool.to_str().unwrap();
    let many = sandbox.run(&["explain", "requirement", "nobody/stay", path, "-i", "workers=90"]).expect(64);
    assert!(many.stderr.contains("`worker-49` and 40 more"), "{}", many.stderr);

    sandbox.deploy(&pool, &["-i", "workers=5"]).expect(0);
    let (five, five_ids) = (sandbox.processes(), ids(&sandbox));
    assert_eq!((five.len(), &five[..3], &five_ids[..3]), (5, &three[..], &three_ids[..]));

    let mark = sandbox.mark_input();
    let plan = ["plan", pool.to_str().unwrap(), "-i", &mark, "-i", "workers=2", "-o", "json"];
    let plan = sandbox.run(&plan).expect(2).json();
    let actions: Vec<_> =
        plan["nodes"].as_array().unwrap().iter().map(|node| node["action"].clone()).collect();
    assert_eq!(actions, ["keep", "keep", "delete", "delete", "delete"]);
    sandbox.deploy(&pool, &["-i", "workers=2"]).expect(0);
    assert_eq!(sandbox.processes(), three[..2]);
    assert_eq!(ids(&sandbox), three_ids[..2]);

    // The same selectors everywhere.
    poll("both wrote their line", || {
        let logs = sandbox.run(&["logs", "worker"]).expect(0).stdout;
        (logs.contains("worker-0 | worker-0 works") && logs.contains("worker-1 | worker-1 works"))
            .then_some(())
    });
    for one in ["worker/1", "worker-1", "pool:worker/1", "type:Process worker/1"] {
        let status = sandbox.run(&["status", one, "-o", "json"]).expect(0).json();
        let nodes = status["services"][0]["nodes"].as_array().unwrap();
        assert_eq!((nodes.len(), nodes[0]["node"].as_str()), (1, Some("worker-1")), "{one}: {status:#}");
    }
    sandbox.run(&["run", "observe", "worker"]).expect(64).five_parts();
    sandbox.run(&["run", "observe", "worker/1"]).expect(0);
    sandbox.run(&["status", "worker/7"]).expect(64).five_parts();

    // None at all is a count, too; what is no count is refused before anything happens.
    let refused = sandbox.deploy(&pool, &["-i", "workers=-1"]).expect(3);
    refused.five_parts();
    assert!(refused.stderr.contains("service.yaml:"), "{}", refused.stderr);
    sandbox.deploy(&pool, &["-i", "workers=1000000"]).expect(3).five_parts();
    assert_eq!(sandbox.processes(), three[..2]);
    sandbox.deploy(&pool, &["-i", "workers=0"]).expect(0);
    assert_eq!(sandbox.processes(), []);
}

#[test]
fn requirements_find_their_targets_and_say_why_not() {
    let sandbox = Sandbox::new();
    sandbox.write("guests/service.yaml", include_str!("designs/guests.yaml"));
    let guests = sandbox.path("guests");
    let path = guests.to_str().unwrap();
    let shown = sandbox.run(&["compile", path, "--instantiate"]).expect(0).stdout;
    for guest in ["guest-0", "guest-1"] {
        assert!(shown.contains(&format!("ROLE: \"{guest} in south\"")), "{shown}");
    }
    assert!(shown.contains("  stay → blue/room: Stays\n    takes {places: 2}\n"), "{shown}");
    assert!(!sandbox.state().exists(), "instances are shown without a state directory");
    let data = sandbox.run(&["compile", path, "--instantiate", "-o", "json"]).expect(0).json();
    assert_eq!(data["schema"], "khutulun.instances/1");
    assert_eq!(data["edges"][0]["edge"], "guest-0 → blue/room", "{data:#}");
    assert_eq!(data["edges"][0]["allocation"]["places"], 2, "{data:#}");

    sandbox.deploy(&guests, &[]).expect(0);
    assert_eq!(sandbox.roles(), ["guest-0 in south", "guest-1 in south"]);
    let processes = sandbox.processes();

    // One too many: said with each candidate, for people and for programs, and nothing happens.
    let refused = sandbox.deploy(&guests, &["-i", "guests=3"]).expect(3);
    refused.five_parts();
    for text in [
        "requirement `stay` of `guest-2` has no target",
        "service.yaml:49:",
        "red/room: the condition is false (",
        "blue/room: has not 2 left of `places` 4",
        "khutulun explain requirement guest-2/stay",
    ] {
        assert!(refused.stderr.contains(text), "no {text:?} in:\n{}", refused.stderr);
    }
    let refused = sandbox.deploy(&guests, &["-i", "guests=3", "-o", "json"]).expect(3).json();
    let requirement = &refused["requirements"][0];
    assert_eq!((&requirement["node"], &requirement["requirement"]), (&"guest-2".into(), &"stay".into()));
    let candidates: Vec<_> =
        requirement["candidates"].as_array().unwrap().iter().map(|c| &c["candidate"]).collect();
    assert_eq!(candidates, ["red/room", "blue/room"], "{refused:#}");
    assert!(
        requirement["candidates"][0]["where"].as_str().unwrap().contains("service.yaml:50:"),
        "{refused:#}"
    );
    assert_eq!(sandbox.processes(), processes);

    let asked = ["explain", "requirement", "guest-1/stay", path];
    let explained = sandbox.run(&asked).expect(0).stdout;
    assert_eq!(sandbox.run(&["explain", "requirement", "guest/1/stay", path]).expect(0).stdout, explained);
    assert!(explained.contains("blue/room: chosen"), "{explained}");
    let explained = sandbox.run(&[&asked[..], &["-o", "json"]].concat()).expect(0).json();
    assert_eq!(explained["requirements"][0]["candidates"][1]["verdict"], "chosen", "{explained:#}");
    sandbox.run(&["explain", "requirement", "guest-1/sty", path]).expect(64).five_parts();
    sandbox.run(&["explain", "requirement", "nobody/stay", path]).expect(64).five_parts();
    sandbox.run(&["explain", "requirement", "stay", path]).expect(64).five_parts();
}

#[test]
fn what_waits_for_a_value_goes_on_when_it_is_known() {
    let sandbox = Sandbox::new();
    sandbox.write("late/service.yaml", include_str!("designs/late.yaml"));
    let late = sandbox.path("late");
    let path = late.to_str().unwrap();
    let shown = sandbox.run(&["compile", path, "--instantiate"]).expect(0).stdout;
    assert!(shown.contains("connection → ? (not known yet)"), "{shown}");
    assert!(
        shown.contains("output server is known after the requirement `connection` of client\n"),
        "{shown}"
    );
    let mark = sandbox.mark_input();
    let plan = sandbox.run(&["plan", path, "-i", &mark]).expect(2).stdout;
    for text in ["? client", "? front", "1 to create", "2 waiting", "waits for `server.pid`"] {
        assert!(plan.contains(text), "no {text:?} in:\n{plan}");
    }
    let deployed = sandbox.deploy(&late, &[]).expect(0);
    assert_eq!(sandbox.roles(), ["client", "front", "server"], "{}", deployed.stderr);
    assert_eq!(sandbox.run(&["outputs", "server"]).expect(0).stdout, "server\n");
    let again = sandbox.deploy(&late, &[]).expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);

    // What never comes: all else is done, and the end says what is open.
    let never = late.parent().unwrap().join("never");
    let design = include_str!("designs/late.yaml").replace("TARGET, pid", "TARGET, exit_code");
    sandbox.write("never/service.yaml", &design);
    for _ in 0..2 {
        let ended = sandbox.deploy(&never, &[]).expect(4);
        ended.five_parts();
        assert!(ended.stderr.contains("waits for `server.exit_code`"), "{}", ended.stderr);
    }
    assert_eq!(sandbox.roles(), ["client", "front", "server", "server"]);
    let status = sandbox.run(&["status", "never:client"]).expect(0).stdout;
    assert!(status.contains("waits for its requirement connection"), "{status}");
    sandbox.run(&["destroy", "never", "--yes"]).expect(0);
}

/// Writes the service with a service inside, and returns its folder.
fn shop(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.write("shop/service.yaml", include_str!("designs/shop.yaml"));
    sandbox.write("shop/types.yaml", include_str!("designs/shop-types.yaml"));
    sandbox.write("shop/backend.yaml", include_str!("designs/shop-backend.yaml"));
    sandbox.path("shop")
}

#[test]
fn a_service_inside_of_a_node_is_planned_run_looked_at_and_taken_away_by_path() {
    let sandbox = Sandbox::new();
    let shop = shop(&sandbox);
    let path = shop.to_str().unwrap();
    let deployed = sandbox.deploy(&shop, &["-o", "json"]).expect(0).json();
    let started: Vec<&str> =
        deployed["steps"].as_array().unwrap().iter().map(|step| step["node"].as_str().unwrap()).collect();
    let place = |node: &str| started.iter().position(|other| *other == node).unwrap();
    // What a requirement of the node leads to, then what is inside, then what uses the node.
    let order = ["disk", "back/backend/leader", "back/backend/copy-1", "front"];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{started:?}");
    assert_eq!(sandbox.roles(), ["copy-0", "copy-1", "disk", "front to 127.0.0.1", "leader"]);

    let leader = "back/backend/leader";
    let status = sandbox.run(&["status", leader, "-o", "json"]).expect(0).json();
    let nodes = status["services"][0]["nodes"].as_array().unwrap();
    assert_eq!((nodes.len(), nodes[0]["node"].as_str()), (1, Some(leader)), "{status:#}");
    let pid = nodes[0]["observed"]["pid"].as_u64().unwrap();
    assert!(nodes[0]["since"].is_string(), "{status:#}");
    // An attribute of the node is an output of the service inside.
    assert_eq!(sandbox.run(&["outputs", "pid"]).expect(0).stdout, format!("{pid}\n"));
    poll("the leader wrote its line", || {
        let logs = sandbox.run(&["logs", leader]).expect(0).stdout;
        (logs == "leader leads\n").then_some(())
    });
    sandbox.run(&["run", "observe", "back/backend/copy/1"]).expect(0);
    let inside = sandbox.run(&["status", "back contents* type:Process"]).expect(0).stdout;
    assert!(inside.contains("copy-0") && inside.contains(leader) && !inside.contains("front"), "{inside}");
    let asked = ["explain", "requirement", "back/backend/leader/connection", path];
    let explained = sandbox.run(&asked).expect(0).stdout;
    assert!(explained.contains("disk/endpoint: chosen"), "{explained}");

    // A count inside grows by an input outside; nobody else is touched.
    let before = sandbox.processes();
    sandbox.deploy(&shop, &["-i", "copies=3"]).expect(0);
    let after = sandbox.processes();
    let new: Vec<&str> =
        after.iter().filter(|one| !before.contains(one)).map(|(role, _)| role.as_str()).collect();
    assert_eq!((after.len(), new), (before.len() + 1, vec!["copy-2"]));
    sandbox.run(&["destroy", "shop", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), []);
}

#[test]
fn a_node_of_another_service_is_selected_and_left_alone() {
    let sandbox = Sandbox::new();
    let shop = shop(&sandbox);
    sandbox.write("tenant/service.yaml", include_str!("designs/tenant.yaml"));
    let tenant = sandbox.path("tenant");
    let path = tenant.to_str().unwrap();
    let refused = sandbox.run(&["plan", path]).expect(3);
    assert!(refused.five_parts().stderr.contains("there are no other services"), "{}", refused.stderr);
    sandbox.deploy(&shop, &[]).expect(0);

    // The same from a file, where there is no state directory.
    sandbox.run(&["store", "export", "--out", "shop.yaml"]).expect(0);
    let compile = ["compile", path, "--instantiate", "--inventory", "shop.yaml", "--state", "none"];
    let shown = sandbox.run(&compile).expect(0).stdout;
    assert!(shown.contains("stands for {namespace: \"shop\", path: \"disk\"}"), "{shown}");
    assert!(shown.contains("ROLE: \"tenant of disk\"") && !sandbox.path("none").exists(), "{shown}");
    let wrong = ["compile", path, "--instantiate", "--inventory", "shop/service.yaml"];
    sandbox.run(&wrong).expect(64).five_parts();

    let plan = sandbox.run(&["plan", path]).expect(2).stdout;
    assert!(plan.contains("2 to create, 2 operations"), "{plan}");
    assert!(plan.contains("note: `disk` stands for `shop:disk`\n"), "{plan}");
    sandbox.deploy(&tenant, &[]).expect(0);
    assert!(sandbox.roles().contains(&"tenant of disk".to_owned()), "{:?}", sandbox.roles());
    let status = sandbox.run(&["status", "tenant:disk"]).expect(0).stdout;
    assert!(status.contains("stands for shop:disk"), "{status}");
    assert!(sandbox.deploy(&tenant, &[]).expect(0).stdout.contains("Nothing to do"));
    let logs = sandbox.run(&["logs", "tenant:disk"]).expect(1);
    assert!(logs.five_parts().stderr.contains("khutulun logs shop:disk"), "{}", logs.stderr);
    let explained = sandbox.run(&["explain", "requirement", "neighbour/connection", path]).expect(0).stdout;
    assert!(explained.contains("  shop.front/endpoint: chosen, as 0\n"), "{explained}");
    // What is inside of a node of another service is not for others.
    assert_eq!(explained.matches("shop.back/endpoint: ").count(), 1, "{explained}");
    // Whoever takes away what others stand for is told.
    let goes = "note: `disk` of `tenant` stands for `disk`, which goes, and nobody changes `tenant`";
    let plan = sandbox.run(&["plan", "--destroy", "shop"]).expect(2).stdout;
    assert!(plan.contains(goes), "{plan}");
    let destroyed = sandbox.run(&["destroy", "shop", "--yes"]).expect(0);
    assert!(destroyed.stderr.contains(goes), "{}", destroyed.stderr);
    let status = sandbox.run(&["status", "tenant:disk"]).expect(0).stdout;
    assert!(
        status.contains("gone") && status.contains("stands for shop:disk, which is not there"),
        "{status}"
    );
    let status = sandbox.run(&["status", "tenant:disk", "-o", "json"]).expect(0).json();
    assert_eq!(status["services"][0]["nodes"][0]["stands_for_nothing"], true, "{status:#}");
    sandbox.run(&["destroy", "tenant", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), []);
}

#[test]
fn a_run_that_is_resumed_says_that_something_waits() {
    let sandbox = Sandbox::new();
    let server = sandbox.path("server");
    let command = format!("command: [ {}, -c, exec sleep 100000 ]", server.display());
    let design = include_str!("designs/late.yaml").replacen("command: [ sleep, '100000' ]", &command, 1);
    sandbox.write("late/service.yaml", &design);
    let late = sandbox.path("late");
    sandbox.deploy(&late, &[]).expect(1).five_parts();
    std::os::unix::fs::symlink("/bin/sh", &server).unwrap();
    let resumed = sandbox.run(&["resume"]).expect(4);
    let open = "requirement `connection` of `client` was not known yet";
    assert!(resumed.five_parts().stderr.contains(open), "{}", resumed.stderr);
    assert_eq!(sandbox.roles(), ["server"]);
    sandbox.deploy(&late, &[]).expect(0);
    assert_eq!(sandbox.roles(), ["client", "front", "server"]);
    sandbox.run(&["destroy", "late", "--yes"]).expect(0);

    // With what is recorded of the design, resuming goes on to the end; nothing of the files is needed.
    std::fs::remove_file(&server).unwrap();
    sandbox.deploy(&late, &[]).expect(1);
    std::fs::remove_dir_all(&late).unwrap();
    std::os::unix::fs::symlink("/bin/sh", &server).unwrap();
    sandbox.run(&["resume", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), ["client", "front", "server"]);
}
