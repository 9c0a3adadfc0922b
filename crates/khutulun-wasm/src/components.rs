//! Where components come from.

use std::{collections::BTreeMap, fs, sync::Arc};

use floria::Implementation;
use khutulun_api::Machine;
use sha2::{Digest, Sha256};

use crate::{Limits, WasmError};

/// A driver that is part of the program.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// What a template calls it.
    pub name: &'static str,
    /// The component.
    pub bytes: &'static [u8],
    /// SHA-256 of the component in lower-case hexadecimal.
    pub digest: &'static str,
}

/// The drivers that are part of the program.
pub type Drivers = Vec<BuiltIn>;

/// A component, found but not loaded.
pub(crate) struct Found {
    /// What it is called in messages: "driver `process`".
    pub(crate) label: String,
    /// Whether it is a part of the program, and so trusted with what it asks for.
    pub(crate) built_in: bool,
    /// SHA-256 of the component in lower-case hexadecimal.
    pub(crate) digest: String,
    origin: Origin,
}

enum Origin {
    BuiltIn(&'static [u8]),
    Memory(Arc<[u8]>),
    File { path: String },
}

impl Found {
    /// Finds the component that an operation names.
    pub(crate) fn find(
        implementation: &Implementation,
        drivers: &Drivers,
        components: &BTreeMap<String, Arc<[u8]>>,
    ) -> Result<Self, WasmError> {
        match implementation {
            Implementation::Driver(name) => {
                let driver = drivers.iter().find(|driver| driver.name == name).ok_or_else(|| {
                    let known: Vec<_> = drivers.iter().map(|driver| driver.name).collect();
                    WasmError::UnknownDriver { name: name.clone(), known: known.join(", ") }
                })?;
                Ok(Self {
                    label: format!("driver `{name}`"),
                    built_in: true,
                    digest: driver.digest.to_owned(),
                    origin: Origin::BuiltIn(driver.bytes),
                })
            }
            Implementation::Plugin(artifact) => Ok(Self {
                label: format!("plugin `{}`", artifact.path),
                built_in: false,
                digest: artifact.digest.clone(),
                origin: match components.get(&artifact.digest) {
                    Some(bytes) => Origin::Memory(Arc::clone(bytes)),
                    None => Origin::File { path: artifact.path.clone() },
                },
            }),
            Implementation::Script { .. } => Err(WasmError::NotAComponent),
        }
    }

    /// Reads the component, and checks that it is the one that the digest names: compiled code is kept by that digest.
    pub(crate) fn read(
        &self,
        machine: &dyn Machine,
        limits: &Limits,
    ) -> Result<std::borrow::Cow<'static, [u8]>, WasmError> {
        let (bytes, path) = match &self.origin {
            Origin::BuiltIn(bytes) => return Ok((*bytes).into()),
            Origin::Memory(bytes) if bytes.len() > limits.component_bytes_max => {
                return Err(self.too_large(limits));
            }
            Origin::Memory(bytes) => (bytes.to_vec(), &self.label),
            Origin::File { path } => {
                let read = |source| WasmError::Read { path: path.clone(), source };
                let file = machine
                    .artifact(&self.digest)
                    .map_err(|source| WasmError::Find { path: path.clone(), source })?;
                if fs::metadata(&file).map_err(read)?.len() > limits.component_bytes_max as u64 {
                    return Err(self.too_large(limits));
                }
                (fs::read(&file).map_err(read)?, path)
            }
        };
        if digest(&bytes) != self.digest {
            return Err(WasmError::Changed { path: path.clone() });
        }
        Ok(bytes.into())
    }

    fn too_large(&self, limits: &Limits) -> WasmError {
        WasmError::TooLarge { component: self.label.clone(), limit: limits.component_bytes_max }
    }
}

/// Returns the SHA-256 of content in lower-case hexadecimal.
pub(crate) fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
