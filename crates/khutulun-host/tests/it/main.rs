//! The machine side, tested on this machine.

mod support;

mod processes;
