//! Interned names.

use serde::{Deserialize, Serialize};

/// A name in the shard's dictionary: trait names, event names, property names, connector and
/// stream names, currencies. Numbered in the order in which the step first met them, so a replay
/// numbers them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Symbol(pub u32);
