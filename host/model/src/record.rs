//! One version of one vendor object, in the host's terms. Mirrors `record` of the plugin contract.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::{Decimal, Identifier, Instant, Money, Value};

/// A vendor field that no field of the body names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// The vendor's name for it, unchanged.
    pub name: SmolStr,
    /// Its value; `Null` is "empty", an absent attribute is "not said".
    pub value: Value,
}

/// One version of one vendor object. (connector, stream, `id`) names the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The vendor's id, unique within the stream.
    pub id: SmolStr,
    /// When the vendor last changed it.
    pub updated_at: Instant,
    /// Who it is about, normalized; empty for products and content.
    pub identifiers: Vec<Identifier>,
    /// Everything the body does not name.
    pub attributes: Vec<Attribute>,
    /// What it is.
    pub body: Body,
}

/// Orders versions of one object: by the vendor's clock, then by content, so that two different
/// contents with the same clock have the same winner whatever their order of arrival.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Version {
    /// The vendor's `updated-at`.
    pub updated_at: Instant,
    /// First 8 bytes of the content's SHA-256.
    pub content: u64,
}

impl Version {
    /// The version of a record whose encoded form is `content`.
    pub fn of(updated_at: Instant, content: &[u8]) -> Self {
        let digest = Sha256::digest(content);
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self {
            updated_at,
            content: u64::from_be_bytes(bytes),
        }
    }
}

/// What kind of object a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum RecordKind {
    Contact,
    Order,
    Product,
    Cart,
    Event,
    Content,
    Submission,
    Consent,
    Engagement,
    Tombstone,
}

/// The ten kinds of record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Body {
    Contact(Box<Contact>),
    Order(Box<Order>),
    Product(Box<Product>),
    Cart(Box<Cart>),
    Event(Event),
    Content(Box<Content>),
    Submission(Box<Submission>),
    Consent(Consent),
    Engagement(Box<Engagement>),
    Tombstone(Tombstone),
}

impl Body {
    /// Which of the ten it is.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::Contact(_) => RecordKind::Contact,
            Self::Order(_) => RecordKind::Order,
            Self::Product(_) => RecordKind::Product,
            Self::Cart(_) => RecordKind::Cart,
            Self::Event(_) => RecordKind::Event,
            Self::Content(_) => RecordKind::Content,
            Self::Submission(_) => RecordKind::Submission,
            Self::Consent(_) => RecordKind::Consent,
            Self::Engagement(_) => RecordKind::Engagement,
            Self::Tombstone(_) => RecordKind::Tombstone,
        }
    }
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Address {
    pub recipient: Option<SmolStr>,
    pub company: Option<SmolStr>,
    pub street: Vec<SmolStr>,
    pub city: Option<SmolStr>,
    pub region: Option<SmolStr>,
    pub postal_code: Option<SmolStr>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<SmolStr>,
}

/// A person as the vendor knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Contact {
    pub first_name: Option<SmolStr>,
    pub last_name: Option<SmolStr>,
    pub full_name: Option<SmolStr>,
    pub company: Option<SmolStr>,
    pub job_title: Option<SmolStr>,
    /// BCP 47.
    pub language: Option<SmolStr>,
    /// IANA name.
    pub time_zone: Option<SmolStr>,
    /// ISO 8601 date or `--MM-DD`.
    pub birthday: Option<SmolStr>,
    pub gender: Option<SmolStr>,
    pub address: Option<Address>,
    /// Said whole: an empty list empties the trait.
    pub tags: Option<Vec<SmolStr>>,
    pub created_at: Option<Instant>,
}

/// One position of an order or cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Line {
    pub id: Option<SmolStr>,
    pub product_id: Option<SmolStr>,
    pub sku: Option<SmolStr>,
    pub name: Option<SmolStr>,
    pub category: Option<SmolStr>,
    pub quantity: Decimal,
    pub unit_price: Option<Money>,
    /// After discounts, for the whole quantity.
    pub total: Option<Money>,
    pub attributes: Vec<Attribute>,
}

/// Where an order stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum OrderStatus {
    Pending,
    Paid,
    Fulfilled,
    Cancelled,
    Refunded,
    PartiallyRefunded,
    /// The vendor's own word.
    Other(SmolStr),
}

impl OrderStatus {
    /// The word used in rules.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Fulfilled => "fulfilled",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::PartiallyRefunded => "partially-refunded",
            Self::Other(word) => word,
        }
    }

    /// Cancelled and fully refunded orders are not purchases.
    pub fn is_purchase(&self) -> bool {
        !matches!(self, Self::Cancelled | Self::Refunded)
    }
}

