//! What a plugin says about itself.

use serde::{Deserialize, Serialize};

use crate::Grant;

/// The name of the schema that [`Manifest`] reads.
const SCHEMA: &str = "khutulun.manifest/1";

/// What a plugin says about itself, before anybody trusts it: `khutulun.manifest/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The schema and its version.
    pub schema: String,
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Whether running any operation again with the same operation id does no harm.
    #[serde(default)]
    pub repeatable: bool,
    /// What it asks for.
    #[serde(default)]
    pub asks: Grant,
}

impl Manifest {
    /// Reads a manifest. What it asks for and this version does not know is an error, and never a grant of less.
    pub(crate) fn read(json: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let head: Head = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if head.schema != SCHEMA {
            return Err(format!("its schema is `{}`, and this khutulun reads `{SCHEMA}`", head.schema));
        }
        serde_json::from_str(json).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str, expected: &str) {
        let error = Manifest::read(json).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        refused("", "EOF");
        refused(r#"{"schema":"khutulun.manifest/2"}"#, "reads `khutulun.manifest/1`");
        refused(
            r#"{"schema":"khutulun.manifest/1","name":"a","version":"1","asks":{"secrets":["x"]}}"#,
            "unknown field `secrets`",
        );
    }

    #[test]
    fn what_is_not_asked_for_is_nothing() {
        let manifest =
            Manifest::read(r#"{"schema":"khutulun.manifest/1","name":"a","version":"1"}"#).unwrap();
        assert_eq!(manifest.asks, Grant::default());
        assert!(!manifest.repeatable);
    }
}
