//! What happened, as events: read from the store's log, in order and without gaps.

mod event;

pub use event::Event;
