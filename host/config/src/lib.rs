//! Reads a project folder and reports every error at once.
