//! Profiles that somebody keeps: in folders, in archives, where the flag, the variable or the default says.

use std::fs;

use crate::sandbox::Sandbox;

const VERSION: &str = "tosca_definitions_version: tosca_2_0\n";

/// A profile with a type whose operation is a script of the profile's own, and a design that uses it.
fn shop(sandbox: &Sandbox) {
    let profile = format!(
        "{VERSION}profile: org.shop:1.2
description: What shops need. And more.
imports: [ profile: 'khutulun.process:0.1' ]
node_types:
  Till:
    derived_from: Process
    attributes: {{ note: {{ type: string, default: none }} }}
    interfaces:
      lifecycle:
        operations:
          configure:
            implementation: scripts/note.sh
            inputs:
              text: {{ type: string, value: from the profile }}
            outputs: {{ note: [ SELF, note ] }}
"
    );
    sandbox.write("kept/org.shop/1.2/profile.yaml", &profile);
    let script = sandbox.write(
        "kept/org.shop/1.2/scripts/note.sh",
        "#!/bin/sh\nprintf '{\"note\": \"%s\"}' \"$text\" > \"$KHUTULUN_OUTPUTS\"\n",
    );
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.write(
        "one/service.yaml",
        &format!(
            "{VERSION}metadata: {{ template_name: two }}
imports: [ profile: 'org.shop:1.2' ]
service_template:
  node_templates:
    till: {{ type: Till, properties: {{ command: [ sleep, '1000' ] }} }}
  outputs:
    note: {{ value: {{ $get_attribute: [ till, note ] }} }}
"
        ),
    );
}

#[test]
fn a_kept_profile_is_used_with_its_files() {
    let sandbox = Sandbox::new();
    shop(&sandbox);
    let unknown = sandbox.run(&["validate", "one"]).expect(3);
    assert!(unknown.stderr.contains("error[unknown-profile]"), "{}", unknown.stderr);

    sandbox.run(&["validate", "one", "kept/org.shop/1.2", "--profiles", "kept"]).expect(0);
    sandbox.run(&["csar", "create", "kept/org.shop/1.2", "--out", "shop.csar"]).expect(0);
    sandbox.run(&["--profiles", "shop.csar", "compile", "one"]).expect(0);
    let through_variable =
    // What is empty between colons is no path, as elsewhere.
        sandbox.command(&["plan", "one"]).env("KHUTULUN_PROFILES", ":shop.csar::kept").output().unwrap();
    assert_eq!(through_variable.status.code(), Some(2), "{through_variable:?}");

    fs::create_dir_all(sandbox.path(".local/share/khutulun/profiles")).unwrap();
    fs::copy(sandbox.path("shop.csar"), sandbox.path(".local/share/khutulun/profiles/shop.csar")).unwrap();
    let deployed = sandbox.run(&["deploy", "one", "--yes"]).expect(0);
    assert!(deployed.stdout.contains("from the profile"), "{}", deployed.stdout);
    // From a folder it is the same; packed, the design still uses it.
    sandbox.run(&["csar", "create", "one"]).expect(0);
    let again = sandbox.run(&["deploy", "one.csar", "--yes", "--profiles", "kept"]).expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
    // What was deployed can be taken away, also when its profiles are gone and its design is broken.
    let design = fs::read_to_string(sandbox.path("one/service.yaml")).unwrap();
    sandbox.write("one/service.yaml", &format!("{design}\nnonsense: 1\n"));
    let gone = sandbox.run(&["destroy", "one", "--yes", "--profiles", "absent"]).expect(0);
    assert!(gone.stdout.contains("is destroyed"), "{}", gone.stdout);
}

#[test]
fn kept_profiles_are_listed_and_shown() {
    let sandbox = Sandbox::new();
    shop(&sandbox);
    sandbox.write("kept/broken/profile.yaml", &format!("{VERSION}profile: org.broken:1\nnode_types: 7\n"));
    sandbox.write("kept/notes.txt", "nothing");
    let list = sandbox.run(&["profile", "list", "--profiles", "kept", "-o", "json"]).expect(0).json();
    let found = |name: &str| {
        let mut profiles = list["profiles"].as_array().unwrap().iter();
        profiles.find(|profile| profile["name"] == name).unwrap_or_else(|| panic!("no {name}: {list:#}"))
    };
    assert_eq!(found("org.shop:1.2")["place"], "kept/org.shop/1.2");
    assert_eq!(found("org.shop:1.2")["imports"][0], "khutulun.process:0.1");
    assert_eq!(found("khutulun.process:0.1")["place"], "built in");
    assert_eq!(found("org.broken:1")["valid"], false);
    let table = sandbox.run(&["profile", "list", "--profiles", "kept"]).expect(0);
    assert!(table.stdout.contains("What shops need"), "{}", table.stdout);
    assert!(table.stderr.contains("kept/notes.txt is not a profile"), "{}", table.stderr);
    assert!(table.stderr.ends_with('\n'), "{}", table.stderr);

    let shown = sandbox.run(&["profile", "show", "org.shop:1.2", "--profiles", "kept"]).expect(0).stdout;
    assert!(shown.contains("Till") && shown.contains("in kept/org.shop/1.2"), "{shown}");
    let broken = sandbox.run(&["profile", "show", "org.broken:1", "--profiles", "kept"]).expect(3);
    assert!(broken.stderr.contains("kept/broken/profile.yaml:3:"), "{}", broken.stderr);
    sandbox.run(&["profile", "show", "org.shop:1.1", "--profiles", "kept"]).expect(64).five_parts();
}

