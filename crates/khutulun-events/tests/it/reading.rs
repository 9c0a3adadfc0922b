//! What rows of the log mean as events.

use std::collections::BTreeMap;

use floria::{Batch, Change, EntityKey, Implementation, Named, Revision, Store as _, Value, VertexId};
use khutulun_api::{Subject, names as words};
use khutulun_events::{EventError, Reader, end, names, read, since_time};
use khutulun_plan::{Action, Goal, Plan, Step};

use crate::support::{all, commit, emission, functions, lines, node, put, record, shop, store};

#[test]
fn a_change_of_a_nodes_state_is_one_and_other_changes_are_none() {
    let store = store();
    put(&store, vec![node(2, "web", 1, Some("created"))]);
    // An attribute, and the same state again.
    let mut same = node(2, "web", 1, Some("created"));
    same.properties.get_mut("number").unwrap().value = Some(7.into());
    put(&store, vec![same]);
    put(&store, vec![node(2, "web", 1, Some("started")), node(4, "inner", 5, Some("failed"))]);
    let delete = vec![Change::delete(EntityKey::Vertex(VertexId(4)))];
    store.commit(&Batch { changes: delete, ..Batch::default() }).unwrap();
    let events = all(&store, 0);
    let expected = [
        "6 web node.state to=created",
        "8 web node.state from=created to=started",
        "9 outer/inside/inner node.state to=failed",
    ];
    assert_eq!(lines(&events), expected);
    assert_eq!(events[0].service, shop());
    assert_eq!(events[0].author.as_deref(), Some("alice@h1"));
}

#[test]
fn what_was_seen_is_told_when_it_is_something_else() {
    let store = store();
    for state in ["running", "running", "failed"] {
        let mut web = node(2, "web", 1, None);
        web.metadata.insert(words::OBSERVED.to_owned(), Value::map([("state", state)]));
        put(&store, vec![web]);
    }
    let expected = ["6 web node.observed to=running", "8 web node.observed from=running to=failed"];
    assert_eq!(lines(&all(&store, 0)), expected);
}

#[test]
fn whoever_goes_on_after_any_cursor_reads_the_same() {
    let store = store();
    let states = ["created", "configured", "configured", "started", "stopped"];
    for state in states {
        let twice = vec![node(2, "web", 1, Some(state)), node(2, "web", 1, Some("started"))];
        put(&store, twice);
        khutulun_events::emit(&store, &functions(), &emission("x", None, &[])).unwrap();
    }
    let whole = all(&store, 0);
    assert_eq!(whole.len(), 13, "{:?}", lines(&whole));
    let end = end(&store).unwrap();
    for since in 0..=end {
        let rest: Vec<_> = whole.iter().filter(|event| event.cursor > since).cloned().collect();
        assert_eq!(all(&store, since), rest, "after {since}");
    }
    // Page by page, however large.
    for limit in 1..6 {
        let (mut reader, mut cursor, mut events) = (Reader::new(), 0, Vec::new());
        loop {
            let page = reader.read(&store, cursor, limit).unwrap();
            assert!(page.events.len() <= limit);
            events.extend(page.events);
            cursor = page.cursor;
            if !page.more {
                break;
            }
        }
        assert_eq!((events, cursor), (whole.clone(), end));
    }
}

