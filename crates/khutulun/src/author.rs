//! Whose commits ours are.

/// Returns who runs this command and where, for the log: `alice@h1`.
pub(crate) fn name() -> String {
    let person = ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|name| !name.is_empty()));
    let person = person.or_else(khutulun_host::own_name);
    let person = person.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    format!("{person}@{}", host())
}

/// Returns what this machine is called.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
