//! Operations of relationships, at both of their ends.

use floria::Graph;
use khutulun_plan::{Action, Plan, PlannedValue, render};

use crate::{
    transcripts::{deploy, deployed, destroy},
    world::run,
};

/// A relationship with all of its operations.
const ALL: &str = "^pre_configure_source ^pre_configure_target ^post_configure_source ^post_configure_target ^add_target ^add_source \
                   ^target_changed ^remove_target ^remove_source";

/// The operations that run code, in order: where, and what.
fn ran(plan: &Plan) -> Vec<String> {
    let name = |event: &str| event.rsplit('.').next().unwrap_or_default().to_owned();
    plan.operations().map(|(_, step)| format!("{} {}", step.subject.node, name(&step.event))).collect()
}

#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) -> Plan {
    let (from, to) = (from.replace("ALL", ALL), to.replace("ALL", ALL));
    let actual = deployed(&from);
    assert!(deploy(&from, &actual).unwrap().is_empty(), "{}", render(&deploy(&from, &actual).unwrap()));
    let plan = deploy(&to, &actual).unwrap();
    assert_eq!(ran(&plan), expected, "{}", render(&plan));
    let after = run(&plan, &actual, usize::MAX, 2);
    let again = deploy(&to, &after).unwrap();
    assert!(again.is_empty(), "{}{:?}", render(&again), again.prepare);
    plan
}

const UP: [&str; 12] = [
    "db create",
    "db configure",
    "db start",
    "web create",
    "db pre_configure_target",
    "web pre_configure_source",
    "web configure",
    "web post_configure_source",
    "db post_configure_target",
    "web start",
    "web add_target",
    "db add_source",
];

#[test]
fn both_ends_hear_of_a_new_relationship_around_the_configuration_of_its_source() {
    check("", "web T ->db ALL\ndb T", &UP);
}

#[test]
fn what_does_not_change_has_no_steps() {
    check(
        "web T ->db ALL\ndb T\nother T",
        "web T ->db ALL\ndb T\nother T port=1",
        &["other stop", "other configure", "other start"],
    );
}

#[test]
fn on_nodes_that_are_up_it_is_made_without_restarting_them() {
    let plan = check(
        "web T\ndb T",
        "web T ->db ALL\ndb T",
        &[
            "db pre_configure_target",
            "web pre_configure_source",
            "web post_configure_source",
            "db post_configure_target",
            "web add_target",
            "db add_source",
        ],
    );
    let text = render(&plan);
    assert!(text.contains("requirement.to: nothing → db"), "{text}");
    assert!(text.contains("~ update db") && text.contains("relationship web.to to db: it is new"), "{text}");
}

#[test]
fn who_has_no_operation_at_the_source_restarts_the_source() {
    check(
        "web T\ndb T",
        "web T ->db ^add_source\ndb T",
        &["web stop", "web configure", "web start", "db add_source"],
    );
}

#[test]
fn a_target_that_changes_tells_a_source_that_does_not() {
    check(
        "web T ->db ALL\ndb T port=1",
        "web T ->db ALL\ndb T port=2",
        &["db stop", "db configure", "db start", "web target_changed"],
    );
    check("web T ->db ALL\ndb T port=1!none", "web T ->db ALL\ndb T port=2!none", &["web target_changed"]);
}

#[test]
fn a_source_that_is_configured_again_has_its_relationships_configured_too() {
    check(
        "web T port=1 ->db ALL\ndb T",
        "web T port=2 ->db ALL\ndb T",
        &[
            "web stop",
            "db pre_configure_target",
            "web pre_configure_source",
            "web configure",
            "web post_configure_source",
            "db post_configure_target",
            "web start",
        ],
    );
}

#[test]
fn a_changed_relationship_is_configured_by_its_own_operations() {
    check(
        "web T ->db ALL ^pool=1\ndb T",
        "web T ->db ALL ^pool=2\ndb T",
        &[
            "db pre_configure_target",
            "web pre_configure_source",
            "web post_configure_source",
            "db post_configure_target",
        ],
    );
    // Else as with any other value.
    check(
        "web T ->db ^add_source ^pool=1\ndb T",
        "web T ->db ^add_source ^pool=2\ndb T",
        &["web stop", "web configure", "web start"],
    );
}

#[test]
fn who_leads_elsewhere_leaves_the_old_target_first() {
    let plan = check(
        "web T ->db ALL\ndb T\nnew T",
        "web T ->new ALL\ndb T\nnew T",
        &[
            "web remove_target",
            "db remove_source",
            "new pre_configure_target",
            "web pre_configure_source",
            "web post_configure_source",
            "new post_configure_target",
            "web add_target",
            "new add_source",
        ],
    );
    assert!(plan.prepare.len() == 1, "the source alone changes at once: {:?}", plan.prepare);
}

#[test]
fn who_stays_is_told_of_who_goes() {
    check("web T ->db ALL\ndb T", "web T", &["web remove_target", "db stop", "db delete"]);
    check("web T ->db ALL\ndb T", "db T", &["web stop", "web delete", "db remove_source"]);
    let plan = check("web T ->db ALL\ndb T", "web T\ndb T", &["web remove_target", "db remove_source"]);
    assert!(plan.conclude.is_empty());
    let actual = deployed(&"web T ->db ALL\ndb T".replace("ALL", ALL));
    let plan = destroy(&actual);
    assert_eq!(ran(&plan), ["web stop", "web delete", "db remove_source", "db stop", "db delete"]);
    assert_eq!(run(&plan, &actual, usize::MAX, 2), Graph::default());
}

