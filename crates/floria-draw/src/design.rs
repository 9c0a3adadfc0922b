//! Drawings of designs.

use std::collections::HashMap;

use floria::{
    Design, EdgeTemplate, Expression, Value, VertexTemplate, VertexTemplateId,
    rules::{Count, Directive, Making, Reach, Selector, Substitution},
};

use crate::{
    Arrow, ArrowKind, Capability, Drawing, Shape, ShapeId, ShapeKind, Subject, Target, drawing::Part, marks,
};

impl Drawing {
    /// Returns the picture of a design: its templates, the requirements that already lead somewhere as arrows, and those that
    /// are yet to be resolved as arrows to nowhere, with what they want.
    ///
    /// An edge template whose source is not in the design is left out.
    pub fn of_design(design: &Design) -> Self {
        let mut drawing = Self {
            title: design.namespace.0.clone(),
            subject: Subject::Templates,
            shapes: Vec::with_capacity(design.vertexes.len()),
            arrows: Vec::with_capacity(design.edges.len()),
        };
        let mut parts: HashMap<VertexTemplateId, Part> = HashMap::with_capacity(design.vertexes.len());
        for template in &design.vertexes {
            let container = template.container.and_then(|id| parts.get(&id)).map(|part| part.shape());
            let part = drawing.add(shape(template, container), container);
            parts.insert(template.id, part);
        }
        for edge in &design.edges {
            if let Some(source) = parts.get(&edge.source) {
                let arrow = arrow(&drawing, edge, source.shape(), parts.get(&edge.target).copied());
                drawing.arrows.push(arrow);
            }
        }
        drawing.index_arrows();
        drawing
    }
}

/// None of the kinds: a capability.
fn shape(template: &VertexTemplate, container: Option<ShapeId>) -> Result<Shape, Capability> {
    let (name, class) = (template.name.clone(), template.classes.first().cloned());
    let origin = template.origin.clone();
    let Some(kind) = marks::kind(&template.metadata, container.is_none()) else {
        return Err(Capability { name, class, origin });
    };
    let mut notes = Vec::new();
    let mut is_several = false;
    match Making::of(&template.rules) {
        Ok(making) => {
            if let Some(count) = &making.count {
                is_several = count.as_literal() != Some(&Value::Integer(1));
                notes.push(format!("count: {}", shown(count)));
            }
            if !making.directives.is_empty() && making.directives != [Directive::Create] {
                let words: Vec<_> = making.directives.iter().map(|directive| directive.word()).collect();
                notes.push(words.join(", "));
            }
        }
        Err(error) => notes.push(error.to_string()),
    }
    if let Ok(Some(substitution)) = Substitution::of(&template.rules) {
        notes.push(format!("substitutes {}", substitution.class.last()));
    }
    Ok(Shape { container, kind, name, class, notes, is_several, state: None, capabilities: vec![], origin })
}

fn arrow(drawing: &Drawing, edge: &EdgeTemplate, source: ShapeId, target: Option<Part>) -> Arrow {
    let mut kind = drawing.arrow_kind(source);
    let mut target = target.map_or(Target::Open, Part::target);
    let mut notes = Vec::new();
    match Selector::of(&edge.rules) {
        Ok(None) => {}
        Err(error) => notes.push(error.to_string()),
        Ok(Some(selector)) => {
            // Candidates anywhere in a service are not one that can be pointed at.
            let is_service = |shape| drawing.shape(shape).kind == ShapeKind::Service;
            if matches!(target, Target::Shape(shape) if is_service(shape)) {
                target = Target::Open;
                notes.extend(wanted(&selector));
            }
            if selector.optional && kind == ArrowKind::Requirement {
                kind = ArrowKind::Optional;
            }
            match &selector.count {
                Count::One | Count::All => {}
                Count::Of(count) => notes.push(format!("count: {}", shown(count))),
            }
            if selector.reach.first() == Some(&Reach::External) {
                notes.push(Reach::External.word().to_owned());
            }
        }
    }
    Arrow {
        source,
        target,
        kind,
        name: edge.name.clone(),
        index: Some(edge.index),
        notes,
        class: edge.classes.first().cloned(),
        origin: edge.origin.clone(),
    }
}

/// What an open requirement looks for.
fn wanted(selector: &Selector) -> Option<String> {
    let class = selector.container_class.as_ref().or(selector.class.as_ref());
    match (class, &selector.name) {
        (Some(class), _) => Some(format!("any {}", class.last())),
        (None, Some(name)) => Some(format!("any `{name}`")),
        (None, None) => None,
    }
}

/// How deep an expression is shown.
const DEPTH_SHOWN: usize = 3;

fn shown(expression: &Expression) -> String {
    fn show(expression: &Expression, depth: usize) -> String {
        if depth == DEPTH_SHOWN {
            return "…".to_owned();
        }
        let all = |items: &[Expression]| {
            items.iter().map(|item| show(item, depth + 1)).collect::<Vec<_>>().join(", ")
        };
        match expression {
            Expression::Literal(Value::Text(text)) => text.clone(),
            Expression::Literal(value) => value.to_string(),
            Expression::List(items) => format!("[{}]", all(items)),
            Expression::Map(_) => "{…}".to_owned(),
            Expression::Call(call) => {
                let name = call.function.rsplit_once(':').map_or(&*call.function, |(_, name)| name);
                format!("${name}({})", all(&call.arguments))
            }
        }
    }
    show(expression, 0)
}
