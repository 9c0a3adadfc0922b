//! Calls of a design's functions: which signature, with what, and what comes of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use floria::{
    Call, Evaluated, EvaluationError, Evaluator, Expression, Functions, Implementation, Site, Value,
};

use super::{CUSTOM_NAMESPACE, Definition, Signature};
use crate::{CoerceError, Schema, ToscaFunctions, arguments, coerce::coerce_at};

/// How many results are remembered; beyond this all are forgotten, and computed again when they are wanted.
const RESULTS_MAX: usize = 100_000;

/// Runs what implements a function.
///
/// An implementer must keep: the run gets nothing but the function's name and the arguments, changes nothing, and is bounded in
/// time. It is run for previews too.
pub trait FunctionRunner: Send + Sync {
    /// Runs an implementation. `name` is that of the definition; `timeout_ms` what the signature says of time.
    ///
    /// # Errors
    /// A sentence for a person, without the function's name.
    fn run(
        &self,
        implementation: &Implementation,
        name: &str,
        arguments: &[Value],
        timeout_ms: Option<u64>,
    ) -> Result<Value, String>;
}

/// The functions that designs define, and TOSCA's own.
///
/// Each is run once for the same arguments, and what came of it is remembered, mistakes too: functions are pure.
pub struct DesignFunctions<R> {
    runner: R,
    /// By how they are written: few, in many calls, and reading one takes longer than using it.
    definitions: Mutex<HashMap<Value, Arc<Definition>>>,
    /// By the digest of the implementation, the name and the arguments.
    results: Mutex<HashMap<String, Result<Value, String>>>,
}

impl<R: FunctionRunner> DesignFunctions<R> {
    /// Makes them of what runs implementations. Nothing is begun.
    pub fn new(runner: R) -> Self {
        Self { runner, definitions: Mutex::default(), results: Mutex::default() }
    }

    /// Returns what runs implementations.
    pub fn runner(&self) -> &R {
        &self.runner
    }

    fn custom(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        let name = call.function.strip_prefix(CUSTOM_NAMESPACE).unwrap_or_default();
        let failed = |message: String| EvaluationError::new(format!("`${name}`: {message}"));
        let Some((Expression::Literal(definition), given)) = call.arguments.split_first() else {
            return Err(failed("its definition does not come with the call".to_owned()));
        };
        let given = match arguments::evaluate(given, site, evaluator)? {
            Ok(given) => given,
            Err(unknown) => return Ok(Evaluated::Unknown(unknown)),
        };
        let definition = self
            .definition(definition)
            .map_err(|message| failed(format!("its definition cannot be read: {message}")))?;
        let mut coerce = |schema: &Schema, value: &Value| coerce_at(schema, "", value, site, evaluator);
        let (signature, given) = fitting(&definition, &given, &mut coerce).map_err(failed)?;
        let result = self.result(&definition.name, signature, given).map_err(failed)?;
        let Some(schema) = &signature.result else { return Ok(Evaluated::Known(result)) };
        coerce(schema, &result)
            .map(Evaluated::Known)
            .map_err(|error| failed(format!("its result is wrong: {error}")))
    }

    fn definition(&self, written: &Value) -> Result<Arc<Definition>, String> {
        let mut definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(definition) = definitions.get(written) {
            return Ok(Arc::clone(definition));
        }
        let definition = Arc::new(Definition::from_value(written)?);
        definitions.insert(written.clone(), Arc::clone(&definition));
        Ok(definition)
    }

    fn result(&self, name: &str, signature: &Signature, given: Vec<Value>) -> Result<Value, String> {
        let results = || self.results.lock().unwrap_or_else(PoisonError::into_inner);
        let implementation = &signature.implementation;
        let key = floria::digest([(name, implementation, &given)]);
        if let Some(result) = results().get(&key) {
            return result.clone();
        }
        // Not under the lock: others go on meanwhile.
        let result = self.runner.run(implementation, name, &given, signature.timeout_ms);
        let mut results = results();
        if results.len() >= RESULTS_MAX {
            results.clear();
        }
        results.insert(key, result.clone());
        result
    }
}

impl<R: FunctionRunner> Functions for DesignFunctions<R> {
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        match call.function.starts_with(CUSTOM_NAMESPACE) {
            true => self.custom(call, site, evaluator),
            false => ToscaFunctions.call(call, site, evaluator),
        }
    }

    fn prepare(
        &self,
        preparer: &Call,
        value: Value,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        // Preparers are TOSCA's: a schema is checked, and no function of a design is one.
        ToscaFunctions.prepare(preparer, value, site, evaluator)
    }
}

/// Makes a value what a schema says.
type Coerce<'c> = &'c mut dyn FnMut(&Schema, &Value) -> Result<Value, CoerceError>;

/// Finds the first signature that takes the arguments, and makes them what it says of them.
fn fitting<'d>(
    definition: &'d Definition,
    given: &[Value],
    coerce: Coerce<'_>,
) -> Result<(&'d Signature, Vec<Value>), String> {
    let mut refusals = Vec::new();
    for signature in &definition.signatures {
        match taken(signature, given, coerce) {
            Ok(arguments) => return Ok((signature, arguments)),
            Err(refusal) => refusals.push((signature, refusal)),
        }
    }
    match refusals.as_slice() {
        [(_, refusal)] => Err(refusal.clone()),
        _ => {
            let refusals =
                refusals.iter().map(|(signature, refusal)| format!("`{}`: {refusal}", shape(signature)));
            let refusals = refusals.collect::<Vec<_>>().join("; ");
            Err(format!("no signature fits these arguments: {refusals}"))
        }
    }
}

/// The arguments as a signature takes them, or why it does not.
fn taken(signature: &Signature, given: &[Value], coerce: Coerce<'_>) -> Result<Vec<Value>, String> {
    if !signature.takes(given.len()) {
        let plural = if given.len() == 1 { "" } else { "s" };
        return Err(format!("it does not take {} argument{plural}", given.len()));
    }
    let argument = |(position, value): (usize, &Value)| match signature.argument(position) {
        None => Ok(value.clone()),
        Some(schema) => {
            coerce(schema, value).map_err(|error| format!("argument {} is wrong: {error}", position + 1))
        }
    };
    given.iter().enumerate().map(argument).collect()
}

/// A signature in a few words: `(integer, string?, Size…)`.
fn shape(signature: &Signature) -> String {
    let name = |schema: &Schema| {
        let root = schema.types.first();
        root.map_or_else(String::new, |root| {
            root.name.clone().unwrap_or_else(|| root.base.as_str().to_owned())
        })
    };
    let mut all: Vec<String> = signature.arguments.iter().map(name).collect();
    all.extend(signature.optional_arguments.iter().map(|schema| format!("{}?", name(schema))));
    match all.last_mut() {
        Some(last) if signature.variadic => last.push('…'),
        None if signature.variadic => all.push("anything…".to_owned()),
        _ => {}
    }
    format!("({})", all.join(", "))
}
