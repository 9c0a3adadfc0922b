//! Retention: what is forgotten, what is not, and that it is never silent.

use floria::{
    At, Author, Batch, Change, ClassName, EntityKey, LogEntry, LogQuery, Replay, Revision, Store, StoreError,
    Value, VertexId, Watch, retention,
};

use crate::{
    Case, Home,
    build::{batch, class, commit, edge, namespace, put, record, records, shop, vertex, with},
    reads,
    snapshots::at,
};

pub(crate) const CASES: &[Case] = &[
    ("replaced rows and deletions are forgotten", replaced_rows_and_deletions_are_forgotten),
    ("old records are forgotten, but for streams that are kept", old_records_are_forgotten),
    ("forgetting is recorded with its author", forgetting_is_recorded),
    ("what was recorded of forgetting is never forgotten", records_of_forgetting_stay),
    ("revisions before what is kept are refused", revisions_before_are_refused),
    ("revisions that are kept are what they were", revisions_that_are_kept_are_what_they_were),
    ("the log before what is kept is refused", the_log_before_is_refused),
    ("a watch before what is kept is refused", a_watch_before_is_refused),
    ("an open snapshot stays when its revision is forgotten", an_open_snapshot_stays),
    ("the future cannot be forgotten", the_future_cannot_be_forgotten),
    ("what is forgotten can be forgotten again", forgetting_again_is_no_error),
    ("compare-and-set works after all of a namespace was forgotten", compare_and_set_after_forgetting),
    ("ids, sequences and revisions go on after forgetting", numbers_go_on),
    ("forgetting survives a restart", forgetting_survives_a_restart),
    ("what goes is what the rule says", what_goes_is_what_the_rule_says),
];

fn gone(id: u64) -> Change {
    Change::delete(VertexId(id))
}

fn version(id: u64, number: i64) -> Change {
    put(with(vertex(id, None, &format!("n{id}")), "x", number))
}

fn forget(store: &dyn Store, revision: u64, keep: &[&str]) -> u64 {
    let keep: Vec<_> = keep.iter().map(|stream| (*stream).to_owned()).collect();
    store.forget_before(Revision(revision), &keep, None).unwrap().rows
}

/// Six revisions: vertex 1 changes in each, 2 comes and goes, 3 comes late, and two streams are written to.
fn lived(store: &dyn Store) {
    for number in 1..=6 {
        let mut changes = vec![version(1, number)];
        match number {
            1 => changes.push(version(2, 0)),
            3 => changes.extend([gone(2), Change::put(class("Node"))]),
            4 => changes.extend([version(3, 0), Change::put(edge(9, 3, "uses", 1))]),
            _ => {}
        }
        let records = vec![record("run/1", number), record("run/2", number)];
        store.commit(&Batch { changes, records, ..Batch::default() }).unwrap();
    }
}

fn sequences(store: &dyn Store) -> Vec<u64> {
    reads::log(store).iter().map(|row| row.sequence).collect()
}

fn replaced_rows_and_deletions_are_forgotten(home: &Home) {
    let store = home();
    commit(&store, [version(1, 1), version(2, 1), version(3, 1)]);
    commit(&store, [version(1, 2), gone(2)]);
    commit(&store, [version(1, 3), version(3, 3), version(3, 4)]);
    commit(&store, [version(1, 4)]);
    // Of 1 stays what is there at revision 3, and what came later; of 2 nothing; of 3 its last.
    assert_eq!(forget(&store, 3, &[]), 6);
    assert_eq!(sequences(&store), [6, 8, 9, 10]);
    assert_eq!(forget(&store, 4, &[]), 1);
    assert_eq!(sequences(&store), [8, 9, 10, 11]);
    assert_eq!(shop(&store).vertexes().len(), 2);
}

fn old_records_are_forgotten(home: &Home) {
    let store = home();
    for number in 1..=4 {
        store.commit(&records([record("run/1", number), record("run/2", number)])).unwrap();
    }
    assert_eq!(forget(&store, 3, &["run/2"]), 2);
    let of = |stream: &str| {
        let rows = store.log(&LogQuery { stream: Some(stream.to_owned()), ..LogQuery::default() }).unwrap();
        rows.iter().map(|row| row.revision.0).collect::<Vec<_>>()
    };
    assert_eq!((of("run/1"), of("run/2")), (vec![3, 4], vec![1, 2, 3, 4]));
    assert_eq!(forget(&store, 4, &["run/3"]), 4);
    assert_eq!((of("run/1"), of("run/2"), of("store")), (vec![4], vec![4], vec![5, 6]));
}

