//! Compiled code, kept in a private folder between runs.
//!
//! What is kept is native code that is run as it is: whoever can write it runs what they like as us. So it is loaded only from
//! a folder that is ours and closed to others, from a plain file that is ours, under a name that says which component and
//! which engine it is for; and it is written whole or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use wasmtime::{Engine, component::Component};

use crate::WasmError;

/// A folder of compiled code.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Takes a folder, making it if needed. One that is not ours, or open to others, is refused.
    pub(crate) fn open(folder: &Path) -> Result<Self, WasmError> {
        let failed = |reason: String| WasmError::Cache { path: folder.to_owned(), reason };
        let private = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        private.map_err(|error| failed(error.to_string()))?;
        let metadata = fs::symlink_metadata(folder).map_err(|error| failed(error.to_string()))?;
        if !metadata.is_dir() {
            return Err(failed("it is not a folder".to_owned()));
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(failed(format!("it belongs to user {}", metadata.uid())));
        }
        if metadata.mode() & 0o077 != 0 {
            // Closing it now would not tell what others put there before.
            return Err(failed(format!(
                "it is open to others, with mode {:o}: remove it, and it will be made anew",
                metadata.mode() & 0o777
            )));
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Returns the compiled code of a component, if it is kept, whole and ours.
    pub(crate) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let code = read_private(&self.path(engine, digest)).ok()?;
        deserialize(engine, &code)
    }

    /// Keeps compiled code. Whoever comes later loads it whole or does not find it, also after a power failure.
    pub(crate) fn keep(&self, engine: &Engine, digest: &str, component: &Component) -> io::Result<()> {
        // Two processes, and two threads of one, may keep the same at once.
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let code = component.serialize().map_err(|error| io::Error::other(error.to_string()))?;
        let path = self.path(engine, digest);
        let temporary = self.folder.join(format!(".{digest}.{}.{number}", std::process::id()));
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(&code)?;
            file.sync_data()?;
            fs::rename(&temporary, &path)
        })();
        if written.is_err() {
            // The first error is the one to tell.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn path(&self, engine: &Engine, digest: &str) -> PathBuf {
        // Says the version of wasmtime, the target and every setting that code depends on.
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }
}

/// Reads a plain file that belongs to us and that nobody else can write.
fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let mut file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    let ours = metadata.is_file()
        && metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.mode() & 0o022 == 0
        && metadata.nlink() == 1;
    if !ours {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is not ours alone"));
    }
    let mut content = Vec::with_capacity(metadata.len() as usize);
    file.read_to_end(&mut content)?;
    Ok(content)
}

/// Makes a component of compiled code; None if it is for another engine.
#[expect(unsafe_code, reason = "loading native code is what a cache of compiled code is for")]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `deserialize` demands bytes that `Component::serialize` made. `code` was read by `read_private` from a folder
    // that is ours with mode 0700 and from a plain file that is ours, so nobody but us (or root) wrote it; what we write there is
    // the answer of `serialize`, whole and synced before it has its name. Code for another version, target or configuration
    // is refused by `deserialize` itself.
    unsafe { Component::deserialize(engine, code) }.ok()
}

/// A hasher whose answers do not depend on the standard library's version: names of files are made of them.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    fn component(engine: &Engine) -> Component {
        // An empty component: version 13, layer 1.
        Component::new(engine, b"\0asm\x0d\0\x01\0").unwrap()
    }

    fn with_kept(check: impl FnOnce(&Cache, &Engine, &Path)) {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("code");
        let engine = Engine::default();
        let cache = Cache::open(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        assert!(cache.load(&engine, "abc").is_none());
        cache.keep(&engine, "abc", &component(&engine)).unwrap();
        let path = cache.path(&engine, "abc");
        assert!(cache.load(&engine, "abc").is_some());
        check(&cache, &engine, &path);
    }

    #[test]
    fn code_that_others_can_write_is_not_loaded() {
        with_kept(|cache, engine, path| {
            fs::set_permissions(path, Permissions::from_mode(0o620)).unwrap();
            assert!(cache.load(engine, "abc").is_none());
        });
    }

    #[test]
    fn a_link_to_code_is_not_loaded() {
        with_kept(|cache, engine, path| {
            let elsewhere = path.with_extension("elsewhere");
            fs::rename(path, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, path).unwrap();
            assert!(cache.load(engine, "abc").is_none());
            fs::remove_file(path).unwrap();
            fs::hard_link(&elsewhere, path).unwrap();
            assert!(cache.load(engine, "abc").is_none());
        });
    }

    #[test]
    fn what_is_not_code_is_not_loaded() {
        with_kept(|cache, engine, path| {
            let code = fs::read(path).unwrap();
            for content in [&b""[..], b"junk", &code[..16]] {
                fs::write(path, content).unwrap();
                assert!(cache.load(engine, "abc").is_none());
            }
        });
    }

    #[test]
    fn a_folder_that_is_open_to_others_is_refused() {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), Permissions::from_mode(0o770)).unwrap();
        let error = Cache::open(place.path()).err().unwrap().to_string();
        assert!(
            error.ends_with("it is open to others, with mode 770: remove it, and it will be made anew"),
            "{error}"
        );
    }

    #[test]
    fn a_link_to_a_folder_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        assert!(Cache::open(&link).is_err());
    }
}
