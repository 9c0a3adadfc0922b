//! Users by name or number.

use std::{ffi::CString, io};

use khutulun_api::MachineError;
use nix::unistd::{Uid, User};

use crate::{files::system, record::RunAs};

/// Returns the name of whoever runs this program, as the machine has it. None: it has none for them.
pub fn own_name() -> Option<String> {
    User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name)
}

/// Returns who a process shall run as. None: whoever this is, already.
///
/// # Errors
/// An unknown user is not found; becoming another user is refused unless this is root.
pub(crate) fn resolve(user: &str) -> Result<Option<RunAs>, MachineError> {
    let attempt = || format!("look up user `{user}`");
    let found = match user.parse::<u32>() {
        Ok(number) => User::from_uid(Uid::from_raw(number)),
        Err(_) => User::from_name(user),
    };
    let found = found
        .map_err(|error| system(attempt())(io::Error::from(error)))?
        .ok_or_else(|| MachineError::NotFound { what: format!("user `{user}`") })?;
    let own = nix::unistd::geteuid();
    if found.uid == own {
        return Ok(None);
    }
    if !own.is_root() {
        return Err(MachineError::Refused(format!(
            "to run a process as user `{user}`, khutulun must run as root"
        )));
    }
    let name = CString::new(found.name.as_str())
        .map_err(|_| MachineError::Refused(format!("user `{user}` has a name with a zero byte")))?;
    let groups = nix::unistd::getgrouplist(&name, found.gid)
        .map_err(|error| system(attempt())(io::Error::from(error)))?;
    Ok(Some(RunAs {
        name: found.name,
        home: found.dir,
        user: found.uid.as_raw(),
        group: found.gid.as_raw(),
        groups: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
    }))
}
