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

#[doc(hidden)]
pub mod bindings;
mod fields;
mod flat;
mod host;
mod manifest;
mod plugin;
pub mod testing;
mod value;

pub use fields::Fields;
pub use host::{Error, commands, files, http, log, processes};
pub use manifest::{Access, Manifest};
pub use plugin::{Answer, Failure, FailureClass, Plugin, Request, unsupported};
pub use value::Value;

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
