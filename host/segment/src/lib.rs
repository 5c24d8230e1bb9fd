//! The rule language: parse, check, evaluate, and the next instant a result changes.
