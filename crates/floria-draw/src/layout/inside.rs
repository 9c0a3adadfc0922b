//! What is directly inside of each container, and the parts of arrows that run there.

use std::collections::HashMap;

use super::{Point, measure::Faces};
use crate::{Arrow, Drawing, ShapeId, Target};

/// What a container contains.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// The shapes, in order.
    pub(crate) shapes: Vec<ShapeId>,
    /// Where arrows pass the container's edges.
    pub(crate) borders: Vec<Border>,
    /// The parts of arrows.
    pub(crate) links: Vec<PartOfArrow>,
    border_of: HashMap<(usize, bool), usize>,
}

/// A place on a container's left or right edge that arrows of one net pass.
#[derive(Debug)]
pub(crate) struct Border {
    /// Whether they go out, at the right.
    pub(crate) is_exit: bool,
    /// How far below the container's upper edge; once its inside is laid out.
    pub(crate) y: i32,
}

/// A part of an arrow within one container.
#[derive(Debug)]
pub(crate) struct PartOfArrow {
    pub(crate) arrow: usize,
    pub(crate) net: usize,
    pub(crate) source: End,
    pub(crate) target: End,
}

/// Where such a part ends.
#[derive(Debug)]
pub(crate) enum End {
    /// At a shape, so far below its upper edge.
    Port(ShapeId, i32),
    /// At the edge of a shape, on the way in or out.
    Border(ShapeId, usize),
    /// At the container's own edge.
    Own(usize),
}

impl Inside {
    pub(crate) fn is_empty(&self) -> bool {
        self.shapes.is_empty() && self.borders.is_empty()
    }

    /// Returns the place of a shape among those here.
    pub(crate) fn place_of(&self, shape: ShapeId) -> usize {
        self.shapes.binary_search(&shape).expect("an end of a part is at a shape of the same container")
    }

    fn border(&mut self, net: usize, is_exit: bool) -> usize {
        *self.border_of.entry((net, is_exit)).or_insert_with(|| {
            self.borders.push(Border { is_exit, y: 0 });
            self.borders.len() - 1
        })
    }
}

/// Returns what each shape contains and, last, what is in none; and the net of each arrow.
pub(crate) fn insides(drawing: &Drawing, faces: &Faces) -> (Vec<Inside>, Vec<usize>) {
    let outermost = drawing.shapes.len();
    let mut insides: Vec<Inside> = (0..=outermost).map(|_| Inside::default()).collect();
    for (place, shape) in drawing.shapes.iter().enumerate() {
        insides[shape.container.map_or(outermost, |container| container.0)].shapes.push(ShapeId(place));
    }
    let nets = nets(drawing, faces);
    for (place, arrow) in drawing.arrows.iter().enumerate() {
        let Some(target) = arrow.target.shape() else { continue };
        let net = nets[place];
        let common = common(drawing, arrow.source, target);
        let slot = |container: Option<ShapeId>| container.map_or(outermost, |container| container.0);
        let mut add = |container: Option<ShapeId>, source: End, target: End| {
            insides[slot(container)].links.push(PartOfArrow { arrow: place, net, source, target });
        };
        // Outwards from the source. What contains the target itself is left through its own edge.
        let (mut shape, mut source) = (arrow.source, End::Port(arrow.source, faces.source_y(place)));
        let mut exits = Vec::new();
        if common == Some(arrow.source) && arrow.source != target {
            source = End::Own(usize::MAX);
        } else {
            while drawing.shape(shape).container != common {
                let Some(container) = drawing.shape(shape).container else { break };
                exits.push((container, source));
                source = End::Border(container, usize::MAX);
                shape = container;
            }
        }
        let (mut shape, mut end) = (target, End::Port(target, faces.target_y(arrow.target)));
        let mut entries = Vec::new();
        if common == Some(target) && arrow.source != target {
            end = End::Own(usize::MAX);
        } else {
            while drawing.shape(shape).container != common {
                let Some(container) = drawing.shape(shape).container else { break };
                entries.push((container, end));
                end = End::Border(container, usize::MAX);
                shape = container;
            }
        }
        add(common, source, end);
        for (container, source) in exits {
            add(Some(container), source, End::Own(usize::MAX));
        }
        for (container, target) in entries {
            add(Some(container), End::Own(usize::MAX), target);
        }
    }
    number_borders(&mut insides);
    (insides, nets)
}

