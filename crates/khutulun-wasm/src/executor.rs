//! The executor: finds the component, loads it, calls it on a thread of its own.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use floria::Implementation;
use khutulun_api::{BoxFuture, Executor, Failure, FailureClass, Machine, Operation, Outcome, Recovery};
use tokio::{runtime::Handle, sync::Semaphore, task, time};

use crate::{
    Drivers, GrantPolicy, Limits, Manifest, NoReports, Reports, WasmError,
    call::{self, Around},
    components::Found,
    engine::{Loaded, Runtime},
    error::sentence,
};

/// How long after its time a call may still be in a request that it made, before nobody waits any more. A machine bounds
/// its requests by the time that is left, except where it ends a process, which has its own grace.
const GRACE: Duration = Duration::from_secs(15);

/// Does operations whose implementation is a Wasm component: a driver or a plugin.
///
/// Cheap to make: the engine starts with the first operation. [`Executor::execute`] calls components on tokio's blocking
/// threads, so it wants a tokio runtime with its time enabled; without one, the call blocks.
pub struct WasmExecutor {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) machine: Arc<dyn Machine>,
    drivers: Drivers,
    components: BTreeMap<String, Arc<[u8]>>,
    cache: Option<PathBuf>,
    policy: GrantPolicy,
    pub(crate) limits: Arc<Limits>,
    pub(crate) reports: Arc<dyn Reports>,
    runtime: Mutex<Option<Arc<Runtime>>>,
    permits: Arc<Semaphore>,
}

impl WasmExecutor {
    /// Makes an executor that does what drivers and plugins ask for on a machine. Plugins are granted nothing, compiled code
    /// is not kept, and nobody hears reports; the other methods change that.
    pub fn new(machine: Arc<dyn Machine>, drivers: Drivers) -> Self {
        let limits = Limits::default();
        Self {
            inner: Arc::new(Inner {
                machine,
                drivers,
                components: BTreeMap::new(),
                cache: None,
                policy: GrantPolicy::new(),
                permits: Arc::new(Semaphore::new(limits.calls_max)),
                limits: Arc::new(limits),
                reports: Arc::new(NoReports),
                runtime: Mutex::default(),
            }),
        }
    }

    /// Keeps compiled code in a folder, which is made when needed and must be nobody else's.
    pub fn with_cache(self, folder: impl Into<PathBuf>) -> Self {
        self.change(|inner| inner.cache = Some(folder.into()))
    }

    /// Has the components of plugins at hand, by digest, so that the machine is not asked for them.
    pub fn with_components(self, components: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let components = components.into_iter().map(|(digest, bytes)| (digest, bytes.into())).collect();
        self.change(|inner| inner.components = components)
    }

    /// Sets what plugins are allowed.
    pub fn with_policy(self, policy: GrantPolicy) -> Self {
        self.change(|inner| inner.policy = policy)
    }

    /// Sets how much a call may use.
    pub fn with_limits(self, limits: Limits) -> Self {
        self.change(|inner| {
            inner.permits = Arc::new(Semaphore::new(limits.calls_max));
            inner.limits = Arc::new(limits);
        })
    }

    /// Sets who hears what plugins log and what they are denied.
    pub fn with_reports(self, reports: Arc<dyn Reports>) -> Self {
        self.change(|inner| inner.reports = reports)
    }

    fn change(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::into_inner(self.inner).expect("nothing runs while the executor is being made");
        change(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// Does an operation on the calling thread.
    pub fn execute_here(&self, operation: &Operation) -> Outcome {
        self.inner.execute(&Arc::new(operation.clone()))
    }

    /// Returns what a component says of itself, on the calling thread.
    pub fn manifest(&self, implementation: &Implementation) -> Result<Manifest, WasmError> {
        Ok(self.inner.load(implementation)?.manifest.clone())
    }
}

impl Inner {
    pub(crate) fn runtime(&self) -> Result<Arc<Runtime>, WasmError> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            return Ok(Arc::clone(runtime));
        }
        let started = Arc::new(Runtime::start(&self.limits, self.cache.as_deref())?);
        *runtime = Some(Arc::clone(&started));
        Ok(started)
    }

    pub(crate) fn find(&self, implementation: &Implementation) -> Result<Found, WasmError> {
        Found::find(implementation, &self.drivers, &self.components)
    }

