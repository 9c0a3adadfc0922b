//! Asking an agent.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::{
    host::Status,
    socket::{SOCKET, reachable},
};

/// How long an agent may take to say how it is.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The largest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Why an agent could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is none.
    #[error("no agent is at work here")]
    None,
    /// It was there, and did not answer.
    #[error("the agent did not answer")]
    System(#[source] io::Error),
    /// It said something else.
    #[error("the agent's answer cannot be read: {0}")]
    Nonsense(String),
}

/// Asks the agent of a state directory how it is.
///
/// # Errors
/// When there is none, or it does not answer.
pub fn ask(state: &Path) -> Result<Status, AskError> {
    let (path, _folder) = match reachable(state, SOCKET) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(AskError::None),
        other => other.map_err(AskError::System)?,
    };
    let mut stream = match UnixStream::connect(path) {
        // The socket of one that was killed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Err(AskError::None);
        }
        other => other.map_err(AskError::System)?,
    };
    let mut answer = String::new();
    let exchange = || -> io::Result<()> {
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        stream.write_all(b"GET /status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).map(drop)
    };
    exchange().map_err(AskError::System)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let first = head.lines().next().unwrap_or_default();
    if first.split(' ').nth(1) != Some("200") {
        return Err(AskError::Nonsense(first.to_owned()));
    }
    serde_json::from_str(body).map_err(|error| AskError::Nonsense(error.to_string()))
}
