//! What is asked: a set of entities, and steps from it to others.

use std::fmt;

use floria::{EntityKind, Namespace, Value};

/// A query: where it starts, and the steps from there. Its answer is what the last step comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What kind of entities it is about. Steps are from vertexes to vertexes, or from templates to templates.
    pub kind: EntityKind,
    /// Where it starts.
    pub start: Condition,
    /// The steps from there, each with a condition on where it leads.
    pub steps: Vec<(Step, Condition)>,
    /// At most so many, of the lowest keys. None: all.
    pub limit: Option<usize>,
}

/// From a set of vertexes to another.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Along edges.
    Edges {
        /// Which way.
        direction: Direction,
        /// Which edges.
        edge: Condition,
        /// How many, one after the other.
        times: Times,
    },
    /// To what a vertex contains.
    Contents(Times),
    /// To what contains a vertex.
    Container(Times),
    /// To the node that a vertex is of: the outermost container (itself, if nothing contains it) below the service.
    Node,
}

/// Which way an edge is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From its source to its target.
    Out,
    /// From its target to its source.
    In,
}

/// How often a step is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// At least so often.
    pub min: u32,
    /// At most so often. None: without end.
    pub max: Option<u32>,
}

impl Times {
    /// Once.
    pub const ONE: Self = Self { min: 1, max: Some(1) };
    /// Once or more often: all that can be reached.
    pub const ANY: Self = Self { min: 1, max: None };
}

/// What must be true of an entity.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of these; with none, everything.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// This.
    Test(Test),
}

impl Condition {
    /// True of everything.
    pub const EVERYTHING: Self = Self::All(Vec::new());
}

/// A single test of an entity.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `web`: its name is `web`, or `web-` and a number, as the representations of a node are called.
    Name(String),
    /// `web/3`: it is called `web-3`; and `web/0`: it is called `web-0` or `web`.
    Representation(String, u32),
    /// `name:web` or `"web"`: its name is exactly that.
    Exactly(String),
    /// `id:7`.
    Id(u64),
    /// `shop:`: it lives in namespace `shop`, and not below.
    Namespace(Namespace),
    /// `in shop`: it lives in namespace `shop` or below.
    Under(Namespace),
    /// `type:Container`: it is of the class of this name, or of one whose name ends with `:Container`.
    Class(String),
    /// `origin:shop.yaml`: it was asked for in this source.
    Origin(String),
    /// `port=80`: a property's value.
    Property(String, Comparison),
    /// `@owner=alice`: metadata.
    Metadata(String, Comparison),
    /// `state:failed`: a keyword of the [`Vocabulary`](crate::Vocabulary), with what it means there.
    Keyword {
        /// The word.
        word: String,
        /// What it looks at.
        meaning: Meaning,
        /// The text that must be there.
        text: String,
    },
}

/// What a keyword looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The metadata of this key.
    Metadata(String),
    /// The value of the property of this name.
    Property(String),
}

/// How a value is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// `=*`: there is one.
    Present,
    /// `!=*`: there is none.
    Absent,
    /// `=`: there is one that equals this.
    Equal(Value),
    /// `!=`: there is one, and it does not equal this.
    NotEqual(Value),
    /// `<`.
    Less(Value),
    /// `<=`.
    LessOrEqual(Value),
    /// `>`.
    Greater(Value),
    /// `>=`.
    GreaterOrEqual(Value),
    /// `~`: it is text with this in it, or a list with this as an item.
    Contains(Value),
}

/// Returns the word for a kind of entities in queries.
pub(crate) fn kind_word(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Class => "class",
        EntityKind::Plugin => "plugin",
        EntityKind::VertexTemplate => "vertex-template",
        EntityKind::EdgeTemplate => "edge-template",
        EntityKind::Vertex => "vertex",
        EntityKind::Edge => "edge",
    }
}

