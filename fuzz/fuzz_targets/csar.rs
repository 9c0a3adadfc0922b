//! Any bytes to the reader of archives (ZIP and tarballs): no panic, and the limits on what is read hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tosca_csar::{Limits, Options, Package};

fuzz_target!(|bytes: &[u8]| {
    // A megabyte is as good as a gigabyte for finding what does not count.
    let limits = Limits { unpacked_bytes_max: 1 << 20, read_bytes_max: 1 << 20, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let Ok(package) = Package::from_bytes("fuzz.csar", bytes.to_vec(), &options) else { return };
    for entry in package.entries().iter().filter(|entry| entry.is_file()).take(16) {
        // Read and not kept: what is counted is that it ends.
        _ = package.copy(&entry.path, &mut std::io::sink());
    }
    package.inspect();
    package.verify();
    if let Some(entry) = package.entry_definitions() {
        tosca::compile(entry, &package);
    }
});
