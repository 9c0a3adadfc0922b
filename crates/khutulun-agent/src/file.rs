//! Files that are watched.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs, io,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use floria::Value;
use rustix::{
    fs::inotify::{self, ReadFlags, WatchFlags},
    io::Errno,
};

/// Tells which of some files, or folders, may have changed.
///
/// A file is watched through the folder that it is in, so that one is heard of that is replaced, removed or not there yet; where the
/// folder is not there, through the next one above that is.
pub(crate) struct FileWatch {
    changes: OwnedFd,
    /// What is watched for each path: the folder, and the name in it that matters. None: all names.
    paths: BTreeMap<PathBuf, Vec<(i32, Option<OsString>)>>,
    /// The watches that there are.
    watches: BTreeSet<i32>,
}

impl AsFd for FileWatch {
    /// Returns a file that is readable when [`FileWatch::take`] may have something.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }
}

impl FileWatch {
    pub(crate) fn new() -> io::Result<Self> {
        let changes = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        Ok(Self { changes, paths: BTreeMap::new(), watches: BTreeSet::new() })
    }

    /// Watches exactly these paths.
    pub(crate) fn set(&mut self, paths: &BTreeSet<PathBuf>) -> io::Result<()> {
        self.paths.retain(|path, _| paths.contains(path));
        for path in paths {
            if !self.paths.contains_key(path) {
                self.enter(path)?;
            }
        }
        self.sweep();
        Ok(())
    }

    /// Returns the paths that may have changed since the last call, without waiting.
    pub(crate) fn take(&mut self) -> io::Result<BTreeSet<PathBuf>> {
        let mut touched = BTreeSet::new();
        let mut again = BTreeSet::new();
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = inotify::Reader::new(&self.changes, &mut buffer);
        loop {
            let event = match reader.next() {
                Err(Errno::WOULDBLOCK) => break,
                Err(Errno::INTR) => continue,
                other => other?,
            };
            let overflow = event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            for (path, watched) in &self.paths {
                let concerned = |(watch, wanted): &(i32, Option<OsString>)| {
                    *watch == event.wd() && (wanted.is_none() || name.is_none() || wanted.as_deref() == name)
                };
                if overflow || watched.iter().any(concerned) {
                    touched.insert(path.clone());
                    // Folders may have come or gone on the way to it.
                    again.insert(path.clone());
                }
            }
        }
        for path in again {
            self.enter(&path)?;
        }
        if !touched.is_empty() {
            self.sweep();
        }
        Ok(touched)
    }

    fn enter(&mut self, path: &Path) -> io::Result<()> {
        let mut watched = Vec::new();
        let what = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let gone = |error: &Errno| matches!(*error, Errno::NOENT | Errno::NOTDIR | Errno::ACCESS);
        match inotify::add_watch(&self.changes, path, what) {
            Ok(own) => watched.push((own, None)),
            Err(error) if gone(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let mut inner = path;
        while let Some(folder) = inner.parent() {
            match inotify::add_watch(&self.changes, folder, what) {
                Ok(watch) => {
                    watched.push((watch, inner.file_name().map(OsStr::to_owned)));
                    break;
                }
                Err(error) if gone(&error) => inner = folder,
                Err(error) => return Err(error.into()),
            }
        }
        self.watches.extend(watched.iter().map(|(watch, _)| *watch));
        self.paths.insert(path.to_owned(), watched);
        Ok(())
    }

    /// Ends watches that no path needs any more: the kernel has a limit for them.
    fn sweep(&mut self) {
        let used: BTreeSet<i32> = self.paths.values().flatten().map(|(watch, _)| *watch).collect();
        for watch in self.watches.difference(&used) {
            // One that the kernel ended itself, with its folder, is an error to ignore.
            let _ = inotify::remove_watch(&self.changes, *watch);
        }
        self.watches = used;
    }
}

/// What a file is like, as far as that tells one state from another: it changes when the content does, short of a program that
/// sets the times back.
pub(crate) fn look(path: &Path) -> Value {
    let Ok(metadata) = fs::metadata(path) else { return Value::Null };
    let mut look = vec![
        Value::Boolean(metadata.is_dir()),
        Value::Integer(metadata.ino().cast_signed()),
        Value::Integer(metadata.size().cast_signed()),
        Value::Integer(metadata.mtime()),
        Value::Integer(metadata.mtime_nsec()),
    ];
    if metadata.is_dir() {
        // What is in it, one level deep: a file that is written to does not change its folder.
        let inside = fs::read_dir(path).into_iter().flatten().filter_map(|entry| entry.ok()?.metadata().ok());
        let (mut newest, mut size) = ((0, 0), 0_i64);
        for metadata in inside {
            newest = newest.max((metadata.mtime(), metadata.mtime_nsec()));
            size = size.wrapping_add(metadata.size().cast_signed());
        }
        look.extend([newest.0, newest.1, size].map(Value::Integer));
    }
    Value::List(look)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&Path]) -> BTreeSet<PathBuf> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn a_file_is_heard_of_when_it_is_made_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let mut watch = FileWatch::new().unwrap();
        watch.set(&paths(&[&file])).unwrap();
        let mut last = look(&file);
        assert_eq!(last, Value::Null);
        let mut changed = |what: &str, watch: &mut FileWatch| {
            assert_eq!(watch.take().unwrap(), paths(&[&file]), "{what}");
            let now = look(&file);
            assert_ne!(now, last, "{what}");
            last = now;
        };
        fs::write(&file, "1").unwrap();
        changed("made", &mut watch);
        fs::write(&file, "22").unwrap();
        changed("written", &mut watch);
        fs::write(folder.path().join("other"), "333").unwrap();
        assert_eq!(watch.take().unwrap(), BTreeSet::new());
        fs::rename(folder.path().join("other"), &file).unwrap();
        changed("replaced", &mut watch);
        fs::remove_file(&file).unwrap();
        changed("removed", &mut watch);
        watch.set(&BTreeSet::new()).unwrap();
        let _ = watch.take().unwrap();
        fs::write(&file, "1").unwrap();
        assert_eq!(watch.take().unwrap(), BTreeSet::new());
    }

    #[test]
    fn a_file_is_heard_of_when_its_folder_comes_later() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        let file = deep.join("file");
        let mut watch = FileWatch::new().unwrap();
        watch.set(&paths(&[&file])).unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        assert_eq!(watch.take().unwrap(), paths(&[&file]));
        fs::create_dir(&deep).unwrap();
        assert_eq!(watch.take().unwrap(), paths(&[&file]));
        fs::write(&file, "1").unwrap();
        assert_eq!(watch.take().unwrap(), paths(&[&file]));
    }

    #[test]
    fn what_is_in_a_folder_is_a_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        let mut watch = FileWatch::new().unwrap();
        watch.set(&paths(&[folder.path()])).unwrap();
        let before = look(folder.path());
        fs::write(&inside, "1").unwrap();
        assert_eq!(watch.take().unwrap(), paths(&[folder.path()]));
        let made = look(folder.path());
        assert_ne!(made, before);
        fs::write(&inside, "22").unwrap();
        assert_eq!(watch.take().unwrap(), paths(&[folder.path()]));
        assert_ne!(look(folder.path()), made);
    }
}
