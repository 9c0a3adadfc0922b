//! The bindings that wasmtime makes from `wit/khutulun-plugin`. Every import may trap: that is how limits end a call.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit/khutulun-plugin",
    world: "plugin",
    imports: { default: trappable },
});

/// A component of functions. Its values are those of plugins.
pub mod library {
    wasmtime::component::bindgen!({
        path: "../../wit/khutulun-plugin",
        world: "function-library",
        with: { "khutulun:plugin/values": super::khutulun::plugin::values },
    });
}
