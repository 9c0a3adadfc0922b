//! Operations become event handlers.

use diagnostics::{Diagnostic, Span};
use floria::{Handler, Handlers, Implementation, Named};
use khutulun_api::names;
use tosca::model::{
    self, Interface, Map, NodeDirective, NodeTemplate, Operation, Output, PathStart, Relationship, TypeId,
};

use crate::{expressions, lower::Lowering};

/// Metadata of an interface type: the prefix of its events.
const EVENTS: &str = "khutulun.events";

/// What has operations.
#[derive(Clone, Copy)]
pub(crate) enum Holder<'m> {
    Node(&'m NodeTemplate),
    /// A relationship, by the name of its requirement.
    Relationship(&'m str, &'m Relationship),
}

impl<'m> Holder<'m> {
    pub(crate) fn interfaces(self) -> &'m Map<Interface> {
        match self {
            Self::Node(node) => &node.interfaces,
            Self::Relationship(_, relationship) => &relationship.interfaces,
        }
    }

    fn attributes(self) -> &'m Map<model::Property> {
        match self {
            Self::Node(node) => &node.attributes,
            Self::Relationship(_, relationship) => &relationship.attributes,
        }
    }

    fn is_start(self, start: &PathStart) -> bool {
        match (self, start) {
            (Self::Node(_), PathStart::SelfNode) | (Self::Relationship(..), PathStart::SelfRelationship) => {
                true
            }
            (Self::Node(node), PathStart::Node { template, .. }) => *template == node.id,
            (Self::Relationship(_, relationship), PathStart::Relationship { template }) => {
                relationship.template.as_deref() == Some(&**template)
            }
            _ => false,
        }
    }

    /// Whether what it does is done by a service inside of it.
    fn is_substituted(self) -> bool {
        matches!(self, Self::Node(node) if *node.directives == [NodeDirective::Substitute])
    }

    /// The word for it, and what it is called.
    fn words(self) -> (&'static str, String) {
        match self {
            Self::Node(node) => ("node", format!("node template `{}`", node.name)),
            Self::Relationship(requirement, _) => ("relationship", format!("relationship `{requirement}`")),
        }
    }
}

