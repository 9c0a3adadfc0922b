//! Values, flat, as they cross the boundary: see `values` in `wit/khutulun-plugin/package.wit`.

use crate::{
    Custom, Value,
    bindings::khutulun::plugin::values::{Children, Node, Span, Value as Flat},
};

/// Packs a value. Nodes come level by level, so that the children of each stand side by side, after it.
pub(crate) fn pack(root: &Value) -> Flat {
    let mut flat = Flat { nodes: vec![Node::Null], content: Vec::new() };
    let mut pending = std::collections::VecDeque::from([(root, 0usize)]);
    while let Some((value, index)) = pending.pop_front() {
        flat.nodes[index] = match value {
            Value::Null => Node::Null,
            Value::Boolean(value) => Node::Boolean(*value),
            Value::Integer(value) => Node::Integer(*value),
            Value::Float(value) => Node::Float(*value),
            Value::Text(text) => Node::Text(span(&mut flat.content, text.as_bytes())),
            Value::Bytes(bytes) => Node::Bytes(span(&mut flat.content, bytes)),
            Value::List(items) => {
                let first = flat.nodes.len();
                pending.extend(items.iter().enumerate().map(|(offset, item)| (item, first + offset)));
                flat.nodes.resize(first + items.len(), Node::Null);
                Node::List(Children { first: first as u32, length: items.len() as u32 })
            }
            Value::Map(entries) => {
                let first = flat.nodes.len();
                for (offset, (key, value)) in entries.iter().enumerate() {
                    pending.push_back((key, first + offset * 2));
                    pending.push_back((value, first + offset * 2 + 1));
                }
                flat.nodes.resize(first + entries.len() * 2, Node::Null);
                Node::Map(Children { first: first as u32, length: (entries.len() * 2) as u32 })
            }
            Value::Custom(custom) => {
                let first = flat.nodes.len();
                flat.nodes.resize(first + 3, Node::Null);
                flat.nodes[first] = Node::Text(span(&mut flat.content, custom.type_name.as_bytes()));
                pending.push_back((&custom.order, first + 1));
                flat.nodes[first + 2] = Node::Text(span(&mut flat.content, custom.text.as_bytes()));
                Node::Custom(Children { first: first as u32, length: 3 })
            }
        };
    }
    flat
}

/// Unpacks a value, and says what is wrong with it if so. From the last node to the first: when a parent is reached, its
/// children are ready, so nothing here recurses.
pub(crate) fn unpack(flat: &Flat) -> Result<Value, String> {
    let mut ready: Vec<Option<Value>> = vec![None; flat.nodes.len()];
    for (index, node) in flat.nodes.iter().enumerate().rev() {
        let value = match node {
            Node::Null => Value::Null,
            Node::Boolean(value) => Value::Boolean(*value),
            Node::Integer(value) => Value::Integer(*value),
            Node::Float(value) => Value::Float(*value),
            Node::Text(place) => Value::Text(
                String::from_utf8(slice(&flat.content, place)?.to_vec())
                    .map_err(|_| "a text is not UTF-8".to_owned())?,
            ),
            Node::Bytes(place) => Value::Bytes(slice(&flat.content, place)?.to_vec()),
            Node::List(children) => Value::List(take(&mut ready, index, children)?),
            Node::Map(children) => {
                let mut items = take(&mut ready, index, children)?.into_iter();
                let mut entries = Vec::with_capacity(items.len() / 2);
                while let Some(key) = items.next() {
                    entries.push((key, items.next().ok_or("a map has a key without a value")?));
                }
                Value::Map(entries)
            }
            Node::Custom(children) => match <[Value; 3]>::try_from(take(&mut ready, index, children)?) {
                Ok([Value::Text(type_name), order, Value::Text(text)]) => {
                    Value::Custom(Box::new(Custom { type_name, order, text }))
                }
                _ => return Err("a custom value is not a type, an order and a text".to_owned()),
            },
        };
        ready[index] = Some(value);
    }
    ready.into_iter().next().flatten().ok_or_else(|| "a value has no root".to_owned())
}

fn span(content: &mut Vec<u8>, bytes: &[u8]) -> Span {
    let offset = content.len() as u32;
    content.extend_from_slice(bytes);
    Span { offset, length: bytes.len() as u32 }
}

fn slice<'a>(content: &'a [u8], span: &Span) -> Result<&'a [u8], String> {
    let start = span.offset as usize;
    content
        .get(start..start.saturating_add(span.length as usize))
        .ok_or_else(|| "a piece lies outside of the content".to_owned())
}

fn take(ready: &mut [Option<Value>], parent: usize, children: &Children) -> Result<Vec<Value>, String> {
    let first = children.first as usize;
    let slots = ready
        .get_mut(first..first.saturating_add(children.length as usize))
        .ok_or("a child lies outside of the nodes")?;
    if !slots.is_empty() && first <= parent {
        return Err("a child comes before its parent".to_owned());
    }
    slots.iter_mut().map(|slot| slot.take().ok_or_else(|| "a node has two parents".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_keeps_a_value() {
        let value = Value::map([("null", Value::Null), ("yes", true.into()), ("text", "höhe".into())])
            .with("list", vec![Value::Integer(-1), Value::Float(1.5), Value::List(Vec::new())])
            .with(
                "scalar",
                Value::Custom(Box::new(Custom {
                    type_name: "t".to_owned(),
                    order: Value::Integer(1),
                    text: "1 B".to_owned(),
                })),
            )
            .with("map", Value::Map(vec![(Value::Integer(1), Value::Bytes(vec![0, 255]))]));
        assert_eq!(unpack(&pack(&value)), Ok(value));
    }

    #[test]
    fn a_node_that_contains_itself_is_refused() {
        let flat = Flat { nodes: vec![Node::List(Children { first: 0, length: 1 })], content: Vec::new() };
        assert_eq!(unpack(&flat), Err("a child comes before its parent".to_owned()));
    }
}
