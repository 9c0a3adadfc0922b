//! Sorted items whose copies share what they have in common.

use std::{cmp::Ordering, slice, sync::Arc};

/// How many items a leaf holds at most: few enough that changing one of them in a copy costs little, many enough that copying a
/// million of them does.
const LEAF_MAX: usize = 128;

/// Sorted items, in leaves. A copy shares all leaves with what it was made from; whichever changes first copies the leaf that it
/// changes. Who looks for something says how an item compares with it, always by the same order.
#[derive(Clone, Debug)]
pub(super) struct Leaves<T> {
    /// None is empty.
    leaves: Vec<Arc<Vec<T>>>,
    length: usize,
}

impl<T> Default for Leaves<T> {
    fn default() -> Self {
        Self { leaves: Vec::new(), length: 0 }
    }
}

impl<T> Leaves<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Returns the items.
    pub(super) fn iter(&self) -> Counted<'_, T> {
        let items = Items { front: [].iter(), leaves: self.leaves.iter(), back: [].iter() };
        Counted { items, length: self.length }
    }

    /// Returns the item that is equal to what is looked for.
    pub(super) fn get(&self, compare: impl Fn(&T) -> Ordering) -> Option<&T> {
        let leaf = self.leaves.get(self.leaf(&compare))?;
        leaf.binary_search_by(&compare).ok().map(|place| &leaf[place])
    }

    /// Returns the items from what is looked for on.
    pub(super) fn from(&self, compare: impl Fn(&T) -> Ordering) -> Items<'_, T> {
        let mut leaves = self.leaves[self.leaf(&compare)..].iter();
        let front = leaves
            .next()
            .map_or(&[][..], |leaf| &leaf[leaf.partition_point(|item| compare(item) == Ordering::Less)..]);
        Items { front: front.iter(), leaves, back: [].iter() }
    }

    /// The leaf that holds what is looked for, if one does: the last one that does not begin after it.
    fn leaf(&self, compare: impl Fn(&T) -> Ordering) -> usize {
        self.leaves.partition_point(|leaf| compare(&leaf[0]) != Ordering::Greater).saturating_sub(1)
    }
}

impl<T: Clone> Leaves<T> {
    /// Puts an item in, in place of the one that is equal to it. Returns that.
    pub(super) fn insert(&mut self, item: T, compare: impl Fn(&T) -> Ordering) -> Option<T> {
        let place = self.leaf(&compare);
        let Some(leaf) = self.leaves.get_mut(place) else {
            self.leaves.push(Arc::new(vec![item]));
            self.length = 1;
            return None;
        };
        let inside = match leaf.binary_search_by(&compare) {
            Ok(inside) => return Some(std::mem::replace(&mut Arc::make_mut(leaf)[inside], item)),
            Err(inside) => inside,
        };
        self.length += 1;
        if leaf.len() < LEAF_MAX {
            Arc::make_mut(leaf).insert(inside, item);
        } else if inside == LEAF_MAX {
            // What comes in its order fills leaves.
            self.leaves.insert(place + 1, Arc::new(vec![item]));
        } else {
            let leaf = Arc::make_mut(leaf);
            let mut second = leaf.split_off(LEAF_MAX / 2);
            match inside.checked_sub(LEAF_MAX / 2) {
                Some(inside) => second.insert(inside, item),
                None => leaf.insert(inside, item),
            }
            self.leaves.insert(place + 1, Arc::new(second));
        }
        None
    }

    /// Takes out the item that is equal to what is looked for.
    pub(super) fn remove(&mut self, compare: impl Fn(&T) -> Ordering) -> Option<T> {
        let place = self.leaf(&compare);
        let leaf = self.leaves.get_mut(place)?;
        let inside = leaf.binary_search_by(&compare).ok()?;
        let leaf = Arc::make_mut(leaf);
        let item = leaf.remove(inside);
        let length = leaf.len();
        self.length -= 1;
        if length == 0 {
            self.leaves.remove(place);
        } else if self.leaves.get(place + 1).is_some_and(|next| length + next.len() <= LEAF_MAX / 2) {
            let next = self.leaves.remove(place + 1);
            Arc::make_mut(&mut self.leaves[place]).extend(Arc::unwrap_or_clone(next));
        }
        Some(item)
    }
}

