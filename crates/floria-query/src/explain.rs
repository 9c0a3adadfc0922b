//! How a query is answered, for people and programs.

use std::fmt;

use serde::Serialize;

/// How a query is, or was, answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The query, in its canonical text.
    pub query: String,
    /// The revision that was read.
    pub revision: u64,
    /// What is done, in order.
    pub steps: Vec<Explained>,
}

/// One step of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What it does.
    pub step: String,
    /// The index that it reads.
    pub by: String,
    /// How many entities it was expected to come to: for the first step at most, for the others on average.
    pub estimated: u64,
    /// How many entities it read, if it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// How many it came to, if it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<u64>,
}

impl Explanation {
    /// Returns it as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "schema": "floria.explanation/1",
            "query": self.query,
            "revision": self.revision,
            "steps": self.steps,
        })
    }
}

/// Shows one step a line.
impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} (at revision {})", self.query, self.revision)?;
        for (index, step) in self.steps.iter().enumerate() {
            write!(
                formatter,
                "{:>3}. {} by {}: estimated {}",
                index + 1,
                step.step,
                step.by,
                step.estimated
            )?;
            if let (Some(read), Some(actual)) = (step.read, step.actual) {
                write!(formatter, ", read {read}, came to {actual}")?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}
