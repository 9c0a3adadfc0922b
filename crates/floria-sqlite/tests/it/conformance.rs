//! The store in SQLite passes the suite that every store passes.

use std::sync::Arc;

use floria::Store;
use floria_sqlite::SqliteStore;

#[test]
fn the_store_in_sqlite_conforms() {
    floria_conformance::run(&|| {
        let folder = tempfile::tempdir().unwrap();
        Box::new(move || {
            let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("floria.db")).unwrap());
            store
        })
    });
}
