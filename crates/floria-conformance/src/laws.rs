//! What a store refuses, and what it must not.

use floria::{
    Change, ClassName, EdgeId, EdgeTemplateId, Entity, EntityKey, Value, VertexId, VertexTemplateId,
    laws::ID_MAX,
};

use crate::{
    Case, Home,
    build::{
        batch, class, commit, edge, edge_template, namespace, put, record, records, refused, refused_batch,
        shop, vertex, vertex_template, with,
    },
};

pub(crate) const CASES: &[Case] = &[
    ("an edge has both ends", an_edge_has_both_ends),
    ("the order within a batch does not matter", the_order_within_a_batch_does_not_matter),
    ("a vertex does not go before its edges", a_vertex_does_not_go_before_its_edges),
    ("a container exists", a_container_exists),
    ("a container does not go before its contents", a_container_does_not_go_before_its_contents),
    ("names are unique in a container", names_are_unique_in_a_container),
    ("without a container, names are unique in a namespace", names_are_unique_in_a_namespace),
    ("names can be swapped in one batch", names_can_be_swapped),
    ("nothing contains itself", nothing_contains_itself),
    ("what is not there cannot be deleted", what_is_not_there_cannot_be_deleted),
    ("nothing moves to another namespace", nothing_moves_to_another_namespace),
    ("templates obey the laws", templates_obey_the_laws),
    ("templates and instances are apart", templates_and_instances_are_apart),
    ("ids are bounded", ids_are_bounded),
    ("what nests too deep is refused", what_nests_too_deep_is_refused),
];

fn an_edge_has_both_ends(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop"))]);
    assert_eq!(
        refused(&store, [Change::Put(Entity::Edge(edge(5, 1, "uses", 2)))]),
        "edge 5 `uses` ends at vertex 2, which does not exist"
    );
    assert_eq!(
        refused(&store, [Change::Put(Entity::Edge(edge(5, 2, "uses", 1)))]),
        "edge 5 `uses` starts at vertex 2, which does not exist"
    );
    // Also when the end goes in the same batch.
    refused(
        &store,
        [Change::Put(Entity::Edge(edge(5, 1, "self", 1))), Change::Delete(EntityKey::Vertex(VertexId(1)))],
    );
}

fn the_order_within_a_batch_does_not_matter(home: &Home) {
    let store = home();
    commit(
        &store,
        [
            Change::Put(Entity::Edge(edge(5, 2, "uses", 3))),
            put(vertex(2, Some(1), "web")),
            put(vertex(3, Some(1), "db")),
            put(vertex(1, None, "shop")),
        ],
    );
    commit(
        &store,
        [
            Change::Delete(EntityKey::Vertex(VertexId(1))),
            Change::Delete(EntityKey::Vertex(VertexId(3))),
            Change::Delete(EntityKey::Vertex(VertexId(2))),
            Change::Delete(EntityKey::Edge(EdgeId(5))),
        ],
    );
    assert!(shop(&store).is_empty());
    // The last change of an entity is the one that counts.
    commit(&store, [put(vertex(8, None, "a")), put(vertex(8, None, "b"))]);
    commit(
        &store,
        [
            put(vertex(9, None, "c")),
            Change::Delete(EntityKey::Vertex(VertexId(9))),
            put(vertex(8, None, "d")),
        ],
    );
    assert_eq!(shop(&store).vertexes().map(|vertex| vertex.name.as_str()).collect::<Vec<_>>(), ["d"]);
    commit(&store, [Change::Delete(EntityKey::Vertex(VertexId(8))), put(vertex(8, None, "e"))]);
    assert_eq!(shop(&store).named(None, "e").unwrap().id, VertexId(8));
    assert_eq!(shop(&store).named(None, "d"), None);
}

fn a_vertex_does_not_go_before_its_edges(home: &Home) {
    let store = home();
    commit(
        &store,
        [put(vertex(1, None, "shop")), put(vertex(2, Some(1), "web")), put(vertex(3, Some(1), "db"))],
    );
    commit(&store, [Change::Put(Entity::Edge(edge(5, 2, "uses", 3)))]);
    for end in [2, 3] {
        assert_eq!(
            refused(&store, [Change::Delete(EntityKey::Vertex(VertexId(end)))]),
            format!("vertex {end} is deleted, and edges still start or end at it")
        );
    }
    // An edge that moves away frees its end.
    commit(
        &store,
        [Change::Put(Entity::Edge(edge(5, 2, "uses", 1))), Change::Delete(EntityKey::Vertex(VertexId(3)))],
    );
}

