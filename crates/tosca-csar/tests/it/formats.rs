//! The containers that a package comes in.

use std::fs;

use tosca_csar::{Error, Format, Options, Package};

use crate::archives::{TOSCA, TarEntry, ZipEntry, gzip, open, tar, told, zip, zstandard};

// C353.
#[test]
fn a_package_is_the_same_in_every_container() {
    let script = b"#!/bin/sh\necho hello\n";
    let entries: [TarEntry<'_>; 4] = [
        (b"./", b'5', b"", 0o755),
        (b"./service.yaml", b'0', TOSCA.as_bytes(), 0o644),
        (b"./scripts/", b'5', b"", 0o755),
        (b"./scripts/run.sh", b'0', script, 0o755),
    ];
    let tarball = tar(&entries);
    let zipped = zip(&[
        ZipEntry::new("service.yaml", TOSCA),
        ZipEntry::new("scripts/", "").with(|entry| entry.mode = 0o040_755),
        ZipEntry::new("scripts/run.sh", script).with(|entry| entry.mode = 0o100_755),
    ]);
    let mut digests = Vec::new();
    for (format, archive) in [
        (Format::Zip, zipped),
        (Format::Tar, tarball.clone()),
        (Format::TarGzip, gzip(&tarball)),
        (Format::TarZstandard, zstandard(&tarball)),
    ] {
        let package = open(archive).unwrap();
        assert_eq!(package.format(), format);
        let listed: Vec<(&str, bool, bool)> = package
            .entries()
            .iter()
            .map(|entry| (entry.path.as_str(), entry.is_file(), entry.executable))
            .collect();
        assert_eq!(
            listed,
            [("scripts", false, false), ("scripts/run.sh", true, true), ("service.yaml", true, false)]
        );
        assert_eq!(package.entry_definitions(), Some("service.yaml"));
        assert_eq!(package.read("scripts/run.sh").unwrap(), script);
        digests.push(package.verify().digest.unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("scripts")).unwrap();
    fs::write(folder.path().join("service.yaml"), TOSCA).unwrap();
    fs::write(folder.path().join("scripts/run.sh"), script).unwrap();
    let package = Package::open(folder.path()).unwrap();
    assert_eq!(package.format(), Format::Directory);
    digests.push(package.verify().digest.unwrap());
    digests.dedup();
    assert_eq!(digests.len(), 1, "one content has one digest: {digests:?}");
}

#[test]
fn what_a_file_is_its_content_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.zip");
    fs::write(&path, gzip(&tar(&[(b"a.yaml", b'0', TOSCA.as_bytes(), 0)]))).unwrap();
    assert_eq!(Package::open(&path).unwrap().format(), Format::TarGzip);
    for other in [&b""[..], b"PK", b"tosca_definitions_version: tosca_2_0\n", &[0; 1024], &gzip(b"no tar")] {
        assert!(matches!(open(other.to_vec()), Err(Error::Unrecognized { .. })));
    }
    let error = Package::open(folder.path().join("absent")).expect_err("absent");
    assert!(told(&error).contains("absent`: No such file or directory"), "{}", told(&error));
}

#[test]
fn zstandard_frames_follow_each_other_and_some_are_skipped() {
    let archive = tar(&[(b"a.yaml", b'0', TOSCA.as_bytes(), 0)]);
    let (first, second) = archive.split_at(700);
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let package = open([skipped, zstandard(first), zstandard(second)].concat()).unwrap();
    assert_eq!(package.read("a.yaml").unwrap(), TOSCA.as_bytes());
}

#[test]
fn gzip_members_follow_each_other() {
    let archive = tar(&[(b"a.yaml", b'0', TOSCA.as_bytes(), 0)]);
    let (first, second) = archive.split_at(700);
    assert!(open([gzip(first), gzip(second)].concat()).is_ok());
}

