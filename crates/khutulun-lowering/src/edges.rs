//! Requirements become edge templates, and what they ask of their targets becomes their rules.

use std::collections::{BTreeMap, BTreeSet};

use diagnostics::{Diagnostic, Span};
use floria::{
    ClassName, EdgeTemplate, EdgeTemplateId, Expression, Named, Rules, VertexTemplateId,
    rules::{self, Count, Selector},
};
use khutulun_api::names;
use tosca::model::{
    self, NodeDirective, NodeTemplate, Reach, RequiredCapability, Requirement, RequirementTarget, TypeBody,
    TypeId, Value,
};

use crate::{
    expressions,
    lower::{Lowering, NodePlace},
    operations::Holder,
};

impl<'a> Lowering<'a, '_> {
    /// The edges of a node.
    pub(crate) fn requirements(
        &mut self,
        node: &'a NodeTemplate,
        source: VertexTemplateId,
        service: VertexTemplateId,
        places: &[NodePlace],
    ) {
        // How many relationships there will be of these is known only when the service is made.
        let uncounted: BTreeSet<&str> = node
            .requirements
            .iter()
            .filter(|requirement| requirement.count.as_ref().is_some_and(|count| count.as_value().is_none()))
            .map(|requirement| requirement.name.as_str())
            .collect();
        let mut indexes: BTreeMap<&str, u32> = BTreeMap::new();
        for requirement in &node.requirements {
            let index = indexes.entry(requirement.name.as_str()).or_default();
            let (target, selector) = match &requirement.target {
                RequirementTarget::Node { template, index, capability, .. } => {
                    let target = places
                        .get(template.index())
                        .and_then(|place| place.capabilities.get(capability.as_str()).copied())
                        .expect("a checked requirement names a capability of a node of its service");
                    self.check_reach(requirement, self.model.node(*template), capability);
                    let is_one = self.model.node(*template).count.is_none();
                    // Where nothing else is asked for, the edge leads to the one node that there is.
                    let is_plain = is_one
                        && index.as_ref().is_none_or(|index| is(index, 0))
                        && requirement.count.as_ref().is_none_or(|count| is(count, 1))
                        && requirement.allocation.is_empty();
                    let selector = self.selector(requirement);
                    let index = index.as_ref().map(|index| self.expression(index));
                    let selector = (!is_plain || !selector.conditions.is_empty()).then_some(Selector {
                        index,
                        reach: Vec::new(),
                        ..selector
                    });
                    (target, selector)
                }
                RequirementTarget::Open { node: node_type, capability } => {
                    let selector = self.selector(requirement);
                    (service, Some(self.open(selector, requirement, *node_type, capability)))
                }
            };
            let range = requirement.definition.count_range;
            let selector = selector.map(|selector| Selector {
                range: (uncounted.contains(requirement.name.as_str())
                    && (range.min > 0 || range.max.is_some()))
                .then_some((range.min, range.max)),
                ..selector
            });
            self.edge(requirement, *index, source, target, selector);
            *index += 1;
        }
    }

    /// What a requirement asks for wherever it leads.
    fn selector(&mut self, requirement: &'a Requirement) -> Selector {
        let filters = requirement.definition.node_filters.iter().chain(requirement.node_filter.as_deref());
        let conditions: Vec<Expression> = filters.map(|filter| self.expression(filter)).collect();
        let mut allocation = Named::new();
        for (name, amount) in &requirement.allocation {
            let amount = self.expression(amount);
            allocation.insert(name.as_str().to_owned(), amount);
        }
        Selector {
            conditions: conditions
                .into_iter()
                .filter(|condition| *condition != Expression::Literal(true.into()))
                .collect(),
            allocation,
            count: match requirement.count.as_deref().filter(|count| !is(count, 1)) {
                None => Count::One,
                Some(count) => Count::Of(self.expression(count)),
            },
            optional: requirement.optional,
            reach: requirement.directives.iter().map(|reach| reach_of(*reach)).collect(),
            implicit: requirement.is_implicit,
            ..Selector::default()
        }
    }

    /// What a target must be that is not named.
    fn open(
        &mut self,
        selector: Selector,
        requirement: &Requirement,
        node_type: Option<TypeId>,
        capability: &RequiredCapability,
    ) -> Selector {
        let (valid_capabilities, valid_nodes) =
            match &self.model.type_of(requirement.relationship.type_id).body {
                TypeBody::Relationship(body) => {
                    (body.valid_capability_types.as_deref(), body.valid_target_node_types.as_deref())
                }
                _ => (None, None),
            };
        Selector {
            class: Some(self.class(capability.type_id())),
            name: match capability {
                RequiredCapability::OfType(_) => None,
                RequiredCapability::Named { name, .. } => Some(name.as_str().to_owned()),
            },
            container_class: node_type.map(|node_type| self.class(node_type)),
            valid_classes: self.restriction(Some(capability.type_id()), valid_capabilities),
            valid_container_classes: self.restriction(node_type, valid_nodes),
            ..selector
        }
    }

    /// The classes of types of which something must have one, where it has not anyway.
    fn restriction(&mut self, known: Option<TypeId>, valid: Option<&[TypeId]>) -> Option<Vec<ClassName>> {
        let valid = valid?;
        let is_met = known.is_some_and(|known| valid.iter().any(|id| self.model.is_derived(known, *id)));
        (!is_met).then(|| valid.iter().map(|id| self.class(*id)).collect())
    }

    /// The class of a type; it and its ancestors will be in the design.
    pub(crate) fn class(&mut self, id: TypeId) -> ClassName {
        self.shared.classes.of(self.model, id).swap_remove(0)
    }

    fn edge(
        &mut self,
        requirement: &'a Requirement,
        index: u32,
        source: VertexTemplateId,
        target: VertexTemplateId,
        selector: Option<Selector>,
    ) {
        self.refuse_notifications(requirement.relationship.interfaces.values());
        let mut properties = self.properties(&requirement.relationship.properties);
        self.attributes(&requirement.relationship.attributes, &mut properties, requirement.relationship.span);
        let mut metadata = expressions::metadata(self.model, &requirement.definition.metadata);
        let of_type = self.model.inherited_metadata(requirement.relationship.type_id, names::CHANGE);
        if let Some(change) = of_type.filter(|_| !metadata.contains_key(names::CHANGE)) {
            metadata.insert(names::CHANGE.to_owned(), expressions::value(self.model, change));
        }
        if let Some(change) = metadata.get(names::CHANGE) {
            self.check_change(change, requirement.span);
        }
        if let Some(template) = &requirement.relationship.template {
            metadata.insert(names::RELATIONSHIP.to_owned(), template.as_str().into());
        }
        let template = EdgeTemplate {
            id: EdgeTemplateId(self.shared.edges.len() as u64 + 1),
            namespace: self.shared.namespace.clone(),
            name: requirement.name.as_str().to_owned(),
            index,
            source,
            target,
            classes: self.shared.classes.of(self.model, requirement.relationship.type_id),
            properties,
            handlers: self.handlers(Holder::Relationship(&requirement.name, &requirement.relationship)),
            rules: selector.map_or_else(Rules::new, Selector::into_rules),
            metadata,
            origin: self.origin(requirement.span),
        };
        self.shared.edges.push(template);
    }

    /// A node that is made in this service is not found outside of it, and a capability that is for others is not for it.
    fn check_reach(&mut self, requirement: &Requirement, target: &NodeTemplate, capability: &str) {
        let tell = |lowering: &mut Self, span: Span, message: String, hint: &str| {
            lowering.tell(
                Diagnostic::error("unreachable-target", message)
                    .at(requirement.span)
                    .related(diagnostics::Place::new(span, "the target"))
                    .hint(hint.to_owned()),
            );
        };
        let is_only_external =
            |directives: &[Reach]| !directives.is_empty() && !directives.contains(&Reach::Internal);
        let is_selected = target.directives.contains(&NodeDirective::Select);
        if is_only_external(&requirement.directives) && !is_selected {
            let message = format!(
                "the requirement `{}` looks outside of the service for `{}`, which is inside",
                requirement.name, target.name
            );
            let hint = "leave `node` out, or name a node type; or add `internal` to the directives";
            tell(self, target.span, message, hint);
        }
        let Some(found) = target.capabilities.get(capability) else { return };
        if is_only_external(&found.directives) && !is_selected {
            let message = format!(
                "the capability `{capability}` of `{}` is for nodes of other services, and the requirement `{}` is not of one",
                target.name, requirement.name
            );
            tell(self, found.span, message, "add `internal` to the capability's directives");
        }
    }
}

/// Where to look, as rules say it.
pub(crate) fn reach_of(reach: Reach) -> rules::Reach {
    match reach {
        Reach::Internal => rules::Reach::Internal,
        Reach::External => rules::Reach::External,
    }
}

/// Whether an expression is this number.
fn is(expression: &model::Expression, number: i64) -> bool {
    expression.as_value() == Some(&Value::Integer(number))
}
