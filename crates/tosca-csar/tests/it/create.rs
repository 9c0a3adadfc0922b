//! Archives that are made, and made again.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tosca_csar::{CreateOptions, Error, Format, Options, Package, create};

use crate::archives::{TOSCA, ZipEntry, told, zip};

/// Writes files in the order of the list.
fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

// C364.
#[test]
fn equal_directories_give_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let files =
        [("service.yaml", TOSCA), ("a/x", "x"), ("a/y", ""), ("b", &"text ".repeat(10_000)), ("ö", "ü")];
    let reversed: Vec<(&str, &str)> = files.iter().rev().copied().collect();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    write(&first, &files);
    write(&second, &reversed);
    fs::create_dir(first.join("empty")).unwrap();
    fs::create_dir(second.join("empty")).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::open(second.join("a/x")).unwrap().set_modified(old).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(second.join("b"), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let make =
        |from: &Path, to: &str| create(from, folder.path().join(to), &CreateOptions::default()).unwrap();
    let one = make(&first, "one.csar");
    let two = make(&second, "two.csar");
    assert_eq!(one.sha256, two.sha256);
    let bytes = fs::read(folder.path().join("one.csar")).unwrap();
    assert_eq!(bytes, fs::read(folder.path().join("two.csar")).unwrap());
    assert_eq!(one.bytes, bytes.len() as u64);
    // Made of the archive instead of the directory, and in memory: the same.
    let again = make(&folder.path().join("one.csar"), "three.csar");
    assert_eq!(again.sha256, one.sha256);
    let mut memory = std::io::Cursor::new(Vec::new());
    one.package.write_zip(&mut memory).unwrap();
    assert_eq!(memory.into_inner(), bytes);
}

#[test]
fn the_bytes_stay_the_same_from_version_to_version() {
    // A change here is a change for everybody who compares archives by digest: say so in the release notes.
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in"), &[("service.yaml", TOSCA), ("text", &"some text, ".repeat(100))]);
    let made =
        create(folder.path().join("in"), folder.path().join("out.zip"), &CreateOptions::default()).unwrap();
    assert_eq!(made.sha256, "bc3bba5321e2e40ec4ad5ec3642cdd215fd7c5fef13c4e4425725924e2325516");
}

#[test]
fn an_executable_file_is_another_content() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in"), &[("service.yaml", TOSCA), ("run.sh", "#!/bin/sh\n")]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let script = folder.path().join("in/run.sh");
        fs::set_permissions(script, fs::Permissions::from_mode(0o750)).unwrap();
        let made = create(folder.path().join("in"), folder.path().join("out.zip"), &CreateOptions::default())
            .unwrap();
        assert!(made.package.entry("run.sh").unwrap().executable);
        assert!(!made.package.entry("service.yaml").unwrap().executable);
        made.package.extract(folder.path().join("back")).unwrap();
        let mode = fs::metadata(folder.path().join("back/run.sh")).unwrap().permissions().mode();
        assert_eq!(mode & 0o100, 0o100);
    }
}

#[test]
fn a_tosca_meta_is_written_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("in");
    write(&root, &[("a.yaml", TOSCA), ("b.yaml", TOSCA), ("with blank.yaml", TOSCA)]);
    let options = CreateOptions {
        entry_definitions: Some("a.yaml".to_owned()),
        other_definitions: vec!["b.yaml".to_owned(), "with blank.yaml".to_owned()],
        created_by: Some("somebody".to_owned()),
        ..CreateOptions::default()
    };
    let made = create(&root, folder.path().join("out.csar"), &options).unwrap();
    assert_eq!(
        String::from_utf8(made.package.read("TOSCA.meta").unwrap()).unwrap(),
        "CSAR-Version: 2.0\nCreated-By: somebody\nEntry-Definitions: a.yaml\nOther-Definitions: b.yaml \"with \
         blank.yaml\"\n"
    );
    assert_eq!(made.package.other_definitions(), ["b.yaml", "with blank.yaml"]);
    assert!(!root.join("TOSCA.meta").exists(), "the directory is only read");
    let wrong =
        CreateOptions { entry_definitions: Some("absent.yaml".to_owned()), ..CreateOptions::default() };
    match create(&root, folder.path().join("wrong.csar"), &wrong) {
        Err(Error::Invalid { findings, .. }) => {
            assert_eq!(findings.diagnostics[0].message, "no file `absent.yaml` in the package");
        }
        other => panic!("expected an invalid package, got {other:?}"),
    }
    write(&root, &[("TOSCA.meta", "CSAR-Version: 2.0\nEntry-Definitions: a.yaml\n")]);
    assert!(matches!(create(&root, folder.path().join("wrong.csar"), &options), Err(Error::Target { .. })));
    assert_eq!(names(folder.path()), ["in", "out.csar"]);
}

