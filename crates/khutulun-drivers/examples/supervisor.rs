//! The supervisor of processes, for this crate's tests: what `khutulun supervise FOLDER` is in the product.

use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    match std::env::args_os().next_back() {
        Some(folder) => khutulun_host::supervise(Path::new(&folder)),
        None => ExitCode::from(64),
    }
}
