//! What an entity is found by, small enough to have ten of it for each.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::{ClassName, EdgeId, Entity, EntityKind, Index, Namespace, Site, VertexId};

/// One index that an entity belongs to, but for the kind, which is the table's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Posting {
    by: By,
    /// A word of [`Words`].
    word: u32,
    id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Namespace,
    Under,
    Class,
    Name,
    OuterName,
    Contents,
    Outgoing,
    Incoming,
    VertexRead,
    EdgeRead,
    Origin,
}

/// How an index is looked up.
#[derive(Clone, Copy)]
pub(crate) enum Lookup {
    /// Through all entities of the kind.
    All,
    /// Through those that have, or had, this posting.
    Posting(Posting),
}

/// All words that something was ever found by, each once.
#[derive(Default)]
pub(crate) struct Words {
    numbers: HashMap<Arc<str>, u32>,
    words: Vec<Arc<str>>,
    /// Those that are names of classes.
    classes: BTreeSet<u32>,
}

impl Words {
    fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = u32::try_from(self.words.len()).expect("four thousand million words are not in memory");
        let word: Arc<str> = word.into();
        self.words.push(word.clone());
        self.numbers.insert(word, number);
        number
    }

    /// Returns all that an entity is found by.
    pub(crate) fn postings(&mut self, entity: &Entity) -> Vec<Posting> {
        let mut postings = Vec::with_capacity(10);
        let namespace = entity.namespace().0.as_str();
        postings.push(self.by_word(By::Namespace, namespace));
        postings.push(self.by_word(By::Under, namespace));
        for (place, _) in namespace.match_indices('/') {
            postings.push(self.by_word(By::Under, &namespace[..place]));
        }
        for class in entity.classes() {
            let posting = self.by_word(By::Class, &class.0);
            self.classes.insert(posting.word);
            postings.push(posting);
        }
        if let Some(container) = entity.container() {
            let (by, id) = container.map_or((By::OuterName, 0), |id| (By::Name, id));
            postings.push(Posting { by, word: self.number(entity.name()), id });
            postings.extend(container.map(|id| Posting { by: By::Contents, word: 0, id }));
        }
        if let Some((source, target)) = entity.ends() {
            postings.push(Posting { by: By::Outgoing, word: 0, id: source });
            postings.push(Posting { by: By::Incoming, word: 0, id: target });
        }
        if entity.site().is_some() {
            let properties = entity.properties().into_iter().flat_map(|properties| properties.values());
            for (site, name) in properties.flat_map(|property| &property.reads) {
                let (by, id) = read(*site);
                postings.push(Posting { by, word: self.number(name), id });
            }
        }
        if let Some(origin) = entity.origin() {
            postings.push(self.by_word(By::Origin, &origin.source));
        }
        postings
    }

    /// Returns the names of all classes that there ever were.
    pub(crate) fn classes(&self) -> impl Iterator<Item = ClassName> {
        self.classes.iter().filter_map(|word| Some(ClassName(self.words.get(*word as usize)?.to_string())))
    }

    fn by_word(&mut self, by: By, word: &str) -> Posting {
        Posting { by, word: self.number(word), id: 0 }
    }

    /// Returns how an index is looked up; None where nothing was ever in it.
    pub(crate) fn lookup(&self, index: &Index) -> Option<Lookup> {
        let known = |word: &str| self.numbers.get(word).copied();
        let by_word = |by, word: &str| known(word).map(|word| Posting { by, word, id: 0 });
        let posting = match index {
            Index::All(_) => return Some(Lookup::All),
            Index::Namespace(_, namespace) => by_word(By::Namespace, &namespace.0)?,
            Index::Under(_, namespace) => by_word(By::Under, &namespace.0)?,
            Index::Class(_, class) => by_word(By::Class, &class.0)?,
            Index::Name(_, None, name) => by_word(By::OuterName, name)?,
            Index::Name(_, Some(id), name) => Posting { by: By::Name, word: known(name)?, id: *id },
            Index::Contents(_, id) => Posting { by: By::Contents, word: 0, id: *id },
            Index::Outgoing(_, id) => Posting { by: By::Outgoing, word: 0, id: *id },
            Index::Incoming(_, id) => Posting { by: By::Incoming, word: 0, id: *id },
            Index::Readers(_, site, name) => {
                let (by, id) = read(*site);
                Posting { by, word: known(name)?, id }
            }
            Index::Origin(_, source) => by_word(By::Origin, source)?,
        };
        Some(Lookup::Posting(posting))
    }

    /// Returns the index of this kind that a posting is in.
    pub(crate) fn index(&self, posting: &Posting, kind: EntityKind) -> Index {
        let Posting { by, word, id } = *posting;
        let word = self.words.get(word as usize).map_or("", |word| word).to_owned();
        match by {
            By::Namespace => Index::Namespace(kind, Namespace(word)),
            By::Under => Index::Under(kind, Namespace(word)),
            By::Class => Index::Class(kind, ClassName(word)),
            By::Name => Index::Name(kind, Some(id), word),
            By::OuterName => Index::Name(kind, None, word),
            By::Contents => Index::Contents(kind, id),
            By::Outgoing => Index::Outgoing(kind, id),
            By::Incoming => Index::Incoming(kind, id),
            By::VertexRead => Index::Readers(kind, Site::Vertex(VertexId(id)), word),
            By::EdgeRead => Index::Readers(kind, Site::Edge(EdgeId(id)), word),
            By::Origin => Index::Origin(kind, word),
        }
    }
}

fn read(site: Site) -> (By, u64) {
    match site {
        Site::Vertex(id) => (By::VertexRead, id.0),
        Site::Edge(id) => (By::EdgeRead, id.0),
    }
}
