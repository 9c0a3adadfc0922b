//! Scripts as operations.

use std::{collections::BTreeMap, fs, path::PathBuf};

use floria::{Artifact, Implementation, Value, VertexId};
use khutulun_api::{
    Executor as _, Failure, FailureClass, Operation, OperationId, Outcome, Recovery, RunId, Subject,
};
use khutulun_host::ScriptExecutor;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::support::{Sandbox, eventually, family, is_alive, signal};

struct Bench {
    sandbox: Sandbox,
    executor: ScriptExecutor,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let executor = ScriptExecutor::new(&sandbox.machine);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { sandbox, executor, runtime }
    }

    fn artifact(&self, path: &str, content: &str) -> Artifact {
        let digest = self.sandbox.machine.state().store_artifact(content.as_bytes(), false).expect("stored");
        Artifact { path: path.to_owned(), digest }
    }

    fn operation(&self, path: &str, content: &str) -> Operation {
        Operation {
            id: OperationId { run: RunId(7), step: 2, attempt: 1 },
            subject: Subject {
                service: "shop".to_owned(),
                node: "web".to_owned(),
                vertex: VertexId(1),
                relationship: None,
                origin: None,
            },
            event: "lifecycle.configure".to_owned(),
            implementation: Implementation::Script {
                artifact: self.artifact(path, content),
                dependencies: Vec::new(),
            },
            inputs: BTreeMap::new(),
            context: Value::Null,
            timeout_ms: 600_000,
            epoch: 0,
            repeatable: false,
        }
    }

    fn folder(&self) -> PathBuf {
        self.sandbox.root().join("operations/7-2-1")
    }

    fn execute(&self, operation: &Operation) -> Outcome {
        self.runtime.block_on(self.executor.execute(operation))
    }

    fn recover(&self, operation: &Operation) -> Recovery {
        self.runtime.block_on(self.executor.recover(operation))
    }

    /// Executes a script on another thread, as an engine does that is then forgotten.
    fn begin(&self, operation: &Operation) -> std::thread::JoinHandle<Outcome> {
        let (executor, operation) = (self.executor.clone(), operation.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(executor.execute(&operation))
        })
    }

    fn record(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&fs::read(self.folder().join("status.json")).ok()?).ok()
    }

    fn pid(&self, who: &str) -> u32 {
        let record = self.record().expect("a record");
        record[who]["pid"].as_u64().expect("a pid").try_into().expect("a pid")
    }

    fn wait_until_it_runs(&self) {
        eventually("the script runs", || self.record().is_some_and(|record| record["phase"] == "running"));
    }
}

fn outputs<const N: usize>(entries: [(&str, Value); N]) -> Outcome {
    Outcome::Succeeded(entries.map(|(name, value)| (name.to_owned(), value)).into())
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Succeeded(outputs) => panic!("it succeeded: {outputs:?}"),
    }
}

