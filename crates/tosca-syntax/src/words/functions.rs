//! Function definitions (10.4).

use diagnostics::{Diagnostic, Place, Span};

use super::definitions::{Implementation, Schema};
use super::keynames::{self, Hidden};
use super::reader::{Common, Fields, Reader, Word};
use crate::yaml::{Document, Node};

/// A function definition.
#[derive(Debug)]
pub struct FunctionDefinition<'a> {
    /// Its name, without `$`.
    pub name: Word<'a>,
    /// `signatures`, in order.
    pub signatures: Vec<SignatureDefinition<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A signature definition.
#[derive(Debug)]
pub struct SignatureDefinition<'a> {
    /// `arguments`.
    pub arguments: Option<Vec<Schema<'a>>>,
    /// `optional_arguments`.
    pub optional_arguments: Option<Vec<Schema<'a>>>,
    /// `variadic`.
    pub variadic: Option<bool>,
    /// `result`.
    pub result: Option<Schema<'a>>,
    /// `implementation`.
    pub implementation: Option<Implementation<'a>>,
    /// Where it is.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// The functions that a file or its service template defines.
#[derive(Debug, Default)]
pub struct Functions<'a> {
    /// The definitions, in order.
    pub definitions: Vec<FunctionDefinition<'a>>,
    /// Whether some could not be read.
    pub is_vague: bool,
}

/// Reads the `functions` of a file whose header was read.
pub fn read_functions<'a>(reader: &mut Reader, document: &'a Document) -> Functions<'a> {
    reader.functions(document.root())
}

/// Reads the `functions` of a file's service template, which may refine those of the file and its imports.
pub fn read_template_functions<'a>(reader: &mut Reader, document: &'a Document) -> Functions<'a> {
    let template = document.root().get("service_template").filter(|template| template.entries().is_some());
    template.map(|template| reader.functions(template)).unwrap_or_default()
}

impl Reader {
    fn functions<'a>(&mut self, holder: Node<'a>) -> Functions<'a> {
        let Some(section) = holder.get("functions") else { return Functions::default() };
        let Some(entries) = section.entries() else {
            self.wrong_kind("`functions`", "a map", section, "10.4");
            return Functions { definitions: Vec::new(), is_vague: true };
        };
        let mut functions = Functions::default();
        for (key, node) in entries {
            match self.element_name(key, "functions", "10.4") {
                Some(name) => functions.definitions.push(self.function(name, node)),
                None => functions.is_vague = true,
            }
        }
        functions
    }

    fn function<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> FunctionDefinition<'a> {
        if name.text.contains('$') {
            let message = format!("the name of the function `{}` may not have a `$` in it", name.text);
            self.report(
                Diagnostic::error("invalid-name", message)
                    .at(Place::new(name.span, "has a `$`"))
                    .hint("a `$` comes before the name where the function is called")
                    .chapter("10.1"),
            );
        }
        let mut function = FunctionDefinition {
            name,
            signatures: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::FUNCTION_DEFINITION, Some(name)) else {
            function.hidden.add("signatures");
            return function;
        };
        function.common = self.common(&mut fields);
        match fields.get("signatures").map(|node| (node, node.items())) {
            None => self.missing(&fields, "signatures"),
            Some((node, Some(items))) => {
                if items.len() == 0 {
                    let message = format!("the function `{}` needs at least one signature", name.text);
                    self.report(
                        Diagnostic::error("missing-signature", message).at(node.span()).chapter("10.4"),
                    );
                    fields.hidden.add("signatures");
                }
                function.signatures = items.map(|item| self.signature(item)).collect();
            }
            Some((node, None)) => {
                self.wrong_kind("`signatures`", "a list", node, "10.4");
                fields.hidden.add("signatures");
            }
        }
        if fields.get("signatures").is_none() {
            fields.hidden.add("signatures");
        }
        function.hidden = fields.hidden;
        function
    }

    fn signature<'a>(&mut self, node: Node<'a>) -> SignatureDefinition<'a> {
        let mut signature = SignatureDefinition {
            arguments: None,
            optional_arguments: None,
            variadic: None,
            result: None,
            implementation: None,
            span: node.span(),
            hidden: Hidden::default(),
        };
        // An empty element keeps what is refined.
        if node.is_null() {
            return signature;
        }
        let Some(mut fields) = self.fields(node, &keynames::SIGNATURE_DEFINITION, None) else {
            signature.hidden.add("arguments");
            return signature;
        };
        signature.arguments = self.schemas(&mut fields, "arguments");
        signature.optional_arguments = self.schemas(&mut fields, "optional_arguments");
        signature.variadic = self.boolean(&fields, "variadic");
        signature.result = self.schema(&mut fields, "result");
        signature.implementation = self.implementation(&mut fields);
        signature.hidden = fields.hidden;
        signature
    }

    fn schemas<'a>(&mut self, fields: &mut Fields<'a>, keyname: &'static str) -> Option<Vec<Schema<'a>>> {
        let node = fields.get(keyname)?;
        let Some(items) = node.items() else {
            self.wrong_kind(&format!("`{keyname}`"), "a list", node, "10.4");
            fields.hidden.add(keyname);
            return None;
        };
        let mut schemas = Vec::with_capacity(items.len());
        for item in items {
            match self.schema_at(item) {
                Some(schema) => schemas.push(schema),
                None => fields.hidden.add(keyname),
            }
        }
        Some(schemas)
    }
}
