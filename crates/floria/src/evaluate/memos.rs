//! What was evaluated, with what it was evaluated from.

use std::{any::Any, collections::HashMap};

use foldhash::fast::RandomState;

use super::{Evaluated, EvaluationError, Site};

/// The place of a property, or of a part of the structure, among the memos.
pub(super) type Place = u32;

/// What is known of a memo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It was never evaluated. Parts of the structure never are.
    New,
    /// It is what it would be evaluated to.
    Fresh,
    /// Something that it was computed from, directly or not, may be something else.
    Doubtful,
    /// It has to be evaluated again.
    Stale,
    /// It is being evaluated.
    Active,
}

/// A property that was evaluated or read, or a part of the structure that was looked at.
pub(super) struct Memo {
    pub(super) site: Site,
    pub(super) name: u32,
    pub(super) state: State,
    /// Whether it counts as another one even if it comes to the same: its declaration is another one.
    pub(super) is_redeclared: bool,
    /// Whether its result or its reads became other ones since somebody asked what did.
    pub(super) is_other: bool,
    /// When it became another one.
    pub(super) changed: u32,
    /// When it was found to be what it would be evaluated to.
    pub(super) verified: u32,
    /// Marks it while lists are made of which each place is a member once.
    mark: u32,
    pub(super) result: Option<Result<Evaluated, EvaluationError>>,
    /// What it read itself, in the order of reading, each once.
    pub(super) reads: Box<[Place]>,
}

/// The hash maps here: keys are names that a template may choose, so that the seed must not be known beforehand.
type Map<K, V> = HashMap<K, V, RandomState>;

/// A site and the place of a name: as small as it can be, since reaching it in memory is most of what a lookup costs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    id: u64,
    /// An edge's has the highest bit.
    name: u32,
}

impl Key {
    fn new(site: Site, name: u32) -> Self {
        match site {
            Site::Vertex(id) => Self { id: id.0, name },
            Site::Edge(id) => Self { id: id.0, name: name | 1 << 31 },
        }
    }
}

/// What an [`Evaluator`](super::Evaluator) has evaluated, to be taken from one to the next when the graph changes: values,
/// and what each was computed from.
///
/// Whoever changes the graph says so, with [`Self::touch`] or [`Self::changed`](Self::changed), before the memos are given to
/// an evaluator of the changed graph. Then only what depends on the change is evaluated again, and only as far as values
/// become other ones.
#[derive(Default)]
pub struct Memos {
    names: Vec<Box<str>>,
    name_places: Map<Box<str>, u32>,
    places: Map<Key, Place>,
    pub(super) list: Vec<Memo>,
    /// Who reads what, once something has changed.
    readers: Option<Vec<Vec<Place>>>,
    /// How many entries of `readers` are about what is not read any more.
    readers_left_over: usize,
    /// Counts changes.
    pub(super) now: u32,
    last_mark: u32,
    /// What has to be looked at again: last first, what was read comes before its readers.
    pub(super) pending: Vec<Place>,
    /// What functions keep, such as what they made of literals.
    kept: Option<Box<dyn Any + Send>>,
}

/// What may have become another one: a property of a site, or a part of the structure by the name that
/// [`Evaluator::depends_on`](super::Evaluator::depends_on) has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched<'n> {
    /// Where.
    pub site: Site,
    /// Which.
    pub name: &'n str,
    /// Whether more than its value or updater changed: then whoever reads it is evaluated again, whatever it comes to.
    pub is_redeclared: bool,
}

impl Memos {
    /// Returns how many properties were evaluated or read.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns whether nothing was evaluated.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Forgets what was evaluated. What functions keep between calls stays.
    pub fn clear(&mut self) {
        *self = Self { kept: self.kept.take(), ..Self::default() };
    }

    /// Returns what functions keep between calls; made when it is first asked for, or when what is there is of another type.
    pub(super) fn kept<T: Any + Send + Default>(&mut self) -> &mut T {
        if !self.kept.as_ref().is_some_and(|kept| kept.is::<T>()) {
            self.kept = Some(Box::<T>::default());
        }
        let kept = self.kept.as_mut().and_then(|kept| kept.downcast_mut());
        kept.expect("it was made of this type if it was not")
    }

