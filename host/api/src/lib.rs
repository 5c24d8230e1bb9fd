//! Endpoints of a running host.
