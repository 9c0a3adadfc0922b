//! The process driver, on this machine.

use std::{collections::BTreeMap, fs, path::Path};

use floria::Value;
use khutulun_api::FailureClass;

use crate::support::{Node, eventually, here};

fn node(folder: &tempfile::TempDir, command: &[&str]) -> Node {
    let command = Value::List(command.iter().map(|&word| word.into()).collect());
    let environment = Value::map([("GREETING", "hello")]);
    let properties = Value::map([("command", command), ("environment", environment)]);
    here(folder, BTreeMap::new()).node("process", "web", Value::map([("properties", properties)]))
}

#[test]
fn a_process_lives_its_life() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder, &["sh", "-c", "echo $GREETING from $0; exec sleep 300", "the-web"]);
    assert_eq!(node.state("observe"), "absent");
    node.run("create").unwrap();
    let started = node.run("start").unwrap();
    assert_eq!(started["state"], Value::from("running"));
    let pid = started["pid"].as_integer().unwrap();
    assert!(Path::new(&format!("/proc/{pid}")).exists());

    // The same operation once more, as after a crash, starts nothing.
    assert_eq!(node.again("start").unwrap()["pid"], Value::Integer(pid));
    assert_eq!(node.run("observe").unwrap()["pid"], Value::Integer(pid));

    let source = node.run("logs").unwrap()["source"].clone();
    let files = source.get("file").unwrap().as_list().unwrap().to_vec();
    let written =
        || files.iter().map(|file| fs::read_to_string(file.as_text().unwrap()).unwrap()).collect::<String>();
    eventually("its output is in a log file", || written().contains("hello from the-web\n"));

    assert_eq!(node.state("stop"), "stopped");
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(node.state("stop"), "stopped");
    assert_eq!(node.state("delete"), "absent");
    assert_eq!(node.state("delete"), "absent");
    assert_eq!(node.state("observe"), "absent");
}

#[test]
fn a_program_that_is_not_there_fails_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder, &["no-such-program-anywhere"]);
    let failure = node.run("start").unwrap_err();
    assert_eq!(failure.class, FailureClass::Permanent);
    assert!(failure.message.contains("no-such-program-anywhere"), "{failure:?}");
    assert_eq!(node.state("delete"), "absent");
}