/// Shows it as text that is read as the same query.
impl fmt::Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != EntityKind::Vertex {
            write!(formatter, "kind:{} ", kind_word(self.kind))?;
        }
        write!(formatter, "{}", self.start)?;
        for (step, condition) in &self.steps {
            write!(formatter, " {step} {condition}")?;
        }
        match self.limit {
            Some(limit) => write!(formatter, " limit {limit}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edges { direction, edge, times } => {
                let edge = if *edge == Condition::EVERYTHING { String::new() } else { format!("[{edge}]-") };
                match direction {
                    Direction::Out if edge.is_empty() => write!(formatter, "->{times}"),
                    Direction::Out => write!(formatter, "-{edge}>{times}"),
                    Direction::In => write!(formatter, "<-{edge}{times}"),
                }
            }
            Self::Contents(times) => write!(formatter, "contents{times}"),
            Self::Container(times) => write!(formatter, "container{times}"),
            Self::Node => formatter.write_str("node"),
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (1, Some(1)) => Ok(()),
            (1, None) => formatter.write_str("*"),
            (min, None) => write!(formatter, "{{{min}..}}"),
            (min, Some(max)) if min == max => write!(formatter, "{{{min}}}"),
            (min, Some(max)) => write!(formatter, "{{{min}..{max}}}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(conditions) if conditions.is_empty() => formatter.write_str("*"),
            Self::All(conditions) => {
                let mut before: Option<&Self> = None;
                for condition in conditions {
                    // A name that would mean something else by itself, such as `in` or `-`, is one after its namespace.
                    let space = match (before, condition) {
                        (None, _)
                        | (
                            Some(Self::Test(Test::Namespace(_))),
                            Self::Test(Test::Name(_) | Test::Representation(..)),
                        ) => "",
                        _ => " ",
                    };
                    before = Some(condition);
                    match condition {
                        Self::All(_) => write!(formatter, "{space}({condition})")?,
                        _ => write!(formatter, "{space}{condition}")?,
                    }
                }
                Ok(())
            }
            Self::Any(conditions) => {
                formatter.write_str("(")?;
                for (index, condition) in conditions.iter().enumerate() {
                    write!(formatter, "{}{condition}", if index == 0 { "" } else { " or " })?;
                }
                formatter.write_str(")")
            }
            Self::Not(condition) if matches!(**condition, Self::All(_)) => {
                write!(formatter, "not ({condition})")
            }
            Self::Not(condition) => write!(formatter, "not {condition}"),
            Self::Test(test) => write!(formatter, "{test}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Representation(name, index) => write!(formatter, "{name}/{index}"),
            Self::Exactly(name) => write!(formatter, "name:{}", Quoted(name)),
            Self::Id(id) => write!(formatter, "id:{id}"),
            Self::Namespace(namespace) => write!(formatter, "{}:", Quoted(&namespace.0)),
            Self::Under(namespace) => write!(formatter, "in {}", Quoted(&namespace.0)),
            Self::Class(class) => write!(formatter, "type:{}", Quoted(class)),
            Self::Origin(source) => write!(formatter, "origin:{}", Quoted(source)),
            Self::Property(name, comparison) => write!(formatter, "{}{comparison}", Quoted(name)),
            Self::Metadata(key, comparison) => write!(formatter, "@{}{comparison}", Quoted(key)),
            Self::Keyword { word, text, .. } => write!(formatter, "{word}:{}", Quoted(text)),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operator, value) = match self {
            Self::Present => return formatter.write_str("=*"),
            Self::Absent => return formatter.write_str("!=*"),
            Self::Equal(value) => ("=", value),
            Self::NotEqual(value) => ("!=", value),
            Self::Less(value) => ("<", value),
            Self::LessOrEqual(value) => ("<=", value),
            Self::Greater(value) => (">", value),
            Self::GreaterOrEqual(value) => (">=", value),
            Self::Contains(value) => ("~", value),
        };
        match value {
            Value::Text(text) => write!(formatter, "{operator}{}", Quoted(text)),
            other => write!(formatter, "{operator}{other}"),
        }
    }
}

/// Text in quotation marks, as queries read it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
