//! Paths that a plugin names, made plain before they are compared with a grant.

use std::{
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
};

use crate::{Access, Grant};

/// How a path is used, which decides whether a symbolic link at its end is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Reads what the path leads to.
    Read,
    /// Replaces or removes the entry itself, as renaming over it does.
    Replace,
}

/// Returns where a path really leads: absolute, without links and `..`. The parts that do not exist yet must be plain names.
/// None, if it cannot be told.
pub(crate) fn resolve(path: &Path, used: Use) -> Option<PathBuf> {
    if !path.is_absolute() {
        return None;
    }
    match used {
        Use::Read => existing_and_rest(path),
        Use::Replace => {
            let Some(Component::Normal(name)) = path.components().next_back() else { return None };
            // `components` drops a `/` or `/.` at the end, which would follow a link.
            if path.as_os_str().as_encoded_bytes().ends_with(b"/")
                || path.as_os_str().as_encoded_bytes().ends_with(b"/.")
            {
                return None;
            }
            Some(existing_and_rest(path.parent()?)?.join(name))
        }
    }
}

fn existing_and_rest(path: &Path) -> Option<PathBuf> {
    let mut existing = path.to_owned();
    let mut rest: Vec<OsString> = Vec::new();
    loop {
        match existing.canonicalize() {
            Ok(resolved) => return Some(rest.into_iter().rev().fold(resolved, |path, part| path.join(part))),
            // A link that leads nowhere is there, and what a file made through it would be is not told by its name.
            Err(error) if error.kind() == io::ErrorKind::NotFound && existing.symlink_metadata().is_err() => {
                let Some(Component::Normal(name)) = existing.components().next_back() else { return None };
                rest.push(name.to_owned());
                if !existing.pop() {
                    return None;
                }
            }
            Err(_) => return None,
        }
    }
}

/// Returns whether a resolved path is covered. Grants are resolved too, so that `/var/run/x` covers `/run/x` where one leads to
/// the other.
pub(crate) fn covers_path(grant: &Grant, resolved: &Path, access: Access) -> bool {
    grant.paths.iter().any(|granted| {
        granted.access >= access
            && resolve(&granted.path, Use::Read).is_some_and(|granted| resolved.starts_with(granted))
    })
}

/// Returns whether a resolved socket is covered.
pub(crate) fn covers_socket(grant: &Grant, resolved: &Path) -> bool {
    grant.sockets.iter().any(|granted| resolve(granted, Use::Read).is_some_and(|granted| granted == resolved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PathGrant;
    use std::{fs, os::unix::fs::symlink};

    struct Place {
        folder: tempfile::TempDir,
        grant: Grant,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("in/sub")).unwrap();
        fs::create_dir(root.join("inside")).unwrap();
        fs::write(root.join("in/file"), "x").unwrap();
        fs::write(root.join("secret"), "x").unwrap();
        symlink(root.join("secret"), root.join("in/link")).unwrap();
        symlink("..", root.join("in/up")).unwrap();
        symlink(root.join("nowhere"), root.join("in/dangling")).unwrap();
        symlink(root.join("in"), root.join("alias")).unwrap();
        let paths = vec![PathGrant { path: root.join("in"), access: Access::Write }];
        Place { grant: Grant { paths, ..Grant::default() }, folder }
    }

    impl Place {
        fn check(&self, path: &str, used: Use, expected: bool) {
            let resolved = resolve(&self.folder.path().join(path), used);
            let covered = resolved.is_some_and(|path| covers_path(&self.grant, &path, Access::Write));
            assert_eq!(covered, expected, "{path} {used:?}");
        }
    }

    #[test]
    fn what_lies_below_the_grant_is_covered() {
        let place = place();
        for used in [Use::Read, Use::Replace] {
            place.check("in/file", used, true);
            place.check("in/new", used, true);
            place.check("in/new/deep/file", used, true);
            place.check("in/sub/../file", used, true);
            place.check("alias/file", used, true);
        }
        place.check("in", Use::Read, true);
        // The link itself lies in the folder; where it leads does not.
        place.check("in/link", Use::Replace, true);
        place.check("in/dangling", Use::Replace, true);
    }

    #[test]
    fn nothing_leads_out_of_the_grant() {
        let place = place();
        for used in [Use::Read, Use::Replace] {
            place.check("secret", used, false);
            place.check("inside", used, false);
            place.check("in/../secret", used, false);
            place.check("in/up/secret", used, false);
            place.check("in/new/../../secret", used, false);
            place.check("in/dangling/x", used, false);
            place.check("in/..", used, false);
        }
        place.check("in/link", Use::Read, false);
        place.check("in/link/", Use::Replace, false);
        place.check("in/link/.", Use::Replace, false);
        place.check("in/dangling", Use::Read, false);
        assert_eq!(resolve(Path::new("in/file"), Use::Read), None);
        assert_eq!(resolve(Path::new(""), Use::Read), None);
    }

    #[test]
    fn a_grant_to_read_is_none_to_write() {
        let mut place = place();
        place.grant.paths[0].access = Access::Read;
        let path = resolve(&place.folder.path().join("in/file"), Use::Read).unwrap();
        assert!(covers_path(&place.grant, &path, Access::Read));
        assert!(!covers_path(&place.grant, &path, Access::Write));
    }
}
