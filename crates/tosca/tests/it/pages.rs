//! The examples of the pages about codes: the first block of a page has the mistake, the second has not.

use diagnostics::codes::CODES;
use tosca::{Compilation, MemorySources, compile};

fn run(text: &str) -> Compilation {
    compile("example.yaml", &MemorySources::new().with("example.yaml", text))
}

#[test]
fn the_examples_of_the_pages_are_true() {
    let mut problems = Vec::new();
    for code in CODES {
        let blocks: Vec<&str> = code.page.split("```").skip(1).step_by(2).collect();
        let examples: Vec<&str> = blocks.iter().filter_map(|block| block.strip_prefix("yaml\n")).collect();
        for (index, example) in examples.iter().enumerate() {
            let compilation = run(example);
            let found: Vec<String> = compilation
                .diagnostics
                .iter()
                .map(|diagnostic| {
                    format!("[{}] {}", diagnostic.code, diagnostic.one_line(&compilation.sources))
                })
                .collect();
            let has_code = compilation.diagnostics.iter().any(|diagnostic| diagnostic.code == code.code);
            if index == 0 && !has_code {
                problems.push(format!("{}: the wrong example has other mistakes: {found:?}", code.code));
            }
            if index == 1 && !found.is_empty() {
                problems.push(format!("{}: the right example has mistakes: {found:?}", code.code));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