#[test]
fn operations_and_runs_end_with_an_event() {
    let store = store();
    let plan = Value::Bytes(floria::encode(&plan(&["lifecycle.create", "mark"])).unwrap());
    let number = |name: &str, number: i64| (name.to_owned(), Value::Integer(number));
    commit(
        &store,
        vec![
            record("run/9", "begin", Value::map([("plan", plan)])),
            record("runs", "begin", Value::map([("goal".to_owned(), "deploy".into()), number("run", 9)])),
        ],
    );
    let body = |step, result: &str| {
        Value::map([number("step", step), number("attempt", 1), ("result".to_owned(), result.into())])
    };
    commit(
        &store,
        vec![record("run/9", "intent", body(0, "")), record("run/9", "outcome", body(0, "succeeded"))],
    );
    // What runs no code is no operation, and what is left out is none either.
    commit(&store, vec![record("run/9", "outcome", body(1, "succeeded"))]);
    commit(&store, vec![record("run/9", "outcome", body(0, "skipped"))]);
    commit(&store, vec![record("run/9", "end", body(0, "")), record("runs", "end", body(0, "succeeded"))]);
    let events = all(&store, 0);
    assert_eq!(
        lines(&events),
        [
            "7 run.began goal=deploy run=9",
            "9 web operation.ended attempt=1 event=lifecycle.create result=succeeded run=9 step=0",
            "13 run.ended attempt=1 result=succeeded step=0",
        ]
    );
    // The plan is found also by one who begins in the middle.
    assert_eq!(all(&store, 8), events[1..]);
}

#[test]
fn what_was_forgotten_is_a_gap() {
    let store = store();
    for index in 0..10 {
        khutulun_events::emit(&store, &functions(), &emission(&format!("e{index}"), None, &[])).unwrap();
    }
    store.forget_before(Revision(6), &[], None).unwrap();
    let events = all(&store, 0);
    assert_eq!(lines(&events)[..2], ["9 log.gap from=6 to=9", "10 e4"]);
    assert_eq!(events[0].gap().map(|gap| (gap.from, gap.to)), Some((6, 9)));
    assert_eq!(events.len(), 7);
    // Whoever has read further hears of none, and whoever begins in it of the rest.
    assert_eq!(lines(&all(&store, 10))[0], "11 e5");
    assert_eq!(lines(&all(&store, 7))[0], "9 log.gap from=8 to=9");
    assert!(events[1..].iter().all(|event| event.name != names::LOG_GAP));
}

#[test]
fn a_cursor_of_another_store_is_refused() {
    let store = store();
    assert!(read(&store, 5, 10).is_ok());
    let refused = read(&store, 6, 10).unwrap_err();
    assert!(matches!(refused, EventError::Future { cursor: 6, end: 5 }), "{refused}");
    assert_eq!(read(&floria::MemoryStore::new(), 0, 10).unwrap().cursor, 0);
}

#[test]
fn a_time_is_a_cursor() {
    let time = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let clock = time.clone();
    let store = floria::MemoryStore::with_clock(move || clock.load(std::sync::atomic::Ordering::SeqCst));
    for now in [10, 20, 30] {
        time.store(now, std::sync::atomic::Ordering::SeqCst);
        khutulun_events::emit(&store, &functions(), &emission("x", None, &[])).unwrap();
    }
    let cursors: Vec<_> = [0, 10, 19, 20, 30, 99].map(|time| since_time(&store, time).unwrap()).into();
    assert_eq!(cursors, [0, 1, 1, 2, 3, 3]);
}

fn plan(events: &[&str]) -> Plan {
    let step = |event: &&str| Step {
        subject: Subject {
            service: "shop".to_owned(),
            node: "web".to_owned(),
            vertex: VertexId(2),
            relationship: None,
            origin: None,
        },
        event: (*event).to_owned(),
        implementation: event.contains('.').then(|| Implementation::Driver("test".to_owned())),
        inputs: BTreeMap::new(),
        expressions: Named::new(),
        after: Vec::new(),
        otherwise: Vec::new(),
        gathers: false,
        conditions: Vec::new(),
        action: Action::Run,
        timeout_ms: 1,
        state: None,
        then: None,
        origin: None,
        host: None,
        outputs: Vec::new(),
        answer: None,
        driver_digest: None,
        approval: None,
        asked_ms: None,
        part: None,
    };
    Plan {
        schema: khutulun_plan::SCHEMA.to_owned(),
        namespace: shop(),
        goal: Goal::Run,
        base: Revision(0),
        design: None,
        nodes: Vec::new(),
        steps: events.iter().map(step).collect(),
        workflow: None,
        prepare: Vec::new(),
        conclude: Vec::new(),
    }
}
