//! The engine's core in a world that fails on purpose.
//!
//! A [`World`] has the real store semantics ([`floria::MemoryStore`]), the real planner and the real
//! [`khutulun_engine::Run`]; hosts, drivers, processes, clocks and everything on its way between them are simulated. Nothing
//! here reads a clock, a file or chance: a seed decides what comes next, and the same seed gives the same story.
//!
//! [`Story`] is one such story, made from a seed; [`Scenario`] is one that somebody wrote down. Both check the promises
//! after every step ([`Violation`]). What was met is counted ([`Coverage`]). `docs/simulation.md` says how to read and write them.

mod bug;
mod calm;
mod chance;
mod coverage;
mod explore;
mod fate;
mod generated;
mod host;
mod hosting;
mod laws;
mod ledger;
mod own;
mod planning;
mod process;
mod scenario;
mod scene;
mod shell;
mod shrink;
pub mod sketch;
mod story;
mod task;
mod world;

pub use bug::Bug;
pub use chance::Chance;
pub use coverage::{Coverage, Met};
pub use explore::{Explored, explore};
pub use fate::{ByChance, Delivery, Fate, Memories, Point, Rates, StoreFate, mixed_memories};
pub use generated::Sketched;
pub use host::{Behaviour, Ending, Host, Memory, Thing};
pub use laws::{Violation, promise};
pub use own::{Finding, findings, own_story};
pub use planning::Subject;
pub use scenario::{Scenario, ScenarioError};
pub use scene::{Event, Misbehaviour, Moment, Rules, Scene, failing};
pub use shrink::shrink;
pub use story::{Story, Told};
pub use task::{Ended, Task};
pub use world::World;
