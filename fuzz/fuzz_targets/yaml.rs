//! Any text to the YAML reader: no panic, and every place is a piece of the text.
#![no_main]

use std::sync::Arc;

use diagnostics::{SourceMap, Span};
use libfuzzer_sys::fuzz_target;
use tosca_syntax::yaml::{Content, Limits, Node, parse};

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
    match parsed.document {
        Some(document) => walk(document.root(), &check),
        None => assert!(!parsed.diagnostics.is_empty(), "no document, and nothing said"),
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
