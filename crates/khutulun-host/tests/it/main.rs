//! The machine side, tested on this machine.

mod support;

mod commands;
mod fences;
mod functions;
mod left_alone;
mod logs;
mod process_watch;
mod processes;
mod scripts;
mod state;
mod systemd;
