//! Guests: crates that become Wasm components. How they are found, built and told apart by the digest of their sources.
//!
//! Shared by the build script, the test that keeps the prebuilt components honest and the example that refreshes them.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

/// The target of every guest.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Where the digests of the prebuilt components are kept, from the root of the workspace.
pub const DIGESTS: &str = "crates/khutulun-drivers/prebuilt/digests.json";

/// A crate that becomes a component.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// The name: of a driver, what a template calls it.
    pub name: &'static str,
    /// The crate.
    pub package: &'static str,
    /// Its folder and those of the crates here that it uses, or files of them, from the root of the workspace.
    pub folders: &'static [&'static str],
    /// Where its prebuilt component is kept, from the root of the workspace.
    pub prebuilt: &'static str,
    /// Whether it is a driver, which is embedded; else it is built and kept for whoever wants it, and for tests.
    pub driver: bool,
}

/// All guests.
pub const GUESTS: [Guest; 5] = [
    Guest {
        name: "process",
        package: "driver-process",
        folders: &["crates/driver-process", "crates/khutulun-plugin-sdk"],
        prebuilt: "crates/khutulun-drivers/prebuilt/process.wasm",
        driver: true,
    },
    Guest {
        name: "podman",
        package: "driver-podman",
        folders: &["crates/driver-podman", "crates/khutulun-plugin-sdk"],
        prebuilt: "crates/khutulun-drivers/prebuilt/podman.wasm",
        driver: true,
    },
    Guest {
        name: "hostile",
        package: "hostile-plugin",
        folders: &["crates/khutulun-wasm/tests/guests/hostile"],
        prebuilt: "crates/khutulun-wasm/tests/guests/hostile.wasm",
        driver: false,
    },
    Guest {
        name: "tosca-functions",
        package: "tosca-functions-library",
        // Functions of values: nothing of the graph ends up in the component.
        folders: &[
            "crates/tosca-functions-library",
            "crates/tosca-functions/src/arguments.rs",
            "crates/tosca-functions/src/arithmetic.rs",
            "crates/tosca-functions/src/comparison.rs",
            "crates/tosca-functions/src/containment.rs",
            "crates/tosca-functions/src/describe.rs",
            "crates/tosca-functions/src/logic.rs",
            "crates/tosca-functions/src/sets.rs",
            "crates/tosca-functions/src/special.rs",
            "crates/tosca-functions/src/table.rs",
            "crates/tosca-functions/src/text.rs",
            "crates/tosca-values",
            "crates/khutulun-plugin-sdk",
            "crates/floria/src/value.rs",
        ],
        prebuilt: "crates/khutulun-drivers/prebuilt/tosca-functions.wasm",
        driver: false,
    },
    Guest {
        name: "functions",
        package: "functions-library",
        folders: &["crates/khutulun-wasm/tests/guests/functions", "crates/khutulun-plugin-sdk"],
        prebuilt: "crates/khutulun-wasm/tests/guests/functions.wasm",
        driver: false,
    },
];

/// How guests are compiled. A cold call of a driver is mostly loading its code, so small is fast. The profile is given here,
/// and not in the workspace, so that one digest covers it.
const PROFILE: [(&str, &str); 6] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
    ("CARGO_PROFILE_RELEASE_LTO", "true"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_STRIP", "true"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

/// The stack of a guest, in bytes: its memory starts small, and a fresh instance with it. A driver's calls nest a few
/// functions deep.
const STACK_BYTES: u32 = 65536;

/// What compiles guests.
#[derive(Clone, Debug)]
pub enum Toolchain {
    /// A compiler that has the target's standard library.
    Target,
    /// A compiler, given by its path, that has only the library's sources: `-Z build-std`. `linker` links Wasm.
    BuildStandardLibrary { rustc: PathBuf, linker: PathBuf },
}

impl Toolchain {
    /// Returns the toolchain with the target's standard library, if the machine has it.
    pub fn with_target() -> Option<Self> {
        let folder = print(
            &env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
            &["target-libdir", "--target", TARGET],
        )?;
        let has_library = fs::read_dir(folder).ok()?.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        });
        has_library.then_some(Self::Target)
    }

    /// Returns the toolchain of Debian's packages `rustc-web` and `rust-web-src`, if the machine has them, with the linker of
    /// the ordinary toolchain or of the package `lld`.
    #[allow(dead_code, reason = "the build script never compiles a standard library")]
    pub fn of_debian() -> Option<Self> {
        let rustc = PathBuf::from("/usr/bin/rustc");
        let sysroot = print(rustc.as_os_str(), &["sysroot"])?;
        if !sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").exists() {
            return None;
        }
        let own = print("rustc".as_ref(), &["sysroot"])?;
        let host = fs::read_dir(own.join("lib/rustlib")).ok()?.flatten();
        let linkers = host.map(|entry| entry.path().join("bin/rust-lld"));
        let linker = linkers.chain([PathBuf::from("/usr/bin/wasm-ld")]).find(|linker| linker.exists())?;
        Some(Self::BuildStandardLibrary { rustc, linker })
    }
}

