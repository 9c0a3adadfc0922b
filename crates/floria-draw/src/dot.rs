//! DOT, the language of Graphviz.

use std::fmt::{self, Write as _};

use crate::{
    ArrowKind, Drawing, Shape, ShapeId, ShapeKind, Target,
    label::{COLUMNS_MAX, printable, shortened},
};

impl Drawing {
    /// Returns the picture in DOT: what contains something is a cluster, with a box of its own in it where arrows start or end
    /// there, and capabilities are ports.
    pub fn dot(&self) -> String {
        let mut is_touched = vec![false; self.shapes.len()];
        for arrow in &self.arrows {
            is_touched[arrow.source.0] = true;
            if let Some(target) = arrow.target.shape() {
                is_touched[target.0] = true;
            }
        }
        let mut page = Page { drawing: self, contents: contents(self), is_touched, text: String::new() };
        page.graph();
        page.text
    }
}

/// Returns what each shape contains and, last, what is in none.
pub(crate) fn contents(drawing: &Drawing) -> Vec<Vec<ShapeId>> {
    let mut contents = vec![Vec::new(); drawing.shapes.len() + 1];
    for (place, shape) in drawing.shapes.iter().enumerate() {
        contents[shape.container.map_or(drawing.shapes.len(), |container| container.0)].push(ShapeId(place));
    }
    contents
}

struct Page<'a> {
    drawing: &'a Drawing,
    contents: Vec<Vec<ShapeId>>,
    is_touched: Vec<bool>,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, depth: usize, line: fmt::Arguments<'_>) {
        writeln!(self.text, "{:indent$}{line}", "", indent = 2 * depth.min(DEPTH_MAX))
            .expect("a string takes whatever is written to it");
    }

    fn graph(&mut self) {
        let title = quoted(&shortened(&self.drawing.title, COLUMNS_MAX));
        self.line(0, format_args!("digraph {title} {{"));
        self.line(1, format_args!("graph [rankdir=LR fontname=\"sans-serif\" tooltip={title}]"));
        self.line(1, format_args!("node [shape=plain fontname=\"sans-serif\"]"));
        self.line(1, format_args!("edge [fontname=\"sans-serif\" fontsize=10]"));
        // Depth first; None: the end of a cluster.
        let mut next: Vec<Option<(ShapeId, usize)>> = Vec::new();
        let outermost = &self.contents[self.drawing.shapes.len()];
        next.extend(outermost.iter().rev().map(|shape| Some((*shape, 1))));
        let mut open = Vec::new();
        while let Some(step) = next.pop() {
            let Some((id, depth)) = step else {
                let depth = open.pop().unwrap_or(1);
                self.line(depth, format_args!("}}"));
                continue;
            };
            let contents = std::mem::take(&mut self.contents[id.0]);
            if contents.is_empty() {
                self.shape(id, depth);
                continue;
            }
            let shape = self.drawing.shape(id);
            self.line(depth, format_args!("subgraph cluster{} {{", id.0));
            let mut label = vec![shortened(&shape.name, COLUMNS_MAX)];
            label.extend(below(shape).iter().map(|line| shortened(line, COLUMNS_MAX)));
            let label: Vec<String> = label.iter().map(|line| escaped_in_quotes(line)).collect();
            let label = label.join("\\n");
            self.line(depth + 1, format_args!("graph [label=\"{label}\" style=rounded color=\"#94a3b8\"]"));
            if self.is_touched[id.0] || !shape.capabilities.is_empty() {
                self.shape(id, depth + 1);
            }
            open.push(depth);
            next.push(None);
            next.extend(contents.iter().rev().map(|shape| Some((*shape, depth + 1))));
        }
        for place in 0..self.drawing.arrows.len() {
            self.arrow(place);
        }
        self.text.push_str("}\n");
    }

    fn shape(&mut self, id: ShapeId, depth: usize) {
        let shape = self.drawing.shape(id);
        let mut rows = format!("<TR><TD><B>{}</B></TD></TR>", escaped(&shape.name));
        for line in below(shape) {
            write!(rows, "<TR><TD><FONT POINT-SIZE=\"10\">{}</FONT></TD></TR>", escaped(&line))
                .expect("a string takes whatever is written to it");
        }
        for (place, capability) in shape.capabilities.iter().enumerate() {
            let name = escaped(&capability.name);
            write!(
                rows,
                "<TR><TD PORT=\"c{place}\" ALIGN=\"LEFT\"><FONT POINT-SIZE=\"10\">○ {name}</FONT></TD></TR>"
            )
            .expect("a string takes whatever is written to it");
        }
        let style = match (shape.kind, shape.is_several) {
            (ShapeKind::Selected, _) => "BORDER=\"1\" STYLE=\"DASHED\"",
            (_, true) => "BORDER=\"3\" STYLE=\"ROUNDED\"",
            _ => "BORDER=\"1\" STYLE=\"ROUNDED\"",
        };
        let colour = colour(shape);
        let tooltip = quoted(&tooltip(shape));
        self.line(
            depth,
            format_args!(
                "n{} [tooltip={tooltip} label=<<TABLE {style} CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"3\" \
                 COLOR=\"{colour}\">{rows}</TABLE>>]",
                id.0
            ),
        );
    }

    fn arrow(&mut self, place: usize) {
        let arrow = &self.drawing.arrows[place];
        let label = quoted(&shortened(&arrow.label(), COLUMNS_MAX));
        let target = match arrow.target {
            Target::Shape(shape) => format!("n{}", shape.0),
            Target::Capability(shape, capability) => format!("n{}:c{capability}", shape.0),
            Target::Open => {
                let note = quoted(&shortened(&arrow.notes.join(", "), COLUMNS_MAX));
                self.line(
                    1,
                    format_args!(
                        "o{place} [shape=circle width=0.12 label=\"\" xlabel={note} tooltip={note}]"
                    ),
                );
                format!("o{place}")
            }
        };
        let style = match (arrow.target, arrow.kind) {
            (Target::Open, _) | (_, ArrowKind::Optional) => " style=dashed",
            (_, ArrowKind::Membership) => " style=dotted",
            _ => "",
        };
        self.line(1, format_args!("n{} -> {target} [label={label}{style}]", arrow.source.0));
    }
}

