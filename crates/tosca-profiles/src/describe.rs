//! What is in a profile, for people.

use tosca::{Locator, SourceError, Sources, model::Model};

use crate::{
    catalog::{self, Profile},
    sources::{self, WithProfiles},
};

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

/// Says what is in an embedded profile; None when there is none of this name.
pub fn show(name: &str) -> Option<ProfileDescription> {
    let profile = catalog::find(name)?;
    let sources = WithProfiles::new(Only(profile));
    let compilation = tosca::compile("", &sources);
    let model = compilation.model.expect("the embedded profiles are valid: a test compiles each of them");
    Some(describe(&profile.name, &model))
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

/// Sources without files, whose entry is a profile.
struct Only(&'static Profile);

impl Sources for Only {
    fn locate(&self, _: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        match importer {
            None => sources::root_of(self.0).ok_or(SourceError::NotFound),
            Some(_) => Err(SourceError::NotFound),
        }
    }

    fn locate_profile(&self, _: &str) -> Option<Locator> {
        None
    }

    fn read(&self, _: &Locator) -> Result<Vec<u8>, SourceError> {
        Err(SourceError::NotFound)
    }
}
