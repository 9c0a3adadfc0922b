//! Names of types: namespaces without copying (6.8.4).

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::load::LoadedFile;
use crate::model::{TypeId, TypeKind};

/// Which types a name may stand for in each file.
///
/// A file sees its own names, those of files imported without a namespace (and of those that they import so), and
/// behind `namespace:` those that the imported file sees. Nothing is copied: a lookup walks the files, and its answer
/// is kept.
pub(super) struct Scopes<'a> {
    files: &'a [LoadedFile],
    own: Vec<HashMap<(TypeKind, &'a str), TypeId>>,
    /// For each file: the files whose names are in its root namespace, itself first.
    roots: RefCell<Vec<Option<Roots>>>,
    memo: RefCell<HashMap<(usize, TypeKind, String), Found>>,
}

#[derive(Clone)]
struct Roots {
    files: std::rc::Rc<[usize]>,
    /// Whether an import into this namespace failed.
    is_incomplete: bool,
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
            roots: RefCell::new(files.iter().map(|_| None).collect()),
            memo: RefCell::new(HashMap::new()),
        }
    }

    /// Declares a type of a file.
    pub(super) fn declare(&mut self, file: usize, kind: TypeKind, name: &'a str, id: TypeId) {
        self.own[file].entry((kind, name)).or_insert(id);
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
        let roots = self.roots(file);
        let mut found: Vec<TypeId> = Vec::new();
        for &root in roots.files.iter() {
            if let Some(&id) = self.own[root].get(&(kind, name))
                && !found.contains(&id)
            {
                found.push(id);
            }
        }
        let mut is_unknowable = roots.is_incomplete;
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

    /// The files whose names are in a file's root namespace, itself first.
    pub(super) fn root_files(&self, file: usize) -> std::rc::Rc<[usize]> {
        self.roots(file).files
    }

    fn roots(&self, file: usize) -> Roots {
        if let Some(roots) = &self.roots.borrow()[file] {
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
        self.roots.borrow_mut()[file] = Some(roots.clone());
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

    /// The namespaces that can be written in a file, for hints.
    pub(super) fn namespaces(&self, file: usize) -> BTreeSet<String> {
        self.root_files(file)
            .iter()
            .flat_map(|&root| self.files[root].imports.iter())
            .filter_map(|import| import.namespace.as_ref().map(ToString::to_string))
            .collect()
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
