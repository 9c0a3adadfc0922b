//! Calls of functions that the design defines (TOSCA 2.0, 10.4).

use std::sync::Arc;

use diagnostics::{Diagnostic, Span};
use floria::{Call, Expression, Implementation, Value};
use tosca::model::{self, ExpressionKind, FunctionId};
use tosca_functions::{
    CUSTOM_NAMESPACE,
    custom::{Definition, Signature},
};

use crate::lower::Lowering;

impl<'a> Lowering<'a, '_> {
    /// A call with all that is needed to do it.
    pub(crate) fn custom_call(
        &mut self,
        name: &str,
        function: FunctionId,
        first: Option<u32>,
        arguments: &[model::Expression],
        span: Span,
    ) -> Expression {
        let definition = self.custom_definition(name, function, first, arguments, span);
        let mut given = vec![Expression::Literal(definition)];
        given.extend(arguments.iter().map(|argument| self.expression(argument)));
        Expression::from(Call {
            function: format!("{CUSTOM_NAMESPACE}{name}"),
            arguments: given,
            origin: self.origin(span),
        })
    }

    /// What is needed to do a call: the signatures that it may mean, and what computes them.
    ///
    /// `first`: which signature it means, as far as is known at compile time. Those before it do not fit; whether it does itself
    /// may turn out only when the arguments have values, and then those after it are tried.
    pub(crate) fn custom_definition(
        &mut self,
        name: &str,
        function: FunctionId,
        first: Option<u32>,
        arguments: &[model::Expression],
        span: Span,
    ) -> Value {
        let refined = self.model.functions.iter().find(|own| own.refines == Some(function));
        let function = refined.unwrap_or_else(|| self.model.function(function));
        let first_place = first.map_or(0, |first| first as usize);
        let all_literal = arguments.iter().all(|argument| matches!(argument.kind, ExpressionKind::Value(_)));
        let is_known = first.is_some() && all_literal;
        let meant = function
            .signatures
            .iter()
            .skip(first_place)
            .take(if is_known { 1 } else { usize::MAX })
            .filter(|signature| signature.takes(arguments.len()));
        let signatures = meant.filter_map(|signature| self.signature(name, signature, span)).collect();
        Definition { name: function.name.as_str().to_owned(), signatures }.to_value()
    }

    /// A signature; None when it cannot be run, which is told at the call.
    fn signature(&mut self, name: &str, signature: &'a model::Signature, span: Span) -> Option<Signature> {
        let Some(written) = signature.implementation.as_ref().filter(|written| written.primary.is_some())
        else {
            let message = format!("nothing computes `${name}`: its signature has no implementation");
            self.tell(
                Diagnostic::error("unsupported-function", message)
                    .at(span)
                    .related(diagnostics::Place::new(signature.span, "this signature"))
                    .hint(
                        "give the signature an `implementation`, a script or a component; the service template \
                         can, too, in its own `functions`",
                    )
                    .chapter("10.4"),
            );
            return None;
        };
        let implementation = self.implementation(written)?;
        match &implementation {
            Implementation::Driver(driver) => {
                let message = format!("the driver `{driver}` computes no functions");
                self.tell(
                    Diagnostic::error("unsupported-function", message)
                        .at(written.span)
                        .hint("a function is a `Script` or a `Plugin` of the profile `khutulun.process:0.1`")
                        .chapter("10.4"),
                );
                return None;
            }
            Implementation::Plugin(artifact) => self.computes(&artifact.path),
            Implementation::Script { artifact, dependencies } => {
                for file in std::iter::once(artifact).chain(dependencies) {
                    self.computes(&file.path);
                }
            }
        }
        let mut schema = |own: &Arc<model::Schema>| self.signature_schema(own).schema.clone();
        Some(Signature {
            arguments: signature.arguments.iter().map(&mut schema).collect(),
            optional_arguments: signature.optional_arguments.iter().map(&mut schema).collect(),
            variadic: signature.variadic,
            result: signature.result.as_ref().map(&mut schema),
            implementation,
            timeout_ms: written.timeout_seconds.map(|seconds| seconds.saturating_mul(1000)),
        })
    }

    /// Whoever evaluates needs the file, before anything is deployed.
    fn computes(&mut self, path: &str) {
        if let Some(file) = self.shared.artifacts.get_mut(path) {
            file.computes = true;
        }
    }
}
