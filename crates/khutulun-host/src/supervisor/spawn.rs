//! Executing a program as somebody else, or as oneself.

use std::{
    io,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command},
};

use rustix::{
    process::{Gid, Uid},
    thread,
};

use crate::record::{Answer, RunAs};

/// Executes a command as the leader of a group of its own. Returns once it was executed, or could not be.
pub(super) fn spawn(mut command: Command, directory: &Path, run_as: Option<&RunAs>) -> Result<Child, Answer> {
    // The supervisor changes its own directory for a moment, so that an error is known to be the directory's.
    std::env::set_current_dir(directory).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Answer::NotFound(format!("working directory `{}`", directory.display())),
        _ => Answer::system(format!("change to working directory `{}`", directory.display()), &error),
    })?;
    command.process_group(0);
    let result = match run_as {
        None => command.spawn(),
        Some(run_as) => become_user(run_as)
            .map_err(|error| Answer::system(format!("become user `{}`", run_as.name), &error))
            .map(|()| {
                let result = command.spawn();
                become_root();
                result
            })?,
    };
    let _ = std::env::set_current_dir("/");
    let program = command.get_program().to_string_lossy();
    result.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if program.contains('/') && directory.join(program.as_ref()).exists() => {
            Answer::NotFound(format!("the interpreter of program `{program}`"))
        }
        io::ErrorKind::NotFound => Answer::NotFound(format!("program `{program}`")),
        _ => Answer::system(format!("execute `{program}`"), &error),
    })
}

/// Takes the user's ids for the one thread that there is, keeping root as the saved id. `execve` gives the program the
/// effective ids for all three, so it cannot come back; the supervisor can.
fn become_user(run_as: &RunAs) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(run_as.user), Gid::from_raw(run_as.group));
    let groups: Vec<Gid> = run_as.groups.iter().map(|group| Gid::from_raw(*group)).collect();
    let result = thread::set_thread_groups(&groups)
        .and_then(|()| thread::set_thread_res_gid(gid, gid, Gid::ROOT))
        .and_then(|()| thread::set_thread_res_uid(uid, uid, Uid::ROOT));
    if result.is_err() {
        become_root();
    }
    Ok(result?)
}

fn become_root() {
    // The user first: without root's rights the groups cannot be set.
    let result = thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)
        .and_then(|()| thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT))
        .and_then(|()| thread::set_thread_groups(&[Gid::ROOT]));
    debug_assert!(result.is_ok(), "the saved ids are root's");
}
