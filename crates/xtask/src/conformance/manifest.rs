//! The list of cases.

use std::{fs, path::Path};

use serde_json::Value;

/// A case of the suite.
pub(crate) struct Case {
    /// The file, from the folder `cases`.
    pub(crate) file: String,
    /// The section of the standard that it is about.
    pub(crate) section: String,
    /// Whether a processor must accept it.
    pub(crate) is_valid: bool,
    /// Whether it is meant to be in an archive.
    pub(crate) is_csar: bool,
    /// What else is in that archive, by paths from its root.
    pub(crate) extra: Vec<String>,
    /// Whether it names files by URLs that are to be mapped to files of the suite.
    pub(crate) needs_network: bool,
    /// The profiles that the catalogue must have.
    pub(crate) profiles: Vec<String>,
}

/// Reads a manifest.
pub(crate) fn read(path: &Path) -> Result<Vec<Case>, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("failed to read {}: {error}", path.display()))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| case(line).map_err(|error| format!("{}:{}: {error}", path.display(), index + 1)))
        .collect()
}

fn case(line: &str) -> Result<Case, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text =
        |key: &str| value[key].as_str().map(ToOwned::to_owned).ok_or(format!("`{key}` is not a string"));
    let texts = |key: &str| -> Vec<String> {
        value[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item.as_str().map(ToOwned::to_owned))
            .collect()
    };
    let flag = |key: &str| value[key].as_bool().unwrap_or(false);
    Ok(Case {
        file: text("file")?,
        section: text("section")?,
        is_valid: match text("expect")?.as_str() {
            "valid" => true,
            "invalid" => false,
            other => return Err(format!("`expect` is neither `valid` nor `invalid` but `{other}`")),
        },
        is_csar: flag("csar"),
        // Some entries say what the file is for first.
        extra: texts("csar_extra")
            .iter()
            .map(|extra| extra.rsplit(": ").next().unwrap_or(extra).to_owned())
            .collect(),
        needs_network: flag("needs_network"),
        profiles: texts("needs_profiles"),
    })
}
