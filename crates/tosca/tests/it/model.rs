//! What later layers read.

use tosca::model::{
    ActivityKind, Call, ExpressionKind, Index, MappingCount, MappingTarget, Member, Model, PathStart,
    RequirementTarget, Step, TypeKind, Value, ValueOrigin,
};
use tosca::{MemorySources, compile};

fn model(files: &[(&str, &str)]) -> Model {
    let mut sources = MemorySources::new();
    for (name, text) in files {
        sources = sources.with(*name, format!("tosca_definitions_version: tosca_2_0\n{text}"));
    }
    let compilation = compile(files[0].0, &sources);
    let text = diagnostics::render_text_all(
        &compilation.diagnostics,
        &compilation.sources,
        diagnostics::TextStyle::plain(),
    );
    compilation.model.expect(&text)
}

fn everything() -> Model {
    let text = include_str!("everything.yaml");
    model(&[("main.yaml", text.split_once('\n').expect("the file has lines").1)])
}

#[test]
fn properties_have_values_of_their_types_and_say_why() {
    let model = model(&[(
        "main.yaml",
        "data_types:
  Limits: { properties: { cpu: { type: float, default: 1 }, memory: { type: integer } } }
node_types:
  A:
    properties:
      f: { type: float }
      d: { type: string, default: x }
      v: { type: integer, value: 5 }
      o: { type: string, required: false }
      l: { type: Limits }
    attributes:
      s: { type: string, default: new }
service_template:
  node_templates:
    a: { type: A, properties: { f: 3, l: { memory: 0x10 } } }
",
    )]);
    let service = model.service_template.as_ref().unwrap();
    let a = &service.node_templates["a"];
    let value = |name: &str| {
        let property = &a.properties[name];
        (property.value.as_ref().map(|value| value.as_value().unwrap().to_string()), property.origin)
    };
    assert_eq!(value("f"), (Some("3.0".to_owned()), ValueOrigin::Assigned));
    assert_eq!(value("d"), (Some("\"x\"".to_owned()), ValueOrigin::Default));
    assert_eq!(value("v"), (Some("5".to_owned()), ValueOrigin::Fixed));
    assert_eq!(value("o"), (None, ValueOrigin::Unassigned));
    assert_eq!(value("l"), (Some("{\"memory\": 16, \"cpu\": 1.0}".to_owned()), ValueOrigin::Assigned));
    assert_eq!(a.attributes["s"].value.as_ref().unwrap().as_value(), Some(&Value::String("new".into())));
}

#[test]
fn types_know_their_ancestors_by_qualified_name() {
    let model = model(&[
        (
            "main.yaml",
            "imports: [ { url: p.yaml, namespace: p }, { url: other.yaml, namespace: o } ]
node_types: { A: { derived_from: p:A, metadata: { x: 1 } }, B: { derived_from: A } }
service_template: { node_templates: { b: { type: B }, o: { type: o:A } } }
",
        ),
        (
            "p.yaml",
            "profile: org.example:1\nimports: [ q.yaml ]\nnode_types: { A: { derived_from: Root } }\n",
        ),
        ("q.yaml", "node_types: { Root: { metadata: { y: 2 } } }\n"),
        ("other.yaml", "node_types: { A: {} }\n"),
    ]);
    let service = model.service_template.as_ref().unwrap();
    let b = service.node_templates["b"].type_id;
    let lineage: Vec<_> = model.lineage(b).map(|name| name.as_str()).collect();
    assert_eq!(lineage, ["B", "A", "org.example:1:A", "org.example:1:Root"]);
    let o = service.node_templates["o"].type_id;
    assert_eq!(model.type_of(o).qualified_name, "other.yaml:A", "unique, although two types are called `A`");
    let root = model.find_type(TypeKind::Node, "org.example:1:Root").unwrap();
    assert!(model.is_derived(b, root) && !model.is_derived(root, b));
    assert_eq!(model.inherited_metadata(b, "x"), Some(&Value::Integer(1)));
    assert_eq!(model.inherited_metadata(b, "y"), Some(&Value::Integer(2)));
}

