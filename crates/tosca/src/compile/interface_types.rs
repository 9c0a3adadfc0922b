//! Interface types (11.1): what goes into operations and notifications and comes out of them, in no node.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place};
use tosca_syntax::words;

use super::{Compiler, Context};
use crate::model::{Call, InterfaceType, Map, OperationDefinition, ParameterDefinition};

impl<'a> Compiler<'a> {
    /// An interface type, over what it inherits.
    pub(super) fn interface_type(
        &self,
        words: &'a words::InterfaceType<'a>,
        inherited: InterfaceType,
        context: Context,
    ) -> InterfaceType {
        let inputs = self.parameter_definitions(&words.inputs, &inherited.inputs, context, "input");
        for own in &words.inputs {
            if let Some(input) = inputs.get(own.property.name.text) {
                self.check_placeless(input);
            }
        }
        InterfaceType {
            inputs,
            operations: self.type_operations(&words.operations, inherited.operations, "operation", context),
            notifications: self.type_operations(
                &words.notifications,
                inherited.notifications,
                "notification",
                context,
            ),
        }
    }

    /// 11.4: an interface type is in no node, so that nothing can be read from one.
    fn check_placeless(&self, input: &ParameterDefinition) {
        let Some(value) = &input.value else { return };
        let mut calls = value.calls().into_iter();
        let reads = calls.find(|call| matches!(call, Call::GetProperty(_) | Call::GetAttribute(_)));
        if let Some(call) = reads {
            let message = format!("`${}` has no meaning in an interface type", call.function());
            self.report(
                Diagnostic::error("misplaced-function", message)
                    .at(Place::new(value.span, "an interface type is in no node"))
                    .hint("fix the value where the interface is used: in a node type or node template")
                    .chapter("11.4"),
            );
        }
    }

    /// The operations or notifications of an interface type: only what goes in and out.
    fn type_operations(
        &self,
        words: &'a [words::OperationDefinition<'a>],
        inherited: Map<Arc<OperationDefinition>>,
        what: &str,
        context: Context,
    ) -> Map<Arc<OperationDefinition>> {
        let mut operations = inherited;
        for operation in words {
            if let Some(implementation) = &operation.implementation {
                let message = format!(
                    "the {what} `{}` of an interface type has no implementation",
                    operation.name.text
                );
                self.report(
                    Diagnostic::error("misplaced-implementation", message)
                        .at(Place::new(implementation.span, "not allowed in an interface type"))
                        .hint("give it where the interface is used: in a node type or node template")
                        .chapter("11.1"),
                );
            }
            if let Some(mapping) = operation.outputs.iter().find_map(|output| output.mapping) {
                self.report(
                    Diagnostic::error(
                        "misplaced-mapping",
                        "an interface type has no attributes to map outputs to",
                    )
                    .at(Place::new(mapping.span(), "not allowed in an interface type"))
                    .hint("map the output where the interface is used: in a node type or node template")
                    .chapter("11.4"),
                );
            }
            let name = self.name(operation.name.text);
            let parent = operations.get(&name).cloned();
            let built = self.operation_definition(operation, parent.as_deref(), context, None);
            let fixed = |input: &&words::ParameterDefinition<'a>| built.inputs.get(input.property.name.text);
            for input in operation.inputs.iter().filter_map(|input| fixed(&input)) {
                self.check_placeless(input);
            }
            operations.insert(name, Arc::new(built));
        }
        operations
    }
}
