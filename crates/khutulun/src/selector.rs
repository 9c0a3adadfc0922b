//! The one grammar for choosing nodes: `web`, `web/3`, `shop:web`, `shop:`, `type:Process`, `state:failed`.

use floria::Vertex;

use crate::{error::CliError, instance};

/// Which nodes are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// All nodes of a service: `shop:`.
    Service(String),
    /// A node by name: all its representations, or one of them.
    Node {
        /// The service, where it was named.
        service: Option<String>,
        /// The name.
        node: String,
        /// Which representation.
        index: Option<u32>,
    },
    /// Nodes of a type or one derived from it, by its whole name or its last part.
    Type(String),
    /// Nodes in a state: of the lifecycle, or as observed.
    State(String),
}

impl Selector {
    /// Reads a selector.
    pub(crate) fn parse(text: &str) -> Result<Self, CliError> {
        let wrong = |why: &str| {
            CliError::usage(format!("cannot read the selector `{}`", crate::terminal::harmless(text)), why)
                .next("a selector such as web, web/3, shop:web, shop:, type:Process or state:failed")
        };
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        let (service, rest) = match text.split_once(':') {
            Some(("type", name)) if !name.is_empty() => return Ok(Self::Type(name.to_owned())),
            Some(("state", name)) if !name.is_empty() => return Ok(Self::State(name.to_owned())),
            Some(("type" | "state", _)) => return Err(wrong("nothing follows the colon")),
            Some(("host", _)) => {
                return Err(wrong("there is only one host so far, so `host:` selects nothing yet"));
            }
            Some((service, "")) => return Ok(Self::Service(service.to_owned())),
            Some((service, rest)) => (Some(service.to_owned()), rest),
            None => (None, text),
        };
        let (node, index) = match rest.rsplit_once('/') {
            Some((node, index)) => {
                (node, Some(index.parse().map_err(|_| wrong("what follows the slash is not a number"))?))
            }
            None => (rest, None),
        };
        if node.is_empty() {
            return Err(wrong("it names no node"));
        }
        Ok(Self::Node { service, node: node.to_owned(), index })
    }

    /// Returns the service that it names, if it names one.
    pub(crate) fn service(&self) -> Option<&str> {
        match self {
            Self::Service(service) => Some(service),
            Self::Node { service, .. } => service.as_deref(),
            Self::Type(_) | Self::State(_) => None,
        }
    }

    /// Returns whether a node is meant, of a service that is; `observed` is its state as observed, where that is known.
    pub(crate) fn selects(&self, name: &str, node: &Vertex, observed: Option<&str>) -> bool {
        match self {
            Self::Service(_) => true,
            Self::Node { node: wanted, index: None, .. } => {
                name == wanted
                    || name.strip_prefix(wanted.as_str()).and_then(|rest| rest.strip_prefix('-')).is_some_and(
                        |index| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()),
                    )
            }
            Self::Node { node: wanted, index: Some(index), .. } => {
                name == format!("{wanted}-{index}") || (*index == 0 && name == wanted)
            }
            Self::Type(wanted) => node
                .classes
                .iter()
                .any(|class| class.0 == *wanted || class.0.rsplit(':').next() == Some(wanted.as_str())),
            Self::State(wanted) => {
                instance::lifecycle_state(node) == wanted || observed == Some(wanted.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Selector) {
        assert_eq!(Selector::parse(text).unwrap(), expected);
    }

    #[test]
    fn the_grammar_is_read() {
        let node = |service: Option<&str>, node: &str, index| Selector::Node {
            service: service.map(str::to_owned),
            node: node.to_owned(),
            index,
        };
        check("web", node(None, "web", None));
        check("web/3", node(None, "web", Some(3)));
        check("shop:web", node(Some("shop"), "web", None));
        check("shop:", Selector::Service("shop".to_owned()));
        check("type:Process", Selector::Type("Process".to_owned()));
        check("state:failed", Selector::State("failed".to_owned()));
        for wrong in ["", "web/x", "shop:/3", "type:", "host:h2"] {
            Selector::parse(wrong).unwrap_err();
        }
    }
}
