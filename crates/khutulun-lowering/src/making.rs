//! How many nodes are made of a template, and how they come to be.

use diagnostics::{Diagnostic, Place};
use floria::{
    Call, Expression, Metadata, Properties, Rules, Value,
    rules::{Directive, Making, SELECTION},
};
use khutulun_api::names;
use tosca::model::{self, Capability, Name, NodeDirective, NodeTemplate, TypeBody, TypeId};
use tosca_functions::NAMESPACE;

use crate::{edges::reach_of, lower::Lowering};

impl<'a> Lowering<'a, '_> {
    /// The rules of a node's template; none where one node is made.
    pub(crate) fn making(&mut self, node: &'a NodeTemplate) -> Rules {
        let directives: Vec<Directive> =
            node.directives.iter().map(|directive| directive_of(*directive)).collect();
        let making = Making {
            count: node.count.as_ref().map(|count| self.expression(count)),
            filter: node.node_filter.as_ref().map(|filter| self.expression(filter)),
            // To make it is what is done anyway.
            directives: if directives == [Directive::Create] { Vec::new() } else { directives },
        };
        making.into_rules()
    }

    /// What is only ever selected has the values of what it stands for: where that is in the same graph, an edge leads there.
    /// Where it is not, whoever selects it puts the values in their place.
    pub(crate) fn show_selected(
        &self,
        node: &NodeTemplate,
        capability: Option<&Name>,
        properties: &mut Properties,
    ) {
        if *node.directives != [NodeDirective::Select] {
            return;
        }
        let capability = capability.map(|name| ["CAPABILITY", name.as_str()]);
        let words =
            ["SELF", "RELATIONSHIP", SELECTION, "TARGET"].into_iter().chain(capability.into_iter().flatten());
        let path = Value::List(words.map(Value::from).collect());
        for (name, property) in properties {
            property.value = None;
            property.updater = Some(Expression::from(Call {
                function: format!("{NAMESPACE}get_attribute"),
                arguments: vec![Expression::Literal(path.clone()), Expression::Literal(name.as_str().into())],
                origin: self.origin(node.span),
            }));
        }
    }

    /// What a capability says of who may use it.
    pub(crate) fn capability_metadata(
        &mut self,
        node: &NodeTemplate,
        name: &Name,
        capability: &Capability,
    ) -> Metadata {
        let mut metadata = Metadata::from([(names::CAPABILITY.to_owned(), name.as_str().into())]);
        let model = self.model;
        if let TypeBody::Node(body) = &model.type_of(node.type_id).body
            && let Some(definition) = body.capabilities.get(name.as_str())
        {
            let valid = [
                (names::VALID_SOURCES, &definition.valid_source_node_types),
                (names::VALID_RELATIONSHIPS, &definition.valid_relationship_types),
            ];
            for (key, valid) in valid {
                if let Some(valid) = valid {
                    metadata.insert(key.to_owned(), self.class_list(valid));
                }
            }
        }
        if !capability.directives.is_empty() {
            let reach =
                capability.directives.iter().map(|reach| Value::from(reach_of(*reach).word())).collect();
            metadata.insert(names::REACH.to_owned(), Value::List(reach));
        }
        metadata
    }

    fn class_list(&mut self, types: &[TypeId]) -> Value {
        Value::List(types.iter().map(|id| Value::Text(self.class(*id).0)).collect())
    }

    /// Tells where the nodes of a template would be called as another one: `web-1` is the second of `web` where that has a
    /// count.
    pub(crate) fn check_names(&mut self) {
        let nodes = &self.service.node_templates;
        for node in nodes.values().filter(|node| node.count.is_none()) {
            let Some((name, index)) = node.name.rsplit_once('-') else { continue };
            let Some(counted) = nodes.get(name) else { continue };
            let Some(count) = &counted.count else { continue };
            let Some(index) = index_of(index) else { continue };
            let is_beyond = match count.as_value() {
                Some(model::Value::Integer(count)) => index >= *count,
                _ => false,
            };
            if is_beyond {
                continue;
            }
            let message = format!(
                "the name `{}` is also that of node {index} of the template `{name}`, which has a count",
                node.name
            );
            self.tell(
                Diagnostic::error("unusable-name", message)
                    .at(node.span)
                    .related(Place::new(
                        counted.span,
                        format!("its nodes are `{name}-0`, `{name}-1` and so on"),
                    ))
                    .hint("give one of the two another name".to_owned()),
            );
        }
    }
}

/// The index that a part of a name is, as names have it: without zeros before it.
fn index_of(text: &str) -> Option<i64> {
    text.parse().ok().filter(|index: &i64| index.to_string() == text && *index >= 0)
}

fn directive_of(directive: NodeDirective) -> Directive {
    match directive {
        NodeDirective::Create => Directive::Create,
        NodeDirective::Select => Directive::Select,
        NodeDirective::Substitute => Directive::Substitute,
    }
}
