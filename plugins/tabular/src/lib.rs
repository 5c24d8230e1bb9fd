//! Reads tabular feeds.
