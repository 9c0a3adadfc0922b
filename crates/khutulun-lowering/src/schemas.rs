//! Schemas: data types and their refinements as one indexed list.

use std::{collections::HashMap, sync::Arc};

use diagnostics::{Diagnostic, Span};
use floria::{Value, ValueMap};
use tosca::model::{
    self, DataBase, Decimal, ExpressionKind, FunctionId, Map, PropertyDefinition, Schema, TypeBody, TypeId,
};
use tosca_functions::{
    Base, CUSTOM_NAMESPACE, SchemaProperty, SchemaType, Units, VALUE_CALL, escape_literal, is_pure,
};

use crate::{expressions::value, lower::Lowering};

/// The schemas that were lowered so far: many properties share one.
#[derive(Default)]
pub(crate) struct Schemas {
    known: HashMap<(*const Schema, bool, bool), Known>,
    /// Whether it is schemas of a function's signature that are lowered.
    of_signature: bool,
}

struct Known {
    /// Kept, so that its address is not used for another one.
    _model: Arc<Schema>,
    lowered: Arc<LoweredSchema>,
}

/// A schema, and the value that a design holds of it.
pub(crate) struct LoweredSchema {
    pub(crate) schema: tosca_functions::Schema,
    pub(crate) value: Value,
}

impl Lowering<'_, '_> {
    /// Lowers a schema that is shared. `optional`: whether nil is taken for no value.
    pub(crate) fn shared_schema(&mut self, schema: &Arc<Schema>, optional: bool) -> Arc<LoweredSchema> {
        let key = (Arc::as_ptr(schema), optional, self.schemas.of_signature);
        if let Some(known) = self.schemas.known.get(&key) {
            return Arc::clone(&known.lowered);
        }
        let lowered = Arc::new(self.schema(schema, optional));
        let known = Known { _model: Arc::clone(schema), lowered: Arc::clone(&lowered) };
        self.schemas.known.insert(key, known);
        lowered
    }

    /// Lowers a schema of a function's signature. Its clauses call no functions of the design: those come with their own
    /// signatures, and so on.
    pub(crate) fn signature_schema(&mut self, schema: &Arc<Schema>) -> Arc<LoweredSchema> {
        let outer = std::mem::replace(&mut self.schemas.of_signature, true);
        let lowered = self.shared_schema(schema, false);
        self.schemas.of_signature = outer;
        lowered
    }

    /// Lowers a schema.
    pub(crate) fn schema(&mut self, schema: &Schema, optional: bool) -> LoweredSchema {
        let mut builder = Builder { lowering: self, types: Vec::new(), data_types: HashMap::new() };
        // The root has a place of its own even where it is a data type as it is: only here may nil be taken.
        builder.types.push(SchemaType::default());
        let root = builder.schema_type(schema);
        builder.types[0] = SchemaType { optional, ..root };
        let schema = tosca_functions::Schema { types: builder.types };
        LoweredSchema { value: schema.to_value(), schema }
    }
}

struct Builder<'l, 'm, 's> {
    lowering: &'l mut Lowering<'m, 's>,
    types: Vec<SchemaType>,
    /// Where a data type is, from before its properties are looked at: they may be of it.
    data_types: HashMap<TypeId, usize>,
}

