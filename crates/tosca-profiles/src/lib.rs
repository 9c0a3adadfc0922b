//! Serves khutulun's own TOSCA profiles, which are embedded in the program, like any other file.
//!
//! The life of a file: `profiles/<name>/<version>/` in the repository holds a profile, whose root file is `profile.yaml`; the
//! build embeds all of it; [`WithProfiles`] serves it to [`tosca::compile`] when an import says `profile: <name>:<version>`,
//! and asks somebody else's [`tosca::Sources`] for everything else. [`list`] tells people what there is, and
//! [`show`] what is in a profile, of these or of others.

mod catalog;
mod describe;
mod sources;

pub use catalog::{Profile, ProfileFile, find, list, names};
pub use describe::{ProfileDescription, TypeDescription, show};
pub use sources::WithProfiles;
