//! The TOSCA frontend used alone: no Wasm, no store, no engine.
//!
//! `cargo run -p embed-frontend -- service.yaml` compiles a file and prints its node templates, or what is wrong with
//! it; without an argument, a small sample.

use std::process::ExitCode;

use diagnostics::{TextStyle, render_text_all};
use tosca::model::{Model, NodeTemplate, RequirementTarget};
use tosca::{Compilation, FileSources, MemorySources, compile};

const SAMPLE: &str = "\
tosca_definitions_version: tosca_2_0
capability_types: { Endpoint: { properties: { port: { type: integer } } } }
relationship_types: { ConnectsTo: {} }
node_types:
  Database: { capabilities: { endpoint: Endpoint } }
  Web: { requirements: [ database: { capability: Endpoint, relationship: ConnectsTo } ] }
service_template:
  inputs: { port: { type: integer, default: 5432 } }
  node_templates:
    database: { type: Database, capabilities: { endpoint: { properties: { port: { $get_input: port } } } } }
    web: { type: Web, requirements: [ database: database ] }
";

fn main() -> ExitCode {
    let compilation = match std::env::args().nth(1) {
        Some(path) => match FileSources::new() {
            Ok(sources) => compile(&path, &sources),
            Err(error) => {
                eprintln!("failed to find the working folder: {error}");
                return ExitCode::FAILURE;
            }
        },
        None => compile("sample.yaml", &MemorySources::new().with("sample.yaml", SAMPLE)),
    };
    let Compilation { model, diagnostics, sources, .. } = compilation;
    eprint!("{}", render_text_all(&diagnostics, &sources, TextStyle::plain()));
    let Some(model) = model else { return ExitCode::from(3) };
    let Some(service) = &model.service_template else {
        println!("no service template, {} types", model.types.len());
        return ExitCode::SUCCESS;
    };
    for node in service.node_templates.values() {
        print_node(&model, node, &sources.location(node.span).to_string());
    }
    ExitCode::SUCCESS
}

fn print_node(model: &Model, node: &NodeTemplate, place: &str) {
    println!("{} : {}  ({place})", node.name, model.type_of(node.type_id).qualified_name);
    for (name, property) in &node.properties {
        match property.value.as_ref().map(|value| value.as_value()) {
            Some(Some(value)) => println!("  {name} = {value}"),
            Some(None) => println!("  {name} is computed"),
            None => println!("  {name} has no value"),
        }
    }
    for requirement in &node.requirements {
        match &requirement.target {
            RequirementTarget::Node { template, capability, .. } => {
                println!("  {} -> {}.{capability}", requirement.name, model.node(*template).name);
            }
            RequirementTarget::Open { .. } => println!("  {} -> whatever fits", requirement.name),
        }
    }
}
