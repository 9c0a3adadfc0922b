//! Embeds the `profiles/` tree: every file in it, whatever is added, so that nobody has to keep a list.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")));
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../profiles").canonicalize()?;
    let mut files = Vec::new();
    gather(&root, &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let path = file.strip_prefix(&root).map_err(io::Error::other)?;
        let levels: Vec<_> = path.iter().map(|level| level.to_string_lossy()).collect();
        list.push_str(&format!("    ({:?}, include_bytes!({file:?})),\n", levels.join("/")));
    }
    list.push_str("]\n");
    fs::write(Path::new(&variable("OUT_DIR")?).join("files.rs"), list)
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    // A folder's time changes when a file is added or removed, a file's when it is edited.
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}
