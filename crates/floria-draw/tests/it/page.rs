//! An SVG picture, read back.

use roxmltree::{Document, Node};

/// A box or a way of an arrow, as it was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) right: i32,
    pub(crate) bottom: i32,
}

impl Rectangle {
    /// Whether more than edges are in both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.left <= other.left
            && other.right <= self.right
            && self.top <= other.top
            && other.bottom <= self.bottom
    }
}

/// What a picture shows, in the order of the drawing.
pub(crate) struct Page {
    pub(crate) size: Rectangle,
    pub(crate) shapes: Vec<Rectangle>,
    /// The straight parts of each arrow.
    pub(crate) arrows: Vec<Vec<Rectangle>>,
}

fn class<'a>(node: &Node<'a, '_>) -> &'a str {
    node.attribute("class").unwrap_or_default()
}

fn number(node: &Node<'_, '_>, name: &str) -> i32 {
    node.attribute(name).unwrap().parse().unwrap()
}

impl Page {
    #[track_caller]
    pub(crate) fn read(svg: &str) -> Self {
        let document = Document::parse(svg).unwrap();
        let root = document.root_element();
        let size =
            Rectangle { left: 0, top: 0, right: number(&root, "width"), bottom: number(&root, "height") };
        let groups = |kind: &str| {
            root.children()
                .filter(|node| class(node).split(' ').next() == Some(kind))
                .inspect(|node| {
                    let titles = node.children().filter(|child| child.has_tag_name("title"));
                    assert_eq!(titles.count(), 1);
                })
                .collect::<Vec<_>>()
        };
        let part = |group: &Node<'_, '_>, kind: &str| {
            let mut parts = group.children().filter(|node| class(node) == kind);
            (parts.next().unwrap().id(), parts.count())
        };
        let shapes = groups("shape").into_iter().map(|group| {
            let (id, more) = part(&group, "box");
            assert_eq!(more, 0);
            let node = document.get_node(id).unwrap();
            let (left, top) = (number(&node, "x"), number(&node, "y"));
            Rectangle {
                left,
                top,
                right: left + number(&node, "width"),
                bottom: top + number(&node, "height"),
            }
        });
        let arrows = groups("arrow")
            .iter()
            .map(|group| {
                let (id, more) = part(group, "way");
                assert_eq!(more, 0);
                parts(document.get_node(id).unwrap().attribute("d").unwrap())
            })
            .collect();
        Self { size, shapes: shapes.collect(), arrows }
    }
}

/// The straight parts of a way; a bow's corner is where it would turn without it.
fn parts(way: &str) -> Vec<Rectangle> {
    let numbers: Vec<i32> = way
        .split(|letter: char| !(letter.is_ascii_digit() || letter == '-'))
        .filter(|number| !number.is_empty())
        .map(|number| number.parse().unwrap())
        .collect();
    let points: Vec<(i32, i32)> = numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    points
        .windows(2)
        .map(|pair| {
            let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
            assert!(x == to_x || y == to_y, "a way is not straight: {way}");
            Rectangle { left: x.min(to_x), top: y.min(to_y), right: x.max(to_x), bottom: y.max(to_y) }
        })
        .collect()
}
