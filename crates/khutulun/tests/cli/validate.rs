//! Many designs at once, and what the program knows by itself: profiles and codes.

use std::fs;

use crate::sandbox::Sandbox;

const WRONG: &str = "tosca_definitions_version: tosca_2_0\nservice_templat: {}\n";

#[test]
fn many_designs_are_judged_in_the_order_given() {
    let sandbox = Sandbox::new();
    sandbox.pair();
    sandbox.run(&["csar", "create", "pair"]).expect(0);
    sandbox.write("wrong.yaml", WRONG);
    sandbox.write("types.yaml", "tosca_definitions_version: tosca_2_0\n");
    let paths = ["pair", "wrong.yaml", "pair.csar", "absent.yaml", "types.yaml"];
    let mut arguments = vec!["validate"];
    arguments.extend(paths);

    let people = sandbox.run(&arguments).expect(3);
    people.five_parts();
    let lines: Vec<&str> = people.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{}", people.stdout);
    for (line, (path, verdict)) in lines.iter().zip(paths.iter().zip([
        "is valid",
        "is invalid: 1 error",
        "is valid",
        "is invalid",
        "no service template",
    ])) {
        assert!(line.contains(path) && line.contains(verdict), "{path}: {line}");
    }
    assert!(people.stderr.contains("wrong.yaml:\n"), "{}", people.stderr);
    assert!(people.stderr.contains("wrong.yaml:2:1"), "{}", people.stderr);
    assert!(people.stderr.contains("2 of 5 designs are invalid"), "{}", people.stderr);

    arguments.extend(["-o", "json"]);
    let report = sandbox.run(&arguments).expect(3).json();
    assert_eq!(report["schema"], "khutulun.diagnostics/1");
    let valid: Vec<bool> =
        report["designs"].as_array().unwrap().iter().map(|design| design["valid"] == true).collect();
    assert_eq!(valid, [true, false, true, false, true]);
    assert_eq!(report["designs"][3]["error"]["schema"], "khutulun.error/1");
    assert_eq!(report["diagnostics"].as_array().unwrap().len(), 1);
    assert_eq!(report["diagnostics"][0]["design"], "wrong.yaml");

    arguments.pop();
    arguments.push("jsonl");
    let lines = sandbox.run(&arguments).expect(3).stdout;
    assert_eq!(lines.lines().count(), 5, "{lines}");
    sandbox.run(&["validate", "pair", "pair.csar"]).expect(0);
}

#[test]
fn order_holds_for_more_designs_than_processors() {
    let sandbox = Sandbox::new();
    let mut arguments = vec!["validate".to_owned()];
    for number in 0..200 {
        let content = if number % 3 == 0 { WRONG } else { "tosca_definitions_version: tosca_2_0\n" };
        sandbox.write(&format!("{number}.yaml"), content);
        arguments.push(format!("{number}.yaml"));
    }
    arguments.extend(["-o".to_owned(), "json".to_owned()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = sandbox.run(&arguments).expect(3).json();
    for (number, design) in report["designs"].as_array().unwrap().iter().enumerate() {
        assert_eq!(design["path"], format!("{number}.yaml"));
        assert_eq!(design["valid"], number % 3 != 0);
    }
}

#[test]
fn other_definitions_of_a_package_are_judged_too() {
    let sandbox = Sandbox::new();
    sandbox.pair();
    sandbox.write(
        "pair/TOSCA.meta",
        "CSAR-Version: 2.0\nCreated-By: me\nEntry-Definitions: service.yaml\nOther-Definitions: more.yaml\n",
    );
    sandbox.write("pair/more.yaml", WRONG);
    let wrong = sandbox.run(&["validate", "pair"]).expect(3);
    assert!(wrong.stderr.contains("pair/more.yaml:2:1"), "{}", wrong.stderr);
}

#[test]
fn findings_can_be_had_as_sarif() {
    let sandbox = Sandbox::new();
    sandbox.pair();
    sandbox.write("wrong.yaml", WRONG);
    let log = sandbox.run(&["validate", "pair", "wrong.yaml", "-o", "sarif"]).expect(3).json();
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "unknown-keyname");
    let clean = sandbox.run(&["validate", "pair", "-o", "sarif"]).expect(0).json();
    assert_eq!(clean["runs"][0]["results"].as_array().unwrap().len(), 0);
    let other = sandbox.run(&["deploy", "pair", "-o", "sarif"]).expect(64);
    other.five_parts();
    assert_eq!(other.stdout, "");
}

#[test]
fn profiles_are_listed_and_shown() {
    let sandbox = Sandbox::new();
    let list = sandbox.run(&["profile", "list", "-o", "json"]).expect(0).json();
    assert_eq!(list["schema"], "khutulun.profiles/1");
    assert!(list["profiles"].as_array().unwrap().iter().any(|found| found["name"] == "khutulun.process:0.1"));
    let table = sandbox.run(&["profile", "list"]).expect(0).stdout;
    assert!(table.contains("khutulun.process:0.1"), "{table}");
    let shown = sandbox.run(&["profile", "show", "khutulun.process:0.1", "-o", "json"]).expect(0).json();
    assert_eq!(shown["schema"], "khutulun.profile/1");
    assert!(shown["types"].as_array().unwrap().iter().any(|found| found["name"] == "Process"));
    let table = sandbox.run(&["profile", "show", "khutulun.process:0.1"]).expect(0).stdout;
    assert!(table.contains("Process"), "{table}");
    let unknown = sandbox.run(&["profile", "show", "khutulun.proces:0.1"]).expect(64);
    unknown.five_parts();
    assert!(unknown.stderr.contains("khutulun.process:0.1"), "{}", unknown.stderr);
}

#[test]
fn a_code_is_explained() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["explain", "unknown-type"]).expect(0).stdout;
    assert!(page.starts_with("# unknown-type\n"), "{page}");
    assert_eq!(sandbox.run(&["explain", "error[unknown-type]"]).expect(0).stdout, page);
    let answer = sandbox.run(&["explain", "unknown-type", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&answer["schema"], &answer["code"]),
        (&"khutulun.explanation/1".into(), &"unknown-type".into())
    );
    let unknown = sandbox.run(&["explain", "unknown-typ"]).expect(64);
    unknown.five_parts();
    assert!(unknown.stderr.contains("`unknown-type`"), "{}", unknown.stderr);
    // Nothing of this needs a home or a state directory.
    assert!(fs::metadata(sandbox.state()).is_err());
}
