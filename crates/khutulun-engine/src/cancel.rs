//! Asking a run to stop.

use std::sync::Arc;

use tokio::sync::watch;

/// Asks a run to stop: nothing new starts, and what runs is finished and journalled. Clones ask for the same.
#[derive(Clone, Debug)]
pub struct Cancel {
    asked: Arc<watch::Sender<bool>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self { asked: Arc::new(watch::Sender::new(false)) }
    }
}

impl Cancel {
    /// Makes one that nobody has used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks. Asking again does nothing.
    pub fn cancel(&self) {
        self.asked.send_replace(true);
    }

    /// Returns whether somebody has asked.
    pub fn is_cancelled(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until somebody asks.
    pub(crate) async fn asked(&self) {
        let mut receiver = self.asked.subscribe();
        // The sender lives as long as this does, so that waiting ends only by asking.
        let _ = receiver.wait_for(|asked| *asked).await;
    }
}
