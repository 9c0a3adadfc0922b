//! Plugins behind the executor's door, well-behaved and hostile. The plugin is `tests/guests/hostile`, prebuilt; a test of
//! `khutulun-drivers` holds it against its sources.

#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is the failure")]
mod functions;
mod grants;
mod hooks;
mod hostile;
mod loading;
mod support;
