//! `khutulun.lock`: which profiles and files from the network a design imports, by digest.
//!
//! It lies beside the file that a design starts with. Where it is, every compilation is held against it; where it is not,
//! nothing is. Only `khutulun profile lock` writes it.

use std::collections::BTreeMap;

use diagnostics::{Diagnostic, Place, SourceId, Span};
use khutulun_lowering::digest_of;
use serde::{Deserialize, Serialize};
use tosca::{Compilation, Locator, SourceError, Sources};
use tosca_csar::Catalog;

use crate::{
    profiles::{self, EMBEDDED},
    terminal::harmless,
};

/// What the file is called.
pub(crate) const NAME: &str = "khutulun.lock";

/// What the present form is called in the file.
const SCHEMA: &str = "khutulun.lock/1";

/// A lock file beyond this, in bytes, is none: an entry has some two hundred.
const BYTES_MAX: usize = 4 << 20;

/// What stands at its top.
const HEADER: &str = "\
# What the designs in this folder import, by digest. Written by `khutulun profile lock`; keep it with the designs.
";

/// What designs use that is not of their own files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// By name.
    pub(crate) profiles: BTreeMap<String, Used>,
    /// By URL.
    pub(crate) urls: BTreeMap<String, Used>,
}

/// What one of them is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    /// The SHA-256 of the content, in lower-case hexadecimal; else why it cannot be had.
    digest: Result<String, String>,
    /// Where it is, for people.
    place: String,
    /// Where it is imported.
    span: Span,
}

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    schema: String,
    #[serde(default)]
    profiles: Vec<LockedProfile>,
    #[serde(default)]
    urls: Vec<LockedUrl>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LockedProfile {
    name: String,
    digest: String,
    place: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct LockedUrl {
    url: String,
    digest: String,
}

impl Uses {
    /// Adds what a compilation used.
    pub(crate) fn add(&mut self, compilation: &Compilation, catalog: &Catalog) {
        for import in compilation.files.iter().flat_map(|file| &file.imports) {
            let target = &compilation.files[import.file];
            let url = target.locator.as_str();
            if let Some(name) = &import.profile {
                self.profiles.entry(name.to_string()).or_insert_with(|| profile(name, import.span, catalog));
            } else if tosca::is_fetched(url) {
                let text = compilation.sources.file(target.source).text();
                let digest = Ok(digest_of(text.as_bytes()));
                let used = || Used { digest, place: url.to_owned(), span: import.span };
                self.urls.entry(url.to_owned()).or_insert_with(used);
            }
        }
    }

    /// Returns the content of the lock file that says this, or why there cannot be one.
    pub(crate) fn lock(&self) -> Result<String, String> {
        let profiles = self.profiles.iter().map(|(name, used)| {
            let digest = written(used.digest.as_ref().map_err(|why| format!("profile `{name}`: {why}"))?);
            Ok(LockedProfile { name: name.clone(), digest, place: used.place.clone() })
        });
        let urls = self.urls.iter().map(|(url, used)| {
            let digest = written(used.digest.as_ref().map_err(Clone::clone)?);
            Ok(LockedUrl { url: url.clone(), digest })
        });
        let document = Document {
            schema: SCHEMA.to_owned(),
            profiles: profiles.collect::<Result<_, String>>()?,
            urls: urls.collect::<Result<_, String>>()?,
        };
        let text = serde_yaml::to_string(&document).map_err(|error| error.to_string())?;
        Ok(format!("{HEADER}{text}"))
    }
}

fn profile(name: &str, span: Span, catalog: &Catalog) -> Used {
    let digest = match (tosca_profiles::find(name), catalog.find(name)) {
        (Some(embedded), _) => Ok(profiles::embedded_digest(embedded)),
        (None, Some(package)) => {
            let verification = package.verify();
            let failure = || verification.failures.first().map_or_else(String::new, ToString::to_string);
            verification.digest.ok_or_else(failure)
        }
        (None, None) => Err("it is gone".to_owned()),
    };
    Used { digest, place: without_home(profiles::place(catalog, name)), span }
}

/// A path below the home directory is called so, as the file goes to other people.
fn without_home(place: String) -> String {
    let below =
        |home: String| Some(format!("~{}", place.strip_prefix(&home).filter(|rest| rest.starts_with('/'))?));
    std::env::var("HOME").ok().and_then(below).unwrap_or(place)
}

/// A digest as the file has it.
fn written(digest: &str) -> String {
    format!("sha256:{digest}")
}

/// Holds a compilation against the lock file beside a file, if there is one: what is wrong is added to its diagnostics.
pub(crate) fn check(
    compilation: &mut Compilation,
    sources: &dyn Sources,
    beside: &Locator,
    catalog: &Catalog,
    design: &str,
) {
    let located = sources.locate(NAME, Some(beside));
    let (locator, content) = match located.and_then(|locator| Ok((locator.clone(), sources.read(&locator)?)))
    {
        Ok(found) => found,
        Err(SourceError::NotFound) => return,
        Err(error) => {
            let message = format!("the lock file `{NAME}` cannot be read: {error}");
            compilation.diagnostics.push(Diagnostic::error("invalid-lock", message));
            return;
        }
    };
    if content.len() > BYTES_MAX {
        let message = format!("the lock file `{NAME}` is larger than {BYTES_MAX} bytes");
        compilation.diagnostics.push(Diagnostic::error("invalid-lock", message));
        return;
    }
    let text = String::from_utf8_lossy(&content).into_owned();
    let source = compilation.sources.add(sources.display_name(&locator), text.clone());
    let mut uses = Uses::default();
    uses.add(compilation, catalog);
    let found = match serde_yaml::from_str::<Document>(&text) {
        Ok(document) if document.schema == SCHEMA => {
            let lock = Lock { source, text, design };
            lock.differences(&document, &uses)
        }
        Ok(document) => {
            vec![invalid(
                source,
                &format!("it has the form `{}`, not `{SCHEMA}`", harmless(&document.schema)),
                design,
            )]
        }
        Err(error) => vec![invalid(source, &harmless(&error.to_string()), design)],
    };
    compilation.diagnostics.extend(found);
}

fn invalid(source: SourceId, why: &str, design: &str) -> Diagnostic {
    Diagnostic::error("invalid-lock", format!("the lock file cannot be understood: {why}"))
        .at(Span::beginning(source))
        .hint(format!("restore it, or make it anew: khutulun profile lock {design}"))
}

/// A lock file that was read.
struct Lock<'a> {
    source: SourceId,
    text: String,
    design: &'a str,
}

