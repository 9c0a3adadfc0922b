//! Where the edges of a template lead.

use super::{RuleError, Rules, put, read, read::malformed, words};
use crate::{ClassName, Expression, Named, Value};

/// Where targets are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// In the service.
    Internal,
    /// In other services.
    External,
}

impl Reach {
    const WORDS: [(&'static str, Self); 2] = [("internal", Self::Internal), ("external", Self::External)];

    /// Returns the word for it in rules.
    pub fn word(self) -> &'static str {
        read::word_of(&Self::WORDS, self)
    }
}

/// How many edges are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// One.
    #[default]
    One,
    /// One to every candidate: what groups, policies and steps have. None is fine, and each edge's index is the candidate's place.
    All,
    /// As many as this says, evaluated at the source's instance; each to another target.
    Of(Expression),
}

/// Where the edges of an edge template lead: to instances that are looked for.
///
/// The template's target is where candidates are: when it is a capability or a node that is named, its instances; when it is a
/// service, all that is in the service's instance and is of [`Self::class`] or [`Self::name`].
///
/// What is evaluated *at the edge* is evaluated as if the edge to the candidate were there already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The class that a candidate must have, such as a capability type's.
    pub class: Option<ClassName>,
    /// The name that a candidate must have, such as that of a capability in its node.
    pub name: Option<String>,
    /// The class that the candidate's container must have, such as a node type's.
    pub container_class: Option<ClassName>,
    /// Classes of which a candidate must have one, beside [`Self::class`]; None: no restriction.
    pub valid_classes: Option<Vec<ClassName>>,
    /// Classes of which the candidate's container must have one; None: no restriction.
    pub valid_container_classes: Option<Vec<ClassName>>,
    /// Which instance of the named template: an index, evaluated at the source's instance (or, where it says so, at the edge).
    pub index: Option<Expression>,
    /// Conditions that must all be true, evaluated at the edge.
    pub conditions: Vec<Expression>,
    /// How much of the target's properties an edge takes, by the properties' names; evaluated at the edge.
    pub allocation: Named<Expression>,
    /// How many edges.
    pub count: Count,
    /// Whether there may be fewer, down to none. What is optional comes after all that is not.
    pub optional: bool,
    /// Where to look, in order of preference; empty: in the service.
    pub reach: Vec<Reach>,
    /// How many edges of this name there may be at one source, over all edge templates of the name: at least and at most.
    pub range: Option<(u64, Option<u64>)>,
    /// Whether nobody wrote the requirement: it is there because its definition wants it.
    pub implicit: bool,
}

impl Selector {
    /// Reads the rules of an edge template: None when it has none, and leads to the one instance of its target.
    ///
    /// # Errors
    ///
    /// When a rule is not known or not of its form.
    pub fn of(rules: &Rules) -> Result<Option<Self>, RuleError> {
        if rules.is_empty() {
            return Ok(None);
        }
        let mut reader = read::Reader::new(rules);
        let classes =
            |names: Option<Vec<String>>| names.map(|names| names.into_iter().map(ClassName).collect());
        let selector = Self {
            class: reader.text("class")?.map(ClassName),
            name: reader.text("name")?,
            container_class: reader.text("container-class")?.map(ClassName),
            valid_classes: classes(reader.texts("valid-classes")?),
            valid_container_classes: classes(reader.texts("valid-container-classes")?),
            index: reader.expression("index"),
            conditions: match reader.expression("conditions") {
                None => Vec::new(),
                Some(Expression::List(conditions)) => conditions,
                Some(Expression::Literal(Value::List(conditions))) => {
                    conditions.into_iter().map(Expression::Literal).collect()
                }
                Some(_) => return Err(malformed("conditions", "a list")),
            },
            allocation: match reader.expression("allocation") {
                None => Named::new(),
                Some(Expression::Map(entries)) => entries
                    .into_iter()
                    .map(|(name, amount)| match name {
                        Expression::Literal(Value::Text(name)) => Ok((name, amount)),
                        _ => Err(malformed("allocation", "a map by name")),
                    })
                    .collect::<Result<_, _>>()?,
                Some(_) => return Err(malformed("allocation", "a map")),
            },
            count: match reader.expression("count") {
                None => Count::One,
                Some(Expression::Literal(Value::Text(word))) if word == ALL => Count::All,
                Some(count) => Count::Of(count),
            },
            optional: reader.flag("optional")?,
            reach: reader.words("reach", &Reach::WORDS)?,
            range: match reader.literal("range")? {
                None => None,
                Some(Value::List(bounds)) => match bounds.as_slice() {
                    [Value::Integer(min), Value::Null] => Some((bound(*min)?, None)),
                    [Value::Integer(min), Value::Integer(max)] => Some((bound(*min)?, Some(bound(*max)?))),
                    _ => return Err(malformed("range", "two bounds")),
                },
                Some(_) => return Err(malformed("range", "two bounds")),
            },
            implicit: reader.flag("implicit")?,
        };
        // An edge template with a selector that says nothing still has one.
        reader.skip(&["select"]);
        reader.done()?;
        Ok(Some(selector))
    }

    /// Returns the rules that say this; they are never empty.
    pub fn into_rules(self) -> Rules {
        let mut rules = Rules::new();
        let text = |text: String| Expression::Literal(Value::Text(text));
        let flag = |flag: bool| flag.then_some(Expression::Literal(true.into()));
        let classes = |classes: Option<Vec<ClassName>>| {
            classes.map(|classes| {
                Expression::Literal(Value::List(
                    classes.into_iter().map(|class| Value::Text(class.0)).collect(),
                ))
            })
        };
        put(&mut rules, "class", self.class.map(|class| text(class.0)));
        put(&mut rules, "name", self.name.map(text));
        put(&mut rules, "container-class", self.container_class.map(|class| text(class.0)));
        put(&mut rules, "valid-classes", classes(self.valid_classes));
        put(&mut rules, "valid-container-classes", classes(self.valid_container_classes));
        put(&mut rules, "index", self.index);
        put(
            &mut rules,
            "conditions",
            (!self.conditions.is_empty()).then_some(Expression::List(self.conditions)),
        );
        let allocation: Vec<_> =
            self.allocation.into_iter().map(|(name, amount)| (text(name), amount)).collect();
        put(&mut rules, "allocation", (!allocation.is_empty()).then_some(Expression::Map(allocation)));
        put(
            &mut rules,
            "count",
            match self.count {
                Count::One => None,
                Count::All => Some(text(ALL.to_owned())),
                Count::Of(count) => Some(count),
            },
        );
        put(&mut rules, "optional", flag(self.optional));
        put(&mut rules, "reach", words(self.reach.iter().map(|reach| reach.word())));
        let bound = |bound: u64| Value::Integer(i64::try_from(bound).unwrap_or(i64::MAX));
        let range = self.range.map(|(min, max)| {
            Expression::Literal(Value::List(vec![bound(min), max.map_or(Value::Null, bound)]))
        });
        put(&mut rules, "range", range);
        put(&mut rules, "implicit", flag(self.implicit));
        if rules.is_empty() {
            put(&mut rules, "select", flag(true));
        }
        rules
    }
}

/// The word for [`Count::All`].
const ALL: &str = "ALL";

fn bound(bound: i64) -> Result<u64, RuleError> {
    u64::try_from(bound).map_err(|_| malformed("range", "two bounds"))
}
