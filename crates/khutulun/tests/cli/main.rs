//! The command line as its users meet it: the real binary, each test with a state directory of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod agent;
mod approvals;
mod changes;
mod chaos;
mod crash;
mod deploy;
mod design;
mod events;
mod examples;
mod failures;
mod functions;
mod grammar;
mod graph;
mod graphs;
mod hostile;
mod interruption;
mod leases;
mod lockfile;
mod operate;
mod operational;
mod others;
mod packages;
mod plugins;
mod policies;
mod profiles;
mod protection;
mod reality;
mod relationships;
mod revisions;
mod sandbox;
mod saved_plans;
mod scale;
mod simulate;
mod store;
mod substituted_lifecycles;
mod substitutions;
mod tutorial;
mod unsupervised;
mod unwind;
mod validate;
mod workflow_outputs;
mod workflows;
