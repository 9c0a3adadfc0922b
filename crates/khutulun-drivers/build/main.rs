//! Builds the drivers from their sources where the machine can compile for wasm32, and otherwise takes the prebuilt ones.

#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the test and the example, which use other parts of it"
)]
mod guests;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use guests::{GUESTS, Guest, Toolchain};

fn main() {
    if let Err(error) = run() {
        for line in error.lines() {
            println!("cargo::error={line}");
        }
    }
}

fn run() -> Result<(), String> {
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?);
    let root = own.ancestors().nth(2).ok_or("the crate is two folders deep")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let drivers: Vec<Guest> = GUESTS.into_iter().filter(|guest| guest.driver).collect();

    println!("cargo::rerun-if-changed=build/main.rs");
    println!("cargo::rerun-if-changed={}", root.join(guests::DIGESTS).display());
    for driver in &drivers {
        // Not Cargo.lock: it changes with every dependency of every crate, and seldom changes a driver.
        for file in guests::sources(root, driver)? {
            println!("cargo::rerun-if-changed={}", file.display());
        }
    }

    let (components, origin) = components(root, &out, &drivers)?;
    let mut code = String::from("/// All drivers, by name.\nstatic DRIVERS: &[Driver] = &[\n");
    for (driver, component) in drivers.iter().zip(components) {
        let file = out.join(format!("{}.wasm", driver.name));
        fs::write(&file, &component)
            .map_err(|error| format!("failed to write `{}`: {error}", file.display()))?;
        code.push_str(&format!(
            "    Driver {{ name: {:?}, bytes: include_bytes!({:?}), digest: {:?}, origin: Origin::{origin} }},\n",
            driver.name,
            file,
            guests::digest(&component)
        ));
    }
    code.push_str("];\n");
    fs::write(out.join("drivers.rs"), code)
        .map_err(|error| format!("failed to write the list of drivers: {error}"))
}

/// Returns the components, and the variant of `Origin` that says where they come from.
fn components(root: &Path, out: &Path, drivers: &[Guest]) -> Result<(Vec<Vec<u8>>, &'static str), String> {
    if let Some(toolchain) = Toolchain::with_target() {
        // One folder for all profiles: OUT_DIR is `<target>/<profile>/build/<this>/out`.
        let target = out.ancestors().nth(4).unwrap_or(out).join("guests");
        match guests::build(root, &toolchain, drivers, &target) {
            Ok(components) => return Ok((components, "Built")),
            Err(error) => {
                // A registry that cannot be reached is no reason to fail while the prebuilt components are of these sources. A
                // mistake in a driver is one, and its sources are then others.
                for driver in drivers {
                    if guests::prebuilt(root, driver).sources != guests::source_digest(root, driver)? {
                        return Err(error);
                    }
                }
                println!(
                    "cargo::warning=prebuilt drivers are used: {}",
                    error.lines().last().unwrap_or_default()
                );
            }
        }
    }
    let mut components = Vec::new();
    for driver in drivers {
        let path = root.join(driver.prebuilt);
        let component = fs::read(&path).map_err(|error| {
            format!(
                "there is neither the target {} nor a prebuilt component `{}` ({error}): \
                 run `rustup target add {}`",
                guests::TARGET,
                path.display(),
                guests::TARGET
            )
        })?;
        let recorded = guests::prebuilt(root, driver);
        if guests::digest(&component) != recorded.component {
            return Err(format!(
                "`{}` is not the component that `{}` records",
                path.display(),
                guests::DIGESTS
            ));
        }
        if guests::source_digest(root, driver)? != recorded.sources {
            println!(
                "cargo::warning=the prebuilt driver `{}` is older than its sources: `rustup target add {}` to build it, \
                 `cargo xtask drivers` to refresh it",
                driver.name,
                guests::TARGET
            );
        }
        components.push(component);
    }
    Ok((components, "Prebuilt"))
}
