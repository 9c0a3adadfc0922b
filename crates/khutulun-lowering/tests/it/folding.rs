//! What the compiler computes of literals is what the functions compute of the same values (C254).

use std::collections::BTreeMap;

use floria::{Evaluated, Evaluator, Value};
use floria::{Graph, Site};
use tosca_functions::ToscaFunctions;

use crate::{
    evaluation::instance,
    package::{lowered, package},
};

/// A function and its arguments, each as it is written.
type Call = (&'static str, &'static [&'static str]);

const CALLS: &[Call] = &[
    ("and", &["true", "false"]),
    ("and", &["false", "true"]),
    ("or", &["false", "true"]),
    ("xor", &["true", "true"]),
    ("not", &["false"]),
    ("equal", &["1", "1.0"]),
    ("equal", &["[ 1, a ]", "[ 1, a ]"]),
    ("equal", &["{ a: 1 }", "{ a: 2 }"]),
    ("equal", &["a", "b"]),
    ("greater_than", &["9007199254740993", "9007199254740992.0"]),
    ("greater_or_equal", &["b", "a"]),
    ("less_than", &["-0.0", "0"]),
    ("less_or_equal", &["2", "1.5"]),
    ("valid_values", &["2", "[ 1, 2.0 ]"]),
    ("matches", &["shop-1", "'[0-9]'"]),
    ("matches", &["shop", "'^ho'"]),
    ("has_suffix", &["shop", "op"]),
    ("has_suffix", &["[ 1, 2 ]", "[ 2 ]"]),
    ("has_prefix", &["[ 1, 2 ]", "[ 1, 2, 3 ]"]),
    ("contains", &["[ 1, 2, 3 ]", "[ 2, 3 ]"]),
    ("contains", &["[ 1, 2, 3 ]", "[ 1, 3 ]"]),
    ("contains", &["[ 1 ]", "[]"]),
    ("contains", &["[ 1, 2, 3 ]", "[ 2.0 ]"]),
    ("has_prefix", &["[ 1, 2 ]", "[ 1.0 ]"]),
    ("has_suffix", &["[ 1, 2 ]", "[ 2.0 ]"]),
    ("has_suffix", &["[ 1 ]", "[ 0, 1 ]"]),
    ("equal", &["[ 1 ]", "[ 1.0 ]"]),
    ("equal", &["{ a: [ 1 ], b: 2 }", "{ b: 2.0, a: [ 1.0 ] }"]),
    ("union", &["[ [ 1 ] ]", "[ [ 1.0 ] ]"]),
    ("matches", &["'a\\nb'", "'a.b'"]),
    ("has_entry", &["[ 1, 2 ]", "2.0"]),
    ("has_entry", &["{ a: 1 }", "1"]),
    ("has_key", &["{ a: 1 }", "a"]),
    ("has_all_entries", &["[ 1, 2 ]", "[ 2, 1, 1 ]"]),
    ("has_all_keys", &["{ a: 1 }", "[ a, b ]"]),
    ("has_any_entry", &["[ 1, 2 ]", "[ 3 ]"]),
    ("has_any_key", &["{ a: 1 }", "[ b, a ]"]),
    ("length", &["'é😀'"]),
    ("length", &["[ 1, [ 2, 3 ] ]"]),
    ("concat", &["a", "b", "c"]),
    ("concat", &["[ 1 ]", "[ [ 2 ] ]"]),
    ("join", &["[ a, b ]", "', '"]),
    ("join", &["[ a, b ]"]),
    ("token", &["'a:b::c'", "':'", "2"]),
    ("token", &["'a:b-c'", "'-:'", "2"]),
    ("union", &["[ b, a, b ]", "[ c, a ]"]),
    ("union", &["[ 1, 1.0, 2 ]", "[ 2.0 ]"]),
    ("intersection", &["[ b, a, b ]", "[ c, b ]"]),
    ("intersection", &["[ 1, 2 ]", "[ 1.0 ]"]),
    ("sum", &["1", "2", "3"]),
    ("sum", &["1", "0.5"]),
    ("difference", &["1", "3"]),
    ("product", &["2", "3"]),
    ("product", &["2", "0.5"]),
    ("quotient", &["1", "2"]),
    ("quotient", &["6", "3"]),
    ("remainder", &["-7", "3"]),
    ("remainder", &["-9223372036854775808", "-1"]),
    ("round", &["3.5"]),
    ("round", &["-3.5"]),
    ("round", &["0.49999999999999994"]),
    ("round", &["4503599627370497.5"]),
    ("round", &["4503599627370497.0"]),
    ("round", &["9007199254740991.0"]),
    ("floor", &["-0.5"]),
    ("ceil", &["-0.5"]),
    ("ceil", &["7"]),
];

/// What goes wrong on both sides.
const WRONG: &[Call] = &[
    ("sum", &["9223372036854775807", "1"]),
    ("difference", &["-9223372036854775808", "1"]),
    ("product", &["9223372036854775807", "2"]),
    ("product", &["1.0e300", "1.0e300"]),
    ("quotient", &["1", "0"]),
    ("remainder", &["1", "0"]),
    ("ceil", &["1.0e19"]),
    ("token", &["'a:b'", "':'", "2"]),
    ("token", &["'a:b'", "''", "0"]),
    ("matches", &["a", "'('"]),
];

fn service(call: &Call, outputs: &str) -> String {
    let inputs: Vec<String> = call
        .1
        .iter()
        .enumerate()
        .map(|(place, argument)| format!("a{place}: {{ default: {argument} }}"))
        .collect();
    format!(
        "service_template:\n  node_templates: {{}}\n  inputs: {{ {} }}\n  outputs:\n{outputs}",
        inputs.join(", ")
    )
}

/// The output that has the arguments as they are written.
fn folded((function, arguments): &Call) -> String {
    format!("    folded: {{ value: {{ ${function}: [ {} ] }} }}\n", arguments.join(", "))
}

/// The output that gets them from inputs.
fn computed((function, arguments): &Call) -> String {
    let inputs: Vec<String> =
        (0..arguments.len()).map(|place| format!("{{ $get_input: a{place} }}")).collect();
    format!("    computed: {{ value: {{ ${function}: [ {} ] }} }}\n", inputs.join(", "))
}

fn output(graph: &Graph, name: &str) -> Result<Value, String> {
    let service = graph.named(None, "shop").expect("the service has its name").id;
    match Evaluator::new(graph, &ToscaFunctions).property(Site::Vertex(service), &format!("output:{name}")) {
        Ok(Evaluated::Known(value)) => Ok(value),
        Ok(Evaluated::Unknown(_)) => Err("it is not known".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn what_is_folded_is_what_is_computed() {
    for call in CALLS {
        let text = service(call, &(folded(call) + &computed(call)));
        let design = lowered(&package(&text), "service.yaml")
            .unwrap_or_else(|error| panic!("{call:?}: {error}"))
            .design;
        let updater = &design.vertexes[0].properties["output:computed"].updater;
        assert!(updater.is_some(), "{call:?}: the compiler does not know the values of inputs");
        let graph = instance(&design, BTreeMap::new());
        assert_eq!(output(&graph, "folded"), output(&graph, "computed"), "{call:?}");
        assert!(output(&graph, "folded").is_ok(), "{call:?}");
    }
}

#[test]
fn what_cannot_be_folded_cannot_be_computed() {
    for call in WRONG {
        assert!(lowered(&package(&service(call, &folded(call))), "service.yaml").is_err(), "{call:?}");
        let design = lowered(&package(&service(call, &computed(call))), "service.yaml");
        let graph =
            instance(&design.unwrap_or_else(|error| panic!("{call:?}: {error}")).design, BTreeMap::new());
        assert!(output(&graph, "computed").is_err(), "{call:?}");
    }
}
