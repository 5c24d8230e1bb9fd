//! Composes the rooms into a running host.