#[test]
fn requirements_have_their_targets_capabilities_and_relationships() {
    let model = everything();
    let service = model.service_template.as_ref().unwrap();
    let requirements = &service.node_templates["web"].requirements;
    assert_eq!(requirements.len(), 2);
    let first = &requirements[0];
    let RequirementTarget::Node { template, capability, capability_type, .. } = &first.target else {
        panic!("a node template");
    };
    assert_eq!(model.node(*template).name, "database");
    assert_eq!(capability, "endpoint");
    assert_eq!(model.type_of(*capability_type).name, "Endpoint");
    assert_eq!(model.type_of(first.relationship.type_id).name, "ConnectsTo");
    assert_eq!(first.definition.count_range.to_string(), "[1, UNBOUNDED]");
    assert!(first.relationship.interfaces["link"].operations["create"].implementation.is_some());
    // The requirement definition refined the default.
    let secure = &requirements[1].relationship.properties["secure"];
    assert_eq!(secure.value.as_ref().unwrap().as_value(), Some(&Value::Boolean(true)));
    let ExpressionKind::Call(call) = &first.relationship.properties["secure"].value.as_ref().unwrap().kind
    else {
        panic!("a call");
    };
    let Call::GetProperty(reference) = &**call else { panic!("get_property") };
    assert_eq!(reference.path.start, PathStart::SelfRelationship);
}

#[test]
fn paths_are_typed() {
    let model = everything();
    let service = model.service_template.as_ref().unwrap();
    let output = service.outputs["state"].value.as_ref().unwrap();
    let [Call::GetAttribute(reference)] = output.calls()[..] else { panic!("get_attribute") };
    let web = service.node_templates["web"].id;
    assert_eq!(reference.path.start, PathStart::Node { template: web, index: Index::At(0) });
    let outgoing = Step::Outgoing { requirement: "database".into(), index: Index::At(0) };
    assert_eq!(reference.path.steps, [outgoing, Step::Target]);
    assert_eq!(reference.name, "state");
    let url = service.node_templates["web"].properties["url"].value.as_ref().unwrap();
    let names: Vec<_> = url.calls().iter().map(|call| call.function().to_owned()).collect();
    assert_eq!(names, ["concat", "get_attribute"]);
    let Call::Concat(arguments) = url.calls()[0] else { panic!("concat") };
    assert_eq!(arguments[2].as_value(), Some(&Value::String("$literal".into())), "the escape is taken out");
}

#[test]
fn operations_have_merged_inputs_mappings_and_implementations() {
    let model = everything();
    let service = model.service_template.as_ref().unwrap();
    let lifecycle = &service.node_templates["web"].interfaces["lifecycle"];
    assert_eq!(model.type_of(lifecycle.type_id).name, "Lifecycle");
    let create = &lifecycle.operations["create"];
    let inputs: Vec<_> = create.inputs.keys().map(|name| name.as_str()).collect();
    assert_eq!(inputs, ["verbose", "extra", "adhoc", "more"]);
    assert_eq!(create.inputs["verbose"].value.as_ref().unwrap().as_value(), Some(&Value::Boolean(true)));
    assert_eq!(create.outputs["result"].mapping.as_ref().unwrap().name, "state");
    let configure = &lifecycle.operations["configure"];
    let implementation = configure.implementation.as_ref().unwrap();
    assert_eq!(implementation.timeout_seconds, Some(30));
    let primary = implementation.primary.as_ref().unwrap();
    assert_eq!((&*primary.file, primary.name.as_ref()), ("scripts/configure.sh", None));
    let lineage: Vec<_> = model.lineage(primary.type_id).map(|name| name.as_str()).collect();
    assert_eq!(lineage, ["Bash", "Implementation"]);
    assert_eq!(
        &*implementation.dependencies[0].file, "scripts/library.sh",
        "the type comes from the extension"
    );
    assert_eq!(model.type_of(implementation.dependencies[0].type_id).name, "Bash");
}

#[test]
fn a_template_that_redefines_an_artifact_changes_what_inherited_operations_run() {
    let model = everything();
    let service = model.service_template.as_ref().unwrap();
    let file = |node: &str| {
        let create = &service.node_templates[node].interfaces["lifecycle"].operations["create"];
        create.implementation.as_ref().unwrap().primary.as_ref().unwrap().file.to_string()
    };
    assert_eq!(file("database"), "scripts/prepare.sh");
    assert_eq!(file("web"), "other.sh");
}

#[test]
fn an_artifact_file_is_relative_to_the_file_that_names_it() {
    let model = model(&[
        (
            "main.yaml",
            "imports: [ types/a.yaml ]\nservice_template: { node_templates: { a: { type: A } } }\n",
        ),
        (
            "types/a.yaml",
            "artifact_types: { Bash: { file_ext: [ sh ] } }
interface_types: { I: { operations: { run: {} } } }
node_types: { A: { interfaces: { main: { type: I, operations: { run: scripts/run.sh } } } } }
",
        ),
    ]);
    let service = model.service_template.as_ref().unwrap();
    let run = &service.node_templates["a"].interfaces["main"].operations["run"];
    let primary = run.implementation.as_ref().unwrap().primary.as_ref().unwrap();
    let file = model.file_of(primary.span).unwrap();
    assert_eq!((file.locator.as_str(), file.source), ("types/a.yaml", primary.source));
}

