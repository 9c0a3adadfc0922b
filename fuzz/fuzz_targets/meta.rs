//! Any text to the reader of TOSCA.meta: no panic, and what is read is in the text.
#![no_main]

use diagnostics::SourceMap;
use libfuzzer_sys::fuzz_target;
use tosca_csar::Meta;

fuzz_target!(|text: &str| {
    let mut sources = SourceMap::new();
    let id = sources.add("TOSCA.meta", text);
    let (meta, diagnostics) = Meta::parse(text, id);
    _ = (meta.entry_definitions(), meta.other_definitions().count());
    for diagnostic in diagnostics {
        diagnostic.one_line(&sources);
    }
});
