//! `khutulun store`: the store as a whole, on the real program.

use std::fs;

use crate::sandbox::Sandbox;

/// A service without any process: its graph is all there is.
const DESIGN: &str = "tosca_definitions_version: tosca_2_0
node_types:
  Thing: { properties: { colour: { type: string, default: red } } }
service_template:
  node_templates:
    one: { type: Thing }
    two: { type: Thing }
";

fn deployed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("shop/service.yaml", DESIGN);
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    sandbox
}

#[test]
fn a_store_is_counted_and_whole() {
    let sandbox = Sandbox::new();
    sandbox.run(&["store", "stats"]).expect(64).five_parts();
    assert!(!sandbox.path("state").exists(), "looking makes nothing");

    let sandbox = deployed();
    let stats = sandbox.run(&["store", "stats", "-o", "json"]).expect(0).json();
    // The service, its two nodes, and its lease.
    assert_eq!(stats["entities"]["vertex"], 4);
    assert_eq!(stats["kept_from"], 0);
    assert_eq!(sandbox.run(&["store", "verify"]).expect(0).stdout, "The store is whole.\n");
    sandbox.run(&["store", "migrate"]).expect(0);
}

#[test]
fn a_backup_is_restored_and_never_over_a_store_by_accident() {
    let sandbox = deployed();
    let backup = sandbox.path("shop.backup");
    let backup = backup.to_str().unwrap();
    sandbox.run(&["store", "backup", backup]).expect(0);
    sandbox.run(&["store", "backup", backup]).expect(6).five_parts();
    let before = sandbox.run(&["store", "export"]).expect(0).stdout;
    sandbox.run(&["destroy", "shop", "--yes"]).expect(0);

    let refused = sandbox.run(&["store", "restore", backup]).expect(64);
    refused.five_parts();
    assert!(refused.stderr.contains("--replace"), "{}", refused.stderr);
    let unasked = sandbox.run(&["store", "restore", backup, "--replace"]).expect(64);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    sandbox.run(&["store", "restore", backup, "--replace", "--yes"]).expect(0);
    assert_eq!(sandbox.run(&["store", "export"]).expect(0).stdout, before);
    sandbox.run(&["plan", "shop"]).expect(0);

    // A copy that is damaged is refused, and what is there stays.
    let mut octets = fs::read(backup).unwrap();
    let place = octets.windows(3).rposition(|window| window == b"red").unwrap();
    octets[place] ^= 1;
    sandbox.write("damaged", "");
    fs::write(sandbox.path("damaged"), octets).unwrap();
    let damaged = sandbox.path("damaged");
    let refused =
        sandbox.run(&["store", "restore", damaged.to_str().unwrap(), "--replace", "--yes"]).expect(6);
    refused.five_parts();
    sandbox.run(&["store", "verify"]).expect(0);
}

