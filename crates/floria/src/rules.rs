//! The rules of templates: how many instances are made of them, and where their edges lead.
//!
//! Templates keep rules as expressions by name, so that they are stored, compared and exchanged like everything else. The types
//! here are what whoever writes and reads rules works with: [`Making`] and [`Substitution`] for vertex templates, [`Selector`]
//! for edge templates. A rule that is not known, or not of its form, is an error that names it: nothing is ignored.

mod read;
mod selector;
mod substitution;

use crate::{Expression, Named, Value};

use read::Reader;
pub use read::RuleError;
pub use selector::{Count, Reach, Selector};
pub use substitution::{MappedAttribute, MappedRequirement, MappedTarget, MappingCount, Substitution};

/// What a template says of how instances are made of it; empty where one is made that leads to its one target.
pub type Rules = Named<Expression>;

/// The metadata of a vertex that was made with a [`Making::count`]: its index among those of its template, from 0.
pub const INDEX: &str = "khutulun.index";

/// Metadata of a node, from its template's: whether it may go. What the template no longer says no longer holds.
pub const PROTECTED: &str = "khutulun.protected";

/// Metadata of a property or an edge, from its template's: what a change needs. What the template no longer says no longer holds.
pub const CHANGE: &str = "khutulun.change";

/// The metadata of a vertex whose edges are not all made yet: a list of the names of those that are not.
pub const WAITING: &str = "khutulun.waiting";

/// The metadata of an edge with a [`Selector::allocation`]: what it takes of its target, as a map from properties to amounts.
pub const ALLOCATION: &str = "khutulun.allocation";

/// The metadata of a vertex template: the classes of which the source of an edge must have one; a list.
pub const VALID_SOURCES: &str = "khutulun.valid-sources";

/// The metadata of a vertex template: the classes of which an edge that ends here must have one; a list.
pub const VALID_RELATIONSHIPS: &str = "khutulun.valid-relationships";

/// The metadata of a vertex template: from where edges may lead here, a list of the words of [`Reach`]. Without it, from
/// everywhere.
pub const REACH: &str = "khutulun.reach";

/// The metadata of a vertex that is directly in a service and of which edges are about: a node. The value is its template's name.
pub const NODE: &str = "khutulun.node";

/// The metadata of a vertex that stands for another one ([`Directive::Select`]): a map of that one's `namespace`, `path` and `id`.
pub const SELECTED: &str = "khutulun.selected";

/// The metadata of a vertex: what is taken of it by what is not in its graph, as a map from properties to amounts.
pub const ALLOCATED: &str = "khutulun.allocated";

/// The name of the edge from a vertex that stands for another one in the same graph to that one.
pub const SELECTION: &str = "selection";

/// The name of the edges from a capability of a substituted vertex to those that stand for it.
pub const SUBSTITUTION: &str = "substitution";

/// The metadata of a handler: the workflow of the service inside of its vertex that does what the handler is for.
pub const MAPPED_WORKFLOW: &str = "khutulun.mapped-workflow";

/// How an instance comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Directive {
    /// It is made.
    Create,
    /// It stands for an existing one.
    Select,
    /// It is made, and what is inside of it is a service of its own.
    Substitute,
}

impl Directive {
    const WORDS: [(&'static str, Self); 3] =
        [("create", Self::Create), ("select", Self::Select), ("substitute", Self::Substitute)];

    /// Returns the word for it in rules.
    pub fn word(self) -> &'static str {
        read::word_of(&Self::WORDS, self)
    }
}

/// How instances are made of a vertex template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Making {
    /// How many: a count, evaluated at the container's instance. None: one, whose name has no index. Otherwise the instances
    /// are named after the template with `-` and their index, from 0, and have the metadata [`INDEX`].
    pub count: Option<Expression>,
    /// How they come to be: tried in order, the first that can be is taken. Empty: they are made.
    pub directives: Vec<Directive>,
    /// What must hold of an existing instance that is selected; evaluated at it.
    pub filter: Option<Expression>,
}

impl Making {
    /// Reads the rules of a vertex template.
    ///
    /// # Errors
    ///
    /// When a rule is not known or not of its form. The rules of a [`Substitution`] are known, and left out.
    pub fn of(rules: &Rules) -> Result<Self, RuleError> {
        let mut reader = Reader::new(rules);
        let making = Self {
            count: reader.expression("count"),
            directives: reader.words("directives", &Directive::WORDS)?,
            filter: reader.expression("filter"),
        };
        reader.skip(&Substitution::NAMES);
        reader.done()?;
        Ok(making)
    }

