//! Text for a terminal: colours, tables, numbers.

mod number;
mod sheet;
mod style;
mod table;

#[cfg(test)]
mod tests;

pub use number::{amount, bar, bytes, count, per_second, share, span};
pub use sheet::Sheet;
pub use style::{Style, colour_allowed, plain};
pub use table::Table;
