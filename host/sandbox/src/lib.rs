//! Loads, limits and calls plugins.
