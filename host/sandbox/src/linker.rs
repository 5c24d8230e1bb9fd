//! Everything that the host lends to plugins. Who may take what is checked against the manifest
//! before compiling, so one linker serves all.

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::crosspoint::connector::{files, http, jobs, log, settings, tcp};
use crate::state::CallState;

pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::<CallState>::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    http::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    tcp::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    files::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    jobs::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    log::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    settings::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    Ok(linker)
}
