//! The Podman driver, on real Podman. `crates/driver-podman/tests/install-podman.sh` installs it on Debian.
//!
//! Whether Podman is there is only known at run time, so the tests have a harness that can skip them then: they count as
//! ignored, never as passed.

#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is the failure")]

#[allow(dead_code, unreachable_pub, reason = "shared with the other tests, which use all of it")]
#[path = "it/support.rs"]
mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use floria::Value;
use libtest_mimic::{Arguments, Trial};

use support::{Here, eventually, here};

fn main() -> ExitCode {
    let missing = Podman::new().err();
    if let Some(why) = &missing {
        eprintln!("SKIPPED: {why}; run crates/driver-podman/tests/install-podman.sh as root");
    }
    let tests: [(&str, fn()); 3] = [
        ("a_container_lives_its_life", a_container_lives_its_life),
        (
            "a_container_that_ends_at_once_fails_its_start_with_its_last_lines",
            a_container_that_ends_at_once_fails_its_start_with_its_last_lines,
        ),
        (
            "an_image_that_cannot_be_had_and_a_container_of_somebody_else_are_told",
            an_image_that_cannot_be_had_and_a_container_of_somebody_else_are_told,
        ),
    ];
    let trial = |(name, test): (&str, fn())| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(missing.is_some())
    };
    libtest_mimic::run(&Arguments::from_args(), tests.into_iter().map(trial).collect()).exit_code()
}

/// A Podman of the test's own: another storage, and a configuration that works in containers and on both cgroup layouts.
struct Podman {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Podman {
    /// Returns it, or why there is none.
    fn new() -> Result<Self, String> {
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
        let busybox = busybox.ok_or("there is no busybox-static to make an image of")?;
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).display().to_string();
        // An old crun refuses a hybrid cgroup layout, and a process without CAP_SYS_RESOURCE may not raise limits.
        fs::write(
            place("containers.conf"),
            "[containers]\ndefault_ulimits = [\"nofile=1024:20000\", \"nproc=4096:4096\"]\nlog_driver = \"k8s-file\"\n\
             [engine]\nruntime = \"runc\"\nevents_logger = \"file\"\ncgroup_manager = \"cgroupfs\"\n",
        )
        .unwrap();
        fs::write(
            place("storage.conf"),
            format!(
                "[storage]\ndriver = \"vfs\"\ngraphroot = {:?}\nrunroot = {:?}\n",
                place("graph"),
                place("run")
            ),
        )
        .unwrap();
        let environment = BTreeMap::from([
            ("CONTAINERS_CONF".to_owned(), place("containers.conf")),
            ("CONTAINERS_STORAGE_CONF".to_owned(), place("storage.conf")),
        ]);
        let podman = Self { folder, environment };
        podman
            .command("podman", &["info", "--format", "{{.Version.Version}}"])
            .map_err(|error| format!("podman does not run: {error}"))?;
        podman.make_image(busybox);
        // Whether it can run anything at all is the machine's matter, and no mistake of the driver.
        podman
            .command("podman", &["run", "--rm", "--network=host", "localhost/tiny", "true"])
            .map_err(|error| format!("podman cannot run a container here: {error}"))?;
        Ok(podman)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(program)
            .args(arguments)
            .envs(&self.environment)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn podman(&self, arguments: &[&str]) -> String {
        self.command("podman", arguments).unwrap()
    }

    /// Makes an image of one static program: no registry is needed.
    fn make_image(&self, busybox: &str) {
        let root = self.folder.path().join("root");
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::create_dir_all(root.join("tmp")).unwrap();
        fs::copy(busybox, root.join("bin/busybox")).unwrap();
        for name in ["sh", "sleep", "true", "echo", "cat"] {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
        }
        let archive = self.folder.path().join("root.tar");
        let (root, archive) = (root.to_str().unwrap(), archive.to_str().unwrap());
        self.command("tar", &["--create", "--file", archive, "--directory", root, "."]).unwrap();
        self.podman(&["import", "--change", "ENV=PATH=/bin", archive, "localhost/tiny:latest"]);
    }

