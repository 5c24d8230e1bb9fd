//! The project as an operator writes it: sources first, the campaign once they are read.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crosspoint_api::Client;
use crosspoint_harness::{Caller, Process};
use crosspoint_runtime::admin::{Reply, Request, Status, Which};
use serde_json::{Value, json};
use simulators::Simulator;

use crate::vendors::Vendors;

/// What the campaign is called at the vendors.
pub const LIST: &str = "Win back";
/// A second list of the newsletter's account, which holds nobody else.
pub const REGULARS: &str = "9b1deb4d3b";

/// Longest wait for anything: beyond it the host hangs.
const PATIENCE: Duration = Duration::from_secs(600);

const CAMPAIGN: &str = r#"
[segments.win-back]
description = "Bought three times, nothing in 60 days, wants our mail"
when = "orders.count() >= 3 && !orders.within('60d').exists() && consent('email-marketing')"

[syncs.letter]
connector = "mail"
segment = "win-back"
action = "send-message"
fields = { first_name = "traits.first_name" }

[syncs.look-alikes]
connector = "ads"
segment = "win-back"
action = "add-to-list"
list = "Win back"

[syncs.newsletter-1-member]
connector = "newsletter"
segment = "win-back"
action = "upsert-contact"
fields = { FNAME = "traits.first_name", LNAME = "traits.last_name" }

[syncs.newsletter-2-tag]
connector = "newsletter"
segment = "win-back"
action = "add-tag"
list = "Win back"
on_exit = "remove-tag"

[syncs.newsletter-3-list]
connector = "newsletter"
segment = "win-back"
action = "add-to-list"
list = "9b1deb4d3b"
"#;

