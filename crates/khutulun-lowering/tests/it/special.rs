//! Values of the special types, from the file to a running design, and the compiler and the functions side by side.

use std::{cmp::Ordering, collections::BTreeMap};

use floria::Value;
use proptest::{prelude::*, test_runner::Config};
use tosca::model;

use crate::{
    evaluation::{graph, instance, read},
    package::{bare, compiled, lowered},
};

const DISKS: &str = "
data_types:
  Size:
    derived_from: scalar
    data_type: integer
    units: { B: 1 }
    prefixes: { '': 1, k: 1000, M: 1000000, G: 1000000000 }
  DiskSize:
    derived_from: Size
    validation: { $less_or_equal: [ $value, 2 GB ] }
node_types:
  Disk:
    derived_from: Process
    properties:
      size: { type: DiskSize }
      rest: { type: Size, required: false }
      part: { type: Size, required: false }
      version: { type: version, default: '1.10' }
      since: { type: timestamp, default: 2024-02-29T12:00:00+01:00 }
      key: { type: bytes, default: aGVsbG8= }
service_template:
  inputs:
    size: { type: DiskSize, default: 1 GB }
    version: { type: version, default: '1.9' }
    since: { type: timestamp, default: 2024-02-29 }
  node_templates:
    disk:
      type: Disk
      properties:
        command: [ disk ]
        size: { $get_input: size }
        rest: { $difference: [ { $get_property: [ SELF, size ] }, 1 kB ] }
        part: { $quotient: [ { $get_property: [ SELF, size ] }, 3 ] }
  outputs:
    size: { value: { $get_property: [ disk, size ] } }
    rest: { value: { $get_property: [ disk, rest ] } }
    part: { value: { $get_property: [ disk, part ] } }
    newer: { value: { $greater_than: [ { $get_property: [ disk, version ] }, { $get_input: version } ] } }
    later: { value: { $greater_than: [ { $get_property: [ disk, since ] }, { $get_input: since } ] } }
    length: { value: { $length: [ { $get_property: [ disk, key ] } ] } }
    large: { value: { $greater_or_equal: [ { $get_input: size }, { $get_property: [ disk, size ] } ] } }
";

#[test]
fn they_run() {
    let graph = graph(DISKS, BTreeMap::new());
    let outputs = ["size", "rest", "part", "newer", "later", "length", "large"];
    let outputs = outputs.map(|output| read(&graph, &format!("output:{output}")));
    assert_eq!(outputs, ["1 GB", "999999000 B", "333333333 B", "true", "true", "5", "true"]);
    assert_eq!(read(&graph, "disk.version"), "1.10");
    assert_eq!(read(&graph, "disk.since"), "2024-02-29T12:00:00+01:00");
}

#[test]
fn inputs_are_text_that_is_checked() {
    let given = |size: &str| {
        let inputs = BTreeMap::from([("size".to_owned(), Value::from(size))]);
        read(&graph(DISKS, inputs), "output:rest")
    };
    assert_eq!(given("2000 MB"), "1999999000 B");
    assert!(
        given("3 GB").contains("\"3 GB\" does not satisfy { $less_or_equal: [ $value, 2 GB ] }"),
        "{}",
        given("3 GB")
    );
    assert!(given("3 gb").contains("there is no unit \"gb\""), "{}", given("3 gb"));
}

