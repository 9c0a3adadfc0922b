//! `khutulun compile --instantiate`: what is made of a design, without touching anything.

use std::path::PathBuf;

use floria::{ClassName, Graph};
use khutulun_lowering::{Instance, InstanceEdge, Instances, Outcome};
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer, to_json},
    cli::{CompileArguments, Format},
    error::CliError,
    exit::Exit,
    intention::Intention,
    inventory::Others,
    revision,
    session::Session,
    terminal::{Style, harmless},
};

pub(super) fn run(arguments: &CompileArguments, session: &Session) -> Result<Exit, CliError> {
    if session.format == Format::Tosca {
        let why = "TOSCA has words for templates, and none for instances";
        return Err(CliError::usage("cannot write instances as TOSCA", why)
            .next("khutulun compile PATH --instantiate -o yaml"));
    }
    let intention = match revision::service_of_path(session, &arguments.design)? {
        Some(service) => revision::given_anew(session, &service, &arguments.design)?,
        None => Intention::read(session, &arguments.design)?,
    };
    let others = Others::of_files(arguments.inventory.iter().map(PathBuf::as_path), &intention.design)?;
    let resolution = intention.resolve(session, &Graph::default(), &others, &mut (1..))?;
    session.progress.settle();
    answer::give(&Shown(Instances::of(&resolution.graph, &*session.functions)), session.format)?;
    Ok(Exit::Success)
}

struct Shown(Instances);

impl Answer for Shown {
    fn document(&self) -> Json {
        let Instances(instances) = &self.0;
        let edges = instances
            .iter()
            .flat_map(|instance| instance.edges.iter().map(|edge| edge_document(&instance.path, edge)));
        json!({
            "schema": "khutulun.instances/1",
            "service": instances.first().map(|service| &service.path),
            "instances": instances.iter().map(instance_document).collect::<Vec<_>>(),
            "edges": edges.collect::<Vec<_>>(),
        })
    }

    fn items(&self) -> Vec<Json> {
        let item = |instance: &Instance| {
            let mut item = instance_document(instance);
            item["schema"] = "khutulun.instance/1".into();
            let edges = instance.edges.iter().map(|edge| edge_document(&instance.path, edge));
            put(&mut item, "edges", edges.collect::<Vec<_>>().into());
            item
        };
        self.0.0.iter().map(item).collect()
    }

    fn text(&self, _: Style) -> String {
        self.0.to_string().lines().map(|line| harmless(line) + "\n").collect()
    }
}

fn instance_document(instance: &Instance) -> Json {
    let mut document = json!({ "path": instance.path, "kind": instance.kind.word() });
    put(&mut document, "class", class(&instance.class));
    let is_named_otherwise = instance.path.rsplit('/').next().is_none_or(|name| name != instance.template);
    put(&mut document, "template", is_named_otherwise.then(|| instance.template.clone()).into());
    put(&mut document, "index", instance.index.into());
    put(&mut document, "stands_for", instance.selected.as_ref().map(to_json).into());
    put(&mut document, "properties", values(&instance.properties));
    put(&mut document, "attributes", values(&instance.attributes));
    put(&mut document, "outputs", values(&instance.outputs));
    put(&mut document, "waits_for", instance.waiting.clone().into());
    document
}

fn edge_document(source: &str, edge: &InstanceEdge) -> Json {
    let mut document = json!({
        "edge": format!("{source} → {}", edge.target),
        "name": edge.name,
        "index": edge.index,
    });
    put(&mut document, "class", class(&edge.class));
    put(&mut document, "properties", values(&edge.properties));
    put(&mut document, "attributes", values(&edge.attributes));
    put(&mut document, "allocation", edge.allocation.as_ref().map(to_json).into());
    document
}

fn class(class: &Option<ClassName>) -> Json {
    class.as_ref().map(|class| class.0.clone()).into()
}

/// Adds what is not empty.
fn put(document: &mut Json, name: &str, value: Json) {
    let is_empty = match &value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.is_empty(),
        _ => false,
    };
    if !is_empty {
        document[name] = value;
    }
}

/// Values by name. One that is not known is a map whose only key begins with `$`.
fn values(values: &[(String, Outcome)]) -> Json {
    let value = |outcome: &Outcome| match outcome {
        Outcome::Known(value) => to_json(value),
        Outcome::Unknown(what) => json!({ "$unknown": what }),
        Outcome::Failed(why) => json!({ "$failed": why }),
    };
    values
        .iter()
        .map(|(name, outcome)| (name.clone(), value(outcome)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