/// One connector: its settings and secrets as the vendor gave them, by the plugin's own names.
fn connector(
    folder: &Path,
    name: &str,
    plugin: &str,
    system: &Simulator,
    mut settings: Value,
) -> String {
    let told = system.with(|vendor, _| (vendor.settings(system.url()), vendor.secrets()));
    let (of_vendor, secrets) = told;
    let mut host = system.url().trim_start_matches("http://").to_owned();
    if plugin == "smtp" {
        host = format!(
            "{}:{}",
            of_vendor["host"].as_str().unwrap(),
            of_vendor["port"]
        );
    }
    let mut text = format!(
        "[connectors.{name}]\nplugin = \"{plugin}\"\nrate = {{ requests = 1000, per = \"1s\" }}\n\
         grant = {{ hosts = [\"{host}\"], plain_http = [\"{host}\"] }}\n\n[connectors.{name}.secrets]\n"
    );
    let wanted: &[(&str, &str)] = match name {
        "shop" => &[
            ("access_token", "access_token"),
            ("app_secret", "client_secret"),
        ],
        "crm" => &[("client_secret", "client_secret")],
        "leads" => &[
            ("access_token", "page_access_token"),
            ("app_secret", "app_secret"),
            ("verify_token", "verify_token"),
        ],
        "newsletter" => &[("api_key", "api_key")],
        "ads" => &[
            ("access_token", "access_token"),
            ("app_secret", "app_secret"),
        ],
        _ => &[("password", "password")],
    };
    for (own, theirs) in wanted {
        let file = format!("{name}-{own}");
        fs::write(folder.join(&file), secrets[theirs].as_str().unwrap()).unwrap();
        text += &format!("{own} = \"file:{file}\"\n");
    }
    text += &format!("\n[connectors.{name}.settings]\n");
    for (key, value) in settings.as_object_mut().unwrap() {
        if let Some(theirs) = value.as_str().and_then(|it| it.strip_prefix('$')) {
            *value = of_vendor[theirs].clone();
        } else if *value == "@" {
            *value = json!(system.url());
        }
        // What is told here is the same in TOML, but for tables.
        let told = match &*value {
            Value::Object(table) => {
                let pairs = table.iter().map(|(key, value)| format!("{key} = {value}"));
                format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        };
        text += &format!("{key} = {told}\n");
    }
    text + "\n"
}

/// Writes the project without its campaign.
pub fn write(folder: &Path, vendors: &Vendors) {
    let page = page(vendors);
    let connectors = [
        connector(
            folder,
            "shop",
            "shopify",
            &vendors.shop,
            json!({ "url": "@", "allow_other_host": true, "client_id": "$client_id", "webhooks": true }),
        ),
        // Deals of sellers are no purchases at the shop.
        connector(
            folder,
            "crm",
            "salesforce",
            &vendors.crm,
            json!({ "url": "@", "login_url": "@", "client_id": "$client_id",
                "objects": ["Lead", "Contact", "Account", "User", "Task", "Event"] }),
        ),
        connector(
            folder,
            "leads",
            "meta-leads",
            &vendors.leads,
            json!({ "url": "@", "pages": [page], "consents": { "newsletter_opt_in": "email-marketing" } }),
        ),
        connector(
            folder,
            "newsletter",
            "mailchimp",
            &vendors.newsletter,
            json!({ "base_url": "$base_url", "list_id": "$list_id" }),
        ),
        connector(
            folder,
            "ads",
            "facebook-audiences",
            &vendors.ads,
            json!({ "base_url": "@", "ad_account_id": "$ad_account_id" }),
        ),
        connector(
            folder,
            "mail",
            "smtp",
            &vendors.mail,
            json!({ "host": "$host", "port": "$port", "user": "$user", "security": "none", "from": "Shop <news@shop.example>",
                "templates": { "letter": null } }),
        ),
    ];
    let letter = "{ letter = { subject = \"We miss you, {{ first_name | default: 'friend' }}\", \
                  text = \"Come back, {{ first_name | default: 'friend' }}.\" } }";
    let letter = letter.replace('\'', "\\\"");
    let connectors = connectors.concat().replace("{ letter = null }", &letter);
    let text = format!(
        "[project]\nname = \"win-back\"\n\n[server]\nlisten = \"127.0.0.1:0\"\n\n{connectors}"
    );
    fs::write(folder.join("crosspoint.toml"), text).unwrap();
}

/// The one page whose leads are read.
pub fn page(vendors: &Vendors) -> String {
    let settings = vendors.leads.with(|vendor, _| vendor.settings(""));
    settings["page_id"].as_str().unwrap().to_owned()
}

/// Adds the campaign to a project that does not run.
pub fn add_campaign(folder: &Path) {
    fs::create_dir(folder.join("segments")).unwrap();
    fs::write(folder.join("segments/win-back.toml"), CAMPAIGN).unwrap();
}

/// A running host.
pub struct Host {
    pub process: Process,
    client: Client,
}

impl Host {
    pub fn start(folder: &Path) -> Self {
        let process = Process::start(env!("CARGO_BIN_EXE_case-host"), folder, &[]);
        let process = process.expect("nobody kills it");
        let client = Client::connect(&process.doors().admin).unwrap();
        Self { process, client }
    }

    pub fn ask(&mut self, request: &Request) -> Reply {
        match self.client.ask(request, &|_| {}) {
            Ok(reply) => reply,
            Err(error) => panic!("{error}: {error:?}\n{}", self.process.log()),
        }
    }

    /// Reads every source to its end, also where a vendor wants that to take longer than one command
    /// waits.
    pub fn poll(&mut self) {
        for connector in ["shop", "crm", "leads"] {
            let request = Request::Sync {
                connector: connector.to_owned(),
                stream: None,
                deliver: false,
            };
            let begun = Instant::now();
            while let Err(error) = self.client.ask(&request, &|_| {}) {
                let is_asked_to_wait = error.to_string().ends_with("the vendor asked for patience");
                assert!(
                    is_asked_to_wait && begun.elapsed() < PATIENCE,
                    "{error}: {error:?}\n{}",
                    self.process.log()
                );
            }
        }
    }

    pub fn status(&mut self) -> Status {
        match self.ask(&Request::Status) {
            Reply::Status(status) => status,
            other => panic!("another reply: {other:?}"),
        }
    }

    /// Waits until everything is applied and delivered.
    pub fn settle(&mut self) -> Status {
        let begun = Instant::now();
        loop {
            let status = self.status();
            let waiting: i64 = status.connectors.iter().map(|it| it.waiting).sum();
            if status.applied_position == status.ledger_position && waiting == 0 {
                return status;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{waiting} deliveries wait\n{status:#?}\n{}",
                self.process.log()
            );
            sleep(Duration::from_millis(20));
        }
    }

    /// Deliveries that wait for a person, as text.
    pub fn stopped(&mut self) -> String {
        let request = Request::OutboxList {
            connector: None,
            which: Which::Stopped,
            after: None,
            limit: 20,
        };
        format!("{:#?}", self.ask(&request))
    }

    /// What `/metrics` says, by name and label.
    pub fn metrics(&self) -> String {
        let request = b"GET /metrics HTTP/1.1\r\nhost: h\r\n\r\n";
        Caller::new(self.process.doors().http)
            .send(request)
            .unwrap()
            .text()
    }

    /// Has it stop in order.
    pub fn stop(self) {
        let Self { process, client } = self;
        drop(client);
        let log = process.log();
        let status = process.stop();
        assert!(status.success(), "{status}\n{log}");
    }
}
