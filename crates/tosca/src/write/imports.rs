//! Profiles stay imports by their names: their types are those of the profile wherever they are, and whoever reads the
//! file has the profile, too.

use std::collections::{BTreeMap, HashMap, VecDeque};

use diagnostics::SourceId;

use crate::model::{Model, Name};

/// What the written file imports, and how names of that are written.
pub(super) struct Imports {
    /// The profiles, in the order of the files read.
    pub(super) profiles: Vec<ImportedProfile>,
    /// For each file read: what stands before its names; None when they become the written file's own.
    ways: Vec<Option<String>>,
    positions: HashMap<SourceId, usize>,
}

/// A profile that the written file imports.
pub(super) struct ImportedProfile {
    pub(super) name: Name,
    pub(super) namespace: Option<String>,
    /// Its root file, by its position among those read.
    file: usize,
}

impl Imports {
    /// Finds the profiles that stay imports, all without namespaces.
    pub(super) fn find(model: &Model) -> Self {
        let mut roots: BTreeMap<usize, Name> = BTreeMap::new();
        for file in reached(model, [0], false) {
            for import in &model.files[file].imports {
                if let Some(profile) = &import.profile {
                    roots.entry(import.file).or_insert_with(|| profile.clone());
                }
            }
        }
        // A profile that leads back to the entry would bring in the types of the written file once more.
        roots.retain(|root, _| !reached(model, [*root], true).contains(&0));
        let profiles = roots.into_iter();
        let profiles = profiles.map(|(file, name)| ImportedProfile { name, namespace: None, file }).collect();
        let positions =
            model.files.iter().enumerate().map(|(position, file)| (file.source, position)).collect();
        let mut imports = Self { profiles, ways: Vec::new(), positions };
        imports.find_ways(model);
        imports
    }

    /// Gives each profile a namespace of its own.
    pub(super) fn separate(&mut self, model: &Model) {
        let mut taken: Vec<String> = Vec::new();
        for profile in &mut self.profiles {
            let name = profile.name.rsplit_once(':').map_or(profile.name.as_str(), |(name, _)| name);
            let mut namespace = super::names::plain(name);
            while taken.contains(&namespace) {
                namespace.push('_');
            }
            taken.push(namespace.clone());
            profile.namespace = Some(namespace);
        }
        self.find_ways(model);
    }

    /// How a name that a file defines is written; None when it becomes the written file's own.
    pub(super) fn way_to(&self, source: SourceId, name: &str) -> Option<String> {
        let way = self.ways.get(*self.positions.get(&source)?)?;
        way.as_ref().map(|way| format!("{way}{name}"))
    }

    /// Whether what a file defines becomes the written file's own.
    pub(super) fn is_merged(&self, source: SourceId) -> bool {
        self.positions.get(&source).is_none_or(|&file| self.ways[file].is_none())
    }

    /// Finds the ways with the fewest namespaces.
    fn find_ways(&mut self, model: &Model) {
        self.ways = vec![None; model.files.len()];
        // Ways without a further namespace go first, so that each file is reached by the shortest.
        let mut next: VecDeque<(usize, String)> = VecDeque::new();
        for profile in &self.profiles {
            let way =
                profile.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}:"));
            next.push_back((profile.file, way));
        }
        while let Some((file, way)) = next.pop_front() {
            if self.ways[file].is_some() {
                continue;
            }
            for import in &model.files[file].imports {
                match &import.namespace {
                    None => next.push_front((import.file, way.clone())),
                    Some(namespace) => next.push_back((import.file, format!("{way}{namespace}:"))),
                }
            }
            self.ways[file] = Some(way);
        }
    }
}

/// The files that some lead to, themselves included.
fn reached<const N: usize>(model: &Model, from: [usize; N], through_profiles: bool) -> Vec<usize> {
    let mut seen = vec![false; model.files.len()];
    let mut files: Vec<usize> = from.into_iter().filter(|&file| file < seen.len()).collect();
    files.iter().for_each(|&file| seen[file] = true);
    let mut next = 0;
    while let Some(&file) = files.get(next) {
        next += 1;
        for import in &model.files[file].imports {
            if (through_profiles || import.profile.is_none())
                && !std::mem::replace(&mut seen[import.file], true)
            {
                files.push(import.file);
            }
        }
    }
    files
}
