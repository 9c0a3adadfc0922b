//! What a service template says of the nodes that it stands for (TOSCA 2.0, chapter 15).

use std::collections::BTreeMap;

use diagnostics::{Diagnostic, Place};
use floria::{
    Call, Expression, Rules, Value,
    rules::{self, MappedAttribute, MappedRequirement, MappedTarget},
};
use khutulun_api::names;
use tosca::model::{self, MappedHolder, MappingCount, MappingTarget, TypeBody, ValueMapping};
use tosca_functions::NAMESPACE;

use crate::lower::Lowering;

impl Lowering<'_, '_> {
    /// The values of the inputs that properties of the substituted node are mapped to: at the vertex of such a service, `SELF`
    /// is that node.
    pub(crate) fn mapped_inputs(&mut self) -> BTreeMap<String, Expression> {
        let mut inputs = BTreeMap::new();
        let Some(substitution) = self.substitution else { return inputs };
        for mapping in &substitution.properties {
            let path = Value::List(std::iter::once("SELF".into()).chain(holder(&mapping.holder)).collect());
            let arguments =
                vec![Expression::Literal(path), Expression::Literal(mapping.name.as_str().into())];
            let value = self.mapped("get_property", arguments, mapping);
            if inputs.insert(mapping.parameter.as_str().to_owned(), value).is_some() {
                let before =
                    substitution.properties.iter().find(|other| other.parameter == mapping.parameter);
                let message = format!("two properties are mapped to the input `{}`", mapping.parameter);
                let mut diagnostic =
                    Diagnostic::error("invalid-mapping", message).at(mapping.span).chapter("15.2");
                if let Some(before) = before {
                    diagnostic = diagnostic.related(Place::new(before.span, "mapped to it already"));
                }
                self.tell(diagnostic);
            }
        }
        inputs
    }

    /// The rules of a service that stands for nodes.
    pub(crate) fn substitution_rules(&mut self) -> Rules {
        let Some(substitution) = self.substitution else { return Rules::new() };
        let class = self.class(substitution.node_type);
        let condition = substitution.filter.as_ref().map(|filter| self.expression(filter));
        let model = self.model;
        let node = |id: &model::NodeTemplateId| model.node(*id).name.as_str().to_owned();
        let attributes = substitution.attributes.iter().map(|mapping| MappedAttribute {
            holder: holder(&mapping.holder),
            name: mapping.name.as_str().to_owned(),
            value: self.mapped_output(mapping),
        });
        let attributes = attributes.collect();
        let capabilities = substitution.capabilities.iter().map(|(name, mapping)| {
            let target = MappedTarget {
                node: node(&mapping.node),
                name: Some(mapping.capability.as_str().to_owned()),
            };
            (name.as_str().to_owned(), target)
        });
        let requirements = substitution.requirements.iter().map(|mapping| MappedRequirement {
            name: mapping.name.as_str().to_owned(),
            count: match mapping.count {
                None => rules::MappingCount::Unsaid,
                Some(MappingCount::Exactly(count)) => rules::MappingCount::Of(count),
                Some(MappingCount::Unbounded) => rules::MappingCount::Unbounded,
            },
            targets: mapping
                .targets
                .iter()
                .map(|target| match target {
                    MappingTarget::Selectable(id) => MappedTarget { node: node(id), name: None },
                    MappingTarget::Requirement(id, name) => {
                        MappedTarget { node: node(id), name: Some(name.as_str().to_owned()) }
                    }
                })
                .collect(),
        });
        let mut operations = Vec::new();
        if let TypeBody::Node(body) = &model.type_of(substitution.node_type).body {
            for (interface, mapped) in &substitution.interfaces {
                let Some(definition) = body.interfaces.get(interface.as_str()) else { continue };
                let prefix = self.events_of(interface, definition.type_id);
                for (operation, workflow) in mapped {
                    let is_planned = names::LIFECYCLE_UP.contains(&operation.as_str())
                        || names::LIFECYCLE_DOWN.contains(&operation.as_str());
                    if prefix == names::LIFECYCLE && !is_planned {
                        // Whoever looks at a node changes nothing, and a workflow may.
                        let what = format!("the workflow of the lifecycle's operation `{operation}` is");
                        let hint = "each node inside is looked at by itself";
                        self.not_run_yet(&what, substitution.span, "15.6", Some(hint.to_owned()));
                    }
                    operations.push((format!("{prefix}.{operation}"), workflow.as_str().to_owned()));
                }
            }
        }
        let substitution = rules::Substitution {
            class,
            condition,
            attributes,
            capabilities: capabilities.collect(),
            requirements: requirements.collect(),
            operations,
        };
        substitution.into_rules()
    }

    /// What becomes of an output: with `ALL`, each relationship has the entry of its index.
    fn mapped_output(&self, mapping: &ValueMapping) -> Expression {
        let mut arguments = vec![Expression::Literal(mapping.parameter.as_str().into())];
        if matches!(mapping.holder, MappedHolder::Relationship { index: None, .. }) {
            arguments.push(self.mapped("relationship_index", Vec::new(), mapping));
        }
        self.mapped("get_output", arguments, mapping)
    }

    fn mapped(&self, function: &str, arguments: Vec<Expression>, mapping: &ValueMapping) -> Expression {
        let function = format!("{NAMESPACE}{function}");
        Expression::from(Call { function, arguments, origin: self.origin(mapping.span) })
    }
}

/// The way from the substituted node to what has the value, in the standard's own words.
fn holder(holder: &MappedHolder) -> Vec<Value> {
    match holder {
        MappedHolder::Node => Vec::new(),
        MappedHolder::Capability(name) => vec!["CAPABILITY".into(), name.as_str().into()],
        MappedHolder::Relationship { requirement, index } => {
            let index = match index {
                // An index beyond 2^63 is out of range wherever it leads.
                Some(index) => Value::Integer(i64::try_from(*index).unwrap_or(i64::MAX)),
                None => "ALL".into(),
            };
            vec!["RELATIONSHIP".into(), requirement.as_str().into(), index]
        }
    }
}
