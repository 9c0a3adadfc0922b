//! Floria's shared store: one schema of a PostgreSQL database, for any number of hosts.
//!
//! [`PostgresStore::connect`] makes or opens the schema; from there on it is a [`floria::Store`]. A commit is one transaction,
//! ordered by a lock on the one row of table `store`, so that revisions rise by one whoever commits; it is on the server's disk
//! when it returns. A commit whose connection breaks is looked for on a new one before it is tried again, so that nothing is
//! lost or done twice. Readers see one revision and never wait for writers.
//!
//! Connections are not encrypted: across a network that is not trusted, use a tunnel. A URL that asks for encryption
//! (`sslmode=require`) is refused.
//!
//! Only this crate knows PostgreSQL.

mod batch;
mod commit;
mod connection;
mod error;
mod forget;
mod history;
mod log;
mod names;
mod parts;
mod schema;
mod session;
mod settings;
mod signal;
mod snapshot;
mod store;
mod verify;
mod view;
mod write;

pub use store::PostgresStore;
