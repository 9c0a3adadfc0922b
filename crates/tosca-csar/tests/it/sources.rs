//! Packages as sources for the compiler.

use std::fs;

use tosca::model::RequirementTarget;
use tosca::{Locator, MemorySources, SourceError, Sources, compile};
use tosca_csar::Package;

use crate::archives::{TOSCA, ZipEntry, open, zip};

fn package() -> Package {
    open(zip(&[
        ZipEntry::new("main.yaml", TOSCA),
        ZipEntry::new("types/a.yaml", TOSCA),
        ZipEntry::new("types/deep/b.yaml", "b"),
    ]))
    .unwrap()
}

// C055, C360.
#[test]
fn imports_are_relative_to_the_importing_file_and_stay_inside() {
    let package = package();
    let deep = package.locator("types/deep/b.yaml");
    let locate = |url: &str, importer: Option<&Locator>| {
        package.locate(url, importer).map(|locator| locator.to_string())
    };
    assert_eq!(locate("main.yaml", None), Ok("p!/main.yaml".to_owned()));
    assert_eq!(locate("../a.yaml", Some(&deep)), Ok("p!/types/a.yaml".to_owned()));
    assert_eq!(locate("./b.yaml", Some(&deep)), Ok("p!/types/deep/b.yaml".to_owned()));
    assert_eq!(locate("/main.yaml", Some(&deep)), Ok("p!/main.yaml".to_owned()));
    for outside in
        ["../../../x", "/../x", "file:../../../x", "https://example.org/a.yaml", "file:///etc/passwd"]
    {
        assert!(matches!(locate(outside, Some(&deep)), Err(SourceError::Refused(_))), "{outside}");
    }
    assert_eq!(locate("file:../a.yaml", Some(&deep)), Ok("p!/types/a.yaml".to_owned()));
    assert_eq!(
        locate("file:/etc/passwd", Some(&deep)),
        Ok("p!/etc/passwd".to_owned()),
        "the package's own root"
    );
    let foreign = Locator::new("/elsewhere/a.yaml");
    assert!(matches!(locate("b.yaml", Some(&foreign)), Err(SourceError::Refused(_))));
}

#[test]
fn files_are_read_by_their_locators() {
    let package = package();
    let read = |path: &str| Sources::read(&package, &package.locator(path));
    assert_eq!(Sources::read(&package, &package.locator("types/deep/b.yaml")), Ok(b"b".to_vec()));
    assert!(read("main.yaml").is_ok());
    assert_eq!(read("absent.yaml"), Err(SourceError::NotFound));
    assert_eq!(read("types"), Err(SourceError::IsDirectory));
    assert_eq!(Sources::read(&package, &Locator::new("main.yaml")), Err(SourceError::NotFound));
}

#[test]
fn a_directory_has_the_locators_of_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("service");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("main.yaml"), TOSCA).unwrap();
    let package = Package::open(&root).unwrap();
    let locator = package.locate("main.yaml", None).unwrap();
    let canonical = fs::canonicalize(root.join("main.yaml")).unwrap();
    assert_eq!(locator.as_str(), canonical.to_str().unwrap());
    assert_eq!(package.display_name(&locator), root.join("main.yaml").to_str().unwrap());
    // What the directory has and the package does not is not served.
    fs::write(root.join(".secret"), "x").unwrap();
    assert_eq!(Sources::read(&package, &package.locator(".secret")), Err(SourceError::NotFound));
}

#[test]
fn an_archive_shows_the_path_that_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.csar");
    fs::write(&path, zip(&[ZipEntry::new("main.yaml", TOSCA)])).unwrap();
    let package = Package::open(&path).unwrap();
    let locator = package.locator("main.yaml");
    assert_eq!(package.path_of(&locator), Some("main.yaml"));
    assert_eq!(package.display_name(&locator), format!("{}!/main.yaml", path.display()));
}

// C001.
#[test]
fn a_root_file_with_its_imports_or_a_package_gives_node_templates_with_open_requirements() {
    let root = format!(
        "{TOSCA}imports: [ types/a.yaml ]\nservice_template: {{ node_templates: {{ client: {{ type: Client }} }} }}\n"
    );
    let types = format!(
        "{TOSCA}capability_types: {{ C: {{}} }}
relationship_types: {{ R: {{}} }}
node_types:
  Client:
    properties: {{ port: {{ type: integer, default: 80 }} }}
    requirements: [ server: {{ capability: C, relationship: R, count_range: [ 1, 1 ] }} ]
"
    );
    let files = MemorySources::new().with("main.yaml", root.clone()).with("types/a.yaml", types.clone());
    let package = open(zip(&[
        ZipEntry::new("TOSCA.meta", "CSAR-Version: 2.0\nEntry-Definitions: main.yaml\n"),
        ZipEntry::new("main.yaml", root),
        ZipEntry::new("types/a.yaml", types),
    ]))
    .unwrap();
    let entry = package.entry_definitions().unwrap().to_owned();
    for compilation in [compile("main.yaml", &files), compile(&entry, &package)] {
        assert!(compilation.diagnostics.is_empty(), "{:?}", compilation.diagnostics);
        let model = compilation.model.unwrap();
        let client = &model.service_template.as_ref().unwrap().node_templates["client"];
        let port = client.properties["port"].value.as_ref().unwrap();
        assert_eq!(port.as_value().unwrap().to_string(), "80", "the default is filled in");
        assert!(matches!(client.requirements[0].target, RequirementTarget::Open { .. }), "no target yet");
    }
}
