//! Timers, files and processes become events, each once.

use std::{fs, sync::atomic::Ordering};

use floria::{Custom, Site, Store as _, Value};

use crate::support::{Place, eventually};

/// A time as the profile's type has it.
fn duration(text: &str, milliseconds: i64) -> Value {
    Value::Custom(Box::new(Custom {
        type_name: "tosca:scalar:khutulun.policies:0.1:Duration ms".to_owned(),
        order: Value::Integer(milliseconds),
        text: text.to_owned(),
    }))
}

#[test]
fn without_timers_nothing_is_armed_and_the_store_stays_as_it_is() {
    let place = Place::new();
    // The first one records from where on events are looked at.
    place.agent().end();
    let before = place.store.revision().unwrap();
    let agent = place.agent();
    assert_eq!(agent.status().timers, 0);
    assert!(!agent.status().alarm);
    agent.end();
    assert_eq!(place.store.revision().unwrap(), before);
}

#[test]
fn a_timer_that_was_due_while_no_agent_was_there_is_told_once_with_what_was_missed() {
    let place = Place::new();
    place.policy("tick", "Timer", "every", duration("5 m", 300_000));
    let agent = place.agent();
    eventually("the timer is known", || agent.status().alarm);
    assert_eq!(agent.names(), [""; 0]);
    agent.end();
    // An hour later.
    place.clock.0.fetch_add(3_600_000 + 5, Ordering::SeqCst);
    for told in [1, 0] {
        let agent = place.agent();
        let event = agent.event("timer.tick");
        assert_eq!(event.site, None);
        assert_eq!(event.data["missed"], Value::Integer(11));
        assert_eq!(event.author.as_deref(), Some("agent@h1"));
        eventually("it is at rest", || agent.status().alarm);
        assert_eq!(agent.status().told, told, "the second agent tells nothing: {:?}", agent.names());
        assert_eq!(agent.names(), ["timer.tick"]);
        agent.end();
    }
}

#[test]
fn a_policy_that_makes_no_sense_is_said_and_harms_no_other() {
    let place = Place::new();
    place.policy("never", "Timer", "every", Value::from("now and then"));
    place.policy("nowhere", "File", "path", Value::from("relative"));
    place.policy("tick", "Timer", "every", duration("5 m", 300_000));
    let agent = place.agent();
    eventually("the timer is known", || agent.status().timers == 1);
    let notes = agent.told.notes.lock().unwrap().join("\n");
    assert!(
        notes.contains("policy `never` of `shop` tells of nothing: its `every` is not a time"),
        "{notes}"
    );
    assert!(
        notes.contains("policy `nowhere` of `shop` tells of nothing: its `path` is not absolute"),
        "{notes}"
    );
}

#[test]
fn a_file_that_changes_is_told_and_one_that_changed_while_no_agent_was_there_too() {
    let place = Place::new();
    let file = place.folder.path().join("file");
    let policy = place.policy("config", "File", "path", Value::from(file.to_str().unwrap()));
    let agent = place.agent();
    eventually("the file is watched", || agent.status().files == 1);
    assert_eq!(agent.names(), [""; 0]);
    fs::write(&file, "1").unwrap();
    let event = agent.event("file.changed");
    assert_eq!(event.data["path"], Value::from(file.to_str().unwrap()));
    assert_eq!(event.site, Some(Site::Vertex(policy)));
    agent.end();
    let before = place.store.revision().unwrap();
    let agent = place.agent();
    eventually("the file is watched", || agent.status().files == 1);
    agent.end();
    assert_eq!(place.store.revision().unwrap(), before, "nothing had changed");
    fs::remove_file(&file).unwrap();
    let agent = place.agent();
    let gone = || agent.events().last().map(|event| event.data["exists"].clone());
    eventually("its removal", || gone() == Some(Value::Boolean(false)));
}