    pub(crate) fn load(&self, implementation: &Implementation) -> Result<Arc<Loaded>, WasmError> {
        let found = self.find(implementation)?;
        self.runtime()?.load(&found, &self.machine, &self.limits)
    }

    fn execute(&self, operation: &Arc<Operation>) -> Outcome {
        let deadline = Instant::now() + Duration::from_millis(operation.timeout_ms);
        let started = self.runtime().and_then(|runtime| Ok((runtime, self.load(&operation.implementation)?)));
        let (runtime, loaded) = match started {
            Ok(started) => started,
            Err(error) => return Outcome::Failed(Failure::permanent(sentence(&error))),
        };
        let mut grants = vec![Arc::clone(&loaded.asks)];
        if !loaded.built_in {
            grants.push(Arc::new(self.policy.allowed(&loaded.digest, &loaded.manifest.name)));
        }
        let around = Around {
            machine: self.machine.bound_to(operation).unwrap_or_else(|| Arc::clone(&self.machine)),
            limits: Arc::clone(&self.limits),
            reports: Arc::clone(&self.reports),
            grants,
            deadline,
        };
        let mut operation = Operation::clone(operation);
        operation.put_paths(|artifact| {
            self.machine.artifact(&artifact.digest).ok()?.into_os_string().into_string().ok()
        });
        call::invoke(&runtime, &loaded, &Arc::new(operation), around)
    }

    fn recover(&self, operation: &Operation) -> Recovery {
        match &operation.implementation {
            // Their operations find what an earlier try with the same id left.
            Implementation::Driver(_) => Recovery::Repeatable,
            Implementation::Plugin(artifact) => match self.load(&operation.implementation) {
                Ok(loaded) if loaded.manifest.repeatable => Recovery::Repeatable,
                Ok(_) => Recovery::Unknown(format!(
                    "plugin `{}` may have done `{}` on `{}`, and does not promise that doing it again does no harm",
                    artifact.path, operation.event, operation.subject.node
                )),
                Err(error) => Recovery::Unknown(format!(
                    "plugin `{}` may have done `{}` on `{}`, and it cannot be asked: {}",
                    artifact.path,
                    operation.event,
                    operation.subject.node,
                    sentence(&error)
                )),
            },
            Implementation::Script { .. } => Recovery::Unknown("a script is not a component".to_owned()),
        }
    }
}

impl Executor for WasmExecutor {
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let (inner, operation) = (Arc::clone(&self.inner), Arc::new(operation.clone()));
            if Handle::try_current().is_err() {
                return inner.execute(&operation);
            }
            // The semaphore is never closed, so this always gets a permit; without one the pool refuses the call.
            let permit = Arc::clone(&inner.permits).acquire_owned().await;
            let limit = Duration::from_millis(operation.timeout_ms).saturating_add(GRACE);
            let event = operation.event.clone();
            let work = task::spawn_blocking(move || {
                let _permit = permit;
                inner.execute(&operation)
            });
            let failure = match time::timeout(limit, work).await {
                Ok(Ok(outcome)) => return outcome,
                Ok(Err(error)) if error.is_panic() => Failure {
                    class: FailureClass::UnknownOutcome,
                    message: format!(
                        "khutulun failed while it did `{event}`, which is a mistake in khutulun"
                    ),
                    detail: panic_message(error),
                },
                Ok(Err(_)) => Failure {
                    class: FailureClass::UnknownOutcome,
                    message: format!("khutulun ended while it did `{event}`"),
                    detail: String::new(),
                },
                Err(_) => Failure {
                    class: FailureClass::UnknownOutcome,
                    message: format!(
                        "`{event}` is still at a request that it made of the machine, long after its time"
                    ),
                    detail: String::new(),
                },
            };
            Outcome::Failed(failure)
        })
    }

    fn recover<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        Box::pin(async move {
            let (inner, operation) = (Arc::clone(&self.inner), operation.clone());
            if Handle::try_current().is_err() {
                return inner.recover(&operation);
            }
            let answer = task::spawn_blocking(move || inner.recover(&operation)).await;
            answer.unwrap_or_else(|_| Recovery::Unknown("khutulun failed while it asked".to_owned()))
        })
    }
}

fn panic_message(error: task::JoinError) -> String {
    match error.into_panic().downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast::<&str>().map(|message| (*message).to_owned()).unwrap_or_default(),
    }
}
