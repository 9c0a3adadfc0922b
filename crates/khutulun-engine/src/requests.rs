//! Asking whoever is at work on a run to stop it, through the store.

use std::{future::poll_fn, time::Duration};

use floria::{LogEntry, LogQuery, Namespace, Record, Store, Value};
use khutulun_api::RunId;

use crate::{
    cancel::Cancel,
    engine::Engine,
    values::{number, unsigned},
};

const CANCEL: &str = "cancel";

/// The rest after each look, so that the commits of a busy store are looked at together.
const PAUSE: Duration = Duration::from_millis(50);

/// What is asked of a run has a stream of its own, so that looking costs nothing while nobody asks.
fn stream_of(run: RunId) -> String {
    format!("requests/{run}")
}

/// Makes the record that asks whoever works on a run under this epoch to stop it.
pub(crate) fn cancel(namespace: &Namespace, run: RunId, epoch: u64) -> Record {
    Record {
        stream: stream_of(run),
        namespace: namespace.clone(),
        kind: CANCEL.to_owned(),
        body: Value::map([("epoch", number(epoch))]),
    }
}

/// Cancels when somebody has asked for it in the store: it is woken by commits, and looks at nothing else.
pub(crate) async fn watch(engine: Engine, run: RunId, epoch: u64, cancel: Cancel) {
    let Ok(signal) = engine.on_store(|store| store.signal()).await else { return };
    loop {
        let seen = signal.count();
        if engine.on_store(move |store| is_asked(store, run, epoch)).await {
            return cancel.cancel();
        }
        poll_fn(|context| signal.poll(seen, context)).await;
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_asked(store: &dyn Store, run: RunId, epoch: u64) -> bool {
    let query = LogQuery { stream: Some(stream_of(run)), ..LogQuery::default() };
    let rows = store.log(&query).unwrap_or_default();
    rows.iter().any(|row| {
        matches!(&row.entry, LogEntry::Record(record)
            if record.kind == CANCEL && unsigned(&record.body, "epoch") == Some(epoch))
    })
}
