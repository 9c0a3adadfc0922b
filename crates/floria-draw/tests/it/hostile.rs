//! Whatever a name holds, it stays text.

use floria::{ClassName, Origin};
use floria_draw::{Capability, Drawing, ShapeId, ShapeKind, Target};
use roxmltree::Document;

use crate::build::{arrow, empty, shape};

const NAMES: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"]; end --> x[\"",
    "a\nb\r\n\tc",
    "\u{202e}gnirts\u{202c} \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "]]>&amp;&#0;<!--",
    "\0\u{1b}[31m\u{ffff}",
    "\\\" \\N \\",
    "<br/>`**bold**`#quot;",
    "",
];

fn hostile(name: &str) -> Drawing {
    let mut drawing = empty();
    drawing.title = name.to_owned();
    let mut first = shape(None, ShapeKind::Service, name);
    first.class = Some(ClassName(name.to_owned()));
    drawing.shapes.push(first);
    let mut node = shape(Some(0), ShapeKind::Node, name);
    node.notes = vec![name.to_owned()];
    node.state = Some(name.to_owned());
    node.origin = Some(Origin { source: name.into(), line: 1, column: 1 });
    node.capabilities = vec![Capability { name: name.to_owned(), class: None, origin: None }];
    drawing.shapes.push(node);
    drawing.arrows.push(arrow(1, Target::Capability(ShapeId(1), 0), name));
    let mut open = arrow(1, Target::Open, name);
    open.notes = vec![name.to_owned()];
    drawing.arrows.push(open);
    drawing
}

/// The elements of a picture, without their text.
fn elements(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}:\n{svg}"));
    document
        .descendants()
        .filter(|node| node.is_element())
        .map(|node| node.tag_name().name().to_owned())
        .collect()
}

#[test]
fn svg_holds_names_as_text_alone() {
    let expected = elements(&hostile("web").svg());
    for name in NAMES {
        let svg = hostile(name).svg();
        // Nothing is written where there is nothing to say.
        assert!(elements(&svg) == expected || name.is_empty(), "{name:?}:\n{svg}");
        let steers = |letter: char| {
            (letter.is_control() && letter != '\n') || ('\u{202a}'..='\u{202e}').contains(&letter)
        };
        assert!(!svg.contains(steers), "{name:?}:\n{svg}");
    }
}

#[test]
fn dot_and_mermaid_hold_names_as_text_alone() {
    // Everything outside of quotes and labels is as it is for an honest name.
    let skeleton = |text: &str| {
        let (mut kept, mut is_quoted, mut is_escaped) = (String::new(), false, false);
        for letter in text.chars() {
            match letter {
                _ if is_escaped => is_escaped = false,
                '\\' if is_quoted => is_escaped = true,
                '"' => is_quoted = !is_quoted,
                letter if !is_quoted => kept.push(letter),
                _ => {}
            }
        }
        kept
    };
    let expected = hostile("web");
    for name in NAMES {
        let drawing = hostile(name);
        assert_eq!(skeleton(&drawing.mermaid()), skeleton(&expected.mermaid()), "{name:?}");
        let dot = drawing.dot();
        assert_eq!(dot.lines().count(), expected.dot().lines().count(), "{name:?}:\n{dot}");
        for label in dot.lines().filter_map(|line| line.split_once("label=<").map(|(_, label)| label)) {
            let label = label.strip_suffix(">]").unwrap();
            elements(label);
        }
    }
}

#[test]
fn ten_thousand_letters_do_not_make_a_wide_picture() {
    for letter in ["w", "漢", "e\u{301}", "\u{fdfd}"] {
        let drawing = hostile(&letter.repeat(10_000));
        let svg = drawing.svg();
        elements(&svg);
        assert!(svg.len() < 40_000 && drawing.dot().len() < 10_000 && drawing.mermaid().len() < 20_000);
        let document = Document::parse(&svg).unwrap();
        let width: u32 = document.root_element().attribute("width").unwrap().parse().unwrap();
        assert!(width < 1_600, "{letter:?}: {width}");
    }
}
