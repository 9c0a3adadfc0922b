//! Values, flat, as they cross the boundary: see `values` in `wit/khutulun-plugin/package.wit`. Nothing here recurses.

use std::collections::VecDeque;

use floria::{Custom, Value, ValueMap};

use crate::bindings::khutulun::plugin::values::{Children, Node, Span, Value as Flat};

/// How deep a value may be. No document that a person writes comes near.
pub const VALUE_DEPTH_MAX: usize = 64;

/// How many nodes a value may have.
pub const VALUE_NODES_MAX: usize = 1 << 18;

/// How many bytes of text and octets a value may have.
pub const VALUE_CONTENT_BYTES_MAX: usize = 16 << 20;

/// How scalars, timestamps and versions cross.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// As the text that people write. What it is compared by stays here: its type reads the text again, when it comes back.
    Text,
    /// Whole.
    Whole,
}

/// Packs a value. Nodes come level by level, so that the children of each stand side by side, after it.
pub(crate) fn pack(root: &Value, special: Special) -> Result<Flat, String> {
    let mut flat = Flat { nodes: vec![Node::Null], content: Vec::new() };
    let mut pending = VecDeque::from([(root, 0, 1)]);
    while let Some((value, index, depth)) = pending.pop_front() {
        if depth > VALUE_DEPTH_MAX {
            return Err(format!("it is nested more than {VALUE_DEPTH_MAX} levels deep"));
        }
        flat.nodes[index] = match value {
            Value::Null => Node::Null,
            Value::Boolean(value) => Node::Boolean(*value),
            Value::Integer(value) => Node::Integer(*value),
            Value::Float(value) => Node::Float(*value),
            Value::Text(text) => Node::Text(span(&mut flat.content, text.as_bytes())?),
            Value::Bytes(bytes) => Node::Bytes(span(&mut flat.content, bytes)?),
            Value::Custom(custom) if special == Special::Whole => {
                let children = reserve(&mut flat.nodes, 3)?;
                let first = children.first as usize;
                flat.nodes[first] = Node::Text(span(&mut flat.content, custom.type_name.as_bytes())?);
                pending.push_back((&custom.order, first + 1, depth + 1));
                flat.nodes[first + 2] = Node::Text(span(&mut flat.content, custom.text.as_bytes())?);
                Node::Custom(children)
            }
            Value::Custom(custom) => Node::Text(span(&mut flat.content, custom.text.as_bytes())?),
            Value::List(items) => {
                let children = reserve(&mut flat.nodes, items.len())?;
                let places = children.first as usize..;
                pending.extend(items.iter().zip(places).map(|(item, place)| (item, place, depth + 1)));
                Node::List(children)
            }
            Value::Map(entries) => {
                let children = reserve(&mut flat.nodes, entries.len().saturating_mul(2))?;
                let places = children.first as usize..;
                let items = entries.iter().flat_map(|(key, value)| [key, value]);
                pending.extend(items.zip(places).map(|(item, place)| (item, place, depth + 1)));
                Node::Map(children)
            }
        };
    }
    Ok(flat)
}

/// Unpacks a value, and says what is wrong with it if so. From the last node to the first: when a parent is reached, its
/// children are ready. Nodes that belong to nobody are dropped.
pub(crate) fn unpack(flat: &Flat) -> Result<Value, String> {
    if flat.nodes.len() > VALUE_NODES_MAX {
        return Err(format!("it has more than {VALUE_NODES_MAX} nodes"));
    }
    if flat.content.len() > VALUE_CONTENT_BYTES_MAX {
        return Err(format!("it has more than {VALUE_CONTENT_BYTES_MAX} bytes of content"));
    }
    // Each with its height, the levels that it has.
    let mut ready: Vec<Option<(Value, usize)>> = vec![None; flat.nodes.len()];
    for (index, node) in flat.nodes.iter().enumerate().rev() {
        let unpacked = match node {
            Node::Null => (Value::Null, 1),
            Node::Boolean(value) => (Value::Boolean(*value), 1),
            Node::Integer(value) => (Value::Integer(*value), 1),
            Node::Float(value) => (Value::Float(*value), 1),
            Node::Text(place) => {
                let text = String::from_utf8(slice(&flat.content, place)?.to_vec());
                (Value::Text(text.map_err(|_| "a text is not UTF-8")?), 1)
            }
            Node::Bytes(place) => (Value::Bytes(slice(&flat.content, place)?.to_vec()), 1),
            Node::List(children) => {
                let (items, height) = take(&mut ready, index, children)?;
                (Value::List(items), height + 1)
            }
            Node::Map(children) => {
                let (items, height) = take(&mut ready, index, children)?;
                (Value::Map(entries(items)?), height + 1)
            }
            Node::Custom(children) => {
                let (parts, height) = take(&mut ready, index, children)?;
                (custom(parts)?, height + 1)
            }
        };
        if unpacked.1 > VALUE_DEPTH_MAX {
            return Err(format!("it is nested more than {VALUE_DEPTH_MAX} levels deep"));
        }
        ready[index] = Some(unpacked);
    }
    match ready.into_iter().next().flatten() {
        Some((root, _)) => Ok(root),
        None => Err("it has no root".to_owned()),
    }
}

