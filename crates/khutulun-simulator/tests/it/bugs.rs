//! Bugs that are planted on purpose are found: a test that cannot fail shows nothing.

use khutulun_simulator::{Bug, Sketched, shrink};

use crate::seeds::ORDINARY;

fn check(bug: Bug, promise: u8) {
    let found = (0..ORDINARY).find(|seed| {
        let told = Sketched::of_seed(*seed).story(Some(bug)).unwrap().tell(false);
        told.violations.iter().any(|violation| violation.promise == promise)
    });
    let seed = found.unwrap_or_else(|| panic!("{bug:?} is not found in {ORDINARY} seeds"));
    println!("{bug:?} is found by seed {seed}");
}

#[test]
fn every_bug_is_found_and_the_promise_that_it_breaks_is_named() {
    for (bug, promise) in Bug::ALL {
        check(bug, promise);
    }
}

#[test]
fn what_is_found_becomes_small_enough_to_read() {
    let bug = Some(Bug::DependentAfterFailure);
    let broken = |seed: &u64| !Sketched::of_seed(*seed).story(bug).unwrap().tell(false).violations.is_empty();
    let seed = (0..ORDINARY).find(broken).unwrap();
    let (story, told) = shrink(&Sketched::of_seed(seed), bug).unwrap();
    assert!(told.violations.iter().any(|violation| violation.promise == 3), "{:?}", told.violations);
    assert!(story.designs[0].lines().count() <= 2, "{}", story.designs[0]);
    assert!(told.transcript.len() <= 60, "{}", told.transcript.join("\n"));
    // The same story is told again.
    assert_eq!(story.story(bug).unwrap().tell(true).transcript, told.transcript);
}
