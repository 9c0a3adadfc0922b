//! Scenarios: from one design to the next, and the plan in between.

use std::fmt::Write as _;

use floria::{Graph, Revision};
use khutulun_plan::{Basis, Plan, PlanError, plan_deploy, plan_destroy, plan_run, render};

use crate::{
    sketch::{SketchFunctions, namespace},
    world::{run, wanted},
};

pub(crate) fn deploy(text: &str, actual: &Graph) -> Result<Plan, PlanError> {
    let namespace = namespace();
    let basis = Basis::new(&namespace, Revision(1), &SketchFunctions);
    plan_deploy(&basis, &wanted(text, actual), actual, "digest")
}

pub(crate) fn destroy(actual: &Graph) -> Plan {
    let namespace = namespace();
    plan_destroy(&Basis::new(&namespace, Revision(1), &SketchFunctions), actual).unwrap()
}

/// Deploys a design from nothing.
pub(crate) fn deployed(text: &str) -> Graph {
    let plan = deploy(text, &Graph::default()).unwrap();
    run(&plan, &Graph::default(), usize::MAX, 1)
}

/// Shows the steps, each with what it waits for.
pub(crate) fn steps(plan: &Plan) -> String {
    let mut text = String::new();
    let name = |step: &khutulun_plan::Step| {
        format!("{}.{}", step.subject.node, step.event.trim_start_matches("lifecycle."))
    };
    for step in &plan.steps {
        let after: Vec<String> = step.after.iter().map(|index| name(&plan.steps[*index as usize])).collect();
        let code = if step.implementation.is_some() { "" } else { " (nothing)" };
        let after = if after.is_empty() { String::new() } else { format!(" after {}", after.join(", ")) };
        let _ = writeln!(text, "{}{code}{after}", name(step));
    }
    text
}

#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    let actual = deployed(from);
    let plan = deploy(to, &actual).unwrap();
    let found = format!("{}{}", render(&plan), steps(&plan));
    assert_eq!(lines(&found), lines(expected), "\n{found}");
    let after = run(&plan, &actual, usize::MAX, 2);
    let again = deploy(to, &after).unwrap();
    assert!(again.is_empty(), "the plan after the plan is not empty:\n{}{:?}", render(&again), again.prepare);
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[test]
fn what_is_new_comes_up_after_what_it_depends_on() {
    check(
        "",
        "web Process port=80 ->db\n db Process @pid",
        "
        + create web (Process)  shop.yaml:1
            it is new
            runs create, then configure, then start
        + create db (Process)  shop.yaml:2
            it is new
            runs create, then configure, then start
        Plan: 2 to create
        db.create
        db.configure after db.create
        db.start after db.configure
        web.create after db.start
        web.configure after web.create
        web.start after web.configure",
    );
}

#[test]
fn nothing_changed_is_nothing_to_do() {
    let design = "web Process port=80 up=$db.pid ->db\n db Process @pid";
    check(design, design, "Nothing to do: 2 nodes are as they should be");
}

#[test]
fn another_line_is_no_change() {
    check("web Process port=80", "# more\nweb Process port=80", "Nothing to do: 1 node is as it should be");
}

#[test]
fn a_changed_property_restarts_and_its_reader_too() {
    check(
        "web Process up=$db.port ->db\n db Process port=1\n other Process ->db",
        "web Process up=$db.port ->db\n db Process port=2\n other Process ->db",
        "
        ~ update web (Process)  shop.yaml:1
            up: 1 → 2  (shop.yaml:1)
            runs stop, then configure, then start
        ~ update db (Process)  shop.yaml:2
            port: 1 → 2  (shop.yaml:2)
            runs stop, then configure, then start
        Plan: 2 to update; 1 node unchanged
        web.stop
        db.stop after web.stop
        db.configure after db.stop
        db.start after db.configure
        web.configure after web.stop, db.start
        web.start after web.configure",
    );
}

#[test]
fn an_attribute_that_will_change_is_unknown_and_restarts_its_readers() {
    check(
        "web Process up=$db.pid\n db Process port=1 @pid start()>pid\n far Process start(x=$web.up) stop()",
        "web Process up=$db.pid\n db Process port=2 @pid start()>pid\n far Process start(x=$web.up) stop()",
        "
        ~ update web (Process)  shop.yaml:1
            up: 1 → known at run time  (shop.yaml:1)
            it depends on db.pid, which changes
            runs stop, then configure, then start
        ~ update db (Process)  shop.yaml:2
            port: 1 → 2  (shop.yaml:2)
            runs start
        ~ update far (Process)  shop.yaml:3
            input.start.x: 1 → known at run time
            it depends on db.pid, which changes
            runs stop, then start (x is known after db.pid)
        Plan: 3 to update
        far.stop
        web.stop
        db.start
        web.configure after web.stop, db.start
        web.start after web.configure
        far.start after far.stop, db.start",
    );
}

