//! The Wasm engine, its linker and the components that it has loaded.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use khutulun_api::Machine;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    component::{Component, HasSelf, Linker},
};

use crate::{
    Grant, Limits, Manifest, WasmError,
    bindings::{Plugin, PluginPre, library::FunctionLibraryPre},
    cache::Cache,
    call,
    components::Found,
    host::State,
    ticker::Ticker,
};

/// How many components stay loaded. A service has a handful; beyond this all are dropped, and loaded again when used.
const LOADED_MAX: usize = 256;

/// How many core instances a component may have. Those of one module have three: its own, and two small ones that
/// wit-component adds; those of interpreted languages a dozen.
pub(crate) const CORE_INSTANCES_MAX: u32 = 16;

/// How many tables a component may have.
pub(crate) const TABLES_MAX: u32 = 8;

/// How many memories a component may have; all of them together are limited in size.
pub(crate) const MEMORIES_MAX: u32 = 4;

/// How many bytes of an instance's memory stay resident for the next one, which then pays no page faults.
const RESIDENT_BYTES: usize = 256 << 10;

/// A component that is ready to be called.
pub(crate) struct Loaded {
    pub(crate) label: String,
    pub(crate) built_in: bool,
    pub(crate) digest: String,
    pub(crate) pre: PluginPre<State>,
    pub(crate) manifest: Manifest,
    /// What the manifest asks for, shared with the calls.
    pub(crate) asks: Arc<Grant>,
}

/// A component of functions that is ready to be called.
pub(crate) struct Library {
    pub(crate) label: String,
    pub(crate) pre: FunctionLibraryPre<State>,
}

/// The engine and what it has loaded.
pub(crate) struct Runtime {
    engine: Engine,
    linker: Linker<State>,
    /// Has nothing, for nothing can come into a function but its arguments.
    empty: Linker<State>,
    ticker: Ticker,
    cache: Option<Cache>,
    loaded: Mutex<HashMap<String, Arc<OnceLock<Arc<Loaded>>>>>,
    libraries: Mutex<HashMap<String, Arc<Library>>>,
}

impl Runtime {
    /// Starts the engine.
    pub(crate) fn start(limits: &Limits, cache: Option<&Path>) -> Result<Self, WasmError> {
        let failed = |error: wasmtime::Error| WasmError::Engine { reason: format!("{error:#}") };
        // The pool reserves address space for all its slots at once. Where that is limited (`ulimit -v`, some containers),
        // memory is mapped call by call: slower, and otherwise the same.
        let engine = Engine::new(&pooling(limits)).or_else(|_| Engine::new(&on_demand())).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        Plugin::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).map_err(failed)?;
        let empty = Linker::new(&engine);
        let ticker =
            Ticker::start(&engine).map_err(|error| WasmError::Engine { reason: error.to_string() })?;
        let cache = cache.map(Cache::open).transpose()?;
        Ok(Self {
            engine,
            linker,
            empty,
            ticker,
            cache,
            loaded: Mutex::default(),
            libraries: Mutex::default(),
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    /// Returns a component, loading it first if needed. Two that want the same at once load it once, as a rule.
    pub(crate) fn load(
        &self,
        found: &Found,
        machine: &Arc<dyn Machine>,
        limits: &Arc<Limits>,
    ) -> Result<Arc<Loaded>, WasmError> {
        let slot = {
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            if loaded.len() >= LOADED_MAX && !loaded.contains_key(&found.digest) {
                loaded.clear();
            }
            Arc::clone(loaded.entry(found.digest.clone()).or_default())
        };
        if let Some(loaded) = slot.get() {
            return Ok(Arc::clone(loaded));
        }
        let loaded = Arc::new(self.prepare(found, machine, limits)?);
        Ok(Arc::clone(slot.get_or_init(|| loaded)))
    }

    /// Returns a component of functions, loading it first if needed.
    pub(crate) fn library(
        &self,
        found: &Found,
        machine: &Arc<dyn Machine>,
        limits: &Limits,
    ) -> Result<Arc<Library>, WasmError> {
        let libraries = || self.libraries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = libraries().get(&found.digest) {
            return Ok(Arc::clone(library));
        }
        let component = self.component(found, machine, limits)?;
        let pre = self.empty.instantiate_pre(&component).and_then(FunctionLibraryPre::new);
        let pre = pre.map_err(|error| WasmError::Load {
            component: found.label.clone(),
            reason: format!("it is not a component of functions that imports nothing: {error:#}"),
        })?;
        let library = Arc::new(Library { label: found.label.clone(), pre });
        let mut libraries = libraries();
        if libraries.len() >= LOADED_MAX {
            libraries.clear();
        }
        libraries.insert(found.digest.clone(), Arc::clone(&library));
        Ok(library)
    }

    fn prepare(
        &self,
        found: &Found,
        machine: &Arc<dyn Machine>,
        limits: &Arc<Limits>,
    ) -> Result<Loaded, WasmError> {
        let component = self.component(found, machine, limits)?;
        let pre = self.linker.instantiate_pre(&component).and_then(PluginPre::new);
        let pre = pre.map_err(|error| not_loaded(found, &error))?;
        let manifest = call::manifest(self, &pre, machine, limits).and_then(|json| Manifest::read(&json));
        let manifest =
            manifest.map_err(|reason| WasmError::Manifest { component: found.label.clone(), reason })?;
        Ok(Loaded {
            label: found.label.clone(),
            built_in: found.built_in,
            digest: found.digest.clone(),
            pre,
            asks: Arc::new(manifest.asks.clone()),
            manifest,
        })
    }

    /// Compiles a component, or finds the code that was compiled before.
    fn component(
        &self,
        found: &Found,
        machine: &Arc<dyn Machine>,
        limits: &Limits,
    ) -> Result<Component, WasmError> {
        let bytes = found.read(machine.as_ref(), limits)?;
        let kept = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, &found.digest));
        if let Some(component) = kept {
            return Ok(component);
        }
        let component = Component::new(&self.engine, &bytes).map_err(|error| not_loaded(found, &error))?;
        if let Some(cache) = &self.cache {
            // A full disk makes the next start slower, and no operation fail.
            let _ = cache.keep(&self.engine, &found.digest, &component);
        }
        Ok(component)
    }
}

fn not_loaded(found: &Found, error: &wasmtime::Error) -> WasmError {
    WasmError::Load { component: found.label.clone(), reason: format!("{error:#}") }
}

fn common() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    // Guests are stripped, so a backtrace would be numbers, and the table for it a third of the code.
    config.generate_address_map(false);
    config.wasm_backtrace_max_frames(None);
    config
}

fn pooling(limits: &Limits) -> Config {
    let calls = u32::try_from(limits.calls_max).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(CORE_INSTANCES_MAX))
        .total_memories(calls.saturating_mul(MEMORIES_MAX))
        .total_tables(calls.saturating_mul(TABLES_MAX))
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .table_elements(limits.table_elements_max)
        .max_memory_size(limits.memory_bytes_max)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(64 << 10);
    let mut config = common();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

fn on_demand() -> Config {
    let mut config = common();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    // No more address space than memory: bounds are then checked in code.
    config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(1 << 20);
    config
}
