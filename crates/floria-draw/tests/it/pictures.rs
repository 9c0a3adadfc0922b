//! Pictures of a small shop, as they are written.

use std::{fs, path::Path};

use floria_draw::{ArrowKind, Drawing, Target};

use crate::build::{design, graph};

#[track_caller]
fn check(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected != found {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&new, found).unwrap();
        panic!(
            "{} is not what is drawn now; look at {}, and copy it if it is right",
            path.display(),
            new.display()
        );
    }
}

#[test]
fn a_design_in_each_format() {
    let drawing = Drawing::of_design(&design());
    check("shop.svg", &drawing.svg());
    check("shop.dot", &drawing.dot());
    check("shop.mmd", &drawing.mermaid());
}

#[test]
fn a_graph_in_each_format() {
    let (namespace, graph) = graph();
    let drawing = Drawing::of_graph(&namespace, &graph);
    check("instances.svg", &drawing.svg());
    check("instances.dot", &drawing.dot());
    check("instances.mmd", &drawing.mermaid());
}

#[test]
fn a_design_is_what_its_templates_and_their_rules_say() {
    let drawing = Drawing::of_design(&design());
    assert_eq!(drawing.nodes().count(), 5);
    let named = |name: &str| drawing.shapes.iter().find(|shape| shape.name == name).unwrap();
    assert_eq!((&*named("web").notes, named("web").is_several), (&["count: 3".to_owned()][..], true));
    assert_eq!(named("host").capabilities.len(), 1);
    let arrow = |name: &str| drawing.arrows.iter().find(|arrow| arrow.name == name).unwrap();
    assert_eq!((arrow("log").target, &*arrow("log").notes), (Target::Open, &["any LogSink".to_owned()][..]));
    assert_eq!(arrow("volume").kind, ArrowKind::Optional);
    assert_eq!((arrow("member").kind, arrow("member").index), (ArrowKind::Membership, Some(0)));
    // `host` is there twice, but once at each source.
    assert_eq!(arrow("host").index, None);
}

#[test]
fn a_graph_is_what_its_instances_say() {
    let (namespace, graph) = graph();
    let drawing = Drawing::of_graph(&namespace, &graph);
    let states: Vec<_> = drawing.shapes.iter().filter_map(|shape| shape.state.as_deref()).collect();
    assert_eq!(states, ["started", "initial", "failed"]);
    let open: Vec<_> = drawing.arrows.iter().filter(|arrow| arrow.target == Target::Open).collect();
    assert_eq!((open.len(), &*open[0].name, &*open[0].notes[0]), (1, "log", "not made yet"));
    let svg = drawing.svg();
    for word in ["● started", "○ initial", "✕ failed"] {
        assert!(svg.contains(word), "a state is not a colour alone: {word}");
    }
}
