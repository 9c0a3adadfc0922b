//! The compiler as its users see it.

mod it {
    mod acceptance;
    mod model;
    mod pages;
    mod robustness;
    mod sources;
    mod suite;
    mod write;
}
