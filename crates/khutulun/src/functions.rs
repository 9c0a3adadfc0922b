//! Functions that designs define: scripts on this machine, and components in the sandbox.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use floria::{Artifact, Implementation, Value};
use khutulun_api::{Machine, NoMachine};
use khutulun_host::{FunctionFile, FunctionScripts, LocalMachine, StateDirectory};
use khutulun_wasm::WasmExecutor;
use tokio::runtime::{Handle, RuntimeFlavor};
use tosca_functions::{DesignFunctions, FunctionRunner};

use crate::{error::chain, executors};

/// How long a call of a component may take where its signature does not say, in milliseconds. It has nothing to wait for but its turn
/// on a busy machine: what bounds it is how long it may compute.
const COMPONENT_TIMEOUT_MS: u64 = 60_000;

/// The functions of one command: TOSCA's own and those of designs.
pub(crate) type SessionFunctions = DesignFunctions<Runner>;

/// Returns the functions of a command. Nothing is begun before one is called.
pub(crate) fn functions(state: &Path) -> SessionFunctions {
    DesignFunctions::new(Runner { state: state.to_owned(), own: Mutex::default() })
}

/// Runs what implements functions.
///
/// Files are those that the command brought (a design's, which is perhaps not deployed yet) or else those that the state
/// directory keeps of what was deployed. Nothing is written there, but for compiled code where there is a state directory.
pub(crate) struct Runner {
    state: PathBuf,
    own: Mutex<Own>,
}

#[derive(Default)]
struct Own {
    /// Files by digest.
    brought: BTreeMap<String, FunctionFile>,
    components: Option<Arc<WasmExecutor>>,
}

impl Runner {
    /// Brings the files of a design's functions, by digest.
    pub(crate) fn bring(&self, files: impl IntoIterator<Item = (String, FunctionFile)>) {
        let mut own = self.own();
        own.brought.extend(files);
        own.components = None;
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state directory, if there is one.
    fn kept(&self) -> Result<Option<StateDirectory>, String> {
        match self.state.exists() {
            true => StateDirectory::open(&self.state).map(Some).map_err(|error| chain(&error)),
            false => Ok(None),
        }
    }

    fn file(&self, artifact: &Artifact) -> Result<FunctionFile, String> {
        if let Some(file) = self.own().brought.get(&artifact.digest) {
            return Ok(file.clone());
        }
        let not_there = |why: String| format!("`{}` was not found: {why}", artifact.path);
        let state = self.kept()?.ok_or_else(|| not_there("there is no state directory".to_owned()))?;
        let content = state.load_artifact(&artifact.digest).map_err(|error| not_there(chain(&error)))?;
        let path = state.artifact(&artifact.digest).map_err(|error| not_there(chain(&error)))?;
        let executable = fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o100 != 0);
        Ok(FunctionFile { content, executable })
    }

    fn components(&self) -> Result<Arc<WasmExecutor>, String> {
        let mut own = self.own();
        if let Some(components) = &own.components {
            return Ok(Arc::clone(components));
        }
        let state = self.kept()?;
        let machine: Arc<dyn Machine> = match &state {
            Some(state) => {
                let supervisor = executors::supervisor().map_err(|error| error.why.clone())?;
                Arc::new(LocalMachine::with_systemd(state.clone(), supervisor, None))
            }
            None => Arc::new(NoMachine),
        };
        let brought = own.brought.iter().map(|(digest, file)| (digest.clone(), file.content.clone()));
        let mut components = WasmExecutor::new(machine, Vec::new()).with_components(brought);
        // Without it, the code is compiled once more.
        if let Some(cache) = state.and_then(|state| state.cache().ok()) {
            components = components.with_cache(cache.join("components"));
        }
        Ok(Arc::clone(own.components.insert(Arc::new(components))))
    }
}

impl FunctionRunner for Runner {
    fn run(
        &self,
        implementation: &Implementation,
        name: &str,
        arguments: &[Value],
        timeout_ms: Option<u64>,
    ) -> Result<Value, String> {
        let run = || match implementation {
            Implementation::Script { artifact, dependencies } => {
                let input = to_json(arguments)?;
                let find = |artifact: &Artifact| self.file(artifact);
                let output = FunctionScripts.run(artifact, dependencies, name, &input, timeout_ms, &find)?;
                from_json(&output).map_err(|why| format!("script `{}` {why}", artifact.path))
            }
            Implementation::Plugin(component) => {
                let timeout_ms = timeout_ms.unwrap_or(COMPONENT_TIMEOUT_MS);
                self.components()?.call_function(component, name, arguments, timeout_ms)
            }
            Implementation::Driver(driver) => Err(format!("the driver `{driver}` computes no functions")),
        };
        // On a thread that drives operations, the other operations go on elsewhere meanwhile.
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(run),
            _ => run(),
        }
    }
}

/// Arguments as a script reads them: an array of JSON.
fn to_json(arguments: &[Value]) -> Result<Vec<u8>, String> {
    let arguments = arguments.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
    serde_json::to_vec(&arguments).map_err(|error| format!("the arguments are not JSON: {error}"))
}

/// A value of which all has a form in JSON: octets are their Base64. Scalars, timestamps and versions are written as their text.
fn plain(value: &Value) -> Result<Value, String> {
    match value {
        Value::Float(number) if !number.is_finite() => {
            Err(format!("the arguments are not JSON: it has no {number}"))
        }
        Value::Bytes(bytes) => Ok(BASE64_STANDARD.encode(bytes).into()),
        Value::List(items) => items.iter().map(plain).collect::<Result<_, _>>().map(Value::List),
        Value::Map(entries) => {
            let entry = |(key, value): (&Value, &Value)| Ok((plain(key)?, plain(value)?));
            entries.iter().map(entry).collect::<Result<_, String>>().map(Value::Map)
        }
        other => Ok(other.clone()),
    }
}

/// The result that a script wrote.
fn from_json(output: &[u8]) -> Result<Value, String> {
    if output.trim_ascii().is_empty() {
        return Err("wrote no result: it is JSON on standard output".to_owned());
    }
    serde_json::from_slice(output).map_err(|error| format!("wrote a result that is not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use floria::Custom;

    use super::*;

    #[test]
    fn arguments_are_json_with_texts_for_what_json_lacks() {
        let scalar = Custom { type_name: "t".to_owned(), order: 1.into(), text: "1 GB".to_owned() };
        let map = [(Value::Integer(1), Value::from(scalar)), ("b".into(), Value::Bytes(vec![0, 255]))];
        let arguments = [Value::Null, 1.into(), 1.0.into(), Value::Map(map.into())];
        let json = to_json(&arguments).map(|json| String::from_utf8(json).expect("JSON is UTF-8"));
        assert_eq!(json, Ok(r#"[null,1,1.0,{"1":"1 GB","b":"AP8="}]"#.to_owned()));
        let error = to_json(&[f64::NAN.into()]).unwrap_err();
        assert_eq!(error, "the arguments are not JSON: it has no NaN");
    }

    #[test]
    fn what_is_no_result_is_refused() {
        let value = Value::map([("a", Value::List(vec![1.into(), 2.5.into()]))]);
        assert_eq!(
            from_json(
                b" {\"a\": [1, 2.5]}
"
            ),
            Ok(value)
        );
        assert_eq!(from_json(b" \n").unwrap_err(), "wrote no result: it is JSON on standard output");
        let error = from_json(b"1 2").unwrap_err();
        assert!(error.starts_with("wrote a result that is not JSON: "), "{error}");
    }
}
