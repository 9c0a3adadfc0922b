//! What holds for every picture.

use floria_draw::{Arrow, ArrowKind, Capability, Drawing, Shape, ShapeId, ShapeKind, Target};
use proptest::{collection::vec, prelude::*};

use crate::{
    build::{arrow, empty, shape},
    page::{Page, Rectangle},
};

const KINDS: [ShapeKind; 5] =
    [ShapeKind::Node, ShapeKind::Node, ShapeKind::Service, ShapeKind::Group, ShapeKind::Selected];

const NAMES: [&str; 4] = ["host", "database", "a-rather-long-name-of-a-requirement", "x"];

/// Any drawing: what contains what, how many capabilities, and arrows between anything.
fn drawings() -> impl Strategy<Value = Drawing> {
    let shapes = vec((any::<u8>(), 0..3_u8, any::<u8>(), 0..4_usize), 1..40);
    let arrows = vec((any::<u8>(), any::<u8>(), 0..5_usize, 0..NAMES.len(), 0..3_usize), 0..80);
    (shapes, arrows, 0..4_u8).prop_map(|(shapes, arrows, nesting)| {
        let mut drawing = empty();
        for (container, nests, kind, capabilities) in shapes {
            let count = drawing.shapes.len();
            let is_nested = count > 0 && nests < nesting;
            let container = is_nested.then(|| usize::from(container) % count);
            let kind = KINDS[usize::from(kind) % KINDS.len()];
            let mut shape: Shape = shape(container, kind, &"n".repeat(1 + count % 30));
            shape.is_several = count.is_multiple_of(7);
            for place in 0..capabilities {
                let (name, class, origin) = (format!("capability-{place}"), None, None);
                shape.capabilities.push(Capability { name, class, origin });
            }
            drawing.shapes.push(shape);
        }
        for (source, target, capability, name, kind) in arrows {
            let count = drawing.shapes.len();
            let (source, target) = (usize::from(source) % count, usize::from(target) % count);
            let target = match capability {
                0 => Target::Open,
                place if place <= drawing.shapes[target].capabilities.len() => {
                    Target::Capability(ShapeId(target), place - 1)
                }
                _ => Target::Shape(ShapeId(target)),
            };
            let kind = [ArrowKind::Requirement, ArrowKind::Optional, ArrowKind::Membership][kind];
            drawing.arrows.push(Arrow { kind, ..arrow(source, target, NAMES[name]) });
        }
        drawing
    })
}

/// The shapes that this one is in, itself first.
fn path(drawing: &Drawing, mut shape: ShapeId) -> Vec<ShapeId> {
    let mut path = vec![shape];
    while let Some(container) = drawing.shape(shape).container {
        path.push(container);
        shape = container;
    }
    path
}

fn check(drawing: &Drawing) {
    let svg = drawing.svg();
    let page = Page::read(&svg);
    assert_eq!(page.shapes.len(), drawing.shapes.len());
    assert_eq!(page.arrows.len(), drawing.arrows.len());
    for (place, one) in page.shapes.iter().enumerate() {
        assert!(page.size.contains(one), "{place} is not on the page");
        for (other_place, other) in page.shapes.iter().enumerate().skip(place + 1) {
            if path(drawing, ShapeId(other_place)).contains(&ShapeId(place)) {
                assert!(one.contains(other) && one != other, "{other_place} is not in {place}\n{svg}");
            } else {
                assert!(!one.overlaps(other), "{place} and {other_place} overlap\n{svg}");
            }
        }
    }
    for (place, (arrow, parts)) in drawing.arrows.iter().zip(&page.arrows).enumerate() {
        let mut ends = path(drawing, arrow.source);
        ends.extend(arrow.target.shape().map(|shape| path(drawing, shape)).unwrap_or_default());
        let is_container = |shape: ShapeId| drawing.shapes.iter().any(|other| other.container == Some(shape));
        for part in parts {
            assert!(page.size.contains(part), "arrow {place} leaves the page");
            for (other, rectangle) in page.shapes.iter().enumerate() {
                let other = ShapeId(other);
                if !(ends.contains(&other) && is_container(other)) {
                    let inner = Rectangle {
                        left: rectangle.left + 1,
                        top: rectangle.top + 1,
                        right: rectangle.right - 1,
                        bottom: rectangle.bottom - 1,
                    };
                    // A line has no inside of its own.
                    let line = Rectangle { right: part.right + 1, bottom: part.bottom + 1, ..*part };
                    assert!(!line.overlaps(&inner), "arrow {place} runs through {other:?}\n{svg}");
                }
            }
        }
    }
    assert_eq!(svg, drawing.svg());
}

