//! Functions that files and the service template define (10.4): found by name, and called.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean};
use tosca_syntax::words::{self, FunctionDefinition, Functions, SignatureDefinition};
use tosca_syntax::yaml::Node;

use super::form::plain_metadata;
use super::scope::Meeting;
use super::{Compiler, Context, SelfIs};
use crate::model::{Call, Expression, Function, FunctionId, Schema, Signature};

/// The words of all functions.
pub(super) struct CustomWords<'a> {
    /// By file.
    pub(super) files: Vec<Functions<'a>>,
    /// Those of the service template.
    pub(super) template: Functions<'a>,
}

/// The functions that are defined.
#[derive(Default)]
pub(super) struct CustomFunctions<'a> {
    declared: Vec<DeclaredFunction<'a>>,
    /// By file and name.
    own: Vec<HashMap<&'a str, usize>>,
    of_template: HashMap<&'a str, usize>,
    /// The files of which some functions could not be read.
    vague: Vec<bool>,
    template_is_vague: bool,
    /// In the order of `declared`; empty until data types are built.
    pub(super) functions: Vec<Function>,
    /// For calls of what has several signatures, by their places: which one it is, if any fits. Calls within calls
    /// would otherwise multiply.
    chosen: RefCell<HashMap<Span, (Context, Option<usize>)>>,
}

struct DeclaredFunction<'a> {
    file: usize,
    words: &'a FunctionDefinition<'a>,
    /// The function that one of the service template refines.
    refines: Option<usize>,
}

/// What a name stands for.
enum Found {
    One(usize),
    Ambiguous(Vec<usize>),
    Nothing,
    Unknowable,
}

impl<'a> Compiler<'a> {
    /// Gives every function an id, and finds duplicates.
    pub(super) fn declare_functions(&mut self, words: &'a CustomWords<'a>) {
        let mut by_name: HashMap<&'a str, Vec<(usize, Span)>> = HashMap::new();
        for (file, functions) in words.files.iter().enumerate() {
            let mut own = HashMap::new();
            for function in &functions.definitions {
                own.insert(function.name.text, self.custom.declared.len());
                self.custom.declared.push(DeclaredFunction { file, words: function, refines: None });
                by_name.entry(function.name.text).or_default().push((file, function.name.span));
            }
            self.custom.own.push(own);
            self.custom.vague.push(functions.is_vague);
        }
        for function in &words.template.definitions {
            let refines = match self.find_function(0, function.name.text, false) {
                Found::One(index) => Some(index),
                _ => None,
            };
            let index = self.custom.declared.len();
            self.custom.of_template.insert(function.name.text, index);
            self.custom.declared.push(DeclaredFunction { file: 0, words: function, refines });
        }
        self.custom.template_is_vague = words.template.is_vague;
        let mut names: Vec<_> = by_name.into_iter().filter(|(_, places)| places.len() > 1).collect();
        names.sort_unstable();
        for (name, places) in names {
            let files: Vec<usize> = places.iter().map(|(file, _)| *file).collect();
            for Meeting { file, members } in self.scopes.meetings(&files) {
                let message = format!("the function `{name}` is defined more than once in one namespace");
                let diagnostic = Diagnostic::error("duplicate-function", message)
                    .hint("give one of the imports a `namespace`, and write `$namespace:name`")
                    .chapter("10.4");
                let here = members.iter().map(|&member| places[member]).collect::<Vec<_>>();
                self.report(self.at_meeting(diagnostic, file, &here));
            }
        }
    }

    /// Builds the definitions, now that their schemas can be understood.
    pub(super) fn build_functions(&mut self) {
        for index in 0..self.custom.declared.len() {
            let function = self.function(&self.custom.declared[index]);
            self.custom.functions.push(function);
        }
    }

    fn function(&self, declared: &DeclaredFunction<'a>) -> Function {
        let words = declared.words;
        let context = Context::in_type(declared.file, SelfIs::Unknown);
        let refined = declared.refines.and_then(|index| self.custom.functions.get(index));
        let known = refined.map(|refined| refined.signatures.as_slice()).unwrap_or_default();
        let mut signatures = known.to_vec();
        for (position, own) in words.signatures.iter().enumerate() {
            match signatures.get(position).cloned() {
                Some(inherited) => {
                    self.check_refinement(own, &inherited);
                    let implementation =
                        own.implementation.as_ref().and_then(|own| self.implementation(own, context, None));
                    let implementation = implementation.or(inherited.implementation.clone());
                    signatures[position] = Signature { implementation, ..inherited };
                }
                None => signatures.push(self.signature_of(own, context)),
            }
        }
        let description = words.common.description.map(Arc::from);
        let metadata = words.common.metadata.map(plain_metadata);
        Function {
            name: self.name(words.name.text),
            refines: declared.refines.map(FunctionId::from_index),
            profile: self.files[declared.file].profile.clone(),
            signatures,
            description: description.or_else(|| refined.and_then(|refined| refined.description.clone())),
            metadata: metadata
                .or_else(|| refined.map(|refined| refined.metadata.clone()))
                .unwrap_or_default(),
            span: words.name.span,
        }
    }