#[test]
fn a_script_gets_inputs_as_variables_and_json_and_gives_outputs_as_json() {
    let bench = Bench::new();
    let mut operation = bench.operation(
        "scripts/configure.sh",
        r#"
        cat > seen.json
        . ../lib.sh
        printf '{"text": "%s", "list": %s, "from": "%s", "library": "%s", "pwd": "%s"}' \
            "$greeting" "$KHUTULUN_INPUT_PORT_RANGE" "$KHUTULUN_SERVICE/$KHUTULUN_NODE/$KHUTULUN_EVENT/$KHUTULUN_OPERATION" \
            "$library" "$(basename "$PWD")" > "$KHUTULUN_OUTPUTS"
        echo talk
        cp seen.json /proc/self/fd/2
        "#,
    );
    let library = bench.artifact("lib.sh", "library=here\n");
    let Implementation::Script { dependencies, .. } = &mut operation.implementation else { unreachable!() };
    dependencies.push(library);
    operation.inputs.insert("greeting".to_owned(), Value::from("hello \"you\" $HOME".replace('"', "'")));
    operation.inputs.insert("port-range".to_owned(), Value::from(vec![Value::Integer(1), Value::Integer(2)]));
    operation.context = Value::map([("properties", Value::map([("colour", "green")]))]);
    let expected = outputs([
        ("text", Value::from("hello 'you' $HOME")),
        ("list", Value::from(vec![Value::Integer(1), Value::Integer(2)])),
        ("from", Value::from("shop/web/lifecycle.configure/7-2-1")),
        ("library", Value::from("here")),
        ("pwd", Value::from("scripts")),
    ]);
    assert_eq!(bench.execute(&operation), expected);
    let seen = fs::read_to_string(bench.folder().join("files/scripts/seen.json")).expect("its input");
    assert_eq!(
        seen,
        "{\"service\":\"shop\",\"node\":\"web\",\"event\":\"lifecycle.configure\",\"operation\":\"7-2-1\",\
         \"inputs\":{\"greeting\":\"hello 'you' $HOME\",\"port-range\":[1,2]},\
         \"context\":{\"properties\":{\"colour\":\"green\"}}}"
    );
    assert_eq!(fs::read_to_string(bench.folder().join("stdout.log")).expect("a log"), "talk\n");

    assert_eq!(bench.recover(&operation), Recovery::Finished(expected.clone()));
    fs::remove_file(bench.folder().join("files/scripts/seen.json")).expect("removed");
    assert_eq!(bench.execute(&operation), expected, "an operation that succeeded has its effect once");
    assert!(!bench.folder().join("files/scripts/seen.json").exists());
    bench.executor.forget(&operation.id).expect("forgotten");
    bench.executor.forget(&operation.id).expect("what is not there is fine");
    assert!(!bench.sandbox.root().join("operations").exists(), "nothing is left");
}

#[test]
fn what_a_script_prints_is_its_outputs_when_it_is_one_json_object() {
    let cases = [
        ("echo '{\"port\": 80}'", outputs([("port", Value::Integer(80))])),
        ("echo done", outputs([])),
        ("echo '[1]'", outputs([])),
        ("true", outputs([])),
    ];
    for (script, expected) in cases {
        let bench = Bench::new();
        assert_eq!(bench.execute(&bench.operation("s.sh", script)), expected, "{script}");
    }
}

#[test]
fn a_script_says_how_it_is_run() {
    let cases = [
        ("s", "#!/bin/sh\necho '{\"ran\": 1}'", Ok(())),
        ("s.sh", "#!/usr/bin/env python3\nprint('{\"ran\": 1}')", Ok(())),
        ("s.py", "print('{\"ran\": 1}')", Ok(())),
        ("s.sh", "echo '{\"ran\": 1}'", Ok(())),
        (
            "s",
            "echo",
            Err("nothing says how to run `s`: begin it with `#!` and an interpreter, or name it .sh or .py"),
        ),
        ("s", "#!/no/such\n", Err("the interpreter of program")),
        ("../s.sh", "true", Err("`../s.sh` is not the path of a file inside a package")),
        ("/s.sh", "true", Err("`/s.sh` is not the path of a file inside a package")),
    ];
    for (path, content, expected) in cases {
        let bench = Bench::new();
        let outcome = bench.execute(&bench.operation(path, content));
        match expected {
            Ok(()) => assert_eq!(outcome, outputs([("ran", Value::Integer(1))]), "{path}: {content}"),
            Err(message) => {
                let failure = failure(outcome);
                assert_eq!(failure.class, FailureClass::Permanent);
                assert!(failure.message.contains(message), "{}", failure.message);
            }
        }
    }
}

