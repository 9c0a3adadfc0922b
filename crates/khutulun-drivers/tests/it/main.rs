//! The drivers, as they are embedded: held against their sources, and run on this machine. And the component of TOSCA's
//! functions: held against the native ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is the failure")]

#[allow(dead_code, unreachable_pub, reason = "shared with the build script, which uses other parts of it")]
#[path = "../../build/guests.rs"]
mod guests;

mod functions;
mod prebuilt;
mod process;
mod support;
