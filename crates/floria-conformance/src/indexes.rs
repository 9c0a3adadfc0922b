//! Indexes: each holds what [`Index::holds`] says, at every revision, in pages of every size.

use floria::{
    Change, ClassName, Edge, EdgeId, Entity, EntityKey, EntityKind, Index, Origin, Page, Property, Revision,
    Site, Snapshot, Store, Vertex, VertexId,
};

use crate::{
    Case, Home,
    build::{class, commit, edge, edge_template, namespace, plugin, put, vertex, vertex_template},
    reads,
    snapshots::{at, now},
};

pub(crate) const CASES: &[Case] = &[
    ("all entities of a kind are found", all_of_a_kind_are_found),
    ("entities are found by namespace", entities_are_found_by_namespace),
    ("entities are found under a namespace", entities_are_found_under_a_namespace),
    ("entities are found by class", entities_are_found_by_class),
    ("classes are known by the last part of their names, if at all", classes_are_known_by_the_last_part),
    ("vertexes are found by name and container", vertexes_are_found_by_name),
    ("vertexes are found by container", vertexes_are_found_by_container),
    ("edges are found by their ends", edges_are_found_by_their_ends),
    ("readers of a property are found", readers_are_found),
    ("entities are found by source", entities_are_found_by_source),
    ("who left an index is found there in the past only", who_left_is_found_in_the_past),
    ("who has gone is found in no index", who_has_gone_is_found_nowhere),
    ("every index is read in pages of every size", every_index_is_read_in_pages),
    ("a page begins after a key that is not there", a_page_begins_after_a_missing_key),
    ("a page begins after a key of another kind", a_page_begins_after_another_kind),
    ("a page of the past does not see what came since", a_page_of_the_past_is_of_the_past),
    ("odd names are found as they are", odd_names_are_found),
];

/// Asserts what an index holds, by what messages call it.
fn check(snapshot: &dyn Snapshot, index: Index, expected: &[&str]) {
    let found = snapshot.find(&index, &Page::default()).unwrap();
    let found: Vec<_> = found.iter().map(|entity| entity.key().to_string()).collect();
    assert_eq!(found, expected, "{index:?}");
    assert_eq!(snapshot.count(&index).unwrap(), expected.len() as u64, "{index:?}");
    reads::assert_paged(snapshot, &index);
}

fn elsewhere(name: &str, id: u64) -> Vertex {
    Vertex { namespace: namespace(name), ..vertex(id, None, &format!("n{id}")) }
}

fn origin(source: &str) -> Option<Origin> {
    Some(Origin { source: source.into(), line: 1, column: 1 })
}

fn classes(names: &[&str]) -> Vec<ClassName> {
    names.iter().map(|name| ClassName((*name).to_owned())).collect()
}

fn reading(mut vertex: Vertex, name: &str, reads: &[(Site, &str)]) -> Vertex {
    let reads = reads.iter().map(|(site, name)| (*site, (*name).to_owned())).collect();
    vertex.properties.insert(name.to_owned(), Property { reads, ..Property::default() });
    vertex
}

fn all_of_a_kind_are_found(home: &Home) {
    let store = home();
    crate::snapshots::one_of_each(&store);
    commit(&store, [put(vertex(300, None, "b")), put(vertex(20, None, "c")), Change::put(class("A"))]);
    let snapshot = now(&store);
    check(&*snapshot, Index::All(EntityKind::Class), &["class `A`", "class `Node`"]);
    check(&*snapshot, Index::All(EntityKind::Plugin), &["plugin `tools`"]);
    check(&*snapshot, Index::All(EntityKind::VertexTemplate), &["vertex template 1"]);
    check(&*snapshot, Index::All(EntityKind::EdgeTemplate), &["edge template 2"]);
    check(&*snapshot, Index::All(EntityKind::Vertex), &["vertex 3", "vertex 20", "vertex 300"]);
    check(&*snapshot, Index::All(EntityKind::Edge), &["edge 4"]);
}

