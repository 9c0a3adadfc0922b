//! The drivers, as they are embedded.

#[allow(dead_code, unreachable_pub, reason = "shared with the build script, which uses other parts of it")]
#[path = "../../build/guests.rs"]
mod guests;

mod prebuilt;