#[test]
fn metadata_says_what_a_change_needs() {
    check(
        "a T x=1!none\n b T x=1!configure\n c T x=1!replace\n d T x=1!configure start()\n e T x=1 create()",
        "a T x=2!none\n b T x=2!configure\n c T x=2!replace\n d T x=2!configure start()\n e T x=2 create()",
        "
        ~ update a (T)  shop.yaml:1
            x: 1 → 2  (shop.yaml:1)
        ~ update b (T)  shop.yaml:2
            x: 1 → 2  (shop.yaml:2)
            runs configure
        ± replace c (T)  shop.yaml:3
            x: 1 → 2  (shop.yaml:3)
            runs stop, then delete, then create, then configure, then start
        ~ update d (T)  shop.yaml:4
            x: 1 → 2  (shop.yaml:4)
            runs start
        ± replace e (T)  shop.yaml:5
            x: 1 → 2  (shop.yaml:5)
            runs create
        Plan: 3 to update, 2 to replace
        c.stop
        c.delete after c.stop
        b.configure
        c.create after c.delete
        c.configure after c.create
        c.start after c.configure
        d.start
        e.create",
    );
}

#[test]
fn what_goes_is_taken_away_after_what_depended_on_it() {
    check(
        "web T ->db\n db T ->disk\n disk T",
        "disk T",
        "
        - delete web (T)  shop.yaml:1
            it is no longer in the design
            runs stop, then delete
        - delete db (T)  shop.yaml:2
            it is no longer in the design
            runs stop, then delete
        Plan: 2 to delete; 1 node unchanged
        web.stop
        web.delete after web.stop
        db.stop after web.delete
        db.delete after db.stop",
    );
}

#[test]
fn a_renamed_node_goes_before_it_comes_and_who_stays_moves() {
    check(
        "web T ->db stop() start()\n db T port=1 start() stop()",
        "web T ->db2 stop() start()\n db2 T port=1 start() stop()",
        "
        ~ update web (T)  shop.yaml:1
            requirement.to: db → db2
            runs stop, then start
        + create db2 (T)  shop.yaml:2
            it is new
            runs start
        - delete db (T)  shop.yaml:2
            it is no longer in the design
            runs stop
        Plan: 1 to create, 1 to update, 1 to delete
        web.stop
        db.stop after web.stop
        db2.start after db.stop
        web.start after web.stop, db2.start",
    );
}

#[test]
fn who_is_only_configured_anew_moves_away_first() {
    check(
        "web T to=x!configure ->db configure()\n db T stop()",
        "web T to=y!configure configure()",
        "
        ~ update web (T)  shop.yaml:1
            to: x → y  (shop.yaml:1)
            requirement.to: db → nothing
            runs configure
        - delete db (T)  shop.yaml:2
            it is no longer in the design
            runs stop
        Plan: 1 to update, 1 to delete
        web.configure
        db.stop after web.configure",
    );
}

#[test]
fn code_and_inputs_and_type_are_compared() {
    check(
        "a T v1 start() stop()\n b T start(x=1) stop(y=1)\n c T create()\n d T",
        "a T v2 start() stop()\n b T start(x=2) stop(y=2)\n c U create()\n d T",
        "
        ~ update a (T)  shop.yaml:1
            the code of lifecycle.start changed
            the code of lifecycle.stop changed
            runs stop, then start
        ~ update b (T)  shop.yaml:2
            input.start.x: 1 → 2
            input.stop.y: 1 → 2
            runs stop, then start
        ± replace c (U)  shop.yaml:3
            type: sketch:1.0:T → sketch:1.0:U  (shop.yaml:3)
            runs create
        Plan: 2 to update, 1 to replace; 1 node unchanged
        b.stop
        a.stop
        a.start after a.stop
        b.start after b.stop
        c.create",
    );
}

#[test]
fn a_node_without_code_passes_order_on() {
    check(
        "",
        "a T ->b\n b Host none ->c\n c T start()",
        "
        + create a (T)  shop.yaml:1
            it is new
            runs create, then configure, then start
        + create b (Host)  shop.yaml:2
            it is new
        + create c (T)  shop.yaml:3
            it is new
            runs start
        Plan: 3 to create
        c.start
        b.start (nothing) after c.start
        a.create after b.start
        a.configure after a.create
        a.start after a.configure",
    );
}