/// Lines are indented so deep at most, as what a file nests may be deeper than a line is long.
pub(crate) const DEPTH_MAX: usize = 20;

/// What is said below a shape's name: what it is, its state, notes.
pub(crate) fn below(shape: &Shape) -> Vec<String> {
    let class = shape.class.as_ref().map(|class| class.last().to_owned());
    let what = match (shape.kind, class) {
        (ShapeKind::Node, Some(class)) => class,
        (kind, Some(class)) => format!("{}: {class}", kind.word()),
        (kind, None) => kind.word().to_owned(),
    };
    let mut lines = vec![what];
    lines.extend(shape.state.clone());
    lines.extend(shape.notes.iter().cloned());
    lines
}

fn tooltip(shape: &Shape) -> String {
    let class = shape.class.as_ref().map(ToString::to_string);
    let origin = shape.origin.as_ref().map(ToString::to_string);
    let parts: Vec<String> = [Some(shape.name.clone()), class, origin].into_iter().flatten().collect();
    parts.iter().map(|part| shortened(part, 3 * COLUMNS_MAX)).collect::<Vec<_>>().join(", ")
}

fn colour(shape: &Shape) -> &'static str {
    match shape.state.as_deref() {
        Some("started") => "#15803d",
        Some("created" | "configured") => "#1d4ed8",
        Some("stopped") => "#92400e",
        Some("failed") => "#b91c1c",
        _ => "#475569",
    }
}

/// Returns a quoted string of DOT.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped_in_quotes(text))
}

fn escaped_in_quotes(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Returns text in a label that is like HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in shortened(text, COLUMNS_MAX).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    // An empty cell is an error.
    if escaped.is_empty() { " ".to_owned() } else { escaped }
}
