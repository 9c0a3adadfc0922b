//! What is in a store of a service.

use floria::{At, Graph, Namespace, Revision, Store, StoreError};

use crate::lease::Lease;

/// What is in a store of a service, all as of one revision.
#[derive(Clone, Debug)]
pub struct Present {
    /// The instances.
    pub graph: Graph,
    /// The revision of the service's namespace.
    pub revision: Revision,
    /// The lease, as it is stored. None: nobody has ever had it.
    pub lease: Option<Lease>,
}

impl Present {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn read(store: &dyn Store, service: &Namespace) -> Result<Self, StoreError> {
        let snapshot = store.snapshot(At::Now)?;
        let leases = Lease::namespace_of(service);
        let lease = Lease::stored(service, &snapshot.graph(&leases)?, snapshot.namespace_revision(&leases)?);
        Ok(Self { graph: snapshot.graph(service)?, revision: snapshot.namespace_revision(service)?, lease })
    }
}
