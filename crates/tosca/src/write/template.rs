//! The service template.

use std::sync::Arc;

use super::Writer;
use super::definitions::{Written, is_own};
use super::values::{added_metadata, metadata};
use super::yaml::{Fields, Yaml};
use crate::model::{
    Activity, Expression, Implementation, Interface, InterfaceDefinition, Map, MappedHolder, MappingCount,
    MappingTarget, Member, NodeDirective, NodeTemplate, NodeTemplateId, Operation, OperationDefinition,
    Parameter, Property, Reach, Relationship, Requirement, RequirementTarget, ServiceTemplate, Substitution,
    Trigger, TypeBody, ValueMapping, Workflow,
};

fn described(fields: &mut Fields, description: Option<&str>, own: &crate::model::Metadata) {
    fields.text("description", description);
    fields.filled("metadata", metadata(own));
}

fn all<T>(elements: &Map<T>, write: impl Fn(&T) -> Yaml) -> Yaml {
    Yaml::Map(elements.iter().map(|(name, element)| (name.as_str().into(), write(element))).collect())
}

fn reaches(directives: &[Reach]) -> Yaml {
    let word = |reach: &Reach| match reach {
        Reach::Internal => "internal".into(),
        Reach::External => "external".into(),
    };
    Yaml::List(directives.iter().map(word).collect())
}