impl Lock<'_> {
    fn differences(&self, document: &Document, uses: &Uses) -> Vec<Diagnostic> {
        let profiles = document.profiles.iter();
        let profiles: BTreeMap<&str, (&str, &str)> = profiles
            .map(|locked| (locked.name.as_str(), (locked.digest.as_str(), locked.place.as_str())))
            .collect();
        let urls = document.urls.iter();
        let urls: BTreeMap<&str, (&str, &str)> =
            urls.map(|locked| (locked.url.as_str(), (locked.digest.as_str(), locked.url.as_str()))).collect();
        let of_profiles = uses.profiles.iter().filter_map(|(name, used)| {
            self.difference(&format!("profile `{name}`"), profiles.get(name.as_str()), used)
        });
        let of_urls = uses.urls.iter().filter_map(|(url, used)| {
            self.difference(&format!("file `{url}`"), urls.get(url.as_str()), used)
        });
        of_profiles.chain(of_urls).collect()
    }

    fn difference(&self, what: &str, locked: Option<&(&str, &str)>, used: &Used) -> Option<Diagnostic> {
        let again = format!("khutulun profile lock {}", self.design);
        let Some((digest, place)) = locked else {
            return Some(
                Diagnostic::error("not-locked", format!("the {what} is not in the lock file"))
                    .at(Place::new(used.span, "imported here"))
                    .related(Place::new(Span::beginning(self.source), "the lock file"))
                    .hint(format!("when it is to be imported: {again}")),
            );
        };
        let present = match &used.digest {
            Ok(present) if written(present) == *digest => return None,
            Ok(present) => written(present),
            Err(why) => format!("not to be had, as {}", harmless(why)),
        };
        let was = match *place {
            EMBEDDED => "locked when it was built in".to_owned(),
            place => format!("locked when it was {}", harmless(place)),
        };
        Some(
            Diagnostic::error("changed-import", format!("the {what} is not the one that was locked"))
                .at(Place::new(used.span, "imported here"))
                .related(Place::new(self.span_of(digest), was))
                .hint(format!("it was {}", harmless(digest)))
                .hint(format!("it is {present} ({})", harmless(&used.place)))
                .hint(format!("get the former back; or, when the change is meant: {again}")),
        )
    }

    /// Where a word stands in the lock file.
    fn span_of(&self, word: &str) -> Span {
        match self.text.find(word) {
            Some(start) => Span::new(self.source, start as u32, (start + word.len()) as u32),
            None => Span::beginning(self.source),
        }
    }
}
