//! Functions of designs: which signature a call means, what is checked, what is run.

use std::sync::Mutex;

use floria::{
    Artifact, Call, Evaluated, Evaluator, Expression, Graph, Implementation, Site, Value, VertexId,
};
use tosca_functions::{
    Base, DesignFunctions, FunctionRunner, Schema, SchemaType,
    custom::{Definition, Signature},
};

/// Remembers its runs, and answers the implementation with the arguments; `fail` fails.
#[derive(Default)]
struct Echo(Mutex<Vec<String>>);

impl FunctionRunner for Echo {
    fn run(
        &self,
        implementation: &Implementation,
        name: &str,
        arguments: &[Value],
        timeout_ms: Option<u64>,
    ) -> Result<Value, String> {
        let Implementation::Plugin(artifact) = implementation else { panic!("it is a component") };
        let timeout = timeout_ms.map_or_else(String::new, |timeout| format!(" within {timeout}"));
        let line = format!("{name} by {}{timeout}: {}", artifact.path, Value::List(arguments.to_vec()));
        self.0.lock().expect("no run panics").push(line);
        match (name, arguments) {
            ("fail", _) => Err("it is not to be".to_owned()),
            ("first", [first, ..]) => Ok(first.clone()),
            _ => Ok(Value::List([vec![artifact.path.as_str().into()], arguments.to_vec()].concat())),
        }
    }
}

fn of(base: Base) -> Schema {
    Schema::of(SchemaType::of(base))
}

/// A port: an integer from 1, by its name.
fn port() -> Schema {
    let at_least_1 = Value::map([(
        "$greater_or_equal",
        Value::List(vec![Value::map([("$value", Value::List(Vec::new()))]), 1.into()]),
    )]);
    Schema::of(SchemaType {
        name: Some("Port".to_owned()),
        validation: vec![at_least_1],
        ..SchemaType::of(Base::Integer)
    })
}

fn signature(file: &str, arguments: &[Schema]) -> Signature {
    Signature {
        arguments: arguments.to_vec(),
        optional_arguments: Vec::new(),
        variadic: false,
        result: None,
        implementation: Implementation::Plugin(Artifact {
            path: file.to_owned(),
            digest: format!("digest of {file}"),
        }),
        timeout_ms: None,
    }
}

fn definition(name: &str, signatures: Vec<Signature>) -> Definition {
    Definition { name: name.to_owned(), signatures }
}

fn expression(definition: &Definition, arguments: &[Value]) -> Expression {
    let literals = arguments.iter().cloned().map(Expression::Literal);
    Expression::from(Call {
        function: format!("custom:here:{}", definition.name),
        arguments: std::iter::once(Expression::Literal(definition.to_value())).chain(literals).collect(),
        origin: None,
    })
}

