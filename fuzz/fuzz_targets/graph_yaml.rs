//! Any octets as a graph in YAML.
#![no_main]

mod graphs;

use floria_exchange::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| graphs::check(Format::Yaml, file));
