//! Bytes, timestamps, versions and scalars: read, compared and calculated with.

use floria::{Expression, Site, Value};
use serde_json::{Value as Json, json};
use tosca_functions::{Schema, coerce};

use crate::shop::{WEB, call, evaluate, literal, value};

fn size() -> Json {
    json!([{
        "name": "Size",
        "base": "scalar",
        "scalar": {
            "family": "Size",
            "canonical_unit": "B",
            "integer": true,
            "units": { "B": "1" },
            "prefixes": { "": "1", "k": "1000", "G": "1e9" },
        },
    }])
}

fn length() -> Json {
    json!([{
        "base": "scalar",
        "scalar": {
            "family": "Length",
            "canonical_unit": "m",
            "units": { "m": "1", "mm": "1e-3", "km": "1000" },
        },
    }])
}

fn read(schema: &Json, text: &str) -> Result<Value, String> {
    let schema = Schema::from_value(&value(schema.clone())).expect("it is a schema");
    assert_eq!(Schema::from_value(&schema.to_value()).as_ref(), Ok(&schema), "it is written as it is read");
    let read = coerce(&schema, "it", &text.into()).map_err(|error| error.to_string())?;
    assert_eq!(coerce(&schema, "it", &read).as_ref(), Ok(&read), "what is of the type already is taken");
    Ok(read)
}

#[track_caller]
fn refused(schema: &Json, text: &str, message: &str) {
    assert_eq!(read(schema, text), Err(format!("`it`: {message}")));
}

/// An argument: `size:10 GB`, `version:1.2`, or any other literal.
fn argument(given: Json) -> Expression {
    let typed = given.as_str().and_then(|text| text.split_once(':'));
    let schema = match typed {
        Some(("size", _)) => size(),
        Some(("length", _)) => length(),
        Some((base @ ("version" | "timestamp" | "bytes"), _)) => json!(base),
        _ => return literal(given),
    };
    let text = typed.expect("it was just looked at").1;
    Expression::Literal(read(&schema, text).expect("it is of the type"))
}

#[track_caller]
fn check(function: &str, arguments: &[Json], expected: &str) {
    let arguments = arguments.iter().map(|given| match given {
        Json::Array(items) => Expression::List(items.iter().cloned().map(argument).collect()),
        other => argument(other.clone()),
    });
    assert_eq!(evaluate(&call(function, arguments.collect()), Site::Vertex(WEB)), expected);
}

#[test]
fn text_becomes_what_it_says() {
    assert_eq!(read(&json!("bytes"), "aGVsbG8="), Ok(Value::Bytes(b"hello".to_vec())));
    let timestamp = read(&json!("timestamp"), "2001-12-15T02:59:43.10Z").expect("it is one");
    let timestamp = timestamp.as_custom().expect("it is a custom value");
    assert_eq!(
        (timestamp.type_name.as_str(), timestamp.text.as_str()),
        ("tosca:timestamp", "2001-12-15T02:59:43.10Z")
    );
    let version = read(&json!("version"), "1.10").expect("it is one");
    assert_eq!(version.as_custom().map(|custom| custom.type_name.as_str()), Some("tosca:version"));
    let disk = read(&size(), "10 GB").expect("it is one");
    let disk = disk.as_custom().expect("it is a custom value");
    assert_eq!((disk.type_name.as_str(), disk.text.as_str()), ("tosca:scalar:Size B", "10 GB"));
    assert_eq!(disk.order, Value::Integer(10_000_000_000));
}

#[test]
fn text_that_is_not_of_the_type_is_refused() {
    refused(
        &json!("bytes"),
        "hello",
        "expected bytes in Base64 such as `aGVsbG8=`, found the string \"hello\"",
    );
    refused(
        &json!("timestamp"),
        "tomorrow",
        "expected a timestamp such as `2025-04-12T23:20:50.52Z`, found the string \"tomorrow\"",
    );
    refused(
        &json!("version"),
        "v1",
        "expected a version such as `2.0.1` or `1.0.0.alpha-10`, found the string \"v1\"",
    );
    refused(&size(), "10", "expected `Size` (a number with a unit) such as `10 B`, found the string \"10\"");
    refused(&size(), "10 gb", "there is no unit \"gb\"; there is `B`, `GB` and `kB`");
    refused(&size(), "1.5 GB", "expected an integer with a unit, found the string \"1.5 GB\"");
    refused(&size(), "10000000000 GB", "\"10000000000 GB\" does not fit 64 bits with a sign, in `B`");
}