impl<'a> Lowering<'a, '_> {
    /// The handlers of a node or relationship: one for each operation that runs something, and for each notification.
    pub(crate) fn handlers(&mut self, holder: Holder<'a>) -> Handlers {
        let mut handlers = Handlers::new();
        for (interface_name, interface) in holder.interfaces() {
            let prefix = self.event_prefix(interface_name, interface);
            for (name, operation) in &interface.operations {
                if let Some(implementation) = &operation.implementation
                    && self.is_run(holder, &prefix, name, operation)
                    && let Some(implementation) = self.implementation(implementation)
                {
                    let handler = self.handler(holder, operation, Some(implementation));
                    self.add(&mut handlers, holder, format!("{prefix}.{name}"), handler, operation.span);
                } else if holder.is_substituted()
                    && operation.implementation.is_none()
                    && !(operation.inputs.is_empty() && operation.outputs.is_empty())
                {
                    // A workflow of the service inside may do it, with these.
                    let handler = self.handler(holder, operation, None);
                    self.add(&mut handlers, holder, format!("{prefix}.{name}"), handler, operation.span);
                }
            }
            for (name, notification) in &interface.notifications {
                let mut handler = self.handler(holder, notification, None);
                handler.metadata.insert(names::NOTIFICATION.to_owned(), true.into());
                self.add(&mut handlers, holder, format!("{prefix}.{name}"), handler, notification.span);
            }
        }
        handlers
    }

    fn add(
        &mut self,
        handlers: &mut Handlers,
        holder: Holder<'_>,
        event: String,
        handler: Handler,
        span: Span,
    ) {
        if handlers.contains_key(&event) {
            let message = format!("two interfaces of the {} answer `{event}`", holder.words().1);
            self.tell(Diagnostic::error("two-handlers", message).at(span));
        }
        handlers.insert(event, handler);
    }

    /// Nodes have a lifecycle, and relationships what is done at their ends: neither has the other.
    fn is_run(&mut self, holder: Holder<'_>, prefix: &str, name: &str, operation: &Operation) -> bool {
        let (message, hint) = match holder {
            Holder::Relationship(..) if prefix == names::LIFECYCLE => (
                format!("the operation `{name}` of a lifecycle is one of nodes, and this is a relationship"),
                "relationships have an interface of the profile's type `Configure`, such as `pre_configure_source` or \
                 `add_target`; or give it to the source or target node, which can read the relationship's values",
            ),
            Holder::Node(_)
                if prefix == names::CONFIGURE && names::RELATIONSHIP_OPERATIONS.contains(&name) =>
            {
                (
                    format!("the operation `{name}` is one of relationships, and this is a node"),
                    "give it to the relationship of a requirement, or give the interface another type",
                )
            }
            _ => return true,
        };
        self.tell(Diagnostic::error("unsupported-operation", message).at(operation.span).hint(hint));
        false
    }

    pub(crate) fn event_prefix(&mut self, name: &str, interface: &Interface) -> String {
        let prefix = self.events_of(name, interface.type_id);
        let reserved = [
            (names::LIFECYCLE, "the lifecycle's type", "Lifecycle"),
            (names::CONFIGURE, "the type of what deploying does for relationships", "Configure"),
        ];
        if let Some((_, what, of_profile)) = reserved.into_iter().find(|(reserved, ..)| *reserved == name)
            && self.model.inherited_metadata(interface.type_id, EVENTS).is_none()
        {
            let message = format!("the interface `{name}` is not of {what}");
            self.tell(Diagnostic::error("reserved-interface", message).at(interface.span).hint(format!(
                "derive its type from one that has the metadata `{EVENTS}: {name}`, as the profile's \
                                   `{of_profile}` has, or give it another name"
            )));
        }
        prefix
    }

    /// The prefix of the events of an interface.
    pub(crate) fn events_of(&self, name: &str, interface_type: TypeId) -> String {
        let events = self.model.inherited_metadata(interface_type, EVENTS).and_then(model::Value::as_str);
        events.unwrap_or(name).to_owned()
    }

    fn handler(
        &mut self,
        holder: Holder<'_>,
        operation: &Operation,
        implementation: Option<Implementation>,
    ) -> Handler {
        let mut inputs = Named::new();
        for (name, input) in &operation.inputs {
            if let Some(value) = self.operation_input(name, input) {
                inputs.insert(name.as_str().to_owned(), value);
            }
        }
        let mut outputs = Named::new();
        for (name, output) in &operation.outputs {
            if let Some(attribute) = self.output_target(holder, output) {
                outputs.insert(name.as_str().to_owned(), attribute);
            }
        }
        let metadata = expressions::metadata(self.model, &operation.metadata);
        if let Some(change) = metadata.get(names::CHANGE) {
            self.check_change(change, operation.span);
        }
        let timeout_seconds = operation.implementation.as_ref().and_then(|written| written.timeout_seconds);
        Handler {
            implementation,
            inputs,
            outputs,
            timeout_ms_max: timeout_seconds.map(|seconds| seconds.saturating_mul(1000)),
            metadata,
            origin: self.origin(operation.span),
        }
    }

    /// The attribute that an output goes to.
    fn output_target(&mut self, holder: Holder<'_>, output: &Output) -> Option<String> {
        let reference = output.mapping.as_ref()?;
        let (word, called) = holder.words();
        if !holder.is_start(&reference.path.start)
            || !reference.path.steps.is_empty()
            || !reference.nested.is_empty()
        {
            self.refuse_target(
                output.span,
                &format!("an output that goes elsewhere than to a whole attribute of its own {word} is not supported yet"),
            );
            return None;
        }
        if !holder.attributes().contains_key(reference.name.as_str()) {
            self.refuse_target(
                reference.name_span,
                &format!("`{}` is not an attribute of the {called}", reference.name),
            );
            return None;
        }
        Some(reference.name.as_str().to_owned())
    }

    pub(crate) fn refuse_target(&mut self, span: Span, message: &str) {
        self.tell(Diagnostic::error("unsupported-output", message.to_owned()).at(span).chapter("9.9"));
    }
}