#[test]
fn what_is_no_copy_of_a_store_replaces_nothing() {
    let sandbox = deployed();
    let before = sandbox.run(&["store", "export"]).expect(0).stdout;
    sandbox.write("empty", "");
    let strange = sandbox.run(&["store", "backup", "with\u{1b}[31mred"]).expect(0);
    assert!(!strange.stdout.contains('\u{1b}'), "{}", strange.stdout);
    for (file, exit, why) in [
        ("empty", 6, "it is empty"),
        ("shop/service.yaml", 6, "not a database"),
        ("shop", 6, "it is not a file"),
        ("nothing", 64, "No such file"),
    ] {
        let refused = sandbox.run(&["store", "restore", file, "--replace", "--yes"]).expect(exit);
        refused.five_parts();
        assert!(
            refused.stderr.contains(why) && refused.stderr.contains(&format!("where      {file}\n")),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(sandbox.run(&["store", "export"]).expect(0).stdout, before);
    // Nor is there a store afterwards where there was none.
    let other = Sandbox::new();
    other.run(&["store", "restore", "nothing"]).expect(64).five_parts();
    other.write("folder/file", "");
    other.run(&["store", "import", "folder"]).expect(1).five_parts();
    assert!(!other.path("state").exists());
}

#[test]
fn a_graph_on_standard_output_is_written_as_answers_are() {
    let sandbox = deployed();
    assert_eq!(
        sandbox.run(&["store", "export", "-o", "json"]).expect(0).stdout,
        sandbox.run(&["store", "export", "--format", "json"]).expect(0).stdout,
    );
    assert!(
        sandbox
            .run(&["store", "export", "-o", "json", "--format", "yaml"])
            .expect(0)
            .stdout
            .starts_with("---")
    );
    assert_eq!(sandbox.run(&["store", "query", "nobody"]).expect(0).stdout, "Nothing was found.\n");
    assert_eq!(sandbox.run(&["store", "log", "nobody"]).expect(0).stdout, "Nothing was found.\n");
    let first = sandbox.run(&["store", "log", "-n", "1"]).expect(0);
    assert!(first.stderr.contains("there may be more"), "{}", first.stderr);
    let refused = sandbox.run(&["store", "export", "--at", "99"]).expect(64);
    assert!(refused.stderr.contains("no such revision"), "{}", refused.stderr);
}

#[test]
fn a_graph_goes_out_and_comes_in_in_every_format() {
    let sandbox = deployed();
    let whole = sandbox.run(&["store", "export", "--format", "json"]).expect(0).stdout;
    for extension in ["json", "yaml", "cbor", "msgpack"] {
        let file = sandbox.path(&format!("graph.{extension}"));
        let file = file.to_str().unwrap();
        let exported = sandbox.run(&["store", "export", "shop", "--out", file, "-o", "json"]).expect(0);
        assert!(exported.json()["entities"].as_u64().unwrap() >= 3);
        // Never over a file that is there.
        sandbox.run(&["store", "export", "--out", file]).expect(1).five_parts();

        let other = Sandbox::new();
        other.run(&["store", "import", file]).expect(0);
        assert_eq!(
            other.run(&["store", "export", "--format", "json"]).expect(0).stdout,
            whole,
            "{extension}"
        );
        // Once more changes nothing; with other ids, the names are taken.
        let again = other.run(&["store", "import", file]).expect(0);
        assert!(again.stdout.starts_with("All 3 entities"), "{}", again.stdout);
        other.run(&["store", "import", file, "--renumber"]).expect(1).five_parts();
        other.run(&["store", "verify"]).expect(0);
    }
    sandbox.write("broken.yaml", "schema: floria.graph/1\n---\nvertex: {}\n");
    let broken = sandbox.path("broken.yaml");
    let refused = sandbox.run(&["store", "import", broken.to_str().unwrap()]).expect(1);
    refused.five_parts();
    assert!(refused.stderr.contains("line "), "{}", refused.stderr);
    let unknown = sandbox.run(&["store", "export", "shopp"]).expect(64);
    assert!(unknown.stderr.contains("shop"), "{}", unknown.stderr);
}

#[test]
fn the_log_says_who_and_forgets_only_when_told() {
    let sandbox = deployed();
    let log = sandbox.run(&["store", "log", "shop", "-o", "json"]).expect(0).json();
    let rows = log["rows"].as_array().unwrap();
    let first = rows.iter().find(|row| row["what"] == "put").unwrap();
    assert!(first["author"].as_str().unwrap().contains('@'), "{first}");
    assert!(first["stream"].as_str().unwrap().starts_with("run/"), "{first}");

    sandbox.write("shop/service.yaml", &DESIGN.replace("two:", "three:"));
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    let then = first["revision"].as_u64().unwrap().to_string();
    let old = sandbox.run(&["store", "export", "--at", &then]).expect(0).stdout;
    assert!(old.contains("two") && !old.contains("three"), "{old}");

    let now = sandbox.run(&["store", "stats", "-o", "json"]).expect(0).json()["revision"]
        .as_u64()
        .unwrap()
        .to_string();
    let unasked = sandbox.run(&["store", "forget", "--before", &now]).expect(64);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    sandbox.run(&["store", "forget", "--before", &now, "--yes"]).expect(0);
    sandbox.run(&["store", "export", "--at", &then]).expect(64).five_parts();
    sandbox.run(&["store", "verify"]).expect(0);
    sandbox.run(&["plan", "shop"]).expect(0);
    let kept = sandbox.run(&["store", "log", "--stream", "store"]).expect(0).stdout;
    assert!(kept.contains("forg"), "{kept}");
}

#[test]
fn questions_are_answered_and_explained() {
    let sandbox = deployed();
    let answer = sandbox
        .run(&["store", "query", "in", "shop", "type:Thing", "state:created", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(answer["entities"], serde_json::json!([]), "nothing has an operation, so all is started");
    let answer =
        sandbox.run(&["store", "query", "type:Thing colour=red", "--explain", "-o", "json"]).expect(0).json();
    let paths: Vec<_> = answer["entities"].as_array().unwrap().iter().map(|entity| &entity["path"]).collect();
    assert_eq!(paths, ["one", "two"]);
    assert!(answer["explanation"]["steps"][0]["actual"] == 2, "{answer}");
    let wrong = sandbox.run(&["store", "query", "stat:failed"]).expect(64);
    wrong.five_parts();
    assert!(wrong.stderr.contains("`state` is one"), "{}", wrong.stderr);
    sandbox.run(&["store", "query", "web ->"]).expect(64).five_parts();
}

#[test]
fn revisions_differ_and_say_by_whom() {
    let sandbox = deployed();
    let then = sandbox.run(&["store", "stats", "-o", "json"]).expect(0).json()["revision"].to_string();
    assert_eq!(sandbox.run(&["store", "diff", &then]).expect(0).stdout, "Nothing differs.\n");
    sandbox.write("shop/service.yaml", &DESIGN.replace("two: {", "three: { properties: { colour: blue },"));
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    let differs = sandbox.run(&["store", "diff", &then, "-o", "json"]).expect(2).json();
    let of = |name: &str| {
        let differences = differs["differences"].as_array().unwrap();
        differences
            .iter()
            .find(|difference| difference["name"] == name)
            .unwrap_or_else(|| panic!("{differs}"))
    };
    assert_eq!((&of("two")["what"], &of("three")["what"]), (&"removed".into(), &"added".into()));
    assert!(of("three")["commits"][0]["stream"].as_str().unwrap().starts_with("run/"), "{differs}");
    let back = sandbox.run(&["store", "diff", "0", &then, "--service", "shop"]).expect(2).stdout;
    assert!(back.contains("`two` added") && !back.contains("three"), "{back}");
    sandbox.run(&["store", "diff", "999999"]).expect(64).five_parts();
}

#[test]
fn the_names_of_an_imported_graph_do_nothing_to_files_and_terminals() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "strange.yaml",
        "schema: floria.graph/1\n---\nvertex: { id: 1, namespace: ../../outside, name: a }
---\nvertex: { id: 2, namespace: \"\\e[31mred\", name: \"\\e[31mred\" }\n---\ncount: 2\n",
    );
    sandbox.run(&["store", "import", "strange.yaml"]).expect(0);
    for arguments in
        [&["status"][..], &["store", "query", "*"], &["store", "log"], &["store", "export", "nobody"]]
    {
        let ended = sandbox.run(arguments);
        assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "{arguments:?}");
    }
    sandbox.run(&["destroy", "../../outside", "--yes"]).expect(64).five_parts();
    assert!(!sandbox.path("outside.lock").exists());
}

#[test]
fn a_store_that_cannot_be_brought_up_to_date_says_why() {
    let sandbox = deployed();
    let database = sandbox.state().join("khutulun.db");
    // The version of the schema, in the header of the file.
    let mut octets = fs::read(&database).unwrap();
    octets[60..64].copy_from_slice(&[0, 0, 0, 1]);
    fs::write(&database, &octets).unwrap();
    // Here the copy of the old one is to be made.
    fs::create_dir(sandbox.state().join("khutulun.db.v1.partial")).unwrap();
    let refused = sandbox.run(&["store", "migrate"]).expect(6);
    refused.five_parts();
    for why in ["it has schema version 1", "failed to back up store"] {
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    assert_eq!(fs::read(&database).unwrap(), octets);
}

#[test]
fn what_a_restored_store_no_longer_knows_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("bank/service.yaml", DESIGN);
    sandbox.run(&["deploy", "bank", "--yes"]).expect(0);
    let backup = sandbox.path("before");
    sandbox.run(&["store", "backup", backup.to_str().unwrap()]).expect(0);
    sandbox.write("shop/service.yaml", DESIGN);
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    let arguments =
        ["store", "restore", backup.to_str().unwrap(), "--replace", "--yes", "--progress", "plain"];
    let restored = sandbox.run(&arguments).expect(0);
    assert!(restored.stderr.contains("`shop`") && !restored.stderr.contains("`bank`"), "{}", restored.stderr);
    // Nothing more to say the second time.
    assert!(!sandbox.run(&arguments).expect(0).stderr.contains("not in the copy"));
}