    fn signature_of(&self, words: &'a SignatureDefinition<'a>, context: Context) -> Signature {
        let schema = |own: &words::Schema<'a>| {
            let schema = self.refined_schema(own, None, context);
            schema.map(Arc::new).expect("a schema that refines nothing is made of what is known")
        };
        let schemas = |own: &Option<Vec<words::Schema<'a>>>| own.iter().flatten().map(schema).collect();
        Signature {
            arguments: schemas(&words.arguments),
            optional_arguments: schemas(&words.optional_arguments),
            // What could not be read may take anything.
            variadic: words.variadic.unwrap_or(!words.hidden.is_empty()),
            result: words.result.as_ref().map(schema),
            implementation: words
                .implementation
                .as_ref()
                .and_then(|own| self.implementation(own, context, None)),
            span: words.span,
        }
    }

    /// In a service template only the implementation of a signature can be changed.
    fn check_refinement(&self, own: &SignatureDefinition<'a>, inherited: &Signature) {
        let changes = [
            ("arguments", own.arguments.is_some()),
            ("optional_arguments", own.optional_arguments.is_some()),
            ("variadic", own.variadic.is_some()),
            ("result", own.result.is_some()),
        ];
        if let Some((keyname, _)) = changes.iter().find(|(_, is_there)| *is_there) {
            let message = "a service template can change only the implementation of a signature";
            self.report(
                Diagnostic::error("widened-refinement", message)
                    .at(Place::new(own.span, format!("gives `{keyname}`")))
                    .related(Place::new(inherited.span, "refines this signature"))
                    .hint("add new signatures behind the inherited ones; `{}` keeps one as it is")
                    .chapter("10.4"),
            );
        }
    }

    fn find_function(&self, file: usize, name: &str, in_template: bool) -> Found {
        if in_template && let Some(&index) = self.custom.of_template.get(name) {
            return Found::One(index);
        }
        let mut found = Vec::new();
        let mut is_vague = in_template && self.custom.template_is_vague;
        self.collect_functions(file, name, &mut found, &mut is_vague);
        match found[..] {
            [] if is_vague => Found::Unknowable,
            [] => Found::Nothing,
            [one] => Found::One(one),
            _ => Found::Ambiguous(found),
        }
    }

    fn collect_functions(&self, file: usize, name: &str, found: &mut Vec<usize>, is_vague: &mut bool) {
        let roots = self.scopes.root_files(file);
        *is_vague |= self.scopes.is_incomplete(file);
        for &root in roots.iter() {
            *is_vague |= self.custom.vague[root];
            if let Some(&index) = self.custom.own[root].get(name)
                && !found.contains(&index)
            {
                found.push(index);
            }
        }
        for (at, _) in name.match_indices(':') {
            let (namespace, rest) = (&name[..at], &name[at + 1..]);
            for &root in roots.iter() {
                for import in &self.files[root].imports {
                    if import.namespace.as_deref() == Some(namespace) {
                        match import.file {
                            Some(target) => self.collect_functions(target, rest, found, is_vague),
                            None => *is_vague = true,
                        }
                    }
                }
            }
        }
    }

    /// A call of a function that is defined; `None` when there is none of this name.
    pub(super) fn custom_call(
        &self,
        name: &str,
        span: Span,
        arguments: Option<Node<'a>>,
        context: Context,
    ) -> Option<Option<Call>> {
        let in_template = context.in_template || context.self_is == SelfIs::Nothing;
        let index = match self.find_function(context.file, name, in_template) {
            Found::Nothing => return None,
            // Whatever hides it is reported; if it is one of the standard's, that is it.
            Found::Unknowable => {
                return super::signatures::signature(name).is_none().then_some(None);
            }
            Found::One(index) => index,
            Found::Ambiguous(found) => {
                self.ambiguous(name, span, &found);
                return Some(None);
            }
        };
        Some(self.call_of(index, name, span, arguments, context))
    }

    fn ambiguous(&self, name: &str, span: Span, found: &[usize]) {
        let is_reported = self.diagnostics.borrow().iter().any(|reported| {
            reported.code == "duplicate-function" && reported.message.contains(&format!("`{name}`"))
        });
        if is_reported {
            return;
        }
        let message = format!("`${name}` could be several functions");
        let mut diagnostic = Diagnostic::error("ambiguous-function", message)
            .at(Place::new(span, "which one?"))
            .hint("give one of the imports another `namespace`")
            .chapter("10.4");
        for &index in found {
            let place = Place::new(self.custom.declared[index].words.name.span, "this one");
            diagnostic = diagnostic.related(place);
        }
        self.report(diagnostic);
    }

    fn call_of(
        &self,
        index: usize,
        name: &str,
        span: Span,
        arguments: Option<Node<'a>>,
        context: Context,
    ) -> Option<Call> {
        let nodes: Vec<Node<'a>> = match arguments.map(|node| (node, node.items())) {
            None => Vec::new(),
            Some((_, Some(items))) => items.collect(),
            Some((node, None)) if node.is_null() => Vec::new(),
            Some((node, None)) => vec![node],
        };
        let call = |signature: Option<usize>, arguments| Call::Custom {
            name: self.name(name),
            function: FunctionId::from_index(index),
            signature: signature.and_then(|at| u32::try_from(at).ok()),
            arguments,
        };
        let untyped = || self.arguments_of(name, &nodes, None, context);
        // Validation clauses of data types come before the functions are built.
        let Some(function) = self.custom.functions.get(index) else {
            return untyped().map(|all| call(None, all));
        };
        if self.custom.declared[index].words.hidden.has("signatures") {
            return untyped().map(|all| call(None, all));
        }
        let fitting: Vec<usize> =
            (0..function.signatures.len()).filter(|&at| function.signatures[at].takes(nodes.len())).collect();
        match fitting[..] {
            [] => {
                untyped()?;
                let plural = if nodes.len() == 1 { "" } else { "s" };
                let message = format!("no signature of `${name}` takes {} argument{plural}", nodes.len());
                self.no_signature("wrong-arguments", message, span, function);
                None
            }
            [only] => {
                let signature = &function.signatures[only];
                self.arguments_of(name, &nodes, Some(signature), context).map(|all| call(Some(only), all))
            }
            _ => {
                let known = self.custom.chosen.borrow().get(&span).copied();
                match known.filter(|(of, _)| *of == context) {
                    Some((_, Some(at))) => {
                        let signature = &function.signatures[at];
                        let all = self.arguments_of(name, &nodes, Some(signature), context);
                        return all.map(|all| call(Some(at), all));
                    }
                    Some((_, None)) => {}
                    None => {
                        for &at in &fitting {
                            if let Some(all) = self.attempt(name, &nodes, &function.signatures[at], context) {
                                self.custom.chosen.borrow_mut().insert(span, (context, Some(at)));
                                return Some(call(Some(at), all));
                            }
                        }
                        self.custom.chosen.borrow_mut().insert(span, (context, None));
                    }
                }
                // A mistake in an argument is told rather than that none fits.
                untyped()?;
                let message = format!("no signature of `${name}` fits these arguments");
                self.no_signature("wrong-type", message, span, function);
                None
            }
        }
    }

    /// The arguments as a signature wants them; nothing is reported when they are not.
    fn attempt(
        &self,
        name: &str,
        nodes: &[Node<'a>],
        signature: &Signature,
        context: Context,
    ) -> Option<Vec<Expression>> {
        let before = self.diagnostics.borrow().len();
        let (references, subjects) = (self.references.borrow().len(), self.subjects.borrow().len());
        let arguments = self.arguments_of(name, nodes, Some(signature), context);
        if arguments.is_none() {
            self.diagnostics.borrow_mut().truncate(before);
            self.references.borrow_mut().truncate(references);
            self.subjects.borrow_mut().truncate(subjects);
        }
        arguments
    }

    fn arguments_of(
        &self,
        name: &str,
        nodes: &[Node<'a>],
        signature: Option<&Signature>,
        context: Context,
    ) -> Option<Vec<Expression>> {
        let label = format!("an argument of `${name}`");
        let argument = |(position, node): (usize, &Node<'a>)| {
            let schema: Option<&Schema> =
                signature.and_then(|signature| signature.argument(position)).map(|schema| &**schema);
            self.expression(*node, schema, context, &label)
        };
        let arguments: Vec<_> = nodes.iter().enumerate().map(argument).collect();
        arguments.into_iter().collect()
    }

    fn no_signature(&self, code: &'static str, message: String, span: Span, function: &Function) {
        let mut diagnostic = Diagnostic::error(code, message).at(span).chapter("10.4");
        for signature in &function.signatures {
            diagnostic = diagnostic.related(Place::new(signature.span, self.describe(signature)));
        }
        self.report(diagnostic);
    }

    /// A signature in a few words: `takes (integer, string…)`.
    fn describe(&self, signature: &Signature) -> String {
        let name = |schema: &Arc<Schema>| self.type_of(schema.data_type).name.to_string();
        let mut all: Vec<String> = signature.arguments.iter().map(name).collect();
        all.extend(signature.optional_arguments.iter().map(|schema| format!("{}?", name(schema))));
        match all.last_mut() {
            Some(last) if signature.variadic => last.push('…'),
            None if signature.variadic => all.push("anything…".to_owned()),
            _ => {}
        }
        format!("takes ({})", all.join(", "))
    }

    /// A defined function that was probably meant.
    pub(super) fn near_function(&self, name: &str) -> Option<String> {
        let names = self.custom.declared.iter().map(|declared| declared.words.name.text);
        did_you_mean(name, names).map(|hint| hint.replacen('`', "`$", 1))
    }
}
