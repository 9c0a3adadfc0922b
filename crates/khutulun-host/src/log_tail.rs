//! The ends of log files, and what is added to them.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::fs::inotify;

use crate::wait;

/// How much is read at once, in bytes.
const BLOCK_BYTES: usize = 64 << 10;

/// How much of one file one answer holds at most, in bytes: a log that was written faster than it is shown must not fill memory.
const CHUNK_BYTES_MAX: u64 = 1 << 20;

/// A part of a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// Which file: its place in the list that was opened.
    pub file: usize,
    /// What it holds, not always whole lines.
    pub bytes: Vec<u8>,
}

/// Reads the ends of log files and follows them, woken by the kernel.
///
/// A file that is not there yet is followed from its beginning once it is. A file that was shortened is read again from its
/// beginning; one that was replaced, as `logrotate` does, is read to its end first.
#[derive(Debug)]
pub struct LogTail {
    files: Vec<Log>,
    events: OwnedFd,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: Option<File>,
    /// Which file is open, as device and inode.
    identity: (u64, u64),
    position: u64,
}

impl LogTail {
    /// Opens files, from their ends on.
    pub fn open<P: AsRef<Path>>(files: &[P]) -> io::Result<Self> {
        let events = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let mut logs = Vec::with_capacity(files.len());
        for path in files {
            let path = path.as_ref().to_owned();
            let mut log = Log { path, file: None, identity: (0, 0), position: 0 };
            watch(&events, &log.path)?;
            if log.reopen()?
                && let Some(file) = &log.file
            {
                log.position = file.metadata()?.len();
            }
            logs.push(log);
        }
        Ok(Self { files: logs, events })
    }

    /// Returns the last lines of each file, as they were when it was opened or last read, and at most a MiB of each.
    pub fn read_last(&mut self, lines: usize) -> io::Result<Vec<LogChunk>> {
        let mut chunks = Vec::new();
        for (index, log) in self.files.iter().enumerate() {
            let bytes = log.last(lines)?;
            if !bytes.is_empty() {
                chunks.push(LogChunk { file: index, bytes });
            }
        }
        Ok(chunks)
    }

    /// Waits until something was added and returns it. Never empty.
    pub fn next_blocking(&mut self) -> io::Result<Vec<LogChunk>> {
        loop {
            let chunks = self.wait(None)?;
            if !chunks.is_empty() {
                return Ok(chunks);
            }
        }
    }

    /// Waits at most so long until something was added, and returns it; empty if nothing was.
    pub fn next_timeout(&mut self, timeout: Duration) -> io::Result<Vec<LogChunk>> {
        let deadline = Instant::now() + timeout;
        loop {
            let chunks = self.wait(Some(deadline))?;
            if !chunks.is_empty() || Instant::now() >= deadline {
                return Ok(chunks);
            }
        }
    }

    /// Returns what is there, or waits for one event, which may bring nothing.
    fn wait(&mut self, deadline: Option<Instant>) -> io::Result<Vec<LogChunk>> {
        let mut buffer = [0_u8; 4096];
        // What happened before this moment is seen by looking; what happens after it wakes the wait.
        while matches!(rustix::io::read(&self.events, &mut buffer), Ok(1..)) {}
        let chunks = self.added()?;
        if chunks.is_empty() {
            wait::wait_readable(&[self.events.as_fd()], deadline)?;
        }
        Ok(chunks)
    }

    fn added(&mut self) -> io::Result<Vec<LogChunk>> {
        let mut chunks = Vec::new();
        for (index, log) in self.files.iter_mut().enumerate() {
            let mut bytes = log.added()?;
            // Read to its end: now it may be another file.
            if bytes.is_empty() && log.reopen()? {
                bytes = log.added()?;
            }
            if !bytes.is_empty() {
                chunks.push(LogChunk { file: index, bytes });
            }
        }
        Ok(chunks)
    }
}

/// Watches the folder of a file, so that files to come are seen too.
fn watch(events: &OwnedFd, path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let what = inotify::WatchFlags::MODIFY
        | inotify::WatchFlags::CREATE
        | inotify::WatchFlags::MOVED_TO
        | inotify::WatchFlags::DELETE
        | inotify::WatchFlags::CLOSE_WRITE;
    inotify::add_watch(events, folder, what).map_err(|error| {
        let source: io::Error = error.into();
        let name = OsStr::from_bytes(folder.as_os_str().as_bytes()).display().to_string();
        io::Error::new(source.kind(), format!("failed to watch folder `{name}`: {source}"))
    })?;
    Ok(())
}

impl Log {
    /// Opens the file of this name, if it is another one than is open; returns whether it did.
    fn reopen(&mut self) -> io::Result<bool> {
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if self.file.is_some() && self.identity == (metadata.dev(), metadata.ino()) {
            return Ok(false);
        }
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        self.identity = (metadata.dev(), metadata.ino());
        self.position = 0;
        self.file = Some(file);
        Ok(true)
    }

    fn added(&mut self) -> io::Result<Vec<u8>> {
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        if file.metadata()?.len() < self.position {
            self.position = 0;
        }
        file.seek(SeekFrom::Start(self.position))?;
        let mut bytes = Vec::new();
        self.position += file.take(CHUNK_BYTES_MAX).read_to_end(&mut bytes)? as u64;
        Ok(bytes)
    }

    /// Reads blocks backwards from the position until they hold enough lines.
    fn last(&self, lines: usize) -> io::Result<Vec<u8>> {
        let Some(mut file) = self.file.as_ref() else { return Ok(Vec::new()) };
        if lines == 0 {
            return Ok(Vec::new());
        }
        let mut begin = self.position;
        let mut bytes = Vec::new();
        while begin > 0 && self.position - begin < CHUNK_BYTES_MAX {
            let count = begin.min(BLOCK_BYTES as u64);
            begin -= count;
            let mut block = Vec::new();
            file.seek(SeekFrom::Start(begin))?;
            file.take(count).read_to_end(&mut block)?;
            block.append(&mut bytes);
            bytes = block;
            if let Some(start) = start_of_last(&bytes, lines) {
                bytes.drain(..start);
                break;
            }
        }
        Ok(bytes)
    }
}

/// Returns where the last lines begin, if there are more than these. An unfinished line counts.
fn start_of_last(bytes: &[u8], lines: usize) -> Option<usize> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let newline = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').nth(lines - 1)?;
    Some(newline.0 + 1)
}
