//! SVG, with everything in it that it needs: no script, no font, nothing from elsewhere.

use std::fmt::{self, Write as _};

use crate::{
    ArrowKind, Drawing, Shape, ShapeId, ShapeKind, Subject, Target,
    label::{self, TITLE_COLUMNS_MAX, is_plain, shortened},
    layout::{Face, Frame, LINE, Layout, Point, layout},
};

/// How many colours arrows have by turns.
const COLOURS: usize = 6;

/// How round corners of arrows are.
const RADIUS: i32 = 6;

/// Left and right of text in a box.
const SIDE: i32 = 12;

impl Drawing {
    /// Returns the picture as an SVG document.
    ///
    /// It follows the reader's choice of light or dark, and each box and arrow has a title that says what it is and where it was
    /// asked for. States have a sign and a word beside their colour.
    pub fn svg(&self) -> String {
        let layout = layout(self);
        let mut page = Page { drawing: self, layout: &layout, text: String::new() };
        page.document();
        page.text
    }
}

struct Page<'a> {
    drawing: &'a Drawing,
    layout: &'a Layout,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a string takes whatever is written to it");
    }

    fn document(&mut self) {
        let (width, height) = self.layout.size;
        let title = escaped(&shortened(&self.drawing.title, TITLE_COLUMNS_MAX));
        let what = match self.drawing.subject {
            Subject::Templates => "templates",
            Subject::Instances => "instances",
        };
        self.line(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"floria\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"graphics-document\" aria-label=\"{title}: {what}\">"
        ));
        self.line(format_args!("<title>{title}: {what}</title>"));
        self.line(format_args!("<style>\n{}</style>", include_str!("svg/style.css")));
        self.line(format_args!("<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>"));
        for place in 0..self.drawing.shapes.len() {
            self.shape(ShapeId(place));
        }
        for place in 0..self.drawing.arrows.len() {
            self.arrow(place);
        }
        self.text.push_str("</svg>\n");
    }

    fn shape(&mut self, id: ShapeId) {
        let (shape, face) = (self.drawing.shape(id), &self.layout.faces[id.0]);
        let Frame { x, y, width, height } = self.layout.frames[id.0];
        let is_container = height > face.height;
        let kind = class_of(shape.kind);
        let container = if is_container { " container" } else { "" };
        self.line(format_args!(
            "<g class=\"shape {kind}{container}\" role=\"graphics-object\"><title>{}</title>",
            escaped(&title_of(shape))
        ));
        if shape.is_several {
            self.line(format_args!(
                "<path class=\"behind\" d=\"M{} {}h4v{}h-{}v-4\"/>",
                x + width,
                y + 4,
                height,
                width
            ));
        }
        self.line(format_args!(
            "<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        ));
        if !is_container {
            self.line(format_args!(
                "<path class=\"bar\" d=\"M{} {y}a6 6 0 0 0 -6 6v{}a6 6 0 0 0 6 6z\"/>",
                x + 6,
                height - 12
            ));
        }
        self.face(shape, face, Frame { x, y, width, height });
        self.text.push_str("</g>\n");
    }

    fn face(&mut self, shape: &Shape, face: &Face, frame: Frame) {
        let Frame { x, y, width, .. } = frame;
        let (left, right) = (x + SIDE, x + width - SIDE);
        let size = if shape.kind == ShapeKind::Service { 18.0 } else { 14.0 };
        self.words("name", left, y + 23, &face.name, size, true);
        for (place, line) in face.lines.iter().enumerate() {
            self.words("what", left, y + 42 + 19 * place as i32, line, 12.0, false);
        }
        if let Some((word, sign)) = &face.state {
            let state = state_class(shape.state.as_deref().unwrap_or_default());
            self.line(format_args!(
                "<text class=\"state {state}\" x=\"{right}\" y=\"{}\"{}>{sign} {}</text>",
                y + 23,
                length(word, 12.0, 16),
                escaped(word)
            ));
        }
        let rows_y = y + face.rows_y;
        if !face.capabilities.is_empty() || !face.requirements.is_empty() {
            self.line(format_args!("<path class=\"rule\" d=\"M{} {rows_y}h{}\"/>", x + 6, width - 6));
        }
        for (place, label) in face.capabilities.iter().enumerate() {
            self.words("capability", left, rows_y + LINE * place as i32 + 14, label, 12.0, false);
        }
        for (place, row) in face.requirements.iter().enumerate() {
            let y = rows_y + LINE * place as i32 + 14;
            if row.note.is_empty() {
                self.words("requirement", right, y, &row.label, 12.0, false);
                continue;
            }
            // Two texts, each with its own length, as that is only known for some letters.
            let gap = 8;
            self.words("requirement note", right, y, &row.note, 12.0, false);
            let end = right - gap - label::width(&row.note, 12.0, false);
            self.words("requirement", end, y, &row.label, 12.0, false);
        }
    }

    fn words(&mut self, class: &str, x: i32, y: i32, text: &str, size: f64, is_bold: bool) {
        let length = if is_plain(text) {
            String::new()
        } else {
            format!(" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"", label::width(text, size, is_bold))
        };
        let text = escaped(text);
        self.line(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{length}>{text}</text>"));
    }

    fn arrow(&mut self, place: usize) {
        let (arrow, route) = (&self.drawing.arrows[place], &self.layout.routes[place]);
        let kind = match arrow.kind {
            ArrowKind::Requirement => "",
            ArrowKind::Optional => " optional",
            ArrowKind::Membership => " membership",
        };
        let open = if arrow.target == Target::Open { " open" } else { "" };
        let colour = self.layout.nets[place] % COLOURS;
        self.line(format_args!(
            "<g class=\"arrow colour{colour}{kind}{open}\" role=\"graphics-object\"><title>{}</title>",
            escaped(&self.arrow_title(place))
        ));
        self.line(format_args!("<path class=\"way\" d=\"{}\"/>", way(route)));
        match (arrow.target, route.as_slice()) {
            (Target::Open, [.., end]) => {
                self.line(format_args!(
                    "<circle class=\"nowhere\" cx=\"{}\" cy=\"{}\" r=\"4\"/>",
                    end.x, end.y
                ));
            }
            (_, [.., before, end]) => {
                self.line(format_args!("<path class=\"head\" d=\"{}\"/>", head(*before, *end)));
            }
            _ => {}
        }
        self.text.push_str("</g>\n");
    }

    fn arrow_title(&self, place: usize) -> String {
        let arrow = &self.drawing.arrows[place];
        let target = match arrow.target {
            Target::Open => "not resolved".to_owned(),
            Target::Shape(shape) => self.drawing.shape(shape).name.clone(),
            Target::Capability(shape, capability) => {
                let shape = self.drawing.shape(shape);
                format!("{}, capability {}", shape.name, shape.capabilities[capability].name)
            }
        };
        let source = &self.drawing.shape(arrow.source).name;
        let mut parts = vec![format!("{source}: {} → {target}", arrow.label())];
        parts.extend(arrow.class.as_ref().map(ToString::to_string));
        if arrow.kind == ArrowKind::Optional {
            parts.push("optional".to_owned());
        }
        parts.extend(arrow.notes.iter().cloned());
        parts.extend(arrow.origin.as_ref().map(ToString::to_string));
        lines(&parts)
    }
}

fn class_of(kind: ShapeKind) -> &'static str {
    match kind {
        ShapeKind::Service => "service",
        ShapeKind::Node => "node",
        ShapeKind::Selected => "selected",
        ShapeKind::Group => "group",
        ShapeKind::Policy | ShapeKind::Trigger => "policy",
        ShapeKind::Workflow | ShapeKind::Step => "workflow",
        ShapeKind::Other => "other",
    }
}

fn state_class(state: &str) -> &'static str {
    match state {
        "started" => "started",
        "created" | "configured" => "underway",
        "stopped" => "stopped",
        "failed" => "failed",
        _ => "initial",
    }
}

fn title_of(shape: &Shape) -> String {
    let mut parts = vec![format!("{} {}", shape.kind.word(), shape.name)];
    parts.extend(shape.class.as_ref().map(ToString::to_string));
    parts.extend(shape.state.as_ref().map(|state| format!("state: {state}")));
    parts.extend(shape.notes.iter().cloned());
    for capability in &shape.capabilities {
        let class = capability.class.as_ref().map_or_else(String::new, |class| format!(": {class}"));
        parts.push(format!("capability {}{class}", capability.name));
    }
    parts.extend(shape.origin.as_ref().map(ToString::to_string));
    lines(&parts)
}

/// How many lines a title has at most.
const TITLE_LINES_MAX: usize = 24;

fn lines(parts: &[String]) -> String {
    let mut shown: Vec<String> =
        parts.iter().take(TITLE_LINES_MAX).map(|part| shortened(part, TITLE_COLUMNS_MAX)).collect();
    if parts.len() > TITLE_LINES_MAX {
        shown.push("…".to_owned());
    }
    shown.join("\n")
}

/// A way with round corners.
fn way(route: &[Point]) -> String {
    let mut path = String::new();
    let mut put = |text: String| path.push_str(&text);
    for (place, point) in route.iter().enumerate() {
        let Point { x, y } = *point;
        let corner = place.checked_sub(1).and_then(|before| Some((route[before], *route.get(place + 1)?)));
        match corner {
            None if place == 0 => put(format!("M{x} {y}")),
            None => put(format!("L{x} {y}")),
            Some((before, after)) => {
                let (from, to) = (towards(*point, before), towards(*point, after));
                put(format!("L{} {}Q{x} {y} {} {}", from.x, from.y, to.x, to.y));
            }
        }
    }
    path
}

/// The point where a corner's bow begins: not beyond the middle of its side.
fn towards(corner: Point, other: Point) -> Point {
    let step = |from: i32, to: i32| (to - from).signum() * ((to - from).abs() / 2).min(RADIUS);
    Point { x: corner.x + step(corner.x, other.x), y: corner.y + step(corner.y, other.y) }
}

fn head(before: Point, end: Point) -> String {
    let Point { x, y } = end;
    if before.x < x {
        format!("M{x} {y}l-9 -4v8z")
    } else if before.x > x {
        format!("M{x} {y}l9 -4v8z")
    } else if before.y < y {
        format!("M{x} {y}l-4 -9h8z")
    } else {
        format!("M{x} {y}l-4 9h8z")
    }
}

fn length(text: &str, size: f64, more: i32) -> String {
    match is_plain(text) {
        true => String::new(),
        false => format!(
            " textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"",
            label::width(text, size, false) + more
        ),
    }
}

/// Returns text as XML holds it, in elements and in attributes. What XML cannot hold is not printable, and was replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for line in text.split('\n') {
        if !escaped.is_empty() {
            escaped.push('\n');
        }
        for letter in label::printable(line).chars() {
            match letter {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                letter => escaped.push(letter),
            }
        }
    }
    escaped
}
