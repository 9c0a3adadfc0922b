//! What each box shows, and how large it is because of that.

use std::collections::HashMap;

use crate::{
    Arrow, ArrowKind, Drawing, Shape, ShapeId, ShapeKind, Subject, Target,
    label::{COLUMNS_MAX, shortened, width},
};

/// How high a line of text is. Everything that has a place in a box is at a multiple of half of it.
pub(crate) const LINE: i32 = 20;

/// Where arrows end in a line, and where they start: apart, so that what starts at one box never runs in the line of what ends
/// at another.
const TARGET_Y: i32 = 8;
const SOURCE_Y: i32 = 12;

/// Left and right of text.
pub(crate) const SIDE: i32 = 12;

/// Between a capability and a requirement in one line.
const BETWEEN: i32 = 24;

/// So many requirements of one name have a row each; more of them share one.
const ROWS_MAX: usize = 4;

const WIDTH_MIN: i32 = 120;

/// What a box shows.
#[derive(Debug)]
pub(crate) struct Face {
    /// The name, as it is shown.
    pub(crate) name: String,
    /// Lines below the name: what it is, and notes.
    pub(crate) lines: Vec<String>,
    /// The state's sign and word.
    pub(crate) state: Option<(String, &'static str)>,
    /// The capabilities, one a row, at the left.
    pub(crate) capabilities: Vec<String>,
    /// The requirements, one a row, at the right.
    pub(crate) requirements: Vec<Row>,
    /// How wide it is at least.
    pub(crate) width: i32,
    /// How high it is, without what the box contains.
    pub(crate) height: i32,
    /// Where its rows begin.
    pub(crate) rows_y: i32,
}

/// A requirement in a box, or several of one name.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its name, as it is shown.
    pub(crate) label: String,
    /// What else there is to say.
    pub(crate) note: String,
}

/// The faces of a drawing's shapes.
pub(crate) struct Faces {
    pub(crate) faces: Vec<Face>,
    /// The row in which each arrow starts.
    rows: Vec<usize>,
    sources: Vec<ShapeId>,
}

impl Faces {
    pub(crate) fn of(drawing: &Drawing) -> Self {
        let mut counts: HashMap<Key<'_>, usize> = HashMap::new();
        for arrow in &drawing.arrows {
            *counts.entry(key(arrow)).or_default() += 1;
        }
        let mut requirements: Vec<Vec<Row>> = drawing.shapes.iter().map(|_| Vec::new()).collect();
        let mut shared: HashMap<Key<'_>, usize> = HashMap::new();
        let mut rows = Vec::with_capacity(drawing.arrows.len());
        for arrow in &drawing.arrows {
            let of_shape = &mut requirements[arrow.source.0];
            let count = counts[&key(arrow)];
            let is_shared = count > ROWS_MAX;
            if let Some(row) = shared.get(&key(arrow)).filter(|_| is_shared) {
                rows.push(*row);
                continue;
            }
            shared.insert(key(arrow), of_shape.len());
            rows.push(of_shape.len());
            let label = if is_shared {
                format!("{} ×{count}", shortened(&arrow.name, COLUMNS_MAX))
            } else {
                shortened(&arrow.label(), COLUMNS_MAX)
            };
            let note =
                if is_shared { String::new() } else { shortened(&arrow.notes.join(", "), COLUMNS_MAX) };
            of_shape.push(Row { label, note });
        }
        let faces = requirements
            .into_iter()
            .enumerate()
            .map(|(place, requirements)| Face::of(drawing, ShapeId(place), requirements))
            .collect();
        Self { faces, rows, sources: drawing.arrows.iter().map(|arrow| arrow.source).collect() }
    }

    /// Returns the row in which an arrow starts.
    pub(crate) fn row(&self, arrow: usize) -> usize {
        self.rows[arrow]
    }

    /// Returns how far below its source's upper edge an arrow starts.
    pub(crate) fn source_y(&self, arrow: usize) -> i32 {
        self.faces[self.sources[arrow].0].rows_y + LINE * self.rows[arrow] as i32 + SOURCE_Y
    }

