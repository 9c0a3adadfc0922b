//! The bindings that wasmtime makes from `wit/khutulun-plugin`. Every import may trap: that is how limits end a call.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit/khutulun-plugin",
    world: "plugin",
    imports: { default: trappable },
});
