//! The compiler as its users see it.

mod it {
    mod acceptance;
    #[cfg(feature = "http")]
    mod http;
    mod model;
    mod pages;
    mod robustness;
    mod sources;
    mod suite;
    mod write;
}
