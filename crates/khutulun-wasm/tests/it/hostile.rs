//! Whatever a plugin does, it fails its own operation and nothing else.

use std::{sync::Arc, time::Duration};

use floria::{Implementation, Value};
use khutulun_api::{Executor, FailureClass, Outcome};
use khutulun_wasm::{Grant, GrantPolicy, Limits, WasmExecutor};

use crate::support::{Double, HOSTILE, Heard, failure, hostile, operation, outputs, plugin};

/// Small limits, so that tests end soon.
fn limits() -> Limits {
    Limits { requests_max: 50, log_lines_max: 5, ..Limits::default() }
}

/// The same for those that loop until they are stopped.
fn looping() -> Limits {
    Limits { computing_ms_max: 300, ..limits() }
}

fn check(limits: Limits, event: &str, expected: &str) {
    let (machine, implementation) = hostile();
    let executor = WasmExecutor::new(machine, Vec::new()).with_limits(limits);
    let failure = failure(&executor, &implementation, event);
    assert_eq!(failure.message, format!("plugin `plugins/hostile.wasm` {expected}"), "{event}");
    assert_eq!(failure.class, FailureClass::Permanent, "{event}");
    // The next call is as if nothing had been.
    assert_eq!(outputs(&executor, &implementation, "calls", &[])["calls"], Value::Integer(1));
}

#[test]
fn one_that_loops_is_stopped() {
    check(looping(), "loop", "was stopped: it computed for more than 300 ms without asking for anything");
}

#[test]
fn one_that_loops_in_its_log_is_stopped_and_its_log_is_cut() {
    let (machine, implementation) = hostile();
    let heard = Arc::new(Heard::default());
    let executor = WasmExecutor::new(machine, Vec::new()).with_limits(looping()).with_reports(heard.clone());
    let failure = failure(&executor, &implementation, "loop-with-log");
    assert!(failure.message.contains("was stopped: it computed for more than 300 ms"), "{failure:?}");
    let mut expected = vec!["web Info: again"; 5];
    expected.push("web Warning: more than 5 lines: the rest is dropped");
    assert_eq!(heard.lines(), expected);
}

#[test]
fn one_that_asks_without_end_is_stopped() {
    let (machine, implementation) = hostile();
    let allowed = Grant { processes: true, ..Grant::default() };
    let executor = WasmExecutor::new(machine.clone(), Vec::new())
        .with_limits(limits())
        .with_policy(GrantPolicy::new().allow("hostile", allowed));
    let failure = failure(&executor, &implementation, "loop-with-requests");
    assert_eq!(failure.message, "plugin `plugins/hostile.wasm` was stopped: it made more than 50 requests");
    assert_eq!(machine.asked().len(), 50);
}

#[test]
fn one_that_uses_up_its_time_in_requests_is_stopped() {
    let machine = Arc::new(Double { observing: Duration::from_millis(20), ..Double::new() });
    let implementation = plugin(&machine, HOSTILE);
    let allowed = Grant { processes: true, ..Grant::default() };
    let executor = WasmExecutor::new(machine, Vec::new())
        .with_limits(Limits { requests_max: u32::MAX, ..limits() })
        .with_policy(GrantPolicy::new().allow("hostile", allowed));
    // Compiled before, so that the time is the plugin's.
    executor.manifest(&implementation).unwrap();
    let mut operation = operation(&implementation, "loop-with-requests", &[]);
    operation.timeout_ms = 200;
    let Outcome::Failed(failure) = executor.execute_here(&operation) else { panic!("it ended") };
    assert_eq!(failure.message, "plugin `plugins/hostile.wasm` was stopped: its time was over");
}

#[test]
fn one_that_panics_traps() {
    check(limits(), "panic", "trapped: it panicked or gave up");
}

#[test]
fn one_that_recurses_without_end_traps() {
    // Its stack lies at the start of its memory, so that it runs out at the edge.
    let (machine, implementation) = hostile();
    let executor = WasmExecutor::new(machine, Vec::new()).with_limits(limits());
    let failure = failure(&executor, &implementation, "recurse");
    assert!(failure.message.starts_with("plugin `plugins/hostile.wasm` trapped: "), "{failure:?}");
    assert_eq!(outputs(&executor, &implementation, "calls", &[])["calls"], Value::Integer(1));
}

#[test]
fn one_that_allocates_without_end_is_stopped() {
    check(limits(), "allocate", "was stopped: it wanted more than 67108864 bytes of memory");
}

#[test]
fn one_that_hands_over_the_same_bytes_many_times_is_stopped() {
    let (machine, implementation) = hostile();
    let executor = WasmExecutor::new(machine, Vec::new()).with_limits(limits());
    let failure = failure(&executor, &implementation, "amplify");
    assert!(failure.message.contains("trapped: "), "{failure:?}");
    assert!(failure.message.contains("fuel"), "{failure:?}");
}

#[test]
fn malformed_answers_are_refused() {
    check(limits(), "answer-nothing", "answered a malformed value: it has no root");
    check(limits(), "answer-cycle", "answered a malformed value: a child comes before its parent");
    check(limits(), "answer-outside", "answered a malformed value: a piece lies outside of the content");
    check(limits(), "answer-text", "answered a malformed value: it is not a map of outputs");
    check(limits(), "answer-much", "answered a malformed value: it has more than 262144 nodes");
}

#[test]
fn what_a_plugin_says_of_its_failure_is_told_without_escape_sequences() {
    let (machine, implementation) = hostile();
    let executor = WasmExecutor::new(machine, Vec::new());
    assert_eq!(failure(&executor, &implementation, "fail").message, "\u{fffd}[2Jit was not to be");
}

#[test]
fn others_do_not_feel_a_plugin_that_loops() {
    let (machine, implementation) = hostile();
    let executor = Arc::new(WasmExecutor::new(machine, Vec::new()).with_limits(looping()));
    let run = |event: &'static str| {
        let (executor, implementation): (_, Implementation) = (Arc::clone(&executor), implementation.clone());
        std::thread::spawn(move || executor.execute_here(&operation(&implementation, event, &[])))
    };
    let bad: Vec<_> = ["loop", "allocate", "panic", "recurse"].into_iter().map(run).collect();
    let good: Vec<_> = (0..16).map(|_| run("calls")).collect();
    for thread in good {
        let Outcome::Succeeded(outputs) = thread.join().unwrap() else { panic!("a good call failed") };
        assert_eq!(outputs["calls"], Value::Integer(1));
    }
    for thread in bad {
        assert!(matches!(thread.join().unwrap(), Outcome::Failed(_)));
    }
}

#[test]
fn a_future_ends_as_the_call_does() {
    let (machine, implementation) = hostile();
    let executor = WasmExecutor::new(machine, Vec::new()).with_limits(looping());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let loops = operation(&implementation, "loop", &[]);
    let calls = operation(&implementation, "calls", &[]);
    let (bad, good) =
        runtime.block_on(async { tokio::join!(executor.execute(&loops), executor.execute(&calls)) });
    assert!(matches!(bad, Outcome::Failed(_)));
    assert!(matches!(good, Outcome::Succeeded(_)));
}
