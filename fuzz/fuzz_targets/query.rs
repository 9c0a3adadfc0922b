//! Any text as a query: no panic, every place that is reported lies in the text, and what is read says the same when it is
//! written.
#![no_main]

use floria::{At, MemoryStore, Store as _};
use floria_query::{Query, Vocabulary};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let vocabulary = Vocabulary::default().metadata("state", "s").property("host", "h");
    match Query::parse(text, &vocabulary) {
        Ok(query) => {
            let written = query.to_string();
            assert_eq!(Query::parse(&written, &vocabulary).as_ref(), Ok(&query), "{written}");
            let store = MemoryStore::new();
            let snapshot = store.snapshot(At::Now).expect("an empty store can be read");
            assert_eq!(query.run(&*snapshot).expect("an empty store can be read"), []);
        }
        Err(error) => {
            assert!(error.column <= text.chars().count() + 1, "{error}");
            assert!(!error.problem.is_empty());
        }
    }
});
