//! Function definitions (10.4).

use diagnostics::{Diagnostic, Place, Span};

use super::artifact::Implementation;
use super::construct::{Construct, Hidden, Shape};
use super::field::Field;
use super::property::Schema;
use super::reader::{Common, Reader, Word};
use crate::yaml::{Document, Node};

/// A function definition.
#[derive(Debug, Default)]
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
#[derive(Debug, Default)]
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

impl<'a> FunctionDefinition<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            needs: &[("signatures", None)],
            gone: &[("implementation", "each signature has an `implementation` of its own")],
            ..Shape::new("a function definition", "10.4")
        },
        &[
            ("signatures", |own, field| own.signatures = field.signatures(own.name)),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
        ],
    );
}

impl<'a> SignatureDefinition<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape::new("a signature definition", "10.4"),
        &[
            ("arguments", |own, field| own.arguments = field.schemas()),
            ("optional_arguments", |own, field| own.optional_arguments = field.schemas()),
            ("variadic", |own, field| own.variadic = field.boolean()),
            ("result", |own, field| own.result = field.schema()),
            ("implementation", |own, field| own.implementation = field.implementation()),
        ],
    );
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
        let mut own = FunctionDefinition { name, ..FunctionDefinition::default() };
        own.hidden = self.fill(&mut own, &FunctionDefinition::CONSTRUCT, Some(name), node);
        if own.signatures.is_empty() {
            own.hidden.add("signatures");
        }
        own
    }

    fn signature<'a>(&mut self, node: Node<'a>) -> SignatureDefinition<'a> {
        let mut own = SignatureDefinition { span: node.span(), ..SignatureDefinition::default() };
        // An empty element keeps what is refined.
        if !node.is_null() {
            own.hidden = self.fill(&mut own, &SignatureDefinition::CONSTRUCT, None, node);
        }
        own
    }
}

impl<'a> Field<'a, '_> {
    fn signatures(&mut self, function: Word<'a>) -> Vec<SignatureDefinition<'a>> {
        let Some(items) = self.items() else { return Vec::new() };
        if items.len() == 0 {
            let message = format!("the function `{}` needs at least one signature", function.text);
            self.reader.report(
                Diagnostic::error("missing-signature", message).at(self.value.span()).chapter("10.4"),
            );
        }
        items.map(|item| self.reader.signature(item)).collect()
    }

    fn schemas(&mut self) -> Option<Vec<Schema<'a>>> {
        let items = self.items()?;
        let mut schemas = Vec::with_capacity(items.len());
        for item in items {
            match self.reader.schema(item) {
                Some(schema) => schemas.push(schema),
                None => self.hide(),
            }
        }
        Some(schemas)
    }
}
