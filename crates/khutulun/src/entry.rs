//! Which file a path means, and what its service is called.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{error::CliError, exit::Exit, package};

/// How much of a file is searched for its `service_template`, in bytes: the key stands at a line's beginning, and reading
/// whole directories of large files only to guess is not worth it.
const SEARCHED_BYTES_MAX: u64 = 1 << 20;

/// How long a service's name may be: it is a file name, with room for suffixes.
const NAME_CHARACTERS_MAX: usize = 64;

/// Returns the TOSCA file that a path means: itself, or the obvious one in a directory.
pub(crate) fn find(path: &Path) -> Result<PathBuf, CliError> {
    let failed = |why: String| {
        CliError::new(Exit::InvalidDesign, "found no design to read")
            .place(path.display().to_string())
            .why(why)
    };
    let unreadable = |error: &io::Error| {
        failed(error.to_string()).next("give the path of a TOSCA file, or of a directory that holds one")
    };
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_dir() {
        return Ok(path.to_owned());
    }
    for name in ["service.yaml", "service.yml"] {
        let file = path.join(name);
        if file.is_file() {
            return Ok(file);
        }
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(&error))? {
        let file = entry.map_err(|error| unreadable(&error))?.path();
        let is_yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    let with_service: Vec<&PathBuf> = files.iter().filter(|file| has_service_template(file)).collect();
    match with_service.as_slice() {
        [file] => Ok((*file).clone()),
        // A profile, most likely.
        [] if files.len() == 1 => Ok(files.remove(0)),
        [] => Err(failed(if files.is_empty() {
            "the directory has no YAML file".to_owned()
        } else {
            format!("none of its YAML files has a `service_template`: {}", list(files.iter()))
        })
        .next("give the path of a TOSCA file, or put a `service.yaml` into the directory")),
        several => Err(failed(format!("several files could be meant: {}", list(several.iter().copied())))
            .next(format!("say which one, such as {}", several[0].display()))),
    }
}

fn list<'a>(files: impl Iterator<Item = &'a PathBuf>) -> String {
    files
        .filter_map(|file| file.file_name())
        .map(|name| format!("`{}`", name.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(", ")
}

fn has_service_template(file: &Path) -> bool {
    use io::{BufRead as _, Read as _};
    let Ok(file) = fs::File::open(file) else { return false };
    io::BufReader::new(file.take(SEARCHED_BYTES_MAX))
        .split(b'\n')
        .map_while(Result::ok)
        .any(|line| line.starts_with(b"service_template:"))
}

/// Returns the name that a service has when nobody names it: that of the directory for `service.yaml`, else the file's.
pub(crate) fn default_name(file: &Path) -> Option<String> {
    let absolute = fs::canonicalize(file).ok()?;
    let stem = absolute.file_stem()?.to_string_lossy().into_owned();
    let name =
        if stem == "service" { absolute.parent()?.file_name()?.to_string_lossy().into_owned() } else { stem };
    usable(&name)
}

/// Returns the name that a package's service has when nobody names it: that of the directory or archive.
pub(crate) fn package_name(path: &Path) -> Option<String> {
    let absolute = fs::canonicalize(path).ok()?;
    let is_archive = !absolute.is_dir();
    let stem = if is_archive { package::stem(&absolute) } else { None };
    let name = stem.or_else(|| Some(absolute.file_name()?.to_string_lossy().into_owned()))?;
    usable(&name)
}

fn usable(name: &str) -> Option<String> {
    let name: String =
        name.chars().map(|character| if allowed(character) { character } else { '-' }).collect();
    check_name(&name).is_ok().then_some(name)
}

fn allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// Checks that a name can name a service: it becomes a part of file names and labels.
pub(crate) fn check_name(name: &str) -> Result<(), CliError> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > NAME_CHARACTERS_MAX {
        "it has more than 64 characters"
    } else if !name.starts_with(|character: char| character.is_ascii_alphanumeric()) {
        "it does not begin with a letter or a digit"
    } else if !name.chars().all(allowed) {
        "only letters, digits, `-`, `_` and `.` may be in it"
    } else {
        return Ok(());
    };
    Err(CliError::usage(format!("`{}` cannot name a service", crate::terminal::harmless(name)), why)
        .next("--name SERVICE, such as --name shop"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_file_names() {
        for name in ["shop", "a.b-c_9", "9"] {
            check_name(name).unwrap();
        }
        for name in ["", "../x", ".x", "a/b", "ö", &"x".repeat(65)] {
            assert_eq!(check_name(name).unwrap_err().exit, Exit::Usage, "{name}");
        }
    }
}
