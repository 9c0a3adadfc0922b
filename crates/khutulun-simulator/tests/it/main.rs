//! What the simulator finds, and that it finds.

// A test that cannot go on should say so where it stands.
#![allow(clippy::unwrap_used)]

mod bugs;
mod crash_points;
mod scenarios;
mod seeds;
