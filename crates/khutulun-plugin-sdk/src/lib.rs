//! What the author of a khutulun plugin imports: implement [`Plugin`], say [`export_plugin!`], compile for
//! `wasm32-unknown-unknown`.
//!
//! The life of an operation: the host calls the component with a request; the SDK unpacks it to a [`Request`] with plain
//! [`Value`]s and calls the method of [`Plugin`] that its event names; the method reads [`Fields`], asks the host for what it
//! needs ([`commands`], [`files`], [`http`], [`processes`], [`log`]) and answers outputs or a [`Failure`]. What may be asked
//! for stands in the plugin's [`Manifest`], and is granted by an operator.
//!
//! A plugin is an ordinary library on any other target, so that it can be tested there: requests to the host then go to the
//! double that [`testing::with_host`] installs, and are an error without one.
//!
//! ```
//! use khutulun_plugin_sdk::{Answer, Manifest, Plugin, Request, Value, export_plugin};
//!
//! struct Greeter;
//!
//! impl Plugin for Greeter {
//!     fn manifest() -> Manifest {
//!         Manifest::new("greeter", "0.1.0")
//!     }
//!
//!     fn operation(name: &str, request: &Request) -> Answer {
//!         match name {
//!             "social.greet" => {
//!                 let who = request.inputs().text("who")?;
//!                 Ok(Value::map([("greeting", format!("hello, {who}"))]))
//!             }
//!             _ => Err(khutulun_plugin_sdk::unsupported(request)),
//!         }
//!     }
//! }
//!
//! export_plugin!(Greeter);
//! ```
//!
//! A component can also compute functions that a design defines: implement [`FunctionLibrary`], say [`export_functions!`].
//!
//! ```
//! use khutulun_plugin_sdk::{FunctionLibrary, Value, export_functions};
//!
//! struct Geometry;
//!
//! impl FunctionLibrary for Geometry {
//!     fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
//!         match (name, arguments) {
//!             ("area", [Value::Float(width), Value::Float(height)]) => Ok((width * height).into()),
//!             _ => Err(format!("there is no `{name}` of these arguments")),
//!         }
//!     }
//! }
//!
//! export_functions!(Geometry);
//! ```

#[doc(hidden)]
pub mod bindings;
mod fields;
mod flat;
mod functions;
mod host;
mod manifest;
mod plugin;
pub mod testing;
mod value;

pub use fields::Fields;
pub use functions::FunctionLibrary;
pub use host::{Error, commands, files, http, log, processes};
pub use manifest::{Access, Manifest};
pub use plugin::{Answer, Failure, FailureClass, Plugin, Request, unsupported};
pub use value::{Custom, Value};

#[doc(hidden)]
pub use functions::call;
#[doc(hidden)]
pub use plugin::invoke;

/// Makes a type that implements [`Plugin`] the component's export. Does nothing on targets other than wasm32, whose linkers do
/// not take the names that components export.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;

            impl $crate::bindings::exports::khutulun::plugin::operations::Guest for Exported {
                fn manifest() -> ::std::string::String {
                    <$plugin as $crate::Plugin>::manifest().to_json()
                }

                fn invoke(
                    request: $crate::bindings::exports::khutulun::plugin::operations::Request,
                ) -> ::std::result::Result<
                    $crate::bindings::khutulun::plugin::values::Value,
                    $crate::bindings::exports::khutulun::plugin::operations::Failure,
                > {
                    $crate::invoke::<$plugin>(request)
                }
            }

    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}

/// Makes a type that implements [`FunctionLibrary`] the component's export. Does nothing on targets other than wasm32, as
/// [`export_plugin!`].
#[macro_export]
macro_rules! export_functions {
    ($library:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;

            impl $crate::bindings::library::exports::khutulun::plugin::functions::Guest for Exported {
                fn call(
                    name: ::std::string::String,
                    arguments: $crate::bindings::khutulun::plugin::values::Value,
                ) -> ::std::result::Result<
                    $crate::bindings::khutulun::plugin::values::Value,
                    ::std::string::String,
                > {
                    $crate::call::<$library>(&name, &arguments)
                }
            }

    $crate::bindings::library::export!(Exported with_types_in $crate::bindings::library);
        };
    };
}
