//! Watching: every row once, in order, however it comes.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use floria::{LogRow, Revision, Store, Watch};

use crate::{
    Case, Home,
    build::{commit, namespace, put, record, records, refused, vertex, with},
    reads,
};

pub(crate) const CASES: &[Case] = &[
    ("a watch tells what is there and then what comes", a_watch_tells_what_is_there_and_what_comes),
    ("a watch begins after a revision", a_watch_begins_after_a_revision),
    ("who watches late misses nothing", who_watches_late_misses_nothing),
    ("who watches a namespace hears of it only", a_watch_of_a_namespace),
    ("without news a watch says so", without_news_a_watch_says_so),
    ("a refused batch is no news", a_refused_batch_is_no_news),
    ("a watch waits for a commit", a_watch_waits_for_a_commit),
    ("a watch waits for a commit of another handle", a_watch_waits_for_another_handle),
    ("watches do not take rows from each other", watches_are_apart),
    ("a task that watches is woken", a_task_that_watches_is_woken),
    ("a task that watches is woken by another handle", a_task_is_woken_by_another_handle),
    ("many rows come in pieces without a gap", many_rows_come_in_pieces),
    ("a watch of what several threads commit has no gap", a_watch_of_several_threads_has_no_gap),
];

/// When something has not come by then, it will not: so long that only a broken store takes it.
const NEVER: Option<Duration> = Some(Duration::from_secs(60));

const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

fn watch(store: &Arc<dyn Store>, from: u64) -> Watch<Arc<dyn Store>> {
    Watch::new(store.clone(), Revision(from), None).unwrap()
}

/// Takes as many rows, waiting for each.
fn take(watch: &mut Watch<Arc<dyn Store>>, count: usize) -> Vec<LogRow> {
    let mut rows = Vec::new();
    while rows.len() < count {
        let next = watch.next(NEVER).unwrap();
        assert!(!next.is_empty(), "{} of {count} rows came", rows.len());
        rows.extend(next);
    }
    assert_eq!(rows.len(), count);
    rows
}

fn version(number: i64) -> floria::Change {
    put(with(vertex(1, None, "a"), "x", number))
}

fn a_watch_tells_what_is_there_and_what_comes(home: &Home) {
    let store = home();
    commit(&*store, [version(1)]);
    let mut watch = watch(&store, 0);
    let mut rows = take(&mut watch, 1);
    commit(&*store, [version(2), version(3)]);
    store.commit(&records([record("run/1", 1)])).unwrap();
    rows.extend(take(&mut watch, 3));
    assert_eq!(rows, reads::log(&store));
}

fn a_watch_begins_after_a_revision(home: &Home) {
    let store = home();
    for number in 1..=5 {
        commit(&*store, [version(number), version(-number)]);
    }
    let mut watch = watch(&store, 3);
    assert_eq!(take(&mut watch, 4), reads::log(&store)[6..]);
    // Also after one that is not there yet.
    let mut watch = self::watch(&store, 6);
    commit(&*store, [version(6)]);
    assert_eq!(watch.next(AT_ONCE).unwrap(), []);
    commit(&*store, [version(7)]);
    assert_eq!(take(&mut watch, 1)[0].revision, Revision(7));
}

fn who_watches_late_misses_nothing(home: &Home) {
    let store = home();
    let mut early = watch(&store, 0);
    for number in 0..10 {
        commit(&*store, [version(number)]);
    }
    let mut late = watch(&store, 0);
    for number in 10..20 {
        commit(&*store, [version(number)]);
    }
    let rows = take(&mut late, 20);
    assert_eq!((take(&mut early, 20), reads::log(&store)), (rows.clone(), rows));
}

fn a_watch_of_a_namespace(home: &Home) {
    let store = home();
    let mut watch = Watch::new(store.clone(), Revision(0), Some(namespace("bank"))).unwrap();
    let mut elsewhere = vertex(2, None, "b");
    elsewhere.namespace = namespace("bank");
    let mut about_bank = record("run/1", "note");
    about_bank.namespace = namespace("bank");
    commit(&*store, [version(1)]);
    assert_eq!(watch.next(AT_ONCE).unwrap(), []);
    commit(&*store, [version(2), put(elsewhere)]);
    store.commit(&records([record("run/1", 1), about_bank])).unwrap();
    let sequences: Vec<_> = take(&mut watch, 2).iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, [3, 5]);
}

fn without_news_a_watch_says_so(home: &Home) {
    let store = home();
    let mut watch = watch(&store, 0);
    assert_eq!(watch.next(AT_ONCE).unwrap(), []);
    commit(&*store, [version(1)]);
    take(&mut watch, 1);
    assert_eq!(watch.next(AT_ONCE).unwrap(), []);
    // A commit without rows is none, either.
    commit(&*store, []);
    assert_eq!(watch.next(AT_ONCE).unwrap(), []);
}

