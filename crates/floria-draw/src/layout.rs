//! Where everything is in a picture that is drawn here.
//!
//! Containers are laid out from the inside to the outside: what one contains is laid out as a picture of its own, which then is
//! a box among those beside it. Within a container, boxes that arrows connect make a component; each is drawn in layers, from
//! what requires at the left to what is required at the right, and the components are packed in rows.
//!
//! Arrows run in right angles: across columns in rows that are kept free for them, and up and down between columns, in lanes.
//! Those that lead to one place, or come from one, share rows and lanes, as wires in a bus do.
//!
//! All distances are in pixels, and whole.

mod columns;
mod component;
mod crossing;
mod inside;
mod lanes;
mod measure;
mod pack;
mod rank;
mod settle;

use crate::{Drawing, ShapeId, Target};

pub(crate) use measure::{Face, LINE};

use inside::{End, Inside};
use measure::Faces;
use pack::{Item, ItemKind, Link, Placed};

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

/// A shape's place and size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
}

/// A picture's layout.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The size of the picture.
    pub(crate) size: (i32, i32),
    /// What each shape shows.
    pub(crate) faces: Vec<Face>,
    /// Where each shape is.
    pub(crate) frames: Vec<Frame>,
    /// The way of each arrow: corners from its source to its target. Between two corners it runs straight.
    pub(crate) routes: Vec<Vec<Point>>,
    /// Which arrows share their way: equal numbers do.
    pub(crate) nets: Vec<usize>,
}

/// Around the picture.
const MARGIN: i32 = 20;

/// Around what a container contains.
const PADDING: i32 = 20;

/// How long the arrow of an open requirement is.
pub(crate) const STUB: i32 = 26;

/// Returns the layout of a drawing.
pub(crate) fn layout(drawing: &Drawing) -> Layout {
    let faces = Faces::of(drawing);
    let (insides, nets) = inside::insides(drawing, &faces);
    let count = drawing.shapes.len();
    let mut has_stub = vec![false; count];
    for arrow in drawing.arrows.iter().filter(|arrow| arrow.target == Target::Open) {
        has_stub[arrow.source.0] = true;
    }
    let mut work = Work {
        faces,
        insides,
        has_stub,
        frames: vec![Frame::default(); count],
        pieces: vec![Vec::new(); drawing.arrows.len()],
        size: (0, 0),
    };
    // Contents come after their containers.
    for place in (0..count).rev() {
        work.lay_shape(ShapeId(place));
    }
    let placed = work.pack(count);
    work.take(None, Point { x: MARGIN, y: MARGIN }, &placed);
    work.size = (placed.width + 2 * MARGIN, placed.height + 2 * MARGIN);
    // From the outside to the inside, as places are relative to the container's.
    for (place, shape) in drawing.shapes.iter().enumerate() {
        if let Some(container) = shape.container {
            let Frame { x, y, .. } = work.frames[container.0];
            let frame = &mut work.frames[place];
            (frame.x, frame.y) = (frame.x + x, frame.y + y);
        }
    }
    let Work { faces, frames, pieces, size, .. } = work;
    let routes = drawing
        .arrows
        .iter()
        .zip(pieces)
        .enumerate()
        .map(|(place, (arrow, pieces))| match arrow.target {
            Target::Open => {
                let Frame { x, y, width, .. } = frames[arrow.source.0];
                let start = Point { x: x + width, y: y + faces.source_y(place) };
                vec![start, Point { x: start.x + STUB, ..start }]
            }
            _ => joined(inside::in_order(drawing, arrow, pieces), &frames),
        })
        .collect();
    Layout { size, faces: faces.faces, frames, routes, nets }
}

/// A layout that is being made.
struct Work {
    faces: Faces,
    /// By shape and, last, what is in none.
    insides: Vec<Inside>,
    /// Whether arrows to nowhere start at a shape.
    has_stub: Vec<bool>,
    /// Places are relative to the container's until all is laid out.
    frames: Vec<Frame>,
    /// The parts of each arrow's way, each relative to the container that it is in.
    pieces: Vec<Vec<Piece>>,
    size: (i32, i32),
}

/// A part of a way, in a container.
type Piece = (Option<ShapeId>, Vec<Point>);

