//! The vendor's API, and nothing of Crosspoint's records.

use std::collections::BTreeMap;

use crosspoint_sdk::http::Http;
use crosspoint_sdk::{Context, Error, Item, Outcome, serde_json};
use serde::Deserialize;

use crate::{Settings, json};

/// A page as the shop answers it.
#[derive(Debug, Deserialize)]
pub struct Customers {
    pub customers: Vec<Customer>,
    /// Token of the next page.
    pub next: Option<String>,
}

/// A customer as the shop writes it.
#[derive(Debug, Deserialize)]
pub struct Customer {
    pub id: String,
    pub updated_at_ms: i64,
    pub email: Option<String>,
    pub first_name: Option<String>,
    #[serde(flatten)]
    pub others: BTreeMap<String, serde_json::Value>,
}

pub struct Client<'a> {
    http: Http<'a>,
}

impl<'a> Client<'a> {
    pub fn new(ctx: &'a Context, settings: &Settings) -> Self {
        let http = ctx.http_at(settings.url.clone());
        Self { http }
    }

    pub fn customers(&self, token: &str, limit: u32) -> Result<Customers, Error> {
        let call = self.http.get("/customers").query("limit", limit);
        call.query("after", token).json()
    }

    /// The delivery's profile id names the customer, so that a repeat writes the same one.
    pub fn write(&self, item: &Item) -> Result<Outcome, Error> {
        let call = self.http.put(&format!("/customers/{}", item.profile_id));
        let sent = call.json_body(&json(&item.fields))?.send();
        Ok(sent.map_or_else(Outcome::from, |reply| reply.outcome()))
    }
}
