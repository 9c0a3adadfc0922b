//! Any files to the compiler: no panic, and a model exactly when there is no error. A NUL separates the files
//! `0.yaml`, `1.yaml`, …, which can import each other.
#![no_main]

use diagnostics::{TextStyle, has_errors, render_text};
use libfuzzer_sys::fuzz_target;
use tosca::{MemorySources, compile};

fuzz_target!(|text: &str| {
    let sources = text
        .split('\0')
        .enumerate()
        .take(4)
        .fold(MemorySources::new(), |sources, (index, text)| sources.with(format!("{index}.yaml"), text));
    let compilation = compile("0.yaml", &sources);
    assert_eq!(compilation.model.is_none(), has_errors(&compilation.diagnostics));
    for diagnostic in compilation.diagnostics.iter().take(20) {
        render_text(diagnostic, &compilation.sources, TextStyle::plain());
    }
});
