//! The bindings that wit-bindgen makes from `wit/khutulun-plugin`. Nobody but the SDK and [`crate::export_plugin!`] needs them.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated")]

wit_bindgen::generate!({
    path: "../../wit/khutulun-plugin",
    world: "plugin",
    pub_export_macro: true,
    default_bindings_module: "khutulun_plugin_sdk::bindings",
});

/// A component of functions. Its values are those of plugins.
pub mod library {
    wit_bindgen::generate!({
        path: "../../wit/khutulun-plugin",
        world: "function-library",
        pub_export_macro: true,
        default_bindings_module: "khutulun_plugin_sdk::bindings::library",
        with: { "khutulun:plugin/values@0.1.0": crate::bindings::khutulun::plugin::values },
    });
}
