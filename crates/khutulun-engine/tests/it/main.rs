//! What runs do: the scheduler by transcripts, the engine in a simulated world that can crash anywhere.

// A test that cannot go on should say so where it stands.
#![allow(clippy::unwrap_used)]

mod answers;
mod branches;
mod crash_points;
mod laws;
mod leases;
mod looks;
mod machine;
mod notifications;
mod reality;
mod replay;
mod scenarios;
mod scheduler_transcripts;
#[path = "../../../khutulun-plan/tests/it/sketch.rs"]
mod sketch;
mod world;