/// A service with two inputs of a type, which may have defaults, and what the functions say of their values.
fn service(data_type: &str, defaults: Option<[&str; 2]>) -> String {
    let default = |place: usize| {
        defaults.map(|texts| format!(", default: {}", quoted(texts[place]))).unwrap_or_default()
    };
    let less = match data_type {
        "bytes" => "false",
        _ => "{ $less_than: [ { $get_input: first }, { $get_input: second } ] }",
    };
    format!(
        "
data_types:
  Whole:
    derived_from: scalar
    data_type: integer
    units: {{ B: 1, kB: 1000, KiB: 1024 }}
  Length:
    derived_from: scalar
    units: {{ m: 1 }}
    prefixes: {{ '': 1, m: 0.001, k: 1000 }}
service_template:
  node_templates: {{}}
  inputs:
    first: {{ type: {data_type}{} }}
    second: {{ type: {data_type}{} }}
  outputs:
    first: {{ value: {{ $get_input: first }} }}
    second: {{ value: {{ $get_input: second }} }}
    less: {{ value: {less} }}
    equal: {{ value: {{ $equal: [ {{ $get_input: first }}, {{ $get_input: second }} ] }} }}
",
        default(0),
        default(1),
    )
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// What the compiler makes of two literals: None when it refuses one.
fn literals(data_type: &str, texts: [&str; 2]) -> Option<[model::Value; 2]> {
    let model = compiled(&bare(&service(data_type, Some(texts))))?;
    let template = model.service_template.expect("there is one");
    let literal = |name: &str| {
        let default = template.inputs.get(name)?.default.as_ref()?;
        default.as_value().cloned()
    };
    literal("first").zip(literal("second")).map(Into::into)
}

fn order(first: &model::Value, second: &model::Value) -> Option<Ordering> {
    match (first, second) {
        (model::Value::Timestamp(first), model::Value::Timestamp(second)) => first.partial_cmp(second),
        (model::Value::Version(first), model::Value::Version(second)) => first.partial_cmp(second),
        (model::Value::Scalar(first), model::Value::Scalar(second)) => first.partial_cmp(second),
        (first, second) => (first == second).then_some(Ordering::Equal),
    }
}

/// Holds the compiler, which reads literals, against the functions, which read inputs.
fn both_agree(data_type: &str, texts: [&str; 2]) -> Result<(), TestCaseError> {
    let design = lowered(&bare(&service(data_type, None)), "service.yaml").expect("it is valid").design;
    let inputs = ["first", "second"].map(str::to_owned).into_iter().zip(texts.map(Value::from)).collect();
    let graph = instance(&design, inputs);
    let output = |name: &str| read(&graph, &format!("output:{name}"));
    let is_refused = ["first", "second"].iter().any(|name| output(name).starts_with("error: "));
    let Some([first, second]) = literals(data_type, texts) else {
        prop_assert!(is_refused, "{} {} was taken: {texts:?}", output("first"), output("second"));
        return Ok(());
    };
    prop_assert!(!is_refused, "{} {}", output("first"), output("second"));
    let order = order(&first, &second);
    prop_assert_eq!(output("equal"), (order == Some(Ordering::Equal)).to_string(), "{:?}", texts);
    prop_assert_eq!(output("less"), (order == Some(Ordering::Less)).to_string(), "{:?}", texts);
    // What the compiler read is the same value when a design brings it.
    let design = lowered(&bare(&service(data_type, Some(texts))), "service.yaml").expect("it is valid");
    let brought = instance(&design.design, BTreeMap::new());
    prop_assert_eq!(read(&brought, "output:less"), output("less"));
    prop_assert_eq!(read(&brought, "output:equal"), output("equal"));
    Ok(())
}

/// 2^53 + 1 has no float, so a quotient that went through one would be another number.
#[test]
fn whole_scalars_are_divided_exactly_by_both() {
    let text = "
data_types:
  Whole:
    derived_from: scalar
    data_type: integer
    units: { B: 1 }
    validation: { $equal: [ { $quotient: [ $value, 1 ] }, $value ] }
service_template:
  node_templates: {}
  inputs:
    size: { type: Whole, default: 9007199254740993 B }
  outputs:
    size: { value: { $get_input: size } }
";
    let design = lowered(&bare(text), "service.yaml").expect("the compiler takes the default").design;
    let graph = instance(&design, BTreeMap::new());
    assert_eq!(read(&graph, "output:size"), "9007199254740993 B");
}

proptest! {
    #![proptest_config(Config { cases: 128, failure_persistence: None, ..Config::default() })]

    #[test]
    fn timestamps_are_read_alike(
        first in "20(00|24)-0[0-3]-(28|29|30)(T(00|23|24):59:(59|60)(\\.[05]{1,2})?(Z|[+-]0[01]:[05]9))?",
        second in "20(00|24)-0[123]-(28|29|01)(T(00|23):59:59(\\.[05]{1,2})?(Z|[+-]0[01]:59))?",
    ) {
        both_agree("timestamp", [&first, &second])?;
    }

    #[test]
    fn versions_are_read_alike(
        first in "[01]\\.(2|10)(\\.[01](\\.(alpha|beta)(-[0-2]?)?)?)?",
        second in "[01]\\.(2|10)(\\.[01](\\.(alpha|beta)(-[12])?)?)?",
    ) {
        both_agree("version", [&first, &second])?;
    }

    #[test]
    fn integer_scalars_are_read_alike(
        first in "-?(0x)?[0-9]{1,3}(e3|\\.5)? {0,2}(B|kB|KiB|KB)?",
        second in "[0-9]{1,18} (B|kB)",
    ) {
        both_agree("Whole", [&first, &second])?;
    }

    #[test]
    fn float_scalars_are_read_alike(
        first in "[+-]?([0-9]{0,3}\\.[0-9]{0,3}|[0-9]{1,4})(e-?[0-9]{1,3})? (m|mm|km|k)",
        second in "[0-9]{1,2}(\\.[05])? (m|mm|km)",
    ) {
        both_agree("Length", [&first, &second])?;
    }

    #[test]
    fn bytes_are_read_alike(first in "[AQg]{0,5}={0,2}", second in "[AQg]{4}|[AQg]Q==") {
        both_agree("bytes", [&first, &second])?;
    }
}
