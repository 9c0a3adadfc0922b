//! Extraction writes everything inside the target, or nothing.

use std::fs;
use std::path::Path;

use tosca_csar::Package;

use crate::archives::{TOSCA, ZipEntry, open, told, zip_with};

fn package() -> Package {
    open(zip_with([ZipEntry::new("scripts/run.sh", "#!/bin/sh\n"), ZipEntry::new("empty/", "")])).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_and_folders_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    package().extract(&target).unwrap();
    assert_eq!(names(folder.path()), ["out"]);
    assert_eq!(names(&target), ["empty", "scripts", "service.yaml"]);
    assert_eq!(fs::read_to_string(target.join("service.yaml")).unwrap(), TOSCA);
    assert_eq!(fs::read_to_string(target.join("scripts/run.sh")).unwrap(), "#!/bin/sh\n");
}

#[test]
fn an_empty_directory_may_be_the_target_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("empty")).unwrap();
    package().extract(path("empty")).unwrap();
    assert_eq!(names(&path("empty")).len(), 3);
    fs::write(path("file"), "mine").unwrap();
    let error = |name: &str| told(&package().extract(path(name)).expect_err("refused"));
    assert!(error("empty").ends_with("it exists"));
    assert!(error("file").ends_with("it exists"));
    assert!(error("absent/out").contains("absent"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(path("elsewhere"), path("dangling")).unwrap();
        assert!(error("dangling").ends_with("it exists"));
        fs::remove_file(path("dangling")).unwrap();
    }
    assert_eq!(names(folder.path()), ["empty", "file"]);
    assert_eq!(fs::read(path("file")).unwrap(), b"mine");
}

#[test]
fn a_damaged_file_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let package = open(zip_with([
        ZipEntry::new("a", "fine"),
        ZipEntry::new("z", "broken").with(|entry| entry.crc = Some(1)),
    ]))
    .unwrap();
    let error = package.extract(folder.path().join("out")).expect_err("damaged");
    assert_eq!(told(&error), "failed to read `z` in package `p`: Invalid checksum");
    assert_eq!(names(folder.path()), [] as [&str; 0]);
}

#[cfg(unix)]
#[test]
fn modes_are_those_of_new_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let package = open(zip_with([ZipEntry::new("set-id", "").with(|entry| entry.mode = 0o106_777)])).unwrap();
    let target = folder.path().join("out");
    package.extract(&target).unwrap();
    let fresh = folder.path().join("fresh");
    fs::create_dir(&fresh).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&target), mode(&fresh), "not that of a temporary directory");
    assert_eq!(mode(&target.join("set-id")) & 0o7000, 0);
    assert_eq!(mode(&target.join("service.yaml")) & 0o111, 0);
}