fn a_container_exists(home: &Home) {
    let store = home();
    assert_eq!(
        refused(&store, [put(vertex(2, Some(1), "web"))]),
        "vertex 2 is in vertex 1, which does not exist"
    );
    commit(&store, [put(vertex(1, None, "shop")), put(vertex(2, Some(1), "web"))]);
    refused(&store, [put(vertex(2, Some(9), "web"))]);
}

fn a_container_does_not_go_before_its_contents(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop")), put(vertex(2, Some(1), "web"))]);
    assert_eq!(
        refused(&store, [Change::Delete(EntityKey::Vertex(VertexId(1)))]),
        "vertex 1 is deleted, and others are still in it"
    );
    commit(&store, [Change::Delete(EntityKey::Vertex(VertexId(1))), put(vertex(2, None, "web"))]);
    commit(&store, [Change::Delete(EntityKey::Vertex(VertexId(2)))]);
}

fn names_are_unique_in_a_container(home: &Home) {
    let store = home();
    commit(
        &store,
        [put(vertex(1, None, "shop")), put(vertex(2, Some(1), "web")), put(vertex(3, Some(1), "db"))],
    );
    let reason = "two of the contents of vertex 1 have the name `web`";
    assert_eq!(refused(&store, [put(vertex(4, Some(1), "web"))]), reason);
    assert_eq!(refused(&store, [put(vertex(3, Some(1), "web"))]), reason);
    assert_eq!(
        refused(&store, [put(vertex(4, Some(1), "x")), put(vertex(5, Some(1), "x"))]),
        reason.replace("web", "x")
    );
    // Elsewhere, the name is free; and a name that went away is, too.
    commit(&store, [put(vertex(4, Some(2), "web")), put(vertex(5, Some(3), "web"))]);
    commit(&store, [put(vertex(3, Some(1), "database"))]);
    commit(&store, [put(vertex(6, Some(1), "db"))]);
    // Names differ by their octets, whatever they look like.
    commit(
        &store,
        [put(vertex(7, Some(1), "DB")), put(vertex(8, Some(1), "")), put(vertex(9, Some(1), "d\u{f6}"))],
    );
    commit(&store, [put(vertex(10, Some(1), "do\u{308}")), put(vertex(11, Some(1), "db\0"))]);
}

fn names_are_unique_in_a_namespace(home: &Home) {
    let store = home();
    let mut elsewhere = vertex(2, None, "shop");
    elsewhere.namespace = namespace("bank");
    commit(&store, [put(vertex(1, None, "shop"))]);
    commit(&store, [put(elsewhere)]);
    refused(&store, [put(vertex(3, None, "shop"))]);
    commit(&store, [put(vertex(3, Some(1), "shop"))]);
}

fn names_can_be_swapped(home: &Home) {
    let store = home();
    commit(
        &store,
        [put(vertex(1, None, "shop")), put(vertex(2, Some(1), "blue")), put(vertex(3, Some(1), "green"))],
    );
    commit(&store, [put(vertex(2, Some(1), "green")), put(vertex(3, Some(1), "blue"))]);
    assert_eq!(shop(&store).named(Some(VertexId(1)), "blue").unwrap().id, VertexId(3));
    // A name moves on within a batch, from what goes to what comes.
    commit(&store, [put(vertex(4, Some(1), "blue")), Change::Delete(EntityKey::Vertex(VertexId(3)))]);
    refused(&store, [put(vertex(5, Some(1), "green"))]);
}

fn nothing_contains_itself(home: &Home) {
    let store = home();
    refused(&store, [put(vertex(1, Some(1), "a"))]);
    refused(&store, [put(vertex(1, Some(2), "a")), put(vertex(2, Some(1), "b"))]);
    commit(&store, [put(vertex(1, None, "a")), put(vertex(2, Some(1), "b")), put(vertex(3, Some(2), "c"))]);
    assert!(refused(&store, [put(vertex(1, Some(3), "a"))]).ends_with("contains itself"));
    assert!(
        refused(&store, [put(vertex(4, Some(3), "d")), put(vertex(2, Some(4), "b"))])
            .ends_with("contains itself")
    );
    // The same three the other way round are fine.
    commit(&store, [put(vertex(3, None, "c")), put(vertex(2, Some(3), "b")), put(vertex(1, Some(2), "a"))]);
}

