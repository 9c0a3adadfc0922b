//! Validation clauses (9.10) on literal values.

use std::fmt::Display;

use diagnostics::{Diagnostic, Place, Span};

use super::Compiler;
use super::evaluate::{evaluate, value_of};
use crate::model::{Schema, Value};

impl Compiler<'_> {
    /// Checks a literal value against the clauses of its schema and data type. `None` when one does not hold, which
    /// is reported; what only run time can know holds for now.
    pub(super) fn validate(
        &self,
        value: &Value,
        schema: &Schema,
        span: Span,
        what: &dyn Display,
    ) -> Option<()> {
        let data_type = self.base_of(schema.data_type).map(|_| self.data(schema.data_type));
        let inherited = data_type.map(|data| data.validation.as_slice()).unwrap_or_default();
        let clauses = inherited.iter().chain(&schema.validation);
        // 9.1.2.2: the number of a scalar is of a type of its own.
        let number = match value {
            Value::Scalar(scalar) => Some(value_of(scalar.number)),
            _ => None,
        };
        let units = data_type.and_then(|data| data.units.as_ref()).filter(|_| number.is_some());
        let of_number = units.map(|units| self.data(units.data_type).validation.as_slice());
        let of_number = of_number.unwrap_or_default().iter();
        let all = of_number.map(|clause| (clause, number.as_ref().unwrap_or(value)));
        for (clause, value) in all.chain(clauses.map(|clause| (clause, value))) {
            match evaluate(clause, Some(value)) {
                Ok(Some(Value::Boolean(false))) => {
                    self.report(
                        Diagnostic::error("invalid-value", format!("{what} has a value that is not allowed"))
                            .at(Place::new(span, "does not satisfy the validation clause"))
                            .related(Place::new(clause.span, "must hold"))
                            .chapter("9.10"),
                    );
                    return None;
                }
                Ok(_) => {}
                Err(problem) => {
                    self.report(
                        Diagnostic::error("invalid-validation", problem.message)
                            .at(Place::new(problem.span, "in this validation clause"))
                            .related(Place::new(span, "checked for this value"))
                            .chapter("9.10"),
                    );
                    return None;
                }
            }
        }
        Some(())
    }
}
