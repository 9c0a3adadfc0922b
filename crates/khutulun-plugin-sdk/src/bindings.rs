//! The bindings that wit-bindgen makes from `wit/khutulun-plugin`. Nobody but the SDK and [`crate::export_plugin!`] needs them.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated")]

wit_bindgen::generate!({
    path: "../../wit/khutulun-plugin",
    world: "plugin",
    pub_export_macro: true,
    default_bindings_module: "khutulun_plugin_sdk::bindings",
});
