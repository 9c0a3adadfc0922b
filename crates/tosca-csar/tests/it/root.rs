//! Where a package starts when no TOSCA.meta says it.

use diagnostics::{TextStyle, render_text_all};

use crate::archives::{TOSCA, ZipEntry, open, zip};

/// Opens a package of these files and compares what is said about it.
#[track_caller]
fn check(files: &[(&str, &str)], entry: Option<&str>, expected: &str) {
    let entries: Vec<ZipEntry> = files.iter().map(|(name, content)| ZipEntry::new(name, content)).collect();
    let package = open(zip(&entries)).unwrap();
    let findings = package.findings();
    assert_eq!(render_text_all(&findings.diagnostics, &findings.sources, TextStyle::plain()), expected);
    assert_eq!(package.entry_definitions(), entry);
}

// C351.
#[test]
fn the_single_yaml_file_at_the_root_is_the_entry() {
    check(&[("a.yaml", TOSCA), ("types/b.yaml", TOSCA)], Some("a.yaml"), "");
    check(&[("a.yml", TOSCA), ("README.md", "")], Some("a.yml"), "");
    check(&[("a.yaml", TOSCA), (".tool.yaml", "")], Some("a.yaml"), "");
}

// C352.
#[test]
fn several_or_no_yaml_files_at_the_root_are_an_error() {
    check(
        &[("a.yaml", TOSCA), ("b.yml", TOSCA)],
        None,
        "error[csar-several-root-files]: the package has 2 YAML files at its root and no TOSCA.meta
   = hint: they are `a.yaml`, `b.yml`
   = hint: add a TOSCA.meta with `CSAR-Version: 2.0` and `Entry-Definitions:`, or move the others to a folder
",
    );
    check(
        &[("types/a.yaml", TOSCA)],
        None,
        "error[csar-no-root-file]: the package has neither TOSCA.meta nor a YAML file at its root
   = hint: add a TOSCA.meta with `CSAR-Version: 2.0` and `Entry-Definitions: types/a.yaml`
",
    );
    check(
        &[("README.md", "")],
        None,
        "error[csar-no-root-file]: the package has neither TOSCA.meta nor a YAML file at its root
   = hint: put the service template or profile at the root, as `.yaml` or `.yml`
",
    );
}

// C351, C352.
#[test]
fn tosca_meta_may_be_in_its_own_folder_and_is_there_once() {
    let meta = "CSAR-Version: 2.0\nEntry-Definitions: b.yaml\n";
    check(&[("TOSCA-Metadata/TOSCA.meta", meta), ("a.yaml", TOSCA), ("b.yaml", TOSCA)], Some("b.yaml"), "");
    check(
        &[("TOSCA-Metadata/TOSCA.meta", meta), ("TOSCA.meta", meta), ("b.yaml", TOSCA)],
        None,
        "error[csar-several-metas]: the package has two TOSCA.meta files
   ┌─ p!/TOSCA-Metadata/TOSCA.meta:1:1
 1 │ CSAR-Version: 2.0
   │ ^ one of them has to go
   ┌─ p!/TOSCA.meta:1:1
 1 │ CSAR-Version: 2.0
   │ - the other one
",
    );
    check(
        &[("a.yaml", TOSCA), ("tosca.meta", meta)],
        Some("a.yaml"),
        "warning[csar-meta-name]: `tosca.meta` is not read
   = hint: the file is called `TOSCA.meta`, with these capitals
",
    );
}

// C359.
#[test]
fn the_csar_version_is_inferred_from_the_entry() {
    let version = |content: &str| {
        open(zip(&[ZipEntry::new("a.yaml", content)])).unwrap().csar_version().map(str::to_owned)
    };
    assert_eq!(version(TOSCA).as_deref(), Some("2.0"));
    assert_eq!(version("# x\ntosca_definitions_version: 'tosca_2_0' # y\n").as_deref(), Some("2.0"));
    assert_eq!(version("tosca_definitions_version: tosca_simple_yaml_1_3\n"), None);
    assert_eq!(version("metadata:\n  tosca_definitions_version: tosca_2_0\n"), None);
}

#[test]
fn names_that_windows_cannot_hold_are_a_warning() {
    check(
        &[("a.yaml", TOSCA), ("files/con.txt", "")],
        Some("a.yaml"),
        "warning[csar-name-unportable]: Windows cannot hold `files/con.txt`
   = hint: no `<>:\"|?*`, no name of a device such as `CON`, no dot or blank at a name's end
",
    );
}

#[test]
fn a_long_list_of_findings_is_cut_and_stays_an_error() {
    let meta = format!(
        "CSAR-Version: 2.0\nEntry-Definitions: gone.yaml\nOther-Definitions: {}\n",
        (0..300).map(|number| format!("{number}.yaml")).collect::<Vec<_>>().join(" ")
    );
    let package = open(zip(&[ZipEntry::new("TOSCA.meta", meta)])).unwrap();
    let diagnostics = &package.findings().diagnostics;
    assert_eq!(diagnostics.len(), 101);
    assert_eq!(diagnostics[0].message, "no file `gone.yaml` in the package");
    assert_eq!(diagnostics[100].message, "and 201 more like these");
    assert!(package.findings().has_errors());
}
