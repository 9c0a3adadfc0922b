//! Values: one order, one equality, one digest.

use std::cmp::Ordering;

use floria::{Custom, Named, Value, decode, encode};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Runs a property, on the same values each time.
fn check<S: Strategy>(input: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases: 1_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(error) = runner.run(&input, test) {
        panic!("{error}");
    }
}

/// Few different ones, so that equal ones meet; and those that codecs get wrong.
fn any_value() -> impl Strategy<Value = Value> {
    let integers = prop::sample::select(vec![0, 1, -1, 23, 24, 256, i64::MAX, i64::MIN]);
    let floats = prop::sample::select(vec![0.0, -0.0, 1.0, 0.1, 65_504.0, f64::INFINITY, 5e-324]);
    let texts = prop::sample::select(vec!["", "a", "b", "a\0", "\u{f6}", "o\u{308}"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        integers.prop_map(Value::Integer),
        any::<i64>().prop_map(Value::Integer),
        floats.prop_map(Value::Float),
        // Any bits, so any NaN.
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        texts.clone().prop_map(Value::from),
        vec(0..3_u8, 0..3).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let custom = (prop::sample::select(vec!["a", "b"]), inner.clone(), texts.clone());
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            btree_map(inner.clone(), inner, 0..4).prop_map(Value::Map),
            custom.prop_map(|(type_name, order, text)| {
                Custom { type_name: type_name.to_owned(), order, text: text.to_owned() }.into()
            }),
        ]
    })
}

#[test]
fn what_is_encoded_comes_back() {
    check(any_value(), |value| {
        let octets = encode(&value).unwrap();
        prop_assert_eq!(&decode::<Value>(&octets).unwrap(), &value);
        prop_assert_eq!(encode(&decode::<Value>(&octets).unwrap()).unwrap(), octets);
        Ok(())
    });
}

#[test]
fn values_are_equal_exactly_when_their_digests_are() {
    check((any_value(), any_value()), |(one, other)| {
        prop_assert_eq!(one == other, one.digest() == other.digest());
        prop_assert_eq!(one == other, encode(&one).unwrap() == encode(&other).unwrap());
        prop_assert_eq!(one.clone().digest(), one.digest());
        Ok(())
    });
}

#[test]
fn values_have_one_order() {
    check((any_value(), any_value(), any_value()), |(a, b, c)| {
        prop_assert_eq!(a.cmp(&a), Ordering::Equal);
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
        let mut sorted = [a, b, c];
        sorted.sort();
        prop_assert!(sorted[0] <= sorted[1] && sorted[1] <= sorted[2] && sorted[0] <= sorted[2]);
        Ok(())
    });
}

#[test]
fn a_map_does_not_depend_on_the_order_of_its_making() {
    check(vec((any_value(), any_value()), 0..6), |entries| {
        let forward: floria::ValueMap = entries.iter().cloned().collect();
        // The last of equal keys is what counts, so the first from behind.
        let mut backward = floria::ValueMap::new();
        for (key, value) in entries.into_iter().rev() {
            backward.entry(key).or_insert(value);
        }
        prop_assert_eq!(Value::Map(forward).digest(), Value::Map(backward).digest());
        Ok(())
    });
}

#[test]
fn kinds_come_in_the_order_of_the_variants() {
    let custom = |type_name: &str, order: i64, text: &str| -> Value {
        Custom { type_name: type_name.to_owned(), order: order.into(), text: text.to_owned() }.into()
    };
    let ordered = [
        Value::Null,
        Value::Boolean(false),
        Value::Boolean(true),
        Value::Integer(i64::MIN),
        Value::Integer(-1),
        Value::Integer(2),
        Value::Float(-f64::NAN),
        Value::Float(f64::NEG_INFINITY),
        Value::Float(-0.0),
        Value::Float(0.0),
        Value::Float(1.0),
        Value::Float(f64::INFINITY),
        Value::Float(f64::NAN),
        Value::from(""),
        Value::from("Z"),
        Value::from("a"),
        Value::Bytes(vec![]),
        Value::Bytes(vec![0]),
        Value::List(vec![]),
        Value::List(vec![Value::Integer(1)]),
        Value::List(vec![Value::Integer(1), Value::Null]),
        Value::map([] as [(&str, Value); 0]),
        Value::map([("a", Value::Integer(1))]),
        Value::map([("a", Value::Integer(1)), ("b", Value::Null)]),
        Value::map([("a", Value::Integer(2))]),
        custom("a", 1, "z"),
        custom("a", 2, "a"),
        custom("a", 2, "b"),
        custom("b", 0, "a"),
    ];
    assert!(ordered.is_sorted_by(|one, other| one < other));
}