#[test]
fn a_large_compressed_tarball_goes_to_the_disk() {
    let mut content = Vec::with_capacity(40 << 20);
    let mut state = 1_u32;
    while content.len() < 40 << 20 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        content.extend(state.to_le_bytes());
    }
    let archive = tar(&[(b"a.yaml", b'0', TOSCA.as_bytes(), 0), (b"noise", b'0', &content, 0)]);
    let package = open(gzip(&archive)).unwrap();
    assert_eq!(package.read("noise").unwrap(), content);
}

#[test]
fn a_directory_is_read_as_the_archive_that_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join(".git/objects")).unwrap();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::write(root.join("service.yaml"), TOSCA).unwrap();
    fs::write(root.join(".lint.yaml"), "").unwrap();
    fs::write(root.join(".git/config"), "").unwrap();
    let package = Package::open(root).unwrap();
    let paths: Vec<&str> = package.entries().iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["empty", "service.yaml"]);
    assert_eq!(package.skipped(), [".git", ".lint.yaml"]);
    assert_eq!(package.entry_definitions(), Some("service.yaml"));
    assert!(package.read(".git/config").is_err());
    let all = Package::open_with(root, &Options { hidden: true, ..Options::default() }).unwrap();
    assert_eq!(all.read(".git/config").unwrap(), b"");
    assert_eq!(all.entry_definitions(), Some("service.yaml"), "the settings of tools are no service");
}

#[cfg(unix)]
#[test]
fn a_directory_with_links_or_pipes_is_refused() {
    use tosca_csar::Refusal;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("package");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("service.yaml"), TOSCA).unwrap();
    let refusal = || match Package::open(&root) {
        Err(Error::Refused { entry, refusal, .. }) => (entry, refusal),
        other => panic!("expected a refusal, got {other:?}"),
    };
    std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
    assert_eq!(refusal(), ("link".to_owned(), Refusal::SymbolicLink));
    fs::remove_file(root.join("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    assert_eq!(refusal(), ("socket".to_owned(), Refusal::Special));
}

#[cfg(unix)]
#[test]
fn what_becomes_a_link_later_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("package");
    fs::create_dir_all(root.join("scripts")).unwrap();
    fs::write(root.join("service.yaml"), TOSCA).unwrap();
    fs::write(root.join("scripts/a"), "honest").unwrap();
    fs::create_dir(folder.path().join("outside")).unwrap();
    fs::write(folder.path().join("outside/a"), "secret").unwrap();
    let package = Package::open(&root).unwrap();
    fs::rename(root.join("scripts"), root.join("old")).unwrap();
    std::os::unix::fs::symlink("../outside", root.join("scripts")).unwrap();
    let error = package.read("scripts/a").expect_err("a link");
    assert!(told(&error).ends_with("it became a symbolic link"), "{}", told(&error));
}

#[test]
fn a_package_is_read_by_many_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.zip");
    let names: Vec<String> = (0..50).map(|number| format!("files/{number}")).collect();
    let mut entries = vec![ZipEntry::new("a.yaml", TOSCA)];
    entries.extend(names.iter().map(|name| ZipEntry::new(name, name.repeat(5000))));
    fs::write(&path, zip(&entries)).unwrap();
    let package = Package::open(&path).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for name in &names {
                    assert_eq!(package.read(name).unwrap(), name.repeat(5000).as_bytes());
                }
            });
        }
    });
}

#[test]
fn an_inspection_is_data() {
    let package = open(zip(&[
        ZipEntry::new("TOSCA.meta", "CSAR-Version: 2.0\nCreated-By: us\nEntry-Definitions: a.yaml\n\nx: y\n"),
        ZipEntry::new("a.yaml", TOSCA),
    ]))
    .unwrap();
    let json = serde_json::to_value(package.inspect()).unwrap();
    assert_eq!(json["format"], "zip");
    assert_eq!(json["created_by"], "us");
    assert_eq!(json["entry_definitions"], "a.yaml");
    assert_eq!(json["meta"][1][0], serde_json::json!({"keyname": "x", "value": "y"}));
    assert_eq!(
        json["entries"][1],
        serde_json::json!({"path": "a.yaml", "kind": "file", "size": TOSCA.len(), "executable": false})
    );
}
