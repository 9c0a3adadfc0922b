//! Functions that designs define, computed by scripts and components.

use std::fs;

use serde_json::json;

use crate::sandbox::{Ended, Sandbox};

/// The component of functions, shared with the tests of the sandbox itself.
const FUNCTIONS: &[u8] = include_bytes!("../../../khutulun-wasm/tests/guests/functions.wasm");

const DESIGN: &str = include_str!("designs/functions.yaml");

/// Writes the design with these replacements.
fn design(sandbox: &Sandbox, replacements: &[(&str, &str)]) {
    let text = replacements.iter().fold(DESIGN.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    sandbox.write("functions/service.yaml", &text);
    sandbox.write(
        "functions/scripts/describe.sh",
        ". ./words.sh\nread line\nprintf '\"%s\"' \"$(words \"$1\" \"$line\")\"\n",
    );
    sandbox.write("functions/scripts/words.sh", "words() { printf %s \"$1: $2\" | tr '\"' \"'\"; }\n");
    sandbox.write("functions/scripts/first.sh", "tr -d '\\n' | sed 's/^.//; s/.$//'\n");
    sandbox.write("functions/scripts/note.sh", "printf '{\"line\": \"%s\"}' \"$line\"\n");
    sandbox.write("functions/scripts/refuse.sh", "echo it is too much >&2\nexit 1\n");
    fs::write(sandbox.path("functions/functions.wasm"), FUNCTIONS).unwrap();
}

/// Plans a design that is wrong, and returns what is said of it.
fn refused(sandbox: &Sandbox, replacements: &[(&str, &str)]) -> String {
    design(sandbox, replacements);
    let ended: Ended = sandbox.run(&["plan", "functions"]).expect(3);
    ended.stderr
}

#[test]
fn a_service_computes_with_its_functions_after_its_package_is_gone() {
    let sandbox = Sandbox::new();
    design(&sandbox, &[]);
    // A plan computes, and makes no state.
    let plan = sandbox.run(&["plan", "functions"]).expect(2);
    assert!(plan.stdout.contains("place"), "{}", plan.stdout);
    assert!(!sandbox.path("state").exists());

    sandbox.run(&["csar", "create", "functions"]).expect(0);
    fs::remove_dir_all(sandbox.path("functions")).unwrap();
    sandbox.run(&["deploy", "functions.csar", "--yes", "-i", "number=8"]).expect(0);
    fs::remove_file(sandbox.path("functions.csar")).unwrap();
    let outputs = sandbox.run(&["outputs", "-o", "json"]).expect(0).json();
    let expected = json!({
        "number": 64,
        "half": 0.25,
        "sum": "3000 B",
        "words": "describe: ['sizes','2 kB','3 MB']",
        "later": null,
        "copies": [0, 1],
        "any": 16,
        "size": "5 kB",
        "time": "2026-11-24T01:02:03Z",
        "bytes": "AP8=",
        "version": "1.10",
        "map": { "a": 1.0, "b": 2.0 },
    });
    assert_eq!(outputs["outputs"], expected, "{outputs:#}");
    // The engine computes, too.
    let noted = sandbox.run(&["run", "notes.note", "place", "-o", "json"]).expect(0).json();
    let line = "describe: ['describe: ['sizes','2 kB','3 MB']']";
    assert_eq!(noted["steps"][0]["outputs"]["line"], line, "{noted:#}");
    sandbox.run(&["destroy", "functions", "--yes"]).expect(0);
}

#[test]
fn counts_are_computed_and_the_value_says_which_signature_it_is() {
    let sandbox = Sandbox::new();
    design(&sandbox, &[]);
    let inputs = ["-i", "copies=4", "-i", "any=0.5"];
    sandbox.run(&[&["deploy", "functions", "--yes"], &inputs[..]].concat()).expect(0);
    let outputs = sandbox.run(&["outputs", "-o", "json"]).expect(0).json();
    assert_eq!(outputs["outputs"]["copies"], json!([0, 1, 4, 9]), "{outputs:#}");
    assert_eq!(outputs["outputs"]["any"], 0.25, "{outputs:#}");
    let ended = sandbox.run(&["plan", "functions", "-i", "copies=-1"]).expect(3);
    assert!(ended.stderr.contains("count"), "{}", ended.stderr);
    sandbox.run(&["deploy", "functions", "--yes", "-i", "any=text"]).expect(0);
    let ended = sandbox.run(&["outputs"]);
    let why = "`$square`: no signature fits these arguments: \
               `(integer)`: argument 1 is wrong: expected an integer, found the string \"text\"; \
               `(float)`: argument 1 is wrong: expected a float, found the string \"text\"";
    assert!(ended.stdout.contains(why) || ended.stderr.contains(why), "{ended:?}");
    sandbox.run(&["destroy", "functions", "--yes"]).expect(0);
}

#[test]
fn a_function_is_run_once_for_the_same_arguments() {
    let sandbox = Sandbox::new();
    let refuse = "implementation: scripts/refuse.sh";
    let call = ("number: { $square: [ { $node_index: [] } ] }", "number: { $refuse: [ 3 ] }");
    let file = sandbox.path("runs");
    design(&sandbox, &[call, (refuse, "implementation: scripts/count.sh")]);
    let script = format!("echo run >> {}\necho 5\n", file.display());
    sandbox.write("functions/scripts/count.sh", &script);
    sandbox.run(&["plan", "functions", "-i", "copies=5"]).expect(2);
    assert_eq!(fs::read_to_string(file).unwrap(), "run\n");
}

#[test]
fn a_function_that_takes_too_long_is_ended() {
    let sandbox = Sandbox::new();
    let refuse = "implementation: scripts/refuse.sh";
    let call = ("number: { $square: [ { $node_index: [] } ] }", "number: { $refuse: [ 3 ] }");
    design(&sandbox, &[call, (refuse, "implementation: { primary: scripts/wait.sh, timeout: 1 }")]);
    sandbox.write("functions/scripts/wait.sh", "sleep 1000\n");
    let ended = sandbox.run(&["plan", "functions"]).expect(3);
    ended.five_parts();
    let why = "`$refuse`: script `scripts/wait.sh` took longer than 1000 ms";
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
}

#[test]
fn what_an_input_says_may_fit_no_signature_or_give_a_wrong_result() {
    let sandbox = Sandbox::new();
    design(&sandbox, &[]);
    let ended = sandbox.run(&["plan", "functions", "-i", "number=10"]).expect(3);
    ended.five_parts();
    let why = "`$square`: its result is wrong: 100 does not satisfy { $less_than: [ $value, 100 ] }";
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
    assert!(ended.stderr.contains("functions/service.yaml:"), "{}", ended.stderr);
    // What a component says of its arguments.
    let ended = sandbox.run(&["plan", "functions", "-i", "number=9223372036854775807"]).expect(3);
    let why = "`$square`: the square of 9223372036854775807 does not fit 64 bits";
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
}

#[test]
fn a_script_that_fails_is_told_at_the_call() {
    let sandbox = Sandbox::new();
    let text = refused(
        &sandbox,
        &[("number: { $square: [ { $get_input: number } ] }", "number: { $refuse: [ 3 ] }")],
    );
    let why = "`$refuse`: script `scripts/refuse.sh` ended with code 1: it is too much";
    assert!(text.contains(why) && text.contains("functions/service.yaml:"), "{text}");
}

#[test]
fn a_function_without_an_implementation_is_told_at_the_call() {
    let sandbox = Sandbox::new();
    let text = refused(
        &sandbox,
        &[("      implementation: scripts/refuse.sh\n", ""), ("$square: [ 0.5 ]", "$refuse: [ 3 ]")],
    );
    assert!(text.contains("nothing computes `$refuse`: its signature has no implementation"), "{text}");
}

/// C269, C271: a profile's function is called by its namespace, from the design and from the profile's own types; its script comes
/// with the profile. What the profile leaves open, the service template computes.
#[test]
fn a_profile_brings_functions_and_leaves_some_to_the_design() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "kept/profile.yaml",
        "tosca_definitions_version: tosca_2_0
profile: org.geometry:1.0
imports: [ profile: 'khutulun.process:0.1' ]
functions:
  double:
    signatures:
    - { arguments: [ { type: integer } ], result: { type: integer }, implementation: scripts/double.sh }
  greet:
    signatures:
    - { arguments: [ { type: string } ], result: { type: string } }
node_types:
  Place:
    properties:
      number: { type: integer, default: { $double: [ 21 ] } }
      text: { type: string, default: { $greet: [ world ] } }
",
    );
    sandbox.write("kept/scripts/double.sh", "tr -d '[]' | { read -r number; echo $((number * 2)); }\n");
    let design = "tosca_definitions_version: tosca_2_0
