//! Functions on values, and inputs.

use floria::{Site, VertexId};
use serde_json::{Value as Json, json};

use crate::shop::{SERVICE, STORE, WEB, WEB_ENDPOINT, call, evaluate, literal};

fn check(function: &str, arguments: Json, expected: &str) {
    let arguments =
        arguments.as_array().expect("arguments are a list").iter().cloned().map(literal).collect();
    assert_eq!(evaluate(&call(function, arguments), Site::Vertex(WEB)), expected);
}

#[test]
fn inputs_are_read_from_everywhere_in_the_service() {
    for site in [Site::Vertex(SERVICE), Site::Vertex(WEB), Site::Vertex(WEB_ENDPOINT), Site::Edge(STORE)] {
        assert_eq!(evaluate(&call("get_input", vec![literal(json!("greeting"))]), site), "hello");
    }
}

/// C226.
#[test]
fn inputs_lead_into_their_values() {
    check("get_input", json!(["ports", 1]), "443");
    check(
        "get_input",
        json!(["ports", 2]),
        "error: the input `ports` is a list of 2 entries: there is no index 2",
    );
    check(
        "get_input",
        json!(["ports", "first"]),
        "error: the input `ports` is a list: the string \"first\" is not an index into it",
    );
    check(
        "get_input",
        json!(["greeting", 0]),
        "error: the input `greeting` is the string \"hello\": there is no 0 in it",
    );
    check("get_input", json!(["greting"]), "error: `$get_input`: the service `shop` has no input `greting`");
    check("get_input", json!(["nothing"]), "null");
    check(
        "get_input",
        json!(["needed"]),
        "error: `$get_input`: the input `needed` has no value and is required",
    );
}

/// C244.
#[test]
fn concat_joins_strings_or_lists() {
    check("concat", json!(["http://", "web", ":", 80]), "http://web:80");
    check("concat", json!([["a", ["b"]], [], ["c"]]), "[a, [b], c]");
    check("concat", json!([]), "error: `$concat`: expected at least 1 argument, found 0");
    check(
        "concat",
        json!(["a", ["b"]]),
        "error: `$concat`: argument 2 must be a string or number, as argument 1 is, not a list of 1 entry",
    );
    check(
        "concat",
        json!([["a"], "b"]),
        "error: `$concat`: argument 2 must be a list, as argument 1 is, not the string \"b\"",
    );
    check(
        "concat",
        json!([{ "a": 1 }]),
        "error: `$concat`: argument 1 must be a string or number, not a map of 1 entry",
    );
}

#[test]
fn concat_waits_for_what_is_unknown() {
    let pid = |node| call("get_attribute", vec![literal(json!([node])), literal(json!("pid"))]);
    let expression = call("concat", vec![pid("web"), literal(json!("-")), pid("backup"), pid("web")]);
    assert_eq!(evaluate(&expression, Site::Vertex(VertexId(50))), "unknown: web.pid, backup.pid");
}

/// C237 to C240.
#[test]
fn comparisons_go_by_value() {
    check("equal", json!([1, 1.0]), "true");
    check(
        "equal",
        json!([1, "1"]),
        "error: `$equal`: the integer 1 and the string \"1\" are of different types",
    );
    check("greater_than", json!([2, 1.5]), "true");
    check("greater_than", json!([9007199254740993_i64, 9007199254740992.0]), "true");
    check("less_or_equal", json!(["a", "b"]), "true");
    check(
        "less_than",
        json!([[], []]),
        "error: `$less_than`: an empty list and an empty list cannot be compared",
    );
    check("valid_values", json!([2, [1, 2]]), "true");
    check("valid_values", json!([3, [1, 2]]), "false");
    check("matches", json!(["abc", "^a.c$"]), "true");
    check("matches", json!(["abc", "^b"]), "false");
    assert!(
        evaluate(&call("matches", vec![literal(json!("a")), literal(json!("("))]), Site::Vertex(WEB))
            .starts_with("error: `$matches`: \"(\" is not a regular expression: ")
    );
}

