//! Names of types: namespaces without copying (6.8.4).

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::load::{ImportEdge, LoadedFile};
use crate::model::{TypeId, TypeKind};

/// Which types a name may stand for in each file.
///
/// A file sees its own names, those of files imported without a namespace (and of those that they import so), and
/// behind `namespace:` those that the imported file sees. Nothing is copied: a lookup walks the files, and its answer
/// is kept.
pub(super) struct Scopes<'a> {
    files: &'a [LoadedFile],
    own: Vec<HashMap<(TypeKind, &'a str), TypeId>>,
    /// The files that declare a name: where there is one, a search can stop at it.
    declaring: HashMap<(TypeKind, &'a str), u32>,
    /// For each file: those that import it into their root namespace.
    importers: Vec<Vec<usize>>,
    /// The last answer of [`Self::roots`]: keeping all would cost the square of a long chain of imports.
    last_roots: RefCell<Option<(usize, Roots)>>,
    memo: RefCell<HashMap<(usize, TypeKind, String), Found>>,
}

#[derive(Clone)]
struct Roots {
    files: std::rc::Rc<[usize]>,
    /// Whether an import into this namespace failed.
    is_incomplete: bool,
}

/// A file in whose root namespace several definitions of one name meet.
pub(super) struct Meeting {
    pub(super) file: usize,
    /// Which of the definitions, by their positions.
    pub(super) members: Vec<usize>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// One type.
    One(TypeId),
    /// Several types of one name, in one namespace.
    Ambiguous(Vec<TypeId>),
    /// None, in namespaces that are wholly known.
    Nothing,
    /// None, but an import failed that may have had it.
    Unknowable,
}

impl<'a> Scopes<'a> {
    pub(super) fn new(files: &'a [LoadedFile]) -> Self {
        Self {
            files,
            own: files.iter().map(|_| HashMap::new()).collect(),
            declaring: HashMap::new(),
            importers: importers(files),
            last_roots: RefCell::new(None),
            memo: RefCell::new(HashMap::new()),
        }
    }

    /// Declares a type of a file.
    pub(super) fn declare(&mut self, file: usize, kind: TypeKind, name: &'a str, id: TypeId) {
        if let Entry::Vacant(vacant) = self.own[file].entry((kind, name)) {
            vacant.insert(id);
            *self.declaring.entry((kind, name)).or_default() += 1;
        }
    }

    /// What a name stands for in a file.
    pub(super) fn find(&self, file: usize, kind: TypeKind, name: &str) -> Found {
        if let Some(found) = self.memo.borrow().get(&(file, kind, name.to_owned())) {
            return found.clone();
        }
        let found = self.search(file, kind, name);
        self.memo.borrow_mut().insert((file, kind, name.to_owned()), found.clone());
        found
    }

    fn search(&self, file: usize, kind: TypeKind, name: &str) -> Found {
        if self.declaring.get(&(kind, name)) == Some(&1)
            && !name.contains(':')
            && let Some(id) = self.search_near(file, kind, name)
        {
            return Found::One(id);
        }
        // A file may import itself under a namespace, so a name could go on for as long as its text.
        const NAMESPACES_MAX: usize = 256;
        if name.bytes().filter(|byte| *byte == b':').count() > NAMESPACES_MAX {
            return Found::Nothing;
        }
        let roots = self.roots(file);
        let mut found: Vec<TypeId> = Vec::new();
        for &root in roots.files.iter() {
            if let Some(&id) = self.own[root].get(&(kind, name))
                && !found.contains(&id)
            {
                found.push(id);
            }
        }
        let section = format!("{kind}_types");
        let mut is_unknowable =
            roots.is_incomplete || roots.files.iter().any(|&root| self.files[root].hidden.has(&section));
        // Names and namespaces may have colons themselves: every way to split is tried.
        for (at, _) in name.match_indices(':') {
            let (namespace, rest) = (&name[..at], &name[at + 1..]);
            for &root in roots.files.iter() {
                for import in &self.files[root].imports {
                    if import.namespace.as_deref() != Some(namespace) {
                        continue;
                    }
                    match import.file.map(|file| self.find(file, kind, rest)) {
                        Some(Found::One(id)) if !found.contains(&id) => found.push(id),
                        Some(Found::Ambiguous(ids)) => found.extend(ids),
                        Some(Found::One(_) | Found::Nothing) => {}
                        Some(Found::Unknowable) | None => is_unknowable = true,
                    }
                }
            }
        }
        match found[..] {
            [] if is_unknowable => Found::Unknowable,
            [] => Found::Nothing,
            [id] => Found::One(id),
            _ => Found::Ambiguous(found),
        }
    }

    /// Looks for a name that only one file declares, the nearest files first.
    fn search_near(&self, file: usize, kind: TypeKind, name: &str) -> Option<TypeId> {
        let mut seen = HashSet::from([file]);
        let mut near = VecDeque::from([file]);
        while let Some(file) = near.pop_front() {
            if let Some(&id) = self.own[file].get(&(kind, name)) {
                return Some(id);
            }
            let imports = self.files[file].imports.iter().filter(|import| import.namespace.is_none());
            near.extend(imports.filter_map(|import| import.file).filter(|&target| seen.insert(target)));
        }
        None
    }

    /// The files whose names are in a file's root namespace, itself first.
    pub(super) fn root_files(&self, file: usize) -> std::rc::Rc<[usize]> {
        self.roots(file).files
    }

    /// Whether an import into a file's root namespace failed: what is not found may be there.
    pub(super) fn is_incomplete(&self, file: usize) -> bool {
        self.roots(file).is_incomplete
    }

    fn roots(&self, file: usize) -> Roots {
        if let Some((_, roots)) = self.last_roots.borrow().as_ref().filter(|(last, _)| *last == file) {
            return roots.clone();
        }
        let mut seen = HashSet::from([file]);
        let mut files = vec![file];
        let mut is_incomplete = false;
        let mut next = 0;
        while next < files.len() {
            let current = &self.files[files[next]];
            is_incomplete |= current.document.is_none();
            for import in current.imports.iter().filter(|import| import.namespace.is_none()) {
                match import.file {
                    Some(target) if seen.insert(target) => files.push(target),
                    Some(_) => {}
                    None => is_incomplete = true,
                }
            }
            next += 1;
        }
        let roots = Roots { files: files.into(), is_incomplete };
        *self.last_roots.borrow_mut() = Some((file, roots.clone()));
        roots
    }

    /// The names of a kind that could be written in a file, for hints: those of the root namespace, and those one
    /// namespace deep.
    pub(super) fn candidates(&self, file: usize, kind: TypeKind) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for &root in self.root_files(file).iter() {
            let own = self.own[root].keys().filter(|(of, _)| *of == kind);
            names.extend(own.map(|(_, name)| (*name).to_owned()));
            for import in &self.files[root].imports {
                if let (Some(namespace), Some(target)) = (&import.namespace, import.file) {
                    for &inner in self.root_files(target).iter() {
                        let own = self.own[inner].keys().filter(|(of, _)| *of == kind);
                        names.extend(own.map(|(_, name)| format!("{namespace}:{name}")));
                    }
                }
            }
        }
        names
    }

    /// How the nearest type of a name is written in a file, through namespaces however deep, for hints.
    pub(super) fn way_to(&self, file: usize, kind: TypeKind, name: &str) -> Option<String> {
        self.declaring.get(&(kind, name))?;
        // For each file that is reached: the one before it, and the import that leads on.
        let mut before: HashMap<usize, Option<(usize, &ImportEdge)>> = HashMap::from([(file, None)]);
        let mut near = VecDeque::from([file]);
        while let Some(current) = near.pop_front() {
            if self.own[current].contains_key(&(kind, name)) {
                let mut names = vec![name];
                let mut back = before.get(&current).copied().flatten();
                while let Some((file, import)) = back {
                    names.extend(import.namespace.as_deref());
                    back = before.get(&file).copied().flatten();
                }
                names.reverse();
                return Some(names.join(":"));
            }
            for import in &self.files[current].imports {
                if let Some(target) = import.file
                    && !before.contains_key(&target)
                {
                    before.insert(target, Some((current, import)));
                    near.push_back(target);
                }
            }
        }
        None
    }

    /// The namespaces that can be written in a file, for hints.
    pub(super) fn namespaces(&self, file: usize) -> BTreeSet<String> {
        self.root_files(file)
            .iter()
            .flat_map(|&root| self.files[root].imports.iter())
            .filter_map(|import| import.namespace.as_ref().map(ToString::to_string))
            .collect()
    }

    /// Where definitions in these files meet in one root namespace: in the files that bring them together, not in
    /// those that import such a file in turn.
    pub(super) fn meetings(&self, declaring: &[usize]) -> Vec<Meeting> {
        // Thousands of definitions of one name that all meet would cost the square of their number; the first ones
        // say enough.
        const STEPS_MAX: usize = 2_000_000;
        let mut steps = 0;
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (member, &start) in declaring.iter().enumerate() {
            let mut seen = HashSet::from([start]);
            let mut reached = vec![start];
            while let Some(file) = reached.pop() {
                members.entry(file).or_default().push(member);
                reached
                    .extend(self.importers[file].iter().copied().filter(|&importer| seen.insert(importer)));
                steps += 1;
            }
            if steps > STEPS_MAX {
                break;
            }
        }
        members.retain(|_, members| members.len() > 1);
        let meets_below = |file: usize| {
            self.files[file].imports.iter().filter(|import| import.namespace.is_none()).any(|import| {
                import.file.is_some_and(|below| below != file && members.get(&below) == members.get(&file))
            })
        };
        let mut meetings: Vec<Meeting> = Vec::new();
        // In a circle of imports every file has another one below; the first stands for all.
        let mut circles: Vec<Meeting> = Vec::new();
        for (&file, here) in &members {
            let meeting = Meeting { file, members: here.clone() };
            let place = if meets_below(file) { &mut circles } else { &mut meetings };
            place.push(meeting);
        }
        for circle in circles {
            if !meetings.iter().any(|meeting| meeting.members == circle.members) {
                meetings.push(circle);
            }
        }
        meetings
    }

    /// How another file's names are reached from a file by its own imports: the place of the import.
    pub(super) fn import_of(&self, file: usize, target: usize) -> Option<diagnostics::Span> {
        self.files[file]
            .imports
            .iter()
            .filter(|import| import.namespace.is_none())
            .find(|import| import.file.is_some_and(|imported| self.root_files(imported).contains(&target)))
            .map(|import| import.span)
    }
}

fn importers(files: &[LoadedFile]) -> Vec<Vec<usize>> {
    let mut importers = vec![Vec::new(); files.len()];
    for (importer, file) in files.iter().enumerate() {
        for import in file.imports.iter().filter(|import| import.namespace.is_none()) {
            if let Some(target) = import.file {
                importers[target].push(importer);
            }
        }
    }
    importers
}