imports:
- profile: khutulun.process:0.1
- { profile: org.geometry:1.0, namespace: geo }
service_template:
  node_templates:
    place: { type: geo:Place }
    other: { type: geo:Place, properties: { number: { $geo:double: [ { $geo:double: [ 3 ] } ] } } }
  outputs:
    numbers: { value: [ { $get_property: [ place, number ] }, { $get_property: [ other, number ] } ] }
    text: { value: { $get_property: [ place, text ] } }
";
    sandbox.write("one/service.yaml", design);
    let open = sandbox.run(&["plan", "one", "--profiles", "kept"]).expect(3);
    let why = "nothing computes `$greet`: its signature has no implementation";
    assert!(open.stderr.contains(why), "{}", open.stderr);

    // The profile's own types call what the service template makes of it.
    let design = design.replace(", namespace: geo", "").replace("geo:", "").replace(
        "service_template:\n",
        "service_template:\n  functions:\n    greet: { signatures: [ { implementation: greet.sh } ] }\n",
    );
    sandbox.write("one/service.yaml", &design);
    sandbox.write("one/greet.sh", "tr -d '[]\"' | { read -r who; echo \"\\\"hello, $who\\\"\"; }\n");
    sandbox.run(&["deploy", "one", "--profiles", "kept", "--yes"]).expect(0);
    fs::remove_dir_all(sandbox.path("kept")).unwrap();
    let outputs = sandbox.run(&["outputs", "-o", "json"]).expect(0).json();
    assert_eq!(outputs["outputs"], json!({ "numbers": [42, 12], "text": "hello, world" }), "{outputs:#}");
    sandbox.run(&["destroy", "one", "--yes"]).expect(0);
}

