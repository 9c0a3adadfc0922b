//! Wasm components behind the engine's door: drivers and plugins, each call in a fresh sandbox.
//!
//! The life of an operation: [`WasmExecutor`] finds the component (built in, or an artifact of the service by its digest) and
//! its compiled code (in memory, in a private cache folder, or compiled now); it makes a fresh instance whose only imports are
//! those of `wit/khutulun-plugin`; the instance may do what its [`Manifest`] asks for and the operator's [`GrantPolicy`]
//! allows, within [`Limits`]; each request that it makes is checked, bounded in time and done by a
//! [`Machine`](khutulun_api::Machine); what it was denied and what it logs goes to [`Reports`]. However the instance ends, it
//! is gone afterwards, and the host is as it was.
//!
//! A component of the world `function-library` computes functions ([`WasmExecutor::call_function`]): values from values, without
//! any request, manifest or grant.
//!
//! The engine starts with the first operation: who runs none pays nothing. Nothing here knows a graph, a plan or a store, and
//! nothing outside of this crate knows wasmtime.

mod bindings;
mod cache;
mod call;
mod components;
mod engine;
mod error;
mod executor;
mod flat;
mod functions;
mod grant;
mod hooks;
mod host;
mod limits;
mod manifest;
mod paths;
mod report;
mod ticker;

pub use components::{BuiltIn, Drivers};
pub use error::WasmError;
pub use executor::WasmExecutor;
pub use flat::{VALUE_CONTENT_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_NODES_MAX};
pub use grant::{Access, CommandGrant, Grant, GrantPolicy, PathGrant};
pub use hooks::WasmHooks;
pub use limits::Limits;
pub use manifest::Manifest;
pub use report::{LogLevel, NoReports, Report, Reports};
