//! Any text to the YAML reader: no panic, every place is a piece of the text, and the short cut for everyday YAML says
//! what the parser says.
#![no_main]

use std::sync::Arc;

use diagnostics::{SourceMap, Span};
use libfuzzer_sys::fuzz_target;
use tosca_syntax::yaml::{Content, Limits, Node, parse, parse_thoroughly};

fuzz_target!(|text: &str| {
    let text: Arc<str> = text.into();
    let mut sources = SourceMap::new();
    let id = sources.add("fuzz.yaml", text.clone());
    // Small enough for a round to be short, large enough for every path.
    let limits = Limits { aliased_nodes_max: 10_000, ..Limits::default() };
    let parsed = parse(id, &text, &limits);
    let check = |span: Span| assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?}");
    for diagnostic in &parsed.diagnostics {
        diagnostic.primary.iter().chain(&diagnostic.related).for_each(|place| check(place.span));
        diagnostic.one_line(&sources);
    }
    let thorough = parse_thoroughly(id, &text, &limits);
    assert_eq!(parsed.diagnostics, thorough.diagnostics);
    assert_eq!(parsed.document.is_some(), thorough.document.is_some());
    if let (Some(document), Some(thorough)) = (parsed.document, thorough.document) {
        walk(document.root(), &check);
        same(document.root(), thorough.root());
    } else {
        assert!(!parsed.diagnostics.is_empty(), "no document, and nothing said");
    }
});

fn walk(node: Node<'_>, check: &dyn Fn(Span)) {
    check(node.span());
    match node.content() {
        Content::Scalar(_) => {}
        Content::Sequence(items) => items.for_each(|item| walk(item, check)),
        Content::Mapping(entries) => entries.for_each(|(key, value)| {
            walk(key, check);
            walk(value, check);
        }),
    }
}

fn same(quick: Node<'_>, thorough: Node<'_>) {
    assert_eq!(quick.span(), thorough.span());
    match (quick.content(), thorough.content()) {
        (Content::Scalar(quick), Content::Scalar(thorough)) => assert_eq!(quick, thorough),
        (Content::Sequence(quick), Content::Sequence(thorough)) => {
            assert_eq!(quick.len(), thorough.len());
            quick.zip(thorough).for_each(|(quick, thorough)| same(quick, thorough));
        }
        (Content::Mapping(quick), Content::Mapping(thorough)) => {
            assert_eq!(quick.len(), thorough.len());
            quick.zip(thorough).for_each(|(quick, thorough)| {
                same(quick.0, thorough.0);
                same(quick.1, thorough.1);
            });
        }
        (quick, thorough) => panic!("{quick:?} is not {thorough:?}"),
    }
}
