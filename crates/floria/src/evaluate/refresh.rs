//! Evaluation of everything that is pending.

use std::collections::HashSet;

use super::{Evaluator, Site, memos::State};

impl Evaluator<'_> {
    /// Evaluates again what was evaluated and may have become something else, and returns what has, or was computed from
    /// other properties: the properties, what they were computed from before themselves.
    ///
    /// `later` is asked of each, with how many properties it read. What is put off, with whatever was computed from it, is
    /// left for the next time, or for whoever asks for it.
    pub fn refresh(&mut self, later: &mut dyn FnMut(Site, &str, usize) -> bool) -> Vec<(Site, String)> {
        let pending = std::mem::take(&mut self.memos.pending);
        let mut put_off = HashSet::new();
        let mut left = Vec::new();
        let mut changed = Vec::new();
        for place in pending.into_iter().rev() {
            let memo = &self.memos.list[place as usize];
            if memo.state != State::Fresh {
                let (site, name) = self.memos.key(place);
                if later(site, name, memo.reads.len())
                    || (!put_off.is_empty() && memo.reads.iter().any(|read| put_off.contains(read)))
                {
                    put_off.insert(place);
                    left.push(place);
                    continue;
                }
                // What is too deep from here stays as it is, for whoever asks for it.
                let _ = self.update(place, None);
            }
            if std::mem::take(&mut self.memos.memo(place).is_other) {
                let (site, name) = self.memos.key(place);
                changed.push((site, name.to_owned()));
            }
        }
        left.reverse();
        self.memos.pending = left;
        changed
    }
}
