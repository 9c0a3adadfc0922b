//! The driver against a Podman that is a list of expected commands and their answers. The real one is met in
//! `khutulun-drivers`.

use super::*;
use crate::Podman;
use khutulun_plugin_sdk::{Answer, Error, Value, testing};

/// Expects commands in this order, each with its exit code, output and error output.
struct Script(Vec<(&'static str, i32, &'static str, &'static str)>);

impl testing::Host for Script {
    fn run(&mut self, request: &commands::Request) -> Result<Response, Error> {
        let said =
            format!("{} {}", request.program, request.arguments.join(" ")).replace(INSPECT_FORMAT, "FORMAT");
        assert!(!self.0.is_empty(), "nothing more was expected, and there is: {said}");
        let (expected, exit_code, stdout, stderr) = self.0.remove(0);
        assert_eq!(said, expected);
        Ok(Response {
            exit_code: Some(exit_code),
            signal: None,
            stdout: stdout.as_bytes().to_vec(),
            stderr: stderr.as_bytes().to_vec(),
        })
    }

    fn artifact(&mut self, digest: &str) -> Result<String, Error> {
        Ok(format!("/artifacts/{digest}"))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "expected and not run: {:?}", self.0);
        }
    }
}

const INSPECT: &str = "podman container inspect --format FORMAT khutulun-shop-web";
const NONE: (&str, i32, &str, &str) =
    (INSPECT, 125, "", "Error: inspecting: no such container khutulun-shop-web");