fn entities_are_found_by_namespace(home: &Home) {
    let store = home();
    commit(&store, [put(elsewhere("shop", 1)), put(elsewhere("bank", 2)), put(elsewhere("shop", 3))]);
    let in_bank = Edge { namespace: namespace("bank"), ..edge(4, 2, "uses", 1) };
    commit(&store, [Change::put(in_bank), Change::put(edge(5, 1, "uses", 2)), Change::put(class("Node"))]);
    let snapshot = now(&store);
    let of = |kind, name: &str| Index::Namespace(kind, namespace(name));
    check(&*snapshot, of(EntityKind::Vertex, "shop"), &["vertex 1", "vertex 3"]);
    check(&*snapshot, of(EntityKind::Vertex, "bank"), &["vertex 2"]);
    check(&*snapshot, of(EntityKind::Edge, "bank"), &["edge 4"]);
    check(&*snapshot, of(EntityKind::Class, "shop"), &["class `Node`"]);
    check(&*snapshot, of(EntityKind::Class, "bank"), &[]);
    check(&*snapshot, of(EntityKind::Vertex, "never"), &[]);
}

fn entities_are_found_under_a_namespace(home: &Home) {
    let store = home();
    let places =
        ["shop", "shop/web", "shop/web/cache", "shopping", "shop-2", "shop0", "bank", "", "/shop", "shop/"];
    let vertexes = (1..).zip(places).map(|(id, name)| put(elsewhere(name, id)));
    commit(&store, vertexes);
    let below = floria::Class { namespace: namespace("shop/web"), ..class("B") };
    commit(&store, [Change::put(below), Change::put(class("Z"))]);
    let snapshot = now(&store);
    let under = |name: &str| Index::Under(EntityKind::Vertex, namespace(name));
    check(&*snapshot, under("shop"), &["vertex 1", "vertex 2", "vertex 3", "vertex 10"]);
    check(&*snapshot, under("shop/web"), &["vertex 2", "vertex 3"]);
    check(&*snapshot, under("shop/web/cache"), &["vertex 3"]);
    check(&*snapshot, under("shop/"), &["vertex 10"]);
    check(&*snapshot, under("sho"), &[]);
    check(&*snapshot, under(""), &["vertex 8", "vertex 9"]);
    check(&*snapshot, under("shop_"), &[]);
    check(&*snapshot, under("%"), &[]);
    check(&*snapshot, Index::Under(EntityKind::Class, namespace("shop")), &["class `Z`", "class `B`"]);
}

fn entities_are_found_by_class(home: &Home) {
    let store = home();
    let of =
        |names: &[&str], id: u64| Vertex { classes: classes(names), ..vertex(id, None, &format!("n{id}")) };
    let mut link = edge(4, 1, "uses", 2);
    link.classes = classes(&["Link", "Root"]);
    let mut derived = class("Process");
    derived.ancestors = classes(&["Node", "Root"]);
    commit(
        &store,
        [
            put(of(&["Process", "Node", "Root"], 1)),
            put(of(&["Node", "Root", "Node"], 2)),
            put(of(&[], 3)),
            Change::put(link),
            Change::put(derived),
            Change::put(class("Node")),
        ],
    );
    let snapshot = now(&store);
    let index = |kind, name: &str| Index::Class(kind, ClassName(name.to_owned()));
    check(&*snapshot, index(EntityKind::Vertex, "Node"), &["vertex 1", "vertex 2"]);
    check(&*snapshot, index(EntityKind::Vertex, "Process"), &["vertex 1"]);
    check(&*snapshot, index(EntityKind::Edge, "Root"), &["edge 4"]);
    check(&*snapshot, index(EntityKind::Edge, "Node"), &[]);
    check(&*snapshot, index(EntityKind::Class, "Node"), &["class `Node`", "class `Process`"]);
    check(&*snapshot, index(EntityKind::Class, "Root"), &["class `Process`"]);
    check(&*snapshot, index(EntityKind::Vertex, "node"), &[]);
}

fn classes_are_known_by_the_last_part(home: &Home) {
    let store = home();
    let names = ["a:Disk", "b:0.1:Disk", "Disk", "a:Disk:", "aDisk", "a\0:Disk", "a:%isk", ":", ""];
    let of =
        |id: u64, name: &str| Vertex { classes: classes(&[name]), ..vertex(id, None, &format!("n{id}")) };
    commit(&store, (1..).zip(names).map(|(id, name)| put(of(id, name))));
    let before = store.revision().unwrap();
    commit(&store, [put(of(1, "c:Disk"))]);
    for (snapshot, first) in [(now(&store), "c:Disk"), (at(&store, before.0), "a:Disk")] {
        for last in ["Disk", "", "%isk", "aDisk", "Nothing"] {
            // A store need not know.
            let Some(known) = snapshot.classes_called(last).unwrap() else { continue };
            assert!(known.iter().all(|class| class.last() == last), "{last}: {known:?}");
            for name in [&[first], &names[1..]].concat() {
                let class = ClassName(name.to_owned());
                assert!(class.last() != last || known.contains(&class), "{last}: {known:?} lacks `{name}`");
            }
        }
    }
}

