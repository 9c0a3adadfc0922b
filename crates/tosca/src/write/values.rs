//! Values, functions and paths.

use super::Writer;
use super::yaml::{Fields, Yaml};
use crate::model::{
    Call, Expression, ExpressionKind, Index, Map, Metadata, PathStart, Property, Reference, Step, Value,
    ValueOrigin,
};

/// A literal: `$` at its start is escaped (10.1).
pub(super) fn literal(value: &Value) -> Yaml {
    tree(value, &|text| match text.starts_with('$') {
        true => Yaml::Text(format!("${text}")),
        false => text.into(),
    })
}

/// A literal where `$` means nothing.
fn plain(value: &Value) -> Yaml {
    tree(value, &|text| text.into())
}

fn tree(value: &Value, text: &dyn Fn(&str) -> Yaml) -> Yaml {
    match value {
        Value::Nil | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) => {
            Yaml::Plain(value.to_string())
        }
        Value::List(items) => Yaml::List(items.iter().map(|item| tree(item, text)).collect()),
        Value::Map(entries) => {
            Yaml::Map(entries.iter().map(|(key, value)| (tree(key, text), tree(value, text))).collect())
        }
        other => other.to_text().map_or_else(|| Yaml::Plain(other.to_string()), |own| text(&own)),
    }
}

/// `metadata`, in full.
pub(super) fn metadata(metadata: &Metadata) -> Yaml {
    Yaml::Map(metadata.iter().map(|(name, value)| (name.as_str().into(), plain(value))).collect())
}

/// What metadata adds to that of a definition.
pub(super) fn added_metadata(own: &Metadata, definition: &Metadata) -> Yaml {
    let added = own.iter().filter(|(name, value)| definition.get(name) != Some(value));
    Yaml::Map(added.map(|(name, value)| (name.as_str().into(), plain(value))).collect())
}

impl Writer<'_> {
    pub(super) fn expression(&self, expression: &Expression) -> Yaml {
        match &expression.kind {
            ExpressionKind::Value(value) => literal(value),
            ExpressionKind::List(items) => self.list(items),
            ExpressionKind::Map(entries) => Yaml::Map(
                entries.iter().map(|(key, value)| (self.expression(key), self.expression(value))).collect(),
            ),
            ExpressionKind::Call(call) => self.call(call),
        }
    }

    fn list(&self, items: &[Expression]) -> Yaml {
        Yaml::List(items.iter().map(|item| self.expression(item)).collect())
    }

    fn call(&self, call: &Call) -> Yaml {
        let arguments = match call {
            Call::GetInput { input, nested } if nested.is_empty() => input.as_str().into(),
            Call::GetInput { input, nested } => {
                let nested = nested.iter().map(|item| self.expression(item));
                Yaml::List(std::iter::once(input.as_str().into()).chain(nested).collect())
            }
            Call::GetProperty(reference)
            | Call::GetAttribute(reference)
            | Call::GetArtifact(reference)
            | Call::AvailableAllocation(reference) => self.reference(reference),
            Call::Value { nested } if nested.is_empty() => return "$value".into(),
            Call::Function { function, arguments }
                if arguments.is_empty() && matches!(&**function, "node_index" | "relationship_index") =>
            {
                return Yaml::Text(format!("${function}"));
            }
            Call::Value { nested: items }
            | Call::Concat(items)
            | Call::Function { arguments: items, .. }
            | Call::Custom { arguments: items, .. } => self.list(items),
        };
        let name = match call {
            Call::Custom { function, .. } => &self.names.functions[function.index()],
            other => other.function(),
        };
        Yaml::Map(vec![(Yaml::Text(format!("${name}")), arguments)])
    }

    /// `[ path…, name, nested… ]`.
    pub(super) fn reference(&self, reference: &Reference) -> Yaml {
        let mut parts: Vec<Yaml> = Vec::new();
        let index = |index: &Index| match index {
            Index::At(index) => Yaml::Plain(index.to_string()),
            Index::Computed(index) => self.expression(index),
            Index::All => "ALL".into(),
        };
        match &reference.path.start {
            PathStart::SelfNode | PathStart::SelfRelationship => parts.push("SELF".into()),
            PathStart::Node { template, index: at } => {
                parts.push(self.model.node(*template).name.as_str().into());
                // A missing index is 0; but what is called `ALL` would be taken for one.
                if *at != Index::At(0) || reference.name == "ALL" {
                    parts.push(index(at));
                }
            }
            PathStart::Relationship { template } => parts.push(template.as_str().into()),
        }
        for step in &reference.path.steps {
            let (words, at): (&[&str], Option<&Index>) = match step {
                Step::Outgoing { requirement, index } => (&["RELATIONSHIP", requirement], Some(index)),
                Step::Incoming { capability, index } => {
                    (&["CAPABILITY", capability, "RELATIONSHIP"], Some(index))
                }
                Step::Capability { capability } => (&["CAPABILITY", capability], None),
                Step::Source => (&["SOURCE"], None),
                Step::Target => (&["TARGET"], None),
                Step::Sibling { index } => (&["CAPABILITY", "RELATIONSHIP"], Some(index)),
                Step::TargetCapability => (&["CAPABILITY"], None),
            };
            parts.extend(words.iter().map(|word| Yaml::from(*word)));
            parts.extend(at.map(index));
        }
        parts.push(reference.name.as_str().into());
        parts.extend(reference.nested.iter().map(|item| self.expression(item)));
        Yaml::List(parts)
    }

    /// The values that were assigned.
    pub(super) fn assigned(&self, values: &Map<Property>) -> Yaml {
        let mut fields = Fields::default();
        for (name, property) in values {
            if let (ValueOrigin::Assigned, Some(value)) = (property.origin, &property.value) {
                fields.put(name, self.expression(value));
            }
        }
        fields.map()
    }
}