/// Gives the ends at edges their places, of which arrows of one net have one in common.
fn number_borders(insides: &mut [Inside]) {
    for inside in insides.iter_mut() {
        let mut links = std::mem::take(&mut inside.links);
        for link in &mut links {
            if let End::Own(border) = &mut link.source {
                *border = inside.border(link.net, false);
            }
            if let End::Own(border) = &mut link.target {
                *border = inside.border(link.net, true);
            }
        }
        inside.links = links;
    }
    for place in 0..insides.len() {
        let mut links = std::mem::take(&mut insides[place].links);
        for link in &mut links {
            if let End::Border(shape, border) = &mut link.source {
                *border = insides[shape.0].border(link.net, true);
            }
            if let End::Border(shape, border) = &mut link.target {
                *border = insides[shape.0].border(link.net, false);
            }
        }
        insides[place].links = links;
    }
}

/// Which arrows run together: those to one target, or those from one row where they are more.
fn nets(drawing: &Drawing, faces: &Faces) -> Vec<usize> {
    let source = |place: usize, arrow: &Arrow| (arrow.source, faces.row(place));
    let (mut fan_out, mut fan_in) = (HashMap::new(), HashMap::new());
    for (place, arrow) in drawing.arrows.iter().enumerate() {
        *fan_out.entry(source(place, arrow)).or_insert(0) += 1;
        *fan_in.entry(arrow.target).or_insert(0) += 1;
    }
    let mut numbers: HashMap<Result<(ShapeId, usize), Target>, usize> = HashMap::new();
    let mut net = |place: usize, arrow: &Arrow| {
        let source = source(place, arrow);
        let is_of_source = arrow.target == Target::Open || fan_out[&source] > fan_in[&arrow.target];
        let key = if is_of_source { Ok(source) } else { Err(arrow.target) };
        let next = numbers.len();
        *numbers.entry(key).or_insert(next)
    };
    drawing.arrows.iter().enumerate().map(|(place, arrow)| net(place, arrow)).collect()
}

/// Returns the innermost container in which a way from one shape to the other runs; None: the picture itself.
fn common(drawing: &Drawing, source: ShapeId, target: ShapeId) -> Option<ShapeId> {
    let container = |shape: ShapeId| drawing.shape(shape).container;
    if source == target {
        return container(source);
    }
    // Contents come after their containers, so the later of two cannot contain the earlier.
    let (mut one, mut other) = (Some(source), Some(target));
    while one != other {
        if one > other {
            one = one.and_then(container);
        } else {
            other = other.and_then(container);
        }
    }
    one
}

/// Brings the pieces of an arrow's way into the order in which it passes them.
pub(crate) fn in_order(
    drawing: &Drawing,
    arrow: &Arrow,
    mut pieces: Vec<(Option<ShapeId>, Vec<Point>)>,
) -> Vec<(Option<ShapeId>, Vec<Point>)> {
    let Some(target) = arrow.target.shape() else { return pieces };
    let common = common(drawing, arrow.source, target);
    // Whatever is inside of the common container is on the source's side when the source is in it.
    let mut sources = Vec::new();
    let mut next = drawing.shape(arrow.source).container;
    while let Some(container) = next {
        sources.push(container);
        next = drawing.shape(container).container;
    }
    let rank = |container: Option<ShapeId>| match container {
        container if container == common => (1, 0),
        Some(container) if sources.contains(&container) => (0, usize::MAX - container.0),
        Some(container) => (2, container.0),
        None => (1, 0),
    };
    pieces.sort_by_key(|(container, _)| rank(*container));
    pieces
}
