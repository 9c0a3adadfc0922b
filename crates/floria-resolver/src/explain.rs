//! Why an edge leads where it leads, or nowhere: data, and text for people.

mod text;

pub(crate) use text::{CHOSEN, FITS};

use floria::{ClassName, EdgeTemplateId, Origin, Value, VertexId};

/// How many candidates an explanation lists for each reason; the rest is counted.
pub const LISTED_MAX: usize = 20;

/// What a requirement asked for, and what became of each candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The requirement.
    pub requirement: Requirement,
    /// What it asks of its targets, in the order in which candidates are held against it.
    pub asked: Vec<Ask>,
    /// The candidates, in order of preference. Of those that were dropped for the same reason, some.
    pub candidates: Vec<Considered>,
    /// How many more were dropped, by reason.
    pub left_out: Vec<LeftOut>,
}

/// A requirement of an instance: what one edge template asks for at one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// The source.
    pub source: VertexId,
    /// The path of the source, as in `web-0`.
    pub path: String,
    /// The name of the requirement.
    pub name: String,
    /// The edge template.
    pub template: EdgeTemplateId,
    /// How many edges there should be; None: not known yet.
    pub wanted: Option<u64>,
    /// How many there are.
    pub made: u64,
    /// Whether there may be fewer.
    pub is_optional: bool,
    /// Whether nobody wrote it: it is there because its definition wants it.
    pub is_implicit: bool,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// Something that a requirement asks of its target.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// To be an instance of this template.
    Template(String),
    /// To have one of these classes.
    Class(Vec<ClassName>),
    /// To have this name.
    Name(String),
    /// To be in something that has one of these classes.
    ContainerClass(Vec<ClassName>),
    /// To have this index among the instances of its template: a value, or why there is none.
    Index(Result<Value, String>),
    /// To meet a condition, which is written there.
    Condition(Option<Origin>),
    /// To have enough left of a property.
    Allocation {
        /// The property.
        property: String,
        /// How much, if that is said without computing anything.
        amount: Option<Value>,
    },
}

/// A candidate, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Considered {
    /// The candidate.
    pub vertex: VertexId,
    /// Its path, as in `db/endpoint`.
    pub path: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// An edge leads there.
    Chosen {
        /// The index of the edge among those of the requirement's name.
        index: u32,
    },
    /// An edge could lead there.
    Fits,
    /// Nobody knows before these have a value.
    Waits(Vec<String>),
    /// No edge can lead there.
    Dropped {
        /// The first thing that is not as asked for.
        reason: Reason,
        /// Where that is asked for.
        origin: Option<Origin>,
    },
}

/// Why a candidate is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// It has none of these classes.
    Class {
        /// The classes.
        wanted: Vec<ClassName>,
    },
    /// It has another name.
    Name {
        /// The name that is asked for.
        wanted: String,
    },
    /// What contains it has none of these classes.
    ContainerClass {
        /// The classes.
        wanted: Vec<ClassName>,
    },
    /// It is another one of its template than the index says.
    Index,
    /// It says itself that only sources of these classes may lead to it.
    Source {
        /// The classes.
        valid: Vec<ClassName>,
    },
    /// It says itself that only edges of these classes may lead to it.
    Relationship {
        /// The classes.
        valid: Vec<ClassName>,
    },
    /// It is only for other services.
    OutOfReach,
    /// Another edge of the requirement leads there already.
    Taken,
    /// A condition came to something else than true.
    Condition {
        /// What it came to: a value, or why it has none.
        came_to: Result<Value, String>,
    },
    /// It has not enough left.
    Allocation {
        /// The property.
        property: String,
        /// How much is asked for.
        amount: Value,
        /// How much there is in all.
        capacity: Value,
        /// The sources of the edges that have something of it, with their requirements' names.
        holders: Vec<String>,
    },
    /// What is asked for cannot be taken of it at all.
    NotAllocatable {
        /// The property.
        property: String,
        /// Why not.
        why: String,
    },
}

/// Candidates that are not listed.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// What is not as asked for, in a few words.
    pub reason: String,
    /// Where it is asked for.
    pub origin: Option<Origin>,
    /// How many there are.
    pub count: usize,
}

/// A requirement whose edges are not made, since what decides where they lead is not known yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Postponed {
    /// The requirement.
    pub requirement: Requirement,
    /// What it waits for, as in `db.address`.
    pub waits: Vec<String>,
    /// Some of that is its source's own: what only somebody who has made the source with this edge can know.
    pub waits_for_source: bool,
}
