//! Nothing that a file can say reaches a panic.

use proptest::prelude::*;
use tosca::{MemorySources, compile};

/// A file with every construct, to be mutated.
fn seed() -> String {
    include_str!("everything.yaml").to_owned()
}

fn check(text: impl Into<Vec<u8>>) {
    let sources = MemorySources::new().with("a.yaml", text.into());
    let compilation = compile("a.yaml", &sources);
    let text = diagnostics::render_text_all(
        &compilation.diagnostics,
        &compilation.sources,
        diagnostics::TextStyle::plain(),
    );
    assert_eq!(text.is_empty(), compilation.diagnostics.is_empty());
    assert_eq!(compilation.model.is_none(), diagnostics::has_errors(&compilation.diagnostics));
}

#[test]
fn the_seed_is_valid() {
    let compilation = compile("a.yaml", &MemorySources::new().with("a.yaml", seed()));
    assert!(compilation.diagnostics.is_empty(), "{:#?}", compilation.diagnostics);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(bytes);
    }

    #[test]
    fn arbitrary_yaml_like_text_never_panics(text in "([a-z$ö]{0,3}(: |:\n|- |\n|  |[\\[\\]{},&*!|>'\"#?])){0,40}") {
        check(format!("tosca_definitions_version: tosca_2_0\n{text}"));
        check(text);
    }

    #[test]
    fn mutated_files_never_panic(edits in proptest::collection::vec((any::<u32>(), any::<u32>(), 0..5_u8), 1..6)) {
        let mut lines: Vec<String> = seed().lines().map(str::to_owned).collect();
        for (at, other, kind) in edits {
            let at = at as usize % lines.len();
            let other = other as usize % lines.len();
            match kind {
                0 => _ = lines.remove(at),
                1 => lines.swap(at, other),
                2 => {
                    let copy = lines[other].clone();
                    lines.insert(at, copy);
                }
                // Another value for the same key, or another key for the same value.
                3 => {
                    let value = lines[other].split_once(": ").map_or(String::new(), |(_, value)| value.to_owned());
                    if let Some((key, _)) = lines[at].split_once(": ") {
                        lines[at] = format!("{key}: {value}");
                    }
                }
                _ => {
                    let cut = lines[at].chars().count() / 2;
                    lines[at] = lines[at].chars().take(cut).collect();
                }
            }
            if lines.is_empty() {
                lines.push(String::new());
            }
        }
        check(lines.join("\n"));
    }
}

#[test]
fn deep_and_wide_documents_end_in_bounded_time() {
    let head =
        "tosca_definitions_version: tosca_2_0\nservice_template:\n  node_templates:\n    a:\n      type: ";
    check(format!("{head}{}", "[".repeat(100_000)));
    check(format!("{head}{}", "{ $concat: [".repeat(60)));
    check(format!("{head}{}", "a: ".repeat(10_000)));
    let types: String = (0..2_000).map(|n| format!("  T{n}: {{ derived_from: T{} }}\n", n + 1)).collect();
    check(format!("tosca_definitions_version: tosca_2_0\nnode_types:\n{types}"));
    let data: String = (0..500)
        .map(|n| {
            let property = format!("{{ type: D{}, default: {{}} }}", n + 1);
            format!("  D{n}: {{ properties: {{ p: {property}, q: {property} }} }}\n")
        })
        .collect();
    let last = "  D500: { properties: { p: { type: string, default: x } } }\n";
    check(format!("tosca_definitions_version: tosca_2_0\ndata_types:\n{data}{last}"));
    let wrong: String = (0..20_000).map(|n| format!("    n{n}: {{ type: Tpe{n}, kind{n}: 1 }}\n")).collect();
    let known: String = (0..2_000).map(|n| format!("  Type{n}: {{}}\n")).collect();
    check(format!(
        "tosca_definitions_version: tosca_2_0\nnode_types:\n{known}service_template:\n  node_templates:\n{wrong}"
    ));
}

/// Namespaces that go round, and names as long as files may be: C058, C065, C365.
#[test]
fn long_names_and_circles_of_namespaces_come_to_an_end() {
    let name = |levels: usize| format!("{}A", "a:".repeat(levels));
    let text = format!(
        "tosca_definitions_version: tosca_2_0\nimports: [ {{ url: main.yaml, namespace: a }} ]\nnode_types: {{ A: {{}} }}\n\
         data_types: {{ x: {{ derived_from: string }} }}\ncapability_types:\n  C: {{ valid_source_node_types: [ '{}', '{}' ] }}\n",
        name(200),
        name(200_000)
    );
    let sources = MemorySources::new().with("main.yaml", text);
    let compilation = compile("main.yaml", &sources);
    assert_eq!(compilation.diagnostics.len(), 1);
    assert_eq!(compilation.diagnostics[0].code, "unknown-type");
}

/// A chain of imports costs its length: C058, C065.
#[test]
fn a_long_chain_of_imports_is_read() {
    let mut sources = MemorySources::new();
    let count = 3000;
    for index in 0..count {
        let next = index + 1;
        let import = match (next < count, index % 2 == 0) {
            (false, _) => String::new(),
            (true, true) => format!("imports: [ f{next}.yaml ]\n"),
            (true, false) => format!("imports: [ {{ url: f{next}.yaml, namespace: n }} ]\n"),
        };
        let text =
            format!("tosca_definitions_version: tosca_2_0\n{import}node_types: {{ T{index}: {{}} }}\n");
        sources = sources.with(format!("f{index}.yaml"), text);
    }
    let compilation = compile("f0.yaml", &sources);
    assert!(compilation.diagnostics.is_empty(), "{:?}", compilation.diagnostics.first());
    let model = compilation.model.expect("there are no errors");
    assert_eq!(model.files.len(), count);
    // The way from the last file back to the entry is known.
    let mut place = model.files.last().and_then(|file| file.imported_at);
    let mut steps = 0;
    while let Some(span) = place {
        place = model.file_of(span).and_then(|file| file.imported_at);
        steps += 1;
    }
    assert_eq!(steps, count - 1);
}

/// Groups, workflows, policies and copies cost their length: C365.
#[test]
fn long_lists_of_members_steps_policies_and_copies_come_to_an_end() {
    const COUNT: usize = 5_000;
    let nodes: String = (0..COUNT).map(|n| format!("    n{n}: {{ copy: first }}\n")).collect();
    let members: Vec<String> = (0..COUNT).map(|n| format!("n{n}")).collect();
    let steps: String = (0..COUNT)
        .map(|n| format!("        s{n}: {{ target: n{n}, activities: [], on_success: [ s{} ] }}\n", n + 1))
        .collect();
    let policies: String = (0..COUNT).map(|n| format!("  - p{n}: {{ type: P }}\n")).collect();
    check(format!(
        "tosca_definitions_version: tosca_2_0\nnode_types: {{ A: {{}} }}\ngroup_types: {{ G: {{}} }}\n\
         policy_types: {{ P: {{}} }}\nservice_template:\n  node_templates:\n    first: {{ type: A }}\n{nodes}  groups:\n    \
         g: {{ type: G, members: [ {} ] }}\n  policies:\n{policies}  workflows:\n    w:\n      steps:\n{steps}",
        members.join(", ")
    ));
}
