//! A map by name for the few things that an entity has of each kind.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
    iter::Map,
    ops::{Index, IndexMut},
    slice,
    sync::Arc,
    vec,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
};

/// Values by name, in the order of the names: what properties, handlers and metadata are kept in.
///
/// It behaves as a `BTreeMap<String, V>`, and takes the memory of what it holds, where that has room for eleven values in each
/// map. A graph has several maps a vertex and most hold one to five values, so in a tree they were most of a graph's memory.
/// Inserting in the order of the names is fast for any number; inserting elsewhere moves what comes after.
///
/// Copies share what they hold until one of them is changed: a node whose state changes has its properties in memory once, however
/// many graphs, plans and commits it is in.
pub struct Named<V> {
    /// None: there are none.
    entries: Option<Arc<Vec<(String, V)>>>,
}

/// Up to how many names looking at each is faster than halving.
const LOOKED_THROUGH_MAX: usize = 8;

impl<V> Named<V> {
    /// Makes an empty map. That allocates nothing.
    pub const fn new() -> Self {
        Self { entries: None }
    }

    /// Makes a map of entries in the order of their names.
    fn of(mut entries: Vec<(String, V)>) -> Self {
        if entries.is_empty() {
            return Self::new();
        }
        entries.shrink_to_fit();
        Self { entries: Some(Arc::new(entries)) }
    }

    fn entries(&self) -> &[(String, V)] {
        self.entries.as_ref().map_or(&[], |entries| entries)
    }

    /// Returns how many values there are.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Returns the value of this name.
    pub fn get<Q: AsRef<str> + ?Sized>(&self, name: &Q) -> Option<&V> {
        self.get_key_value(name).map(|(_, value)| value)
    }

    /// Returns the value of this name, with the name as it is kept here.
    pub fn get_key_value<Q: AsRef<str> + ?Sized>(&self, name: &Q) -> Option<(&String, &V)> {
        let (name, entries) = (name.as_ref(), self.entries());
        let (name, value) = if entries.len() <= LOOKED_THROUGH_MAX {
            // Most names differ in their lengths already.
            entries.iter().find(|(other, _)| other == name)?
        } else {
            &entries[self.place(name).ok()?]
        };
        Some((name, value))
    }

    /// Returns whether there is a value of this name.
    pub fn contains_key<Q: AsRef<str> + ?Sized>(&self, name: &Q) -> bool {
        self.get(name).is_some()
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.entries = None;
    }

    /// Returns names and values, in order.
    pub fn iter(&self) -> Iter<'_, V> {
        self.into_iter()
    }

    /// Returns the names, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &String> + DoubleEndedIterator + Clone {
        self.entries().iter().map(|(name, _)| name)
    }

    /// Returns the values, in the order of their names.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> + DoubleEndedIterator + Clone {
        self.entries().iter().map(|(_, value)| value)
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        let entries = self.entries();
        // What is read from a store or made from a template comes in order.
        if entries.last().is_none_or(|(last, _)| last.as_str() < name) {
            return Err(entries.len());
        }
        entries.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
}

/// What changes a map, which from then on shares nothing with its copies.
impl<V: Clone> Named<V> {
    fn entries_mut(&mut self) -> &mut Vec<(String, V)> {
        Arc::make_mut(self.entries.get_or_insert_default())
    }

    /// Returns the value of this name, to change it.
    pub fn get_mut<Q: AsRef<str> + ?Sized>(&mut self, name: &Q) -> Option<&mut V> {
        let place = self.place(name.as_ref()).ok()?;
        Some(&mut self.entries_mut()[place].1)
    }

    /// Puts a value in and returns the one that had its name.
    pub fn insert(&mut self, name: String, value: V) -> Option<V> {
        match self.place(&name) {
            Ok(place) => Some(std::mem::replace(&mut self.entries_mut()[place].1, value)),
            Err(place) => {
                self.entries_mut().insert(place, (name, value));
                None
            }
        }
    }

    /// Takes the value of this name out.
    pub fn remove<Q: AsRef<str> + ?Sized>(&mut self, name: &Q) -> Option<V> {
        let place = self.place(name.as_ref()).ok()?;
        Some(self.entries_mut().remove(place).1)
    }

