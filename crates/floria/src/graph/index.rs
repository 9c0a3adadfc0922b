//! The indexes of a graph: sorted sets of the entities themselves, so that each costs a pointer.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::BTreeSet,
    ops::Bound::{Included, Unbounded},
    sync::Arc,
};

use crate::{Edge, Vertex};

/// What an index is sorted by: a container or an end, a name (None comes before all), a place among those of one name, an id.
pub(super) type Place<'a> = (Option<u64>, Option<&'a str>, u32, u64);

/// Something that has a place in an index: an entity that is in it, or what is looked for.
pub(super) trait Placed {
    fn place(&self) -> Place<'_>;
}

impl Placed for Place<'_> {
    fn place(&self) -> Place<'_> {
        *self
    }
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

macro_rules! sorted_by_place {
    ($([$($generics:tt)*] $type:ty;)*) => {
        $(
            impl $($generics)* PartialEq for $type {
                fn eq(&self, other: &Self) -> bool {
                    self.place() == other.place()
                }
            }

            impl $($generics)* Eq for $type {}

            impl $($generics)* PartialOrd for $type {
                fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                    Some(self.cmp(other))
                }
            }

            impl $($generics)* Ord for $type {
                fn cmp(&self, other: &Self) -> Ordering {
                    self.place().cmp(&other.place())
                }
            }
        )*
    };
}

sorted_by_place! {
    [] ByName;
    [] BySource;
    [] ByTarget;
    [<'a>] dyn Placed + 'a;
}

macro_rules! found_by_place {
    ($($type:ty),*) => {
        $(
            impl<'a> Borrow<dyn Placed + 'a> for $type {
                fn borrow(&self) -> &(dyn Placed + 'a) {
                    self
                }
            }
        )*
    };
}

found_by_place!(ByName, BySource, ByTarget);

/// Returns what is in an index from a place on.
pub(super) fn from<'s, T>(
    index: &'s BTreeSet<T>,
    place: Place<'_>,
) -> impl Iterator<Item = &'s T> + use<'s, T>
where
    T: Ord + for<'a> Borrow<dyn Placed + 'a>,
{
    index.range::<dyn Placed + '_, _>((Included(&place as &dyn Placed), Unbounded))
}