/// Counts lines that hold this.
fn lines(text: &str, part: &str) -> usize {
    text.lines().filter(|line| line.contains(part)).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn boxes_do_not_overlap_and_arrows_do_not_run_through_them(drawing in drawings()) {
        check(&drawing);
    }

    #[test]
    fn each_box_and_arrow_is_written_once_in_dot_and_mermaid(drawing in drawings()) {
        let (dot, mermaid) = (drawing.dot(), drawing.mermaid());
        for place in 0..drawing.shapes.len() {
            let is_container = drawing.shapes.iter().any(|shape| shape.container == Some(ShapeId(place)));
            let is_box = |line: &&str| line.trim_start().starts_with(&format!("n{place} [tooltip"));
            let is_cluster = |line: &&str| line.trim() == format!("subgraph cluster{place} {{");
            let boxes = dot.lines().filter(is_box).count();
            prop_assert!(boxes == 1 || (boxes == 0 && is_container));
            prop_assert_eq!(dot.lines().filter(is_cluster).count(), usize::from(is_container));
            let is_one = |line: &&str| {
                let line = line.trim_start().trim_start_matches("subgraph ");
                line.strip_prefix(&format!("n{place}")).is_some_and(|rest| rest.starts_with(['[', '(', '{']))
            };
            prop_assert_eq!(mermaid.lines().filter(is_one).count(), 1);
        }
        prop_assert_eq!(lines(&dot, " -> "), drawing.arrows.len());
        prop_assert_eq!(lines(&mermaid, "->|"), drawing.arrows.len());
        let balance = |text: &str, open: &str, close: &str| {
            text.lines().filter(|line| line.trim() == close).count()
                == text.lines().filter(|line| line.trim_start().starts_with(open)).count()
        };
        prop_assert!(balance(&mermaid, "subgraph ", "end"));
        let ends = dot.lines().filter(|line| line.trim() == "}").count();
        prop_assert_eq!(dot.lines().filter(|line| line.ends_with('{')).count(), ends);
    }
}

#[test]
fn a_chain_of_two_thousand_and_a_depth_of_five_hundred_are_drawn() {
    let mut chain = empty();
    for place in 0..2_000 {
        chain.shapes.push(shape(None, ShapeKind::Node, &format!("n{place}")));
        if place > 0 {
            chain.arrows.push(arrow(place - 1, Target::Shape(ShapeId(place)), "next"));
        }
    }
    assert_eq!(Page::read(&chain.svg()).shapes.len(), 2_000);
    let mut deep = empty();
    for place in 0_usize..500 {
        deep.shapes.push(shape(place.checked_sub(1), ShapeKind::Service, "deep"));
    }
    deep.arrows.push(arrow(499, Target::Shape(ShapeId(0)), "outwards"));
    check(&deep);
    assert_eq!(deep.dot().lines().count(), deep.dot().matches('\n').count());
    assert_eq!(lines(&deep.mermaid(), "subgraph"), 499);
}

#[test]
fn wide_ranks_are_wrapped() {
    let mut drawing = empty();
    drawing.shapes.push(shape(None, ShapeKind::Node, "host"));
    for place in 1..400 {
        drawing.shapes.push(shape(None, ShapeKind::Node, &format!("n{place}")));
        drawing.arrows.push(arrow(place, Target::Shape(ShapeId(0)), "host"));
    }
    check(&drawing);
    let page = Page::read(&drawing.svg());
    assert!(page.size.bottom < 8_000, "{:?}", page.size);
    // What no arrow touches is a grid.
    drawing.arrows.clear();
    check(&drawing);
    let page = Page::read(&drawing.svg());
    assert!(
        page.size.right < 3 * page.size.bottom && page.size.bottom < 3 * page.size.right,
        "{:?}",
        page.size
    );
}

#[test]
fn nothing_is_a_picture_too() {
    check(&empty());
}
