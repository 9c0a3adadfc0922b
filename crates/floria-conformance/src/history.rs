//! History: what differs, and who changed it.

use floria::{
    At, Author, Batch, Change, EntityKey, Revision, Store, VertexId,
    history::{self, Part},
};

use crate::{
    Case, Home,
    build::{commit, edge, namespace, put, vertex, with},
};

pub(crate) const CASES: &[Case] = &[
    ("two revisions differ by what was changed between them", two_revisions_differ),
    ("what was changed and changed back does not differ", what_was_changed_back_does_not_differ),
    ("an entity's versions tell who made them", an_entitys_versions_tell_who_made_them),
    ("a version is told for each commit that changed it", a_version_is_told_for_each_commit),
];

fn commit_as(store: &dyn Store, name: &str, changes: impl IntoIterator<Item = Change>) {
    let author = Some(Author { name: name.to_owned(), stream: Some("run/1".to_owned()) });
    store.commit(&Batch { changes: changes.into_iter().collect(), author, ..Batch::default() }).unwrap();
}

fn at(revision: u64) -> At {
    At::Revision(Revision(revision))
}

fn two_revisions_differ(home: &Home) {
    let store = home();
    commit_as(&store, "ann", [put(vertex(1, None, "a")), put(with(vertex(2, None, "b"), "x", 1))]);
    commit_as(&store, "bob", [put(with(vertex(2, None, "c"), "x", 2)), Change::delete(VertexId(1))]);
    let mut elsewhere = vertex(4, None, "a");
    elsewhere.namespace = namespace("bank");
    commit_as(&store, "cid", [Change::put(edge(3, 2, "uses", 2)), put(elsewhere)]);
    let differences = history::difference(&store, at(1), At::Now, &namespace("shop")).unwrap();
    let keys: Vec<_> = differences.iter().map(|difference| difference.key.to_string()).collect();
    assert_eq!(keys, ["vertex 1", "vertex 2", "edge 3"]);
    assert_eq!(differences[1].parts, [Part::Name, Part::Property("x".to_owned())]);
    assert_eq!((&differences[0].after, &differences[2].before), (&None, &None));
    let who =
        differences.iter().map(|difference| difference.commits[0].author.as_ref().unwrap().name.as_str());
    assert_eq!(who.collect::<Vec<_>>(), ["bob", "bob", "cid"]);
    let backwards = history::difference(&store, At::Now, at(1), &namespace("shop")).unwrap();
    assert_eq!(backwards.len(), 3);
    assert_eq!(backwards[1].before, differences[1].after);
}

fn what_was_changed_back_does_not_differ(home: &Home) {
    let store = home();
    for number in [1, 2, 1] {
        commit(&store, [put(with(vertex(1, None, "a"), "x", number)), put(vertex(2, None, "b"))]);
    }
    commit(&store, [put(vertex(3, None, "c"))]);
    commit(&store, [Change::delete(VertexId(3))]);
    assert_eq!(history::difference(&store, at(1), At::Now, &namespace("shop")).unwrap(), []);
    assert_eq!(history::difference(&store, at(1), at(2), &namespace("shop")).unwrap().len(), 1);
    assert_eq!(history::difference(&store, at(2), at(2), &namespace("shop")).unwrap(), []);
}

fn an_entitys_versions_tell_who_made_them(home: &Home) {
    let store = home();
    commit_as(&store, "ann", [put(with(vertex(1, None, "a"), "x", 1)), put(vertex(2, None, "b"))]);
    commit_as(&store, "bob", [put(with(vertex(1, None, "a"), "x", 2))]);
    commit_as(&store, "ann", [Change::delete(VertexId(2))]);
    commit_as(&store, "cid", [Change::delete(VertexId(1))]);
    let versions = history::of(&store, &EntityKey::Vertex(VertexId(1))).unwrap();
    let told: Vec<_> = versions
        .iter()
        .map(|version| {
            let author = version.commit.author.as_ref().unwrap();
            (version.commit.revision.0, author.name.as_str(), version.entity.is_some())
        })
        .collect();
    assert_eq!(told, [(1, "ann", true), (2, "bob", true), (4, "cid", false)]);
    assert_eq!(versions[1].parts, [Part::Property("x".to_owned())]);
    assert_eq!(history::of(&store, &VertexId(7).into()).unwrap(), []);
}

fn a_version_is_told_for_each_commit(home: &Home) {
    let store = home();
    let version = |number: i64| put(with(vertex(1, None, "a"), "x", number));
    commit(&store, [version(1), Change::delete(VertexId(1)), version(2)]);
    commit(&store, [version(3), version(2)]);
    let versions = history::of(&store, &VertexId(1).into()).unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!((versions[0].entity == versions[1].entity, versions[1].parts.len()), (true, 0));
}
