//! Plans in files: exactly what was approved runs, or nothing.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use crate::sandbox::{Ended, Sandbox};

/// A service without any process: its graph is all there is.
const DESIGN: &str = "tosca_definitions_version: tosca_2_0
node_types:
  Thing: { properties: { colour: { type: string, default: red } } }
service_template:
  inputs: { colour: { type: string, default: red } }
  node_templates:
    one: { type: Thing, properties: { colour: { $get_input: colour } } }
";

fn save(sandbox: &Sandbox, arguments: &[&str], code: i32) -> PathBuf {
    let mut all = arguments.to_vec();
    all.extend(["--save", "saved"]);
    sandbox.run(&all).expect(code);
    sandbox.path("saved")
}

#[track_caller]
fn refused(sandbox: &Sandbox, code: i32, says: &str) -> Ended {
    let before = sandbox.run(&["history", "-o", "json"]).stdout;
    let ended = sandbox.run(&["deploy", "saved", "--yes"]).expect(code);
    assert!(ended.five_parts().stderr.contains(says), "no {says:?} in:\n{}", ended.stderr);
    assert_eq!(sandbox.run(&["history", "-o", "json"]).stdout, before, "nothing was run");
    ended
}

#[test]
fn what_was_saved_is_what_runs_once() {
    let sandbox = Sandbox::new();
    let trio = sandbox.trio();
    let mark = sandbox.mark_input();
    let saved = save(&sandbox, &["plan", "trio", "-i", &mark], 2);
    assert_eq!(fs::metadata(&saved).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(sandbox.roles(), [""; 0], "a plan does nothing");
    // What becomes of the design in the meantime is of no interest.
    fs::remove_dir_all(trio).unwrap();
    let unasked = sandbox.run(&["deploy", "saved"]).expect(64);
    assert!(unasked.stderr.contains("3 to create") && unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    let shown = sandbox.run(&["plan", "saved"]).expect(2).stdout;
    assert!(shown.contains("3 to create"), "{shown}");
    sandbox.run(&["deploy", "saved", "-i", "colour=blue", "--yes"]).expect(64).five_parts();

    sandbox.run(&["deploy", "saved", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), ["last", "one", "two"]);
    refused(&sandbox, 5, "was run already");
    let (one, two) = (sandbox.pid("one"), sandbox.pid("two"));

    // Of changes, too.
    save(&sandbox, &["update", "-i", "size=large"], 2);
    sandbox.run(&["deploy", "saved", "--yes"]).expect(0);
    assert_eq!(sandbox.pid("one"), one);
    assert_ne!(sandbox.pid("two"), two);
    save(&sandbox, &["rollback", "1"], 2);
    sandbox.run(&["deploy", "saved", "--yes"]).expect(0);
    let history = sandbox.run(&["history", "-o", "json"]).expect(0).json();
    let words: Vec<_> = history["entries"].as_array().unwrap().iter().map(|entry| &entry["what"]).collect();
    assert_eq!(words, ["deploy", "update", "rollback"]);
    assert_eq!(history["entries"][2]["of"], 1);

    // And of a removal.
    save(&sandbox, &["plan", "trio", "--destroy"], 2);
    sandbox.run(&["deploy", "saved", "--yes", "--on-failure", "unwind"]).expect(64).five_parts();
    sandbox.run(&["deploy", "saved", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), []);
    refused(&sandbox, 5, "was run already");
}

/// What only the run can tell is not in the plan, so it is not done either.
#[test]
fn a_saved_plan_does_not_go_on_with_what_waits() {
    let sandbox = Sandbox::new();
    sandbox.write("late/service.yaml", include_str!("designs/late.yaml"));
    save(&sandbox, &["plan", "late", "-i", &sandbox.mark_input()], 2);
    let ended = sandbox.run(&["deploy", "saved", "--yes"]).expect(4);
    assert!(ended.five_parts().stderr.contains("khutulun deploy late"), "{}", ended.stderr);
    assert_eq!(sandbox.roles(), ["server"]);
    // The colon tells the service from the folder.
    sandbox.run(&["deploy", "late:", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), ["client", "front", "server"]);
}

#[test]
fn a_plan_of_what_has_moved_is_refused_with_what_moved() {
    let sandbox = Sandbox::new();
    sandbox.write("shop/service.yaml", DESIGN);
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    save(&sandbox, &["update", "-i", "colour=blue"], 2);
    let before = sandbox.path("store");
    sandbox.run(&["store", "backup", before.to_str().unwrap()]).expect(0);
    sandbox.run(&["update", "-i", "colour=green", "--yes"]).expect(0);
    let stale = refused(&sandbox, 5, "out of date");
    assert!(stale.stderr.contains("one") && stale.stderr.contains("by run"), "{}", stale.stderr);

    // A store of another history that has come to the same revision.
    let revision = sandbox.run(&["store", "stats", "-o", "json"]).json()["revision"].to_string();
    save(&sandbox, &["update", "-i", "colour=blue"], 2);
    sandbox.run(&["store", "restore", before.to_str().unwrap(), "--replace", "--yes"]).expect(0);
    sandbox.run(&["update", "-i", "colour=white", "--yes"]).expect(0);
    assert_eq!(sandbox.run(&["store", "stats", "-o", "json"]).json()["revision"].to_string(), revision);
    refused(&sandbox, 5, "restored from a copy");
}

#[test]
fn a_plan_for_another_store_or_other_drivers_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("shop/service.yaml", DESIGN);
    let saved = save(&sandbox, &["plan", "shop"], 2);
    let other = ["deploy", "saved", "--yes", "--state", "other"];
    sandbox.run(&other).expect(64).five_parts();
    assert!(!sandbox.path("other").exists(), "a plan makes no store");
    sandbox.run(&["deploy", "shop", "--yes", "--state", "other"]).expect(0);
    let refused = sandbox.run(&other).expect(64);
    assert!(refused.five_parts().stderr.contains("another store"), "{}", refused.stderr);
    // A plan that shows nothing to do is run as well.
    sandbox.run(&["deploy", "saved", "--yes"]).expect(0);
    save(&sandbox, &["plan", "shop"], 0);
    assert!(sandbox.run(&["deploy", "saved", "--yes"]).expect(0).stdout.contains("Nothing to do"));
    assert!(saved.exists());

    let trio = sandbox.trio();
    save(&sandbox, &["plan", trio.to_str().unwrap()], 2);
    let text = fs::read_to_string(sandbox.path("saved")).unwrap();
    let driver = text.find("\"process\": \"").unwrap() + "\"process\": \"".len();
    let other = format!("{}{}{}", &text[..driver], "0".repeat(64), &text[driver + 64..]);
    fs::write(sandbox.path("saved"), sealed(&other)).unwrap();
    self::refused(&sandbox, 64, "other drivers");
}

/// Seals a text anew, as somebody would who knows how: what the digest cannot find is found otherwise.
fn sealed(text: &str) -> String {
    use sha2::Digest as _;
    let (content, _) = text.rsplit_once(",\n  \"digest\": \"").unwrap();
    let digest: String = sha2::Sha256::digest(content).iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{content},\n  \"digest\": \"{digest}\"\n}}\n")
}

