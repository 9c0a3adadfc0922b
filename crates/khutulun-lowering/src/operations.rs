//! Operations become event handlers.

use diagnostics::{Diagnostic, Span};
use floria::{Handler, Handlers, Named};
use khutulun_api::names;
use tosca::model::{self, Interface, NodeTemplate, Operation, Output, PathStart, Relationship, TypeId};

use crate::{expressions, lower::Lowering};

/// Metadata of an interface type: the prefix of its events.
const EVENTS: &str = "khutulun.events";

impl<'a> Lowering<'a, '_> {
    /// The handlers of a node: one for each operation that runs something.
    pub(crate) fn handlers(&mut self, node: &'a NodeTemplate) -> Handlers {
        let mut handlers = Handlers::new();
        for (interface_name, interface) in &node.interfaces {
            let prefix = self.event_prefix(interface_name, interface);
            for (name, operation) in &interface.operations {
                let Some(handler) = self.handler(node, operation) else { continue };
                let event = format!("{prefix}.{name}");
                if handlers.contains_key(&event) {
                    let message =
                        format!("two interfaces of the node template `{}` answer `{event}`", node.name);
                    self.tell(Diagnostic::error("two-handlers", message).at(operation.span));
                }
                handlers.insert(event, handler);
            }
        }
        handlers
    }

    /// Operations of relationships do not run yet. Those without an implementation would do nothing anyway.
    pub(crate) fn refuse_operations(&mut self, relationship: &Relationship) {
        for interface in relationship.interfaces.values() {
            for (name, operation) in &interface.operations {
                if operation.implementation.is_some() {
                    let message = format!("the operation `{name}` of a relationship is not run yet");
                    self.tell(Diagnostic::error("unsupported-operation", message).at(operation.span).hint(
                        "give it to the source or target node, which can read the relationship's values",
                    ));
                }
            }
        }
    }

    fn event_prefix(&mut self, name: &str, interface: &Interface) -> String {
        let prefix = self.events_of(name, interface.type_id);
        if name == names::LIFECYCLE && self.model.inherited_metadata(interface.type_id, EVENTS).is_none() {
            let message = format!("the interface `{name}` is not of the lifecycle's type");
            self.tell(Diagnostic::error("reserved-interface", message).at(interface.span).hint(format!(
                "derive its type from one that has the metadata `{EVENTS}: {name}`, as the profile's \
                                   `Lifecycle` has, or give it another name"
            )));
        }
        prefix
    }

    /// The prefix of the events of an interface.
    pub(crate) fn events_of(&self, name: &str, interface_type: TypeId) -> String {
        let events = self.model.inherited_metadata(interface_type, EVENTS).and_then(model::Value::as_str);
        events.unwrap_or(name).to_owned()
    }

    fn handler(&mut self, node: &NodeTemplate, operation: &Operation) -> Option<Handler> {
        let written = operation.implementation.as_ref()?;
        let implementation = self.implementation(written)?;
        let mut inputs = Named::new();
        for (name, input) in &operation.inputs {
            if let Some(value) = self.operation_input(name, input) {
                inputs.insert(name.as_str().to_owned(), value);
            }
        }
        let mut outputs = Named::new();
        for (name, output) in &operation.outputs {
            if let Some(attribute) = self.output_target(node, output) {
                outputs.insert(name.as_str().to_owned(), attribute);
            }
        }
        let metadata = expressions::metadata(self.model, &operation.metadata);
        if let Some(change) = metadata.get(names::CHANGE) {
            self.check_change(change, operation.span);
        }
        Some(Handler {
            implementation: Some(implementation),
            inputs,
            outputs,
            timeout_ms_max: written.timeout_seconds.map(|seconds| seconds.saturating_mul(1000)),
            metadata,
            origin: self.origin(operation.span),
        })
    }

    /// The attribute that an output goes to.
    fn output_target(&mut self, node: &NodeTemplate, output: &Output) -> Option<String> {
        let reference = output.mapping.as_ref()?;
        let is_self = match &reference.path.start {
            PathStart::SelfNode => true,
            PathStart::Node { template, .. } => *template == node.id,
            PathStart::SelfRelationship | PathStart::Relationship { .. } => false,
        };
        if !is_self || !reference.path.steps.is_empty() || !reference.nested.is_empty() {
            self.refuse_target(
                output.span,
                "an output that goes elsewhere than to a whole attribute of its own node is not supported yet",
            );
            return None;
        }
        if !node.attributes.contains_key(reference.name.as_str()) {
            self.refuse_target(
                reference.name_span,
                &format!("`{}` is not an attribute of the node template `{}`", reference.name, node.name),
            );
            return None;
        }
        Some(reference.name.as_str().to_owned())
    }

    fn refuse_target(&mut self, span: Span, message: &str) {
        self.tell(Diagnostic::error("unsupported-output", message.to_owned()).at(span).chapter("9.9"));
    }
}