    /// Returns the place of a name to look at and fill.
    pub fn entry(&mut self, name: String) -> Entry<'_, V> {
        Entry { map: self, name }
    }

    /// Keeps only what the function says.
    pub fn retain(&mut self, mut keep: impl FnMut(&String, &mut V) -> bool) {
        if !self.is_empty() {
            self.entries_mut().retain_mut(|(name, value)| keep(name, value));
        }
    }

    /// Returns names and values to change, in order.
    pub fn iter_mut(&mut self) -> IterMut<'_, V> {
        self.into_iter()
    }

    /// Returns the values to change, in the order of their names.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut V> + DoubleEndedIterator {
        self.iter_mut().map(|(_, value)| value)
    }

    /// Returns the values, in the order of their names.
    pub fn into_values(self) -> impl ExactSizeIterator<Item = V> + DoubleEndedIterator {
        self.into_iter().map(|(_, value)| value)
    }
}

/// A place in a [`Named`] map.
pub struct Entry<'a, V> {
    map: &'a mut Named<V>,
    name: String,
}

impl<'a, V: Clone> Entry<'a, V> {
    /// Returns the value, after putting this one in where there is none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// Returns the value, after making one where there is none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        let place = match self.map.place(&self.name) {
            Ok(place) => place,
            Err(place) => {
                self.map.entries_mut().insert(place, (self.name, make()));
                place
            }
        };
        &mut self.map.entries_mut()[place].1
    }

    /// Returns the value, after putting the default one in where there is none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

/// Names and values of a [`Named`] map.
pub type Iter<'a, V> = Map<slice::Iter<'a, (String, V)>, fn(&'a (String, V)) -> (&'a String, &'a V)>;

/// Names and values of a [`Named`] map, to change the values.
pub type IterMut<'a, V> =
    Map<slice::IterMut<'a, (String, V)>, fn(&'a mut (String, V)) -> (&'a String, &'a mut V)>;

impl<'a, V> IntoIterator for &'a Named<V> {
    type Item = (&'a String, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.entries().iter().map(|(name, value)| (name, value))
    }
}

impl<'a, V: Clone> IntoIterator for &'a mut Named<V> {
    type Item = (&'a String, &'a mut V);
    type IntoIter = IterMut<'a, V>;

    fn into_iter(self) -> IterMut<'a, V> {
        let entries = if self.is_empty() { Default::default() } else { self.entries_mut().iter_mut() };
        entries.map(|(name, value)| (&*name, value))
    }
}

impl<V: Clone> IntoIterator for Named<V> {
    type Item = (String, V);
    type IntoIter = vec::IntoIter<(String, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.map(Arc::unwrap_or_clone).unwrap_or_default().into_iter()
    }
}

impl<V> Clone for Named<V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone() }
    }
}

/// Maps are equal, and ordered, by what they hold.
impl<V: Eq> PartialEq for Named<V> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.entries, &other.entries) {
            // What is shared is equal: nothing in it is unequal to itself.
            (Some(own), Some(others)) if Arc::ptr_eq(own, others) => true,
            _ => self.entries() == other.entries(),
        }
    }
}

impl<V: Eq> Eq for Named<V> {}

impl<V: Ord> PartialOrd for Named<V> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<V: Ord> Ord for Named<V> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.entries().cmp(other.entries())
    }
}

impl<V: Hash> Hash for Named<V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entries().hash(state);
    }
}

impl<V> Default for Named<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Clone> Extend<(String, V)> for Named<V> {
    fn extend<T: IntoIterator<Item = (String, V)>>(&mut self, entries: T) {
        for (name, value) in entries {
            self.insert(name, value);
        }
    }
}

/// Of several values of one name, the last is taken.
impl<V> FromIterator<(String, V)> for Named<V> {
    fn from_iter<T: IntoIterator<Item = (String, V)>>(entries: T) -> Self {
        let mut entries: Vec<(String, V)> = entries.into_iter().collect();
        sort(&mut entries);
        // The sort keeps the order of equal names, so the first that stays takes the value of the one after it.
        entries.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self::of(entries)
    }
}

impl<V> From<BTreeMap<String, V>> for Named<V> {
    fn from(entries: BTreeMap<String, V>) -> Self {
        Self::of(entries.into_iter().collect())
    }
}

