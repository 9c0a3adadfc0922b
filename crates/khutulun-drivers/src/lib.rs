//! The drivers that come with khutulun, each a Wasm component, embedded.
//!
//! The life of a driver: its crate is compiled for wasm32 when this one is built (or, on a machine that cannot, was compiled
//! before and is kept in `prebuilt/`); its bytes stand in [`drivers`]; who runs them checks the digest against a cache of
//! compiled code. Nothing here runs anything.

/// Where a component comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built from the sources together with this crate.
    Built,
    /// Built before, and kept in the repository.
    Prebuilt,
}

/// A built-in driver.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    /// What a template calls it.
    pub name: &'static str,
    /// The component.
    pub bytes: &'static [u8],
    /// SHA-256 of the component in lower-case hexadecimal.
    pub digest: &'static str,
    /// Where it comes from.
    pub origin: Origin,
}

include!(concat!(env!("OUT_DIR"), "/drivers.rs"));

/// Returns all drivers, by name.
pub fn drivers() -> &'static [Driver] {
    DRIVERS
}

/// Returns a driver by its name.
pub fn driver(name: &str) -> Option<&'static Driver> {
    DRIVERS.iter().find(|driver| driver.name == name)
}