/// Items in order.
#[derive(Clone, Debug)]
pub(super) struct Items<'a, T> {
    front: slice::Iter<'a, T>,
    leaves: slice::Iter<'a, Arc<Vec<T>>>,
    back: slice::Iter<'a, T>,
}

impl<'a, T> Iterator for Items<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(item) = self.front.next() {
                return Some(item);
            }
            match self.leaves.next() {
                Some(leaf) => self.front = leaf.iter(),
                None => return self.back.next(),
            }
        }
    }
}

impl<T> DoubleEndedIterator for Items<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.back.next_back() {
                return Some(item);
            }
            match self.leaves.next_back() {
                Some(leaf) => self.back = leaf.iter(),
                None => return self.front.next_back(),
            }
        }
    }
}

/// All items in order, of which it is known how many there are.
#[derive(Clone, Debug)]
pub(super) struct Counted<'a, T> {
    items: Items<'a, T>,
    length: usize,
}

impl<'a, T> Iterator for Counted<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        self.items.next().inspect(|_| self.length -= 1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.length, Some(self.length))
    }
}

impl<T> DoubleEndedIterator for Counted<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.items.next_back().inspect(|_| self.length -= 1)
    }
}

impl<T> ExactSizeIterator for Counted<'_, T> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn put(leaves: &mut Leaves<u16>, number: u16) -> bool {
        leaves.insert(number, |item| item.cmp(&number)).is_none()
    }

    fn take(leaves: &mut Leaves<u16>, number: u16) -> bool {
        leaves.remove(|item| item.cmp(&number)).is_some()
    }

    fn check(leaves: &Leaves<u16>, model: &BTreeSet<u16>) {
        assert!(leaves.iter().eq(model) && leaves.iter().rev().eq(model.iter().rev()));
        assert_eq!((leaves.iter().len(), leaves.is_empty()), (model.len(), model.is_empty()));
        for number in [0, 1, 77, 500, 999, u16::MAX] {
            assert_eq!(leaves.get(|item| item.cmp(&number)), model.get(&number));
            assert!(leaves.from(|item| item.cmp(&number)).eq(model.range(number..)));
        }
        assert!(leaves.leaves.iter().all(|leaf| (1..=LEAF_MAX).contains(&leaf.len())));
    }

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds_and_copies_are_apart(
            first in prop::collection::vec((any::<bool>(), 0_u16..1000), 0..2000),
            then in prop::collection::vec((any::<bool>(), 0_u16..1000), 0..200),
        ) {
            let (mut leaves, mut model) = (Leaves::default(), BTreeSet::new());
            let change = |leaves: &mut Leaves<u16>, model: &mut BTreeSet<u16>, is_put: bool, number| match is_put {
                true => assert_eq!(put(leaves, number), model.insert(number)),
                false => assert_eq!(take(leaves, number), model.remove(&number)),
            };
            first.iter().for_each(|(is_put, number)| change(&mut leaves, &mut model, *is_put, *number));
            check(&leaves, &model);
            let (mut copy, mut model_of_copy) = (leaves.clone(), model.clone());
            for (is_put, number) in &then {
                change(&mut copy, &mut model_of_copy, *is_put, *number);
                change(&mut leaves, &mut model, !*is_put, *number);
            }
            check(&leaves, &model);
            check(&copy, &model_of_copy);
        }

        #[test]
        fn both_ends_meet(numbers in prop::collection::btree_set(any::<u16>(), 0..600), steps in prop::collection::vec(any::<bool>(), 700)) {
            let mut leaves = Leaves::default();
            numbers.iter().for_each(|number| assert!(put(&mut leaves, *number)));
            let (mut items, mut model) = (leaves.iter(), numbers.iter());
            for is_front in steps {
                assert_eq!(items.len(), model.len());
                match is_front {
                    true => assert_eq!(items.next(), model.next()),
                    false => assert_eq!(items.next_back(), model.next_back()),
                }
            }
        }
    }

    #[test]
    fn a_change_of_a_copy_costs_a_leaf() {
        let mut leaves = Leaves::default();
        (0..10_000).for_each(|number| assert!(put(&mut leaves, number)));
        let mut copy = leaves.clone();
        assert!(take(&mut copy, 5_000) && put(&mut copy, 20_000));
        let shared = copy.leaves.iter().filter(|leaf| leaves.leaves.iter().any(|own| Arc::ptr_eq(own, leaf)));
        assert_eq!((shared.count(), leaves.leaves.len()), (77, 79));
    }
}
