//! What is in a profile, for people.

use tosca::{Compilation, Locator, SourceError, Sources, model::Model};

/// What is in a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileDescription {
    /// The name that it is imported by.
    pub name: String,
    /// What it is for, in the profile's own words.
    pub description: Option<String>,
    /// The profiles that it imports, itself or through others.
    pub imports: Vec<String>,
    /// Its own types, in the order of its files.
    pub types: Vec<TypeDescription>,
}

/// A type of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDescription {
    /// Which kind of type it is: `node`, `capability` and so on.
    pub kind: &'static str,
    /// The name.
    pub name: String,
    /// The qualified name of the type that it derives from.
    pub derived_from: Option<String>,
    /// What it is for, in the profile's own words.
    pub description: Option<String>,
}

/// Says what is in a profile that sources have; None when they have none of this name. Where the profile has mistakes, the
/// compilation that found them is the error.
pub fn show(name: &str, sources: &dyn Sources) -> Option<Result<ProfileDescription, Box<Compilation>>> {
    let root = sources.locate_profile(name)?;
    let compilation = tosca::compile(name, &StartingAt { root, sources });
    Some(match &compilation.model {
        Some(model) => Ok(describe(name, model)),
        None => Err(Box::new(compilation)),
    })
}

fn describe(name: &str, model: &Model) -> ProfileDescription {
    let own = model.files.first();
    let mut imports: Vec<String> = model
        .files
        .iter()
        .filter_map(|file| file.profile.as_ref())
        .filter(|profile| profile.as_str() != name)
        .map(|profile| profile.as_str().to_owned())
        .collect();
    imports.sort_unstable();
    imports.dedup();
    let types = model
        .types
        .iter()
        .filter(|found| found.profile.as_ref().is_some_and(|profile| profile.as_str() == name))
        .map(|found| TypeDescription {
            kind: found.kind().as_str(),
            name: found.name.as_str().to_owned(),
            derived_from: found.parent.map(|parent| model.type_of(parent).qualified_name.as_str().to_owned()),
            description: found.description.as_ref().map(|text| text.as_ref().to_owned()),
        })
        .collect();
    ProfileDescription {
        name: name.to_owned(),
        description: own.and_then(|file| file.description.as_ref()).map(|text| text.as_ref().to_owned()),
        imports,
        types,
    }
}

/// Sources whose entry is a profile.
struct StartingAt<'a> {
    root: Locator,
    sources: &'a dyn Sources,
}

impl Sources for StartingAt<'_> {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        match importer {
            None => Ok(self.root.clone()),
            Some(_) => self.sources.locate(url, importer),
        }
    }

    fn locate_profile(&self, name: &str) -> Option<Locator> {
        self.sources.locate_profile(name)
    }

    fn profiles(&self) -> Vec<String> {
        self.sources.profiles()
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        self.sources.read(locator)
    }

    fn display_name(&self, locator: &Locator) -> String {
        self.sources.display_name(locator)
    }
}
