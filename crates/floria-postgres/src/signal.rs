//! Hearing of commits, whoever makes them.

use std::{
    future::poll_fn,
    sync::{Arc, Weak},
    time::Duration,
};

use floria::Signal;
use tokio::sync::mpsc;
use tokio_postgres::NoTls;

use crate::settings::Settings;

/// The pauses between attempts to reach a server that is away; they double, from the first to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
const PAUSE_LAST: Duration = Duration::from_secs(1);

/// Listens on a connection of its own and tells of each commit, for as long as the signal is there.
///
/// A notification only wakes: what is new is in the log. What was committed while there was no connection is told of when
/// there is one again.
pub(crate) async fn listen(settings: Settings, signal: Weak<Signal>) {
    let mut pause = PAUSE_FIRST;
    while signal.strong_count() > 0 {
        if listen_once(&settings, &signal).await {
            pause = PAUSE_FIRST;
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(PAUSE_LAST);
    }
}

/// Listens until the connection ends, and returns whether there was one.
async fn listen_once(settings: &Settings, signal: &Weak<Signal>) -> bool {
    let tell = || signal.upgrade().map(|signal: Arc<Signal>| signal.tell()).is_some();
    let Ok((client, mut connection)) = settings.config.connect(NoTls).await else { return false };
    let (sender, mut heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(_)) = poll_fn(|context| connection.poll_message(context)).await {
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    // The channel has the name of the schema.
    if client.batch_execute(&format!("LISTEN {}", settings.quoted_schema())).await.is_err() {
        return false;
    }
    // From here on nothing is missed, and whatever was before is read by whoever is told now.
    if !tell() {
        return false;
    }
    while heard.recv().await.is_some() {
        if !tell() {
            return false;
        }
    }
    true
}