/// C241, C242.
#[test]
fn containment_is_of_neighbours_in_order() {
    check("contains", json!([[1, 2, 3], [2, 3]]), "true");
    check("contains", json!([[1, 2, 3], [1, 3]]), "false");
    check("contains", json!(["shop", "ho"]), "true");
    check("has_prefix", json!(["shop", "sh"]), "true");
    check("has_suffix", json!([[1, 2], [1, 2, 3]]), "false");
    check("has_entry", json!([{ "a": 1 }, 1]), "true");
    check("has_key", json!([{ "a": 1 }, "b"]), "false");
    check("has_all_keys", json!([{ "a": 1, "b": 2 }, ["a", "b"]]), "true");
    check("has_any_key", json!([{ "a": 1 }, ["c"]]), "false");
    check("has_all_entries", json!([[1, 2], [2, 3]]), "false");
    check("has_any_entry", json!([[1, 2], [2, 3]]), "true");
}

#[test]
fn logic_is_of_booleans() {
    check("and", json!([true, false]), "false");
    check("or", json!([true, false]), "true");
    check("xor", json!([true, true]), "false");
    check("not", json!([true]), "false");
    check("and", json!([false]), "false");
    check("or", json!([]), "error: `$or`: expected at least 1 argument, found 0");
    check("not", json!([1]), "error: `$not`: argument 1 must be a boolean, not the integer 1");
}

#[test]
fn an_unknown_function_is_named() {
    check("frobnicate", json!([]), "error: there is no function `tosca:frobnicate`");
}

/// C245.
#[test]
fn join_puts_a_delimiter_between() {
    check("join", json!([["prefix", 1111, "suffix"], "_"]), "prefix_1111_suffix");
    check("join", json!([["9.12.1.10", "9.12.1.20"], ","]), "9.12.1.10,9.12.1.20");
    check("join", json!([["a", "b"]]), "ab");
    check("join", json!([[], ","]), "");
    check(
        "join",
        json!([["a", ["b"]], ","]),
        "error: `$join`: entry 1 of argument 1 must be a string or number, not a list of 1 entry",
    );
    check("join", json!([]), "error: `$join`: expected 1 or 2 arguments, found 0");
}

/// C246.
#[test]
fn token_takes_one_of_the_substrings() {
    check("token", json!(["10.0.0.1:8080", ":", 1]), "8080");
    check("token", json!(["a-b:c", ":-", 2]), "c");
    check("token", json!(["a::c", ":", 1]), "");
    check("token", json!(["é|ü", "|", 1]), "ü");
    check(
        "token",
        json!(["a:b", ":", 2]),
        "error: `$token`: there is no substring 2: the string \"a:b\" has 2",
    );
    check(
        "token",
        json!(["a:b", ":", -1]),
        "error: `$token`: there is no substring -1: the string \"a:b\" has 2",
    );
    check(
        "token",
        json!(["a:b", "", 0]),
        "error: `$token`: argument 2 must be a string of at least one character, not the string \"\"",
    );
}

/// C247.
#[test]
fn lists_are_sets_in_the_order_of_first_appearance() {
    check("union", json!([["b", "a", "b"], ["c", "a"]]), "[b, a, c]");
    check("union", json!([[2, 1, 2]]), "[2, 1]");
    check("intersection", json!([["b", "a", "b", "c"], ["c", "b"], ["b", "c", "d"]]), "[b, c]");
    check("intersection", json!([["a"], []]), "[]");
    check("union", json!([]), "error: `$union`: expected at least 1 argument, found 0");
    check("union", json!([["a"], "b"]), "error: `$union`: argument 2 must be a list, not the string \"b\"");
}

