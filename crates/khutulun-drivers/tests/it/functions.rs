//! TOSCA's functions of values, native and as a component: the same values and the same errors, word for word.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use floria::{Artifact, Custom, Value};
use khutulun_api::NoMachine;
use khutulun_wasm::WasmExecutor;
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tosca_functions::{call_pure, pure_functions, special};
use tosca_values::{Number, Timestamp, Version};

use crate::guests;

/// The component, as it is kept.
const COMPONENT: &[u8] = include_bytes!("../../prebuilt/tosca-functions.wasm");

/// Ample: compiling is not a part of it, but a machine may be busy.
const TIMEOUT_MS: u64 = 600_000;

/// How many arguments each function is called with, on both sides.
const CALLS: u32 = 480;

fn integers() -> impl Strategy<Value = i64> {
    let edges =
        [i64::MIN, i64::MIN + 1, -(1 << 53) - 1, -1, 0, 1, 2, 3, (1 << 53) + 1, i64::MAX - 1, i64::MAX];
    prop_oneof![select(edges.to_vec()), -20..20_i64, any::<i64>()]
}

fn floats() -> impl Strategy<Value = f64> {
    let edges = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        0.0,
        0.5,
        -3.5,
        3.5,
        0.1,
        f64::MIN_POSITIVE,
        f64::MAX,
        9_007_199_254_740_993.0,
        9_223_372_036_854_775_808.0,
        -9_223_372_036_854_775_808.0,
    ];
    prop_oneof![select(edges.to_vec()), -20.0..20.0_f64, any::<f64>()]
}

fn numbers() -> impl Strategy<Value = Value> {
    prop_oneof![integers().prop_map(Value::from), floats().prop_map(Value::from)]
}

fn texts() -> impl Strategy<Value = String> {
    let known = [
        "", "a", "ab", "ba", ":", "a:b::c", "ﬀ", "e\u{301}", "é", "😀", "^a.*b$", "[a-", "(?i)É", "1.10",
        "2 GB",
    ];
    prop_oneof![select(known.to_vec()).prop_map(str::to_owned), "[ab:é😀]{0,6}", ".{0,100}"]
}

fn scalars() -> impl Strategy<Value = Value> {
    let families = [("Size", "B", true), ("Length", "m", false), ("Size", "b", true)];
    (select(families.to_vec()), integers(), floats(), texts()).prop_map(
        |((family, unit, is_integer), integer, float, odd)| {
            let number = if is_integer { Number::Integer(integer) } else { Number::Float(float) };
            let text = if odd.is_empty() { odd } else { format!("{number} {unit}") };
            special::scalar(family, unit, number, text)
        },
    )
}

fn versions() -> impl Strategy<Value = Value> {
    let known = [
        "1.9",
        "1.10",
        "1.10.0",
        "0.0",
        "1.0.0.alpha-1",
        "1.0.0.alpha-10",
        "1.0.0.beta",
        "18446744073709551615.0",
    ];
    select(known.to_vec()).prop_map(|text| special::version(&Version::parse(text).expect("it is a version")))
}

fn timestamps() -> impl Strategy<Value = Value> {
    let known = [
        "2001-12-15T02:59:43.1Z",
        "2001-12-14t21:59:43.10-05:00",
        "1990-12-31T23:59:60Z",
        "0001-01-01T00:00:00Z",
    ];
    select(known.to_vec())
        .prop_map(|text| special::timestamp(&Timestamp::parse(text).expect("it is a timestamp")))
}

/// What says that it is of a special type and is not.
fn impostors() -> impl Strategy<Value = Value> {
    let types = ["tosca:version", "tosca:timestamp", "tosca:scalar:", "tosca:scalar:Size B", "other", ""];
    (select(types.to_vec()), numbers(), texts()).prop_map(|(type_name, order, text)| {
        Value::from(Custom { type_name: type_name.to_owned(), order, text })
    })
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        numbers(),
        texts().prop_map(Value::from),
        vec(any::<u8>(), 0..4).prop_map(Value::Bytes),
        scalars(),
        versions(),
        timestamps(),
        impostors(),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    plain().prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            btree_map(plain(), inner, 0..4).prop_map(Value::Map),
        ]
    })
}

/// Few values, so that lists have some in common.
fn few() -> impl Strategy<Value = Value> {
    let edges = [1.into(), 1.0.into(), 2.into(), "a".into(), "1.10".into(), Value::Null, f64::NAN.into()];
    prop_oneof![
        select(edges.to_vec()),
        versions(),
        select(vec![0_i64, 1000]).prop_map(|number| {
            special::scalar("Size", "B", Number::Integer(number), format!("{number} B"))
        })
    ]
}

fn lists() -> impl Strategy<Value = Value> {
    vec(prop_oneof![few(), vec(few(), 0..2).prop_map(Value::List)], 0..5).prop_map(Value::List)
}

/// Arguments that many functions take, and arguments that none does.
fn arguments() -> impl Strategy<Value = Vec<Value>> {
    let same = |one: BoxedStrategy<Value>| vec(one, 0..4).boxed();
    let text = || texts().prop_map(Value::from);
    prop_oneof![
        same(numbers().boxed()),
        same(any::<bool>().prop_map(Value::from).boxed()),
        same(text().boxed()),
        same(prop_oneof![3 => scalars(), 1 => numbers()].boxed()),
        same(prop_oneof![3 => versions(), 1 => text()].boxed()),
        same(lists().boxed()),
        (lists(), few()).prop_map(|(list, value)| vec![list, value]).boxed(),
        (few(), lists()).prop_map(|(value, list)| vec![value, list]).boxed(),
        (btree_map(few(), few(), 0..4), lists()).prop_map(|(map, list)| vec![Value::Map(map), list]).boxed(),
        (text(), text(), -2..4_i64)
            .prop_map(|(text, characters, index)| vec![text, characters, index.into()])
            .boxed(),
        (vec(text(), 0..4), text()).prop_map(|(texts, between)| vec![Value::List(texts), between]).boxed(),
        same(anything().boxed()),
    ]
}

#[test]
fn the_component_computes_what_the_native_functions_compute() {
    let artifact = Artifact { path: "tosca-functions.wasm".to_owned(), digest: guests::digest(COMPONENT) };
    let executor = WasmExecutor::new(Arc::new(NoMachine), Vec::new())
        .with_components([(artifact.digest.clone(), COMPONENT.to_vec())]);
    let names: Vec<&str> = pure_functions().chain(["get_input", "value", ""]).collect();
    let config = Config { cases: CALLS, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let answered = RefCell::new(BTreeMap::<&str, (u32, u32)>::new());
    runner
        .run(&arguments(), |arguments| {
            for name in &names {
                let native = call_pure(name, &arguments);
                let mut answered = answered.borrow_mut();
                let (values, errors) = answered.entry(name).or_default();
                *if native.is_ok() { values } else { errors } += 1;
                let component = executor.call_function(&artifact, name, &arguments, TIMEOUT_MS);
                prop_assert_eq!(&component, &native, "{} {:?}", name, arguments);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    for (name, (values, errors)) in answered.into_inner() {
        let is_there = tosca_functions::is_pure(name);
        assert!(errors > 0 && (values > 0) == is_there, "`{name}`: {values} values, {errors} errors");
    }
}
