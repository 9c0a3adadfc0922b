//! Groups, policies and triggers become vertexes beside the nodes.
//!
//! Their names have a prefix, so that a group may be called as a node is: `group:`, `policy:` and `workflow:`. Names of nodes have
//! no colon.

use std::collections::{BTreeSet, HashMap};

use diagnostics::Span;
use floria::{
    EdgeTemplate, EdgeTemplateId, Handlers, Metadata, Properties, Property, Rules, Value, VertexTemplate,
    VertexTemplateId,
    rules::{Count, Selector},
};
use khutulun_api::names;
use tosca::model::{Group, Member, Name, NodeTemplate, Policy};

use crate::lower::{Lowering, NodePlace};

/// Where the vertexes of a service are.
pub(crate) struct Places<'p> {
    pub(crate) service: VertexTemplateId,
    nodes: &'p [NodePlace],
    groups: HashMap<String, VertexTemplateId>,
}

/// A vertex template that is to be made.
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) container: VertexTemplateId,
    pub(crate) properties: Properties,
    pub(crate) handlers: Handlers,
    pub(crate) metadata: Metadata,
    pub(crate) span: Span,
}

impl<'a> Lowering<'a, '_> {
    /// What a service template has besides nodes. All of it comes after them.
    pub(crate) fn groups_policies_and_workflows(&mut self, service: VertexTemplateId, nodes: &[NodePlace]) {
        let own = self.service;
        let mut places = Places { service, nodes, groups: HashMap::new() };
        for (name, group) in &own.groups {
            let id = self.group(name, group, service);
            places.groups.insert(name.as_str().to_owned(), id);
        }
        // A group may be a member of one that comes before it.
        for (name, group) in &own.groups {
            self.members(names::MEMBER, places.groups[name.as_str()], &group.members, &places, group.span);
        }
        for (name, policy) in &own.policies {
            self.policy(name, policy, &places);
        }
        for (name, workflow) in &own.workflows {
            self.workflow(name, workflow, &places);
        }
    }

    fn group(&mut self, name: &Name, group: &Group, service: VertexTemplateId) -> VertexTemplateId {
        let mut properties = self.properties(&group.properties);
        self.attributes(&group.attributes, &mut properties, group.span);
        let mut metadata = self.entity_metadata(&group.metadata, group.span);
        metadata.insert(names::GROUP.to_owned(), name.as_str().into());
        let classes = self.shared.classes.of(self.model, group.type_id);
        let part = Part {
            name: format!("group:{name}"),
            container: service,
            properties,
            handlers: Handlers::new(),
            metadata,
            span: group.span,
        };
        let id = self.part(part);
        self.shared.vertexes.last_mut().expect("it was just made").classes = classes;
        id
    }

    fn policy(&mut self, name: &Name, policy: &'a Policy, places: &Places<'_>) {
        let properties = self.properties(&policy.properties);
        let mut metadata = self.entity_metadata(&policy.metadata, policy.span);
        metadata.insert(names::POLICY.to_owned(), name.as_str().into());
        let classes = self.shared.classes.of(self.model, policy.type_id);
        let part = Part {
            name: format!("policy:{name}"),
            container: places.service,
            properties,
            handlers: Handlers::new(),
            metadata,
            span: policy.span,
        };
        let id = self.part(part);
        self.shared.vertexes.last_mut().expect("it was just made").classes = classes;
        self.members(names::TARGET, id, &policy.targets, places, policy.span);
        for (name, trigger) in &policy.triggers {
            self.trigger(name, trigger, id, policy);
        }
    }

    /// Makes a vertex template.
    pub(crate) fn part(&mut self, part: Part) -> VertexTemplateId {
        let id = self.next_vertex();
        let Part { name, container, properties, handlers, metadata, span } = part;
        self.shared.vertexes.push(VertexTemplate {
            id,
            namespace: self.shared.namespace.clone(),
            name,
            container: Some(container),
            classes: Vec::new(),
            properties,
            handlers,
            rules: Rules::new(),
            metadata,
            origin: self.origin(span),
        });
        id
    }

    /// Edges to all representations of nodes, and to groups.
    pub(crate) fn members(
        &mut self,
        name: &str,
        source: VertexTemplateId,
        members: &[Member],
        places: &Places<'_>,
        span: Span,
    ) {
        for (index, member) in (0..).zip(members) {
            let target = match member {
                Member::Node(node) => places.nodes.get(node.index()).map(|place| place.vertex),
                Member::Group(group) => places.groups.get(group.as_str()).copied(),
            };
            let target = target.expect("a checked member is a node template or group of its service");
            let all = Selector { count: Count::All, optional: true, ..Selector::default() };
            self.link(name, index, (source, target), all.into_rules(), span);
        }
    }

    /// Makes an edge template that nothing but its name is known of.
    pub(crate) fn link(
        &mut self,
        name: &str,
        index: u32,
        (source, target): (VertexTemplateId, VertexTemplateId),
        rules: Rules,
        span: Span,
    ) {
        self.shared.edges.push(EdgeTemplate {
            id: EdgeTemplateId(self.shared.edges.len() as u64 + 1),
            namespace: self.shared.namespace.clone(),
            name: name.to_owned(),
            index,
            source,
            target,
            classes: Vec::new(),
            properties: Properties::new(),
            handlers: Handlers::new(),
            rules,
            metadata: Metadata::new(),
            origin: self.origin(span),
        });
    }

    /// The node templates among members, and among those of groups that are members.
    pub(crate) fn nodes_among(&self, members: &[Member]) -> Vec<&'a NodeTemplate> {
        let mut nodes = BTreeSet::new();
        // Groups are never members of each other in a circle.
        let mut open: Vec<&Member> = members.iter().collect();
        while let Some(member) = open.pop() {
            match member {
                Member::Node(node) => drop(nodes.insert(node.index())),
                Member::Group(group) => {
                    open.extend(
                        self.service.groups.get(group.as_str()).into_iter().flat_map(|group| &group.members),
                    );
                }
            }
        }
        let templates: Vec<&NodeTemplate> = self.service.node_templates.values().collect();
        nodes.into_iter().map(|index| templates[index]).collect()
    }
}

/// A property that holds a word.
pub(crate) fn word(word: &str) -> Property {
    Property { value: Some(Value::from(word)), read_only: true, ..Property::default() }
}
