//! Leases: who may work on a service. Pure; the engine does what is said here.
//!
//! A lease is one vertex in the namespace `.leases/<service>` ([`khutulun_api::names::LEASES`]). Each commit of a run expects
//! that namespace to be where the run left it, so that whoever takes the lease over fences the other off in the store itself,
//! whatever the clocks say. The epoch only grows, also when a lease is let go; operations carry it.

use floria::{
    At, Change, Graph, Handlers, Metadata, Namespace, Properties, Revision, Store, StoreError, Value, Vertex,
    VertexId,
};
use khutulun_api::names;

use crate::{
    error::EngineError,
    values::{number, unsigned},
};

/// The longest time that a lease is had for without being renewed, in milliseconds.
pub const LEASE_MS_MAX: u64 = 300_000;

/// The name of the vertex, and the keys of what it holds.
const LEASE: &str = "lease";
const EPOCH: &str = "epoch";
const HOLDER: &str = "holder";

/// A program at work: which process of which machine, for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The machine's name.
    pub host: String,
    /// The id of the machine's boot: processes of another one are gone.
    pub boot: String,
    /// The process.
    pub pid: u32,
    /// When the process started, in clock ticks since boot: a pid alone is reused.
    pub start_ticks: u64,
    /// The person, and the host, as in `alice@h1`.
    pub author: String,
    /// What it does, such as `deploy`.
    pub verb: String,
}

/// Knows what other programs did here, and which are still there.
pub trait Presence: Send + Sync {
    /// Returns whether this program has certainly ended. In doubt it has not: then its lease has to expire.
    fn is_gone(&self, owner: &Owner) -> bool;

    /// Returns the highest epoch of a service's lease that effects were done under: the next one is higher, also when the store
    /// was lost or put back from a copy meanwhile.
    fn epoch_seen(&self, _service: &Namespace) -> u64 {
        0
    }
}

/// Knows nothing.
impl Presence for () {
    fn is_gone(&self, _owner: &Owner) -> bool {
        false
    }
}

impl<F: Fn(&Owner) -> bool + Send + Sync> Presence for F {
    fn is_gone(&self, owner: &Owner) -> bool {
        self(owner)
    }
}

/// That somebody has a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub owner: Owner,
    /// Since when, in milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: u64,
    /// From when on anybody may take it, if it is not renewed before.
    pub expires_ms: u64,
}

/// The lease on a service, as it is stored, or as it is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The service.
    pub service: Namespace,
    /// Counts how often it was taken. Of two epochs, the higher one is the later.
    pub epoch: u64,
    /// Who has it. None: nobody.
    pub holder: Option<Holder>,
    /// The vertex that stores it.
    pub vertex: VertexId,
    /// The revision of its namespace; 0 before it is first stored.
    pub revision: Revision,
}

impl Lease {
    /// Makes the lease of a service that nobody has had yet, with an id that the store gave.
    pub fn new(service: Namespace, vertex: VertexId) -> Self {
        Self { service, epoch: 0, holder: None, vertex, revision: Revision(0) }
    }

    /// Returns the namespace that the lease of a service is in.
    pub fn namespace_of(service: &Namespace) -> Namespace {
        Namespace(format!("{}/{}", names::LEASES, service.0))
    }

    /// Returns the namespace that it is in.
    pub fn namespace(&self) -> Namespace {
        Self::namespace_of(&self.service)
    }

