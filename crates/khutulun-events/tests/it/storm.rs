//! Many events.

use khutulun_events::{Reader, emit_all};

use crate::support::{emission, functions, store};

#[test]
fn of_a_hundred_thousand_none_is_lost_and_no_page_is_larger_than_asked_for() {
    const EVENTS: usize = 100_000;
    let store = store();
    let names: Vec<String> = (0..EVENTS).map(|index| format!("storm.{index}")).collect();
    for names in names.chunks(1_000) {
        let events: Vec<_> = names.iter().map(|name| emission(name, None, &[])).collect();
        emit_all(&store, &functions(), &events, None).unwrap();
    }
    let (mut reader, mut cursor, mut read) = (Reader::new(), 0, 0);
    loop {
        let page = reader.read(&store, cursor, 100).unwrap();
        assert!(page.events.len() <= 100);
        for event in page.events {
            assert_eq!(event.name, names[read]);
            read += 1;
        }
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    assert_eq!(read, EVENTS);
}
