//! Values against schemas.

use floria::{Evaluator, Graph, Site, Value, VertexId};
use serde_json::{Value as Json, json};
use tosca_functions::{Schema, ToscaFunctions, coerce};

use crate::shop::{call, literal, value};

fn check(schema: Json, name: &str, given: Json, expected: &str) {
    let schema = Schema::from_value(&value(schema)).expect("it is a schema");
    assert_eq!(
        Schema::from_value(&schema.to_value()).as_ref(),
        Ok(&schema),
        "schemas are written as they are read"
    );
    let found = match coerce(&schema, name, &value(given)) {
        Ok(value) => value.to_string(),
        Err(error) => format!("error: {error}"),
    };
    assert_eq!(found, expected);
}

#[test]
fn scalars_are_of_their_kind() {
    check(json!([{ "base": "integer" }]), "port", json!(80), "80");
    check(
        json!([{ "base": "integer" }]),
        "port",
        json!("http"),
        "error: `port`: expected an integer, found the string \"http\"",
    );
    check(json!([{ "base": "integer" }]), "", json!(1.5), "error: expected an integer, found the float 1.5");
    check(json!([{ "base": "string" }]), "name", json!(null), "error: `name`: expected a string, found nil");
    check(json!([{ "base": "string", "optional": true }]), "name", json!(null), "null");
    check(json!([{ "base": "boolean" }]), "flag", json!(true), "true");
    check(json!([{ "base": "nil" }]), "gone", json!(null), "null");
    check(json!([{ "base": "any" }]), "whatever", json!([1, "a"]), "[1, a]");
    check(json!("integer?"), "port", json!(null), "null");
    check(json!("integer"), "port", json!(null), "error: `port`: expected an integer, found nil");
}

#[test]
fn an_integer_becomes_a_float_when_nothing_is_lost() {
    check(json!([{ "base": "float" }]), "ratio", json!(3), "3.0");
    check(
        json!([{ "base": "float" }]),
        "ratio",
        json!(9_007_199_254_740_993_i64),
        "error: `ratio`: the integer 9007199254740993 has no float of its value",
    );
    check(
        json!([{ "base": "float" }]),
        "ratio",
        json!(i64::MAX),
        "error: `ratio`: the integer 9223372036854775807 has no float of its value",
    );
}

fn ports() -> Json {
    json!([
        { "base": "list", "entry": 1 },
        {
            "name": "shop:Mapping",
            "base": "structure",
            "properties": {
                "number": { "type": 2 },
                "protocol": { "type": 3, "default": "tcp" },
                "weight": { "type": 4, "required": false },
            },
        },
        {
            "name": "shop:Port",
            "base": "integer",
            "validation": [{
                "$and": [
                    { "$greater_or_equal": [{ "$value": [] }, 1] },
                    { "$less_or_equal": [{ "$value": [] }, 65535] },
                ],
            }],
        },
        { "base": "string", "validation": [{ "$valid_values": [{ "$value": [] }, ["tcp", "udp"]] }] },
        { "base": "float" },
    ])
}

#[test]
fn structures_get_their_defaults() {
    check(
        ports(),
        "ports",
        json!([{ "number": 80, "weight": 1 }]),
        "[{number: 80, protocol: tcp, weight: 1.0}]",
    );
}

#[test]
fn every_mistake_is_told_with_its_way() {
    check(
        ports(),
        "ports",
        json!([{ "number": 80 }, { "number": "http" }, { "number": 70000 }, {}, 7]),
        "error: `ports[1].number`: expected `shop:Port` (an integer), found the string \"http\"; \
         `ports[2].number`: 70000 does not satisfy { $less_or_equal: [ $value, 65535 ] }; \
         `ports[3].number`: expected `shop:Port` (an integer), found nothing: it is required; \
         `ports[4]`: expected `shop:Mapping` (a structure), found the integer 7",
    );
    check(
        ports(),
        "ports",
        json!([{ "number": 1, "protocol": "icmp", "port": 2 }]),
        "error: `ports[0]`: there is no \"port\"; there is `number`, `protocol` and `weight`; \
         `ports[0].protocol`: \"icmp\" does not satisfy { $valid_values: [ $value, [ tcp, udp ] ] }",
    );
}

#[test]
fn maps_check_keys_and_entries() {
    let schema =
        json!([{ "base": "map", "key": 1, "entry": 2 }, { "base": "string" }, { "base": "integer" }]);
    check(schema.clone(), "limits", json!({ "a": 1 }), "{a: 1}");
    check(
        schema,
        "limits",
        json!({ "a": "x", "b": [] }),
        "error: `limits.a`: expected an integer, found the string \"x\"; `limits.b`: expected an integer, found an \
         empty list",
    );
}