    fn machine(&self) -> Here {
        here(&self.folder, self.environment.clone())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Its storage goes with the folder, once nothing is mounted in it.
        let _ = self.command("podman", &["rm", "--all", "--force", "--time=0"]);
    }
}

fn properties(command: &[&str]) -> Value {
    let command = Value::List(command.iter().map(|&word| word.into()).collect());
    let environment = Value::map([("GREETING", "hello there")]);
    Value::map([("command", command), ("environment", environment), ("stop_grace", Value::Integer(300_000))])
}

fn a_container_lives_its_life() {
    let podman = Podman::new().unwrap();
    // The image comes as an archive beside the template, and is not there otherwise.
    let archive = podman.folder.path().join("image.tar");
    podman.podman(&["save", "--quiet", "--output", archive.to_str().unwrap(), "localhost/tiny:latest"]);
    podman.podman(&["image", "rm", "localhost/tiny:latest"]);
    let machine = podman.machine();
    let digest = machine.machine.state().store_artifact(&fs::read(&archive).unwrap(), false).unwrap();
    let image = Value::map([("path", Value::from("image.tar")), ("digest", Value::from(digest))]);
    let command = ["sh", "-c", "trap 'exit 0' TERM; echo $GREETING; while true; do sleep 1; done"];
    let context =
        Value::map([("properties", properties(&command)), ("artifacts", Value::map([("image", image)]))]);
    let node = machine.node("podman", "web", context);

    assert_eq!(node.state("observe"), "absent");
    let created = node.run("create").unwrap();
    assert_eq!(created["state"], Value::from("stopped"));
    assert_eq!(created["name"], Value::from("khutulun-shop-web"));
    // The same operation once more, as after a crash, makes nothing new.
    assert_eq!(node.again("create").unwrap()["id"], created["id"]);

    let started = node.run("start").unwrap();
    assert_eq!(started["state"], Value::from("running"));
    let pid = started["pid"].as_integer().unwrap();
    assert!(Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(node.again("start").unwrap()["pid"], Value::Integer(pid));
    let observed = node.run("observe").unwrap();
    assert_eq!((&observed["state"], &observed["id"]), (&Value::from("running"), &created["id"]));
    assert!(observed["image_id"].as_text().unwrap().len() >= 64);

    // An operator sees an ordinary container with labels.
    let format = "{{.Labels}}";
    let labels = podman.podman(&["ps", "--filter", "label=khutulun.service=shop", "--format", format]);
    assert!(labels.contains("khutulun.node:web"), "{labels}");
    assert!(labels.contains("khutulun.vertex:7"), "{labels}");

    let source = node.run("logs").unwrap()["source"].clone();
    let words = |name: &str| {
        let words = source.get(name).unwrap().as_list().unwrap().iter();
        words.map(|word| word.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(source.get("program"), Some(&Value::from("podman")));
    assert_eq!(words("follow-arguments"), ["logs", "--follow", "khutulun-shop-web"]);
    let logs = || podman.podman(&words("arguments").iter().map(String::as_str).collect::<Vec<_>>());
    eventually("its output is in its log", || logs() == "hello there\n");

    let stopped = node.run("stop").unwrap();
    assert_eq!(stopped["state"], Value::from("stopped"));
    assert_eq!(stopped["pid"], Value::Null);
    assert_eq!(node.state("stop"), "stopped");
    assert_eq!(node.state("start"), "running");
    // Before that, the first process of a container does not hear TERM.
    eventually("it has begun again", || logs() == "hello there\nhello there\n");
    assert_eq!(node.state("delete"), "absent");
    assert_eq!(node.state("delete"), "absent");
    assert_eq!(node.state("observe"), "absent");
    assert_eq!(podman.podman(&["ps", "--all", "--quiet"]), "");
}

fn a_container_that_ends_at_once_fails_its_start_with_its_last_lines() {
    let podman = Podman::new().unwrap();
    let command = ["sh", "-c", "echo it was not to be >&2; exit 3"];
    let Value::Map(mut properties) = properties(&command) else { panic!() };
    properties.insert("image".into(), "localhost/tiny".into());
    let node = podman.machine().node("podman", "job", Value::map([("properties", Value::Map(properties))]));
    node.run("create").unwrap();
    // Podman answers before the program ended or after.
    match node.run("start") {
        Err(failure) => {
            assert_eq!(failure.message, "container `khutulun-shop-job` ended at once with code 3");
            assert_eq!(failure.detail, "it was not to be\n");
        }
        Ok(_) => eventually("it failed", || node.state("observe") == "failed"),
    }
    assert_eq!(node.run("observe").unwrap()["exit_code"], Value::Integer(3));
    assert_eq!(node.state("delete"), "absent");
}

fn an_image_that_cannot_be_had_and_a_container_of_somebody_else_are_told() {
    let podman = Podman::new().unwrap();
    podman.podman(&["create", "--name=khutulun-shop-web", "localhost/tiny", "true"]);
    let Value::Map(mut properties) = properties(&["true"]) else { panic!() };
    properties.insert("image".into(), "localhost/no-such-image".into());
    let context = Value::map([("properties", Value::Map(properties))]);
    let node = podman.machine().node("podman", "web", context.clone());
    for event in ["create", "delete"] {
        assert_eq!(
            node.run(event).unwrap_err().message,
            "there is a container `khutulun-shop-web` that khutulun did not make: it is left alone"
        );
    }
    let node = podman.machine().node("podman", "other", context);
    let failure = node.run("create").unwrap_err();
    assert!(failure.message.starts_with("failed to create container `khutulun-shop-other`: "), "{failure:?}");
}