    /// Returns the rules that say this.
    pub fn into_rules(self) -> Rules {
        let mut rules = Rules::new();
        put(&mut rules, "count", self.count);
        put(&mut rules, "directives", words(self.directives.iter().map(|directive| directive.word())));
        put(&mut rules, "filter", self.filter);
        rules
    }
}

fn put(rules: &mut Rules, name: &str, rule: Option<Expression>) {
    if let Some(rule) = rule {
        rules.insert(name.to_owned(), rule);
    }
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> Option<Expression> {
    let words: Vec<Value> = words.map(Value::from).collect();
    (!words.is_empty()).then_some(Expression::Literal(Value::List(words)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClassName, Named};

    #[test]
    fn a_selector_is_what_its_rules_say() {
        let selector = Selector {
            class: Some(ClassName("x:Compute".to_owned())),
            name: Some("host".to_owned()),
            container_class: Some(ClassName("x:Server".to_owned())),
            valid_classes: Some(vec![ClassName("x:Compute".to_owned())]),
            valid_container_classes: Some(Vec::new()),
            index: Some(Expression::Literal(2.into())),
            conditions: vec![Expression::Literal(true.into())],
            allocation: Named::from([("cpus".to_owned(), Expression::Literal(2.into()))]),
            count: Count::Of(Expression::Literal(3.into())),
            optional: true,
            reach: vec![Reach::External, Reach::Internal],
            range: Some((1, None)),
            implicit: true,
        };
        assert_eq!(Selector::of(&selector.clone().into_rules()), Ok(Some(selector)));
        let all = Selector { count: Count::All, ..Selector::default() };
        assert_eq!(Selector::of(&all.clone().into_rules()), Ok(Some(all)));
        assert_eq!(Selector::of(&Selector::default().into_rules()), Ok(Some(Selector::default())));
        assert_eq!(Selector::of(&Rules::new()), Ok(None));
    }

    #[test]
    fn a_substitution_is_what_its_rules_say() {
        let target = MappedTarget { node: "software".to_owned(), name: Some("service".to_owned()) };
        let substitution = Substitution {
            class: ClassName("x:Client".to_owned()),
            condition: Some(Expression::Literal(true.into())),
            attributes: vec![MappedAttribute {
                holder: vec!["CAPABILITY".into(), "service".into()],
                name: "address".to_owned(),
                value: Expression::Literal("here".into()),
            }],
            capabilities: vec![("service".to_owned(), target.clone())],
            requirements: vec![
                MappedRequirement {
                    name: "host".to_owned(),
                    count: MappingCount::Of(2),
                    targets: vec![MappedTarget { node: "compute".to_owned(), name: None }, target],
                },
                MappedRequirement {
                    name: "host".to_owned(),
                    count: MappingCount::Unbounded,
                    targets: vec![],
                },
                MappedRequirement { name: "host".to_owned(), count: MappingCount::Unsaid, targets: vec![] },
            ],
            operations: vec![("lifecycle.start".to_owned(), "begin".to_owned())],
        };
        let rules = substitution.clone().into_rules();
        assert_eq!(Substitution::of(&rules), Ok(Some(substitution)));
        assert_eq!(Making::of(&rules), Ok(Making::default()), "a template may say both");
    }

    #[test]
    fn a_rule_that_nobody_knows_is_named() {
        let making = Making {
            count: Some(Expression::Literal(3.into())),
            directives: vec![Directive::Select, Directive::Create],
            filter: Some(Expression::Literal(true.into())),
        };
        let mut rules = making.clone().into_rules();
        assert_eq!(Making::of(&rules), Ok(making));
        rules.insert("cuont".to_owned(), Expression::Literal(1.into()));
        assert_eq!(Making::of(&rules), Err(RuleError::Unknown { name: "cuont".to_owned() }));
        let rules = Rules::from([("directives".to_owned(), Expression::Literal("create".into()))]);
        assert!(matches!(Making::of(&rules), Err(RuleError::Malformed { name, .. }) if name == "directives"));
    }
}