#[test]
fn a_script_that_fails_says_why() {
    let long = "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1";
    let cases = [
        (
            "echo out; echo why >&2; exit 3",
            FailureClass::Permanent,
            "script `s.sh` ended with code 3",
            "why\n",
        ),
        ("echo out; exit 3", FailureClass::Permanent, "script `s.sh` ended with code 3", "out\n"),
        ("exit 75", FailureClass::Transient, "script `s.sh` ended with code 75, which asks to try again", ""),
        ("kill -9 $$", FailureClass::Permanent, "script `s.sh` was ended by signal 9", ""),
        (long, FailureClass::Permanent, "script `s.sh` ended with code 1", "line 2999\n"),
    ];
    for (script, class, message, end) in cases {
        let bench = Bench::new();
        let failure = failure(bench.execute(&bench.operation("s.sh", script)));
        assert_eq!((failure.class, failure.message.as_str()), (class, message));
        assert!(failure.detail.ends_with(end) && failure.detail.len() <= 4096, "{}", failure.detail);
    }
    let bench = Bench::new();
    let failure = failure(bench.execute(&bench.operation("s.sh", "echo '[1]' > $KHUTULUN_OUTPUTS")));
    let expected = "script `s.sh` succeeded, but the file of its outputs is not a JSON object";
    assert!(failure.message.starts_with(expected), "{}", failure.message);
}

#[test]
fn a_failed_attempt_is_not_repeated_but_followed_by_the_next() {
    let bench = Bench::new();
    let mark = bench.sandbox.root().join("mark");
    let script = format!("[ -e {0} ] && exit 0; touch {0}; exit 75", mark.display());
    let mut operation = bench.operation("s.sh", &script);
    assert_eq!(failure(bench.execute(&operation)).class, FailureClass::Transient);
    assert_eq!(failure(bench.execute(&operation)).class, FailureClass::Transient);
    operation.id.attempt = 2;
    assert_eq!(bench.execute(&operation), outputs([]));
}

#[test]
fn a_script_ends_with_its_time_limit_and_its_group_with_it() {
    let bench = Bench::new();
    let mut operation = bench.operation("s.sh", "trap '' TERM; sleep 1001 & while :; do sleep 0.01; done");
    operation.timeout_ms = 100;
    let failure = failure(bench.execute(&operation));
    assert_eq!(failure.class, FailureClass::Permanent);
    assert_eq!(failure.message, "script `s.sh` took longer than 100 ms and was ended");
    let entry = format!("KHUTULUN_FOLDER={}", bench.folder().display());
    eventually("the end of the group", || family(&entry).is_empty());
}

#[test]
fn the_output_of_a_script_is_bounded() {
    let bench = Bench::new();
    let operation =
        bench.operation("s.sh", "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 1");
    let failure = failure(bench.execute(&operation));
    assert_eq!(failure.detail.len(), 4096);
    for name in ["stdout.log", "stderr.log"] {
        assert_eq!(fs::metadata(bench.folder().join(name)).expect("a log").len(), 1 << 20);
    }
}

#[test]
fn a_changed_or_missing_artifact_is_refused_before_anything_runs() {
    let bench = Bench::new();
    let operation = bench.operation("s.sh", "true");
    let Implementation::Script { artifact, .. } = &operation.implementation else { unreachable!() };
    let path = bench.sandbox.root().join("artifacts").join(&artifact.digest);
    fs::remove_file(&path).expect("removed");
    let outcome = failure(bench.execute(&operation));
    assert_eq!(outcome.class, FailureClass::Permanent);
    assert!(
        outcome.message.ends_with(&format!("artifact {} was not found", artifact.digest)),
        "{}",
        outcome.message
    );
    fs::write(&path, "evil").expect("forged");
    let outcome = failure(bench.execute(&operation));
    assert!(outcome.message.contains("was changed: its digest is"), "{}", outcome.message);
    assert!(!bench.folder().join("started").exists());
}

#[test]
fn an_operation_that_was_not_started_is_fenced_when_that_is_said() {
    let bench = Bench::new();
    let operation = bench.operation("s.sh", "echo '{\"ran\": 1}'");
    assert_eq!(bench.recover(&operation), Recovery::NeverStarted);
    assert_eq!(bench.recover(&operation), Recovery::NeverStarted);
    // A supervisor of the dead run that comes late finds the marker; what it was told is what the executor tells one.
    let mut late = std::process::Command::new(crate::support::SUPERVISOR)
        .args(["supervise".as_ref(), bench.folder().as_os_str()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a supervisor");
    let Implementation::Script { artifact, .. } = &operation.implementation else { unreachable!() };
    let assignment = serde_json::json!({ "Script": {
        "artifacts": bench.sandbox.root().join("artifacts"), "script": artifact, "dependencies": [],
        "environment": {}, "input": "{}", "timeout_ms": 1000,
    }});
    let mut stdin = late.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut stdin, format!("{assignment}\n").as_bytes()).expect("told");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut late.stdout.take().expect("a pipe"), &mut answer).expect("an answer");
    late.wait().expect("ended");
    assert_eq!(answer, "\"Already\"\n");
    assert!(!bench.folder().join("result.json").exists());
    assert_eq!(bench.recover(&operation), Recovery::NeverStarted);
    assert_eq!(bench.execute(&operation), outputs([("ran", Value::Integer(1))]), "it may be executed now");
}

