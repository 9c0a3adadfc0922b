//! The project's own chores (being written).
fn main() {}