    /// Says what may be something else now. What nobody has read costs nothing.
    pub fn touch<'n>(&mut self, touched: impl IntoIterator<Item = Touched<'n>>) {
        let mut open = Vec::new();
        for Touched { site, name, is_redeclared } in touched {
            let Some(place) = self.find(site, name) else { continue };
            open.push(place);
            let memo = &mut self.list[place as usize];
            if memo.state == State::New {
                memo.changed = self.now + 1;
            } else {
                memo.is_redeclared |= is_redeclared;
            }
        }
        if open.is_empty() {
            return;
        }
        self.now += 1;
        for root in open {
            let memo = &mut self.list[root as usize];
            match memo.state {
                // What reads it is found whenever it changes.
                State::New => self.spread(root, false),
                State::Fresh => {
                    memo.state = State::Stale;
                    self.spread(root, true);
                }
                // It and its readers are pending already.
                State::Doubtful => memo.state = State::Stale,
                State::Stale | State::Active => {}
            }
        }
    }

    /// Makes all readers of a place doubtful, directly or not, and lists them with what they read last.
    fn spread(&mut self, root: Place, is_pending: bool) {
        self.need_readers();
        let readers = self.readers.take().unwrap_or_default();
        // A walk in depth: a place is listed when all its readers are.
        let mut path: Vec<(Place, usize)> = vec![(root, 0)];
        while let Some((place, next)) = path.last_mut() {
            let Some(reader) = readers.get(*place as usize).and_then(|readers| readers.get(*next)) else {
                if *place != root || is_pending {
                    self.pending.push(*place);
                }
                path.pop();
                continue;
            };
            *next += 1;
            let memo = &mut self.list[*reader as usize];
            if memo.state == State::Fresh {
                memo.state = State::Doubtful;
                path.push((*reader, 0));
            }
        }
        self.readers = Some(readers);
    }

    fn need_readers(&mut self) {
        if self.readers_left_over > self.list.len() {
            self.readers = None;
        }
        if self.readers.is_none() {
            self.readers_left_over = 0;
            let mut readers = vec![Vec::new(); self.list.len()];
            for (place, memo) in (0..).zip(&self.list) {
                memo.reads.iter().for_each(|read| readers[*read as usize].push(place));
            }
            self.readers = Some(readers);
        }
    }

    pub(super) fn find(&self, site: Site, name: &str) -> Option<Place> {
        self.places.get(&Key::new(site, *self.name_places.get(name)?)).copied()
    }

    /// Returns the place of a property, made if it is new.
    pub(super) fn place(&mut self, site: Site, name: &str) -> Place {
        let name = match self.name_places.get(name) {
            Some(name) => *name,
            None => {
                let place = self.names.len() as u32;
                self.names.push(name.into());
                self.name_places.insert(name.into(), place);
                place
            }
        };
        *self.places.entry(Key::new(site, name)).or_insert_with(|| {
            self.list.push(Memo {
                site,
                name,
                state: State::New,
                is_redeclared: false,
                is_other: false,
                changed: 0,
                verified: 0,
                mark: 0,
                result: None,
                reads: Box::default(),
            });
            self.list.len() as u32 - 1
        })
    }

    pub(super) fn key(&self, place: Place) -> (Site, &str) {
        let memo = &self.list[place as usize];
        (memo.site, &self.names[memo.name as usize])
    }

    pub(super) fn memo(&mut self, place: Place) -> &mut Memo {
        &mut self.list[place as usize]
    }

    /// Keeps each place once, the first time that it is there.
    pub(super) fn each_once(&mut self, places: &[Place]) -> Box<[Place]> {
        match places {
            [] => return Box::default(),
            [one] => return Box::new([*one]),
            _ => {}
        }
        self.last_mark = self.last_mark.wrapping_add(1);
        let mark = self.last_mark;
        let is_new = |place: &&Place| {
            let memo = &mut self.list[**place as usize];
            std::mem::replace(&mut memo.mark, mark) != mark
        };
        places.iter().filter(is_new).copied().collect()
    }

    /// Takes in what a property came to.
    pub(super) fn settle(
        &mut self,
        place: Place,
        result: Result<Evaluated, EvaluationError>,
        reads: Box<[Place]>,
    ) {
        let now = self.now;
        let memo = &mut self.list[place as usize];
        let is_same = !memo.is_redeclared && memo.result.as_ref() == Some(&result);
        memo.state = State::Fresh;
        memo.is_redeclared = false;
        memo.verified = now;
        if !is_same {
            memo.changed = now;
            memo.result = Some(result);
            memo.is_other = true;
        }
        memo.is_other |= memo.reads != reads;
        let before = std::mem::replace(&mut memo.reads, reads);
        self.reread(place, &before);
    }

    /// Takes in what a property reads now.
    fn reread(&mut self, place: Place, before: &[Place]) {
        let Some(readers) = &mut self.readers else { return };
        readers.resize_with(self.list.len(), Vec::new);
        let reads = &self.list[place as usize].reads;
        if **reads == *before {
            return;
        }
        let reads = reads.clone();
        self.last_mark = self.last_mark.wrapping_add(1);
        for read in before {
            self.list[*read as usize].mark = self.last_mark;
        }
        let mut kept = 0;
        for read in &reads {
            if self.list[*read as usize].mark == self.last_mark {
                kept += 1;
            } else {
                readers[*read as usize].push(place);
            }
        }
        self.readers_left_over += before.len() - kept;
    }
}
