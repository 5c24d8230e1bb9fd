//! The macros that make a component of a type.

/// Exports a [`Source`](crate::Source) and embeds `plugin.toml`. One call per plugin, in `lib.rs`.
#[macro_export]
macro_rules! source {
    ($plugin:ident) => {
        $crate::__manifest!();
        $crate::__source_export!($plugin);
    };
}

/// Exports a [`Destination`](crate::Destination) and embeds `plugin.toml`. One call per plugin, in
/// `lib.rs`.
#[macro_export]
macro_rules! destination {
    ($plugin:ident) => {
        $crate::__manifest!();
        $crate::__destination_export!($plugin);
    };
}

/// Exports a type that is both [`Source`](crate::Source) and [`Destination`](crate::Destination),
/// and embeds `plugin.toml`. One call per plugin, in `lib.rs`.
#[macro_export]
macro_rules! connector {
    ($plugin:ident) => {
        $crate::__manifest!();
        $crate::__source_export!($plugin);
        $crate::__destination_export!($plugin);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __manifest {
    () => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            const TEXT: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
            #[used]
            #[allow(unsafe_code)]
            #[unsafe(link_section = "crosspoint:manifest")]
            static MANIFEST: [u8; TEXT.len()] =
                *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __source_export {
    ($plugin:ident) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        mod __crosspoint_source {
            use super::$plugin as Plugin;
            use $crate::bindings::source_plugin as bindings;
            use $crate::bindings::source_plugin::crosspoint::connector::errors::Error;
            use $crate::source::{Budget, Exported, Page, Received, Stream, WebhookRequest};

            struct Component;

            impl bindings::exports::crosspoint::connector::source::Guest for Component {
                fn streams() -> Result<Vec<Stream>, Error> {
                    Exported::<Plugin>::streams()
                }

                fn read(
                    stream: String,
                    cursor: Option<Vec<u8>>,
                    budget: Budget,
                ) -> Result<Page, Error> {
                    Exported::<Plugin>::read(stream, cursor, budget)
                }

                fn receive(request: WebhookRequest) -> Result<Received, Error> {
                    Exported::<Plugin>::receive(request)
                }

                fn retry(stream: String, raw: Vec<Vec<u8>>) -> Result<Page, Error> {
                    Exported::<Plugin>::retry(stream, raw)
                }

                fn check() -> Result<(), Error> {
                    Exported::<Plugin>::check()
                }
            }

            bindings::export_source!(Component with_types_in bindings);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __destination_export {
    ($plugin:ident) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        mod __crosspoint_destination {
            use super::$plugin as Plugin;
            use $crate::bindings::destination_plugin as bindings;
            use $crate::bindings::source_plugin::crosspoint::connector::errors::Error;
            use $crate::destination::{
                Action, ActionKind, Batch, Exported, Found, Item, Outcome,
            };

            struct Component;

            impl bindings::exports::crosspoint::connector::destination::Guest for Component {
                fn actions() -> Result<Vec<Action>, Error> {
                    Exported::<Plugin>::actions()
                }

                fn deliver(batch: Batch) -> Result<Vec<Outcome>, Error> {
                    Exported::<Plugin>::deliver(batch)
                }

                fn poll(job: String, keys: Vec<String>) -> Result<Vec<Outcome>, Error> {
                    Exported::<Plugin>::poll(job, keys)
                }

                fn read_back(
                    action: ActionKind,
                    items: Vec<Item>,
                ) -> Result<Vec<Found>, Error> {
                    Exported::<Plugin>::read_back(action, items)
                }

                fn check() -> Result<(), Error> {
                    Exported::<Plugin>::check()
                }
            }

            bindings::export_destination!(Component with_types_in bindings);
        }
    };
}