fn a_refused_batch_is_no_news(home: &Home) {
    let store = home();
    let mut watch = watch(&store, 0);
    refused(&*store, [version(1), put(vertex(2, Some(9), "b"))]);
    assert_eq!(watch.next(AT_ONCE).unwrap(), []);
    commit(&*store, [version(2)]);
    assert_eq!(take(&mut watch, 1)[0].sequence, 1);
}

/// One thread waits for what the other commits on `writing`, one at a time: so it does wait.
fn waits(reading: &Arc<dyn Store>, writing: &Arc<dyn Store>) {
    let mut watch = watch(reading, 0);
    let (heard, hears) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            for number in 1..=20 {
                let row = take(&mut watch, 1).remove(0);
                assert_eq!(row.sequence, number);
                heard.send(number).unwrap();
            }
        });
        for number in 1..=20 {
            commit(&**writing, [version(number)]);
            assert_eq!(hears.recv().unwrap(), number as u64);
        }
    });
}

fn a_watch_waits_for_a_commit(home: &Home) {
    let store = home();
    waits(&store, &store);
}

fn a_watch_waits_for_another_handle(home: &Home) {
    waits(&home(), &home());
}

fn watches_are_apart(home: &Home) {
    let (one, other) = (home(), home());
    let mut watches = [watch(&one, 0), watch(&one, 0), watch(&other, 0)];
    for number in 0..5 {
        commit(&*one, [version(number)]);
        commit(&*other, [version(-number)]);
        for watch in &mut watches {
            take(watch, 2);
        }
    }
}

/// Counts how often it was woken.
#[derive(Default)]
struct Woken {
    count: AtomicUsize,
    lock: Mutex<()>,
    told: Condvar,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        let _lock = self.lock.lock().unwrap();
        self.count.fetch_add(1, Ordering::SeqCst);
        self.told.notify_all();
    }
}

impl Woken {
    fn wait(&self, count: usize) {
        let waits = |(): &mut ()| self.count.load(Ordering::SeqCst) < count;
        let waited = self.told.wait_timeout_while(self.lock.lock().unwrap(), NEVER.unwrap(), waits);
        assert!(!waited.unwrap().1.timed_out(), "the task was not woken");
    }
}

fn wakes(reading: &Arc<dyn Store>, writing: &Arc<dyn Store>) {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut watch = watch(reading, 0);
    for number in 1..=10_usize {
        let mut context = Context::from_waker(&waker);
        let before = woken.count.load(Ordering::SeqCst);
        assert!(watch.poll_next(&mut context).is_pending());
        // Asking again does not make it be woken twice.
        assert!(watch.poll_next(&mut context).is_pending());
        commit(&**writing, [version(number as i64)]);
        let rows = loop {
            woken.wait(before + 1);
            // Woken for nothing, it asks again and is woken again.
            if let Poll::Ready(rows) = watch.poll_next(&mut context) {
                break rows.unwrap();
            }
            woken.wait(before + 2);
        };
        assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), [number as u64]);
    }
}

fn a_task_that_watches_is_woken(home: &Home) {
    let store = home();
    wakes(&store, &store);
}

fn a_task_is_woken_by_another_handle(home: &Home) {
    wakes(&home(), &home());
}

fn many_rows_come_in_pieces(home: &Home) {
    let store = home();
    for number in 0..5 {
        store.commit(&records((0..700).map(|place| record("run/1", number * 700 + place)))).unwrap();
    }
    let mut watch = watch(&store, 0);
    let rows = take(&mut watch, 3_500);
    assert!(rows.iter().map(|row| row.sequence).eq(1..=3_500));
    assert_eq!(watch.next(AT_ONCE).unwrap(), []);
}

fn a_watch_of_several_threads_has_no_gap(home: &Home) {
    const THREADS: usize = 4;
    const ROUNDS: usize = 15;
    let stores = [home(), home()];
    let mut watches = [watch(&stores[0], 0), watch(&stores[1], 0)];
    thread::scope(|scope| {
        for number in 0..THREADS {
            let store = &stores[number % 2];
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let row = |place: i64| record(&format!("run/{number}"), round as i64 * 2 + place);
                    store.commit(&records([row(0), row(1)])).unwrap();
                }
            });
        }
        for watch in &mut watches {
            scope.spawn(move || {
                let rows = take(watch, THREADS * ROUNDS * 2);
                let numbers = rows.iter().map(|row| (row.sequence, row.revision.0));
                assert!(numbers.eq((1..=(THREADS * ROUNDS * 2) as u64).map(|n| (n, n.div_ceil(2)))));
            });
        }
    });
}
