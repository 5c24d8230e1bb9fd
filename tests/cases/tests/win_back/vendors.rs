//! The vendors' systems, and what happens in them.

use std::net::SocketAddr;

use crosspoint_harness::{Answer, Caller, Dice};
use serde_json::{Value, json};
use simulators::{Options, Simulator};

/// What of the sources changes, and how often: out of ten.
const SHOP: u64 = 5;
const CRM: u64 = 8;

/// Every system, with the same people in it.
pub struct Vendors {
    pub shop: Simulator,
    pub crm: Simulator,
    pub leads: Simulator,
    pub newsletter: Simulator,
    pub ads: Simulator,
    pub mail: Simulator,
}

impl Vendors {
    pub fn start(seed: u64, customers: usize, now_ms: i64) -> Self {
        let options = Options {
            seed,
            customers,
            now_ms: Some(now_ms),
            ..Options::default()
        };
        let start = |name: &str, options: &Options| Simulator::start(name, options).unwrap();
        // Nobody stands in the newsletter before somebody is sent there.
        let empty = Options {
            customers: 0,
            ..options.clone()
        };
        Self {
            shop: start("shopify", &options),
            crm: start("salesforce", &options),
            leads: start("meta-leads", &options),
            newsletter: start("mailchimp", &empty),
            ads: start("facebook-audiences", &options),
            mail: start("smtp", &options),
        }
    }

    /// Webhooks of the sources that send them go to this host.
    pub fn subscribe(&self, host: SocketAddr) {
        for (name, source) in self.calling() {
            let url = format!("http://{host}/hooks/{name}");
            let done = source.with(|vendor, sim| vendor.subscribe(&url, &Value::Null, sim));
            done.unwrap();
        }
        self.call_host();
    }

    /// Sources that call, by connector.
    fn calling(&self) -> [(&'static str, &Simulator); 2] {
        [("shop", &self.shop), ("leads", &self.leads)]
    }

    /// Sends every waiting webhook, some twice and in no certain order, until all are accepted.
    pub fn call_host(&self) {
        for (name, source) in self.calling() {
            for round in 0.. {
                let args = json!({ "duplicates": 0.2, "shuffle": true });
                let sent = post(source, "/_sim/hooks", "", &args);
                if sent["waiting"] == 0 {
                    break;
                }
                assert!(round < 20, "the host refuses what {name} sends: {sent}");
            }
        }
    }

    /// Something happens in one of the sources by itself. Says where and what.
    pub fn change(&self, dice: &mut Dice) -> String {
        let (name, source) = match dice.roll(10) {
            0..SHOP => ("shop", &self.shop),
            SHOP..CRM => ("crm", &self.crm),
            _ => ("leads", &self.leads),
        };
        let what = source.with(|vendor, sim| vendor.change(sim));
        format!("{name} {what}")
    }

    /// A customer of the shop decides about its newsletter.
    pub fn decide(&self, customer: &str, is_wanted: bool) -> String {
        const MUTATION: &str = "mutation($i: CustomerEmailMarketingConsentUpdateInput!) { \
            done: customerEmailMarketingConsentUpdate(input: $i) { userErrors { field } } }";
        let state = if is_wanted {
            "SUBSCRIBED"
        } else {
            "UNSUBSCRIBED"
        };
        let at = simulators::iso(self.shop.with(|_, sim| sim.now_ms()));
        let consent = json!({ "marketingState": state, "marketingOptInLevel": "SINGLE_OPT_IN", "consentUpdatedAt": at });
        let input = json!({ "customerId": gid(customer), "emailMarketingConsent": consent });
        self.change_shop(MUTATION, &input);
        format!("shop customer {customer} {state}")
    }

    /// A customer of the shop has another address, which comes before all others by the alphabet.
    pub fn move_on(&self, customer: &str) -> String {
        const MUTATION: &str = "mutation($i: CustomerInput!) { \
            done: customerUpdate(input: $i) { userErrors { field } } }";
        let email = format!("aa.{customer}@new.example");
        let input = json!({ "id": gid(customer), "email": email });
        self.change_shop(MUTATION, &input);
        format!("shop customer {customer} is {email}")
    }

    fn change_shop(&self, mutation: &str, input: &Value) {
        let secrets = self.shop.with(|vendor, _| vendor.secrets());
        let token = secrets["access_token"].as_str().unwrap();
        let token = format!("x-shopify-access-token: {token}\r\n");
        let body = json!({ "query": mutation, "variables": { "i": input } });
        let answer = post(&self.shop, "/admin/api/2026-10/graphql.json", &token, &body);
        assert_eq!(answer["data"]["done"]["userErrors"], json!([]), "{answer}");
    }

    /// Somebody of the world, counted from 0, fills in a form.
    pub fn fill_in(&self, person: u64) -> String {
        let args = json!({ "person": person });
        let what = self
            .leads
            .with(|vendor, sim| vendor.command("new-lead", &args, sim));
        format!("leads {}", what.unwrap())
    }
}

fn gid(customer: &str) -> String {
    format!("gid://shopify/Customer/{customer}")
}

/// What a system holds.
pub fn truth(system: &Simulator) -> Value {
    system.with(|vendor, _| vendor.truth())
}

/// The objects of a collection.
pub fn rows<'a>(truth: &'a Value, collection: &str) -> impl Iterator<Item = &'a Value> {
    let rows = truth[collection].as_array();
    rows.unwrap_or_else(|| panic!("there are no {collection}"))
        .iter()
}

fn post(system: &Simulator, target: &str, header: &str, body: &Value) -> Value {
    let address = system.url().trim_start_matches("http://").parse().unwrap();
    let body = body.to_string();
    let request = format!(
        "POST {target} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n{header}\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer: Answer = Caller::new(address).send(request.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}