fn vertexes_are_found_by_name(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "a")), put(vertex(2, Some(1), "a")), put(vertex(3, Some(1), "b"))]);
    commit(&store, [put(Vertex { namespace: namespace("bank"), ..vertex(4, None, "a") })]);
    commit(&store, [Change::put(vertex_template(5, None, "a"))]);
    let snapshot = now(&store);
    let index = |kind, container, name: &str| Index::Name(kind, container, name.to_owned());
    check(&*snapshot, index(EntityKind::Vertex, None, "a"), &["vertex 1", "vertex 4"]);
    check(&*snapshot, index(EntityKind::Vertex, Some(1), "a"), &["vertex 2"]);
    check(&*snapshot, index(EntityKind::Vertex, Some(2), "a"), &[]);
    check(&*snapshot, index(EntityKind::Vertex, None, "b"), &[]);
    check(&*snapshot, index(EntityKind::VertexTemplate, None, "a"), &["vertex template 5"]);
    check(&*snapshot, index(EntityKind::Edge, None, "a"), &[]);
    check(&*snapshot, index(EntityKind::Class, None, "a"), &[]);
}

fn vertexes_are_found_by_container(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "a")), put(vertex(9, Some(1), "b")), put(vertex(3, Some(1), "c"))]);
    commit(&store, [put(vertex(4, Some(3), "d")), Change::put(vertex_template(1, None, "a"))]);
    let snapshot = now(&store);
    check(&*snapshot, Index::Contents(EntityKind::Vertex, 1), &["vertex 3", "vertex 9"]);
    check(&*snapshot, Index::Contents(EntityKind::Vertex, 3), &["vertex 4"]);
    check(&*snapshot, Index::Contents(EntityKind::Vertex, 4), &[]);
    check(&*snapshot, Index::Contents(EntityKind::VertexTemplate, 1), &[]);
    check(&*snapshot, Index::Contents(EntityKind::Vertex, u64::MAX), &[]);
}

fn edges_are_found_by_their_ends(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "a")), put(vertex(2, None, "b"))]);
    commit(
        &store,
        [
            Change::put(edge(7, 1, "z", 2)),
            Change::put(edge(5, 1, "y", 2)),
            Change::put(edge(6, 1, "self", 1)),
            Change::put(vertex_template(1, None, "a")),
            Change::put(edge_template(8, 1, "self", 1)),
        ],
    );
    let snapshot = now(&store);
    check(&*snapshot, Index::Outgoing(EntityKind::Edge, 1), &["edge 5", "edge 6", "edge 7"]);
    check(&*snapshot, Index::Incoming(EntityKind::Edge, 2), &["edge 5", "edge 7"]);
    check(&*snapshot, Index::Incoming(EntityKind::Edge, 1), &["edge 6"]);
    check(&*snapshot, Index::Outgoing(EntityKind::Edge, 2), &[]);
    check(&*snapshot, Index::Outgoing(EntityKind::EdgeTemplate, 1), &["edge template 8"]);
    check(&*snapshot, Index::Outgoing(EntityKind::Vertex, 1), &[]);
}

fn readers_are_found(home: &Home) {
    let store = home();
    let (web, link) = (Site::Vertex(VertexId(1)), Site::Edge(EdgeId(1)));
    let both = reading(vertex(2, None, "b"), "url", &[(web, "port"), (link, "port")]);
    let both = reading(both, "other", &[(web, "port"), (web, "host")]);
    commit(
        &store,
        [put(vertex(1, None, "a")), put(both), put(reading(vertex(3, None, "c"), "x", &[(link, "port")]))],
    );
    let mut reader = edge(4, 1, "uses", 2);
    reader.properties = reading(vertex(1, None, ""), "x", &[(web, "port")]).properties;
    // Templates read nothing yet.
    let mut template = vertex_template(5, None, "a");
    template.properties.clone_from(&reader.properties);
    commit(&store, [Change::put(reader), Change::put(template)]);
    let snapshot = now(&store);
    let index = |kind, site, name: &str| Index::Readers(kind, site, name.to_owned());
    check(&*snapshot, index(EntityKind::Vertex, web, "port"), &["vertex 2"]);
    check(&*snapshot, index(EntityKind::Vertex, link, "port"), &["vertex 2", "vertex 3"]);
    check(&*snapshot, index(EntityKind::Vertex, web, "host"), &["vertex 2"]);
    check(&*snapshot, index(EntityKind::Edge, web, "port"), &["edge 4"]);
    check(&*snapshot, index(EntityKind::VertexTemplate, web, "port"), &[]);
    check(&*snapshot, index(EntityKind::Vertex, link, "host"), &[]);
}