/// C272: clauses call functions of the design wherever values are checked.
#[test]
fn a_clause_calls_functions_of_the_design() {
    let sandbox = Sandbox::new();
    let design = |literal: &str| {
        let text = format!(
            "tosca_definitions_version: tosca_2_0
imports: [ profile: 'khutulun.process:0.1' ]
data_types:
  Even: {{ derived_from: integer, validation: {{ $is_even: [ $value ] }} }}
functions:
  is_even:
    signatures:
    - {{ arguments: [ {{ type: integer }} ], result: {{ type: boolean }}, implementation: is_even.sh }}
  same:
    signatures:
    - {{ arguments: [ {{ type: integer, validation: {{ $less_than: [ $value, 50 ] }} }} ], implementation: same.sh }}
interface_types:
  Notes: {{ operations: {{ note: {{ inputs: {{ number: {{ type: Even, required: false }} }} }} }} }}
node_types:
  Place:
    properties:
      number: {{ type: Even }}
      list: {{ type: list, entry_schema: Even, default: [] }}
    interfaces:
      notes:
        type: Notes
        operations:
          note: {{ inputs: {{ number: 12 }}, implementation: note.sh }}
service_template:
  inputs:
    number: {{ type: Even, default: 2 }}
    entry: {{ type: integer, default: 4 }}
  node_templates:
    place:
      type: Place
      properties:
        number: {literal}
        list: [ 2, {{ $get_input: number }}, {{ $same: [ {{ $get_input: entry }} ] }} ]
  outputs:
    list: {{ value: {{ $get_property: [ place, list ] }} }}
"
        );
        sandbox.write("even/service.yaml", &text);
    };
    sandbox.write(
        "even/is_even.sh",
        "tr -d '[]' | { read -r number; test $((number % 2)) -eq 0 && echo true || echo false; }\n",
    );
    sandbox.write("even/same.sh", "tr -d '[]'\n");
    sandbox.write("even/note.sh", "printf '{\"number\": %s}' \"$number\"\n");

    design("10");
    sandbox.run(&["deploy", "even", "--yes"]).expect(0);
    assert_eq!(
        sandbox.run(&["outputs", "-o", "json"]).expect(0).json()["outputs"],
        json!({ "list": [2, 2, 4] })
    );
    let noted = sandbox.run(&["run", "notes.note", "place", "-o", "json"]).expect(0).json();
    assert_eq!(noted["steps"][0]["outputs"]["number"], 12, "{noted:#}");

    let why = |arguments: &[&str], code: i32| {
        let ended = sandbox.run(&[&["plan", "even"], arguments].concat()).expect(code);
        ended.five_parts();
        ended.stderr
    };
    let text = why(&["-i", "number=3"], 64);
    assert!(text.contains("3 does not satisfy { $is_even: [ $value ] }"), "{text}");
    let text = why(&["-i", "entry=5"], 3);
    assert!(text.contains("`list[2]`: 5 does not satisfy { $is_even: [ $value ] }"), "{text}");
    let text = why(&["-i", "entry=50"], 3);
    assert!(
        text.contains("`$same`: argument 1 is wrong: 50 does not satisfy { $less_than: [ $value, 50 ] }"),
        "{text}"
    );
    design("11");
    let text = why(&[], 3);
    assert!(text.contains("`number`: 11 does not satisfy { $is_even: [ $value ] }"), "{text}");
}
