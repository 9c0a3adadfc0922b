//! What is understood, but not run yet: each such thing is told at its place, and nothing is silently ignored.
//!
//! Substitution mappings are no such thing: a service template that has them is whole without them when it is deployed
//! by itself (TOSCA 2.0, 15.1).

use diagnostics::{Diagnostic, Span};
use tosca::model::Interface;

use crate::lower::Lowering;

impl Lowering<'_, '_> {
    /// Tells that something is not run yet.
    pub(crate) fn not_run_yet(
        &mut self,
        what: &str,
        span: Span,
        chapter: &'static str,
        hint: Option<String>,
    ) {
        let message = format!("{what} understood, but not run yet");
        self.tell(Diagnostic::error("not-run-yet", message).at(span).maybe_hint(hint).chapter(chapter));
    }

    /// What comes from outside to a node or relationship.
    pub(crate) fn refuse_notifications<'i>(&mut self, interfaces: impl Iterator<Item = &'i Interface>) {
        for interface in interfaces {
            for (name, notification) in &interface.notifications {
                if notification.implementation.is_some() {
                    let what = format!("the notification `{name}` is");
                    self.not_run_yet(&what, notification.span, "11.6", None);
                }
            }
        }
    }

    /// An artifact from a repository.
    pub(crate) fn refuse_repository(&mut self, artifact: &tosca::model::Artifact) -> bool {
        let Some(repository) = &artifact.repository else { return false };
        let what = format!("taking an artifact from the repository `{repository}` is");
        self.not_run_yet(&what, artifact.span, "12.2", None);
        true
    }
}
