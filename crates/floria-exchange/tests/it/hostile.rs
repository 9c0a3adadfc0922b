//! Files that nobody means well with: a clear error, in bounded memory and time.

use std::io::Read;

use floria::{Entity, MemoryStore, Revision, Store as _, Value};
use floria_conformance::build::{edge, vertex, with};
use floria_exchange::{ExchangeError, Format, ImportOptions, Limits, Place, Reader, SCHEMA, Stages, import};

use crate::{entities, imported, read, reason, written};

fn small() -> Vec<Entity> {
    let web =
        with(vertex(1, None, "web"), "port", Value::Map([(Value::Float(f64::NAN), Value::from("é"))].into()));
    vec![Entity::Vertex(web), Entity::Vertex(vertex(2, Some(1), "db")), Entity::Edge(edge(3, 1, "uses", 2))]
}

/// Reads what must be refused, and says why it was.
fn refused(format: Format, file: impl Read) -> String {
    let error =
        Reader::new(format, file, &Limits::default()).find_map(Result::err).expect("it must be refused");
    error.malformed().unwrap_or_else(|| panic!("{error}")).to_string()
}

fn json(entities: &str) -> String {
    format!(r#"{{"schema":"{SCHEMA}","entities":[{entities}],"count":1}}"#)
}

#[test]
fn files_are_refused_wherever_they_were_cut() {
    for format in Format::ALL {
        let file = written(format, &small());
        // Text may lack the end of its last line.
        let end = if matches!(format, Format::Json | Format::Yaml) { file.len() - 1 } else { file.len() };
        assert_eq!(read(format, &file[..end]).unwrap(), small());
        for cut in 0..end {
            let store = MemoryStore::new();
            let error = imported(&store, format, &file[..cut]).expect_err("a cut file is no graph");
            assert!(error.malformed().is_some(), "{format} cut at {cut}: {}", reason(&error));
            assert_eq!(store.revision().unwrap(), Revision(0));
        }
    }
}

#[test]
fn files_with_a_changed_octet_are_refused_or_read() {
    for format in Format::ALL {
        let file = written(format, &small());
        for place in 0..file.len() {
            for octet in [0, 0x20, 0x7f, 0x80, 0xff, file[place] ^ 1, file[place] ^ 0x20] {
                let mut file = file.clone();
                file[place] = octet;
                // Either way: no panic, no hang. What is read can be written.
                if let Ok(read) = read(format, &file) {
                    written(format, &read);
                }
            }
        }
    }
}

#[test]
fn nothing_may_follow() {
    for (format, more) in [
        (Format::Json, &b"x"[..]),
        (Format::Json, b"{}"),
        (Format::Json, b"\0"),
        (Format::Yaml, b"---\n"),
        (Format::Yaml, b"---\nvertex: {}\n"),
        (Format::Yaml, b"x: y\n"),
        (Format::Yaml, b"\0"),
        (Format::Cbor, b"\xf6"),
        (Format::MessagePack, b"\xc0"),
    ] {
        let file = [written(format, &small()), more.to_vec()].concat();
        let reason = refused(format, &*file);
        assert!(!reason.is_empty() && reason.starts_with(format.name()), "{reason}");
    }
}

#[test]
fn messages_say_where_and_what() {
    let cases = [
        (
            r#"{"vertex":{"id":7,"namespace":"shop","name":"a","colour":1}}"#,
            "JSON, line 1, column 88: entity 1, vertex 7: a vertex has no field `colour`",
        ),
        (
            r#"{"vertex":{"id":7,"namespace":"shop"}}"#,
            "JSON, line 1, column 77: entity 1, vertex 7: a vertex lacks the field `name`",
        ),
        (
            r#"{"vertex":{"id":7,"id":8}}"#,
            "JSON, line 1, column 58: entity 1, vertex 7: field `id` is there twice",
        ),
        (
            r#"{"vertex":{"id":"7"}}"#,
            "JSON, line 1, column 56: entity 1, a vertex: text `7` is here, where an id is expected",
        ),
        (r#"{"node":{}}"#, "JSON, line 1, column 41: entity 1: there is no kind `node` of entities"),
        (
            r#"{"class":{"name":"c","id":1}}"#,
            "JSON, line 1, column 61: entity 1, class `c`: a class has no field `id`",
        ),
        (
            r#"{"vertex":{"id":1,"metadata":{"a":{"$bytes":"?"}}}}"#,
            "JSON, line 1, column 84: entity 1, vertex 1: this is no base64",
        ),
        (
            r#"{"vertex":{"id":1,"metadata":{"a":{"$date":"?"}}}}"#,
            "JSON, line 1, column 75: entity 1, vertex 1: there is no form of values `$date`",
        ),
        (
            r#"{"vertex":{"id":1,"metadata":{"a":{"b":1,"b":1}}}}"#,
            "JSON, line 1, column 81: entity 1, vertex 1: key `b` is there twice",
        ),
        (
            r#"{"vertex":{"id":1,"metadata":{"a":9223372036854775808}}}"#,
            "JSON, line 1, column 74: entity 1, vertex 1: integer 9223372036854775808 does not fit 64 bits with a sign",
        ),
        (
            r#"{"vertex":{"id":1,"metadata":{"a":1e999}}}"#,
            "JSON, line 1, column 74: entity 1, vertex 1: float `1e999` is out of range",
        ),
        (
            r#"{"vertex":{"id":1,"metadata":{"a":01}}}"#,
            "JSON, line 1, column 74: entity 1, vertex 1: `01` is no number",
        ),
    ];
    for (entity, expected) in cases {
        assert_eq!(refused(Format::Json, json(entity).as_bytes()), expected);
    }

    let yaml = "schema: floria.graph/1\n---\nvertex:\n  id: 1\n  colour: red\n";
    let expected = "YAML, line 5, column 3: entity 1, vertex 1: a vertex has no field `colour`";
    assert_eq!(refused(Format::Yaml, yaml.as_bytes()), expected);
    let yaml = "schema: floria.graph/1\n---\n- *a\n";
    assert!(
        refused(Format::Yaml, yaml.as_bytes()).starts_with("YAML, line 3"),
        "{}",
        refused(Format::Yaml, yaml.as_bytes())
    );

    assert_eq!(
        refused(Format::Cbor, &b"\xa1\x61x"[..]),
        "CBOR, octet 1: `x` is here, where `schema` is expected"
    );
    assert_eq!(
        refused(Format::Cbor, &b"\x9f\xff\x00"[..]),
        "CBOR, octet 0: a list is here, where a graph is expected"
    );
    assert_eq!(refused(Format::MessagePack, &b"\xc1"[..]), "MessagePack, octet 0: this is no MessagePack");
}

#[test]
fn schemas_that_are_not_known_are_refused() {
    for format in Format::ALL {
        let file = written(format, &small());
        let other: Vec<u8> = [&file[..]].concat();
        let at = other.windows(SCHEMA.len()).position(|window| window == SCHEMA.as_bytes()).unwrap();
        let mut other = other;
        other[at + SCHEMA.len() - 1] = b'2';
        let reason = refused(format, &*other);
        assert!(
            reason.ends_with("schema `floria.graph/2` is not known: only `floria.graph/1` can be read"),
            "{reason}"
        );
    }
    assert!(refused(Format::Json, &b"{\"entities\":[]}"[..]).ends_with("where `schema` is expected"));
}

#[test]
fn counts_and_order_are_checked() {
    let one = r#"{"class":{"namespace":"shop","name":"b"}}"#;
    let before = r#"{"class":{"namespace":"shop","name":"a"}}"#;
    let reason = |entities: &str| refused(Format::Json, json(entities).as_bytes());
    assert!(reason("").ends_with("there are 0 entities, and the end says 1"));
    assert!(reason(&format!("{one},{one}")).ends_with("class `b` is there twice"));
    assert!(reason(&format!("{one},{before}")).contains("class `a` comes after class `b`"));
}

#[test]
fn depth_is_refused_before_it_hurts() {
    let deep = 100_000;
    let header = format!("schema: {SCHEMA}\n---\nvertex:\n  id: 1\n  metadata:\n    a: ");
    let lists = json(&format!(r#"{{"vertex":{{"id":1,"metadata":{{"a":{}"#, "[".repeat(deep)));
    let maps = json(&format!(r#"{{"vertex":{{"id":1,"metadata":{{"a":{}"#, r#"{"a":"#.repeat(deep)));
    let yaml = format!("{header}{}", "[".repeat(deep));
    let block = format!("{header}\n      {}", "- ".repeat(deep));
    // Up to the value, as we write it; then nothing but the beginning of lists, or of maps in maps.
    let small = [Entity::Vertex(with(vertex(1, None, "web"), "x", "VALUE"))];
    let binary = |format, text: &[u8], open: &[u8]| {
        let file = written(format, &small);
        let at = file.windows(text.len()).position(|window| window == text).unwrap();
        [&file[..at], &open.repeat(deep)].concat()
    };
    let files = [
        (Format::Json, lists.into_bytes()),
        (Format::Json, maps.into_bytes()),
        (Format::Yaml, yaml.into_bytes()),
        (Format::Yaml, block.into_bytes()),
        (Format::Cbor, binary(Format::Cbor, b"\x65VALUE", b"\x81")),
        (Format::Cbor, binary(Format::Cbor, b"\x65VALUE", b"\x9f")),
        (Format::Cbor, binary(Format::Cbor, b"\x65VALUE", b"\xa1")),
        (Format::MessagePack, binary(Format::MessagePack, b"\xa5VALUE", b"\x91")),
        (Format::MessagePack, binary(Format::MessagePack, b"\xa5VALUE", b"\x81")),
    ];
    for (format, file) in files {
        let reason = refused(format, &*file);
        let is_depth = reason.contains("nest") || reason.contains("recursion limit");
        assert!(is_depth, "{reason}");
    }
}

#[test]
fn expressions_are_as_deep_as_a_store_takes_them() {
    let open = r#"{"list":["#;
    let entity = format!(r#"{{"vertex":{{"id":1,"properties":{{"a":{{"updater":{}"#, open.repeat(100_000));
    assert!(
        refused(Format::Json, json(&entity).as_bytes())
            .contains("an expression nests deeper than 100 levels")
    );
}

/// A beginning, then the same for a very long time.
fn long(beginning: Vec<u8>, again: &'static [u8]) -> impl Read {
    struct Again(&'static [u8]);
    impl Read for Again {
        fn read(&mut self, octets: &mut [u8]) -> std::io::Result<usize> {
            let count = octets.len() / self.0.len() * self.0.len();
            octets[..count].chunks_mut(self.0.len()).for_each(|chunk| chunk.copy_from_slice(self.0));
            Ok(count)
        }
    }
    std::io::Cursor::new(beginning).chain(Again(again).take(1 << 40))
}

#[test]
fn a_value_without_end_is_refused_in_bounded_memory() {
    let small = [Entity::Vertex(with(vertex(1, None, "web"), "x", "VALUE"))];
    let limits = Limits { entity_octets_max: 4 << 20, ..Limits::default() };
    let check = |format: Format, up_to: &[u8], again: &'static [u8]| {
        let file = written(format, &small);
        let at = file.windows(5).position(|window| window == b"VALUE").unwrap();
        // What says how long the text is comes just before it, in binary formats.
        let lead = usize::from(matches!(format, Format::Cbor | Format::MessagePack));
        let beginning = [&file[..at - lead], up_to].concat();
        let error = Reader::new(format, long(beginning, again), &limits).find_map(Result::err).unwrap();
        let reason = error.malformed().unwrap().to_string();
        assert!(reason.contains("takes more than the 4194304 octets that one entity may"), "{reason}");
    };
    check(Format::Json, b"x", b"x");
    check(Format::Json, b"\\u0061", b"a");
    check(Format::Yaml, b"x", b"x");
    check(Format::Yaml, b"[a", b",a");
    check(Format::Yaml, b"\n", b"      - a\n");
    check(Format::Yaml, b"x", b"\n");
    check(Format::Yaml, b"x", b" ");
    check(Format::Yaml, b"x\n", b"#");
    // A text of 2^63 octets, bytes of 2^32, lists and maps of as many items.
    check(Format::Cbor, b"\x7b\x7f\xff\xff\xff\xff\xff\xff\xff", b"x");
    check(Format::Cbor, b"\x7f", b"\x60");
    check(Format::Cbor, b"\x5a\xff\xff\xff\xff", b"x");
    check(Format::Cbor, b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", b"\0");
    check(Format::Cbor, b"\x9f", b"\xf6");
    check(Format::MessagePack, b"\xdb\xff\xff\xff\xff", b"x");
    check(Format::MessagePack, b"\xc6\xff\xff\xff\xff", b"x");
    check(Format::MessagePack, b"\xdd\xff\xff\xff\xff", b"\xc0");
}

#[test]
fn numbers_and_space_without_end_are_refused() {
    let number = long(json(r#"{"vertex":{"id":"#).replace("],\"count\":1}", "").into_bytes(), b"1");
    assert!(refused(Format::Json, number).contains("a number has more than"));
}

#[test]
fn a_batch_is_bounded_and_stages_are_not() {
    let graph: Vec<_> = (1..100)
        .map(|id| Entity::Vertex(with(vertex(id, None, &format!("v{id}")), "x", id as i64)))
        .collect();
    let file = written(Format::Json, &graph);
    let limits = Limits { batch_octets_max: 40_000, ..Limits::default() };
    let store = MemoryStore::new();
    let options = ImportOptions { limits, ..ImportOptions::default() };
    let error = import(&store, Format::Json, &*file, &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "refused to import: all of it at once takes more than 40000 octets; stages take less"
    );
    assert_eq!(entities(&store), []);
    let imported =
        import(&store, Format::Json, &*file, &ImportOptions { stages: Stages::Of(7), ..options }).unwrap();
    assert_eq!((imported.entities, imported.batches), (99, 15));
    assert_eq!(entities(&store), graph);
}

#[test]
fn what_cannot_be_read_is_no_fault_of_the_file() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    for format in Format::ALL {
        let file = written(format, &small());
        let file = (&file[..file.len() / 2]).chain(Broken);
        let error = Reader::new(format, file, &Limits::default()).find_map(Result::err).unwrap();
        assert!(matches!(error, ExchangeError::Read(_)), "{format}: {error}");
    }
}

#[test]
fn places_are_where_things_are() {
    let error = read(Format::Json, b"{\"schema\":\n\n  5}").unwrap_err();
    assert_eq!(error.malformed().unwrap().place, Place::Text { line: 3, column: 3 });
    let error = read(Format::Yaml, "é: 5".as_bytes()).unwrap_err();
    assert_eq!(error.malformed().unwrap().place, Place::Text { line: 1, column: 1 });
}