#[test]
fn only_what_is_of_the_type_is_taken() {
    let schema = Schema::from_value(&value(length())).expect("it is a schema");
    let disk = read(&size(), "10 GB").expect("it is one");
    let error = coerce(&schema, "way", &disk).expect_err("it is of another family").to_string();
    assert_eq!(error, "`way`: expected a number with a unit, found the Size \"10 GB\"");
    assert!(coerce(&schema, "way", &Value::Float(1.5)).is_err(), "a unit is needed");
    assert!(Schema::from_value(&value(json!("scalar"))).is_err(), "a scalar has units");
    assert!(Schema::from_value(&value(json!([{ "base": "scalar" }]))).is_err(), "a scalar has units");
}

#[test]
fn they_are_compared_by_what_they_come_to() {
    check("equal", &[json!("size:1 GB"), json!("size:1000000 kB")], "true");
    check("less_than", &[json!("size:2 kB"), json!("size:10 kB")], "true");
    check("greater_than", &[json!("version:1.10"), json!("version:1.9")], "true");
    check("equal", &[json!("version:1.10"), json!("version:1.10.0")], "true");
    check("less_than", &[json!("version:1.0.0.beta"), json!("version:1.0")], "true");
    check("less_or_equal", &[json!("version:1.0.0.alpha-1"), json!("version:1.0.0.beta-1")], "false");
    check("greater_or_equal", &[json!("version:1.0.0.alpha-1"), json!("version:1.0.0.beta-1")], "false");
    check("equal", &[json!("version:1.0.0.alpha-1"), json!("version:1.0.0.beta-1")], "false");
    let (east, utc) = (json!("timestamp:1996-12-19T16:39:57-08:00"), json!("timestamp:1996-12-20T00:39:57Z"));
    check("equal", &[east, utc], "true");
    check("equal", &[json!("bytes:aGVsbG8="), json!("bytes:aGVs\nbG8=")], "true");
    check("valid_values", &[json!("size:1 GB"), json!(["size:1 kB", "size:1000000 kB"])], "true");
    check("has_entry", &[json!(["version:1.2"]), json!("version:1.2.0")], "true");
    check("equal", &[json!(["version:1.2"]), json!(["version:1.2.0"])], "true");
}

#[test]
fn different_types_are_not_compared() {
    check(
        "equal",
        &[json!("size:1 kB"), json!("length:1 km")],
        "error: `$equal`: the Size \"1 kB\" and the Length \"1 km\" are of different types",
    );
    check(
        "less_than",
        &[json!("size:1 kB"), json!("version:1.2")],
        "error: `$less_than`: the Size \"1 kB\" and the version \"1.2\" cannot be compared",
    );
    check("equal", &[json!("version:1.2"), json!("1.2.0")], "true");
    check("less_than", &[json!("size:1 kB"), json!(1_001)], "true");
}

#[test]
fn scalars_are_calculated_with_in_the_canonical_unit() {
    check("sum", &[json!("size:1 kB"), json!("size:2 B"), json!("size:1 B")], "1003 B");
    check("difference", &[json!("length:1 km"), json!("length:125.3 mm")], "999.8747 m");
    check("product", &[json!("size:3 kB"), json!(2)], "6000 B");
    check("product", &[json!("size:3 B"), json!(1.5)], "4 B");
    check("quotient", &[json!("size:7 B"), json!(2)], "3 B");
    check("quotient", &[json!("size:-7 B"), json!(2)], "-3 B");
    check("quotient", &[json!("length:1 m"), json!(4)], "0.25 m");
    check("remainder", &[json!("size:1 kB"), json!(7)], "6 B");
    check("remainder", &[json!("length:7.5 m"), json!(2)], "1.5 m");
    check("quotient", &[json!("size:7 B"), json!(0)], "error: `$quotient`: division by zero");
    check(
        "sum",
        &[json!("size:1 B"), json!("length:1 m")],
        "error: `$sum`: argument 2 must be a scalar of the same family as the Size \"1 B\", not the Length \"1 m\"",
    );
    check(
        "product",
        &[json!("size:9000000 GB"), json!(2_000)],
        "error: `$product`: the result does not fit 64 bits",
    );
}

/// C243.
#[test]
fn they_have_a_text_and_bytes_a_length() {
    check("length", &[json!("bytes:aGVsbG8=")], "5");
    check(
        "concat",
        &[json!("v"), json!("version:1.10"), json!(" of "), json!("size:10 GB")],
        "v1.10 of 10 GB",
    );
    check("join", &[json!(["version:1.10", "b"]), json!("-")], "1.10-b");
    check(
        "concat",
        &[json!("b"), json!("bytes:aGVsbG8=")],
        "error: `$concat`: argument 2 must be a string or number, as argument 1 is, not 5 bytes",
    );
}