#[test]
fn profiles_of_one_name_that_differ_are_refused_with_both_places() {
    let sandbox = Sandbox::new();
    shop(&sandbox);
    sandbox.write("other/shop/profile.yaml", &format!("{VERSION}profile: org.shop:1.2\n"));
    for verb in [&["validate", "one"][..], &["plan", "one"], &["profile", "list"]] {
        let ended = sandbox.run(&[verb, &["--profiles", "kept", "--profiles", "other"]].concat()).expect(3);
        ended.five_parts();
        for place in ["`org.shop:1.2`", "kept/org.shop/1.2", "other/shop"] {
            assert!(ended.stderr.contains(place), "{}", ended.stderr);
        }
    }
    // What comes with khutulun cannot be replaced silently either; an equal copy is nothing to speak of.
    sandbox.write("own/p/profile.yaml", &format!("{VERSION}profile: khutulun.process:0.1\n"));
    let built_in = sandbox.run(&["validate", "one", "--profiles", "own"]).expect(3);
    assert!(built_in.stderr.contains("own/p") && built_in.stderr.contains("built in"), "{}", built_in.stderr);
    let profiles = concat!(env!("CARGO_MANIFEST_DIR"), "/../../profiles");
    sandbox.run(&["validate", "one", "--profiles", "kept", "--profiles", profiles]).expect(0);

    let absent = sandbox.run(&["validate", "one", "--profiles", "absent"]).expect(64);
    absent.five_parts();
    assert!(absent.stderr.contains("absent"), "{}", absent.stderr);
}

#[test]
fn a_broken_archive_is_named_where_its_profile_is_missing() {
    let sandbox = Sandbox::new();
    shop(&sandbox);
    sandbox.write("archives/shop.csar", "this is no archive\n");
    let unknown = sandbox.run(&["validate", "one", "--profiles", "archives"]).expect(3);
    assert!(unknown.stderr.contains("`archives/shop.csar` is not a profile"), "{}", unknown.stderr);
}

/// C043: the files that a profile imports are of it, but those that name another profile, with what these import (6.7.1).
#[test]
fn a_profile_names_the_types_of_what_it_imports() {
    let sandbox = Sandbox::new();
    let file = |name: &str, text: &str| {
        sandbox.write(&format!("kept/outer/{name}"), &format!("tosca_definitions_version: tosca_2_0\n{text}"))
    };
    let meta = "CSAR-Version: 2.0\nCreated-By: khutulun\nEntry-Definitions: profile.yaml\n";
    sandbox.write("kept/outer/TOSCA.meta", meta);
    file(
        "profile.yaml",
        "profile: org.outer:1\nimports: [ part.yaml, other.yaml ]\nnode_types: { Outer: {} }\n",
    );
    file("part.yaml", "node_types: { Part: {} }\n");
    file("other.yaml", "profile: org.inner:2\nimports: [ deep.yaml ]\nnode_types: { Inner: {} }\n");
    file("deep.yaml", "node_types: { Deep: {} }\n");
    let nodes = "{ a: { type: Outer }, b: { type: Part }, c: { type: Inner }, d: { type: Deep } }";
    sandbox.write(
        "one.yaml",
        &format!(
            "tosca_definitions_version: tosca_2_0\nimports: [ profile: 'org.outer:1' ]\nservice_template: {{ node_templates: {nodes} }}\n"
        ),
    );
    let made = sandbox.run(&["compile", "one.yaml", "--instantiate", "--profiles", "kept"]).expect(0).stdout;
    for node in ["a: org.outer:1:Outer", "b: org.outer:1:Part", "c: org.inner:2:Inner", "d: org.inner:2:Deep"]
    {
        assert!(made.contains(&format!("node {node}\n")), "no {node} in:\n{made}");
    }
}
