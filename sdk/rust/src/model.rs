//! The contract's vocabulary, with shorter ways to build it.

pub use crate::bindings::imports::crosspoint::connector::model::*;

impl Record {
    /// A record without identifiers and attributes.
    pub fn new(id: impl Into<String>, updated_at: Instant, body: Body) -> Self {
        Self {
            id: id.into(),
            updated_at,
            identifiers: Vec::new(),
            attributes: Vec::new(),
            body,
        }
    }
}

impl Attribute {
    /// An attribute under the vendor's name.
    pub fn new(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&serde_json::Value> for Value {
    /// Numbers that are no 64-bit integer become decimal text where their notation is plain, else
    /// JSON; lists and objects stay JSON.
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Boolean(*flag),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => {
                    let text = number.to_string();
                    if text.contains(['e', 'E']) {
                        Self::Json(text)
                    } else {
                        Self::Decimal(text)
                    }
                }
            },
            serde_json::Value::String(text) => Self::Text(text.clone()),
            other => Self::Json(other.to_string()),
        }
    }
}

impl From<&Value> for serde_json::Value {
    /// Decimals stay text, so that no digit is lost; instants become RFC 3339.
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(flag) => Self::Bool(*flag),
            Value::Integer(number) => Self::from(*number),
            Value::Decimal(text) | Value::Text(text) => Self::String(text.clone()),
            Value::Instant(ms) => Self::String(crate::map::instant::to_rfc3339(*ms)),
            Value::Json(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Self::String(text.clone()))
            }
        }
    }
}

impl Money {
    /// An amount already in the contract's decimal form.
    pub fn new(amount: impl Into<String>, currency: impl Into<String>) -> Self {
        Self {
            amount: amount.into(),
            currency: currency.into(),
        }
    }
}

#[allow(clippy::derivable_impls)] // the type is generated
impl Default for Contact {
    fn default() -> Self {
        Self {
            first_name: None,
            last_name: None,
            full_name: None,
            company: None,
            job_title: None,
            language: None,
            time_zone: None,
            birthday: None,
            gender: None,
            address: None,
            tags: Vec::new(),
            created_at: None,
        }
    }
}

#[allow(clippy::derivable_impls)] // the type is generated
impl Default for Address {
    fn default() -> Self {
        Self {
            recipient: None,
            company: None,
            street: Vec::new(),
            city: None,
            region: None,
            postal_code: None,
            country: None,
        }
    }
}

impl Line {
    /// A position of which only the quantity is known.
    pub fn new(quantity: impl Into<String>) -> Self {
        Self {
            id: None,
            product_id: None,
            sku: None,
            name: None,
            category: None,
            quantity: quantity.into(),
            unit_price: None,
            total: None,
            attributes: Vec::new(),
        }
    }
}

impl Order {
    /// An order of which only the essentials are known.
    pub fn new(status: OrderStatus, placed_at: Instant, total: Money) -> Self {
        Self {
            number: None,
            status,
            placed_at,
            total,
            subtotal: None,
            tax: None,
            shipping: None,
            discount: None,
            refunded: None,
            coupons: Vec::new(),
            channel: None,
            lines: Vec::new(),
            shipping_address: None,
        }
    }
}

impl Product {
    /// A product of which only the name is known; available.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            sku: None,
            name: name.into(),
            description: None,
            url: None,
            image_url: None,
            price: None,
            categories: Vec::new(),
            tags: Vec::new(),
            stock: None,
            available: true,
        }
    }
}

impl OrderStatus {
    /// The contract's word (`paid`, `partially-refunded`, ...), or `other` with the vendor's.
    pub fn from_word(word: &str) -> Self {
        match word {
            "pending" => Self::Pending,
            "paid" => Self::Paid,
            "fulfilled" => Self::Fulfilled,
            "cancelled" => Self::Cancelled,
            "refunded" => Self::Refunded,
            "partially-refunded" => Self::PartiallyRefunded,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl ConsentTopic {
    /// The contract's word (`email-marketing`, `ads`, ...), or `other` with the vendor's.
    pub fn from_word(word: &str) -> Self {
        match word {
            "email-marketing" => Self::EmailMarketing,
            "sms-marketing" => Self::SmsMarketing,
            "phone-marketing" => Self::PhoneMarketing,
            "post-marketing" => Self::PostMarketing,
            "ads" => Self::Ads,
            "analytics" => Self::Analytics,
            "personalization" => Self::Personalization,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Reads back with [`Self::from_word`].
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
}

impl ConsentState {
    /// The word in configuration: `granted`, `withdrawn` or `pending`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Withdrawn => "withdrawn",
            Self::Pending => "pending",
        }
    }
}

impl RecordKind {
    /// The kind's word: `contact`, `order`, ...
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Order => "order",
            Self::Product => "product",
            Self::Cart => "cart",
            Self::Event => "event",
            Self::Content => "content",
            Self::Submission => "submission",
            Self::Consent => "consent",
            Self::Engagement => "engagement",
        }
    }
}

impl Identifier {
    /// Kind and value in the words of the operator: `("email", "ana@example.com")`, `("user-id",
    /// "7")`. An external id stands under its system, as in `("crm", "7")`; no system is called like
    /// a kind.
    pub fn parts(&self) -> (&str, &str) {
        match self {
            Self::Customer(value) => ("customer", value),
            Self::UserId(value) => ("user-id", value),
            Self::Email(value) => ("email", value),
            Self::Phone(value) => ("phone", value),
            Self::AnonymousId(value) => ("anonymous-id", value),
            Self::Cookie(value) => ("cookie", value),
            Self::External(external) => (&external.system, &external.id),
        }
    }
}
