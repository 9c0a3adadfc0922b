//! Thousands of stories that seeds make up.

use std::thread;

use khutulun_simulator::{Explored, Met, Sketched, explore, shrink};

/// How many seeds the ordinary mode has.
pub(crate) const ORDINARY: u64 = 5_000;

/// How many seeds the long mode has (`KHUTULUN_LONG=1`), for a release build.
const LONG: u64 = 200_000;

/// In the ordinary mode: the tests of a crate run at the same time as others', and two cores are always there. The long mode takes all.
const THREADS: usize = 2;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn all_promises_hold_in_all_stories() {
    let is_long = number("KHUTULUN_LONG").is_some_and(|long| long > 0);
    let all_cores = || thread::available_parallelism().map_or(THREADS, usize::from);
    let (count, threads) = if is_long { (LONG, all_cores()) } else { (ORDINARY, THREADS) };
    // Whoever looks for more says where.
    let from = number("KHUTULUN_SEED").unwrap_or(0);
    let story = |seed| Sketched::of_seed(seed).story(None).unwrap();
    let Explored { coverage, failed, .. } = explore(from..from + count, threads, story);
    println!("{coverage}");
    if let Some((seed, violations)) = failed {
        let (smallest, told) = shrink(&Sketched::of_seed(seed), None).unwrap();
        panic!(
            "seed {seed}: {}\nsmaller, with the same promise broken:\n{}wants {:?}\n{:?}\n{}\n{}",
            violations[0],
            smallest.designs.join("-- then\n"),
            smallest.wants,
            smallest.rates,
            told.transcript.join("\n"),
            told.violations[0],
        );
    }
    // A fault that never happens shows nothing.
    assert_eq!(coverage.missing(), Vec::<Met>::new());
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [0, 1, 77, 1_234] {
        let tell = || Sketched::of_seed(seed).story(None).unwrap().tell(true);
        let (one, other) = (tell(), tell());
        assert!(!one.transcript.is_empty());
        assert_eq!(one.transcript, other.transcript);
        assert_eq!(one.coverage, other.coverage);
    }
}
