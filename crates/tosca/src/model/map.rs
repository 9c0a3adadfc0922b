//! A map by name that costs nothing while it is empty and little while it is small.

use std::collections::HashMap;
use std::fmt;
use std::ops::Index;

use super::Name;

/// Elements by name, in the order of the document.
///
/// A model has more of these than of anything else: most are empty (8 bytes), nearly all others have a few entries,
/// which are compared one after the other. Only larger ones are hashed, with the standard library's keyed hash, as
/// the names are strangers'.
pub struct Map<T>(Option<Box<Entries<T>>>);

#[derive(Clone)]
struct Entries<T> {
    list: Vec<(Name, T)>,
    /// Positions in the list, once it is longer than [`SMALL`].
    #[expect(clippy::box_collection, reason = "nearly all maps are small, and have none")]
    positions: Option<Box<HashMap<Name, u32>>>,
}

/// Up to this many entries are compared rather than hashed.
const SMALL: usize = 12;

impl<T> Map<T> {
    /// A map without entries.
    pub const fn new() -> Self {
        Self(None)
    }

    /// A map with room for as many entries.
    pub fn with_capacity(capacity: usize) -> Self {
        if capacity == 0 {
            return Self::new();
        }
        Self(Some(Box::new(Entries { list: Vec::with_capacity(capacity), positions: None })))
    }

    fn list(&self) -> &[(Name, T)] {
        self.0.as_ref().map_or(&[], |entries| &entries.list)
    }

    fn list_mut(&mut self) -> &mut [(Name, T)] {
        self.0.as_mut().map_or(&mut [], |entries| &mut entries.list)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// The position of a name.
    pub fn get_index_of(&self, name: &str) -> Option<usize> {
        let entries = self.0.as_ref()?;
        match &entries.positions {
            Some(positions) => positions.get(name).map(|&position| position as usize),
            None => entries.list.iter().position(|(other, _)| other.as_str() == name),
        }
    }

    /// The entry at a position.
    pub fn get_index(&self, position: usize) -> Option<(&Name, &T)> {
        self.list().get(position).map(|(name, value)| (name, value))
    }

    /// The name itself, as it is kept.
    pub fn get_key(&self, name: &str) -> Option<&Name> {
        self.get_index_of(name).map(|position| &self.list()[position].0)
    }

    /// The element of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.get_index_of(name).map(|position| &self.list()[position].1)
    }

    /// The element of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let position = self.get_index_of(name)?;
        Some(&mut self.list_mut()[position].1)
    }

    /// Whether there is an element of a name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get_index_of(name).is_some()
    }

    /// Puts an element in the place of the one with its name, which is returned, or at the end.
    pub fn insert(&mut self, name: Name, value: T) -> Option<T> {
        if let Some(position) = self.get_index_of(&name) {
            return Some(std::mem::replace(&mut self.list_mut()[position].1, value));
        }
        let entries = self.0.get_or_insert_with(|| Box::new(Entries { list: Vec::new(), positions: None }));
        if entries.list.len() == entries.list.capacity() {
            // Small maps are many: no room that is not used.
            let room = if entries.list.len() < SMALL { 1 } else { entries.list.len() };
            entries.list.reserve_exact(room);
        }
        let position = u32::try_from(entries.list.len()).expect("a document below 4 GiB has fewer names");
        if let Some(positions) = &mut entries.positions {
            positions.insert(name.clone(), position);
        }
        entries.list.push((name, value));
        if entries.positions.is_none() && entries.list.len() > SMALL {
            let mut positions = HashMap::with_capacity(entries.list.capacity());
            positions
                .extend(entries.list.iter().zip(0..).map(|((name, _), position)| (name.clone(), position)));
            entries.positions = Some(Box::new(positions));
        }
        None
    }

    /// Keeps the entries for which `keep` holds, in their order.
    pub fn retain(&mut self, mut keep: impl FnMut(&Name, &mut T) -> bool) {
        let old = std::mem::take(self);
        self.extend(
            old.into_iter().filter_map(|(name, mut value)| keep(&name, &mut value).then_some((name, value))),
        );
    }

    /// The entries.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self.list().iter())
    }

    /// The names.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Name> + DoubleEndedIterator + Clone {
        self.list().iter().map(|(name, _)| name)
    }

    /// The elements.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &T> + DoubleEndedIterator + Clone {
        self.list().iter().map(|(_, value)| value)
    }

    /// The elements, to be changed.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut T> {
        self.list_mut().iter_mut().map(|(_, value)| value)
    }

    /// The elements without their names.
    pub fn into_values(self) -> impl ExactSizeIterator<Item = T> {
        self.into_iter().map(|(_, value)| value)
    }
}

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone> Clone for Map<T> {
    fn clone(&self) -> Self {
        if self.is_empty() { Self::new() } else { Self(self.0.clone()) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Map<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Equal when they have the same names with equal elements, in whatever order.
impl<T: PartialEq> PartialEq for Map<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().all(|(name, value)| other.get(name).is_some_and(|other| other == value))
    }
}

impl<T: Eq> Eq for Map<T> {}

impl<T> Extend<(Name, T)> for Map<T> {
    fn extend<I: IntoIterator<Item = (Name, T)>>(&mut self, entries: I) {
        for (name, value) in entries {
            self.insert(name, value);
        }
    }
}

impl<T> FromIterator<(Name, T)> for Map<T> {
    fn from_iter<I: IntoIterator<Item = (Name, T)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut map = Self::with_capacity(entries.size_hint().0);
        map.extend(entries);
        map
    }
}

impl<T, const N: usize> From<[(Name, T); N]> for Map<T> {
    fn from(entries: [(Name, T); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<T> Index<&str> for Map<T> {
    type Output = T;

    fn index(&self, name: &str) -> &T {
        self.get(name).unwrap_or_else(|| panic!("there is no `{name}` in the map"))
    }
}

impl<T> Index<usize> for Map<T> {
    type Output = T;

    fn index(&self, position: usize) -> &T {
        &self.list()[position].1
    }
}

impl<T> IntoIterator for Map<T> {
    type Item = (Name, T);
    type IntoIter = std::vec::IntoIter<(Name, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|entries| entries.list).unwrap_or_default().into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Map<T> {
    type Item = (&'a Name, &'a T);
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// The entries of a [`Map`].
#[derive(Debug)]
pub struct Iter<'a, T>(std::slice::Iter<'a, (Name, T)>);

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (&'a Name, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(name, value)| (name, value))
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_maps_answer_alike() {
        for size in [0, 1, SMALL, SMALL + 1, 100] {
            let mut map: Map<usize> = (0..size).map(|n| (Name::from(format!("n{n}")), n)).collect();
            assert_eq!(map.len(), size);
            assert!(map.keys().map(Name::as_str).eq((0..size).map(|n| format!("n{n}"))));
            for n in 0..size {
                let name = format!("n{n}");
                assert_eq!((map.get(&name), map.get_index_of(&name)), (Some(&n), Some(n)));
                assert_eq!(map.insert(Name::from(name.as_str()), n + 1), Some(n));
                assert_eq!(map.get_index(n), Some((&Name::from(name), &(n + 1))));
            }
            assert_eq!(map.get("n"), None);
            let backwards: Map<usize> = map.clone().into_iter().rev().collect();
            assert_eq!(map, backwards);
            map.retain(|_, n| *n % 2 == 0);
            assert_eq!(map.len(), size / 2);
            assert!(map.iter().all(|(name, n)| map.get(name) == Some(n)));
        }
    }
}
