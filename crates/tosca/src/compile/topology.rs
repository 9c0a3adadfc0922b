//! Relationship templates (7.4), groups (16.2), and the clauses, counts and directives of templates.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::words::{self, Word};
use tosca_syntax::yaml::Node;

use super::form::plain_metadata;
use super::template::is_only_selected;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    DataBase, Expression, Group, Map, Member, NodeDirective, NodeTemplateId, Relationship, Schema, TypeBody,
    TypeId, TypeKind, Value,
};

/// Where a service template's groups, policies, workflows and mappings are: in no node.
pub(super) const OUTSIDE: Context = Context {
    file: 0,
    self_is: SelfIs::Nothing,
    in_template: true,
    in_validation: false,
    subject: None,
    of_type: None,
};

impl<'a> Compiler<'a> {
    /// A schema of nothing but a data type of the standard.
    fn plain_schema(&self, base: DataBase, span: Span) -> Schema {
        Schema {
            data_type: self.built_in(base),
            key_schema: None,
            entry_schema: None,
            validation: Vec::new(),
            description: None,
            span,
        }
    }

    /// A condition clause: it is true or false (8.6, 13.2.1, 15.1, 16.5).
    pub(super) fn condition(
        &self,
        node: Node<'a>,
        context: Context,
        what: &dyn Display,
    ) -> Option<Expression> {
        let schema = self.plain_schema(DataBase::Boolean, node.span());
        self.expression(node, Some(&schema), context.validation(None), what)
    }

    /// A `count`: how many nodes or relationships.
    pub(super) fn instances(&self, node: Node<'a>, context: Context) -> Option<Expression> {
        self.natural(node, context, "count", "invalid-count")
    }

    /// The index of `[node_template, index]`.
    pub(super) fn instance_index(&self, node: Node<'a>, context: Context) -> Option<Expression> {
        self.natural(node, context, "index", "invalid-index")
    }

    fn natural(
        &self,
        node: Node<'a>,
        context: Context,
        what: &'static str,
        code: &'static str,
    ) -> Option<Expression> {
        let schema = self.plain_schema(DataBase::Integer, node.span());
        let found = self.expression(node, Some(&schema), context, &format_args!("the {what}"))?;
        if let Some(Value::Integer(number)) = found.as_value()
            && *number < 0
        {
            self.report(
                Diagnostic::error(code, format!("the {what} may not be negative"))
                    .at(node.span())
                    .chapter("14.1"),
            );
            return None;
        }
        Some(found)
    }

    /// Whether the values of a schema are numbers, with or without units; true when that is not known.
    pub(super) fn is_number(&self, schema: &Schema) -> bool {
        let base = self.base_of(schema.data_type);
        base.is_none_or(|base| matches!(base, DataBase::Integer | DataBase::Float | DataBase::Scalar))
    }

    /// What the directives of a node template and its other keynames say to each other (7.2.1).
    pub(super) fn check_directives(&self, words: &words::NodeTemplate<'a>) {
        let selects = words.directives.iter().any(|(directive, _)| *directive == NodeDirective::Select);
        if let Some(filter) = words.node_filter.filter(|_| !selects && words.copy.is_none()) {
            self.report(
                Diagnostic::warning(
                    "useless-node-filter",
                    format!(
                        "the node template `{}` is not selected: its filter has no effect",
                        words.name.text
                    ),
                )
                .at(Place::new(filter.span(), "no effect"))
                .hint("to find an existing node, add `directives: [ select ]`")
                .chapter("7.2.1"),
            );
        }
        if !is_only_selected(words) {
            return;
        }
        let useless: [(&str, Option<Span>); 3] = [
            ("interfaces", words.interfaces.first().map(|own| own.name.span)),
            ("artifacts", words.artifacts.first().map(|own| own.span)),
            ("requirements", words.requirements.first().map(|own| own.name.span)),
        ];
        for (keyname, span) in useless {
            if let Some(span) = span {
                let message = format!(
                    "the node template `{}` is only selected: its `{keyname}` have no effect",
                    words.name.text
                );
                self.report(
                    Diagnostic::warning("useless-keyname", message)
                        .at(Place::new(span, "the node exists already"))
                        .chapter("7.2.1"),
                );
            }
        }
    }