fn forgetting_is_recorded(home: &Home) {
    let store = home();
    lived(&store);
    let author = Author { name: "ann".to_owned(), stream: None };
    let done = store.forget_before(Revision(4), &["run/1".to_owned()], Some(author.clone())).unwrap();
    assert_eq!((done.revision, store.revision().unwrap()), (Revision(7), Revision(7)));
    let row = reads::log(&store).pop().unwrap();
    assert_eq!((row.revision, row.author), (Revision(7), Some(author)));
    assert_eq!(row.entry, LogEntry::Record(retention::record(Revision(4), done.rows, &["run/1".to_owned()])));
}

fn records_of_forgetting_stay(home: &Home) {
    let store = home();
    lived(&store);
    for revision in [2, 4, 6, 8] {
        forget(&store, revision, &[]);
    }
    let of_store = LogQuery { stream: Some(retention::STORE_STREAM.to_owned()), ..LogQuery::default() };
    let before = store.log(&of_store).unwrap().into_iter().map(|row| match row.entry {
        LogEntry::Record(record) => record.body.get("before").and_then(Value::as_integer),
        LogEntry::Change(_) => None,
    });
    assert_eq!(before.collect::<Vec<_>>(), [2, 4, 6, 8].map(Some));
}

fn revisions_before_are_refused(home: &Home) {
    let store = home();
    lived(&store);
    forget(&store, 4, &[]);
    for revision in 0..4 {
        match store.snapshot(At::Revision(Revision(revision))).map(|_| ()) {
            Err(StoreError::Forgotten { asked, kept_from }) => {
                assert_eq!((asked, kept_from), (Revision(revision), Revision(4)));
            }
            other => panic!("expected revision {revision} to be refused as forgotten, not {other:?}"),
        }
    }
    assert_eq!(store.stats().unwrap().kept_from, Revision(4));
}

fn revisions_that_are_kept_are_what_they_were(home: &Home) {
    let store = home();
    lived(&store);
    let before = reads::log(&store);
    forget(&store, 4, &[]);
    for revision in 4..=6 {
        let replay = Replay::of(&before, Revision(6), At::Revision(Revision(revision))).unwrap();
        reads::assert_same(&*at(&store, revision), &replay, &reads::indexes(&[1, 2, 3]));
        // And what is left of the log comes to the same.
        let left = reads::replayed(&store, Revision(revision));
        assert!(left.entities().eq(replay.entities()));
    }
    let last = before.last().unwrap().time_ms;
    assert!(store.snapshot(At::Time(last)).is_ok());
}

fn the_log_before_is_refused(home: &Home) {
    let store = home();
    lived(&store);
    let before = reads::log(&store);
    forget(&store, 4, &[]);
    let since = |revision: u64| store.log(&LogQuery { since: Revision(revision), ..LogQuery::default() });
    for revision in 1..4 {
        assert!(matches!(since(revision), Err(StoreError::Forgotten { kept_from: Revision(4), .. })));
    }
    let later: Vec<_> = before.into_iter().filter(|row| row.revision > Revision(4)).collect();
    let told = since(4).unwrap();
    assert_eq!(told[..told.len() - 1], later);
    // 0 asks for all there is.
    assert_eq!(since(0).unwrap(), reads::log(&store));
}

fn a_watch_before_is_refused(home: &Home) {
    let store = home();
    lived(&store);
    let mut early = Watch::new(store.clone(), Revision(6), None).unwrap();
    forget(&store, 4, &[]);
    assert!(matches!(Watch::new(store.clone(), Revision(3), None), Err(StoreError::Forgotten { .. })));
    assert!(Watch::new(store.clone(), Revision(4), None).is_ok());
    assert_eq!(early.next(Some(std::time::Duration::ZERO)).unwrap().len(), 1);
}

