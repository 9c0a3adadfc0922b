//! The store in SQLite passes the suite that every store passes.

use std::sync::Arc;

use floria::Store;
use floria_conformance::Group;
use floria_sqlite::SqliteStore;

/// What the store does not do yet is in the other groups: plugins, authors, indexes of its own, watching other processes,
/// retention.
const GROUPS: [Group; 6] =
    [Group::Commits, Group::Laws, Group::Log, Group::Content, Group::Deletion, Group::Concurrency];

#[test]
fn the_store_in_sqlite_conforms() {
    floria_conformance::run_groups(&GROUPS, &|| {
        let folder = tempfile::tempdir().unwrap();
        Box::new(move || {
            let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("floria.db")).unwrap());
            store
        })
    });
}
