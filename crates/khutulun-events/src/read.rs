//! Reading events, page by page.

use std::collections::BTreeSet;

use floria::{At, LogQuery, LogRow, Namespace, Revision, Store, StoreError};

use crate::{
    error::EventError,
    event::{Event, Gap},
    translate::Translator,
};

/// How many rows of the log are in memory at once: enough that asking costs little beside reading, few enough for any row.
const ROWS_MAX: usize = 500;

/// Some events, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The events.
    pub events: Vec<Event>,
    /// Where to go on: all rows up to this one were looked at.
    pub cursor: u64,
    /// Whether there were more rows when this was read.
    pub more: bool,
}

/// Reads events of a store. It remembers what is needed again and again (which operations a run has, which state a node was in), so
/// one that is kept is faster than a new one; what it reads is the same.
#[derive(Default)]
pub struct Reader {
    translator: Translator,
    /// Where the last page ended.
    cursor: Option<u64>,
}

impl Reader {
    /// Makes one that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads at most so many events after a cursor (one more where rows before the last were forgotten); 0 is the beginning of the
    /// log. Memory is bounded by `events_max`, not by the log.
    ///
    /// # Errors
    ///
    /// [`EventError::Future`] for a cursor that the log has not reached, and [`EventError::Store`]. Nothing is lost: the same call
    /// reads the same.
    pub fn read(&mut self, store: &dyn Store, since: u64, events_max: usize) -> Result<Page, EventError> {
        if self.cursor != Some(since) {
            self.translator.forget_states();
            check(store, since)?;
        }
        self.cursor = None;
        let mut page = Page { cursor: since, more: true, ..Page::default() };
        while page.more && page.events.len() < events_max {
            let query = LogQuery { after: page.cursor, limit: Some(ROWS_MAX), ..LogQuery::default() };
            let rows = log(store, &query)?;
            page.more = rows.len() == ROWS_MAX;
            self.take(store, &rows, events_max, &mut page)?;
        }
        self.cursor = Some(page.cursor);
        Ok(page)
    }

    /// Returns the services whose triggers may be others since this was last asked, by the rows that were read.
    pub(crate) fn changed_policies(&mut self) -> BTreeSet<Namespace> {
        self.translator.changed_policies()
    }

    fn take(
        &mut self,
        store: &dyn Store,
        rows: &[LogRow],
        events_max: usize,
        page: &mut Page,
    ) -> Result<(), EventError> {
        // What was forgotten in several places with no event between is told once.
        let mut gap: Option<Gap> = None;
        for row in rows {
            if page.events.len() >= events_max {
                page.more = true;
                return Ok(());
            }
            if row.sequence > page.cursor + 1 {
                let from = gap.map_or(page.cursor + 1, |gap| gap.from);
                gap = Some(Gap { from, to: row.sequence - 1 });
            }
            if let Some(event) = self.translator.event(store, row)? {
                page.events.extend(gap.take().map(|gap| Event::of_gap(gap, row.time_ms)));
                page.events.push(event);
            }
            page.cursor = row.sequence;
        }
        let last = rows.last().map_or(0, |row| row.time_ms);
        page.events.extend(gap.map(|gap| Event::of_gap(gap, last)));
        Ok(())
    }
}

/// Refuses a cursor that the log has not reached.
fn check(store: &dyn Store, since: u64) -> Result<(), EventError> {
    let Some(before) = since.checked_sub(1) else { return Ok(()) };
    let next = LogQuery { after: before, limit: Some(1), ..LogQuery::default() };
    if !log(store, &next)?.is_empty() {
        return Ok(());
    }
    Err(EventError::Future { cursor: since, end: end(store)? })
}

/// Returns the number of the last row up to a revision.
fn end_at(store: &dyn Store, revision: Revision) -> Result<u64, EventError> {
    let after = LogQuery { since: revision, limit: Some(1), ..LogQuery::default() };
    match store.log(&after) {
        Ok(rows) => match rows.first() {
            Some(row) => Ok(row.sequence - 1),
            None => end(store),
        },
        Err(StoreError::Forgotten { .. }) => Ok(0),
        Err(source) => Err(EventError::store("read the log")(source)),
    }
}

/// Returns the number of the last row of the log; 0 where there is none.
///
/// # Errors
///
/// When the store cannot be read.
pub fn end(store: &dyn Store) -> Result<u64, EventError> {
    let has_more = |after: u64| -> Result<bool, EventError> {
        let query = LogQuery { after, limit: Some(1), ..LogQuery::default() };
        Ok(!log(store, &query)?.is_empty())
    };
    if !has_more(0)? {
        return Ok(0);
    }
    // There is more after `low`, and nothing after `high`.
    let (mut low, mut high) = (0, 1);
    while has_more(high)? {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if has_more(middle)? { low = middle } else { high = middle }
    }
    Ok(high)
}

/// Returns the cursor after which events are that were recorded after a time, in milliseconds since 1970-01-01T00:00:00Z.
///
/// # Errors
///
/// When the store cannot be read.
pub fn since_time(store: &dyn Store, time_ms: u64) -> Result<u64, EventError> {
    let revision = match store.snapshot(At::Time(time_ms)) {
        Ok(snapshot) => snapshot.revision(),
        // All that is kept is later.
        Err(StoreError::Forgotten { .. }) => return Ok(0),
        Err(source) => return Err(EventError::store("look for a time")(source)),
    };
    end_at(store, revision)
}

/// Reads at most so many events after a cursor: as a new [`Reader`] does.
///
/// # Errors
///
/// As [`Reader::read`].
pub fn read(store: &dyn Store, since: u64, events_max: usize) -> Result<Page, EventError> {
    Reader::new().read(store, since, events_max)
}

pub(crate) fn log(store: &dyn Store, query: &LogQuery) -> Result<Vec<LogRow>, EventError> {
    store.log(query).map_err(EventError::store("read the log"))
}
