//! Many stories at once.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::{
    coverage::Coverage,
    laws::Violation,
    story::{Story, Told},
};

/// What came of many stories.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// What was met.
    pub coverage: Coverage,
    /// The lowest seed whose story broke a promise, with the promises that it broke.
    pub failed: Option<(u64, Vec<Violation>)>,
    /// How often the operator was asked, by node and event.
    pub questions: BTreeMap<(String, String), u64>,
}

/// Tells the stories of these seeds on so many threads. Once one breaks a promise, none with a higher seed is begun.
///
/// The answer does not depend on the number of threads, but for what is counted after a broken promise.
pub fn explore(seeds: Range<u64>, threads: usize, story_of: impl Fn(u64) -> Story + Sync) -> Explored {
    let next = AtomicU64::new(seeds.start);
    let end = AtomicU64::new(seeds.end);
    let all = Mutex::new(Explored::default());
    let work = || {
        let mut mine = Explored::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end.load(Ordering::Relaxed) {
                break;
            }
            let Told { violations, coverage, questions, .. } = story_of(seed).tell(false);
            mine.coverage += &coverage;
            questions.into_iter().for_each(|asked| *mine.questions.entry(asked).or_default() += 1);
            if !violations.is_empty() {
                end.fetch_min(seed, Ordering::Relaxed);
                mine.failed = Some((seed, violations));
                break;
            }
        }
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.coverage += &mine.coverage;
        for (asked, count) in mine.questions {
            *all.questions.entry(asked).or_default() += count;
        }
        if let Some(failed) = mine.failed
            && all.failed.as_ref().is_none_or(|(seed, _)| failed.0 < *seed)
        {
            all.failed = Some(failed);
        }
    };
    thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}
