//! Which vertexes the instance of a service's template can stand for.

use super::{RuleError, Rules, put, read, read::malformed};
use crate::{ClassName, Expression, Value};

/// What an outermost template other than a design's first says: for which vertexes its instance can stand, and how the two are
/// wired. Such an instance is contained in the vertex that it stands for. What flows into it needs no rule: the updaters of its
/// properties read the vertex that contains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitution {
    /// The class that such a vertex must have.
    pub class: ClassName,
    /// What must hold of it; evaluated at it.
    pub condition: Option<Expression>,
    /// What flows back into it.
    pub attributes: Vec<MappedAttribute>,
    /// Its capabilities, each with the node template (its name, in this service) and the capability that stand for it.
    pub capabilities: Vec<(String, MappedTarget)>,
    /// Where the targets of its requirements go.
    pub requirements: Vec<MappedRequirement>,
    /// The workflows of this service that do its operations: event (`lifecycle.start`) and workflow.
    pub operations: Vec<(String, String)>,
}

/// An attribute that is computed from what is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedAttribute {
    /// Whose attribute: empty for the vertex itself, a capability's name, or a requirement's name and index (or `ALL`), as in
    /// TOSCA's own words: `[CAPABILITY, name]`, `[RELATIONSHIP, name, 0]`.
    pub holder: Vec<Value>,
    /// The attribute.
    pub name: String,
    /// What becomes its updater; evaluated at the holder.
    pub value: Expression,
}

/// A node template in this service, and something of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedTarget {
    /// The name of the node template.
    pub node: String,
    /// A capability or requirement of it; None for the node itself, which is one to be selected.
    pub name: Option<String>,
}

/// How many assignments of a requirement a mapping is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingCount {
    /// It does not say: one each where a name has several mappings, all where it has a single one.
    Unsaid,
    /// This many.
    Of(u64),
    /// All that are left.
    Unbounded,
}

/// Where the targets of a requirement go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedRequirement {
    /// The requirement of the vertex that is stood for.
    pub name: String,
    /// How many of its assignments.
    pub count: MappingCount,
    /// To each of these.
    pub targets: Vec<MappedTarget>,
}

impl Substitution {
    pub(super) const NAMES: [&'static str; 6] = [
        "substitutes",
        "substitution-condition",
        "mapped-attributes",
        "mapped-capabilities",
        "mapped-requirements",
        "mapped-operations",
    ];

    /// Reads the rules of an outermost template: None when it stands for nothing.
    ///
    /// # Errors
    ///
    /// When a rule is not of its form. Which rules there are is [`Making::of`](super::Making::of)'s to check.
    pub fn of(rules: &Rules) -> Result<Option<Self>, RuleError> {
        let mut reader = read::Reader::new(rules);
        let Some(class) = reader.text("substitutes")?.map(ClassName) else { return Ok(None) };
        let attributes = match reader.rule("mapped-attributes") {
            None => Vec::new(),
            Some(Expression::List(all)) => all
                .iter()
                .map(attribute)
                .collect::<Option<_>>()
                .ok_or_else(|| malformed("mapped-attributes", "a list of mappings"))?,
            Some(_) => return Err(malformed("mapped-attributes", "a list of mappings")),
        };
        Ok(Some(Self {
            class,
            condition: reader.expression("substitution-condition"),
            attributes,
            capabilities: list(&mut reader, "mapped-capabilities", |item| match item {
                [Value::Text(name), target] => Some((name.clone(), mapped_target(target)?)),
                _ => None,
            })?,
            requirements: list(&mut reader, "mapped-requirements", |item| match item {
                [Value::Text(name), count, Value::List(targets)] => Some(MappedRequirement {
                    name: name.clone(),
                    count: match count {
                        Value::Null => MappingCount::Unsaid,
                        Value::Integer(count) => MappingCount::Of(u64::try_from(*count).ok()?),
                        Value::Text(word) if word == UNBOUNDED => MappingCount::Unbounded,
                        _ => return None,
                    },
                    targets: targets.iter().map(mapped_target).collect::<Option<_>>()?,
                }),
                _ => None,
            })?,
            operations: list(&mut reader, "mapped-operations", |item| match item {
                [Value::Text(event), Value::Text(workflow)] => Some((event.clone(), workflow.clone())),
                _ => None,
            })?,
        }))
    }

