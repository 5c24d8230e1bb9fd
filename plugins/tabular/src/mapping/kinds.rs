//! The body of each kind of record.

use crosspoint_sdk::model::{
    Address, Body, Cart, Consent, ConsentState, ConsentTopic, Contact, Content, Engagement,
    EngagementKind, Event, Instant, Line, Order, OrderStatus, Product, RecordKind, Submission,
};
use crosspoint_sdk::{Attribute, Value, map};

use super::{Fault, Row};

/// A body, and the instant of the fact that it is about.
type Built = Result<(Body, Option<Instant>), Fault>;

impl Row<'_> {
    pub(super) fn body(&self) -> Built {
        match self.plan.kind {
            RecordKind::Contact => Ok((Body::Contact(self.contact("")?), None)),
            RecordKind::Order => self.order(),
            RecordKind::Product => self.product(),
            RecordKind::Cart => self.cart(),
            RecordKind::Event => {
                let occurred_at = self.required("occurred_at", self.instant("occurred_at")?)?;
                let name = self.required("name", self.text("name")?)?;
                Ok((Body::Event(Event { name, occurred_at }), Some(occurred_at)))
            }
            RecordKind::Content => self.content(),
            RecordKind::Submission => self.submission(),
            RecordKind::Consent => self.consent(),
            RecordKind::Engagement => self.engagement(),
        }
    }

    fn currency(&self) -> Result<Option<String>, Fault> {
        match self.text("currency")? {
            Some(code) => map::number::currency(&code)
                .map(Some)
                .map_err(|error| self.fault_of("currency", &error.to_string())),
            None => Ok(self.plan.currency.clone()),
        }
    }

    fn order(&self) -> Built {
        let placed_at = self.required("placed_at", self.instant("placed_at")?)?;
        let currency = self.currency()?;
        let money = |name| self.money(name, currency.as_deref());
        // A feed of purchases without a state is one of purchases that were made.
        let status = self
            .text("status")?
            .map_or(OrderStatus::Paid, |word| OrderStatus::from_word(&word));
        let order = Order {
            number: self.text("number")?,
            status,
            placed_at,
            total: self.required("total", money("total")?)?,
            subtotal: money("subtotal")?,
            tax: money("tax")?,
            shipping: money("shipping")?,
            discount: money("discount")?,
            refunded: money("refunded")?,
            coupons: self.list("coupons")?,
            channel: self.text("channel")?,
            lines: self.lines(currency.as_deref())?,
            shipping_address: self.address("shipping_address.")?,
        };
        Ok((Body::Order(order), Some(placed_at)))
    }

    /// One position, if any of its fields is mapped.
    fn lines(&self, currency: Option<&str>) -> Result<Vec<Line>, Fault> {
        if !self.plan.has_below("line.") {
            return Ok(Vec::new());
        }
        Ok(vec![Line {
            id: self.text("line.id")?,
            product_id: self.text("line.product_id")?,
            sku: self.text("line.sku")?,
            name: self.text("line.name")?,
            category: self.text("line.category")?,
            quantity: self
                .decimal("line.quantity")?
                .unwrap_or_else(|| "1".to_owned()),
            unit_price: self.money("line.unit_price", currency)?,
            total: self.money("line.total", currency)?,
            attributes: Vec::new(),
        }])
    }

    fn address(&self, prefix: &str) -> Result<Option<Address>, Fault> {
        if !self.plan.has_below(prefix) {
            return Ok(None);
        }
        let text = |name: &str| self.text(&format!("{prefix}{name}"));
        let address = Address {
            recipient: text("recipient")?,
            company: text("company")?,
            street: text("street")?
                .map(|street| street.lines().map(|line| line.trim().to_owned()).collect())
                .unwrap_or_default(),
            city: text("city")?,
            region: text("region")?,
            postal_code: text("postal_code")?,
            country: text("country")?.map(|country| match country.len() {
                2 => country.to_ascii_uppercase(),
                _ => country,
            }),
        };
        Ok((address != Address::default()).then_some(address))
    }

    fn contact(&self, prefix: &str) -> Result<Contact, Fault> {
        let name = |name: &str| format!("{prefix}{name}");
        let text = |field: &str| self.text(&name(field));
        Ok(Contact {
            first_name: text("first_name")?,
            last_name: text("last_name")?,
            full_name: text("full_name")?,
            company: text("company")?,
            job_title: text("job_title")?,
            language: text("language")?,
            time_zone: text("time_zone")?,
            birthday: self.date(&name("birthday"))?,
            gender: text("gender")?,
            address: self.address(&name("address."))?,
            tags: self.list(&name("tags"))?,
            created_at: self.instant(&name("created_at"))?,
        })
    }

    fn product(&self) -> Built {
        let currency = self.currency()?;
        let product = Product {
            sku: self.text("sku")?,
            name: self.required("name", self.text("name")?)?,
            description: self.text("description")?,
            url: self.text("url")?,
            image_url: self.text("image_url")?,
            price: self.money("price", currency.as_deref())?,
            categories: self.list("categories")?,
            tags: self.list("tags")?,
            stock: self.decimal("stock")?,
            available: self.boolean("available")?.unwrap_or(true),
        };
        Ok((Body::Product(product), None))
    }

    fn cart(&self) -> Built {
        let currency = self.currency()?;
        let cart = Cart {
            created_at: self.instant("created_at")?,
            total: self.money("total", currency.as_deref())?,
            lines: self.lines(currency.as_deref())?,
            recovery_url: self.text("recovery_url")?,
            closed_at: self.instant("closed_at")?,
            order_id: self.text("order_id")?,
        };
        let fact = cart.closed_at.or(self.modified_at).or(cart.created_at);
        Ok((Body::Cart(cart), fact))
    }

    fn content(&self) -> Built {
        let content = Content {
            kind: self.required("kind", self.text("kind")?)?,
            title: self.required("title", self.text("title")?)?,
            summary: self.text("summary")?,
            url: self.text("url")?,
            image_url: self.text("image_url")?,
            language: self.text("language")?,
            topics: self.list("topics")?,
            author: self.text("author")?,
            published_at: self.instant("published_at")?,
            expires_at: self.instant("expires_at")?,
            published: self.boolean("published")?.unwrap_or(true),
        };
        let fact = self.modified_at.or(content.published_at);
        Ok((Body::Content(content), fact))
    }

    fn submission(&self) -> Built {
        let submitted_at = self.required("submitted_at", self.instant("submitted_at")?)?;
        let mut origin = Vec::new();
        for (name, field) in &self.plan.fields {
            if let Some(name) = name.strip_prefix("origin.")
                && let Some(text) = self.text_of(field)?
            {
                origin.push(Attribute::new(name, Value::Text(text)));
            }
        }
        let submission = Submission {
            form_id: self.required("form_id", self.text("form_id")?)?,
            form_name: self.text("form_name")?,
            submitted_at,
            origin,
            contact: self
                .plan
                .has_below("contact.")
                .then(|| self.contact("contact."))
                .transpose()?,
        };
        Ok((Body::Submission(submission), Some(submitted_at)))
    }

    fn consent(&self) -> Built {
        let decided_at = self.required("decided_at", self.instant("decided_at")?)?;
        let topic = self.required("topic", self.text("topic")?)?;
        let word = self.required("state", self.text("state")?)?;
        let state = match word.as_str() {
            "granted" => ConsentState::Granted,
            "withdrawn" => ConsentState::Withdrawn,
            "pending" => ConsentState::Pending,
            _ => {
                let reason = "expected granted, withdrawn or pending; translate with `values`";
                return Err(self.fault_of("state", reason));
            }
        };
        let topic = ConsentTopic::from_word(&topic);
        let evidence = self.text("evidence")?;
        Ok((
            Body::Consent(Consent {
                topic,
                state,
                decided_at,
                evidence,
            }),
            Some(decided_at),
        ))
    }

    fn engagement(&self) -> Built {
        let occurred_at = self.required("occurred_at", self.instant("occurred_at")?)?;
        let word = self.required("kind", self.text("kind")?)?;
        let kind = match word.as_str() {
            "sent" => EngagementKind::Sent,
            "delivered" => EngagementKind::Delivered,
            "opened" => EngagementKind::Opened,
            "clicked" => EngagementKind::Clicked,
            "bounced" => EngagementKind::Bounced,
            "deferred" => EngagementKind::Deferred,
            "unsubscribed" => EngagementKind::Unsubscribed,
            "complained" => EngagementKind::Complained,
            "replied" => EngagementKind::Replied,
            _ => {
                let reason = "expected sent, delivered, opened, clicked, bounced, deferred, \
                              unsubscribed, complained or replied; translate with `values`";
                return Err(self.fault_of("kind", reason));
            }
        };
        let engagement = Engagement {
            kind,
            occurred_at,
            channel: self.required("channel", self.text("channel")?)?,
            campaign: self.text("campaign")?,
            message_id: self.text("message_id")?,
            delivery_key: self.text("delivery_key")?,
            url: self.text("url")?,
            reason: self.text("reason")?,
        };
        Ok((Body::Engagement(engagement), Some(occurred_at)))
    }

    fn fault_of(&self, name: &str, reason: &str) -> Fault {
        match self.plan.field_named(name) {
            Some(field) => self.field_fault(field, reason),
            None => Fault::of_row(reason),
        }
    }
}