/// A purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Order {
    pub number: Option<SmolStr>,
    pub status: OrderStatus,
    pub placed_at: Instant,
    pub total: Money,
    pub subtotal: Option<Money>,
    pub tax: Option<Money>,
    pub shipping: Option<Money>,
    pub discount: Option<Money>,
    pub refunded: Option<Money>,
    pub coupons: Vec<SmolStr>,
    pub channel: Option<SmolStr>,
    pub lines: Vec<Line>,
    pub shipping_address: Option<Address>,
}

/// Something that can be bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Product {
    pub sku: Option<SmolStr>,
    pub name: SmolStr,
    pub description: Option<SmolStr>,
    pub url: Option<SmolStr>,
    pub image_url: Option<SmolStr>,
    pub price: Option<Money>,
    pub categories: Vec<SmolStr>,
    pub tags: Vec<SmolStr>,
    pub stock: Option<Decimal>,
    pub available: bool,
}

/// What a person has put aside but not bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Cart {
    pub created_at: Option<Instant>,
    pub total: Option<Money>,
    pub lines: Vec<Line>,
    pub recovery_url: Option<SmolStr>,
    /// Absent while open.
    pub closed_at: Option<Instant>,
    pub order_id: Option<SmolStr>,
}

/// An immutable fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Event {
    pub name: SmolStr,
    pub occurred_at: Instant,
}

/// A page or post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Content {
    pub kind: SmolStr,
    pub title: SmolStr,
    pub summary: Option<SmolStr>,
    pub url: Option<SmolStr>,
    pub image_url: Option<SmolStr>,
    pub language: Option<SmolStr>,
    pub topics: Vec<SmolStr>,
    pub author: Option<SmolStr>,
    pub published_at: Option<Instant>,
    pub expires_at: Option<Instant>,
    pub published: bool,
}

/// A filled form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Submission {
    pub form_id: SmolStr,
    pub form_name: Option<SmolStr>,
    pub submitted_at: Instant,
    pub origin: Vec<Attribute>,
    pub contact: Option<Contact>,
}

/// What consent is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ConsentTopic {
    EmailMarketing,
    SmsMarketing,
    PhoneMarketing,
    PostMarketing,
    Ads,
    Analytics,
    Personalization,
    /// The vendor's own word.
    Other(SmolStr),
}

impl ConsentTopic {
    /// The word used in rules, as in `consent('email-marketing')`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::EmailMarketing => "email-marketing",
            Self::SmsMarketing => "sms-marketing",
            Self::PhoneMarketing => "phone-marketing",
            Self::PostMarketing => "post-marketing",
            Self::Ads => "ads",
            Self::Analytics => "analytics",
            Self::Personalization => "personalization",
            Self::Other(word) => word,
        }
    }

    /// Reads [`Self::as_str`]; any other word is [`Self::Other`].
    pub fn from_word(word: &str) -> Self {
        match word {
            "email-marketing" => Self::EmailMarketing,
            "sms-marketing" => Self::SmsMarketing,
            "phone-marketing" => Self::PhoneMarketing,
            "post-marketing" => Self::PostMarketing,
            "ads" => Self::Ads,
            "analytics" => Self::Analytics,
            "personalization" => Self::Personalization,
            other => Self::Other(other.into()),
        }
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ConsentState {
    Granted,
    Withdrawn,
    /// Double opt-in under way.
    Pending,
}

/// A decision of a person; the newest by `decided_at` counts, per topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Consent {
    pub topic: ConsentTopic,
    pub state: ConsentState,
    pub decided_at: Instant,
    pub evidence: Option<SmolStr>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum EngagementKind {
    Sent,
    Delivered,
    Opened,
    Clicked,
    Bounced,
    Deferred,
    Unsubscribed,
    Complained,
    Replied,
}

impl EngagementKind {
    /// The word used in rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Bounced => "bounced",
            Self::Deferred => "deferred",
            Self::Unsubscribed => "unsubscribed",
            Self::Complained => "complained",
            Self::Replied => "replied",
        }
    }
}

/// What became of a message or advertisement at a vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Engagement {
    pub kind: EngagementKind,
    pub occurred_at: Instant,
    pub channel: SmolStr,
    pub campaign: Option<SmolStr>,
    pub message_id: Option<SmolStr>,
    pub delivery_key: Option<SmolStr>,
    pub url: Option<SmolStr>,
    pub reason: Option<SmolStr>,
}

/// The vendor deleted the object with the record's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Tombstone {
    pub kind: RecordKind,
    pub deleted_at: Instant,
    /// The vendor erased a person on their request.
    pub erasure: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_orders_by_time_then_content() {
        let old = Version::of(Instant(1), b"z");
        let new = Version::of(Instant(2), b"a");
        assert!(old < new);
        let (a, b) = (Version::of(Instant(1), b"a"), Version::of(Instant(1), b"b"));
        assert_ne!(a, b);
        assert_eq!(a, Version::of(Instant(1), b"a"));
    }
}