impl Builder<'_, '_, '_> {
    /// The index of a schema's type.
    fn index(&mut self, schema: &Schema) -> usize {
        if schema.key_schema.is_none() && schema.entry_schema.is_none() && schema.validation.is_empty() {
            return self.data_type(schema.data_type);
        }
        let index = self.types.len();
        self.types.push(SchemaType::default());
        self.types[index] = self.schema_type(schema);
        index
    }

    /// A data type with what a schema adds.
    fn schema_type(&mut self, schema: &Schema) -> SchemaType {
        let mut lowered = self.data_type_type(schema.data_type);
        if let Some(key) = &schema.key_schema {
            lowered.key = Some(self.index(key));
        }
        if let Some(entry) = &schema.entry_schema {
            lowered.entry = Some(self.index(entry));
        }
        let clauses = schema.validation.iter().map(|clause| self.clause(clause)).collect::<Vec<_>>();
        lowered.validation.extend(clauses);
        lowered
    }

    /// The index of a data type as it is.
    fn data_type(&mut self, id: TypeId) -> usize {
        if let Some(index) = self.data_types.get(&id) {
            return *index;
        }
        let index = self.types.len();
        self.types.push(SchemaType::default());
        self.data_types.insert(id, index);
        self.types[index] = self.data_type_type(id);
        index
    }

    fn data_type_type(&mut self, id: TypeId) -> SchemaType {
        // The definition is the model's, which outlives this walk; the walk itself changes as it goes.
        let model = self.lowering.model;
        let own = model.type_of(id);
        let TypeBody::Data(data) = &own.body else {
            // A checked schema names a data type.
            return SchemaType::default();
        };
        let base = match data.base {
            DataBase::String => Base::String,
            DataBase::Integer => Base::Integer,
            DataBase::Float => Base::Float,
            DataBase::Boolean => Base::Boolean,
            DataBase::Bytes => Base::Bytes,
            DataBase::Timestamp => Base::Timestamp,
            DataBase::Scalar => Base::Scalar,
            DataBase::Version => Base::Version,
            DataBase::Nil => Base::Nil,
            DataBase::List => Base::List,
            DataBase::Map => Base::Map,
            DataBase::Structure => Base::Structure,
        };
        let mut lowered = SchemaType::of(base);
        // Types of TOSCA itself need no name in messages: "an integer" says it.
        lowered.name = own.span.map(|_| own.name.as_str().to_owned());
        lowered.units = data.units.as_deref().map(|units| {
            let multipliers = |all: &Map<Decimal>| {
                all.iter().map(|(name, multiplier)| (name.as_str().to_owned(), *multiplier)).collect()
            };
            Units {
                family: model.type_of(units.family).qualified_name.as_str().to_owned(),
                canonical_unit: units.canonical_unit.as_str().to_owned(),
                is_integer: units.is_integer,
                units: multipliers(&units.units),
                prefixes: multipliers(&units.prefixes),
            }
        });
        lowered.key = data.key_schema.as_ref().map(|schema| self.index(schema));
        lowered.entry = data.entry_schema.as_ref().map(|schema| self.index(schema));
        if base == Base::Map && lowered.key.is_none() {
            lowered.key = Some(self.string());
        }
        for (name, definition) in &data.properties {
            let property = self.property(definition);
            lowered.properties.insert(name.as_str().to_owned(), property);
        }
        lowered.validation = data.validation.iter().map(|clause| self.clause(clause)).collect();
        lowered
    }

    /// The keys of a map are strings where nothing else is said (TOSCA 2.0, 9.3).
    fn string(&mut self) -> usize {
        let string = SchemaType::of(Base::String);
        if let Some(index) = self.types.iter().position(|known| *known == string) {
            return index;
        }
        self.types.push(string);
        self.types.len() - 1
    }

    fn property(&mut self, definition: &PropertyDefinition) -> SchemaProperty {
        let type_index = self.index(&definition.schema);
        let given = definition.value.as_ref().or(definition.default.as_ref());
        let default = given.and_then(|expression| match expression.as_value() {
            Some(literal) => Some(value(self.lowering.model, literal)),
            None => {
                let message = "a function in the default of a data type's property is not supported yet";
                self.lowering.tell(Diagnostic::error("unsupported-function", message).at(expression.span));
                None
            }
        });
        let Some(fixed) = definition.value.as_ref().and_then(|_| default.clone()) else {
            return SchemaProperty { type_index, required: definition.required, default };
        };
        // A fixed value is a default that nothing else may be given for.
        let mut only = self.types[type_index].clone();
        let is_fixed = [Value::map([(VALUE_CALL, Value::List(Vec::new()))]), escape_literal(fixed)];
        only.validation.push(Value::map([("$equal", Value::List(is_fixed.into()))]));
        self.types.push(only);
        SchemaProperty { type_index: self.types.len() - 1, required: definition.required, default }
    }

    /// A validation clause, as [`tosca_functions::schema`] writes it.
    fn clause(&mut self, expression: &model::Expression) -> Value {
        match &expression.kind {
            ExpressionKind::Value(literal) => escape_literal(value(self.lowering.model, literal)),
            ExpressionKind::List(items) => Value::List(items.iter().map(|item| self.clause(item)).collect()),
            ExpressionKind::Call(call) => {
                let name = call.function();
                if let model::Call::Custom { name, function, signature, arguments } = &**call {
                    return self.custom_clause(name, *function, *signature, arguments, expression.span);
                }
                let is_value = matches!(**call, model::Call::Value { .. });
                if !is_value && !is_pure(name) {
                    let message =
                        format!("the function `${name}` is not supported in validation clauses yet");
                    self.lowering
                        .tell(Diagnostic::error("unsupported-function", message).at(expression.span));
                    // Holds, so that nothing more is told of it.
                    return Value::Boolean(true);
                }
                let arguments = call.arguments().iter().map(|argument| self.clause(argument)).collect();
                Value::Map(ValueMap::from([(format!("${name}").into(), Value::List(arguments))]))
            }
            ExpressionKind::Map(_) => {
                let message = "a map with functions in it is not supported in validation clauses yet";
                self.lowering.tell(Diagnostic::error("unsupported-function", message).at(expression.span));
                Value::Null
            }
        }
    }

    /// A call of a function of the design, with its definition before its arguments.
    fn custom_clause(
        &mut self,
        name: &str,
        function: FunctionId,
        signature: Option<u32>,
        arguments: &[model::Expression],
        span: Span,
    ) -> Value {
        if self.lowering.schemas.of_signature {
            let message = format!("`${name}` checks an argument or a result of a function");
            self.lowering.tell(
                Diagnostic::error("unsupported-function", message)
                    .at(span)
                    .hint("clauses of a signature's own types call only TOSCA's own functions"),
            );
            return Value::Boolean(true);
        }
        let definition = self.lowering.custom_definition(name, function, signature, arguments, span);
        let mut given = vec![definition];
        given.extend(arguments.iter().map(|argument| self.clause(argument)));
        Value::Map(ValueMap::from([(format!("${CUSTOM_NAMESPACE}{name}").into(), Value::List(given))]))
    }
}
