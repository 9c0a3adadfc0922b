//! Floria's embedded store: one SQLite file, shared by any number of processes on one machine.
//!
//! [`SqliteStore::open`] makes or opens the file; from there on it is a [`floria::Store`]. A commit is one transaction of one
//! file in WAL mode with full synchronisation: it is on the disk when it returns, or it never was. Readers see one revision
//! and never wait for writers. The log has each body once, as CBOR; small rows say what is there, and what it is found by.
//! Forgetting frees pages for what comes later, and does not make the file smaller: a copy ([`SqliteStore::back_up_to`]) is. A
//! snapshot that is kept open keeps the log beside the file from being taken up again.
//!
//! Only this crate knows SQL.

mod backup;
mod columns;
mod commit;
mod digests;
mod error;
mod forget;
mod listen;
mod log;
mod migrations;
mod names;
mod partial;
mod past;
mod queries;
mod readers;
mod schema;
mod snapshot;
mod store;
mod verify;
mod version_2;
mod view;
mod writer;

pub use backup::InPlaceOf;
pub use store::SqliteStore;
