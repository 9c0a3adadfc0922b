//! What other processors of TOSCA get wrong, each as a test.

use floria::{Site, Value};
use serde_json::{Value as Json, json};
use tosca_functions::{Schema, call_pure, coerce};

use crate::shop::{WEB, call, evaluate, literal, value};

/// A value of a base type or of a type of scalars.
fn typed(schema: Json, text: &str) -> Value {
    coerce(&Schema::from_value(&value(schema)).expect("it is a schema"), "it", &text.into())
        .expect("it is of the type")
}

fn size(text: &str) -> Value {
    let units = json!({ "family": "Size", "canonical_unit": "B", "integer": true, "units": { "B": "1" },
        "prefixes": { "": "1", "M": "1e6", "G": "1e9" } });
    typed(json!([{ "base": "scalar", "scalar": units }]), text)
}

#[track_caller]
fn check(function: &str, arguments: Json, expected: Json) {
    let arguments: Vec<Value> = match value(arguments) {
        Value::List(items) => items,
        other => panic!("{other} is no list"),
    };
    assert_eq!(call_pure(function, &arguments), Ok(value(expected)), "{function}");
}

/// Known mistake: versions compared as strings or as numbers, so that 1.10 is before 1.9.
#[test]
fn version_1_10_is_after_1_9() {
    let version = |text| typed(json!("version"), text);
    assert_eq!(call_pure("greater_than", &[version("1.10"), version("1.9")]), Ok(true.into()));
    assert_eq!(call_pure("less_than", &[version("1.9"), "1.10".into()]), Ok(true.into()));
}

/// Known mistake: the quotient of integers is cut to an integer.
#[test]
fn the_quotient_of_1_and_2_is_a_half() {
    check("quotient", json!([1, 2]), json!(0.5));
    check("quotient", json!([4, 2]), json!(2.0));
}

/// Known mistake: 3.5 is rounded up. In TOSCA half is rounded down, also below zero.
#[test]
fn three_and_a_half_is_rounded_down() {
    check("round", json!([3.5]), json!(3));
    check("round", json!([3.53]), json!(4));
    check("round", json!([-3.5]), json!(-4));
}

/// Known mistake: `$contains` of lists looks for an entry, or for entries in any order. It is a sequence without gaps.
#[test]
fn a_list_contains_a_sequence_without_gaps() {
    check("contains", json!([[1, 2, 3, 4], [2, 3]]), json!(true));
    check("contains", json!([[1, 2, 3, 4], [3, 2]]), json!(false));
    check("contains", json!([[1, 2, 3, 4], [2, 4]]), json!(false));
    check("contains", json!([[1, [2]], [[2]]]), json!(true));
    check("contains", json!([[1, [2]], [2]]), json!(false));
    check("contains", json!([[1], []]), json!(true));
}

/// Known mistake: an intersection repeats what its first list repeats, or compares how values are written.
#[test]
fn sets_have_no_duplicates() {
    check("intersection", json!([["a", "b", "a"], ["a", "a"]]), json!(["a"]));
    check("intersection", json!([["a", "b", "a"]]), json!(["a", "b"]));
    check("union", json!([[1, 1.0, 2], [2.0, 3]]), json!([1, 2, 3]));
    let lists = [vec![size("1 GB"), size("2 GB")], vec![size("1000 MB")]].map(Value::List);
    assert_eq!(call_pure("union", &lists), Ok(Value::List(vec![size("1 GB"), size("2 GB")])));
    assert_eq!(call_pure("intersection", &lists), Ok(Value::List(vec![size("1 GB")])));
}

/// Known mistake: an integer is refused, or is not equal, where a float is wanted.
#[test]
fn an_integer_can_be_given_for_a_float() {
    let float = Schema::from_value(&value(json!("float"))).expect("it is a schema");
    assert_eq!(coerce(&float, "it", &3.into()), Ok(3.0.into()));
    check("equal", json!([3, 3.0]), json!(true));
    check("sum", json!([0.5, 3]), json!(3.5));
    check("valid_values", json!([3, [1.5, 3.0]]), json!(true));
}

/// Known mistake: scalars are compared as strings, so that "10 MB" is below "2 GB" by luck and "900 MB" is not.
#[test]
fn scalars_are_compared_in_any_unit() {
    assert_eq!(call_pure("less_than", &[size("900 MB"), size("2 GB")]), Ok(true.into()));
    assert_eq!(call_pure("equal", &[size("2 GB"), size("2000 MB")]), Ok(true.into()));
    assert_eq!(call_pure("greater_than", &[size("3 GB"), size("2999 MB")]), Ok(true.into()));
    // What the compiler could not know to be a scalar: in the canonical unit, or in the unit of the other one.
    assert_eq!(call_pure("greater_or_equal", &[size("4 GB"), "2 GB".into()]), Ok(true.into()));
    assert_eq!(call_pure("less_than", &["5 B".into(), size("4 GB")]), Ok(true.into()));
    assert_eq!(call_pure("equal", &[size("4 GB"), "4.0 GB".into()]), Ok(true.into()));
    let unknown = "the Size \"4 GB\" and the string \"2 TB\" cannot be compared".to_owned();
    assert_eq!(call_pure("less_than", &[size("4 GB"), "2 TB".into()]), Err(unknown));
}

/// Known mistake: a call inside of a list is taken for a map with a strange key.
#[test]
fn a_call_in_a_list_in_a_list_is_called() {
    let name = call("get_property", vec![literal(json!(["SELF"])), literal(json!("name"))]);
    let inner = floria::Expression::List(vec![literal(json!("a")), name]);
    let outer = floria::Expression::List(vec![inner, literal(json!(1))]);
    assert_eq!(evaluate(&outer, Site::Vertex(WEB)), "[[a, web], 1]");
}
