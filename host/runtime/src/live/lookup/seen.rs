//! What a lookup answers with.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::admin::FactView;

/// What a lookup found of a profile: what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Seen {
    /// The profile's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// All identifiers, sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifiers: Option<Vec<String>>,
    /// Values by name; null for a trait that was asked for by name and has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traits: Option<BTreeMap<SmolStr, Json>>,
    /// Segments that the profile is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<Vec<InSegment>>,
    /// Newest decision per topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consents: Option<BTreeMap<String, String>>,
    /// Newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Happened>>,
    /// Newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders: Option<Vec<Happened>>,
}

/// An event or order of a profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Happened {
    /// An event's name, an order's status.
    pub name: String,
    /// The vendor's id.
    pub id: String,
    /// When.
    pub at: String,
    /// An order's total, as decimal text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// ISO 4217.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Everything else that was said.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Json>,
    /// An order's positions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Json>,
}

impl From<FactView> for Happened {
    fn from(fact: FactView) -> Self {
        Self {
            name: fact.name,
            id: fact.id,
            at: fact.at,
            total: fact.total,
            currency: fact.currency,
            properties: fact.properties,
            lines: fact.lines,
        }
    }
}

impl Seen {
    /// Whether nothing that was asked for has a value.
    pub fn is_empty(&self) -> bool {
        let no_traits = self.traits.iter().flat_map(BTreeMap::values);
        let mut no_segments = self.segments.iter().flatten();
        no_traits.into_iter().all(Json::is_null) && no_segments.next().is_none()
    }
}

/// A segment that a profile is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct InSegment {
    /// The segment's name.
    pub name: SmolStr,
    /// When the profile entered.
    pub since: String,
}