    /// The type of a relationship template.
    pub(super) fn relationship_template_type(
        &self,
        words: &words::RelationshipTemplate<'a>,
        file: usize,
    ) -> TypeId {
        match words.relationship_type {
            Some(word) => self.find_type(file, TypeKind::Relationship, word),
            None => self.unknown.of(TypeKind::Relationship),
        }
    }

    /// The relationship templates, with values for all that their types define.
    pub(super) fn relationship_templates(
        &self,
        words: &'a words::ServiceTemplate<'a>,
        file: usize,
    ) -> Map<Relationship> {
        let mut templates = Map::with_capacity(words.relationship_templates.len());
        for own in &words.relationship_templates {
            let Some(&(type_id, _)) = self.template.relationships.get(own.name.text) else { continue };
            let TypeBody::Relationship(body) = &self.type_of(type_id).body else { continue };
            let before = self.diagnostics.borrow().len();
            let context = Context { file, self_is: SelfIs::Relationship(type_id), ..OUTSIDE };
            let holder = format_args!("the relationship template `{}`", own.name.text);
            let span = own.name.span;
            let hides = own.hidden.has("properties");
            let template = Relationship {
                type_id,
                template: Some(self.name(own.name.text)),
                properties: self.assign(
                    &body.properties,
                    &own.properties,
                    type_id,
                    "properties",
                    hides,
                    context,
                    &holder,
                    span,
                ),
                attributes: self.assign(
                    &body.attributes,
                    &own.attributes,
                    type_id,
                    "attributes",
                    true,
                    context,
                    &holder,
                    span,
                ),
                interfaces: self.interfaces(&own.interfaces, &body.interfaces, type_id, context, None, span),
                metadata: own.common.metadata.map(plain_metadata).unwrap_or_default(),
                span,
            };
            templates.insert(self.name(own.name.text), template);
            let source = own.copy.and_then(|word| self.template.relationships.get(word.text));
            if let Some((_, source)) = source {
                self.forget_copied(before, (own.name.text, source.name.text), source.span);
            }
        }
        templates
    }

    /// A relationship template is used by being named in a requirement, or by being copied (7.4).
    pub(super) fn check_used(
        &self,
        words: &words::ServiceTemplate<'a>,
        nodes: &[Box<words::NodeTemplate<'a>>],
    ) {
        if words.relationship_templates.is_empty() {
            return;
        }
        let requirements = nodes.iter().flat_map(|node| &node.requirements);
        let named = requirements.filter_map(|own| own.relationship.as_ref()?.relationship_type);
        let copied = words.relationship_templates.iter().filter_map(|own| own.copy);
        let used: HashSet<&str> = named.chain(copied).map(|word| word.text).collect();
        for own in &words.relationship_templates {
            if !used.contains(own.name.text) {
                let message = format!("the relationship template `{}` is never used", own.name.text);
                self.report(
                    Diagnostic::warning("unused-relationship-template", message)
                        .at(Place::new(own.name.span, "no requirement names it"))
                        .hint(format!("name it in a requirement: `relationship: {}`", own.name.text))
                        .chapter("7.4"),
                );
            }
        }
    }

    /// Groups and their members.
    pub(super) fn groups(&self, words: &'a [words::Group<'a>]) -> Map<Group> {
        let mut groups = Map::with_capacity(words.len());
        let names: HashSet<&str> = words.iter().map(|group| group.name.text).collect();
        let is_group = |name: &str| names.contains(name);
        for own in words {
            let type_id = match own.group_type {
                Some(word) => self.find_type(0, TypeKind::Group, word),
                None => self.unknown.of(TypeKind::Group),
            };
            let TypeBody::Group(body) = &self.type_of(type_id).body else { continue };
            let holder = format_args!("the group `{}`", own.name.text);
            let span = own.name.span;
            let mut members = Vec::with_capacity(own.members.len());
            let mut seen = HashSet::with_capacity(own.members.len());
            for &word in &own.members {
                let Some(member) = self.member_of(word, &is_group, "16.2") else { continue };
                if !seen.insert(member.clone()) {
                    self.repeated(word);
                }
                if let Member::Node(node) = &member {
                    let found = self.template.types[node.index()];
                    self.check_member(word, found, body.members.as_deref(), type_id, "members");
                }
                members.push(member);
            }
            let group = Group {
                type_id,
                properties: self.assign(
                    &body.properties,
                    &own.properties,
                    type_id,
                    "properties",
                    own.hidden.has("properties"),
                    OUTSIDE,
                    &holder,
                    span,
                ),
                attributes: self.assign(
                    &body.attributes,
                    &own.attributes,
                    type_id,
                    "attributes",
                    true,
                    OUTSIDE,
                    &holder,
                    span,
                ),
                members,
                description: own.common.description.map(Arc::from),
                metadata: own.common.metadata.map(plain_metadata).unwrap_or_default(),
                span,
            };
            groups.insert(self.name(own.name.text), group);
        }
        self.check_group_circles(&groups);
        groups
    }

