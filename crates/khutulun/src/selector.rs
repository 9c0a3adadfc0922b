//! Choosing nodes, by the grammar of queries (see docs/queries.md): `web`, `web/3`, `client/impl/software`, `shop:web`, `shop:`,
//! `type:Process`, `state:failed`, `web -> *`.

use std::collections::BTreeSet;

use floria::{At, Entity, EntityKind, Namespace, Store, StoreError, Vertex, VertexId};
use floria_query::{Condition, ParseError, Query, Test, Vocabulary};
use khutulun_api::names;

use crate::{error::CliError, instance, terminal::harmless};

/// The keyword whose meaning changes by itself.
const STATE: &str = "state";

/// The keywords of queries here, beside those of every query.
pub(crate) fn vocabulary() -> Vocabulary {
    Vocabulary::default().metadata(STATE, names::STATE).metadata("node", names::NODE)
}

/// Which nodes are meant.
#[derive(Debug)]
pub(crate) struct Selector {
    query: Query,
    /// What the query came to, where it takes steps.
    reached: BTreeSet<VertexId>,
}

impl Selector {
    /// Reads selectors, and follows their steps in a store.
    pub(crate) fn read_all(texts: &[String], store: &dyn Store) -> Result<Vec<Self>, CliError> {
        texts.iter().map(|text| Self::read(text, store)).collect()
    }

    /// Reads a selector, and follows its steps in a store.
    pub(crate) fn read(text: &str, store: &dyn Store) -> Result<Self, CliError> {
        let query = Self::parse(text)?;
        let mut reached = BTreeSet::new();
        if !query.steps.is_empty() || query.limit.is_some() {
            let run = || -> Result<_, StoreError> { query.run(&*store.snapshot(At::Now)?) };
            reached.extend(run()?.into_iter().filter_map(|entity| match entity {
                Entity::Vertex(vertex) => Some(vertex.id),
                _ => None,
            }));
        }
        Ok(Self { query, reached })
    }

    /// Checks that texts are selectors, before there is a store.
    pub(crate) fn check(texts: &[String]) -> Result<(), CliError> {
        texts.iter().try_for_each(|text| Self::parse(text).map(drop))
    }

    fn parse(text: &str) -> Result<Query, CliError> {
        let query = Query::parse(text, &vocabulary()).map_err(|error| wrong("selector", text, &error))?;
        if query.kind == EntityKind::Vertex {
            return Ok(query);
        }
        let what = format!("cannot use the selector `{}`", harmless(text));
        Err(CliError::usage(what, "a node is a vertex, and it is about entities of another kind")
            .next(format!("khutulun store query '{}'", harmless(text))))
    }

    /// Returns the service that it names at its beginning, if it names one there.
    pub(crate) fn service(&self) -> Option<&str> {
        let first = match &self.query.start {
            Condition::All(all) => all.first(),
            condition => Some(condition),
        };
        match first {
            Some(Condition::Test(Test::Namespace(Namespace(name)))) => Some(name),
            _ => None,
        }
    }

    /// Returns whether reality decides whether a node is meant: its state may be another one than what is recorded.
    pub(crate) fn is_about_states(&self) -> bool {
        fn is(condition: &Condition) -> bool {
            match condition {
                Condition::All(conditions) | Condition::Any(conditions) => conditions.iter().any(is),
                Condition::Not(condition) => is(condition),
                Condition::Test(test) => matches!(test, Test::Keyword { word, .. } if word == STATE),
            }
        }
        self.query.steps.is_empty() && is(&self.query.start)
    }

    /// Returns whether a node is meant. Its state is the recorded one or the `observed` one, where that is known; after steps, it
    /// is the recorded one.
    pub(crate) fn selects(&self, node: &Vertex, observed: Option<&str>) -> bool {
        if !self.query.steps.is_empty() || self.query.limit.is_some() {
            return self.reached.contains(&node.id);
        }
        let in_state = |state: &str| {
            let mut node = node.clone();
            node.metadata.insert(names::STATE.to_owned(), state.into());
            self.query.start.holds(&Entity::Vertex(node))
        };
        in_state(instance::lifecycle_state(node)) || observed.is_some_and(in_state)
    }
}

/// Why a text is no selector, or no query.
pub(crate) fn wrong(what: &str, text: &str, error: &ParseError) -> CliError {
    CliError::usage(format!("cannot read the {what}"), error.to_string())
        .place(format!("`{}`", harmless(text)))
        .next("write it as docs/queries.md says, such as: web, web/3, type:Process, 'web -> *'")
}

#[cfg(test)]
mod tests {
    use floria::MemoryStore;

    use super::*;

    fn selector(text: &str) -> Selector {
        Selector::read(text, &MemoryStore::new()).unwrap()
    }

    #[test]
    fn a_service_is_named_at_the_beginning() {
        assert_eq!(selector("shop:web").service(), Some("shop"));
        assert_eq!(selector("shop:").service(), Some("shop"));
        assert_eq!(selector("shop:client/impl/software").service(), Some("shop"));
        assert_eq!(selector("web").service(), None);
        assert_eq!(selector("not shop:").service(), None);
    }

    #[test]
    fn a_state_is_the_recorded_or_the_observed_one() {
        let mut node = floria_node();
        for state in ["initial", "running"] {
            assert!(selector(&format!("state:{state} web/3")).selects(&node, Some("running")), "{state}");
        }
        node.metadata.insert(names::STATE.to_owned(), "started".into());
        assert!(!selector("state:initial").selects(&node, Some("running")));
        assert!(selector("(db or state:started)").is_about_states());
        assert!(!selector("type:Process").is_about_states());
    }

    #[test]
    fn what_is_no_selector_of_nodes_is_refused() {
        for text in ["", "web//x", "type:", "host:h2", "kind:edge *"] {
            assert!(Selector::check(&[text.to_owned()]).is_err(), "{text}");
        }
    }

    fn floria_node() -> Vertex {
        Vertex {
            id: VertexId(1),
            namespace: Namespace("shop".to_owned()),
            name: "web-3".to_owned(),
            container: None,
            classes: Vec::new(),
            properties: Default::default(),
            handlers: Default::default(),
            metadata: Default::default(),
            origin: None,
        }
    }
}
