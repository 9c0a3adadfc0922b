//! What the simulator finds, and that it finds.

// A test that cannot go on should say so where it stands.
#![allow(clippy::unwrap_used)]

mod bugs;
mod crash_points;
mod scenarios;
mod seeds;

/// Stories allocate all the time: half of their time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