/// What 64 bits with a sign do not hold is refused by name, wherever it is read.
#[test]
fn no_integer_is_rounded() {
    let cbor = |number: i128| {
        let mut octets = Vec::new();
        ciborium_integer(number, &mut octets);
        decode::<Value>(&octets).map_err(|error| std::error::Error::source(&error).unwrap().to_string())
    };
    for fits in [0, i64::MAX as i128, i64::MIN as i128] {
        assert_eq!(cbor(fits).unwrap(), Value::Integer(fits as i64));
    }
    for number in [i64::MAX as i128 + 1, i64::MIN as i128 - 1, u64::MAX as i128, -(1 << 64)] {
        let error = cbor(number).unwrap_err();
        assert!(error.contains(&format!("integer {number} does not fit 64 bits with a sign")), "{error}");
    }
    let json = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
    assert_eq!(json("-9223372036854775808"), Ok(Value::Integer(i64::MIN)));
    assert!(json("9223372036854775808").unwrap_err().contains("integer 9223372036854775808 does not fit"));
    // A whole number is no float, and the other way round.
    assert_eq!((json("1"), json("1.0")), (Ok(Value::Integer(1)), Ok(Value::Float(1.0))));
    assert_ne!(Value::Integer(1).digest(), Value::Float(1.0).digest());
}

/// Writes an integer of up to 65 bits as CBOR does, of majors 0 and 1.
fn ciborium_integer(number: i128, octets: &mut Vec<u8>) {
    let (major, argument) = if number < 0 { (0x3b, -1 - number) } else { (0x1b, number) };
    octets.push(major);
    octets.extend((argument as u64).to_be_bytes());
}

#[test]
fn a_key_is_there_once() {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_err().to_string();
    assert!(json(r#"{"a": 1, "a": 2}"#).contains("two keys of a map are both `a`"));
    let named = serde_json::from_str::<Named<i32>>(r#"{"a": 1, "b": 3, "a": 2}"#).unwrap_err().to_string();
    assert!(named.contains("the name `a` is there twice"), "{named}");
}

#[test]
fn integers_and_floats_compare_exactly() {
    let compare = |integer: i64, float: f64| {
        let (integer, float) = (Value::Integer(integer), Value::Float(float));
        let order = integer.compare_numbers(&float);
        assert_eq!(float.compare_numbers(&integer), order.map(Ordering::reverse));
        order
    };
    let less =
        |integer, float| assert_eq!(compare(integer, float), Some(Ordering::Less), "{integer} {float}");
    let more =
        |integer, float| assert_eq!(compare(integer, float), Some(Ordering::Greater), "{integer} {float}");
    let equal =
        |integer, float| assert_eq!(compare(integer, float), Some(Ordering::Equal), "{integer} {float}");
    less(1, 1.5);
    more(-1, -1.5);
    more(0, -0.5);
    more(9_007_199_254_740_993, 9_007_199_254_740_992.0);
    less(i64::MAX, 9_223_372_036_854_775_808.0);
    equal(i64::MIN, -9_223_372_036_854_775_808.0);
    equal(0, -0.0);
    more(0, f64::NEG_INFINITY);
    assert_eq!(compare(0, f64::NAN), None);
    assert_eq!(Value::Integer(1).compare_numbers(&"1".into()), None);
}
