//! Who an item is about, and who that is in the shop.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Identifier, Instant, Item, serde_json};

use super::{Stop, mutate, reject};
use crate::Settings;
use crate::client::Client;

/// The identifiers that Shopify understands.
pub(super) struct Person {
    /// `gid://shopify/Customer/7001`
    pub(super) id: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
}

/// A customer of the shop.
pub(super) struct Known {
    pub(super) id: String,
    pub(super) email: Option<Channel>,
    pub(super) phone: Option<Channel>,
}

/// A way to reach the customer, and what the shop knows of their consent.
pub(super) struct Channel {
    pub(super) state: String,
    pub(super) decided_at: Option<Instant>,
}

macro_rules! known {
    () => {
        "id defaultEmailAddress { emailAddress marketingState marketingUpdatedAt } \
         defaultPhoneNumber { phoneNumber marketingState marketingUpdatedAt }"
    };
}

const BY_ID: &str = concat!("query($id: ID!) { customer(id: $id) { ", known!(), " } }");

const BY_SEARCH: &str = concat!(
    "query($query: String!) { customers(first: 5, query: $query) { nodes { ",
    known!(),
    " } } }"
);

const SET: &str = concat!(
    "mutation($input: CustomerSetInput!, $identifier: CustomerSetIdentifiers) { \
     customerSet(input: $input, identifier: $identifier) { customer { ",
    known!(),
    " } userErrors { field message code } } }"
);

impl Person {
    pub(super) fn of(item: &Item) -> Self {
        let first = |pick: fn(&Identifier) -> Option<&String>| {
            item.identifiers.iter().find_map(pick).cloned()
        };
        let id = first(|it| match it {
            Identifier::Customer(id) => Some(id),
            _ => None,
        });
        Self {
            id: id.map(|id| format!("gid://shopify/Customer/{}", crate::map::number_of(&id))),
            email: first(|it| match it {
                Identifier::Email(email) => Some(email),
                _ => None,
            }),
            phone: first(|it| match it {
                Identifier::Phone(phone) => Some(phone),
                _ => None,
            }),
        }
    }

    /// The customer, if the shop has one. Found by id at once, by address through a search index
    /// that lags a little.
    pub(super) fn find(&self, client: &Client<'_>) -> Result<Option<Known>, Stop> {
        if let Some(id) = &self.id {
            let answer = client.ask(BY_ID, json!({ "id": id }))?;
            return Ok(answer.data.get("customer").and_then(Known::of));
        }
        let (term, path, wanted) = match (&self.email, &self.phone) {
            (Some(email), _) => ("email", "defaultEmailAddress.emailAddress", email),
            (None, Some(phone)) => ("phone", "defaultPhoneNumber.phoneNumber", phone),
            (None, None) => return self.nobody(),
        };
        let quoted = wanted.replace('\\', "\\\\").replace('\'', "\\'");
        let query = format!("{term}:'{quoted}'");
        let answer = client.ask(BY_SEARCH, json!({ "query": query }))?;
        let nodes = answer
            .data
            .at("customers.nodes")
            .map_or(&[][..], Json::items);
        // A search matches more than what was asked for.
        let same = |node: &&Json| {
            node.text_at(path)
                .is_some_and(|text| text.to_lowercase() == wanted.to_lowercase())
        };
        Ok(nodes.iter().find(same).and_then(Known::of))
    }

    /// Creates or updates the customer: found by id, else by e-mail, else by phone.
    pub(super) fn set(
        &self,
        client: &Client<'_>,
        mut input: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Known, Stop> {
        let identifier = match (&self.id, &self.email, &self.phone) {
            (Some(id), _, _) => json!({ "id": id }),
            (None, Some(email), _) => {
                // Another address would contradict what the customer is found by.
                input.insert("email".to_owned(), json!(email));
                json!({ "email": email })
            }
            (None, None, Some(phone)) => {
                input.insert("phone".to_owned(), json!(phone));
                json!({ "phone": phone })
            }
            (None, None, None) => return self.nobody(),
        };
        let variables = json!({ "input": input, "identifier": identifier });
        let answer = mutate(client, SET, "customerSet", variables)?;
        match answer.data.at("customerSet.customer").and_then(Known::of) {
            Some(known) => Ok(known),
            None => Err(crate::client::Failure::Garbled.into()),
        }
    }

    /// The customer's id, for what is written to it: created where the operator allows it.
    pub(super) fn id_for_writing(
        &self,
        client: &Client<'_>,
        settings: &Settings,
    ) -> Result<Option<String>, Stop> {
        if let Some(id) = &self.id {
            return Ok(Some(id.clone()));
        }
        if settings.create_customers {
            return self
                .set(client, serde_json::Map::new())
                .map(|known| Some(known.id));
        }
        self.find(client).map(|known| known.map(|known| known.id))
    }

    fn nobody<T>(&self) -> Result<T, Stop> {
        reject(
            "identifiers",
            "has neither an id of this shop nor an e-mail address nor a phone number",
        )
    }
}

impl Known {
    fn of(node: &Json) -> Option<Self> {
        let channel = |field: &str, address: &str| {
            let found = node.get(field)?;
            found.text_at(address)?;
            let decided_at = found.text_at("marketingUpdatedAt");
            Some(Channel {
                state: found
                    .text_at("marketingState")
                    .unwrap_or_default()
                    .to_owned(),
                decided_at: decided_at.and_then(|text| instant::parse(text, 0).ok()),
            })
        };
        Some(Self {
            id: node.text_at("id")?.to_owned(),
            email: channel("defaultEmailAddress", "emailAddress"),
            phone: channel("defaultPhoneNumber", "phoneNumber"),
        })
    }
}
