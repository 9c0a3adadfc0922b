//! What happened outside.

use floria::{Site, Store as _, Value, VertexId};
use khutulun_events::{EventError, NAME_CHARACTERS_MAX, emit, emit_all};

use crate::support::{all, emission, functions, lines, shop, store};

const WEB: Option<Site> = Some(Site::Vertex(VertexId(2)));

fn number(store: &floria::MemoryStore) -> Option<Value> {
    let graph = store.graph(&shop()).unwrap();
    graph.vertex(VertexId(2)).unwrap().properties.get("number").unwrap().value.clone()
}

/// C287: it raises the event of its name, and its outputs go to attributes; both at once.
#[test]
fn a_notification_is_an_event_and_changes_attributes() {
    let store = store();
    let revision = store.revision().unwrap();
    let cursor = emit(&store, &functions(), &emission("watch.seen", WEB, &[("number", 42.into())])).unwrap();
    assert_eq!(store.revision().unwrap().0, revision.0 + 1, "one transaction");
    assert_eq!(number(&store), Some(42.into()));
    let events = all(&store, 0);
    assert_eq!(lines(&events), [format!("{cursor} web watch.seen number=42")]);
    assert_eq!((events[0].site, &events[0].service), (WEB, &shop()));
    assert_eq!(events[0].author.as_deref(), Some("bob@h2"));
}

#[test]
fn anything_else_may_be_told_too() {
    let store = store();
    let inner = Some(Site::Vertex(VertexId(4)));
    let events = [emission("deploy-now", None, &[]), emission("hot", inner, &[("degrees", 90.into())])];
    let first = emit_all(&store, &functions(), &events, None).unwrap();
    let expected =
        [format!("{first} deploy-now"), format!("{} outer/inside/inner hot degrees=90", first + 1)];
    assert_eq!(lines(&all(&store, 0)), expected);
    assert_eq!(emit_all(&store, &functions(), &[], None).unwrap(), 0);
}

#[test]
fn what_is_refused_changes_nothing() {
    let store = store();
    let revision = store.revision().unwrap();
    let long = "x".repeat(NAME_CHARACTERS_MAX + 1);
    let large = [("text", Value::from("x".repeat(300_000)))];
    let refused = |emission| emit(&store, &functions(), &emission).unwrap_err();
    for name in ["", "two words", "bell\u{7}", "node.state", "log.gap", &long] {
        assert!(matches!(refused(emission(name, None, &[])), EventError::Name { .. }), "{name}");
    }
    assert!(matches!(refused(emission("x", None, &large)), EventError::TooLarge { .. }));
    let nothing = Some(Site::Vertex(VertexId(99)));
    assert!(matches!(refused(emission("x", nothing, &[])), EventError::Gone { .. }));
    let mut elsewhere = emission("x", WEB, &[]);
    elsewhere.service.0 = "other".to_owned();
    assert!(matches!(refused(elsewhere), EventError::Gone { .. }));
    assert_eq!(store.revision().unwrap(), revision);
}
