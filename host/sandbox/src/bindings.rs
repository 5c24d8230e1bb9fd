//! Host bindings of contract 0.1. The `connector` world holds both exports; a component that has
//! only one of them is called through that interface's indices.
#![allow(missing_docs)]

wasmtime::component::bindgen!({
    path: "../../wit/v0.1",
    world: "connector",
    imports: {
        "crosspoint:connector/http.fetch": async,
        "crosspoint:connector/tcp.open": async,
        "crosspoint:connector/tcp.start-tls": async,
        "crosspoint:connector/tcp.send": async,
        "crosspoint:connector/tcp.send-credential": async,
        "crosspoint:connector/tcp.receive-line": async,
        "crosspoint:connector/tcp.pace": async,
        "crosspoint:connector/files.list": async,
        "crosspoint:connector/files.read": async,
        "crosspoint:connector/jobs.set": trappable,
    },
    exports: { default: async },
    additional_derives: [serde::Serialize, serde::Deserialize],
});
