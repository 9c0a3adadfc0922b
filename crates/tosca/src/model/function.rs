//! Functions that files define (TOSCA 2.0, 10.4).

use std::sync::Arc;

use diagnostics::Span;

use super::{Implementation, Metadata, Name, Schema};

/// Names a function in its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(u32);

impl FunctionId {
    /// The position in [`Model::functions`](super::Model::functions).
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn from_index(index: usize) -> Self {
        Self(
            u32::try_from(index)
                .expect("functions are fewer than the bytes of their documents, which fit u32"),
        )
    }
}

/// A function definition; one of the service template has what it refines in it.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name, without `$`.
    pub name: Name,
    /// The function that it stands for wherever that is called, in types too: one of the service template's refines it.
    pub refines: Option<FunctionId>,
    /// The profile of the file that defines it.
    pub profile: Option<Name>,
    /// The signatures, tried in order: the first that fits the arguments is called.
    pub signatures: Vec<Signature>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined.
    pub span: Span,
}

/// One signature of a function.
#[derive(Debug, Clone)]
pub struct Signature {
    /// What must be given, in order.
    pub arguments: Vec<Arc<Schema>>,
    /// What may follow.
    pub optional_arguments: Vec<Arc<Schema>>,
    /// Whether the last of all these may be repeated; without any of them, whether anything is taken.
    pub variadic: bool,
    /// What it gives; absent means anything.
    pub result: Option<Arc<Schema>>,
    /// What computes it; absent means that the orchestrator knows how.
    pub implementation: Option<Arc<Implementation>>,
    /// Where it is written.
    pub span: Span,
}

impl Signature {
    /// Whether it takes so many arguments.
    pub fn takes(&self, count: usize) -> bool {
        let least = self.arguments.len();
        count >= least && (self.variadic || count <= least + self.optional_arguments.len())
    }

    /// What the argument at a position must be; absent means anything.
    pub fn argument(&self, position: usize) -> Option<&Arc<Schema>> {
        let mut all = self.arguments.iter().chain(&self.optional_arguments);
        let last = self.optional_arguments.last().or(self.arguments.last());
        all.nth(position).or(last.filter(|_| self.variadic))
    }
}