/// What is in a folder, hidden files too.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_cannot_be_made_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&path("in"), &[("a.yaml", TOSCA)]);
    write(&path("invalid"), &[("a.yaml", TOSCA), ("b.yaml", TOSCA)]);
    fs::write(path("old.csar"), "old").unwrap();
    let default = CreateOptions::default();
    let error = |from: &str, to: &str| told(&create(path(from), path(to), &default).expect_err("refused"));
    assert!(error("invalid", "out.csar").ends_with("it is not a valid package"));
    assert!(error("in", "old.csar").ends_with("old.csar`: it exists"));
    assert!(error("in", "out.tar.gz").contains("only ZIP archives are made"));
    assert!(error("in", "in/out.csar").ends_with("it lies inside the directory that is packed"));
    assert!(error("absent", "out.csar").starts_with("failed to open package"));
    assert!(error("in", "absent/out.csar").starts_with("failed to write"));
    assert!(error("in", "in").ends_with("it exists"));
    // Zeros that would be refused as a bomb by whoever reads the archive.
    fs::File::create(path("in/zeros")).unwrap().set_len(100 << 20).unwrap();
    assert!(error("in", "out.csar").ends_with("out.csar`: it unpacks to more than 200 times its size"));
    assert_eq!(names(folder.path()), ["in", "invalid", "old.csar"]);
    assert_eq!(fs::read(path("old.csar")).unwrap(), b"old");
    fs::remove_file(path("in/zeros")).unwrap();
    create(path("in"), path("old.csar"), &CreateOptions { replace: true, ..default }).unwrap();
    assert_eq!(Package::open(path("old.csar")).unwrap().format(), Format::Zip);
}

#[test]
fn hidden_files_are_left_out_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("in");
    write(&root, &[("a.yaml", TOSCA), (".env", "secret"), ("b/.x/y", "")]);
    let made = create(&root, folder.path().join("out.csar"), &CreateOptions::default()).unwrap();
    assert_eq!(made.skipped, [".env", "b/.x"]);
    assert!(made.package.entry(".env").is_none());
    let options =
        CreateOptions { options: Options { hidden: true, ..Options::default() }, ..CreateOptions::default() };
    let made = create(&root, folder.path().join("all.csar"), &options).unwrap();
    assert_eq!(made.skipped, [] as [&str; 0]);
    assert_eq!(made.package.read(".env").unwrap(), b"secret");
}

#[test]
fn other_tools_read_what_is_made() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in"), &[("a.yaml", TOSCA), ("ö/b", "text")]);
    create(folder.path().join("in"), folder.path().join("out.zip"), &CreateOptions::default()).unwrap();
    let mut archive = zip::ZipArchive::new(fs::File::open(folder.path().join("out.zip")).unwrap()).unwrap();
    assert!(archive.validate_header_consistency().is_ok());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("ö/b").unwrap(), &mut text).unwrap();
    assert_eq!(text, "text");
}

/// Names of one to three parts, and contents.
fn files() -> impl Strategy<Value = std::collections::BTreeMap<String, Vec<u8>>> {
    let part = "[a-cA-C0-9_ öé-]{1,6}(\\.[a-z]{1,3})?";
    let name = proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    let content = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        (any::<u8>(), 0..100_000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    proptest::collection::btree_map(name, content, 0..8).prop_filter("a file is no folder", |files| {
        files.keys().all(|name| !files.keys().any(|other| other.starts_with(&format!("{name}/"))))
    })
}

/// The files below a folder and its empty folders, with a `/` at their ends.
fn tree(root: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut tree = std::collections::BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let items: Vec<_> = fs::read_dir(&folder).unwrap().map(|item| item.unwrap().path()).collect();
        let path = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if items.is_empty() {
            tree.insert(format!("{}/", path(&folder)), Vec::new());
        }
        for item in items {
            if item.is_dir() {
                folders.push(item);
            } else {
                tree.insert(path(&item), fs::read(&item).unwrap());
            }
        }
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn create_open_extract_is_identity(files in files(), empty in proptest::option::of("[x-z]{7}")) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("in");
        write(&root, &[("the service.yaml", TOSCA)]);
        for (name, content) in &files {
            let path = root.join("files").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        if let Some(empty) = &empty {
            fs::create_dir_all(root.join("files").join(empty)).unwrap();
        }
        let made = create(&root, folder.path().join("out.zip"), &CreateOptions::default()).unwrap();
        let opened = Package::open(folder.path().join("out.zip")).unwrap();
        prop_assert_eq!(opened.verify().digest, Package::open(&root).unwrap().verify().digest);
        opened.extract(folder.path().join("back")).unwrap();
        prop_assert_eq!(tree(&root), tree(&folder.path().join("back")));
        // And what was extracted gives the same archive.
        let again =
            create(folder.path().join("back"), folder.path().join("again.zip"), &CreateOptions::default()).unwrap();
        prop_assert_eq!(made.sha256, again.sha256);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), start in 0..6_usize) {
        let start: &[u8] =
            [&b""[..], b"PK\x03\x04", b"PK\x05\x06", &[0x1f, 0x8b, 8, 0], &[0x28, 0xb5, 0x2f, 0xfd], b"a"][start];
        let bytes = [start, &bytes].concat();
        if let Ok(package) = crate::archives::open(bytes) {
            package.verify();
        }
    }

    #[test]
    fn no_tosca_meta_panics(text in "([A-Za-z:\"\\. \t\r\n/é-]|CSAR-Version: 2.0\n|Other-Definitions: ){0,40}") {
        if let Ok(package) = crate::archives::open(zip(&[ZipEntry::new("TOSCA.meta", &text)])) {
            let findings = package.findings();
            diagnostics::render_text_all(&findings.diagnostics, &findings.sources, diagnostics::TextStyle::plain());
        }
    }
}