impl Writer<'_> {
    pub(super) fn service_template(&self, own: &ServiceTemplate) -> Written<Yaml> {
        let mut fields = Fields::default();
        described(&mut fields, own.description.as_deref(), &own.metadata);
        fields.filled("inputs", self.template_parameters(&own.inputs)?);
        fields.put("node_templates", all(&own.node_templates, |node| self.node_template(node)));
        fields.filled(
            "relationship_templates",
            all(&own.relationship_templates, |template| self.relationship_template(template)),
        );
        let groups = all(&own.groups, |group| {
            let mut fields = Fields::default();
            fields.put("type", self.type_name(group.type_id));
            described(&mut fields, group.description.as_deref(), &group.metadata);
            fields.filled("properties", self.assigned(&group.properties));
            fields.filled("attributes", self.assigned(&group.attributes));
            fields.filled("members", self.members(&group.members));
            fields.map()
        });
        fields.filled("groups", groups);
        let policies = own.policies.iter().map(|(name, policy)| {
            let mut fields = Fields::default();
            fields.put("type", self.type_name(policy.type_id));
            described(&mut fields, policy.description.as_deref(), &policy.metadata);
            fields.filled("properties", self.assigned(&policy.properties));
            fields.filled("targets", self.members(&policy.targets));
            let inherited = match &self.model.type_of(policy.type_id).body {
                TypeBody::Policy(body) => Some(&body.triggers),
                _ => None,
            };
            fields.filled("triggers", self.triggers(&policy.triggers, inherited));
            Yaml::Map(vec![(name.as_str().into(), fields.map())])
        });
        fields.filled("policies", Yaml::List(policies.collect()));
        fields.maybe("substitution_mappings", own.substitution.as_ref().map(|own| self.substitution(own)));
        let mut workflows = Fields::default();
        for (name, workflow) in &own.workflows {
            workflows.put(name, self.workflow(workflow)?);
        }
        fields.filled("workflows", workflows.map());
        fields.filled("outputs", self.template_parameters(&own.outputs)?);
        Ok(fields.map())
    }

    fn template_parameters(&self, parameters: &Map<Parameter>) -> Written<Yaml> {
        let mut all = Fields::default();
        for (name, own) in parameters {
            let schema = own.schema.as_ref().map(|schema| self.schema(schema, None)).transpose()?;
            // The description of a parameter is also that of its schema.
            let mut fields = match schema {
                Some(Yaml::Map(entries)) => Fields(entries),
                _ => Fields::default(),
            };
            if own.schema.is_none() {
                fields.text("description", own.description.as_deref());
            }
            fields.filled("metadata", metadata(&own.metadata));
            if !own.required {
                fields.put("required", Yaml::Plain("false".to_owned()));
            }
            fields.maybe("default", own.default.as_ref().map(|value| self.expression(value)));
            fields.maybe("value", own.value.as_ref().map(|value| self.expression(value)));
            fields.maybe("mapping", own.mapping.as_ref().map(|mapping| self.reference(mapping)));
            all.put(name, fields.map());
        }
        Ok(all.map())
    }

    fn node_name(&self, id: NodeTemplateId) -> Yaml {
        self.model.node(id).name.as_str().into()
    }

    fn node_template(&self, own: &NodeTemplate) -> Yaml {
        let mut fields = Fields::default();
        fields.put("type", self.type_name(own.type_id));
        fields.maybe("copy", own.copy.map(|id| self.node_name(id)));
        described(&mut fields, own.description.as_deref(), &own.metadata);
        let directives = own.directives.iter().map(|directive| match directive {
            NodeDirective::Create => "create".into(),
            NodeDirective::Select => "select".into(),
            NodeDirective::Substitute => "substitute".into(),
        });
        fields.filled("directives", Yaml::List(directives.collect()));
        fields.maybe("count", own.count.as_ref().map(|count| self.expression(count)));
        fields.maybe("node_filter", own.node_filter.as_ref().map(|filter| self.expression(filter)));
        fields.filled("properties", self.assigned(&own.properties));
        fields.filled("attributes", self.assigned(&own.attributes));
        let TypeBody::Node(body) = &self.model.type_of(own.type_id).body else { return fields.map() };
        // A copy says everything that it has, so that it takes nothing more.
        let is_copy = own.copy.is_some();
        let mut capabilities = Fields::default();
        for (name, own) in &own.capabilities {
            let Some(definition) = body.capabilities.get(name) else { continue };
            let mut fields = Fields::default();
            if own.description != definition.description {
                fields.text("description", own.description.as_deref());
            }
            fields.filled("metadata", added_metadata(&own.metadata, &definition.metadata));
            fields.filled("properties", self.assigned(&own.properties));
            fields.filled("attributes", self.assigned(&own.attributes));
            fields.filled("directives", reaches(&own.directives));
            if is_copy || !fields.0.is_empty() {
                capabilities.put(name, fields.map());
            }
        }
        fields.filled("capabilities", capabilities.map());
        let requirements = own.requirements.iter().filter(|own| !own.is_implicit);
        let requirements = requirements
            .map(|own| Yaml::Map(vec![(own.name.as_str().into(), self.requirement_assignment(own))]));
        fields.filled("requirements", Yaml::List(requirements.collect()));
        fields.filled("interfaces", self.interface_assignments(&own.interfaces, &body.interfaces, is_copy));
        fields.filled("artifacts", self.artifacts(&own.artifacts, Some(&body.artifacts)));
        fields.map()
    }

    fn requirement_assignment(&self, own: &Requirement) -> Yaml {
        let definition = &own.definition;
        let mut fields = Fields::default();
        if own.description != definition.description {
            fields.text("description", own.description.as_deref());
        }
        fields.filled("metadata", added_metadata(&own.metadata, &definition.metadata));
        match &own.target {
            RequirementTarget::Node { template, index, capability, .. } => {
                let name = self.node_name(*template);
                fields.put(
                    "node",
                    match index {
                        Some(index) => Yaml::List(vec![name, self.expression(index)]),
                        None => name,
                    },
                );
                fields.text("capability", Some(capability));
            }
            RequirementTarget::Open { node, capability } => {
                if *node != definition.node {
                    fields.maybe("node", node.map(|node| self.type_name(node)));
                }
                if *capability != definition.capability {
                    fields.put("capability", self.required_capability(capability));
                }
            }
        }
        fields.filled("relationship", self.relationship(own));
        fields.maybe("node_filter", own.node_filter.as_ref().map(|filter| self.expression(filter)));
        fields.maybe("count", own.count.as_ref().map(|count| self.expression(count)));
        fields.filled("directives", reaches(&own.directives));
        if own.optional {
            fields.put("optional", Yaml::Plain("true".to_owned()));
        }
        fields.filled("allocation", all(&own.allocation, |value: &Expression| self.expression(value)));
        fields.map()
    }

    fn relationship(&self, requirement: &Requirement) -> Yaml {
        let (own, definition) = (&requirement.relationship, &requirement.definition);
        let mut fields = Fields::default();
        let service = self.model.service_template.as_ref();
        let template =
            own.template.as_ref().and_then(|name| Some((name, service?.relationship_templates.get(name)?)));
        match template {
            Some((name, _)) => fields.text("type", Some(name)),
            None if own.type_id != definition.relationship => {
                fields.put("type", self.type_name(own.type_id));
            }
            None => {}
        }
        let template = template.map(|(_, template)| template);
        // What the template says is not repeated.
        let without = |own: &Map<Property>, template: Option<&Map<Property>>| {
            let is_own = |name: &str, property: &Property| {
                let known = template.and_then(|known| known.get(name));
                known.is_none_or(|known| known.value != property.value)
            };
            let own = own.iter().filter(|(name, property)| is_own(name, property));
            self.assigned(&own.map(|(name, property)| (name.clone(), property.clone())).collect())
        };
        fields.filled("properties", without(&own.properties, template.map(|template| &template.properties)));
        fields.filled("attributes", without(&own.attributes, template.map(|template| &template.attributes)));
        let TypeBody::Relationship(body) = &self.model.type_of(own.type_id).body else { return fields.map() };
        let is_refined = own.type_id == definition.relationship;
        let base = if is_refined { &definition.relationship_interfaces } else { &body.interfaces };
        let is_of_template = template.is_some_and(|template| {
            own.interfaces.keys().all(|name| {
                let spans = |all: &Map<Interface>| {
                    all.get(name).map(|own| {
                        (own.span, own.operations.values().map(|own| own.span).collect::<Vec<_>>())
                    })
                };
                spans(&own.interfaces) == spans(&template.interfaces)
            })
        });
        if !is_of_template {
            fields
                .filled("interfaces", self.interface_assignments(&own.interfaces, base, template.is_some()));
        }
        fields.filled("metadata", metadata(&own.metadata));
        fields.map()
    }

    fn relationship_template(&self, own: &Relationship) -> Yaml {
        let mut fields = Fields::default();
        fields.put("type", self.type_name(own.type_id));
        fields.filled("metadata", metadata(&own.metadata));
        fields.filled("properties", self.assigned(&own.properties));
        fields.filled("attributes", self.assigned(&own.attributes));
        if let TypeBody::Relationship(body) = &self.model.type_of(own.type_id).body {
            fields.filled("interfaces", self.interface_assignments(&own.interfaces, &body.interfaces, false));
        }
        fields.map()
    }

    fn interface_assignments(
        &self,
        own: &Map<Interface>,
        definitions: &Map<Arc<InterfaceDefinition>>,
        with_empty: bool,
    ) -> Yaml {
        let mut all = Fields::default();
        for (name, own) in own {
            let Some(definition) = definitions.get(name) else { continue };
            let mut fields = Fields::default();
            fields.filled("metadata", added_metadata(&own.metadata, &definition.metadata));
            fields.filled("operations", self.operation_assignments(&own.operations, &definition.operations));
            let notifications = self.operation_assignments(&own.notifications, &definition.notifications);
            fields.filled("notifications", notifications);
            if with_empty || !fields.0.is_empty() {
                all.put(name, fields.map());
            }
        }
        all.map()
    }

    fn operation_assignments(
        &self,
        own: &Map<Operation>,
        definitions: &Map<Arc<OperationDefinition>>,
    ) -> Yaml {
        let mut all = Fields::default();
        for (name, own) in own {
            let Some(definition) = definitions.get(name) else { continue };
            let mut fields = Fields::default();
            if own.description != definition.description {
                fields.text("description", own.description.as_deref());
            }
            fields.filled("metadata", added_metadata(&own.metadata, &definition.metadata));
            let inherited = definition.implementation.as_ref().map(|inherited| inherited.span);
            let is_assigned = |own: &&Arc<Implementation>| is_own(own.span, inherited);
            if let Some(own) = own.implementation.as_ref().filter(is_assigned) {
                fields.put("implementation", self.implementation(own));
            }
            fields.filled("inputs", self.assigned(&own.inputs));
            let mut outputs = Fields::default();
            for (name, output) in &own.outputs {
                let known = definition.outputs.get(name).and_then(|known| known.mapping.as_ref());
                if let (Some(mapping), None) = (&output.mapping, known) {
                    outputs.put(name, self.reference(mapping));
                }
            }
            fields.filled("outputs", outputs.map());
            if !fields.0.is_empty() {
                all.put(name, fields.map());
            }
        }
        all.map()
    }

    fn member(&self, member: &Member) -> Yaml {
        match member {
            Member::Node(id) => self.node_name(*id),
            Member::Group(name) => name.as_str().into(),
        }
    }

    fn members(&self, members: &[Member]) -> Yaml {
        Yaml::List(members.iter().map(|member| self.member(member)).collect())
    }

    pub(super) fn triggers(&self, own: &Map<Arc<Trigger>>, base: Option<&Map<Arc<Trigger>>>) -> Yaml {
        let mut all = Fields::default();
        for (name, own) in own {
            if base.is_some_and(|base| base.contains_key(name)) {
                continue;
            }
            let mut fields = Fields::default();
            described(&mut fields, own.description.as_deref(), &own.metadata);
            fields.text("event", Some(&own.event));
            fields.maybe("condition", own.condition.as_ref().map(|condition| self.expression(condition)));
            fields.put("action", self.activities(&own.action));
            all.put(name, fields.map());
        }
        all.map()
    }

    fn activities(&self, activities: &[Activity]) -> Yaml {
        let activity = |own: &Activity| {
            let subject: Yaml = own.subject.as_str().into();
            let inputs = self.assigned(&own.inputs);
            let keyname = match own.kind {
                crate::model::ActivityKind::CallOperation => "operation",
                _ => "workflow",
            };
            let value = match &inputs {
                Yaml::Map(entries) if !entries.is_empty() => {
                    Yaml::Map(vec![(keyname.into(), subject), ("inputs".into(), inputs)])
                }
                _ => subject,
            };
            Yaml::Map(vec![(own.kind.as_str().into(), value)])
        };
        Yaml::List(activities.iter().map(activity).collect())
    }

    fn workflow(&self, own: &Workflow) -> Written<Yaml> {
        let mut fields = Fields::default();
        described(&mut fields, own.description.as_deref(), &own.metadata);
        fields.filled("inputs", self.template_parameters(&own.inputs)?);
        fields.maybe("precondition", own.precondition.as_ref().map(|own| self.expression(own)));
        let steps = all(&own.steps, |own| {
            let mut fields = Fields::default();
            described(&mut fields, own.description.as_deref(), &own.metadata);
            fields.put("target", self.member(&own.target));
            fields.text("target_relationship", own.target_relationship.as_deref());
            let filters = own.filter.iter().map(|filter| self.expression(filter));
            fields.filled("filter", Yaml::List(filters.collect()));
            fields.put("activities", self.activities(&own.activities));
            for (keyname, names) in [("on_success", &own.on_success), ("on_failure", &own.on_failure)] {
                fields.filled(keyname, Yaml::List(names.iter().map(|name| name.as_str().into()).collect()));
            }
            fields.map()
        });
        fields.filled("steps", steps);
        fields.maybe("implementation", own.implementation.as_ref().map(|own| self.implementation(own)));
        let mut outputs = Fields::default();
        for (name, output) in &own.outputs {
            outputs.maybe(name, output.mapping.as_ref().map(|mapping| self.reference(mapping)));
        }
        fields.filled("outputs", outputs.map());
        Ok(fields.map())
    }

    fn substitution(&self, own: &Substitution) -> Yaml {
        let mut fields = Fields::default();
        fields.put("node_type", self.type_name(own.node_type));
        fields.maybe("substitution_filter", own.filter.as_ref().map(|filter| self.expression(filter)));
        for (keyname, mappings) in [("properties", &own.properties), ("attributes", &own.attributes)] {
            fields.filled(keyname, Yaml::Map(mappings.iter().map(value_mapping).collect()));
        }
        let capabilities = all(&own.capabilities, |mapping| {
            Yaml::List(vec![self.node_name(mapping.node), mapping.capability.as_str().into()])
        });
        fields.filled("capabilities", capabilities);
        let requirements = own.requirements.iter().map(|mapping| {
            let name: Yaml = mapping.name.as_str().into();
            let key = match mapping.count {
                None => name,
                Some(MappingCount::Exactly(count)) => Yaml::List(vec![name, Yaml::Plain(count.to_string())]),
                Some(MappingCount::Unbounded) => Yaml::List(vec![name, "UNBOUNDED".into()]),
            };
            let target = |target: &MappingTarget| match target {
                MappingTarget::Selectable(node) => self.node_name(*node),
                MappingTarget::Requirement(node, name) => {
                    Yaml::List(vec![self.node_name(*node), name.as_str().into()])
                }
            };
            let value = match &mapping.targets[..] {
                [only] => target(only),
                several => Yaml::List(several.iter().map(target).collect()),
            };
            Yaml::Map(vec![(key, value)])
        });
        fields.filled("requirements", Yaml::List(requirements.collect()));
        let interfaces =
            all(&own.interfaces, |operations| all(operations, |workflow| workflow.as_str().into()));
        fields.filled("interfaces", interfaces);
        fields.map()
    }
}

fn value_mapping(mapping: &ValueMapping) -> (Yaml, Yaml) {
    let name: Yaml = mapping.name.as_str().into();
    let key = match &mapping.holder {
        MappedHolder::Node => name,
        MappedHolder::Capability(capability) => {
            Yaml::List(vec!["CAPABILITY".into(), capability.as_str().into(), name])
        }
        MappedHolder::Relationship { requirement, index } => {
            let index = index.map_or("ALL".into(), |index| Yaml::Plain(index.to_string()));
            Yaml::List(vec!["RELATIONSHIP".into(), requirement.as_str().into(), index, name])
        }
    };
    (key, mapping.parameter.as_str().into())
}
