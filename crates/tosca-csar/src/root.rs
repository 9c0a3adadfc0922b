//! Where a package starts: its TOSCA.meta, or the single YAML file at its root (TOSCA 2.0, 17.1 and 17.3).

use std::collections::HashMap;

use diagnostics::{Diagnostic, Place, SourceMap, Span, did_you_mean, has_errors};

use crate::entry::{self, Entry};
use crate::error::{Error, Shown};
use crate::limits::META_BYTES_MAX;
use crate::meta::{CSAR_VERSION, Meta};
use crate::name;

/// Where TOSCA.meta may be; one of them, not both.
pub(crate) const META_PATHS: [&str; 2] = ["TOSCA.meta", "TOSCA-Metadata/TOSCA.meta"];

/// Beyond this many findings the list is cut: nobody reads on, and a hostile package could fill the memory.
const FINDINGS_MAX: usize = 100;

/// What is wrong with what a package says, and the texts that it is wrong in.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Every mistake and warning.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that they point into.
    pub sources: SourceMap,
}

impl Findings {
    /// Whether the package is invalid.
    pub fn has_errors(&self) -> bool {
        has_errors(&self.diagnostics)
    }
}

/// What a package says about itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Root {
    pub(crate) meta: Option<Meta>,
    pub(crate) meta_path: Option<&'static str>,
    pub(crate) csar_version: Option<String>,
    pub(crate) entry_definitions: Option<String>,
    pub(crate) other_definitions: Vec<String>,
    pub(crate) findings: Findings,
}

/// Reads what a package says about itself; `read` gives the beginning of an entry, up to a number of bytes.
///
/// # Errors
/// Only when a file cannot be read. What is wrong in it is a finding.
pub(crate) fn examine(
    display_name: impl Fn(&str) -> String,
    entries: &[Entry],
    read: impl Fn(&Entry, u64) -> Result<Vec<u8>, Error>,
) -> Result<Root, Error> {
    let mut root = Root::default();
    let metas: Vec<(&'static str, &Entry)> = META_PATHS
        .into_iter()
        .filter_map(|path| Some((path, entry::find(entries, path).filter(|entry| entry.is_file())?)))
        .collect();
    match metas.as_slice() {
        [] => find_entry(&mut root, entries, &read)?,
        [(path, entry)] => read_meta(&mut root, path, entry, display_name(path), entries, &read)?,
        _ => {
            let mut spans = Vec::new();
            for (path, entry) in &metas {
                let text = String::from_utf8_lossy(&read(entry, META_BYTES_MAX)?).into_owned();
                spans.push(Span::beginning(root.findings.sources.add(display_name(path), text)));
            }
            root.findings.diagnostics.push(
                Diagnostic::error("csar-several-metas", "the package has two TOSCA.meta files")
                    .at(Place::new(spans[1], "one of them has to go"))
                    .related(Place::new(spans[0], "the other one"))
                    .chapter("17.1"),
            );
        }
    }
    check_names(entries, &mut root.findings.diagnostics);
    let diagnostics = &mut root.findings.diagnostics;
    sort(diagnostics);
    if diagnostics.len() > FINDINGS_MAX {
        let more = diagnostics.len() - FINDINGS_MAX;
        // Errors stay, so that a package is not valid for having too many warnings.
        diagnostics.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity));
        let severity = diagnostics[FINDINGS_MAX].severity;
        diagnostics.truncate(FINDINGS_MAX);
        sort(diagnostics);
        diagnostics.push(Diagnostic::new(
            severity,
            "csar-many-findings",
            format!("and {more} more like these"),
        ));
    }
    Ok(root)
}

/// By place; those without one go last.
fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|diagnostic| match &diagnostic.primary {
        Some(place) => (false, place.span.source.index(), place.span.start),
        None => (true, 0, 0),
    });
}

fn read_meta(
    root: &mut Root,
    path: &'static str,
    entry: &Entry,
    display_name: String,
    entries: &[Entry],
    read: &impl Fn(&Entry, u64) -> Result<Vec<u8>, Error>,
) -> Result<(), Error> {
    root.meta_path = Some(path);
    let content = read(entry, META_BYTES_MAX)?;
    let sources = &mut root.findings.sources;
    let diagnostics = &mut root.findings.diagnostics;
    if entry.size > META_BYTES_MAX {
        let source = sources.add(display_name, "");
        diagnostics.push(
            Diagnostic::error(
                "csar-meta-syntax",
                format!("TOSCA.meta is larger than {META_BYTES_MAX} bytes"),
            )
            .at(Span::beginning(source))
            .chapter("17.2"),
        );
        return Ok(());
    }
    let text = match String::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to() as u32;
            let source = sources.add(display_name, String::from_utf8_lossy(error.as_bytes()).into_owned());
            diagnostics.push(
                Diagnostic::error("csar-meta-encoding", "TOSCA.meta is not UTF-8")
                    .at(Place::new(
                        Span::new(source, valid, valid + '\u{fffd}'.len_utf8() as u32),
                        "not a character",
                    ))
                    .chapter("17.2"),
            );
            return Ok(());
        }
    };
    let source = sources.add(display_name, text.as_str());
    let (meta, found) = Meta::parse(&text, source);
    diagnostics.extend(found);
    for file in meta.named_files() {
        if entry::find(entries, &file.path).is_some_and(Entry::is_file) {
            continue;
        }
        let missing =
            Diagnostic::error("csar-missing-file", format!("no file `{}` in the package", Shown(&file.path)))
                .chapter("17.2.1");
        diagnostics.push(if entry::is_folder(entries, &file.path) {
            missing.at(Place::new(file.span, "is a folder"))
        } else {
            let files = entries.iter().filter(|entry| entry.is_file()).map(|entry| entry.path.as_str());
            // Comparing with every name of a large package, for each of many missing files, would take minutes.
            let hint = if diagnostics.len() < 10 { did_you_mean(&file.path, files) } else { None };
            missing.at(Place::new(file.span, "not found from the package's root")).maybe_hint(hint)
        });
    }
    root.csar_version = meta.get("CSAR-Version").map(str::to_owned);
    root.entry_definitions = meta.entry_definitions().map(str::to_owned);
    root.other_definitions = meta.other_definitions().map(str::to_owned).collect();
    root.meta = Some(meta);
    Ok(())
}

