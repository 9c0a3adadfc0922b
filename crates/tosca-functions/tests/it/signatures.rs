//! The 42 built-in functions of TOSCA 2.0, 10.2: that they are there, how many arguments they take, and of what types (C253).

use floria::Value;
use serde_json::{Value as Json, json};
use tosca_functions::{call_pure, is_function, is_pure, pure_functions};

use crate::shop::value;

/// Name, least and most arguments, arguments that are right, and for each position one that is wrong there.
type Row = (&'static str, usize, usize, Json, Json);

const MANY: usize = usize::MAX;

/// In the order of the standard.
fn pure() -> [Row; 34] {
    let none = || json!([]);
    [
        ("and", 1, MANY, json!([true, true]), json!([1, "true"])),
        ("or", 1, MANY, json!([false, true]), json!([0, "true"])),
        ("not", 1, 1, json!([true]), json!([null])),
        ("xor", 2, 2, json!([true, false]), json!([1, "x"])),
        ("equal", 2, 2, json!([1, 1]), json!(["1", "1"])),
        ("greater_than", 2, 2, json!([2, 1]), json!([true, "1"])),
        ("greater_or_equal", 2, 2, json!([2, 1]), json!([null, [1]])),
        ("less_than", 2, 2, json!(["a", "b"]), json!([1, 1])),
        ("less_or_equal", 2, 2, json!([1.5, 2]), json!(["1", {}])),
        ("valid_values", 2, 2, json!([1, [1]]), json!([null, 1])),
        ("matches", 2, 2, json!(["a", "a"]), json!([1, 1])),
        ("has_suffix", 2, 2, json!(["ab", "b"]), json!([["b"], ["b"]])),
        ("has_prefix", 2, 2, json!([[1, 2], [1]]), json!(["a", 1])),
        ("contains", 2, 2, json!([[1, 2], [1]]), json!([{}, 1])),
        ("has_entry", 2, 2, json!([[1], 1]), json!(["a", null])),
        ("has_key", 2, 2, json!([{ "a": 1 }, "a"]), json!([["a"], null])),
        ("has_all_entries", 2, 2, json!([[1], [1]]), json!(["a", 1])),
        ("has_all_keys", 2, 2, json!([{ "a": 1 }, ["a"]]), json!([["a"], "a"])),
        ("has_any_entry", 2, 2, json!([{ "a": 1 }, [1]]), json!([1, {}])),
        ("has_any_key", 2, 2, json!([{ "a": 1 }, ["a"]]), json!([1, {}])),
        ("length", 1, 1, json!(["a"]), json!([1])),
        ("concat", 1, MANY, json!(["a", "b"]), json!([{}, ["b"]])),
        ("join", 1, 2, json!([["a"], ","]), json!(["a", 1])),
        ("token", 3, 3, json!(["a:b", ":", 1]), json!([1, 1, "1"])),
        ("union", 1, MANY, json!([[1], [2]]), json!([1, {}])),
        ("intersection", 1, MANY, json!([[1], [1]]), json!([1, {}])),
        ("sum", 1, MANY, json!([1, 2]), json!(["1", true])),
        ("difference", 2, 2, json!([1, 2]), json!(["1", null])),
        ("product", 1, MANY, json!([1, 2]), json!([[1], "2"])),
        ("quotient", 2, 2, json!([1, 2]), json!(["1", "2"])),
        ("remainder", 2, 2, json!([5, 2]), json!([5.0, 2.0])),
        ("round", 1, 1, json!([1.5]), json!(["1"])),
        ("floor", 1, 1, json!([1.5]), json!([true])),
        ("ceil", 1, 1, json!([1.5]), json!([none()])),
    ]
}

fn list(json: Json) -> Vec<Value> {
    match value(json) {
        Value::List(items) => items,
        other => panic!("{other} is no list"),
    }
}

#[test]
fn all_are_there() {
    let graph = [
        "get_input",
        "get_property",
        "get_attribute",
        "get_artifact",
        "node_index",
        "relationship_index",
        "available_allocation",
    ];
    for name in graph {
        assert!(is_function(name) && !is_pure(name), "{name}");
    }
    let names: Vec<&str> = pure().iter().map(|row| row.0).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert!(pure_functions().eq(sorted), "the table has them, and no others");
    // With `$value`, which is only in validation clauses.
    assert_eq!(graph.len() + names.len() + 1, 42);
    assert_eq!(call_pure("get_input", &[]), Err("there is no function of values `get_input`".to_owned()));
}

#[test]
fn a_wrong_number_of_arguments_is_told() {
    for (name, least, most, right, _) in pure() {
        let right = list(right);
        assert!(call_pure(name, &right).is_ok(), "{name}");
        let few = &right[..least - 1];
        let message = call_pure(name, few).expect_err(name);
        assert!(
            message.starts_with("expected ") && message.ends_with(&few.len().to_string()),
            "{name}: {message}"
        );
        if most != MANY {
            let many: Vec<Value> = right.iter().cycle().take(most + 1).cloned().collect();
            let message = call_pure(name, &many).expect_err(name);
            assert!(
                message.starts_with("expected ") && message.ends_with(&many.len().to_string()),
                "{name}: {message}"
            );
        }
    }
}

#[test]
fn an_argument_of_a_wrong_type_is_told() {
    for (name, _, _, right, wrong) in pure() {
        for (position, wrong) in list(wrong).into_iter().enumerate() {
            // Any value can be an entry, a key or one that is looked for.
            if matches!((name, position), ("valid_values", 0) | ("has_entry" | "has_key", 1)) {
                continue;
            }
            let mut arguments = list(right.clone());
            arguments[position] = wrong;
            assert!(call_pure(name, &arguments).is_err(), "{name} {position}");
        }
    }
}