fn entities_are_found_by_source(home: &Home) {
    let store = home();
    let mut entities: Vec<Entity> = vec![
        floria::Class { origin: origin("types.yaml"), ..class("Node") }.into(),
        floria::Plugin { origin: origin("types.yaml"), ..plugin("tools") }.into(),
        Vertex { origin: origin("service.yaml"), ..vertex(1, None, "a") }.into(),
        Vertex { origin: origin("types.yaml"), ..vertex(2, None, "b") }.into(),
    ];
    entities.push(vertex(3, None, "c").into());
    commit(&store, entities.into_iter().map(Change::Put));
    let snapshot = now(&store);
    let index = |kind, source: &str| Index::Origin(kind, source.to_owned());
    check(&*snapshot, index(EntityKind::Class, "types.yaml"), &["class `Node`"]);
    check(&*snapshot, index(EntityKind::Plugin, "types.yaml"), &["plugin `tools`"]);
    check(&*snapshot, index(EntityKind::Vertex, "types.yaml"), &["vertex 2"]);
    check(&*snapshot, index(EntityKind::Vertex, "service.yaml"), &["vertex 1"]);
    check(&*snapshot, index(EntityKind::Vertex, ""), &[]);
}

/// A vertex and an edge that change all that they are found by, three times.
fn restless(store: &dyn Store) {
    commit(store, [put(vertex(1, None, "a")), put(vertex(2, None, "b"))]);
    let web = Site::Vertex(VertexId(1));
    let versions = [
        (None, "c", "Node", "service.yaml", 1),
        (Some(1), "c", "Never", "types.yaml", 2),
        (Some(2), "d", "Process", "service.yaml", 2),
        (None, "c", "Node", "types.yaml", 1),
    ];
    for (place, (container, name, class, source, end)) in versions.into_iter().enumerate() {
        let names = [class, "Root"];
        let reads: &[_] = if place % 2 == 0 { &[(web, "x")] } else { &[(web, "y")] };
        let moving = reading(vertex(3, container, name), "p", reads);
        let moving = Vertex { classes: classes(&names), origin: origin(source), ..moving };
        let mut link = edge(4, end, "uses", 3 - end);
        link.classes = classes(&names);
        commit(store, [put(moving), Change::put(link)]);
    }
}

fn who_left_is_found_in_the_past(home: &Home) {
    let store = home();
    restless(&store);
    let indexes = reads::indexes(&[1, 2, 3]);
    for revision in 0..=5 {
        reads::assert_same(&*at(&store, revision), &reads::replayed(&store, Revision(revision)), &indexes);
    }
    check(&*at(&store, 2), Index::Class(EntityKind::Vertex, ClassName("Node".to_owned())), &["vertex 3"]);
    check(&*at(&store, 3), Index::Class(EntityKind::Vertex, ClassName("Node".to_owned())), &[]);
}

fn who_has_gone_is_found_nowhere(home: &Home) {
    let store = home();
    restless(&store);
    commit(&store, [Change::delete(EdgeId(4)), Change::delete(VertexId(3))]);
    let snapshot = now(&store);
    for index in reads::indexes(&[1, 2, 3]) {
        let found = snapshot.find(&index, &Page::default()).unwrap();
        assert!(found.iter().all(|entity| ![VertexId(3).into(), EdgeId(4).into()].contains(&entity.key())));
    }
    check(&*snapshot, Index::All(EntityKind::Edge), &[]);
    check(&*snapshot, Index::Contents(EntityKind::Vertex, 2), &[]);
}