    /// Returns how far below its target's upper edge an arrow ends.
    pub(crate) fn target_y(&self, target: Target) -> i32 {
        match target {
            Target::Capability(shape, place) => self.faces[shape.0].rows_y + LINE * place as i32 + TARGET_Y,
            Target::Shape(_) | Target::Open => LINE / 2 + TARGET_Y,
        }
    }
}

/// What requirements that may share a row have in common.
type Key<'a> = (ShapeId, &'a str, ArrowKind, bool);

fn key(arrow: &Arrow) -> Key<'_> {
    (arrow.source, &arrow.name, arrow.kind, arrow.target == Target::Open)
}

impl Face {
    fn of(drawing: &Drawing, id: ShapeId, requirements: Vec<Row>) -> Self {
        let shape = drawing.shape(id);
        let name = shortened(&shape.name, COLUMNS_MAX);
        let mut lines = vec![what(drawing, id, shape)];
        lines.extend(shape.notes.iter().map(|note| shortened(note, COLUMNS_MAX)));
        let state = shape.state.as_deref().map(|state| (shortened(state, COLUMNS_MAX), sign(state)));
        let capabilities: Vec<String> =
            shape.capabilities.iter().map(|capability| shortened(&capability.name, COLUMNS_MAX)).collect();
        let badge = state.as_ref().map_or(0, |(word, _)| width(word, 12.0, false) + 24);
        let name_size = if shape.kind == ShapeKind::Service { 18.0 } else { 14.0 };
        let mut widest = width(&name, name_size, true) + badge;
        for line in &lines {
            widest = widest.max(width(line, 12.0, false));
        }
        let rows = capabilities.len().max(requirements.len());
        for row in 0..rows {
            let left = capabilities.get(row).map_or(0, |label| width(label, 12.0, false));
            let right = requirements.get(row).map_or(0, |row| row.width());
            widest = widest.max(left + right + if left > 0 && right > 0 { BETWEEN } else { 0 });
        }
        let rows_y = LINE / 2 + LINE * (1 + lines.len() as i32);
        let height = rows_y + if rows > 0 { LINE * rows as i32 + LINE / 2 } else { 0 };
        let width = (widest + 2 * SIDE).max(WIDTH_MIN);
        Self { name, lines, state, capabilities, requirements, width, height, rows_y }
    }
}

impl Row {
    fn width(&self) -> i32 {
        let note = if self.note.is_empty() { 0 } else { 8 + width(&self.note, 12.0, false) };
        width(&self.label, 12.0, false) + note
    }
}

/// What a box stands for, below its name.
fn what(drawing: &Drawing, id: ShapeId, shape: &Shape) -> String {
    let class = shape.class.as_ref().map(|class| class.last());
    match (shape.kind, class) {
        (ShapeKind::Service, _) if shape.container.is_none() => {
            // A design may hold other services beside its own.
            let nodes = drawing.nodes().filter(|node| drawing.outermost(*node) == id).count();
            let arrows: Vec<_> =
                drawing.arrows.iter().filter(|arrow| drawing.outermost(arrow.source) == id).collect();
            let requirements = arrows.iter().filter(|arrow| arrow.kind != ArrowKind::Membership).count();
            let several =
                |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
            let mut parts = vec![
                several(nodes, if drawing.subject == Subject::Templates { "node template" } else { "node" }),
                several(requirements, "requirement"),
            ];
            let open = arrows.iter().filter(|arrow| arrow.target == Target::Open).count();
            if open > 0 {
                parts.push(format!("{open} of them open"));
            }
            if arrows.len() > requirements {
                parts.push(several(arrows.len() - requirements, "membership"));
            }
            format!("service: {}", parts.join(", "))
        }
        (ShapeKind::Node, Some(class)) => shortened(class, COLUMNS_MAX),
        (kind, Some(class)) => format!("{}: {}", kind.word(), shortened(class, COLUMNS_MAX)),
        (kind, None) => kind.word().to_owned(),
    }
}

/// The sign of a state. A word is always beside it.
fn sign(state: &str) -> &'static str {
    match state {
        "started" => "●",
        "created" | "configured" => "◐",
        "stopped" => "■",
        "failed" => "✕",
        _ => "○",
    }
}