#[test]
fn what_is_no_saved_plan_of_ours_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("shop/service.yaml", DESIGN);
    save(&sandbox, &["plan", "shop"], 2);
    let text = fs::read_to_string(sandbox.path("saved")).unwrap();
    for (text, says) in [
        (text.replace("saved-plan/1", "saved-plan/2"), "newer khutulun"),
        (text.replace("\"create\"", "\"delete\""), "it was edited"),
        (text.trim_end().to_owned(), "does not end with its digest"),
        (text[..text.len() / 2].to_owned(), "cut off or edited"),
        (format!("{text} "), "does not end with its digest"),
        (sealed(&text.replace("\"run\": \"", "\"run\": \"!")), "cannot read the saved plan"),
        (sealed(&text.replace("\"run\": \"", "\"runs\": \"")), "`run` is missing"),
        (sandbox.run(&["plan", "shop", "-o", "json"]).expect(2).stdout, "it shows a plan"),
        ("{ \"schema\": \"khutulun.history/1\" }".to_owned(), "no saved plan"),
    ] {
        fs::write(sandbox.path("saved"), text).unwrap();
        refused(&sandbox, 64, says);
    }
    for other in ["{}", "", "{ \"schema\": 1 }", "nonsense"] {
        fs::write(sandbox.path("saved"), other).unwrap();
        sandbox.run(&["deploy", "saved", "--yes"]).expect(3).five_parts();
    }
}

/// Every place of a small file: nothing but the whole of it is ever run, and nothing ends in a panic. The program is asked for
/// some of them, the code that it asks for all: `plan_file::tests`.
#[test]
fn a_file_that_was_edited_anywhere_is_never_run() {
    let sandbox = Sandbox::new();
    sandbox.write("shop/service.yaml", DESIGN);
    let saved = save(&sandbox, &["plan", "shop"], 2);
    let octets = fs::read(&saved).unwrap();
    let places = (0..octets.len()).step_by(octets.len() / 60);
    for place in places {
        let mut edited = octets.clone();
        edited[place] ^= 1;
        for (how, content) in [("edited", &edited[..]), ("cut", &octets[..place])] {
            fs::write(&saved, content).unwrap();
            let ended = sandbox.run(&["deploy", "saved", "--yes"]);
            assert!([3, 64].contains(&ended.code), "{how} at {place}: {}\n{}", ended.code, ended.stderr);
            ended.five_parts();
        }
    }
    assert!(!sandbox.run(&["history"]).stdout.contains("shop"));
    fs::write(&saved, octets).unwrap();
    sandbox.run(&["deploy", "saved", "--yes"]).expect(0);
}