fn every_index_is_read_in_pages(home: &Home) {
    let store = home();
    restless(&store);
    let more = (10..24).map(|id| {
        let moving = Vertex { classes: classes(&["Node"]), ..vertex(id, Some(1), &format!("n{id}")) };
        put(Vertex { origin: origin("service.yaml"), ..moving })
    });
    commit(&store, more);
    commit(&store, (30..42).map(|id| Change::put(edge(id, 1, "uses", 2))));
    commit(&store, (10..24).step_by(3).map(|id| Change::delete(VertexId(id))));
    for revision in [3, 6, 8] {
        let snapshot = at(&store, revision);
        for index in reads::indexes(&[1, 2]) {
            reads::assert_paged(&*snapshot, &index);
        }
    }
}

fn a_page_begins_after_a_missing_key(home: &Home) {
    let store = home();
    commit(&store, [1, 5, 9].map(|id| put(vertex(id, None, &format!("n{id}")))));
    commit(&store, [Change::delete(VertexId(5))]);
    let after = |id: u64| {
        let page = Page { after: Some(VertexId(id).into()), limit: None };
        let found = now(&store).find(&Index::All(EntityKind::Vertex), &page).unwrap();
        found.iter().map(|entity| entity.key().id().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!([after(0), after(1), after(5)], [vec![1, 9], vec![9], vec![9]]);
    assert_eq!([after(8), after(9), after(u64::MAX)], [vec![9], vec![], vec![]]);
}

fn a_page_begins_after_another_kind(home: &Home) {
    let store = home();
    crate::snapshots::one_of_each(&store);
    let keys = [
        EntityKey::Class(namespace("zoo"), ClassName("Z".to_owned())),
        EntityKey::Plugin(namespace("zoo"), floria::PluginName("z".to_owned())),
        floria::VertexTemplateId(900).into(),
        floria::EdgeTemplateId(900).into(),
        VertexId(900).into(),
        EdgeId(900).into(),
    ];
    let snapshot = now(&store);
    for kind in EntityKind::ALL {
        for index in [Index::All(kind), Index::Namespace(kind, namespace("shop"))] {
            for key in &keys {
                let found =
                    snapshot.find(&index, &Page { after: Some(key.clone()), limit: Some(7) }).unwrap();
                assert_eq!(found.len(), usize::from(kind > key.kind()), "{index:?} after {key}");
            }
        }
    }
}

fn a_page_of_the_past_is_of_the_past(home: &Home) {
    let store = home();
    commit(&store, (1..=6).map(|id| put(vertex(id * 2, None, &format!("n{id}")))));
    let snapshot = now(&store);
    let index = Index::Namespace(EntityKind::Vertex, namespace("shop"));
    let first = snapshot.find(&index, &Page { after: None, limit: Some(3) }).unwrap();
    commit(&store, (1..=6).map(|id| put(vertex(id * 2 + 1, None, &format!("m{id}")))));
    commit(&store, [Change::delete(VertexId(8))]);
    let rest = snapshot.find(&index, &Page { after: Some(first[2].key()), limit: None }).unwrap();
    let ids: Vec<_> = rest.iter().map(|entity| entity.key().id().unwrap()).collect();
    assert_eq!(ids, [8, 10, 12]);
    assert_eq!((snapshot.count(&index).unwrap(), now(&store).count(&index).unwrap()), (6, 11));
}

fn odd_names_are_found(home: &Home) {
    let store = home();
    let names =
        ["", " ", "'", "\"", "%", "_", "a%", "\0", "a\0b", "\u{1f980}", "o\u{308}", "\u{f6}", "A", "a"];
    let odd = (1..).zip(names).map(|(id, name)| {
        let vertex = Vertex { classes: classes(&[name]), origin: origin(name), ..vertex(id, None, name) };
        put(reading(vertex, "p", &[(Site::Vertex(VertexId(1)), name)]))
    });
    commit(&store, odd);
    let snapshot = now(&store);
    for (id, name) in (1..).zip(names) {
        let expected = [format!("vertex {id}")];
        let expected = expected.each_ref().map(String::as_str);
        let kind = EntityKind::Vertex;
        check(&*snapshot, Index::Name(kind, None, name.to_owned()), &expected);
        check(&*snapshot, Index::Class(kind, ClassName(name.to_owned())), &expected);
        check(&*snapshot, Index::Origin(kind, name.to_owned()), &expected);
        check(&*snapshot, Index::Readers(kind, Site::Vertex(VertexId(1)), name.to_owned()), &expected);
    }
}
