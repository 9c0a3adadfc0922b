//! What a person and a program see of a diagnostic.

use diagnostics::{Diagnostic, Place, SourceMap, Span, TextStyle, render_json, render_sarif, render_text};

/// Marks `needle` in `text`.
fn check(text: &str, needle: &str, expected: &str) {
    let mut sources = SourceMap::new();
    let file = sources.add("a.yaml", text);
    let start = text.find(needle).expect("the needle is in the text") as u32;
    let span = Span::new(file, start, start + needle.len() as u32);
    let diagnostic = Diagnostic::error("code", "message").at(Place::new(span, "label"));
    assert_eq!(render_text(&diagnostic, &sources, TextStyle::plain()), expected);
}

#[test]
fn wide_characters_and_tabs_keep_carets_aligned() {
    check("日本: x\n", "x", "error[code]: message\n   ┌─ a.yaml:1:5\n 1 │ 日本: x\n   │       ^ label\n");
    check("a:\tx\n", "x", "error[code]: message\n   ┌─ a.yaml:1:4\n 1 │ a:  x\n   │     ^ label\n");
}

#[test]
fn a_span_over_several_lines_is_marked_on_its_first() {
    check(
        "a:\n  - b\n  - c\n",
        "- b\n  - c",
        "error[code]: message\n   ┌─ a.yaml:2:3\n 2 │   - b\n   │   ^^^ label\n",
    );
}

#[test]
fn control_characters_of_a_document_do_not_reach_the_terminal() {
    check(
        "a: \x1b[2Jx\n",
        "x",
        "error[code]: message\n   ┌─ a.yaml:1:8\n 1 │ a: ␛[2Jx\n   │        ^ label\n",
    );
}

#[test]
fn a_very_long_line_is_cut_around_its_caret() {
    let text = format!("{}needle{}", "a".repeat(1000), "b".repeat(1000));
    let expected = format!(
        "error[code]: message\n   ┌─ a.yaml:1:1001\n 1 │ …{}needle{}…\n   │ {}^^^^^^ label\n",
        "a".repeat(60),
        "b".repeat(94),
        " ".repeat(61)
    );
    check(&text, "needle", &expected);
}

#[test]
fn an_empty_span_at_the_end_of_a_file_has_one_caret() {
    let mut sources = SourceMap::new();
    let file = sources.add("a.yaml", "a: b\n");
    let diagnostic = Diagnostic::error("code", "message").at(Span::new(file, 5, 5));
    assert_eq!(
        render_text(&diagnostic, &sources, TextStyle::plain()),
        "error[code]: message\n   ┌─ a.yaml:2:1\n 2 │\n   │ ^\n"
    );
}

#[test]
fn related_places_share_a_frame_by_file() {
    let mut sources = SourceMap::new();
    let one = sources.add("one.yaml", "a: 1\nb: 2\nc: 3\na: 4\n");
    let two = sources.add("two.yaml", "import\n");
    let diagnostic = Diagnostic::error("duplicate-key", "key `a` is given twice")
        .at(Place::new(Span::new(one, 15, 16), "again here"))
        .related(Place::new(Span::new(one, 0, 1), "first here"))
        .related(Place::new(Span::new(two, 0, 6), "imported here"))
        .hint("remove one");
    assert_eq!(
        render_text(&diagnostic, &sources, TextStyle::plain()),
        "error[duplicate-key]: key `a` is given twice
   ┌─ one.yaml:4:1
 1 │ a: 1
   │ - first here
   ·
 4 │ a: 4
   │ ^ again here
   ┌─ two.yaml:1:1
 1 │ import
   │ ------ imported here
   = hint: remove one
"
    );
}

#[test]
fn colour_only_when_asked_for() {
    let sources = SourceMap::new();
    let diagnostic = Diagnostic::error("code", "message");
    assert_eq!(
        render_text(&diagnostic, &sources, TextStyle::colored()),
        "\x1b[1;31merror[code]\x1b[0m: \x1b[1mmessage\x1b[0m\n"
    );
}

#[test]
fn json_has_every_place_in_words() {
    let mut sources = SourceMap::new();
    let file = sources.add("a.yaml", "ö: x\ny\n");
    let diagnostic = Diagnostic::error("code", "message")
        .at(Place::new(Span::new(file, 4, 5), "label"))
        .related(Place::new(Span::new(file, 6, 7), ""))
        .hint("hint")
        .chapter("5.2");
    let json: serde_json::Value = serde_json::from_str(&render_json(&[diagnostic], &sources)).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "schema": "khutulun.diagnostics/1",
            "diagnostics": [{
                "code": "code", "severity": "error", "message": "message",
                "file": "a.yaml", "line": 1, "column": 4, "end_line": 1, "end_column": 5, "label": "label",
                "chapter": "5.2",
                "related": [{"file": "a.yaml", "line": 2, "column": 1, "end_line": 2, "end_column": 2}],
                "hints": ["hint"],
            }],
        })
    );
}

#[test]
fn sarif_has_rules_places_and_escaped_names() {
    let mut sources = SourceMap::new();
    let file = sources.add("my folder/a.yaml", "type: Databse\n");
    let archive = sources.add("/tmp/b.csar!/c.yaml", "x\n");
    let diagnostics = [
        Diagnostic::error("unknown-type", "unknown node type `Databse`")
            .at(Place::new(Span::new(file, 6, 13), "not found"))
            .related(Place::new(Span::new(archive, 0, 1), "here"))
            .hint("did you mean `Database`?")
            .chapter("6.4"),
        Diagnostic::warning("no-such-code", "strange"),
    ];
    let log: serde_json::Value =
        serde_json::from_str(&render_sarif(&diagnostics, &sources, "1.2.3")).expect("it is JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["semanticVersion"], "1.2.3");
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "no-such-code");
    assert_eq!(run["tool"]["driver"]["rules"][1]["id"], "unknown-type");
    let first = &run["results"][0];
    assert_eq!(first["ruleIndex"], 1);
    assert_eq!(first["level"], "error");
    assert_eq!(first["message"]["text"], "unknown node type `Databse`\nhint: did you mean `Database`?");
    let place = &first["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20folder/a.yaml");
    assert_eq!(place["region"]["startColumn"], 7);
    assert_eq!(place["region"]["endColumn"], 14);
    let related = &first["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(related, "file:///tmp/b.csar!/c.yaml");
    assert!(run["results"][1]["locations"].is_null());
}
