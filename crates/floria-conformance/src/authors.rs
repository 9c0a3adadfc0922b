//! Who committed what.

use floria::{Author, Batch, Change, LogQuery, Store};

use crate::{
    Case, Home,
    build::{commit, put, record, records, vertex},
};

pub(crate) const CASES: &[Case] = &[
    ("each row tells who committed it", each_row_tells_who_committed_it),
    ("a commit without an author has none", a_commit_without_an_author_has_none),
    ("an author may have no stream", an_author_may_have_no_stream),
    ("authors are what they were after a restart", authors_survive_a_restart),
    ("an author's stream is not a record's", an_authors_stream_is_not_a_records),
];

fn author(name: &str, stream: Option<&str>) -> Option<Author> {
    Some(Author { name: name.to_owned(), stream: stream.map(str::to_owned) })
}

fn commit_as(store: &dyn Store, author: Option<Author>, changes: impl IntoIterator<Item = Change>) {
    let records = vec![record("run/1", "done")];
    store
        .commit(&Batch { changes: changes.into_iter().collect(), records, author, ..Batch::default() })
        .unwrap();
}

fn authors(store: &dyn Store, query: &LogQuery) -> Vec<Option<Author>> {
    store.log(query).unwrap().into_iter().map(|row| row.author).collect()
}

fn each_row_tells_who_committed_it(home: &Home) {
    let store = home();
    let (ann, bob) = (author("ann@h1", Some("run/1")), author("bob@h2", Some("run/2")));
    commit_as(&store, ann.clone(), [put(vertex(1, None, "shop")), put(vertex(2, Some(1), "web"))]);
    commit_as(&store, bob.clone(), [put(vertex(3, Some(1), "db"))]);
    commit_as(&store, ann.clone(), [Change::delete(floria::VertexId(3))]);
    let all = authors(&store, &LogQuery::default());
    assert_eq!(all, [&ann, &ann, &ann, &bob, &bob, &ann, &ann].map(Clone::clone));
    let of_one = LogQuery { entity: Some(floria::VertexId(3).into()), ..LogQuery::default() };
    assert_eq!(authors(&store, &of_one), [bob, ann]);
}

fn a_commit_without_an_author_has_none(home: &Home) {
    let store = home();
    commit_as(&store, author("ann", None), [put(vertex(1, None, "shop"))]);
    commit(&store, [put(vertex(2, Some(1), "web"))]);
    store.commit(&records([record("run/1", 1)])).unwrap();
    let all = authors(&store, &LogQuery::default());
    assert_eq!(all, [author("ann", None), author("ann", None), None, None]);
}

fn an_author_may_have_no_stream(home: &Home) {
    let store = home();
    let written = [
        author("ann", None),
        author("ann", Some("")),
        author("", None),
        author("Zoë \u{1f980} \0 '\"", Some("run/1")),
    ];
    for author in &written {
        store
            .commit(&Batch { records: vec![record("run/1", 1)], author: author.clone(), ..Batch::default() })
            .unwrap();
    }
    assert_eq!(authors(&store, &LogQuery::default()), written);
}

fn authors_survive_a_restart(home: &Home) {
    let store = home();
    let ann = author("ann@h1", Some("run/7"));
    commit_as(&store, ann.clone(), [put(vertex(1, None, "shop"))]);
    drop(store);
    let store = home();
    commit_as(&store, author("bob", None), []);
    let all = authors(&store, &LogQuery::default());
    assert_eq!(all, [ann.clone(), ann, author("bob", None)]);
}

fn an_authors_stream_is_not_a_records(home: &Home) {
    let store = home();
    commit_as(&store, author("ann", Some("run/2")), [put(vertex(1, None, "shop"))]);
    let of = |stream: &str| LogQuery { stream: Some(stream.to_owned()), ..LogQuery::default() };
    assert_eq!(authors(&store, &of("run/1")).len(), 1);
    assert_eq!(authors(&store, &of("run/2")), []);
}
