//! The reference binary (being written).
fn main() {}