    /// Reads the lease of a service. None: nobody has had it yet.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn read(store: &dyn Store, service: &Namespace) -> Result<Option<Self>, StoreError> {
        let snapshot = store.snapshot(At::Now)?;
        let leases = Self::namespace_of(service);
        Ok(Self::stored(service, &snapshot.graph(&leases)?, snapshot.namespace_revision(&leases)?))
    }

    /// Reads the lease of a service from the instances of [`Self::namespace_of`], as of a revision of that namespace. None:
    /// nobody has had it yet.
    pub fn stored(service: &Namespace, graph: &Graph, revision: Revision) -> Option<Self> {
        let vertex = graph.named(None, LEASE)?;
        let epoch = vertex.metadata.get(EPOCH).and_then(as_number).unwrap_or_default();
        let holder = vertex.metadata.get(HOLDER).map(Holder::of);
        Some(Self { service: service.clone(), epoch, holder, vertex: vertex.id, revision })
    }

    /// Returns who has it, unless it has expired or they are certainly gone.
    pub fn held(&self, now_ms: u64, presence: &dyn Presence) -> Option<&Holder> {
        // What expires later than any lease can was written by a clock that has been set back since.
        let is_had = |holder: &&Holder| {
            (1..=2 * LEASE_MS_MAX).contains(&holder.expires_ms.saturating_sub(now_ms))
                && !presence.is_gone(&holder.owner)
        };
        self.holder.as_ref().filter(is_had)
    }

    /// Says who has it, if somebody does.
    ///
    /// # Errors
    ///
    /// [`EngineError::Busy`].
    pub fn refuse(&self, now_ms: u64, presence: &dyn Presence) -> Result<(), EngineError> {
        self.held(now_ms, presence).map_or(Ok(()), |holder| {
            Err(EngineError::Busy { namespace: self.service.clone(), holder: Box::new(holder.clone()) })
        })
    }

    /// Returns the same lease as somebody else has it, under the next epoch. To be stored in the same commit as whatever it is
    /// taken for.
    pub fn taken(&self, owner: Owner, now_ms: u64, lease_ms: u64) -> Self {
        let holder = Holder { owner, since_ms: now_ms, expires_ms: expiry(now_ms, lease_ms) };
        Self { epoch: self.epoch + 1, holder: Some(holder), ..self.clone() }
    }

    /// Lets it be had for longer.
    pub(crate) fn renew(&mut self, now_ms: u64, lease_ms: u64) {
        if let Some(holder) = &mut self.holder {
            holder.expires_ms = expiry(now_ms, lease_ms);
        }
    }

    /// Returns the change that stores it.
    pub fn change(&self) -> Change {
        let mut metadata = Metadata::new();
        metadata.insert(EPOCH.to_owned(), number(self.epoch));
        if let Some(holder) = &self.holder {
            metadata.insert(HOLDER.to_owned(), holder.value());
        }
        Change::put(Vertex {
            id: self.vertex,
            namespace: self.namespace(),
            name: LEASE.to_owned(),
            container: None,
            classes: Vec::new(),
            properties: Properties::new(),
            handlers: Handlers::new(),
            metadata,
            origin: None,
        })
    }
}

impl Holder {
    fn value(&self) -> Value {
        let Owner { host, boot, pid, start_ticks, author, verb } = &self.owner;
        let texts = [("host", host), ("boot", boot), ("author", author), ("verb", verb)];
        let numbers = [
            ("pid", u64::from(*pid)),
            ("start-ticks", *start_ticks),
            ("since", self.since_ms),
            ("expires", self.expires_ms),
        ];
        let texts = texts.map(|(key, text)| (key, Value::from(text.as_str())));
        Value::map(texts.into_iter().chain(numbers.map(|(key, value)| (key, number(value)))))
    }

    /// What is not there is taken to be nothing: then nobody is certainly gone, and it expires at once.
    fn of(value: &Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_text).unwrap_or_default().to_owned();
        let number = |key: &str| unsigned(value, key).unwrap_or_default();
        let owner = Owner {
            host: text("host"),
            boot: text("boot"),
            pid: u32::try_from(number("pid")).unwrap_or_default(),
            start_ticks: number("start-ticks"),
            author: text("author"),
            verb: text("verb"),
        };
        Self { owner, since_ms: number("since"), expires_ms: number("expires") }
    }
}

fn expiry(now_ms: u64, lease_ms: u64) -> u64 {
    now_ms.saturating_add(lease_ms.min(LEASE_MS_MAX))
}

fn as_number(value: &Value) -> Option<u64> {
    value.as_integer().and_then(|number| u64::try_from(number).ok())
}
