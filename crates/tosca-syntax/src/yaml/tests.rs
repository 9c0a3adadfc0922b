use std::sync::Arc;

use diagnostics::{SourceMap, Span};

use super::*;

fn parsed(text: &str) -> (SourceMap, Parsed) {
    let mut sources = SourceMap::new();
    let text: Arc<str> = text.into();
    let id = sources.add("a.yaml", text.clone());
    let parsed = parse(id, &text, &Limits::default());
    (sources, parsed)
}

/// Every scalar with the text of its span.
fn scalars(text: &str) -> Vec<(String, String)> {
    fn walk(node: Node<'_>, sources: &SourceMap, found: &mut Vec<(String, String)>) {
        match node.content() {
            Content::Scalar(scalar) => {
                found.push((scalar.text.to_owned(), sources.snippet(node.span()).to_owned()));
            }
            Content::Sequence(items) => items.for_each(|item| walk(item, sources, found)),
            Content::Mapping(entries) => entries.for_each(|(key, value)| {
                walk(key, sources, found);
                walk(value, sources, found);
            }),
        }
    }
    let (sources, parsed) = parsed(text);
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let mut found = Vec::new();
    walk(parsed.document.unwrap().root(), &sources, &mut found);
    found
}

fn codes(text: &str) -> Vec<String> {
    let (sources, parsed) = parsed(text);
    let place = |span: Span| sources.location(span).start.to_string();
    parsed
        .diagnostics
        .iter()
        .map(|d| {
            let primary = d.primary.as_ref().map(|p| place(p.span)).unwrap_or_default();
            let related: Vec<_> = d.related.iter().map(|p| place(p.span)).collect();
            format!("{primary} {} {}", d.code, related.join(" ")).trim_end().to_owned()
        })
        .collect()
}

#[test]
fn spans_are_exact_bytes_with_multibyte_text() {
    let found =
        scalars("größe: 'ö ü'  # ß\n日本: [語, \"a\\tb\"]\nlast:  plain words  \nblock: |\n  ä\n  b\n");
    let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(
        found,
        [
            ("größe", "größe"),
            ("ö ü", "'ö ü'"),
            ("日本", "日本"),
            ("語", "語"),
            ("a\tb", "\"a\\tb\""),
            ("last", "last"),
            ("plain words", "plain words"),
            ("block", "block"),
            ("ä\nb\n", "ä\n  b"),
        ]
    );
}

#[test]
fn an_empty_value_is_right_behind_its_colon() {
    let (sources, parsed) = parsed("a:\nb: x\n");
    let document = parsed.document.unwrap();
    let value = document.root().get("a").unwrap();
    assert!(value.is_null());
    assert_eq!(sources.location(value.span()).start.to_string(), "1:3");
}

#[test]
fn collections_end_with_their_last_member_or_bracket() {
    let (sources, parsed) = parsed("a:\n  b: 1\n  c: [1, 2 ]\n\n\nd: x\n");
    let document = parsed.document.unwrap();
    let a = document.root().get("a").unwrap();
    assert_eq!(sources.snippet(a.span()), "b: 1\n  c: [1, 2 ]");
    assert_eq!(sources.snippet(a.get("c").unwrap().span()), "[1, 2 ]");
}

#[test]
fn duplicate_keys_are_reported_with_both_places() {
    assert_eq!(codes("a: 1\nb: 2\na: 3\n"), ["3:1 duplicate-key 1:1"]);
    let many: String = (0..40).map(|n| format!("k{n}: 1\n")).collect();
    assert_eq!(codes(&format!("{many}k7: 2\n")), ["41:1 duplicate-key 8:1"]);
    assert_eq!(codes("1: a\n\"1\": b\n"), [""; 0], "a number and a string are different keys");
}

#[test]
fn aliases_stand_for_their_anchor_at_their_own_place() {
    let (sources, parsed) = parsed("a: &x {k: v}\nb: *x\n");
    let document = parsed.document.unwrap();
    let b = document.root().get("b").unwrap();
    assert_eq!(sources.snippet(b.span()), "*x");
    assert_eq!(b.get("k").and_then(Node::as_string), Some("v"));
}

#[test]
fn merge_keys_bring_what_is_not_there() {
    let (_, parsed) = parsed("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {a: 0, <<: [*x, *y]}\n");
    let document = parsed.document.unwrap();
    assert_eq!(format!("{:?}", document.root().get("z").unwrap()), r#"{"a": "0", "b": "1", "c": "2"}"#);
    assert_eq!(codes("a: {<<: 1}"), ["1:5 invalid-merge"]);
}

#[test]
fn hostile_documents_get_one_clear_error() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{aliases}]\n"));
    }
    assert!(codes(&bomb)[0].contains("too-many-aliases"));
    assert!(codes(&"[".repeat(1000))[0].contains("nested-too-deep"));
    assert!(codes(&"- ".repeat(100_000))[0].contains("nested-too-deep"));
    assert_eq!(codes("a: &a [*a]"), ["1:8 recursive-alias"]);
    assert_eq!(codes("a: \0"), ["1:4 invalid-yaml"]);
    assert_eq!(codes("a: 1\n---\nb: 2\n"), ["2:1 several-documents"]);
    assert_eq!(codes("a: [1\n"), ["2:1 invalid-yaml"]);
    assert_eq!(codes("a:\n\tb: 1\n").len(), 1);
    assert_eq!(codes("a: *nowhere\n").len(), 1);
}

