//! Builds all guests and keeps them as the prebuilt components: `cargo xtask drivers`.

#[allow(dead_code, unreachable_pub, reason = "shared with the build script, which uses other parts of it")]
#[path = "../../build/guests.rs"]
mod guests;

use std::{fs, path::Path, process::ExitCode};

use guests::{GUESTS, Toolchain};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("the crate is two folders deep")?;
    let toolchain = Toolchain::with_target().or_else(Toolchain::of_debian).ok_or(
        "nothing here compiles for wasm32-unknown-unknown: run `rustup target add wasm32-unknown-unknown`, \
         or `apt-get install rustc-web rust-web-src` on Debian",
    )?;
    println!("building with {toolchain:?}");
    let target = std::env::temp_dir().join(format!("khutulun-guests-{}", std::process::id()));
    let built = guests::build(root, &toolchain, &GUESTS, &target);
    // What is left in the temporary folder harms nobody, so a failure to clear it is not one.
    let _ = fs::remove_dir_all(&target);
    let mut digests = serde_json::Map::new();
    for (guest, component) in GUESTS.iter().zip(built?) {
        let path = root.join(guest.prebuilt);
        let before = fs::read(&path).map(|content| content.len()).unwrap_or_default();
        fs::write(&path, &component)
            .map_err(|error| format!("failed to write `{}`: {error}", path.display()))?;
        println!("{}: {} bytes (before: {before})", guest.prebuilt, component.len());
        digests.insert(
            guest.name.to_owned(),
            serde_json::json!({
                "component": guests::digest(&component),
                "sources": guests::source_digest(root, guest)?,
            }),
        );
    }
    let text = serde_json::to_string_pretty(&digests).map_err(|error| error.to_string())?;
    fs::write(root.join(guests::DIGESTS), text + "\n")
        .map_err(|error| format!("failed to write `{}`: {error}", guests::DIGESTS))
}
