//! The compiler as its users see it.

mod it {
    mod acceptance;
    mod model;
    mod robustness;
    mod sources;
    mod suite;
}