fn evaluate(functions: &DesignFunctions<Echo>, expression: &Expression) -> String {
    let graph = Graph::default();
    match Evaluator::new(&graph, functions).evaluate(expression, Site::Vertex(VertexId(1))) {
        Ok(Evaluated::Known(value)) => value.to_string(),
        Ok(Evaluated::Unknown(_)) => "unknown".to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

fn call(definition: &Definition, arguments: &[Value]) -> String {
    evaluate(&DesignFunctions::new(Echo::default()), &expression(definition, arguments))
}

/// C267: signatures are tried in order, the first that fits wins; none is an error that lists the candidates.
#[test]
fn the_first_signature_that_fits_is_called() {
    let shape = definition(
        "shape",
        vec![
            signature("ports.wasm", &[port()]),
            signature("floats.wasm", &[of(Base::Float)]),
            signature("pairs.wasm", &[of(Base::Float), of(Base::String)]),
        ],
    );
    assert_eq!(call(&shape, &[80.into()]), "[ports.wasm, 80]");
    // Not a port, so it becomes a float.
    assert_eq!(call(&shape, &[0.into()]), "[floats.wasm, 0.0]");
    assert_eq!(call(&shape, &[1.into(), "a".into()]), "[pairs.wasm, 1.0, a]");
    assert_eq!(
        call(&shape, &["a".into()]),
        "error: `$here:shape`: no signature fits these arguments: \
         `(Port)`: argument 1 is wrong: expected `Port` (an integer), found the string \"a\"; \
         `(float)`: argument 1 is wrong: expected a float, found the string \"a\"; \
         `(float, string)`: it does not take 1 argument"
    );
}

/// C272: an argument is validated by its schema, and so is the result.
#[test]
fn arguments_and_results_are_checked() {
    let mut first = definition("first", vec![signature("one.wasm", &[port()])]);
    assert_eq!(
        call(&first, &[0.into()]),
        "error: `$here:first`: argument 1 is wrong: 0 does not satisfy { $greater_or_equal: [ $value, 1 ] }"
    );
    first.signatures[0].result = Some(of(Base::Float));
    assert_eq!(call(&first, &[7.into()]), "7.0");
    first.signatures[0].result = Some(of(Base::String));
    assert_eq!(
        call(&first, &[7.into()]),
        "error: `$here:first`: its result is wrong: expected a string, found the integer 7"
    );
}

/// C268: optional and variadic arguments.
#[test]
fn the_last_argument_of_a_variadic_function_repeats() {
    let mut many = definition("many", vec![signature("one.wasm", &[of(Base::String), of(Base::Integer)])]);
    let refused = |many: &Definition, arguments: &[Value]| call(many, arguments).starts_with("error: ");
    let text = || Value::from("a");
    assert!(refused(&many, &[text()]) && refused(&many, &[text(), 1.into(), 2.into()]));
    // Of the regular arguments, the last is there at least once.
    many.signatures[0].variadic = true;
    assert!(refused(&many, &[text()]));
    assert_eq!(call(&many, &[text(), 1.into(), 2.into()]), "[one.wasm, a, 1, 2]");
    assert!(refused(&many, &[text(), 1.into(), text()]));
    // Of the optional ones, it may be missing.
    many.signatures[0].optional_arguments = vec![of(Base::Boolean)];
    let (yes, no) = (Value::Boolean(true), Value::Boolean(false));
    assert_eq!(call(&many, &[text(), 1.into()]), "[one.wasm, a, 1]");
    assert_eq!(call(&many, &[text(), 1.into(), yes.clone(), no.clone()]), "[one.wasm, a, 1, true, false]");
    assert!(refused(&many, &[text(), 1.into(), yes, 2.into()]));
    // Without variadic no more than there are.
    many.signatures[0].variadic = false;
    assert!(refused(&many, &[text(), 1.into(), no.clone(), no]));
    // Nothing but variadic takes anything, and nothing at all takes nothing.
    let mut any = definition("any", vec![signature("one.wasm", &[])]);
    assert_eq!(call(&any, &[1.into()]), "error: `$here:any`: it does not take 1 argument");
    any.signatures[0].variadic = true;
    assert_eq!(call(&any, &[1.into(), text()]), "[one.wasm, 1, a]");
}

#[test]
fn what_came_of_a_call_is_remembered() {
    let mut same = definition("same", vec![signature("one.wasm", &[of(Base::Float)])]);
    same.signatures[0].timeout_ms = Some(50);
    let fail = definition("fail", vec![signature("one.wasm", &[of(Base::Float)])]);
    let functions = DesignFunctions::new(Echo::default());
    for number in [1.into(), 1.0.into(), 2.into()] {
        evaluate(&functions, &expression(&same, std::slice::from_ref(&number)));
        let error = evaluate(&functions, &expression(&fail, &[number]));
        assert_eq!(error, "error: `$here:fail`: it is not to be");
    }
    let runs = functions.runner().0.lock().expect("no run panics").clone();
    let expected = [
        "same by one.wasm within 50: [1.0]",
        "fail by one.wasm: [1.0]",
        "same by one.wasm within 50: [2.0]",
        "fail by one.wasm: [2.0]",
    ];
    assert_eq!(runs, expected);
}

/// C272: clauses call functions, too, where expressions are evaluated; elsewhere those are taken to hold.
#[test]
fn a_clause_calls_a_function_of_the_design() {
    let first = definition("first", vec![signature("one.wasm", &[of(Base::Boolean)])]);
    let clause =
        |argument: Value| Value::map([("$custom:here:first", Value::List(vec![first.to_value(), argument]))]);
    let is_value = Value::map([("$value", Value::List(Vec::new()))]);
    let both = Value::List(vec![clause(true.into()), clause(is_value.clone())]);
    let schema = Schema::of(SchemaType {
        validation: vec![Value::map([("$and", both)])],
        ..SchemaType::of(Base::Any)
    });
    let functions = DesignFunctions::new(Echo::default());
    let coerced = |value: Value| {
        let arguments = [schema.to_value(), value].map(Expression::Literal).to_vec();
        let call = Call { function: "tosca:coerce".to_owned(), arguments, origin: None };
        evaluate(&functions, &Expression::from(call))
    };
    assert_eq!(coerced(true.into()), "true");
    assert_eq!(coerced(false.into()), "error: false does not satisfy { $here:first: [ $value ] }");
    assert_eq!(
        coerced(1.into()),
        "error: { $here:first: [ $value ] } cannot be checked: `$here:first`: argument 1 is wrong: \
         expected a boolean, found the integer 1"
    );
    assert!(schema.calls_custom() && !port().calls_custom());
    assert_eq!(tosca_functions::coerce(&schema, "", &false.into()), Ok(false.into()));
}

#[test]
fn built_in_functions_are_still_there_and_calls_nest() {
    let same = definition("first", vec![signature("one.wasm", &[of(Base::Integer)])]);
    let sum = Expression::from(Call {
        function: "tosca:sum".to_owned(),
        arguments: vec![expression(&same, &[1.into()]), expression(&same, &[2.into()])],
        origin: None,
    });
    assert_eq!(evaluate(&DesignFunctions::new(Echo::default()), &sum), "3");
}

#[test]
fn a_definition_comes_back_as_it_was_written() {
    let script = Signature {
        arguments: vec![port()],
        optional_arguments: vec![of(Base::Float), of(Base::Any)],
        variadic: true,
        result: Some(of(Base::String)),
        implementation: Implementation::Script {
            artifact: Artifact { path: "a.sh".to_owned(), digest: "1".to_owned() },
            dependencies: vec![Artifact { path: "b.sh".to_owned(), digest: "2".to_owned() }],
        },
        timeout_ms: Some(7),
    };
    let definition = definition("area", vec![signature("one.wasm", &[]), script]);
    assert_eq!(Definition::from_value(&definition.to_value()), Ok(definition));
    let mistake = |value: &str| Definition::from_value(&Value::map([("name", value)])).unwrap_err();
    assert_eq!(mistake("area"), "it has no signatures");
    let bare = Expression::from(Call { function: "custom:f".to_owned(), arguments: vec![], origin: None });
    assert_eq!(
        evaluate(&DesignFunctions::new(Echo::default()), &bare),
        "error: `$f`: its definition does not come with the call"
    );
}