    /// Returns the rules that say this.
    pub fn into_rules(self) -> Rules {
        let mut rules = Rules::new();
        let texts = |texts: [String; 2]| Value::List(texts.into_iter().map(Value::Text).collect());
        let literal =
            |items: Vec<Value>| (!items.is_empty()).then_some(Expression::Literal(Value::List(items)));
        put(&mut rules, "substitutes", Some(Expression::Literal(Value::Text(self.class.0))));
        put(&mut rules, "substitution-condition", self.condition);
        let attributes: Vec<_> = self
            .attributes
            .into_iter()
            .map(|mapped| {
                let holder = Expression::Literal(Value::List(mapped.holder));
                Expression::List(vec![holder, Expression::Literal(Value::Text(mapped.name)), mapped.value])
            })
            .collect();
        put(
            &mut rules,
            "mapped-attributes",
            (!attributes.is_empty()).then_some(Expression::List(attributes)),
        );
        let capabilities = self
            .capabilities
            .into_iter()
            .map(|(name, target)| Value::List(vec![Value::Text(name), target_value(target)]))
            .collect();
        put(&mut rules, "mapped-capabilities", literal(capabilities));
        let requirements = self
            .requirements
            .into_iter()
            .map(|mapped| {
                let count = match mapped.count {
                    MappingCount::Unsaid => Value::Null,
                    MappingCount::Of(count) => Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)),
                    MappingCount::Unbounded => UNBOUNDED.into(),
                };
                let targets = mapped.targets.into_iter().map(target_value).collect();
                Value::List(vec![Value::Text(mapped.name), count, Value::List(targets)])
            })
            .collect();
        put(&mut rules, "mapped-requirements", literal(requirements));
        let operations =
            self.operations.into_iter().map(|(event, workflow)| texts([event, workflow])).collect();
        put(&mut rules, "mapped-operations", literal(operations));
        rules
    }
}

/// The word for [`MappingCount::Unbounded`].
const UNBOUNDED: &str = "UNBOUNDED";

fn attribute(mapping: &Expression) -> Option<MappedAttribute> {
    let Expression::List(parts) = mapping else { return None };
    match parts.as_slice() {
        [Expression::Literal(Value::List(holder)), Expression::Literal(Value::Text(name)), value] => {
            Some(MappedAttribute { holder: holder.clone(), name: name.clone(), value: value.clone() })
        }
        _ => None,
    }
}

fn mapped_target(target: &Value) -> Option<MappedTarget> {
    let Value::List(target) = target else { return None };
    match target.as_slice() {
        [Value::Text(node)] => Some(MappedTarget { node: node.clone(), name: None }),
        [Value::Text(node), Value::Text(name)] => {
            Some(MappedTarget { node: node.clone(), name: Some(name.clone()) })
        }
        _ => None,
    }
}

fn target_value(target: MappedTarget) -> Value {
    Value::List(std::iter::once(target.node).chain(target.name).map(Value::Text).collect())
}

fn list<T>(
    reader: &mut read::Reader<'_>,
    name: &'static str,
    item: impl Fn(&[Value]) -> Option<T>,
) -> Result<Vec<T>, RuleError> {
    let wrong = || malformed(name, "a list of mappings");
    match reader.literal(name)? {
        None => Ok(Vec::new()),
        Some(Value::List(items)) => items
            .iter()
            .map(|each| match each {
                Value::List(parts) => item(parts).ok_or_else(wrong),
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}
