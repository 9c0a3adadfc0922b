//! Files that are not there, not files, or not text; and files of the machine.

use tosca::{Compilation, FileSources, Locator, MemorySources, SourceError, Sources, compile};

fn only(compilation: &Compilation) -> String {
    assert_eq!(compilation.diagnostics.len(), 1, "{:?}", compilation.diagnostics);
    assert!(compilation.model.is_none());
    let diagnostic = &compilation.diagnostics[0];
    format!("[{}] {}", diagnostic.code, diagnostic.one_line(&compilation.sources))
}

#[test]
fn an_entry_that_cannot_be_read_is_one_diagnostic_without_a_place() {
    let sources = MemorySources::new().with("folder/a.yaml", "");
    assert_eq!(
        only(&compile("nothing.yaml", &sources)),
        "[unreadable-file] failed to read `nothing.yaml`: there is no such file"
    );
    assert_eq!(
        only(&compile("folder", &sources)),
        "[unreadable-file] failed to read `folder`: it is a directory"
    );
}

#[test]
fn a_file_that_is_not_tosca_is_one_diagnostic() {
    let check = |content: &[u8], expected: &str| {
        assert_eq!(only(&compile("a.yaml", &MemorySources::new().with("a.yaml", content))), expected);
    };
    check(b"", "[not-tosca] a.yaml:1:1: the file is empty");
    check(b"# nothing\n", "[not-tosca] a.yaml:1:1: the file is empty");
    check(b"- a\n", "[not-tosca] a.yaml:1:1: a TOSCA file must be a map of keynames, not a list");
    check(b"hello\n", "[not-tosca] a.yaml:1:1: a TOSCA file must be a map of keynames, not a string");
    check(b"a: 1\n", "[missing-version] a.yaml:1:1: the file does not say its `tosca_definitions_version`");
    check(b"a: b\n\xff\xfe", "[not-utf8] a.yaml:2:1: the file is not UTF-8 text");
    check(b"\x7fELF\0\0", "[invalid-yaml] a.yaml:1:1: the character U+007F is not allowed in YAML");
    check(
        b"tosca_definitions_version: tosca_simple_yaml_1_3\ntopology_template: {}\nfoo: 1\n",
        "[unsupported-version] a.yaml:1:28: this file is of TOSCA 1.3; khutulun reads TOSCA 2.0",
    );
}

#[test]
fn files_of_the_machine_are_read_once_however_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("types")).unwrap();
    let imports = "tosca_definitions_version: tosca_2_0\nimports: [types/a.yaml, ./types/../types/a.yaml]\n";
    write(
        "service.yaml",
        &format!("{imports}service_template: {{ node_templates: {{ x: {{ type: A }} }} }}\n"),
    );
    let types = "tosca_definitions_version: tosca_2_0\nimports: [../types/a.yaml]\nnode_types: { A: {} }\n";
    write("types/a.yaml", types);
    let sources = FileSources::in_folder(folder.path());
    let compilation = compile("service.yaml", &sources);
    assert!(compilation.diagnostics.is_empty(), "{:?}", compilation.diagnostics);
    assert_eq!(compilation.model.unwrap().files.len(), 2);
    let names: Vec<_> = compilation.sources.iter().map(|(_, file)| file.name().to_string()).collect();
    assert_eq!(names, ["service.yaml", "types/a.yaml"]);

    assert_eq!(
        only(&compile("types", &sources)),
        "[unreadable-file] failed to read `types`: it is a directory"
    );
    assert_eq!(
        sources.read(&Locator::new("/dev/null")),
        Err(SourceError::Refused("it is not an ordinary file".into()))
    );
    assert_eq!(sources.locate("https://example.org/a.yaml", None), Err(SourceError::NoNetwork));
    assert!(matches!(sources.locate("ftp://example.org/a.yaml", None), Err(SourceError::Refused(_))));
}
