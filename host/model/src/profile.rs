//! One person: a set of fragments, and what the host derived from them.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::record::{ConsentState, ConsentTopic, Version};
use crate::{Decimal, FragmentId, Identifier, Instant, ProfileId, Symbol, Value};

/// One person as the host sees them. `fragments` is what sources said; everything else follows
/// from it, from the configuration and from time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The smallest fragment id.
    pub id: ProfileId,
    /// Sorted by id, never empty.
    pub fragments: Vec<Fragment>,
    /// Segments that the profile is in, sorted by name.
    pub memberships: Vec<Membership>,
    /// When which result can next change by itself, sorted by instant, then by what it is of.
    pub expiries: Vec<Expiry>,
    /// Number of the applied configuration under which all rules were last evaluated.
    pub epoch: u32,
    /// What each sync last handed over, sorted by sync.
    pub handed_over: Vec<HandedOver>,
}

impl Profile {
    /// A profile of one fragment.
    pub fn alone(fragment: Fragment) -> Self {
        Self::of_fragments(vec![fragment])
    }

    /// A profile of these fragments, with nothing derived yet.
    ///
    /// # Panics
    /// When `fragments` is empty.
    pub fn of_fragments(mut fragments: Vec<Fragment>) -> Self {
        fragments.sort_by_key(|fragment| fragment.id);
        Self {
            id: fragments[0].id.alone(),
            fragments,
            memberships: Vec::new(),
            expiries: Vec::new(),
            epoch: 0,
            handed_over: Vec::new(),
        }
    }

    /// The fragment with this id.
    pub fn fragment(&self, id: FragmentId) -> Option<&Fragment> {
        let at = self
            .fragments
            .binary_search_by_key(&id, |fragment| fragment.id)
            .ok()?;
        Some(&self.fragments[at])
    }

    /// See [`Self::fragment`].
    pub fn fragment_mut(&mut self, id: FragmentId) -> Option<&mut Fragment> {
        let at = self
            .fragments
            .binary_search_by_key(&id, |fragment| fragment.id)
            .ok()?;
        Some(&mut self.fragments[at])
    }

    /// All facts of all fragments.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.fragments.iter().flat_map(|fragment| &fragment.facts)
    }

    /// Whether the profile is in the segment.
    pub fn is_member(&self, segment: Symbol) -> bool {
        self.memberships
            .binary_search_by_key(&segment, |membership| membership.segment)
            .is_ok()
    }
}

/// A profile's place in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The segment's name.
    pub segment: Symbol,
    /// When the profile entered.
    pub since: Instant,
}

/// When a segment's result, or a value that a sync watches, can next change by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Expiry {
    /// The first instant at which there may be another result.
    pub at: Instant,
    /// The segment's name; for a sync `sync:` and its name, which no segment can have.
    pub of: Symbol,
}

/// What a sync last handed over for the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The sync's name.
    pub sync: Symbol,
    /// Hash of the fields; a change means that there is something to deliver.
    pub fields: u64,
}

/// One source's view of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// Hash of connector and `key`.
    pub id: FragmentId,
    /// The connector that it came through.
    pub connector: Symbol,
    /// The identifier that names the fragment within the connector.
    pub key: Identifier,
    /// All identifiers that its records ever carried, sorted; holds `key`.
    pub identifiers: Vec<Identifier>,
    /// Newest value per trait, sorted by name.
    pub traits: Vec<FragmentTrait>,
    /// Newest decision per topic, sorted by topic.
    pub consents: Vec<FragmentConsent>,
    /// Orders, carts, events and the like, sorted by [`Fact::sort_key`].
    pub facts: Vec<Fact>,
    /// The person's record at the vendor was deleted in this version: older traits do not count.
    pub deleted: Option<Version>,
    /// Earliest and latest instant of anything in it.
    pub first_seen: Instant,
    /// See `first_seen`.
    pub last_seen: Instant,
}

impl Fragment {
    /// An empty fragment for the person behind `key` at `connector`, whose name is `system`.
    pub fn new(system: &str, connector: Symbol, key: Identifier) -> Self {
        Self {
            id: FragmentId::of(system, &key),
            connector,
            identifiers: vec![key.clone()],
            key,
            traits: Vec::new(),
            consents: Vec::new(),
            facts: Vec::new(),
            deleted: None,
            first_seen: Instant::MAX,
            last_seen: Instant::MIN,
        }
    }
}

/// A trait's newest value within a fragment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentTrait {
    /// The trait's name.
    pub name: Symbol,
    /// Its value.
    pub value: Value,
    /// The version of the record that said so.
    pub version: Version,
    /// The earliest version that gave the trait any value, for `first-seen` survivorship.
    pub first: Version,
    /// The value in that earliest version.
    pub first_value: Value,
}

/// A decision's newest state within a fragment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentConsent {
    /// What about.
    pub topic: ConsentTopic,
    /// What was decided.
    pub state: ConsentState,
    /// When it was decided.
    pub version: Version,
    /// Where and with which words.
    pub evidence: Option<SmolStr>,
}

/// What a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum FactKind {
    Order,
    Cart,
    Event,
    Submission,
    Engagement,
}

/// Something that happened to a person, in its newest version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub kind: FactKind,
    /// Event name, engagement kind, form id, or order status; for carts `open` or `closed`.
    pub name: Symbol,
    /// When it happened; for carts when it was last updated.
    pub at: Instant,
    /// The stream that it came through.
    pub stream: Symbol,
    /// The vendor's id within the stream.
    pub id: SmolStr,
    /// Which version of it this is.
    pub version: Version,
    /// False for what does not count: deleted objects, cancelled and refunded orders. Kept so
    /// that an older version that arrives later changes nothing.
    pub counts: bool,
    /// Total and its currency, where there is one.
    pub total: Option<(Decimal, Symbol)>,
    /// Everything else that was said, sorted by name.
    pub properties: Vec<(Symbol, Value)>,
    /// Positions of an order or cart.
    pub lines: Vec<FactLine>,
}

impl Fact {
    /// Facts of one kind and name stand together, in the order of time.
    pub fn sort_key(&self) -> (FactKind, Symbol, Instant, Symbol, &str) {
        (self.kind, self.name, self.at, self.stream, &self.id)
    }

    /// The property with this name.
    pub fn property(&self, name: Symbol) -> Option<&Value> {
        let at = self
            .properties
            .binary_search_by_key(&name, |property| property.0)
            .ok()?;
        Some(&self.properties[at].1)
    }
}

/// A position of an order or cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactLine {
    /// The vendor's product id, else the stock-keeping unit.
    pub product: Option<SmolStr>,
    /// The stock-keeping unit.
    pub sku: Option<SmolStr>,
    /// What the customer reads.
    pub name: Option<SmolStr>,
    /// The vendor's category.
    pub category: Option<SmolStr>,
    /// How many.
    pub quantity: Decimal,
    /// For the whole quantity, in the fact's currency.
    pub total: Option<Decimal>,
}