#[test]
fn many_that_wait_for_many_through_one_wait_for_a_single_step() {
    let design = |port: u32| {
        let mut text = "hub T start()\n".to_owned();
        for index in 0..20 {
            let _ =
                writeln!(text, "up{index} T port={port} start()\n down{index} T port={port} ->hub start()");
        }
        text.replacen(
            "hub T",
            &format!("hub T {}", (0..20).map(|index| format!("->up{index}")).collect::<Vec<_>>().join(" ")),
            1,
        )
    };
    let plan = deploy(&design(2), &deployed(&design(1))).unwrap();
    assert_eq!(plan.steps.len(), 41, "{}", steps(&plan));
    assert_eq!(plan.operations().count(), 40);
    assert!(plan.steps.iter().map(|step| step.after.len()).sum::<usize>() <= 40, "{}", steps(&plan));
}

#[test]
fn circles_are_refused_by_name() {
    let error = deploy("a T ->b\n b T ->c\n c T x=$a.pid\n d T ->a", &Graph::default()).unwrap_err();
    assert!(
        error.to_string().contains("failed to evaluate") || error.to_string().contains("circle"),
        "{error}"
    );
    let error = deploy("a T @pid ->b\n b T ->c\n c T x=$a.pid\n d T ->a", &Graph::default()).unwrap_err();
    assert_eq!(error.to_string(), "nodes depend on each other in a circle: a → b → c → a");
    let PlanError::Cycle { origin: Some(origin), .. } = error else { panic!("it says where") };
    assert_eq!(origin.line, 1);
}

#[test]
fn a_value_that_cannot_be_computed_is_named() {
    let error = deploy("a T x=$nobody.port", &Graph::default()).unwrap_err();
    assert_eq!(error.to_string(), "failed to evaluate `x` of node `a`");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "there is no node `nobody`");
}

#[test]
fn half_made_nodes_are_made_complete_and_half_made_ones_go() {
    let design = "web T port=1 ->db\n db T";
    let plan = deploy(design, &Graph::default()).unwrap();
    for (done, next, gone) in [
        (0, "db.create", ""),
        (1, "db.configure", "db.stop\ndb.delete after db.stop"),
        (2, "db.start", "db.stop\ndb.delete after db.stop"),
        (3, "web.create", "db.stop\ndb.delete after db.stop"),
        (
            5,
            "web.start",
            "web.stop\nweb.delete after web.stop\ndb.stop after web.delete\ndb.delete after db.stop",
        ),
    ] {
        let half = run(&plan, &Graph::default(), done, 1);
        let rest = deploy(design, &half).unwrap();
        assert!(steps(&rest).starts_with(next), "after {done}:\n{}", steps(&rest));
        assert_eq!(steps(&destroy(&half)).trim(), gone, "after {done}");
        let complete = run(&rest, &half, usize::MAX, 2);
        assert!(deploy(design, &complete).unwrap().is_empty());
    }
}

#[test]
fn what_changed_while_half_done_is_taken_in() {
    let actual = deployed("web T port=1");
    let plan = deploy("web T port=2", &actual).unwrap();
    // Stopped and configured with the new value, then given up; the old value is wanted again.
    let half = run(&plan, &actual, 2, 2);
    let back = deploy("web T port=1", &half).unwrap();
    assert_eq!(steps(&back), "web.configure\nweb.start after web.configure\n");
    let same = deploy("web T port=2", &half).unwrap();
    assert_eq!(steps(&same), "web.start\n");
}

#[test]
fn one_operation_on_one_node() {
    let namespace = namespace();
    let basis = Basis::new(&namespace, Revision(1), &SketchFunctions);
    let actual = deployed("web T port=80 backup(to=$SELF.port) start()");
    let inputs = [("more".to_owned(), floria::Value::from(true))].into();
    let plan = plan_run(&basis, &actual, "web", "backup", &inputs).unwrap();
    assert_eq!(
        render(&plan),
        "> run web (T)  shop.yaml:1\n    backup was asked for\n    runs backup\n\nPlan: 1 operation to run\n"
    );
    assert_eq!(plan.steps[0].inputs.len(), 2);
    assert_eq!(plan.steps[0].state, None);
    let start = plan_run(&basis, &actual, "web", "start", &inputs).unwrap();
    assert_eq!(start.steps[0].state.as_deref(), Some("started"));
    let error = |node, event| plan_run(&basis, &actual, node, event, &inputs).unwrap_err().to_string();
    assert_eq!(error("wbe", "start"), "there is no node `wbe`; there are: web");
    assert_eq!(
        error("web", "stop"),
        "node `web` has no operation `stop`; there are: backup, lifecycle.start"
    );
}
