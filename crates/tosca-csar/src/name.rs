//! The names of entries.

use crate::error::Refusal;
use crate::limits::{NAME_BYTES_MAX, NAME_LEVELS_MAX, NAME_PART_BYTES_MAX};

/// An entry's name as it may be used: relative, with `/` between parts, none of them empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// Empty for the package's root itself.
    pub(crate) path: String,
    /// Whether the name ended with `/`.
    pub(crate) folder: bool,
}

/// Checks a name as an archive spells it.
///
/// A leading `./` and a trailing `/` are taken off, as tar and ZIP write them; everything else that two readers
/// could understand differently is refused rather than repaired.
pub(crate) fn check(raw: &[u8]) -> Result<Name, Refusal> {
    if raw.len() > NAME_BYTES_MAX {
        return Err(Refusal::NameTooLong(NAME_BYTES_MAX));
    }
    let text = std::str::from_utf8(raw).map_err(|_| Refusal::NotUtf8)?;
    if text.is_empty() {
        return Err(Refusal::NoName);
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::ControlCharacter);
    }
    if text.contains('\\') {
        return Err(Refusal::Backslash);
    }
    if text.starts_with('/') {
        return Err(Refusal::Absolute);
    }
    let (text, folder) = match text.strip_suffix('/') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let text = text.strip_prefix("./").unwrap_or(text);
    if text == "." {
        return Ok(Name { path: String::new(), folder: true });
    }
    if matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return Err(Refusal::Drive);
    }
    for (level, part) in text.split('/').enumerate() {
        if matches!(part, "" | "." | "..") {
            return Err(Refusal::Traversal);
        }
        if part.len() > NAME_PART_BYTES_MAX {
            return Err(Refusal::NameTooLong(NAME_PART_BYTES_MAX));
        }
        if level == NAME_LEVELS_MAX {
            return Err(Refusal::TooDeep(NAME_LEVELS_MAX));
        }
    }
    Ok(Name { path: text.to_owned(), folder })
}

/// Joins a relative path to the folder of another one and takes out `.` and `..`; a leading `/` is the root of the
/// package (TOSCA 2.0, 6.8.2.2). `None` when it leads out of the root.
pub(crate) fn join(importer: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => importer.rsplit_once('/').map_or(Vec::new(), |(folder, _)| folder.split('/').collect()),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether some part of the name starts with a dot.
#[cfg(feature = "file-system")]
pub(crate) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.'))
}

/// Whether every common system can hold a file of this name; Windows allows the least.
pub(crate) fn is_portable(path: &str) -> bool {
    path.split('/').all(|part| {
        let stem = part.split('.').next().unwrap_or(part).to_ascii_uppercase();
        let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
            || matches!(stem.as_bytes(), [b'C', b'O', b'M', b'1'..=b'9'] | [b'L', b'P', b'T', b'1'..=b'9']);
        !device && !part.contains(['<', '>', ':', '"', '|', '?', '*']) && !part.ends_with(['.', ' '])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_tar_and_zip_write_them() {
        let path = |raw: &str| check(raw.as_bytes()).map(|name| (name.path, name.folder));
        assert_eq!(path("a/b.yaml"), Ok(("a/b.yaml".to_owned(), false)));
        assert_eq!(path("./a/"), Ok(("a".to_owned(), true)));
        assert_eq!(path("./"), Ok((String::new(), true)));
        assert_eq!(path("."), Ok((String::new(), true)));
        assert_eq!(path("ab:c"), Ok(("ab:c".to_owned(), false)));
        assert_eq!(path("...a/..b"), Ok(("...a/..b".to_owned(), false)));
    }

    #[test]
    fn names_that_readers_could_understand_differently_are_refused() {
        let refusal = |raw: &[u8]| check(raw).expect_err("refused");
        for raw in ["../a", "a/../b", "..", "a/..", "a//b", "a/./b", "././a", "../", "./.."] {
            assert_eq!(refusal(raw.as_bytes()), Refusal::Traversal, "{raw}");
        }
        assert_eq!(refusal(b"/etc/passwd"), Refusal::Absolute);
        assert_eq!(refusal(b"/"), Refusal::Absolute);
        assert_eq!(refusal(b"..\\a"), Refusal::Backslash);
        assert_eq!(refusal(b"C:a"), Refusal::Drive);
        assert_eq!(refusal(b"./c:/a"), Refusal::Drive);
        assert_eq!(refusal(b"a\0b"), Refusal::ControlCharacter);
        assert_eq!(refusal("a\u{9b}b".as_bytes()), Refusal::ControlCharacter);
        assert_eq!(refusal(b"\xff"), Refusal::NotUtf8);
        assert_eq!(refusal(b""), Refusal::NoName);
        assert_eq!(refusal("a/".repeat(600).as_bytes()), Refusal::NameTooLong(NAME_BYTES_MAX));
        assert_eq!(refusal("a".repeat(256).as_bytes()), Refusal::NameTooLong(NAME_PART_BYTES_MAX));
        assert_eq!(refusal("a/".repeat(65).as_bytes()), Refusal::TooDeep(NAME_LEVELS_MAX));
        assert!(check("a/".repeat(64).as_bytes()).is_ok());
    }

    #[test]
    fn a_path_never_leaves_the_root() {
        assert_eq!(join("a/b.yaml", "../c.yaml"), Some("c.yaml".to_owned()));
        assert_eq!(join("a/b.yaml", "/c.yaml"), Some("c.yaml".to_owned()));
        assert_eq!(join("a/b.yaml", "../../c.yaml"), None);
        assert_eq!(join("", "./c.yaml"), Some("c.yaml".to_owned()));
        assert_eq!(join("c.yaml", "/../c.yaml"), None);
    }

    #[test]
    fn names_that_windows_cannot_hold_are_known() {
        for path in ["a/con", "nul.txt", "a:b", "a.", "a /b", "COM1.x", "what?"] {
            assert!(!is_portable(path), "{path}");
        }
        for path in ["a/console", "com10", ".a", "a b", "com0"] {
            assert!(is_portable(path), "{path}");
        }
    }
}