/// C248 to C251.
#[test]
fn sums_and_products_are_exact_among_integers() {
    check("sum", json!([1, 2, 3]), "6");
    check("sum", json!([5]), "5");
    check("sum", json!([0.5, 1]), "1.5");
    check("difference", json!([1, 3]), "-2");
    check("product", json!([2, 3, 4]), "24");
    check("product", json!([2, 0.5]), "1.0");
    check("quotient", json!([7, 2]), "3.5");
    check("quotient", json!([6, 2]), "3.0");
    check("remainder", json!([7, 3]), "1");
    check("remainder", json!([-7, 3]), "-1");
    check("remainder", json!([i64::MIN, -1]), "0");
    for (function, arguments) in [
        ("sum", json!([i64::MAX, 1])),
        ("difference", json!([i64::MIN, 1])),
        ("product", json!([i64::MAX, 2])),
    ] {
        check(function, arguments, &format!("error: `${function}`: the result does not fit 64 bits"));
    }
    check("product", json!([1e300, 1e300]), "error: `$product`: the result is no number");
    check("quotient", json!([1, 0]), "error: `$quotient`: division by zero");
    check("remainder", json!([1, 0]), "error: `$remainder`: division by zero");
    check(
        "sum",
        json!([1, "2"]),
        "error: `$sum`: argument 2 must be an integer or a float, not the string \"2\"",
    );
    check(
        "remainder",
        json!([1.5, 1]),
        "error: `$remainder`: argument 1 must be an integer or a scalar, not the float 1.5",
    );
}

/// C252.
#[test]
fn the_middle_between_two_integers_is_rounded_down() {
    for (float, rounded, below, above) in [
        (3.5, 3, 3, 4),
        (3.53, 4, 3, 4),
        (-3.5, -4, -4, -3),
        (-3.4, -3, -4, -3),
        (2.0, 2, 2, 2),
        (0.499_999_999_999_999_94, 0, 0, 1),
        (2_251_799_813_685_249.5, 2_251_799_813_685_249, 2_251_799_813_685_249, 2_251_799_813_685_250),
    ] {
        let show = |integer: i64| integer.to_string();
        check("round", json!([float]), &show(rounded));
        check("floor", json!([float]), &show(below));
        check("ceil", json!([float]), &show(above));
    }
    check("round", json!([7]), "7");
    check("ceil", json!([1e19]), "error: `$ceil`: the result does not fit 64 bits");
}

/// C236: what is behind the operand that decides is not looked at; what is before it and unknown does not hide it.
#[test]
fn logic_stops_at_the_operand_that_decides() {
    let yes = || literal(json!(true));
    let no = || literal(json!(false));
    let later = || call("get_attribute", vec![literal(json!(["SELF"])), literal(json!("pid"))]);
    let fails = || call("quotient", vec![literal(json!(1)), literal(json!(0))]);
    let waiting = || call("equal", vec![later(), literal(json!(1))]);
    let failure = "error: `$quotient`: division by zero";
    for (function, operands, expected) in [
        ("and", vec![no(), waiting()], "false"),
        ("and", vec![no(), fails()], "false"),
        ("and", vec![waiting(), no()], "false"),
        ("and", vec![waiting(), yes()], "unknown: web.pid"),
        ("and", vec![yes(), fails(), no()], failure),
        ("and", vec![waiting(), fails()], "unknown: web.pid"),
        ("and", vec![waiting(), fails(), no()], "false"),
        ("or", vec![yes(), waiting()], "true"),
        ("or", vec![yes(), fails()], "true"),
        ("or", vec![waiting(), yes()], "true"),
        ("or", vec![no(), waiting(), no()], "unknown: web.pid"),
        ("or", vec![no(), fails(), yes()], failure),
        ("xor", vec![yes(), waiting()], "unknown: web.pid"),
        (
            "and",
            vec![yes(), literal(json!(1))],
            "error: `$and`: argument 2 must be a boolean, not the integer 1",
        ),
        ("and", vec![no(), literal(json!(1))], "false"),
        ("and", vec![waiting()], "unknown: web.pid"),
    ] {
        assert_eq!(evaluate(&call(function, operands), Site::Vertex(WEB)), expected, "{function}");
    }
}