#[test]
fn a_profile_alone_is_a_model_without_a_service_template() {
    let model = model(&[("main.yaml", "profile: p\nmetadata: { a: 1 }\nnode_types: { A: {} }\n")]);
    assert!(model.service_template.is_none());
    assert_eq!(model.files[0].profile.as_deref(), Some("p"));
    assert_eq!(model.files[0].metadata["a"], Value::Integer(1));
}

#[test]
fn requirements_without_a_node_template_stay_open_and_what_must_be_is_there() {
    let model = everything();
    let service = model.service_template.as_ref().unwrap();
    let second = &service.node_templates["second"].requirements;
    let targets: Vec<bool> = second.iter().map(|requirement| requirement.node().is_some()).collect();
    assert_eq!(targets, [true, false, false]);
    let RequirementTarget::Node { index: Some(index), .. } = &second[0].target else { panic!("an index") };
    assert_eq!(index.as_value(), Some(&Value::Integer(0)));
    assert_eq!(second[0].relationship.template.as_deref(), Some("copied"));
    assert_eq!(second[0].relationship.properties["secure"].origin, ValueOrigin::Assigned);
    let RequirementTarget::Open { node: Some(node), .. } = &second[1].target else { panic!("a node type") };
    assert_eq!(model.type_of(*node).name, "Database");
    assert!(second[1].optional && second[1].node_filter.is_some() && !second[1].is_implicit);
    assert_eq!(second[2].allocation["port"].as_value(), Some(&Value::Integer(1)));
    let model = self::model(&[(
        "main.yaml",
        "capability_types: { C: {} }
relationship_types: { R: {} }
node_types: { A: { requirements: [ r: { capability: C, relationship: R, count_range: [ 2, 4 ] } ] } }
service_template: { node_templates: { a: { type: A } } }
",
    )]);
    let service = model.service_template.as_ref().unwrap();
    let implicit = &service.node_templates["a"].requirements[0];
    assert!(implicit.is_implicit && implicit.node().is_none());
    assert_eq!(implicit.count.as_ref().unwrap().as_value(), Some(&Value::Integer(2)));
}

#[test]
fn groups_policies_workflows_and_substitution_are_resolved() {
    let model = everything();
    let service = model.service_template.as_ref().unwrap();
    let web = Member::Node(service.node_templates["web"].id);
    assert_eq!(service.groups["all"].members[0], web);
    assert_eq!(service.groups["all"].members[2], Member::Group("some".into()));
    let keep = &service.policies["keep"];
    assert_eq!(keep.targets, [Member::Group("all".into()), web.clone()]);
    let triggers: Vec<_> = keep.triggers.keys().map(|name| name.as_str()).collect();
    assert_eq!(triggers, ["daily", "late"]);
    let first = &service.workflows["main"].steps["first"];
    assert_eq!(first.target, web);
    let kinds: Vec<_> = first.activities.iter().map(|activity| activity.kind).collect();
    assert_eq!(kinds, [ActivityKind::CallOperation, ActivityKind::SetState, ActivityKind::Delegate]);
    let substitution = service.substitution.as_ref().unwrap();
    assert_eq!(model.type_of(substitution.node_type).name, "Outer");
    assert_eq!(substitution.requirements[2].count, Some(MappingCount::Unbounded));
    let second = service.node_templates["second"].id;
    let chosen = service.node_templates["chosen"].id;
    let targets = &substitution.requirements[1].targets;
    let mapped = [MappingTarget::Requirement(second, "database".into()), MappingTarget::Selectable(chosen)];
    assert_eq!(*targets, mapped);
    assert_eq!(service.node_templates["second"].copy, Some(service.node_templates["web"].id));
}

/// What a large model has most of. A field more in one of these is a field more in each of a hundred thousand: rare
/// ones belong into a box.
#[test]
#[cfg(target_pointer_width = "64")]
fn what_there_is_most_of_stays_small() {
    use tosca::model::{Call, Capability, NodeTemplate, Property, Requirement};
    assert!(size_of::<NodeTemplate>() <= 160);
    assert!(size_of::<Requirement>() <= 208);
    assert!(size_of::<Property>() <= 80);
    assert!(size_of::<Capability>() <= 72);
    assert!(size_of::<Call>() <= 56);
}
