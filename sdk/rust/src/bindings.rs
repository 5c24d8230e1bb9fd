//! Generated from `wit/v0.1`: one set of model types, shared by the three worlds.
#![allow(
    missing_docs,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::unwrap_used
)]

/// What the host lends: model types, errors and the imported functions.
pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        world: "imports",
        additional_derives: [PartialEq],
    });
}

/// The `source` export.
pub mod source_plugin {
    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        world: "source-plugin",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_source",
        default_bindings_module: "crosspoint_sdk::bindings::source_plugin",
        generate_unused_types: true,
        with: {
            "crosspoint:connector/model@0.1.0": crate::bindings::imports::crosspoint::connector::model,
            "crosspoint:connector/http@0.1.0": crate::bindings::imports::crosspoint::connector::http,
            "crosspoint:connector/tcp@0.1.0": crate::bindings::imports::crosspoint::connector::tcp,
            "crosspoint:connector/files@0.1.0": crate::bindings::imports::crosspoint::connector::files,
            "crosspoint:connector/log@0.1.0": crate::bindings::imports::crosspoint::connector::log,
            "crosspoint:connector/settings@0.1.0": crate::bindings::imports::crosspoint::connector::settings,
            "crosspoint:connector/jobs@0.1.0": crate::bindings::imports::crosspoint::connector::jobs,
        },
    });
}

/// The `destination` export.
pub mod destination_plugin {
    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        world: "destination-plugin",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_destination",
        default_bindings_module: "crosspoint_sdk::bindings::destination_plugin",
        generate_unused_types: true,
        with: {
            "crosspoint:connector/model@0.1.0": crate::bindings::imports::crosspoint::connector::model,
            "crosspoint:connector/errors@0.1.0": crate::bindings::source_plugin::crosspoint::connector::errors,
            "crosspoint:connector/http@0.1.0": crate::bindings::imports::crosspoint::connector::http,
            "crosspoint:connector/tcp@0.1.0": crate::bindings::imports::crosspoint::connector::tcp,
            "crosspoint:connector/files@0.1.0": crate::bindings::imports::crosspoint::connector::files,
            "crosspoint:connector/log@0.1.0": crate::bindings::imports::crosspoint::connector::log,
            "crosspoint:connector/settings@0.1.0": crate::bindings::imports::crosspoint::connector::settings,
            "crosspoint:connector/jobs@0.1.0": crate::bindings::imports::crosspoint::connector::jobs,
        },
    });
}