#[test]
fn a_supervisor_whose_starter_is_gone_starts_nothing() {
    let bench = Bench::new();
    let operation = bench.operation("s.sh", "true");
    fs::create_dir_all(bench.folder()).expect("a folder");
    let Implementation::Script { artifact, .. } = &operation.implementation else { unreachable!() };
    let assignment = serde_json::json!({ "Script": {
        "artifacts": bench.sandbox.root().join("artifacts"), "script": artifact, "dependencies": [],
        "environment": {}, "input": "{}", "timeout_ms": 1000,
    }});
    // A pipe whose writer is gone before the supervisor reads, with the whole assignment in it.
    let file = bench.sandbox.root().join("assignment");
    fs::write(&file, format!("{assignment}\n")).expect("written");
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    std::io::Write::write_all(&mut writer, &fs::read(&file).expect("read")).expect("told");
    drop(writer);
    // A program that another test starts at this moment has a copy of the writer until it is executed.
    eventually("nobody has the other end", || {
        let mut polled = [PollFd::new(&reader, PollFlags::empty())];
        rustix::event::poll(&mut polled, Some(&Timespec::default())).expect("polled") == 1
    });
    let output = std::process::Command::new(crate::support::SUPERVISOR)
        .args(["supervise".as_ref(), bench.folder().as_os_str()])
        .stdin(reader)
        .output()
        .expect("a supervisor");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"Refused\":\"the starter is gone\"}\n");
    assert!(!bench.folder().join("started").exists());
}

#[test]
fn a_script_goes_on_without_its_starter_and_recovery_waits_for_it() {
    let bench = Bench::new();
    let go = bench.sandbox.root().join("go");
    let script = format!("until [ -e {} ]; do sleep 0.01; done; echo '{{\"ran\": 1}}'", go.display());
    let operation = bench.operation("s.sh", &script);
    let engine = bench.begin(&operation);
    bench.wait_until_it_runs();
    assert!(bench.executor.forget(&operation.id).is_err(), "it runs");
    let recovery = bench.begin_recovery(&operation);
    let again = bench.begin(&operation);
    fs::write(&go, "").expect("go");
    let expected = outputs([("ran", Value::Integer(1))]);
    assert_eq!(recovery.join().expect("recovered"), Recovery::Finished(expected.clone()));
    assert_eq!(again.join().expect("executed"), expected, "the same, not another");
    assert_eq!(engine.join().expect("executed"), expected);
    assert_eq!(fs::read_to_string(bench.folder().join("stdout.log")).expect("a log"), "{\"ran\": 1}\n");
}

impl Bench {
    fn begin_recovery(&self, operation: &Operation) -> std::thread::JoinHandle<Recovery> {
        let (executor, operation) = (self.executor.clone(), operation.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(executor.recover(&operation))
        })
    }
}

#[test]
fn a_script_that_lost_its_supervisor_is_waited_for_and_its_outcome_is_unknown() {
    let bench = Bench::new();
    let go = bench.sandbox.root().join("go");
    let script = format!("until [ -e {} ]; do sleep 0.01; done", go.display());
    let operation = bench.operation("s.sh", &script);
    let engine = bench.begin(&operation);
    bench.wait_until_it_runs();
    let script = bench.pid("child");
    signal("KILL", bench.pid("supervisor"));
    let recovery = bench.begin_recovery(&operation);
    assert!(is_alive(script));
    fs::write(&go, "").expect("go");
    let Recovery::Unknown(text) = recovery.join().expect("recovered") else { panic!("it is not known") };
    assert!(text.starts_with("the script's supervisor was ended by somebody"), "{text}");
    assert!(!is_alive(script));
    assert_eq!(failure(engine.join().expect("ended")).class, FailureClass::UnknownOutcome);
    assert!(matches!(bench.recover(&operation), Recovery::Unknown(_)));
    assert_eq!(failure(bench.execute(&operation)).class, FailureClass::UnknownOutcome, "never twice");
}

