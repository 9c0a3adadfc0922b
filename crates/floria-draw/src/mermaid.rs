//! Mermaid, which pages draw themselves.

use std::fmt::{self, Write as _};

use crate::{
    ArrowKind, Drawing, ShapeId, ShapeKind, Target,
    dot::{DEPTH_MAX, below, contents},
    label::{COLUMNS_MAX, shortened},
};

impl Drawing {
    /// Returns the picture as a flowchart of Mermaid: what contains something is a subgraph.
    pub fn mermaid(&self) -> String {
        let mut page = Page { drawing: self, contents: contents(self), text: String::new() };
        page.flowchart();
        page.text
    }
}

struct Page<'a> {
    drawing: &'a Drawing,
    contents: Vec<Vec<ShapeId>>,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, depth: usize, line: fmt::Arguments<'_>) {
        writeln!(self.text, "{:indent$}{line}", "", indent = 2 * depth.min(DEPTH_MAX))
            .expect("a string takes whatever is written to it");
    }

    fn flowchart(&mut self) {
        self.line(0, format_args!("flowchart LR"));
        // Depth first; None: the end of a subgraph.
        let mut next: Vec<Option<(ShapeId, usize)>> = Vec::new();
        let outermost = &self.contents[self.drawing.shapes.len()];
        next.extend(outermost.iter().rev().map(|shape| Some((*shape, 1))));
        let mut open = Vec::new();
        while let Some(step) = next.pop() {
            let Some((id, depth)) = step else {
                let depth = open.pop().unwrap_or(1);
                self.line(depth, format_args!("end"));
                continue;
            };
            let contents = std::mem::take(&mut self.contents[id.0]);
            let label = self.label(id);
            if contents.is_empty() {
                let (left, right) = match self.drawing.shape(id).kind {
                    ShapeKind::Group => ("([", "])"),
                    ShapeKind::Policy | ShapeKind::Trigger => ("{{", "}}"),
                    ShapeKind::Workflow | ShapeKind::Step => ("[/", "/]"),
                    _ if self.drawing.shape(id).is_several => ("[[", "]]"),
                    _ => ("[", "]"),
                };
                self.line(depth, format_args!("n{}{left}\"{label}\"{right}", id.0));
                continue;
            }
            self.line(depth, format_args!("subgraph n{}[\"{label}\"]", id.0));
            open.push(depth);
            next.push(None);
            next.extend(contents.iter().rev().map(|shape| Some((*shape, depth + 1))));
        }
        for place in 0..self.drawing.arrows.len() {
            self.arrow(place);
        }
        self.states();
    }

    fn label(&self, id: ShapeId) -> String {
        let shape = self.drawing.shape(id);
        let mut lines = vec![escaped(&shape.name)];
        lines.extend(below(shape).iter().map(|line| escaped(line)));
        lines.extend(shape.capabilities.iter().map(|capability| format!("○ {}", escaped(&capability.name))));
        lines.join("<br/>")
    }

    fn arrow(&mut self, place: usize) {
        let arrow = &self.drawing.arrows[place];
        let line = match (arrow.target, arrow.kind) {
            (Target::Open, _) | (_, ArrowKind::Optional | ArrowKind::Membership) => "-.->",
            _ => "-->",
        };
        let target = match arrow.target {
            Target::Shape(shape) | Target::Capability(shape, _) => format!("n{}", shape.0),
            Target::Open if arrow.notes.is_empty() => format!("o{place}((\"?\"))"),
            Target::Open => format!("o{place}([\"? {}\"])", escaped(&arrow.notes.join(", "))),
        };
        let label = escaped(&arrow.label());
        self.line(1, format_args!("n{} {line}|\"{label}\"| {target}", arrow.source.0));
    }

    /// Colours boxes by their states, whose words they have already.
    fn states(&mut self) {
        const COLOURS: [(&[&str], &str, &str); 4] = [
            (&["started"], "started", "#15803d"),
            (&["created", "configured"], "underway", "#1d4ed8"),
            (&["stopped"], "stopped", "#92400e"),
            (&["failed"], "failed", "#b91c1c"),
        ];
        for (states, class, colour) in COLOURS {
            let is_one =
                |shape: &crate::Shape| shape.state.as_deref().is_some_and(|state| states.contains(&state));
            let of_state: Vec<String> = self
                .drawing
                .shapes
                .iter()
                .enumerate()
                .filter(|(_, shape)| is_one(shape))
                .map(|(place, _)| format!("n{place}"))
                .collect();
            if !of_state.is_empty() {
                self.line(1, format_args!("classDef {class} stroke:{colour},stroke-width:2px"));
                self.line(1, format_args!("class {} {class}", of_state.join(",")));
            }
        }
    }
}

/// Returns text in a label, where Mermaid has codes for what means something else to it, to Markdown or to HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in shortened(text, COLUMNS_MAX).chars() {
        let is_harmless = letter.is_alphanumeric() || matches!(letter, ' ' | ',' | '…' | '×' | '-');
        if is_harmless {
            escaped.push(letter);
        } else {
            write!(escaped, "#{};", u32::from(letter)).expect("a string takes whatever is written to it");
        }
    }
    escaped
}
