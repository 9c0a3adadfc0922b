//! Following while others write.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

use khutulun_events::{Follow, emit};

use crate::support::{emission, functions, store};

#[test]
fn each_event_comes_once_also_to_one_who_begins_again() {
    const EVENTS: usize = 2_000;
    let store = Arc::new(store());
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                for index in 0..EVENTS / 4 {
                    emit(&*store, &functions(), &emission(&format!("e.{writer}.{index}"), None, &[]))
                        .unwrap();
                }
            })
        })
        .collect();
    let (mut names, mut cursor) = (Vec::new(), 0);
    while names.len() < EVENTS {
        // A new one each time: all that is kept is the cursor of the last event.
        let mut follow = Follow::new(Arc::clone(&store), cursor).unwrap();
        for event in follow.next(None).unwrap().into_iter().take(37) {
            assert!(event.cursor > cursor);
            cursor = event.cursor;
            names.push(event.name);
        }
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    for writer in 0..4 {
        let own: Vec<_> = names.iter().filter(|name| name.starts_with(&format!("e.{writer}."))).collect();
        let expected: Vec<_> = (0..EVENTS / 4).map(|index| format!("e.{writer}.{index}")).collect();
        assert!(own.into_iter().eq(&expected), "writer {writer}");
    }
}

#[test]
fn waiting_is_ended_from_elsewhere() {
    let mut follow = Follow::new(Arc::new(store()), 0).unwrap();
    let stop = follow.stopper();
    let waiting = thread::spawn(move || follow.next(None).map(|events| events.len()));
    stop.stop();
    assert_eq!(waiting.join().unwrap().unwrap(), 0);
}

#[test]
fn a_task_is_woken_by_a_commit() {
    let store = Arc::new(store());
    let mut follow = Follow::new(Arc::clone(&store), 0).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(follow.poll_next(&mut context).is_pending());
    let cursor = emit(&*store, &functions(), &emission("x", None, &[])).unwrap();
    let Poll::Ready(Ok(events)) = follow.poll_next(&mut context) else { panic!("there is one") };
    assert_eq!(events.iter().map(|event| event.cursor).collect::<Vec<_>>(), [cursor]);
    assert_eq!(follow.cursor(), cursor);
    assert!(follow.poll_next(&mut context).is_pending());
}