fn print(rustc: &std::ffi::OsStr, what: &[&str]) -> Option<PathBuf> {
    let output = Command::new(rustc).arg("--print").args(what).output().ok()?;
    output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Builds guests in a target folder of their own, and returns their components in the same order.
pub fn build(
    root: &Path,
    toolchain: &Toolchain,
    guests: &[Guest],
    target: &Path,
) -> Result<Vec<Vec<u8>>, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root)
        .args(["build", "--release", "--locked", "--target", TARGET, "--target-dir"])
        .arg(target);
    for guest in guests {
        cargo.args(["--package", guest.package]);
    }
    // What the outer cargo, clippy or a developer set for the host is not for guests.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let foreign = text.starts_with("CARGO_PROFILE_")
            || text.starts_with("CARGO_BUILD_")
            || text.starts_with("CARGO_TARGET_")
            || matches!(
                &*text,
                "RUSTFLAGS" | "CARGO_ENCODED_RUSTFLAGS" | "RUSTC_WRAPPER" | "RUSTC_WORKSPACE_WRAPPER"
            );
        if foreign {
            cargo.env_remove(&name);
        }
    }
    cargo.envs(PROFILE);
    let mut flags = vec![format!("-Clink-arg=-zstack-size={STACK_BYTES}")];
    // Messages of panics name source files; where those lie on the building machine is nobody's business.
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let registry = home.map(|home| (home.join("registry/src"), "registry"));
    for (from, to) in [(root.to_owned(), "khutulun")].into_iter().chain(registry) {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    if let Toolchain::BuildStandardLibrary { rustc, linker } = toolchain {
        cargo.args(["-Z", "build-std=std,panic_abort"]);
        cargo.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    let output = cargo.output().map_err(|error| format!("failed to run cargo for the guests: {error}"))?;
    if !output.status.success() {
        return Err(format!("failed to build the guests:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    guests
        .iter()
        .map(|guest| {
            let file = format!("{}.wasm", guest.package.replace('-', "_"));
            let module = fs::read(target.join(TARGET).join("release").join(file))
                .map_err(|error| format!("failed to read the module of `{}`: {error}", guest.package))?;
            componentize(&module)
                .map_err(|error| format!("failed to make a component of `{}`: {error}", guest.package))
        })
        .collect()
}

/// Makes a component of a core module that wit-bindgen's guest bindings are in.
fn componentize(module: &[u8]) -> Result<Vec<u8>, String> {
    let encode = || wit_component::ComponentEncoder::default().validate(true).module(module)?.encode();
    encode().map_err(|error| format!("{error:#}"))
}

/// Lists the files that a guest is made from, in a fixed order.
pub fn sources(root: &Path, guest: &Guest) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for source in guest.folders {
        let path = root.join(source);
        if path.is_file() {
            files.push(path);
            continue;
        }
        files.push(path.join("Cargo.toml"));
        collect(&path.join("src"), &mut files)?;
    }
    collect(&root.join("wit/khutulun-plugin"), &mut files)?;
    // This file: it says how they are compiled.
    files.push(root.join("crates/khutulun-drivers/build/guests.rs"));
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error| format!("failed to list `{}`: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Returns the digest of all that a guest is made from: its sources, and the versions of the crates that end up in it.
pub fn source_digest(root: &Path, guest: &Guest) -> Result<String, String> {
    let mut hash = Sha256::new();
    for file in sources(root, guest)? {
        let content =
            fs::read(&file).map_err(|error| format!("failed to read `{}`: {error}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        hash.update(format!("{name}\n{}\n", content.len()));
        hash.update(content);
    }
    let lock = root.join("Cargo.lock");
    let lock =
        fs::read_to_string(&lock).map_err(|error| format!("failed to read `{}`: {error}", lock.display()))?;
    for version in locked(&lock, guest.package) {
        hash.update(version);
        hash.update("\n");
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// Returns the locked versions of the crates that a package is linked from, and of those that generate its bindings. What a
/// procedural macro is itself made from does not count: other crates of the workspace change it, and the result does not.
fn locked(lock: &str, package: &str) -> BTreeSet<String> {
    let field = |block: &str, name: &str| {
        let prefix = format!("{name} = \"");
        block
            .lines()
            .find_map(|line| line.strip_prefix(&prefix)?.strip_suffix('"'))
            .unwrap_or_default()
            .to_owned()
    };
    let blocks: Vec<&str> = lock.split("[[package]]").skip(1).collect();
    let mut pending = vec![package.to_owned()];
    let mut versions = BTreeSet::new();
    while let Some(wanted) = pending.pop() {
        for block in &blocks {
            let (name, version) = (field(block, "name"), field(block, "version"));
            if wanted != name && wanted != format!("{name} {version}") {
                continue;
            }
            if versions.insert(format!("{name} {version} {}", field(block, "checksum")))
                && !name.ends_with("-macro")
            {
                let dependencies =
                    block.lines().filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","));
                pending.extend(dependencies.map(str::to_owned));
            }
        }
    }
    versions
}

/// Returns the SHA-256 of content in lower-case hexadecimal.
pub fn digest(content: &[u8]) -> String {
    hexadecimal(&Sha256::digest(content))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is recorded of a prebuilt component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prebuilt {
    /// The digest of the sources that it was built from.
    pub sources: String,
    /// The digest of its content.
    pub component: String,
}

/// Reads what is recorded of a prebuilt component; nothing, if there is none.
pub fn prebuilt(root: &Path, guest: &Guest) -> Prebuilt {
    let recorded = fs::read(root.join(DIGESTS)).ok();
    let recorded = recorded.and_then(|content| serde_json::from_slice::<serde_json::Value>(&content).ok());
    let text = |name: &str| {
        let entry = recorded.as_ref()?.get(guest.name)?;
        Some(entry.get(name)?.as_str()?.to_owned())
    };
    Prebuilt {
        sources: text("sources").unwrap_or_default(),
        component: text("component").unwrap_or_default(),
    }
}