#[test]
fn recursive_types_are_finite() {
    let tree = json!([
        { "name": "Tree", "base": "structure", "properties": {
            "label": { "type": 1 },
            "children": { "type": 2, "required": false },
        } },
        { "base": "string" },
        { "base": "list", "entry": 0 },
    ]);
    check(
        tree.clone(),
        "root",
        json!({ "label": "a", "children": [{ "label": "b", "children": [{ "label": "c" }] }] }),
        "{children: [{children: [{label: c}], label: b}], label: a}",
    );
    check(
        tree,
        "root",
        json!({ "label": "a", "children": [{ "label": "b", "children": [{ "label": 3 }] }] }),
        "error: `root.children[0].children[0].label`: expected a string, found the integer 3",
    );
}

#[test]
fn a_default_that_contains_itself_ends() {
    let twice = json!([{ "base": "structure", "properties": {
        "left": { "type": 0, "default": {} },
        "right": { "type": 0, "default": {} },
    } }]);
    let schema = Schema::from_value(&value(twice)).unwrap();
    let error = coerce(&schema, "tree", &value(json!({}))).unwrap_err();
    assert_eq!(error.mistakes.len(), 10);
    assert!(error.mistakes[0].ends_with("the value nests deeper than 128 levels"), "{error}");
}

#[test]
fn a_clause_that_cannot_be_checked_says_why() {
    check(
        json!([{ "base": "string", "validation": [{ "$less_than": [{ "$value": [] }, 5] }] }]),
        "name",
        json!("a"),
        "error: `name`: { $less_than: [ $value, 5 ] } cannot be checked: `$less_than`: the string \"a\" and the \
         integer 5 cannot be compared",
    );
    check(
        json!([{ "base": "list", "validation": [{ "$greater_or_equal": [{ "$length": [{ "$value": [] }] }, 1] }] }]),
        "command",
        json!([]),
        "error: `command`: [] does not satisfy { $greater_or_equal: [ { $length: [ $value ] }, 1 ] }",
    );
}

/// C236: what is behind the operand that decides is not looked at.
#[test]
fn a_clause_stops_at_the_operand_that_decides() {
    let either =
        json!({ "$or": [{ "$equal": [{ "$value": [] }, "auto"] }, { "$matches": [{ "$value": [] }, "("] }] });
    let schema = json!([{ "base": "string", "validation": [either] }]);
    check(schema.clone(), "size", json!("auto"), "auto");
    let schema = Schema::from_value(&value(schema)).expect("it is a schema");
    let message = coerce(&schema, "size", &"3".into()).expect_err("the pattern is none").to_string();
    assert!(
        message.contains(" cannot be checked: `$matches`: \"(\" is not a regular expression"),
        "{message}"
    );
    let both = json!({ "$or": [{ "$and": [{ "$value": [] }] }, true] });
    check(
        json!([{ "base": "string", "validation": [both] }]),
        "size",
        json!("3"),
        "error: `size`: { $or: [ { $and: [ $value ] }, true ] } cannot be checked: `$and`: argument 1 must be a boolean, \
         not the string \"3\"",
    );
}

#[test]
fn what_is_no_schema_says_so() {
    for (schema, message) in [
        (json!([]), "failed to read type 0 of a schema: there is none"),
        (json!("number?"), "failed to read type 0 of a schema: there is no base `number`"),
        (json!([{ "base": "number" }]), "failed to read type 0 of a schema: its base is unknown"),
        (
            json!([{ "base": "list", "entry": 1 }]),
            "failed to read type 0 of a schema: 1 is not the index of a type",
        ),
        (json!([{ "bse": "list" }]), "failed to read type 0 of a schema: there is no `bse`"),
    ] {
        assert_eq!(Schema::from_value(&value(schema)).unwrap_err().to_string(), message);
    }
}

#[test]
fn coerce_is_a_function_that_appends_the_value() {
    let graph = Graph::default();
    let mut evaluator = Evaluator::new(&graph, &ToscaFunctions);
    let preparer = call("coerce", vec![literal(json!([{ "base": "float" }])), literal(json!("ratio"))]);
    let property = floria::Property { preparer: Some(preparer), ..floria::Property::default() };
    let site = Site::Vertex(VertexId(1));
    assert_eq!(evaluator.prepare(&property, Value::Integer(2), site), Ok(Value::Float(2.0)));
    assert_eq!(
        evaluator.prepare(&property, Value::from("two"), site).unwrap_err().to_string(),
        "`ratio`: expected a float, found the string \"two\""
    );
}
