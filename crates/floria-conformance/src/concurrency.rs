//! Several threads, and several open stores, at once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use floria::{At, Batch, Revision, Store, StoreError, Value, VertexId};

use crate::{
    Case, Home,
    build::{batch, commit, namespace, put, record, records, shop, vertex, whole_log, with},
};

pub(crate) const CASES: &[Case] = &[
    ("commits of several threads are all kept", commits_of_several_threads_are_all_kept),
    ("compare-and-set loses no update", compare_and_set_loses_no_update),
    ("a refused commit harms no other at its time", a_refused_commit_harms_no_other),
    ("ids of several threads are apart", ids_of_several_threads_are_apart),
    ("a reader sees whole batches only", a_reader_sees_whole_batches_only),
    ("of those who expect one revision exactly one wins", exactly_one_wins),
    ("who lost needs nothing else to try again", who_lost_can_try_again),
    ("several threads read the past while others write", the_past_is_read_while_others_write),
];

const THREADS: u64 = 4;
const ROUNDS: u64 = 20;

/// Two open stores of one home, so that threads share some and not others.
fn two(home: &Home) -> [Arc<dyn Store>; 2] {
    [home(), home()]
}

fn commits_of_several_threads_are_all_kept(home: &Home) {
    let stores = two(home);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let store = &stores[number as usize % 2];
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    store.commit(&records([record(&format!("run/{number}"), round as i64)])).unwrap();
                }
            });
        }
    });
    let rows = whole_log(&stores[0]);
    assert_eq!(stores[0].revision().unwrap(), Revision(THREADS * ROUNDS));
    let numbers: Vec<_> = rows.iter().map(|row| (row.sequence, row.revision.0)).collect();
    assert_eq!(numbers, (1..=THREADS * ROUNDS).map(|number| (number, number)).collect::<Vec<_>>());
}

fn compare_and_set_loses_no_update(home: &Home) {
    let stores = two(home);
    commit(&stores[0], [put(with(vertex(1, None, "shop"), "count", 0))]);
    let increment = |store: &dyn Store| {
        // Bounded: of those who conflict, one always succeeds.
        for _ in 0..10 * THREADS * ROUNDS {
            // The revision first: if the graph is newer, the commit fails and nothing is lost.
            let expected = store.namespace_revision(&namespace("shop")).unwrap();
            let graph = shop(store);
            let mut vertex = graph.vertex(VertexId(1)).unwrap().clone();
            let count = vertex.properties["count"].value.as_ref().and_then(Value::as_integer).unwrap();
            vertex = with(vertex, "count", count + 1);
            let batch = Batch {
                expected: vec![(namespace("shop"), expected)],
                changes: vec![put(vertex)],
                ..Batch::default()
            };
            match store.commit(&batch) {
                Ok(_) => return,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("never got a turn");
    };
    thread::scope(|scope| {
        for number in 0..THREADS {
            let store = &stores[number as usize % 2];
            scope.spawn(move || (0..ROUNDS).for_each(|_| increment(store)));
        }
    });
    let graph = shop(&stores[1]);
    let count = &graph.vertex(VertexId(1)).unwrap().properties["count"];
    assert_eq!(count.value, Some(Value::Integer((THREADS * ROUNDS) as i64)));
}

fn a_refused_commit_harms_no_other(home: &Home) {
    let stores = two(home);
    commit(&stores[0], [put(vertex(1, None, "shop"))]);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let store = &stores[number as usize % 2];
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let id = 2 + number * ROUNDS + round;
                    let name = format!("n{id}");
                    commit(store, [put(vertex(id, Some(1), &name))]);
                    let twice =
                        batch([put(vertex(1000 + id, Some(1), "x")), put(vertex(2000 + id, Some(1), &name))]);
                    assert!(matches!(store.commit(&twice), Err(StoreError::Invalid(_))));
                }
            });
        }
    });
    assert_eq!(shop(&stores[1]).vertexes().len() as u64, 1 + THREADS * ROUNDS);
    let rows = whole_log(&stores[1]);
    let numbers: Vec<_> = rows.iter().map(|row| (row.sequence, row.revision.0)).collect();
    assert_eq!(numbers, (1..=1 + THREADS * ROUNDS).map(|number| (number, number)).collect::<Vec<_>>());
}

