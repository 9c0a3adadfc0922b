//! Any octets as a graph in CBOR.
#![no_main]

mod graphs;

use floria_exchange::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| graphs::check(Format::Cbor, file));
