//! From a design to its instances, or to why there are none.

use floria::Graph;
use floria_resolver::{Ids, Limits, NoHooks, Request, Resolution, ResolveError, resolve};

use crate::{
    error::CliError,
    exit::Exit,
    hooks::{self, has_hooks},
    inventory::Others,
    proposal::Intention,
    session::Session,
};

impl Intention {
    /// Makes the instances that should be there, as the hooks of their templates adapt them. What is new has its ids from `ids`.
    pub(crate) fn resolve(
        &self,
        session: &Session,
        actual: &Graph,
        others: &Others,
        ids: &mut dyn Ids,
    ) -> Result<Resolution, CliError> {
        let inventory = others.inventory();
        let request = Request {
            design: &self.design,
            inputs: &self.inputs,
            current: actual,
            inventory: &inventory,
            functions: &*session.functions,
            limits: Limits::default(),
        };
        let resolved = if has_hooks(&self.design) {
            let digests = self.artifacts.iter().map(|artifact| artifact.digest.clone());
            let contents = self.artifacts()?.into_iter().map(|(content, _)| content);
            let runner = hooks::runner(digests.zip(contents).collect());
            resolve(&request, ids, &mut runner.hooks())
        } else {
            resolve(&request, ids, &mut NoHooks)
        };
        resolved.map_err(|error| self.not_resolved(session, error))
    }

    /// Why there are no instances, as an error for people.
    pub(crate) fn not_resolved(&self, session: &Session, error: ResolveError) -> CliError {
        match error {
            ResolveError::Store(error) => session.store_error(error),
            ResolveError::Empty(_)
            | ResolveError::MissingContainer { .. }
            | ResolveError::MissingEnd { .. }
            | ResolveError::Rule { .. }
            | ResolveError::OutOfIds => CliError::new(Exit::Bug, "failed to make instances of the design")
                .place(self.compiled.source.path.display().to_string())
                .cause(&error)
                .next("please report this with the design"),
            error => {
                let place = || match &error {
                    ResolveError::Hook { event, .. } => format!("the handler of `{event}`"),
                    _ => self.compiled.source.path.display().to_string(),
                };
                let next = match &error {
                    ResolveError::Hook { .. } => {
                        "change what the hook looks at, or the hook, then run the command again"
                    }
                    _ => "mend the design or the inputs, then run the command again",
                };
                CliError::new(Exit::InvalidDesign, "the design cannot be instantiated")
                    .place(error.origin().map_or_else(place, ToString::to_string))
                    .cause(&error)
                    .next(next)
            }
        }
    }
}