fn what_is_not_there_cannot_be_deleted(home: &Home) {
    let store = home();
    let cases = [
        (Change::Delete(EntityKey::Vertex(VertexId(7))), "there is no vertex 7 to delete"),
        (Change::Delete(EntityKey::Edge(EdgeId(7))), "there is no edge 7 to delete"),
        (
            Change::Delete(EntityKey::VertexTemplate(VertexTemplateId(7))),
            "there is no vertex template 7 to delete",
        ),
        (Change::Delete(EntityKey::EdgeTemplate(EdgeTemplateId(7))), "there is no edge template 7 to delete"),
        (
            Change::Delete(EntityKey::Class(namespace("shop"), ClassName("Node".to_owned()))),
            "there is no class `Node` to delete",
        ),
    ];
    for (change, reason) in cases {
        assert_eq!(refused(&store, [put(vertex(1, None, "shop")), change]), reason);
    }
}

fn nothing_moves_to_another_namespace(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop")), Change::Put(Entity::Edge(edge(2, 1, "self", 1)))]);
    let mut moved = vertex(1, None, "shop");
    moved.namespace = namespace("bank");
    assert_eq!(refused(&store, [put(moved)]), "vertex 1 is in namespace `shop` and cannot move to `bank`");
    let mut moved = edge(2, 1, "self", 1);
    moved.namespace = namespace("bank");
    refused(&store, [Change::Put(Entity::Edge(moved))]);
}

fn templates_obey_the_laws(home: &Home) {
    let store = home();
    let put = Change::put;
    commit(&store, [put(vertex_template(1, None, "shop")), put(vertex_template(2, Some(1), "web"))]);
    commit(&store, [Change::Put(Entity::EdgeTemplate(edge_template(3, 2, "host", 1)))]);
    refused(&store, [put(vertex_template(4, Some(9), "db"))]);
    refused(&store, [put(vertex_template(4, Some(1), "web"))]);
    refused(&store, [put(vertex_template(4, None, "shop"))]);
    refused(&store, [put(vertex_template(1, Some(2), "shop"))]);
    refused(&store, [Change::Put(Entity::EdgeTemplate(edge_template(4, 2, "uses", 9)))]);
    refused(&store, [Change::Delete(EntityKey::VertexTemplate(VertexTemplateId(1)))]);
    refused(&store, [Change::Delete(EntityKey::VertexTemplate(VertexTemplateId(2)))]);
    let mut moved = vertex_template(2, Some(1), "web");
    moved.namespace = namespace("bank");
    refused(&store, [put(moved)]);
    let mut moved = edge_template(3, 2, "host", 1);
    moved.namespace = namespace("bank");
    refused(&store, [Change::Put(Entity::EdgeTemplate(moved))]);
    commit(&store, [Change::Delete(EntityKey::EdgeTemplate(EdgeTemplateId(3)))]);
    commit(&store, [Change::Delete(EntityKey::VertexTemplate(VertexTemplateId(2)))]);
}

fn templates_and_instances_are_apart(home: &Home) {
    let store = home();
    commit(&store, [Change::Put(Entity::VertexTemplate(vertex_template(1, None, "shop")))]);
    refused(&store, [put(vertex(2, Some(1), "web"))]);
    // The same ids, and the same names, are free among the instances.
    commit(&store, [put(vertex(1, None, "shop")), Change::Put(Entity::Edge(edge(1, 1, "self", 1)))]);
    // An instance stays when the template that it was made from goes.
    commit(&store, [Change::Delete(EntityKey::VertexTemplate(VertexTemplateId(1)))]);
    assert_eq!(shop(&store).vertexes().len(), 1);
}

fn ids_are_bounded(home: &Home) {
    let store = home();
    refused(&store, [put(vertex(ID_MAX + 1, None, "shop"))]);
    refused(&store, [put(vertex(1, None, "shop")), Change::Put(Entity::Edge(edge(u64::MAX, 1, "self", 1)))]);
    refused(&store, [put(vertex(1, Some(u64::MAX), "shop"))]);
    refused(&store, [Change::Delete(EntityKey::Vertex(VertexId(u64::MAX)))]);
    commit(&store, [put(vertex(ID_MAX, None, "shop"))]);
    assert_eq!(shop(&store).vertexes().next().unwrap().id, VertexId(ID_MAX));
    assert!(store.allocate(1).is_err());
}

fn what_nests_too_deep_is_refused(home: &Home) {
    let store = home();
    let nested = |levels: usize| (0..levels).fold(Value::Null, |value, _| Value::List(vec![value]));
    commit(
        &store,
        [put(with(vertex(1, None, "shop"), "x", nested(150))), Change::Put(Entity::Class(class("Node")))],
    );
    refused(&store, [put(with(vertex(1, None, "shop"), "x", nested(250)))]);
    refused_batch(&store, &records([record("run/1", nested(250))]));
    store.commit(&records([record("run/1", nested(150))])).unwrap();
    store.commit(&batch([put(vertex(1, None, "shop"))])).unwrap();
}