impl<V, const N: usize> From<[(String, V); N]> for Named<V> {
    fn from(entries: [(String, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<V, Q: AsRef<str> + ?Sized> Index<&Q> for Named<V> {
    type Output = V;

    /// Returns the value of this name, which must be there.
    fn index(&self, name: &Q) -> &V {
        self.get(name).expect("the name is there, as indexing says")
    }
}

impl<V: Clone, Q: AsRef<str> + ?Sized> IndexMut<&Q> for Named<V> {
    fn index_mut(&mut self, name: &Q) -> &mut V {
        self.get_mut(name).expect("the name is there, as indexing says")
    }
}

/// Sorts entries that came in any order; costs nothing where they came in order.
fn sort<V>(entries: &mut [(String, V)]) {
    if !entries.is_sorted_by(|one, other| one.0 <= other.0) {
        entries.sort_by(|one, other| one.0.cmp(&other.0));
    }
}

impl<V: fmt::Debug> fmt::Debug for Named<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self).finish()
    }
}

impl<V: Serialize> Serialize for Named<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Named<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamedVisitor<V>(std::marker::PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for NamedVisitor<V> {
            type Value = Named<V>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Named<V>, A::Error> {
                /// What a size that is only claimed may allocate, in entries.
                const CLAIMED_MAX: usize = 64;
                let claimed = access.size_hint().unwrap_or(0).min(CLAIMED_MAX);
                let mut entries: Vec<(String, V)> = Vec::with_capacity(claimed);
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                sort(&mut entries);
                match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                    None => Ok(Named::of(entries)),
                    Some(pair) => Err(de::Error::custom(format!("the name `{}` is there twice", pair[0].0))),
                }
            }
        }

        deserializer.deserialize_map(NamedVisitor(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_behaves_as_a_map_that_is_sorted_by_name() {
        let mut map = Named::from(
            [("b", 2), ("a", 1), ("c", 3), ("b", 4)].map(|(name, value)| (name.to_owned(), value)),
        );
        assert_eq!(map.iter().map(|(name, value)| format!("{name}{value}")).collect::<String>(), "a1b4c3");
        assert_eq!((map.get("b"), map.get("bb"), map.contains_key("")), (Some(&4), None, false));
        assert_eq!((map.insert("aa".to_owned(), 5), map.insert("c".to_owned(), 6)), (None, Some(3)));
        *map.entry("z".to_owned()).or_default() += 7;
        *map.entry("z".to_owned()).or_insert(0) += 1;
        assert_eq!(map.remove("a"), Some(1));
        assert_eq!(map.remove("a"), None);
        for (_, value) in &mut map {
            *value += 1;
        }
        map.retain(|name, _| name != "c");
        assert_eq!(format!("{map:?}"), r#"{"aa": 6, "b": 5, "z": 9}"#);
        assert_eq!((map["aa"], map.len(), map.keys().len()), (6, 3, 3));
        let twice = [("b", 1), ("a", 2), ("b", 3), ("b", 4)].map(|(name, value)| (name.to_owned(), value));
        assert_eq!(format!("{:?}", twice.into_iter().collect::<Named<_>>()), r#"{"a": 2, "b": 4}"#);
        let octets = crate::encode(&map).unwrap();
        assert_eq!(crate::decode::<Named<i32>>(&octets).unwrap(), map);
        assert_eq!(octets, crate::encode(&map.into_iter().collect::<BTreeMap<_, _>>()).unwrap());
    }

    #[test]
    fn copies_share_what_they_hold_until_one_is_changed() {
        let shares =
            |one: &Named<i32>, other: &Named<i32>| one.entries().as_ptr() == other.entries().as_ptr();
        let map = Named::from([("a", 1), ("b", 2)].map(|(name, value)| (name.to_owned(), value)));
        let mut copy = map.clone();
        assert!(copy.remove("z").is_none() && copy.get_mut("z").is_none());
        assert!(shares(&copy, &map) && copy == map);
        copy.insert("c".to_owned(), 3);
        assert!(!shares(&copy, &map) && copy != map);
        assert_eq!((map.len(), copy.remove("c")), (2, Some(3)));
        assert!(copy == map && copy.cmp(&map).is_eq());
        // Whoever was emptied is like whoever was always empty.
        copy.retain(|_, _| false);
        assert_eq!((copy, map.into_values().collect::<Vec<_>>()), (Named::new(), vec![1, 2]));
    }
}