fn run(
    event: &str,
    properties: Value,
    script: Vec<(&'static str, i32, &'static str, &'static str)>,
) -> Answer {
    let request = Request {
        operation: "4-2-1".into(),
        event: format!("lifecycle.{event}"),
        service: "shop".into(),
        node: "web".into(),
        vertex: 9,
        context: Value::map([("properties", properties)]),
        timeout_ms: 1000,
        ..Request::default()
    };
    testing::with_host::<Podman>(Script(script), &request)
}

#[test]
fn create_tells_podman_all_that_the_properties_say() {
    let port = Value::map([("host_port", Value::Integer(8080))]).with("container_port", Value::Integer(80));
    let properties = Value::map([("image", "busybox")])
        .with("command", vec!["httpd", "-f"])
        .with("environment", Value::map([("A", "b c")]))
        .with("directory", "/srv")
        .with("user", "1000")
        .with("network", "bridge")
        .with("ports", vec![port])
        .with("stop_grace", Value::Integer(1500));
    let create = concat!(
        "podman create --name=khutulun-shop-web --label=khutulun.service=shop --label=khutulun.node=web ",
        "--label=khutulun.vertex=9 --label=khutulun.operation=4-2-1 --network=bridge --stop-timeout=2 --env=A=b c ",
        "--workdir=/srv --user=1000 --publish=127.0.0.1:8080:80/tcp busybox httpd -f"
    );
    let outputs = run(
        "create",
        properties,
        vec![
            NONE,
            (create, 0, "abc\n", ""),
            (INSPECT, 0, "abc\nimg\ncreated\n0\n0\nshop\nweb\n4-2-1\n\n", ""),
        ],
    )
    .unwrap();
    assert_eq!(outputs.get("state"), Some(&Value::from("stopped")));
    assert_eq!(outputs.get("id"), Some(&Value::from("abc")));
    assert_eq!(outputs.get("image_id"), Some(&Value::from("img")));
    assert_eq!(outputs.get("exit_code"), Some(&Value::Null));
}

#[test]
fn create_repeated_by_the_same_operation_does_nothing() {
    let found = (INSPECT, 0, "abc\nimg\ncreated\n0\n0\nshop\nweb\n4-2-1\n\n", "");
    run("create", Value::map([("image", "busybox")]), vec![found]).unwrap();
}

#[test]
fn a_container_of_somebody_else_is_left_alone() {
    for event in ["create", "start", "stop", "delete", "observe"] {
        let found = (INSPECT, 0, "abc\nimg\nrunning\n0\n7\n<no value>\n<no value>\n<no value>\n\n", "");
        let failure = run(event, Value::map([("image", "busybox")]), vec![found]).unwrap_err();
        assert_eq!(
            failure.message,
            "there is a container `khutulun-shop-web` that khutulun did not make: it is left alone"
        );
    }
}

#[test]
fn what_is_not_supported_is_named() {
    let check = |properties: Value, expected: &str| {
        let inspected = if properties.get("ports").is_some() { vec![] } else { vec![NONE] };
        assert_eq!(run("create", properties, inspected).unwrap_err().message, expected);
    };
    check(
        Value::map([("command", Value::from(vec!["x"]))]),
        "there is neither a property `image` nor an artifact `image`: a container is made from one",
    );
    check(
        Value::map([("image", "--privileged")]),
        "property `image` is `--privileged`, which is not the name of an image",
    );
    check(
        Value::map([("ports", vec![Value::map([("protocol", "sctp")])])]).with("network", "bridge"),
        "property `ports` has the protocol `sctp`, which is not supported; supported: tcp, udp",
    );
}

#[test]
fn a_failure_of_podman_is_told_in_its_words() {
    let failure = run(
        "stop",
        Value::Null,
        vec![
            (INSPECT, 0, "abc\nimg\nrunning\n0\n7\nshop\nweb\n4-1-1\n\n", ""),
            ("podman stop --ignore --time=10 khutulun-shop-web", 125, "", "time=x\nError: cannot stop\n"),
            (INSPECT, 0, "abc\nimg\nrunning\n0\n7\nshop\nweb\n4-1-1\n\n", ""),
        ],
    )
    .unwrap_err();
    assert_eq!(failure.message, "failed to stop container `khutulun-shop-web`: cannot stop");
}

#[test]
fn one_that_ends_just_when_it_is_to_be_killed_is_stopped_and_removed() {
    const STOP: &str = "podman stop --ignore --time=10 khutulun-shop-web";
    const REMOVE: &str = "podman rm --force --ignore --volumes --time=10 khutulun-shop-web";
    const SAID: &str = "Error: sending SIGKILL to container abc: container state improper: stopped\n";
    let running = (INSPECT, 0, "abc\nimg\nrunning\n0\n7\nshop\nweb\n4-1-1\n\n", "");
    let ended = (INSPECT, 0, "abc\nimg\nexited\n0\n0\nshop\nweb\n4-1-1\n\n", "");
    let state = |answer: Answer| answer.unwrap().get("state").cloned();
    let stopped = run("stop", Value::Null, vec![running, (STOP, 125, "", SAID), ended, ended]);
    assert_eq!(state(stopped), Some(Value::from("stopped")));
    let script = vec![running, (REMOVE, 125, "", SAID), ended, (REMOVE, 0, "", "")];
    assert_eq!(state(run("delete", Value::Null, script)), Some(Value::from("absent")));
}

#[test]
fn taking_down_what_is_not_there_is_fine() {
    let absent = Some(Value::from("absent"));
    assert_eq!(run("stop", Value::Null, vec![NONE]).unwrap().get("state"), absent.as_ref());
    assert_eq!(run("delete", Value::Null, vec![NONE]).unwrap().get("state"), absent.as_ref());
    assert_eq!(run("observe", Value::Null, vec![NONE]).unwrap().get("state"), absent.as_ref());
}

#[test]
fn an_image_archive_goes_before_the_property() {
    let request = Request {
        context: Value::map([("artifacts", Value::map([("image", Value::map([("digest", "d1")]))]))]),
        service: "shop".into(),
        node: "web".into(),
        event: "lifecycle.create".into(),
        ..Request::default()
    };
    let script = Script(vec![
        NONE,
        ("podman load --quiet --input /artifacts/d1", 0, "Loaded image: localhost/web:latest\n", ""),
        (
            concat!(
                "podman create --name=khutulun-shop-web --label=khutulun.service=shop --label=khutulun.node=web ",
                "--label=khutulun.vertex=0 --label=khutulun.operation= --network=host --stop-timeout=10 ",
                "localhost/web:latest"
            ),
            0,
            "abc\n",
            "",
        ),
        NONE,
    ]);
    testing::with_host::<Podman>(script, &request).unwrap();
}