fn ids_of_several_threads_are_apart(home: &Home) {
    let stores = two(home);
    let taken: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let store = &stores[number as usize % 2];
                let take = move || (0..ROUNDS).flat_map(|_| store.allocate(3).unwrap()).collect::<Vec<_>>();
                scope.spawn(take)
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(taken.len() as u64, THREADS * ROUNDS * 3);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len());
}

fn a_reader_sees_whole_batches_only(home: &Home) {
    let stores = two(home);
    let pair = |number: i64| [1, 2].map(|id| put(with(vertex(id, None, &format!("n{id}")), "x", number)));
    commit(&stores[0], pair(0));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = stores
            .iter()
            .map(|store| {
                let done = &done;
                scope.spawn(move || {
                    let mut reads = 0;
                    while !done.load(Ordering::Acquire) || reads == 0 {
                        let graph = shop(store);
                        let seen =
                            [1, 2].map(|id| graph.vertex(VertexId(id)).unwrap().properties["x"].clone());
                        assert_eq!(seen[0], seen[1]);
                        reads += 1;
                    }
                })
            })
            .collect();
        for number in 1..=ROUNDS as i64 {
            commit(&stores[0], pair(number));
        }
        done.store(true, Ordering::Release);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

/// A batch that expects namespace `shop` to be at a revision, and puts a vertex in.
fn expecting(revision: Revision, id: u64) -> Batch {
    let changes = vec![put(with(vertex(id, None, &format!("n{id}")), "x", id as i64))];
    Batch { expected: vec![(namespace("shop"), revision)], changes, ..Batch::default() }
}

fn exactly_one_wins(home: &Home) {
    let stores = two(home);
    for round in 0..10 {
        let revision = Revision(round);
        let results: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    let store = &stores[number as usize % 2];
                    scope.spawn(move || store.commit(&expecting(revision, 1 + round * THREADS + number)))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert_eq!(won, [&Revision(round + 1)]);
        for lost in results.iter().filter_map(|result| result.as_ref().err()) {
            match lost {
                StoreError::Conflict { namespace: which, expected, actual } => {
                    assert_eq!((which, *expected, actual.0), (&namespace("shop"), revision, round + 1));
                }
                other => panic!("expected a conflict, not {other:?}"),
            }
        }
    }
    assert_eq!(shop(&stores[0]).vertexes().len(), 10);
    assert_eq!(whole_log(&stores[1]).len(), 10);
}

fn who_lost_can_try_again(home: &Home) {
    let stores = two(home);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let store = &stores[number as usize % 2];
            scope.spawn(move || {
                let mut expected = Revision(0);
                for round in 0..ROUNDS {
                    // Each time it loses, somebody else has won: so it loses no more often than all others win.
                    for turn in 0.. {
                        assert!(turn < THREADS * ROUNDS, "never got a turn");
                        match store.commit(&expecting(expected, 1 + number * ROUNDS + round)) {
                            Ok(revision) => {
                                expected = revision;
                                break;
                            }
                            Err(StoreError::Conflict { actual, .. }) => expected = actual,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(shop(&stores[1]).vertexes().len() as u64, THREADS * ROUNDS);
    assert_eq!(stores[0].revision().unwrap(), Revision(THREADS * ROUNDS));
}

fn the_past_is_read_while_others_write(home: &Home) {
    let stores = two(home);
    let version = |number: u64| put(with(vertex(1, None, "a"), "x", number as i64));
    commit(&stores[0], [version(1)]);
    thread::scope(|scope| {
        for store in &stores {
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let present = store.revision().unwrap();
                    for revision in [1, present.0.div_ceil(2), present.0].map(Revision) {
                        let snapshot = store.snapshot(At::Revision(revision)).unwrap();
                        let graph = snapshot.graph(&namespace("shop")).unwrap();
                        let value = graph.vertex(VertexId(1)).unwrap().properties["x"].value.clone();
                        assert_eq!(value, Some(Value::Integer(revision.0 as i64)));
                    }
                }
            });
        }
        for number in 2..=2 * ROUNDS {
            commit(&stores[0], [version(number)]);
        }
    });
}