#[test]
fn a_script_that_a_power_loss_ended_is_unknown() {
    let bench = Bench::new();
    let operation = bench.operation("s.sh", "true");
    bench.execute(&operation);
    fs::remove_file(bench.folder().join("result.json")).expect("lost");
    let mut record = bench.record().expect("a record");
    record["phase"] = "running".into();
    record["boot_id"] = "another".into();
    fs::write(bench.folder().join("status.json"), record.to_string()).expect("written");
    let Recovery::Unknown(text) = bench.recover(&operation) else { panic!("it is not known") };
    assert!(text.starts_with("the machine was started again while the script ran"), "{text}");
}

#[test]
fn one_that_says_that_it_is_repeatable_is_run_again_where_nobody_knows_how_it_ended() {
    let bench = Bench::new();
    let mut operation = bench.operation("s.sh", "true");
    operation.repeatable = true;
    bench.execute(&operation);
    fs::remove_file(bench.folder().join("result.json")).expect("lost");
    let mut record = bench.record().expect("a record");
    record["phase"] = "running".into();
    record["boot_id"] = "another".into();
    fs::write(bench.folder().join("status.json"), record.to_string()).expect("written");
    assert_eq!(bench.recover(&operation), Recovery::Repeatable);
    // Whoever comes next knows that it was started, also where nobody says so again.
    operation.repeatable = false;
    assert_eq!(bench.recover(&operation), Recovery::Repeatable, "asked twice");
    assert!(matches!(bench.execute(&operation), Outcome::Succeeded(_)));
}

#[test]
fn what_is_remembered_as_unknown_is_run_again_once_somebody_says_so() {
    let bench = Bench::new();
    let mut operation = bench.operation("s.sh", "echo '{\"ran\": 1}'");
    bench.execute(&operation);
    let class = FailureClass::UnknownOutcome;
    let unknown = Outcome::Failed(Failure { class, ..Failure::permanent("waiting for it failed") });
    let result = serde_json::to_vec(&unknown).expect("JSON");
    fs::write(bench.folder().join("result.json"), result).expect("written");
    assert_eq!(bench.recover(&operation), Recovery::Finished(unknown));
    operation.repeatable = true;
    assert_eq!(bench.recover(&operation), Recovery::Repeatable);
    assert_eq!(bench.execute(&operation), outputs([("ran", Value::Integer(1))]));
}

#[test]
fn a_script_gets_the_paths_of_artifacts_that_are_inputs() {
    let bench = Bench::new();
    let script = r#"printf '{"text": "%s", "name": "%s", "other": "%s"}' "$(cat "$page")" "$(basename "$page")" "$other""#;
    let mut operation = bench.operation("configure.sh", script);
    let page = bench.artifact("site/page.html", "<p>");
    let location = page.location();
    operation.inputs = BTreeMap::from([
        ("page".to_owned(), location.as_str().into()),
        ("other".to_owned(), format!("not {location}").into()),
    ]);
    let path = bench.folder().join("files/artifacts").join(&page.digest).join("page.html");
    operation.context = Value::map([("properties", Value::List(vec![location.as_str().into()]))]);
    let expected = [
        ("text", "<p>".into()),
        ("name", "page.html".into()),
        ("other", Value::Text(format!("not {location}"))),
    ];
    assert_eq!(bench.execute(&operation), outputs(expected));
    let input = fs::read_to_string(bench.folder().join("input.json")).expect("its standard input");
    assert!(input.contains(&format!("\"properties\":[\"{}\"]", path.display())), "{input}");
    assert_eq!(fs::read_to_string(path).expect("the file is laid out"), "<p>");
}
