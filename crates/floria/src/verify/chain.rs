//! Whether the chain of digests holds.

use crate::{Author, Chain, Finding, Revision, RowParts};

/// Makes the digests of commits again, and compares them with what was written down.
pub struct ChainCheck {
    previous: [u8; 32],
    last: Revision,
    commit: Option<Chain>,
    /// What was found so far.
    pub findings: Vec<Finding>,
}

impl ChainCheck {
    /// Begins after a revision, with the digest that its commit has: the oldest that is kept, whose own rows are no longer
    /// all there; or 0, with [`crate::CHAIN_START`].
    pub fn new(after: Revision, digest: [u8; 32]) -> Self {
        Self { previous: digest, last: after, commit: None, findings: Vec::new() }
    }

    /// Begins a commit.
    pub fn begin(&mut self, revision: Revision, time_ms: u64, author: Option<&Author>) {
        if revision.0 != self.last.0 + 1 {
            let (revision, last) = (revision.0, self.last.0);
            self.findings.push(Finding::new("chain", format!("revision {revision} follows revision {last}")));
        }
        self.last = revision;
        self.commit = Some(Chain::new(&self.previous, revision, time_ms, author));
    }

    /// Adds a row of the commit. Rows come in the order of the log.
    pub fn row(&mut self, row: &RowParts<'_>) {
        if let Some(commit) = &mut self.commit {
            commit.row(row);
        }
    }

    /// Ends the commit, which was written down with this digest. Goes on from that one, so that one flipped bit is one finding.
    pub fn end(&mut self, digest: &[u8; 32]) {
        if self.commit.take().is_some_and(|commit| commit.finish() != *digest) {
            let message = format!("revision {} is not what was committed", self.last.0);
            self.findings.push(Finding::new("chain", message));
        }
        self.previous = *digest;
    }
}