impl Work {
    /// Finds a shape's size, once what it contains has its own, and places that.
    fn lay_shape(&mut self, shape: ShapeId) {
        let Face { width, height, .. } = self.faces.faces[shape.0];
        if self.insides[shape.0].is_empty() {
            (self.frames[shape.0].width, self.frames[shape.0].height) = (width, height);
            return;
        }
        let placed = self.pack(shape.0);
        let corner = Point { x: PADDING, y: height + PADDING / 2 };
        self.take(Some(shape), corner, &placed);
        let width = width.max(placed.width + 2 * PADDING);
        self.frames[shape.0].width = width;
        self.frames[shape.0].height = corner.y + placed.height + PADDING;
        let inside = &mut self.insides[shape.0];
        let spots = &placed.spots[inside.shapes.len()..];
        for (border, spot) in inside.borders.iter_mut().zip(spots) {
            border.y = corner.y + spot.y;
        }
        // What passes an edge does so there, and not where the inside ends.
        for link in &inside.links {
            let Some((_, route)) = self.pieces[link.arrow].last_mut() else { continue };
            if let (End::Own(_), Some(first)) = (&link.source, route.first().copied()) {
                route.insert(0, Point { x: 0, ..first });
            }
            if let (End::Own(_), Some(last)) = (&link.target, route.last().copied()) {
                route.push(Point { x: width, ..last });
            }
        }
    }

    /// Lays out what is in a container.
    fn pack(&self, slot: usize) -> Placed {
        let inside = &self.insides[slot];
        let mut items: Vec<Item> = inside
            .shapes
            .iter()
            .map(|shape| Item {
                width: self.frames[shape.0].width,
                height: self.frames[shape.0].height,
                kind: match self.insides[shape.0].is_empty() {
                    true => ItemKind::Leaf,
                    false => ItemKind::Container,
                },
                has_stub: self.has_stub[shape.0],
            })
            .collect();
        items.extend(inside.borders.iter().map(|border| Item {
            width: 0,
            height: 0,
            kind: if border.is_exit { ItemKind::Exit } else { ItemKind::Entry },
            has_stub: false,
        }));
        let end = |end: &End| match end {
            End::Port(shape, y) => (inside.place_of(*shape), *y),
            End::Border(shape, border) => (inside.place_of(*shape), self.insides[shape.0].borders[*border].y),
            End::Own(border) => (inside.shapes.len() + border, 0),
        };
        let links: Vec<Link> = inside
            .links
            .iter()
            .map(|link| Link { source: end(&link.source), target: end(&link.target), net: link.net })
            .collect();
        pack::pack(&items, &links)
    }

    /// Puts what was laid out at a corner of its container.
    fn take(&mut self, container: Option<ShapeId>, corner: Point, placed: &Placed) {
        let inside = &self.insides[container.map_or(self.frames.len(), |shape| shape.0)];
        for (shape, spot) in inside.shapes.iter().zip(&placed.spots) {
            let frame = &mut self.frames[shape.0];
            (frame.x, frame.y, frame.width) = (corner.x + spot.x, corner.y + spot.y, spot.width);
        }
        for (link, route) in inside.links.iter().zip(&placed.routes) {
            let moved = route.iter().map(|point| Point { x: point.x + corner.x, y: point.y + corner.y });
            self.pieces[link.arrow].push((container, moved.collect()));
        }
    }
}

/// Puts the pieces of a way together, without corners where nothing turns.
fn joined(pieces: Vec<Piece>, frames: &[Frame]) -> Vec<Point> {
    let mut route: Vec<Point> = Vec::new();
    for (container, points) in pieces {
        let Frame { x, y, .. } = container.map_or_else(Frame::default, |shape| frames[shape.0]);
        for point in points {
            let point = Point { x: point.x + x, y: point.y + y };
            match route.as_slice() {
                [.., last] if *last == point => continue,
                [.., before, last] if is_straight(*before, *last, point) => {
                    let end = route.len() - 1;
                    route[end] = point;
                }
                _ => route.push(point),
            }
        }
    }
    route
}

fn is_straight(before: Point, middle: Point, after: Point) -> bool {
    let turns_back = |a: i32, b: i32, c: i32| (b - a).signum() * (c - b).signum() < 0;
    (before.y == middle.y && middle.y == after.y && !turns_back(before.x, middle.x, after.x))
        || (before.x == middle.x && middle.x == after.x && !turns_back(before.y, middle.y, after.y))
}