#[test]
fn ends_that_are_made_anew_are_left_and_met_again() {
    check(
        "web T ->db ALL\ndb T port=1!replace",
        "web T ->db ALL\ndb T port=2!replace",
        &[
            "web remove_target",
            "db stop",
            "db delete",
            "db create",
            "db configure",
            "db start",
            "db pre_configure_target",
            "web pre_configure_source",
            "web post_configure_source",
            "db post_configure_target",
            "web add_target",
            "db add_source",
        ],
    );
    let mut expected = vec!["web stop", "web delete", "db remove_source"];
    expected.extend(&UP[3..]);
    check("web T ->db ALL port=1!replace\ndb T", "web T ->db ALL port=2!replace\ndb T", &expected);
}

#[test]
fn what_a_node_cannot_do_without_replaces_it_when_it_is_another() {
    let plan = check(
        "web T host->one ^!replace create() delete()\none T\ntwo T",
        "web T host->two ^!replace create() delete()\none T\ntwo T",
        &["web delete", "web create"],
    );
    assert_eq!(plan.nodes[0].action, Action::Replace);
    check(
        "web T host->one ^!replace create() delete()\none T port=1!replace create() delete()",
        "web T host->one ^!replace create() delete()\none T port=2!replace create() delete()",
        &["web delete", "one delete", "one create", "web create"],
    );
}

#[test]
fn what_operations_of_a_relationship_write_is_known_after_them() {
    let design = "web T password=$&to.key ->db ^pre_configure_target()>key ^@key\ndb T";
    let plan = deploy(design, &Graph::default()).unwrap();
    let after = run(&plan, &Graph::default(), usize::MAX, 1);
    assert!(deploy(design, &after).unwrap().is_empty());
    // Whoever takes in one more thing has it made anew, and takes that in, too.
    check(
        design,
        &design.replace("web T", "web T port=1!configure"),
        &["web stop", "db pre_configure_target", "web configure", "web start"],
    );
    let plan = deploy(&design.replace("web T", "web T port=1!configure"), &after).unwrap();
    assert!(render(&plan).contains("password: 1 → known at run time"), "{}", render(&plan));
}

#[test]
fn from_wherever_it_was_left_it_is_made_complete() {
    for (from, to) in [
        ("", "web T ->db ALL\ndb T"),
        ("web T\ndb T", "web T ->db ALL\ndb T"),
        ("web T ->db ALL\ndb T\nnew T", "web T ->new ALL\ndb T\nnew T"),
        ("web T ->db ALL port=1!replace\ndb T", "web T ->db ALL port=2!replace\ndb T"),
        ("web T ->db ALL\ndb T port=1!replace", "web T ->db ALL\ndb T port=2!replace"),
        ("web T ->db ALL ^x=1\ndb T", "web T ->db ALL ^x=2\ndb T"),
    ] {
        let (from, to) = (from.replace("ALL", ALL), to.replace("ALL", ALL));
        let actual = deployed(&from);
        let plan = deploy(&to, &actual).unwrap();
        for done in 0..plan.steps.len() {
            let half = run(&plan, &actual, done, 2);
            let rest = deploy(&to, &half).unwrap();
            let last = ran(&plan).pop();
            assert!(last.is_none_or(|last| ran(&rest).contains(&last)), "after {done}:\n{}", render(&rest));
            let complete = run(&rest, &half, usize::MAX, 3);
            assert!(deploy(&to, &complete).unwrap().is_empty());
            assert_eq!(run(&destroy(&half), &half, usize::MAX, 3), Graph::default());
        }
    }
}

/// What the source's end left at the target is taken back, also by a later plan that finds the source gone.
#[test]
fn who_stays_is_told_although_who_goes_is_gone_already() {
    let design = "web T ->db ALL\ndb T".replace("ALL", ALL);
    let actual = deployed(&design);
    for plan in [deploy("db T", &actual).unwrap(), destroy(&actual)] {
        let told = plan.steps.iter().position(|step| step.event.ends_with("remove_source")).unwrap();
        for done in 0..=told {
            let half = run(&plan, &actual, done, 2);
            for rest in [deploy("db T", &half).unwrap(), destroy(&half)] {
                let ran = ran(&rest);
                assert!(ran.contains(&"db remove_source".to_owned()), "after {done}:\n{}", render(&rest));
                assert!(!ran.contains(&"web remove_target".to_owned()), "after {done}:\n{}", render(&rest));
            }
        }
    }
}

/// What the source's end is told at its removal is what the source was made from, although its target is down by now.
#[test]
fn who_goes_is_called_what_it_was_called_when_it_came() {
    let design = "web T name=$db.pid ->db ^remove_source(who=$SOURCE.name)\ndb T @pid";
    let mut actual = deployed(design);
    let mut db = actual.vertexes().find(|vertex| vertex.name == "db").unwrap().clone();
    let pid = std::mem::take(&mut db.properties.get_mut("pid").unwrap().value);
    actual.put_vertex(db);
    for plan in [deploy("db T @pid", &actual).unwrap(), destroy(&actual)] {
        let told = plan.steps.iter().find(|step| step.event.ends_with("remove_source")).unwrap();
        assert_eq!(told.inputs["who"], PlannedValue::Known(pid.clone().unwrap()), "{}", render(&plan));
    }
}
