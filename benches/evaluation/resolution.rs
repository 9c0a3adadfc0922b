//! Resolution: from templates to instances, and all their values.
//!
//!     cargo bench --package evaluation-benches --bench resolution
//!
//! Not criterion's: what matters here is growth, which it does not know. Times are of the processor, without compilation.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use floria::{Design, Evaluated, Evaluator, Graph, Site};
use floria_resolver::{Inventory, Limits, NoHooks, Request, resolve};
use khutulun_lowering::{Options, SourceFiles, lower};
use tosca::MemorySources;
use tosca_functions::ToscaFunctions;

const RUNS: usize = 5;

const TYPES: &str = "tosca_definitions_version: tosca_2_0
capability_types:
  Compute:
    properties:
      cpus: { type: integer, default: 10 }
      zone: { type: string, default: north }
  Endpoint:
    properties:
      port: { type: integer, default: 80 }
relationship_types:
  HostedOn: {}
  ConnectsTo: {}
node_types:
  Host:
    capabilities: { host: Compute }
  App:
    properties:
      number: { type: integer }
      zone: { type: string, default: north }
      name: { type: string, default: { $concat: [ app-, { $get_property: [ SELF, zone ] } ] } }
      peer: { type: integer, default: { $get_property: [ SELF, RELATIONSHIP, peer, TARGET, number ] } }
    capabilities: { endpoint: Endpoint }
    requirements:
    - host: { capability: Compute, relationship: HostedOn, count_range: [ 1, 1 ] }
    - peer: { capability: Endpoint, relationship: ConnectsTo, count_range: [ 1, 1 ] }
service_template:
  node_templates:
";

/// How the hosts of the nodes are said.
#[derive(Clone, Copy, Debug)]
enum Hosts {
    /// By name.
    Named,
    /// Whatever fits.
    Open,
    /// Whatever is in the node's zone, and has a processor left; there are just enough.
    Filtered,
}

/// A service of so many nodes with four properties and two requirements each, ten to a host.
fn design(nodes: usize, hosts: Hosts) -> Design {
    let mut text = TYPES.to_owned();
    let zone = |number: usize| ["north", "east", "south", "west"][number % 4];
    for number in 0..nodes.div_ceil(10) {
        let zone = zone(number);
        writeln!(text, "    host-{number}: {{ type: Host, capabilities: {{ host: {{ properties: {{ zone: {zone} }} }} }} }}")
            .unwrap();
    }
    for number in 0..nodes {
        // Ten nodes follow each other in a zone, as their hosts do.
        let zone = zone(number / 10);
        let host = match hosts {
            Hosts::Named => format!("host-{}", number / 10),
            Hosts::Open => "{}".to_owned(),
            Hosts::Filtered => {
                "{ allocation: { cpus: 1 }, node_filter: { $equal: [ { $get_property: [ SELF, \
                                CAPABILITY, zone ] }, { $get_property: [ SELF, SOURCE, zone ] } ] } }"
                    .to_owned()
            }
        };
        let peer = number.saturating_sub(1);
        writeln!(
            text,
            "    app-{number}: {{ type: App, properties: {{ number: {number}, zone: {zone} }}, requirements: [ {{ host: \
             {host} }}, {{ peer: app-{peer} }} ] }}"
        )
        .unwrap();
    }
    let sources = MemorySources::new().with("service.yaml", text);
    let compilation = tosca::compile("service.yaml", &sources);
    assert!(compilation.diagnostics.is_empty(), "{:?}", compilation.diagnostics.first());
    let model = compilation.model.unwrap();
    let options =
        Options { service: "shop", texts: &compilation.sources, files: &SourceFiles(&sources), root: None };
    lower(&model, &options).unwrap().design
}

/// Returns how long this thread has run: other programs on the machine do not count.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Makes the instances, and evaluates all their properties; returns how many milliseconds the two took at best.
fn measure(design: &Design, current: &Graph) -> (f64, f64, Graph) {
    let inputs = BTreeMap::new();
    let inventory: [Inventory<'_>; 0] = [];
    let limits = Limits { nodes_max: u64::MAX, ..Limits::default() };
    let functions = &ToscaFunctions;
    let request = Request {
        design,
        inputs: &inputs,
        counts: &floria_resolver::OWN_COUNTS,
        current,
        inventory: &inventory,
        functions,
        limits,
    };
    let mut best = (f64::MAX, f64::MAX);
    let mut graph = Graph::default();
    for _ in 0..RUNS {
        let begin = thread_time();
        graph = resolve(&request, &mut (1_u64 << 32..), &mut NoHooks).unwrap().graph;
        let resolved = thread_time();
        let mut evaluator = Evaluator::new(&graph, functions);
        for vertex in graph.vertexes() {
            for name in vertex.properties.keys() {
                let evaluated = evaluator.property(Site::Vertex(vertex.id), name).unwrap();
                assert!(matches!(evaluated, Evaluated::Known(_)));
            }
        }
        let evaluated = thread_time();
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        best = (best.0.min(milliseconds(resolved - begin)), best.1.min(milliseconds(evaluated - resolved)));
    }
    (best.0, best.1, graph)
}

fn main() {
    println!("hosts      nodes  resolve ms  evaluate ms  again ms");
    for hosts in [Hosts::Named, Hosts::Open, Hosts::Filtered] {
        for nodes in [1_000, 10_000, 100_000] {
            let design = design(nodes, hosts);
            let (resolve, evaluate, graph) = measure(&design, &Graph::default());
            // As a redeploy does, where all is there already.
            let (again, _, same) = measure(&design, &graph);
            assert!(graph == same, "what is there stays as it is");
            println!("{:9} {nodes:6} {resolve:11.1} {evaluate:12.1} {again:9.1}", format!("{hosts:?}"));
        }
    }
}
