mod bulk;
mod destination;
mod source;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::model::{Consent, ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{
    ActionKind, Attribute, Batch, Destination, Error, Identifier, Item, Outcome, settings,
};

use crate::{Mailchimp, Settings};

const BASE: &str = "https://us21.api.mailchimp.com/3.0";
const ANNA: &str = "f52cd01a44c15eef1628ae9fc7325b55";

fn configured(extra: Value) -> Settings {
    let mut json = json!({ "base_url": BASE, "list_id": "4ca5becb8d" });
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    settings::parse(&json.to_string()).unwrap()
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn expect(method: Method, path: &str) -> Exchange {
    Exchange::expect(method, &format!("{BASE}{path}"))
}

fn item(key: &str, email: &str) -> Item {
    Item {
        key: key.to_owned(),
        profile_id: format!("p-{key}"),
        identifiers: vec![Identifier::Email(email.to_owned())],
        list: None,
        fields: Vec::new(),
        consents: Vec::new(),
        occurred_at: 1_767_607_200_000,
        attempt: 0,
    }
}

fn consenting(mut item: Item, state: ConsentState) -> Item {
    item.consents.push(Consent {
        topic: ConsentTopic::EmailMarketing,
        state,
        decided_at: 0,
        evidence: None,
    });
    item
}

fn with(mut item: Item, fields: Vec<Attribute>) -> Item {
    item.fields = fields;
    item
}

fn listed(mut item: Item, list: &str) -> Item {
    item.list = Some(list.to_owned());
    item
}

fn deliver_in(
    test: &TestContext,
    settings: &Settings,
    action: ActionKind,
    items: Vec<Item>,
    exchanges: Vec<Exchange>,
) -> Result<Vec<Outcome>, Error> {
    exchanges.into_iter().for_each(|one| test.http.push(one));
    let result = Mailchimp::deliver(&test.context(), settings, Batch { action, items });
    test.http.assert_done();
    result
}

fn deliver(action: ActionKind, items: Vec<Item>, exchanges: Vec<Exchange>) -> Vec<Outcome> {
    let test = TestContext::default();
    deliver_in(&test, &configured(json!({})), action, items, exchanges).unwrap()
}