fn entries(items: Vec<Value>) -> Result<ValueMap, String> {
    let mut entries = ValueMap::new();
    let mut items = items.into_iter();
    while let Some(key) = items.next() {
        let value = items.next().ok_or("a map has a key without a value")?;
        if entries.insert(key, value).is_some() {
            return Err("a map has a key twice".to_owned());
        }
    }
    Ok(entries)
}

fn custom(parts: Vec<Value>) -> Result<Value, String> {
    match <[Value; 3]>::try_from(parts) {
        Ok([Value::Text(type_name), order, Value::Text(text)]) => {
            Ok(Custom { type_name, order, text }.into())
        }
        _ => Err("a custom value is not a type, an order and a text".to_owned()),
    }
}

fn span(content: &mut Vec<u8>, bytes: &[u8]) -> Result<Span, String> {
    let offset = content.len();
    if offset + bytes.len() > VALUE_CONTENT_BYTES_MAX {
        return Err(format!("it has more than {VALUE_CONTENT_BYTES_MAX} bytes of content"));
    }
    content.extend_from_slice(bytes);
    Ok(Span { offset: offset as u32, length: bytes.len() as u32 })
}

fn reserve(nodes: &mut Vec<Node>, length: usize) -> Result<Children, String> {
    let first = nodes.len();
    if length > VALUE_NODES_MAX - first {
        return Err(format!("it has more than {VALUE_NODES_MAX} nodes"));
    }
    nodes.resize(first + length, Node::Null);
    Ok(Children { first: first as u32, length: length as u32 })
}

fn slice<'a>(content: &'a [u8], span: &Span) -> Result<&'a [u8], String> {
    let start = span.offset as usize;
    content
        .get(start..start.saturating_add(span.length as usize))
        .ok_or_else(|| "a piece lies outside of the content".to_owned())
}

