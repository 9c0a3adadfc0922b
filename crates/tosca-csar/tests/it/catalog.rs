//! Profiles of a folder: C051, C360.

use std::fs;

use tosca::{MemorySources, compile};
use tosca_csar::{Catalog, CreateOptions, WithCatalog, content_digest, create};

#[test]
fn directories_and_archives_of_a_folder_are_profiles_by_their_exact_names() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = folder.path().join("catalog");
    let write = |path: &str, text: &str| {
        let path = catalog.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let version = "tosca_definitions_version: tosca_2_0\n";
    write("base/profile.yaml", &format!("{version}profile: org.base:1\nimports: [ more/types.yaml ]\n"));
    write("base/more/types.yaml", &format!("{version}node_types: {{ Base: {{}} }}\n"));
    write("zagain/profile.yaml", &format!("{version}profile: org.base:1\n"));
    write("service/service.yaml", version);
    write("notes.txt", "nothing");
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    let imports = "imports: [ { profile: 'org.base:1', namespace: b } ]\n";
    let types = "node_types: { App: { derived_from: b:Base } }\n";
    fs::write(source.join("app.yaml"), format!("{version}profile: org.app:2\n{imports}{types}")).unwrap();
    create(&source, catalog.join("app.csar"), &CreateOptions::default()).unwrap();

    let catalog = Catalog::open(&catalog).unwrap();
    assert_eq!(catalog.profiles().map(|(name, _)| name).collect::<Vec<_>>(), ["org.app:2", "org.base:1"]);
    let skipped: Vec<_> =
        catalog.skipped().iter().filter_map(|skipped| skipped.path.file_name()?.to_str()).collect();
    assert_eq!(skipped, ["notes.txt", "service"]);
    let [clash] = catalog.clashes() else { panic!("{:?}", catalog.clashes()) };
    assert_eq!(clash.profile, "org.base:1");
    assert!(clash.first.ends_with("catalog/base") && clash.second.ends_with("catalog/zagain"), "{clash:?}");
    assert!(Catalog::open(folder.path().join("nothing")).is_err());

    let service = format!(
        "{version}imports: [ profile: 'org.app:2' ]\nservice_template: {{ node_templates: {{ a: {{ type: App }} }} }}\n"
    );
    let missing = format!("{version}imports: [ profile: org.app ]\n");
    let files = MemorySources::new().with("service.yaml", service).with("missing.yaml", missing);
    let sources = WithCatalog::new(catalog, files);
    let compilation = compile("service.yaml", &sources);
    assert!(compilation.diagnostics.is_empty(), "{:?}", compilation.diagnostics);
    let compilation = compile("missing.yaml", &sources);
    assert_eq!(compilation.diagnostics[0].code, "unknown-profile");
    assert!(compilation.diagnostics[0].hints.iter().any(|hint| hint.contains("org.app:2")));
}

#[test]
fn one_profile_in_several_places_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = |path: &str| folder.path().join(path);
    fs::create_dir_all(path("tree/org.base/1")).unwrap();
    let text = "tosca_definitions_version: tosca_2_0\nprofile: org.base:1\n";
    fs::write(path("tree/org.base/1/profile.yaml"), text).unwrap();
    create(path("tree/org.base/1"), path("base.csar"), &CreateOptions::default()).unwrap();

    // A folder of folders, an archive, and the profile's own directory.
    let mut catalog = Catalog::open(path("tree")).unwrap();
    catalog.add(path("base.csar")).unwrap();
    catalog.add(path("tree/org.base/1")).unwrap();
    assert_eq!(catalog.profiles().map(|(name, _)| name).collect::<Vec<_>>(), ["org.base:1"]);
    assert!(catalog.clashes().is_empty() && catalog.skipped().is_empty(), "{catalog:?}");
    let digest = content_digest([("profile.yaml", text.as_bytes())]);
    assert_eq!(catalog.find("org.base:1").unwrap().verify().digest, Some(digest));
}