    /// A node template or group by its name.
    pub(super) fn member_of(
        &self,
        word: Word<'a>,
        is_group: &dyn Fn(&str) -> bool,
        chapter: &'static str,
    ) -> Option<Member> {
        if let Some(&node) = self.template.ids.get(word.text) {
            return Some(Member::Node(NodeTemplateId::from_index(node)));
        }
        if is_group(word.text) {
            return Some(Member::Group(self.name(word.text)));
        }
        if self.template.hidden.has("node_templates") || self.template.hidden.has("groups") {
            return None;
        }
        let names = || self.template.names.iter().copied();
        let hint = did_you_mean(word.text, names())
            .unwrap_or_else(|| format!("the node templates are: {}", one_of(names())));
        let message = format!("`{}` is neither a node template nor a group", word.text);
        self.report(
            Diagnostic::error("unknown-node-template", message)
                .at(Place::new(word.span, "not in this service template"))
                .hint(hint)
                .chapter(chapter),
        );
        None
    }

    /// Something that is in a list already.
    pub(super) fn repeated(&self, word: Word<'_>) {
        self.report(
            Diagnostic::warning("repeated-member", format!("`{}` is in this list already", word.text))
                .at(Place::new(word.span, "once more")),
        );
    }

    pub(super) fn check_member(
        &self,
        word: Word<'_>,
        found: TypeId,
        valid: Option<&[TypeId]>,
        of_type: TypeId,
        keyname: &str,
    ) {
        if self.is_valid(found, valid) {
            return;
        }
        let allowed = one_of(valid.unwrap_or_default().iter().map(|&id| self.type_of(id).name.as_str()));
        let of_type = self.type_of(of_type);
        let message = format!(
            "`{}` is of type `{}`, which the {} type `{}` does not allow",
            word.text,
            self.type_of(found).name,
            of_type.kind(),
            of_type.name
        );
        let diagnostic = Diagnostic::error("wrong-target", message)
            .at(Place::new(word.span, "not of a valid type"))
            .hint(format!("valid {keyname} are of these types and types derived from them: {allowed}"))
            .chapter("16.1");
        self.report(match of_type.span {
            Some(span) => diagnostic.related(Place::new(span, "the type")),
            None => diagnostic,
        });
    }

    /// Groups that are members of each other in a circle.
    fn check_group_circles(&self, groups: &Map<Group>) {
        let mut done: Vec<&str> = Vec::new();
        for (start, group) in groups {
            let mut chain = vec![start.as_str()];
            let mut open: Vec<&str> = inner_groups(group).collect();
            while let Some(name) = open.pop() {
                if name == start.as_str() {
                    if !done.contains(&name) {
                        let message = format!("the group `{start}` is a member of itself");
                        self.report(
                            Diagnostic::error("circular-group", message).at(group.span).chapter("16.2"),
                        );
                    }
                    done.extend(&chain);
                    break;
                }
                if !chain.contains(&name) {
                    chain.push(name);
                    open.extend(groups.get(name).into_iter().flat_map(inner_groups));
                }
            }
        }
    }
}

fn inner_groups(group: &Group) -> impl Iterator<Item = &str> {
    group.members.iter().filter_map(|member| match member {
        Member::Group(name) => Some(name.as_str()),
        Member::Node(_) => None,
    })
}