fn take(
    ready: &mut [Option<(Value, usize)>],
    parent: usize,
    children: &Children,
) -> Result<(Vec<Value>, usize), String> {
    if children.length == 0 {
        return Ok((Vec::new(), 0));
    }
    let first = children.first as usize;
    if first <= parent {
        return Err("a child comes before its parent".to_owned());
    }
    let slots = ready
        .get_mut(first..first.saturating_add(children.length as usize))
        .ok_or("a child lies outside of the nodes")?;
    let mut height = 0;
    let mut items = Vec::with_capacity(slots.len());
    for slot in slots {
        let (item, levels) = slot.take().ok_or("a node has two parents")?;
        height = height.max(levels);
        items.push(item);
    }
    Ok((items, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_map(Value::Float),
            ".{0,12}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                proptest::collection::btree_map(inner.clone(), inner.clone(), 0..6).prop_map(Value::Map),
                (".{0,6}", inner, ".{0,6}")
                    .prop_map(|(type_name, order, text)| { Custom { type_name, order, text }.into() }),
            ]
        })
    }

    fn node() -> impl Strategy<Value = Node> {
        let children = || (0..12u32, prop_oneof![0..6u32, Just(u32::MAX)]);
        let span = || (prop_oneof![0..40u32, Just(u32::MAX)], prop_oneof![0..20u32, Just(u32::MAX)]);
        prop_oneof![
            Just(Node::Null),
            any::<bool>().prop_map(Node::Boolean),
            any::<i64>().prop_map(Node::Integer),
            any::<f64>().prop_map(Node::Float),
            span().prop_map(|(offset, length)| Node::Text(Span { offset, length })),
            span().prop_map(|(offset, length)| Node::Bytes(Span { offset, length })),
            children().prop_map(|(first, length)| Node::List(Children { first, length })),
            children().prop_map(|(first, length)| Node::Map(Children { first, length })),
            children().prop_map(|(first, length)| Node::Custom(Children { first, length })),
        ]
    }

    proptest! {
        #[test]
        fn unpacking_what_was_packed_gives_the_same_value(value in value()) {
            prop_assert_eq!(unpack(&pack(&value, Special::Whole).unwrap()), Ok(value));
        }

        /// Whatever a plugin answers: a value within the limits, or a sentence; never a panic.
        #[test]
        fn a_malformed_value_is_a_sentence(
            nodes in proptest::collection::vec(node(), 0..12),
            content in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let count = nodes.len();
            if let Ok(value) = unpack(&Flat { nodes, content }) {
                let again = pack(&value, Special::Whole).unwrap();
                prop_assert!(again.nodes.len() <= count);
                prop_assert_eq!(unpack(&again), Ok(value));
            }
        }
    }

    fn refused(nodes: Vec<Node>, expected: &str) {
        assert_eq!(unpack(&Flat { nodes, content: b"ab\xff".to_vec() }), Err(expected.to_owned()));
    }

    #[test]
    fn every_rule_of_the_format_is_checked() {
        let list = |first, length| Node::List(Children { first, length });
        let text = |offset, length| Node::Text(Span { offset, length });
        refused(vec![], "it has no root");
        refused(vec![list(0, 1)], "a child comes before its parent");
        refused(vec![list(1, 1)], "a child lies outside of the nodes");
        refused(vec![list(1, u32::MAX), Node::Null], "a child lies outside of the nodes");
        refused(vec![list(1, 2), list(2, 1), Node::Null], "a node has two parents");
        refused(vec![text(2, 2)], "a piece lies outside of the content");
        refused(vec![text(u32::MAX, u32::MAX)], "a piece lies outside of the content");
        refused(vec![text(2, 1)], "a text is not UTF-8");
        let custom = Node::Custom(Children { first: 1, length: 3 });
        refused(
            vec![custom, text(0, 1), Node::Null, Node::Null],
            "a custom value is not a type, an order and a text",
        );
        refused(
            vec![Node::Custom(Children { first: 1, length: 1 }), text(0, 1)],
            "a custom value is not a type, an order and a text",
        );
        refused(
            vec![Node::Map(Children { first: 1, length: 1 }), Node::Null],
            "a map has a key without a value",
        );
        refused(
            vec![Node::Map(Children { first: 1, length: 4 }), Node::Null, Node::Null, Node::Null, Node::Null],
            "a map has a key twice",
        );
    }

    #[test]
    fn a_scalar_crosses_as_its_text_or_whole() {
        let custom = Custom { type_name: "t".to_owned(), order: 1.into(), text: "1 B".to_owned() };
        let value = Value::from(custom);
        assert_eq!(unpack(&pack(&value, Special::Text).unwrap()), Ok("1 B".into()));
        assert_eq!(unpack(&pack(&value, Special::Whole).unwrap()), Ok(value));
    }

    #[test]
    fn depth_and_size_are_limited_in_both_directions() {
        let nested = |levels: usize| (1..levels).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        let pack = |value: &Value| pack(value, Special::Whole);
        assert!(unpack(&pack(&nested(VALUE_DEPTH_MAX)).unwrap()).is_ok());
        assert_eq!(pack(&nested(VALUE_DEPTH_MAX + 1)).unwrap_err(), "it is nested more than 64 levels deep");
        let deep = (1..=VALUE_DEPTH_MAX as u32).map(|first| Node::List(Children { first, length: 1 }));
        refused(deep.chain([Node::Null]).collect(), "it is nested more than 64 levels deep");
        refused(vec![Node::Null; VALUE_NODES_MAX + 1], "it has more than 262144 nodes");
        let wide = Value::List(vec![Value::Null; VALUE_NODES_MAX]);
        assert_eq!(pack(&wide).unwrap_err(), "it has more than 262144 nodes");
    }
}
