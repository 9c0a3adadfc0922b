//! Queries and algorithms, on a small inventory and on any graph.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod algorithms;
mod documented;
mod equivalence;
mod explained;
mod inventory;
mod parsed;

use floria_query::{Query, Vocabulary};

fn vocabulary() -> Vocabulary {
    Vocabulary::default().metadata("state", "khutulun.state").property("host", "host")
}

#[track_caller]
fn parse(text: &str) -> Query {
    Query::parse(text, &vocabulary()).unwrap_or_else(|error| panic!("{error}"))
}