fn an_open_snapshot_stays(home: &Home) {
    let store = home();
    lived(&store);
    let before = reads::log(&store);
    let snapshot = at(&store, 2);
    assert_eq!(snapshot.revision(), Revision(2));
    // From here on it shows that revision, also to who has not read yet.
    let _ = snapshot.namespaces().unwrap();
    forget(&store, 6, &[]);
    commit(&store, [version(1, 9), gone(3), Change::delete(floria::EdgeId(9))]);
    let replay = Replay::of(&before, Revision(6), At::Revision(Revision(2))).unwrap();
    reads::assert_same(&*snapshot, &replay, &reads::indexes(&[1, 2, 3]));
    drop(snapshot);
    forget(&store, 7, &[]);
    assert_eq!(shop(&store).vertexes().len(), 1);
}

fn the_future_cannot_be_forgotten(home: &Home) {
    let store = home();
    lived(&store);
    let before = reads::log(&store);
    let refused = store.forget_before(Revision(7), &[], None);
    assert!(matches!(refused, Err(StoreError::Future { asked: Revision(7), present: Revision(6) })));
    assert_eq!(reads::log(&store), before);
}

fn forgetting_again_is_no_error(home: &Home) {
    let store = home();
    lived(&store);
    assert_eq!(forget(&store, 0, &[]), 0);
    assert_eq!(store.stats().unwrap().kept_from, Revision(0));
    forget(&store, 4, &[]);
    assert_eq!((forget(&store, 4, &[]), forget(&store, 2, &[])), (0, 0));
    assert_eq!(store.stats().unwrap().kept_from, Revision(4));
    assert_eq!(store.revision().unwrap(), Revision(10));
}

fn compare_and_set_after_forgetting(home: &Home) {
    let store = home();
    commit(&store, [version(1, 1)]);
    commit(&store, [gone(1)]);
    forget(&store, 2, &[]);
    assert_eq!(sequences(&store), [3]);
    assert_eq!(store.namespace_revision(&namespace("shop")).unwrap(), Revision(2));
    let expecting = |revision: u64| Batch {
        expected: vec![(namespace("shop"), Revision(revision))],
        ..batch([version(1, 2)])
    };
    assert!(matches!(store.commit(&expecting(0)), Err(StoreError::Conflict { actual: Revision(2), .. })));
    store.commit(&expecting(2)).unwrap();
}

fn numbers_go_on(home: &Home) {
    let store = home();
    commit(&store, [version(50, 1)]);
    commit(&store, [gone(50)]);
    forget(&store, 2, &[]);
    forget(&store, 3, &[]);
    commit(&store, [version(1, 1)]);
    assert_eq!(sequences(&store), [3, 4, 5]);
    assert_eq!(store.revision().unwrap(), Revision(5));
    assert!(store.allocate(1).unwrap().start > 50);
}

fn forgetting_survives_a_restart(home: &Home) {
    let store = home();
    lived(&store);
    forget(&store, 4, &["run/1"]);
    let before = reads::log(&store);
    drop(store);
    let store = home();
    assert_eq!(reads::log(&store), before);
    assert!(matches!(
        store.snapshot(At::Revision(Revision(3))).map(|_| ()),
        Err(StoreError::Forgotten { kept_from: Revision(4), .. })
    ));
    assert_eq!(store.verify().unwrap(), []);
    commit(&store, [Change::Delete(EntityKey::Class(namespace("shop"), ClassName("Node".to_owned())))]);
    assert_eq!(store.verify().unwrap(), []);
}

fn what_goes_is_what_the_rule_says(home: &Home) {
    let store = home();
    lived(&store);
    for (revision, keep) in [(1, vec![]), (3, vec!["run/1"]), (3, vec![]), (6, vec!["run/2"]), (8, vec![])] {
        let before = reads::log(&store);
        let kept: Vec<_> = keep.iter().map(|stream| (*stream).to_owned()).collect();
        let goes = retention::forgets(&before, Revision(revision), &kept);
        assert_eq!(forget(&store, revision, &keep), goes.len() as u64);
        let left: Vec<_> = before.into_iter().filter(|row| !goes.contains(&row.sequence)).collect();
        let after = reads::log(&store);
        assert_eq!(after[..after.len() - 1], left, "before revision {revision}");
    }
}
