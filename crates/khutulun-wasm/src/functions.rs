//! Functions that are components.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use floria::{Artifact, Implementation, Value};

use crate::{
    NoReports, WasmExecutor,
    call::{self, MESSAGE_BYTES_MAX},
    error::sentence,
    flat::{self, Special},
    host::State,
    report::clean,
};

impl WasmExecutor {
    /// Calls a function of a component of the world `function-library`, on the calling thread, in an instance of its own. The
    /// component can ask for nothing; of the limits, those of memory and computing hold. Scalars, timestamps and versions
    /// cross whole.
    ///
    /// # Errors
    /// A sentence: what the function says of its arguments; how it was stopped; why there is no such component.
    pub fn call_function(
        &self,
        component: &Artifact,
        name: &str,
        arguments: &[Value],
        timeout_ms: u64,
    ) -> Result<Value, String> {
        let inner = &self.inner;
        let implementation = Implementation::Plugin(component.clone());
        let runtime = inner.runtime().map_err(|error| sentence(&error))?;
        let library = inner
            .find(&implementation)
            .and_then(|found| runtime.library(&found, &inner.machine, &inner.limits));
        let library = library.map_err(|error| sentence(&error))?;
        let arguments = flat::pack(&Value::List(arguments.to_vec()), Special::Whole)
            .map_err(|reason| format!("the arguments are too much for {}: {reason}", library.label))?;
        // Compiling it was not the function's doing.
        let deadline = Instant::now() + Duration::from_millis(timeout_ms);
        let (machine, limits) = (Arc::clone(&inner.machine), Arc::clone(&inner.limits));
        let state = State::new(machine, limits, Arc::new(NoReports), None, Vec::new(), deadline);
        let mut store = call::store(&runtime, state);
        let answer = {
            let _ticking = runtime.ticker().tick();
            library.pre.instantiate(&mut store).and_then(|instance| {
                instance.khutulun_plugin_functions().call_call(&mut store, name, &arguments)
            })
        };
        match answer {
            Ok(Ok(value)) => flat::unpack(&value)
                .map_err(|reason| format!("{} answered a malformed value: {reason}", library.label)),
            Ok(Err(message)) => Err(clean(&message, MESSAGE_BYTES_MAX)),
            Err(error) => Err(format!("{} {}", library.label, call::ending(&error))),
        }
    }
}