#[test]
fn tags_of_the_core_schema_count_and_others_are_reported() {
    let (_, parsed) = parsed("a: !!str 1\nb: !!int \"7\"\nc: ! 1\n");
    let document = parsed.document.unwrap();
    let kind = |key| document.root().get(key).unwrap().as_scalar().unwrap().kind;
    assert_eq!(
        (kind("a"), kind("b"), kind("c")),
        (ScalarKind::String, ScalarKind::Integer, ScalarKind::String)
    );
    assert_eq!(codes("a: !!binary aGk="), ["1:13 invalid-tag"]);
    assert_eq!(codes("a: !mine {b: 1}"), ["1:4 invalid-tag"]);
    assert_eq!(codes("a: !!int x"), ["1:10 invalid-tag"]);
}

#[test]
fn an_empty_text_is_null() {
    for text in ["", "# only a comment\n", "---\n", "\u{feff}"] {
        let (_, parsed) = parsed(text);
        assert!(parsed.document.unwrap().root().is_null(), "{text:?}");
    }
}

#[test]
fn a_byte_order_mark_does_not_shift_places() {
    let (sources, parsed) = parsed("\u{feff}a: ö\nb: x\n");
    let document = parsed.document.unwrap();
    assert_eq!(sources.snippet(document.root().get("a").unwrap().span()), "ö");
    assert_eq!(sources.snippet(document.root().get("b").unwrap().span()), "x");
}

#[test]
fn quotes_and_properties_do_not_blur_places() {
    let found =
        scalars("a: &x 'it''s' # c\nb: &y !!str \"q\\\"\" # d\nc: [ '', \"\" ]\n'k' : &z\n  - &w v\n");
    let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let expected = [
        ("a", "a"),
        ("it's", "'it''s'"),
        ("b", "b"),
        ("q\"", "\"q\\\"\""),
        ("c", "c"),
        ("", "''"),
        ("", "\"\""),
        ("k", "'k'"),
        ("v", "v"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn each_limit_has_a_diagnostic_of_its_own() {
    let check = |text: &str, limits: Limits| {
        let mut sources = SourceMap::new();
        let text: Arc<str> = text.into();
        let id = sources.add("a.yaml", text.clone());
        let parsed = parse(id, &text, &limits);
        assert!(parsed.document.is_none());
        parsed.diagnostics.into_iter().map(|diagnostic| diagnostic.code.into_owned()).collect::<Vec<_>>()
    };
    let limits = Limits::default();
    assert_eq!(check("a: 123456", Limits { document_bytes_max: 8, ..limits }), ["document-too-large"]);
    assert_eq!(check("a: [[1]]", Limits { depth_max: 2, ..limits }), ["nested-too-deep"]);
    assert_eq!(check("a: &a [[1]]\nb: [*a]", Limits { depth_max: 3, ..limits }), ["nested-too-deep"]);
    let aliases = "a: &a [1, 2, 3]\nb: [*a, *a, *a]";
    assert_eq!(check(aliases, Limits { aliased_nodes_max: 8, ..limits }), ["too-many-aliases"]);
}

/// Whatever a text is, every place is a piece of it, and without a document something is said.
fn is_read_or_refused(text: &str) {
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
    let check = |span: Span| {
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} of:\n{text}");
    };
    let (_, parsed) = parsed(text);
    for diagnostic in &parsed.diagnostics {
        diagnostic.primary.iter().chain(&diagnostic.related).for_each(|place| check(place.span));
    }
    match &parsed.document {
        Some(document) => walk(document.root(), &check),
        None => assert!(!parsed.diagnostics.is_empty(), "nothing said of:\n{text}"),
    }
}

#[test]
fn a_text_that_is_cut_off_anywhere_is_read_or_refused() {
    let texts = [
        "a: 1\nb:\n  c: d e\n  'f' : \"g\" # h\n",
        "a:\n- 1\n- b: c\n  d:\n  -  e\n- - f\n  - g\nh:\n",
        "a: [ 1, b: c, \"d\": [ ], { e: f }, ]\nb: {\n  c: d, # e\n  f: [ g,\n   h ] }\n",
        "a:\n b: c\na: d\n? e\n: f\n<<: { a: 1, g: 2 }\n",
        "ä: ö\n\u{2028}: x\n",
        "a: |\n  b\n   c\n\n  d\n\n\ne: >-\n  f\n  g\n\n  h \n# i\nj: |- \n  k\n",
        "a: |\n\n  b\nc: |+\n  d\n\ne: |2\n   f\ng: |\nh: |\n  i\n j: k\n",
        "a: b\n  c \n\n  d # e\nf: g\n  - h\ni:\n- j\n  k\n- l\n m\n",
        "a: \"\\\"b\\\\\\n\\t\" \nb: \"\\x41\"\n'c''d': ''''\n",
        "a: &b !!str c\nd: *b\n",
    ];
    for text in texts {
        is_read_or_refused(text);
        for (end, _) in text.char_indices() {
            is_read_or_refused(&text[..end]);
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]
    #[test]
    fn anything_is_read_or_refused(parts in proptest::collection::vec(proptest::sample::select(&[
        "a", "b", ":", ": ", ":\n", "\n", "\n ", "\n  ", "\n    ", "- ", "-", " ", "[", "]", "{", "}", ",", ", ",
        "\"", "'", "\"c\"", "'d'", "|", ">", "-\n", "\n\n", "  ", "+", "\\n", "#", " #", "?", "? ", "&e ", "*e", "!", "|\n", "1", "~", "<<: ", "\\", "é", "\t", "%",
        "a: b", "\nc: d", "\n- e", "[ a: b ]", "{ a: b }", "---",
    ][..]), 0..24)) {
        is_read_or_refused(&parts.concat());
    }
}
