//! What is read as a query, and what is said where one goes wrong.

use floria_query::{Query, Vocabulary};
use proptest::test_runner::{Config, RngSeed};

use crate::{parse, vocabulary};

#[track_caller]
fn check(text: &str, canonical: &str) {
    let query = parse(text);
    assert_eq!(query.to_string(), canonical);
    assert_eq!(parse(canonical), query, "{canonical}");
}

#[test]
fn the_grammar_is_read() {
    check("web", "web");
    check("7", "7");
    check("client/impl/software", "client contents impl contents software");
    check(
        "shop:client/2/impl/software/1 type:Port",
        "\"shop\":client/2 contents impl contents software/1 type:\"Port\"",
    );
    check("web/3", "web/3");
    check("shop:web", "\"shop\":web");
    check("shop:-", "\"shop\":-");
    check("shop:", "\"shop\":");
    check("not shop:", "not \"shop\":");
    check("not shop:web", "not (\"shop\":web)");
    check("shop:\"the web\"", "\"shop\": name:\"the web\"");
    check("type:Container", "type:\"Container\"");
    check("type:net:0.1:Container", "type:\"net:0.1:Container\"");
    check("host:h2 state:failed", "host:\"h2\" state:\"failed\"");
    check("port=80 weight<=1.5 size>-3", "\"port\"=80 \"weight\"<=1.5 \"size\">-3");
    check("a=true b!=null c~web d=\"80\"", "\"a\"=true \"b\"!=null \"c\"~\"web\" \"d\"=\"80\"");
    check("output:url=* @owner!=*", "\"output:url\"=* @\"owner\"!=*");
    check("\"a \\\"b\\\" \\\\\"", "name:\"a \\\"b\\\" \\\\\"");
    check("in shop/web *", "in \"shop/web\"");
    check("not (web or type:Port in shop)", "not (web or type:\"Port\" in \"shop\")");
    check("((web))", "web");
    check("kind:edge id:7", "kind:edge id:7");
    check("kind:vertex-template * -> web", "kind:vertex-template * -> web");
    check("web -> db", "web -> db");
    check("web->db", "web -> db");
    check("web ->* *", "web ->* *");
    check("web ->{2..5} *", "web ->{2..5} *");
    check("web ->{0..} *", "web ->{0..} *");
    check("web ->{3} *", "web ->{3} *");
    check("db <- *", "db <- *");
    check("db <-* *", "db <-* *");
    check("db <-requires- *", "db <-[requires]- *");
    check("db <-depends-on-* *", "db <-[depends-on]-* *");
    check("web -requires-> db", "web -[requires]-> db");
    check("web -depends-on->{1..2} db", "web -[depends-on]->{1..2} db");
    check("web -type:Uses-> db", "web -[type:\"Uses\"]-> db");
    check("web -[type:Uses weight>3]-> db", "web -[type:\"Uses\" \"weight\">3]-> db");
    check("db <-[a or b]- web", "db <-[(a or b)]- web");
    check("shop contents* type:Port", "shop contents* type:\"Port\"");
    check("type:Port container * node * limit 3", "type:\"Port\" container * node * limit 3");
}

#[test]
fn errors_say_where_and_what() {
    let check = |text: &str, column: usize, problem: &str| {
        let error = Query::parse(text, &vocabulary()).expect_err(text);
        assert_eq!((error.column, error.problem.as_str()), (column, problem), "{text}");
    };
    let selector = "where a selector such as `web`, `type:Container`, `port=80` or `*` is expected";
    check("", 1, &format!("the query ends, {selector}"));
    check("web ->", 7, &format!("the query ends, {selector}"));
    check("wéb -> )", 8, &format!("`)` is here, {selector}"));
    check("port=", 6, "the query ends, where a value: a number, a word or text in `\"` is expected");
    check("port>*", 7, "`>` needs a value; `=*` asks whether there is one");
    check("@owner", 7, "the query ends, where a comparison such as `=`, `>` or `~` is expected");
    for (text, column) in [("shop:/3", 6), ("web/", 1), ("web//x", 1), ("web/3/4", 1), ("web/99999999999", 1)]
    {
        let word = text.trim_start_matches("shop:");
        check(
            text,
            column,
            &format!("`{word}` is no name and number, as in `web/3`, and no path, as in `web/endpoint`"),
        );
    }
    for (text, column) in [("not web/x", 5), ("(web/x or db)", 2), ("web/x web/x", 7), ("db -> web/x", 7)] {
        check(text, column, "the path `web/x` is not at the beginning; there, each step down is `contents`");
    }
    check("type:", 6, "the query ends, where what `type:` is to be is expected");
    check("id:x", 4, "`x` is no id: ids are numbers");
    check(
        "stte:failed",
        1,
        "there is no keyword `stte`; `state` is one (a namespace of this name is written `\"stte\":failed`)",
    );
    check(
        "Type:Port",
        1,
        "there is no keyword `Type`; `type` is one (a namespace of this name is written `\"Type\":Port`)",
    );
    check(
        "kind:node",
        6,
        "there is no kind `node`; there are `class`, `plugin`, `vertex-template`, `edge-template`, `vertex`, `edge`",
    );
    check(
        "web kind:edge -> db",
        15,
        "there are no steps from a `edge`: only from vertexes and their templates",
    );
    check("not kind:edge", 5, "a query is about entities of one kind, which is said at its beginning");
    check("limit", 1, &format!("`limit` is here, {selector}"));
    check("web limit x", 11, "`x` is here, where a number: how many entities are wanted is expected");
    check("web limit 3 x", 13, "`x` is here, where the end is expected");
    check(
        "web or db",
        5,
        "`or` is here, where a step such as `->`, `<-` or `contents`, or the end is expected",
    );
    check("(web", 5, "the query ends, where `or` or `)` is expected");
    check("web ->{5..2} *", 7, "this is no range from 0 to 1000");
    check("web ->{5", 9, "the query ends, where `}` is expected");
    check("web -a b-> c", 6, "`a` is here, where edges and `->`, as in `-requires->` is expected");
    let edge = "an edge's name is expected; more is written in brackets: `-[type:Uses weight>3]->`";
    check("web ---> db", 6, edge);
    check("web -[a> c", 9, "`c` is here, where a value: a number, a word or text in `\"` is expected");
    check("\"web", 1, "this text has no `\"` at its end");
    check("\"a\\n\"", 3, "only `\\\"` and `\\\\` are escapes");
    check("web contents", 13, &format!("the query ends, {selector}"));

    let error = Query::parse("state:failed", &Vocabulary::default()).unwrap_err();
    assert_eq!(
        error.problem,
        "keyword `state` means nothing here; there are `type`, `name`, `kind`, `id`, `origin`"
    );
    let error = Query::parse("web -> )", &vocabulary()).unwrap_err();
    assert!(error.to_string().ends_with("\n  web -> )\n         ^"), "{error}");
}

#[test]
fn deep_and_long_texts_are_refused() {
    for text in
        ["(".repeat(5_000), "not ".repeat(2_000), format!("web -{}", "[a".repeat(2_000)), "a".repeat(20_000)]
    {
        Query::parse(&text, &vocabulary()).unwrap_err();
    }
}

proptest::proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Config::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "[a-z\"=<>:*(){}\\[\\]@~!. /-]{0,24}|\\PC{0,12}") {
        if let Ok(query) = Query::parse(&text, &vocabulary()) {
            let canonical = query.to_string();
            proptest::prop_assert_eq!(Query::parse(&canonical, &vocabulary()), Ok(query), "{}", canonical);
        }
    }
}
