//! Plugins that came with a service: what they are not granted is denied, and what they break is only their own.

use std::fs;

use crate::sandbox::Sandbox;

/// The component that misbehaves, shared with the tests of the sandbox itself.
const HOSTILE: &[u8] = include_bytes!("../../../khutulun-wasm/tests/guests/hostile.wasm");

fn deploy(sandbox: &Sandbox) {
    sandbox.write("hostile/service.yaml", include_str!("designs/hostile.yaml"));
    fs::write(sandbox.path("hostile/hostile.wasm"), HOSTILE).unwrap();
    sandbox.run(&["deploy", "hostile", "--yes"]).expect(0);
}

#[test]
fn what_a_plugin_was_not_granted_is_denied_and_told() {
    let sandbox = Sandbox::new();
    deploy(&sandbox);
    for (operation, inputs, wanted) in [
        ("Mischief.command", &["1=/bin/echo", "2=hello"][..], "/bin/echo"),
        ("Mischief.read", &["1=/etc/passwd"], "/etc/passwd"),
        ("Mischief.socket", &["1=/run/docker.sock"], "/run/docker.sock"),
    ] {
        let mut arguments = vec!["run", operation, "plugin", "-o", "json", "--progress", "plain"];
        arguments.extend(inputs.iter().flat_map(|input| ["-i", input]));
        let ended = sandbox.run(&arguments).expect(0);
        assert_eq!(ended.json()["steps"][0]["outputs"]["answer"], "denied", "{operation}");
        assert!(ended.stderr.contains("denied") && ended.stderr.contains(wanted), "{}", ended.stderr);
    }
    // It fails of what it was denied: that is an exit code of its own.
    let ended = sandbox.run(&["run", "Mischief.denied-then-fail", "plugin"]).expect(7);
    ended.five_parts();
    assert!(ended.stderr.contains("grants.yaml"), "{}", ended.stderr);

    // The operator grants the command, and only that.
    sandbox
        .write("state/grants.yaml", "hostile:\n  commands:\n  - program: /bin/echo\n    arguments: ['*']\n");
    let granted = ["run", "Mischief.command", "plugin", "-i", "1=/bin/echo", "-i", "2=hello", "-o", "json"];
    assert_eq!(sandbox.run(&granted).expect(0).json()["steps"][0]["outputs"]["answer"], "done");
    let read = ["run", "Mischief.write", "plugin", "-i", "1=/tmp/khutulun-hostile", "-o", "json"];
    assert_eq!(sandbox.run(&read).expect(0).json()["steps"][0]["outputs"]["answer"], "denied");
    sandbox.write("state/grants.yaml", "hostile:\n  comands: []\n");
    let wrong = sandbox.run(&granted).expect(7);
    assert!(wrong.stderr.contains("comands") && wrong.stderr.contains("grants.yaml"), "{}", wrong.stderr);
}

#[test]
fn a_plugin_that_traps_or_loops_fails_its_operation_and_nothing_else() {
    let sandbox = Sandbox::new();
    deploy(&sandbox);
    let trapped = sandbox.run(&["run", "Mischief.panic", "plugin"]).expect(1);
    trapped.five_parts();
    assert!(!trapped.stderr.contains("a bug in khutulun"), "{}", trapped.stderr);
    let looped = sandbox.run(&["run", "Mischief.loop", "plugin"]).expect(1);
    looped.five_parts();
    assert!(looped.stderr.contains("hostile/service.yaml:"), "{}", looped.stderr);
    sandbox.run(&["status"]).expect(0);
    sandbox.run(&["destroy", "hostile", "--yes"]).expect(0);
}

#[test]
fn a_template_adapts_or_refuses_before_anything_is_planned() {
    let sandbox = Sandbox::new();
    let design = include_str!("designs/adapting.yaml");
    sandbox.write("adapting/service.yaml", design);
    fs::write(sandbox.path("adapting/hostile.wasm"), HOSTILE).unwrap();
    // A plan already sees what the hook says, and makes no state.
    sandbox.run(&["plan", "adapting"]).expect(2);
    assert!(!sandbox.path("state").exists());
    sandbox.run(&["deploy", "adapting", "--yes"]).expect(0);
    assert_eq!(sandbox.run(&["outputs", "-o", "json"]).expect(0).json()["outputs"]["region"], "north");
    sandbox.run(&["plan", "adapting"]).expect(0);

    // The other hook of this plugin reads a file, which no hook may.
    let refusing = design.replace(
        "          before:\n            inputs",
        "          after: plugin\n          before:\n            inputs",
    );
    assert_ne!(refusing, design);
    sandbox.write("adapting/service.yaml", &refusing);
    let refused = sandbox.run(&["deploy", "adapting", "--yes"]).expect(3);
    refused.five_parts();
    assert!(
        refused.stderr.contains("`place` cannot be made")
            && refused.stderr.contains("adapting/service.yaml:"),
        "{}",
        refused.stderr
    );
    sandbox.run(&["destroy", "adapting", "--yes"]).expect(0);
}
