//! The indexes of a graph: sorted sets of the entities themselves, so that each costs a pointer.

use std::sync::Arc;

use super::leaves::{Items, Leaves};
use crate::{Edge, Vertex};

/// What an index is sorted by: a container or an end, a name (None comes before all), a place among those of one name, an id.
pub(super) type Place<'a> = (Option<u64>, Option<&'a str>, u32, u64);

/// Something that has a place in an index.
pub(super) trait Placed: Clone {
    fn place(&self) -> Place<'_>;
}

/// By container and name.
#[derive(Clone, Debug)]
pub(super) struct ByName(pub(super) Arc<Vertex>);

/// By where they start, name and index.
#[derive(Clone, Debug)]
pub(super) struct BySource(pub(super) Arc<Edge>);

/// By where they end, name and index.
#[derive(Clone, Debug)]
pub(super) struct ByTarget(pub(super) Arc<Edge>);

impl Placed for ByName {
    fn place(&self) -> Place<'_> {
        (self.0.container.map(|id| id.0), Some(&self.0.name), 0, self.0.id.0)
    }
}

impl Placed for BySource {
    fn place(&self) -> Place<'_> {
        (Some(self.0.source.0), Some(&self.0.name), self.0.index, self.0.id.0)
    }
}

impl Placed for ByTarget {
    fn place(&self) -> Place<'_> {
        (Some(self.0.target.0), Some(&self.0.name), self.0.index, self.0.id.0)
    }
}

/// An index.
#[derive(Clone, Debug)]
pub(super) struct Index<T>(Leaves<T>);

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self(Leaves::default())
    }
}

impl<T: Placed> Index<T> {
    pub(super) fn insert(&mut self, item: T) {
        let wanted = item.clone();
        self.0.insert(item, |own| own.place().cmp(&wanted.place()));
    }

    pub(super) fn remove(&mut self, item: &T) {
        self.0.remove(|own| own.place().cmp(&item.place()));
    }

    /// Returns what is in it from a place on.
    pub(super) fn from(&self, place: Place<'_>) -> Items<'_, T> {
        self.0.from(|own| own.place().cmp(&place))
    }
}