/// The single YAML file at the root. Hidden ones are the settings of tools and do not count.
fn find_entry(
    root: &mut Root,
    entries: &[Entry],
    read: &impl Fn(&Entry, u64) -> Result<Vec<u8>, Error>,
) -> Result<(), Error> {
    let is_yaml = |path: &str| path.ends_with(".yaml") || path.ends_with(".yml");
    let candidates: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.is_file() && is_yaml(&entry.path))
        .filter(|entry| !entry.path.contains('/') && !entry.path.starts_with('.'))
        .collect();
    let diagnostics = &mut root.findings.diagnostics;
    if let Some(odd) =
        entries.iter().find(|entry| META_PATHS.iter().any(|path| entry.path.eq_ignore_ascii_case(path)))
    {
        diagnostics.push(
            Diagnostic::warning("csar-meta-name", format!("`{}` is not read", odd.path))
                .hint("the file is called `TOSCA.meta`, with these capitals")
                .chapter("17.1"),
        );
    }
    match candidates.as_slice() {
        [] => {
            let inner = entries.iter().find(|entry| entry.is_file() && is_yaml(&entry.path));
            diagnostics.push(
                Diagnostic::error(
                    "csar-no-root-file",
                    "the package has neither TOSCA.meta nor a YAML file at its root",
                )
                .hint(match inner {
                    Some(inner) => format!(
                        "add a TOSCA.meta with `CSAR-Version: 2.0` and `Entry-Definitions: {}`",
                        Shown(&inner.path)
                    ),
                    None => {
                        "put the service template or profile at the root, as `.yaml` or `.yml`".to_owned()
                    }
                })
                .chapter("17.3"),
            );
        }
        [entry] => {
            root.entry_definitions = Some(entry.path.clone());
            root.csar_version = infer_version(&read(entry, VERSION_BYTES_MAX)?);
        }
        several => {
            let names = diagnostics::one_of(several.iter().map(|entry| entry.path.as_str()));
            diagnostics.push(
                Diagnostic::error(
                    "csar-several-root-files",
                    format!("the package has {} YAML files at its root and no TOSCA.meta", several.len()),
                )
                .hint(format!("they are {names}"))
                .hint("add a TOSCA.meta with `CSAR-Version: 2.0` and `Entry-Definitions:`, or move the others to a folder")
                .chapter("17.3"),
            );
        }
    }
    Ok(())
}

/// `tosca_definitions_version` stands at the top, after comments at most.
const VERSION_BYTES_MAX: u64 = 64 << 10;

/// The CSAR version that goes with the `tosca_definitions_version` of a file (TOSCA 2.0, 17.3); none when it does
/// not start as files of that version do. Whether the file is right is the compiler's to say.
fn infer_version(content: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    let value = text.lines().find_map(|line| line.strip_prefix("tosca_definitions_version:"))?;
    let value = value.split(" #").next().unwrap_or(value).trim().trim_matches(['"', '\'']);
    (value == "tosca_2_0").then(|| CSAR_VERSION.to_owned())
}

/// Warns of names that work here and not everywhere.
fn check_names(entries: &[Entry], diagnostics: &mut Vec<Diagnostic>) {
    let mut folded: HashMap<String, &str> = HashMap::with_capacity(entries.len());
    for entry in entries {
        if let Some(other) = folded.insert(entry.path.to_lowercase(), &entry.path) {
            diagnostics.push(
                Diagnostic::warning(
                    "csar-name-case",
                    format!("`{}` and `{}` differ only by case", Shown(other), Shown(&entry.path)),
                )
                .hint("on macOS and Windows they are one file, and the package cannot be extracted there"),
            );
        }
        if !name::is_portable(&entry.path) {
            diagnostics.push(
                Diagnostic::warning(
                    "csar-name-unportable",
                    format!("Windows cannot hold `{}`", Shown(&entry.path)),
                )
                .hint("no `<>:\"|?*`, no name of a device such as `CON`, no dot or blank at a name's end"),
            );
        }
    }
}
