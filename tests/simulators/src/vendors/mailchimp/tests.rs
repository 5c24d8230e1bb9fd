mod batches;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::data::subscriber_hash;
use super::make::NEWSLETTER;
use super::*;

const NOW_MS: i64 = 1_793_000_000_000;
const NEW: &str = "new.person@mail.example";

struct Account {
    vendor: Mailchimp,
    sim: Sim,
}

impl Account {
    fn new(customers: usize) -> Self {
        let options = Options {
            customers,
            now_ms: Some(NOW_MS),
            ..Options::default()
        };
        Self {
            vendor: Mailchimp::new(&options),
            sim: Sim::new(&options, "http://127.0.0.1:1".to_owned()),
        }
    }

    fn call(&self, method: &str, target: &str, body: &Value) -> Call {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = http::HeaderMap::new();
        let key = format!(
            "Basic {}",
            STANDARD.encode(format!(
                "any:{}",
                self.vendor.secrets()["api_key"]
                    .as_str()
                    .unwrap_or_default()
            ))
        );
        headers.insert("authorization", key.parse().unwrap());
        Call {
            method: method.parse().unwrap(),
            path: format!("/3.0{path}"),
            raw_query: query.to_owned(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers,
            body: if body.is_null() {
                String::new()
            } else {
                body.to_string()
            }
            .into(),
        }
    }

    fn ask(&mut self, method: &str, target: &str, body: Value) -> (u16, Value) {
        let call = self.call(method, target, &body);
        let answer = self.vendor.handle(&call, &mut self.sim);
        (
            answer.status,
            serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
        )
    }

    fn get(&mut self, target: &str) -> Value {
        let (status, body) = self.ask("GET", target, Value::Null);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    fn put(&mut self, email: &str, body: Value) -> (u16, Value) {
        self.ask("PUT", &member(email), body)
    }

    /// Somebody of the newsletter with that status.
    fn anyone(&self, status: &str) -> String {
        let mut members = self.vendor.lists[NEWSLETTER].members.values();
        members
            .find(|it| {
                it.status == status && it.unsubscribed.as_ref().is_none_or(|it| it.is_by_member)
            })
            .unwrap()
            .email
            .clone()
    }

    fn count(&self, kind: &str) -> u64 {
        self.sim
            .effects()
            .filter(|it| it.kind == kind)
            .map(|it| it.count)
            .sum()
    }

    fn run(&mut self, command: &str, args: Value) {
        assert!(
            self.vendor.command(command, &args, &mut self.sim).is_some(),
            "{command}"
        );
    }
}

fn member(email: &str) -> String {
    format!("/lists/{NEWSLETTER}/members/{}", subscriber_hash(email))
}

fn list(rest: &str) -> String {
    format!("/lists/{NEWSLETTER}{rest}")
}

#[test]
fn hash_is_of_the_lower_cased_address() {
    assert_eq!(
        subscriber_hash(" Anna.Meyer@Example.com "),
        "f52cd01a44c15eef1628ae9fc7325b55"
    );
}

#[test]
fn signature_is_the_one_of_the_vector() {
    let body = b"type=unsubscribe&fired_at=2026-01-01+00%3A00%3A00&data%5Bemail%5D=anna.meyer%40example.com";
    let signed = hooks::signature("whsec_test_0123456789", 1_767_225_600, body);
    assert_eq!(
        signed,
        "0a797b45681acb6957f57576c3883320c065c5c6bd8429e0af2a899125f65d35"
    );
}

#[test]
fn credentials_fail_as_the_vendor_says() {
    let mut account = Account::new(3);
    let mut call = account.call("GET", "/ping", &Value::Null);
    call.headers.remove("authorization");
    assert_eq!(account.vendor.handle(&call, &mut account.sim).status, 401);
    account.run("drop-scope", json!({}));
    assert_eq!(account.ask("GET", "/ping", Value::Null).0, 200);
    let (status, body) = account.put(
        NEW,
        json!({ "email_address": NEW, "status_if_new": "subscribed" }),
    );
    assert_eq!((status, &body["title"]), (403, &json!("Wrong User Role")));
    let old = account.call("GET", "/ping", &Value::Null);
    account.run("rotate-key", json!({}));
    assert_eq!(account.vendor.handle(&old, &mut account.sim).status, 401);
    assert_eq!(account.ask("GET", "/ping", Value::Null).0, 200);
    account.run("set-connections", json!({ "limit": 0 }));
    let answer = account.vendor.handle(
        &account.call("GET", "/ping", &Value::Null),
        &mut account.sim,
    );
    assert_eq!(
        (answer.status, answer.headers.get("retry-after")),
        (429, None)
    );
}

#[test]
fn upsert_keeps_status_and_refuses_what_is_wrong() {
    let mut account = Account::new(60);
    let gone = account.anyone("unsubscribed");
    let (status, body) = account.put(&gone, json!({ "email_address": gone, "status_if_new": "subscribed", "merge_fields": { "FNAME": "X", "NOBODY": 1 } }));
    assert_eq!(
        (status, &body["status"], &body["merge_fields"]["FNAME"]),
        (200, &json!("unsubscribed"), &json!("X"))
    );
    assert!(body["merge_fields"].get("NOBODY").is_none());
    let (status, body) = account.put(
        &gone,
        json!({ "email_address": gone, "status": "subscribed" }),
    );
    assert_eq!(
        (status, &body["title"]),
        (400, &json!("Member In Compliance State"))
    );
    let (status, body) = account.put(&gone, json!({ "email_address": gone, "status": "pending" }));
    assert_eq!(
        (status, &body["status"], account.count("opt-in-mail")),
        (200, &json!("pending"), 1)
    );
    for (body, field) in [
        (json!({ "email_address": NEW }), ""),
        (
            json!({ "email_address": NEW, "status_if_new": "archived" }),
            "status_if_new",
        ),
        (
            json!({ "email_address": NEW, "status_if_new": "subscribed", "merge_fields": { "LTV": "much" } }),
            "merge_fields.LTV",
        ),
        (
            json!({ "email_address": NEW, "status_if_new": "subscribed", "merge_fields": { "LNAME": null } }),
            "merge_fields.LNAME",
        ),
        (
            json!({ "email_address": NEW, "status_if_new": "subscribed", "merge_fields": { "ADDRESS": { "addr1": "Main 1", "city": "Bonn" } } }),
            "merge_fields.ADDRESS",
        ),
        (
            json!({ "email_address": NEW, "status_if_new": "subscribed", "merge_fields": { "BIRTHDAY": "1990-01-02" } }),
            "merge_fields.BIRTHDAY",
        ),
        (
            json!({ "email_address": NEW, "status_if_new": "subscribed", "tags": ["vip"] }),
            "tags",
        ),
    ] {
        let (status, answer) = account.put(NEW, body.clone());
        assert_eq!(
            (status, &answer["errors"][0]["field"]),
            (400, &json!(field)),
            "{body}"
        );
    }
    account.run("require-field", json!({ "tag": "FNAME", "on": true }));
    let body = json!({ "email_address": NEW, "status_if_new": "subscribed" });
    assert_eq!(account.put(NEW, body.clone()).0, 400);
    assert_eq!(
        account
            .ask(
                "PUT",
                &format!("{}?skip_merge_validation=true", member(NEW)),
                body
            )
            .0,
        200
    );
}

#[test]
fn archived_come_back_and_forgotten_do_not() {
    let mut account = Account::new(60);
    let email = account.anyone("subscribed");
    assert_eq!(account.ask("DELETE", &member(&email), Value::Null).0, 204);
    assert_eq!(account.ask("DELETE", &member(&email), Value::Null).0, 405);
    let shown = account.get(&list("/members?count=1000&fields=members.email_address"));
    assert!(shown.get("total_items").is_none() && !shown.to_string().contains(&email));
    assert_eq!(
        account
            .put(
                &email,
                json!({ "email_address": email, "status_if_new": "subscribed" })
            )
            .1["status"],
        "subscribed"
    );
    assert_eq!(
        account
            .ask(
                "POST",
                &format!("{}/actions/delete-permanent", member(&email)),
                Value::Null
            )
            .0,
        204
    );
    assert_eq!(account.ask("GET", &member(&email), Value::Null).0, 404);
    let (status, body) = account.put(
        &email,
        json!({ "email_address": email, "status_if_new": "subscribed" }),
    );
    assert_eq!(
        (status, &body["title"]),
        (400, &json!("Forgotten Email Not Subscribed"))
    );
    let truth = account.vendor.truth();
    let row = truth["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == subscriber_hash(&email))
        .unwrap();
    assert_eq!(row["deleted"], true);
}

#[test]
fn tags_are_segments() {
    let mut account = Account::new(60);
    let (email, other) = (account.anyone("subscribed"), account.anyone("unsubscribed"));
    let tags = json!({ "tags": [{ "name": "fresh", "status": "active" }, { "name": "unheard", "status": "inactive" }] });
    assert_eq!(
        account.ask("POST", &format!("{}/tags", member(&email)), tags.clone()),
        (204, Value::Null)
    );
    assert_eq!(
        account
            .ask("POST", &list(&format!("/members/{email}/tags")), tags)
            .0,
        404
    );
    let found = account.get(&list("/tag-search?name=fresh"));
    let target = list(&format!("/segments/{}", found["tags"][0]["id"]));
    let (_, done) = account.ask(
        "POST",
        &target,
        json!({ "members_to_add": [other, "nobody@mail.example"] }),
    );
    assert_eq!(
        (&done["total_added"], &done["error_count"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(account.get(&format!("{target}/members"))["total_items"], 1);
    assert_eq!(
        account.get(&format!("{target}/members?include_unsubscribed=true"))["total_items"],
        2
    );
    assert_eq!(
        account.get(&list("/tag-search?name=unheard"))["total_items"],
        0
    );
}

#[test]
fn reads_page_and_filter_strictly() {
    let mut account = Account::new(200);
    let all = account.get(&list(
        "/members?count=1000&sort_field=last_changed&sort_dir=ASC",
    ));
    let rows = all["members"].as_array().unwrap();
    assert_eq!(
        account.get(&list("/members"))["members"]
            .as_array()
            .unwrap()
            .len(),
        10
    );
    let middle = rows[100]["last_changed"].as_str().unwrap();
    assert!(middle.ends_with("+00:00"));
    let later = account.get(&list(&format!(
        "/members?count=1000&since_last_changed={}",
        middle.replace('+', "%2B")
    )));
    let expected = rows
        .iter()
        .filter(|it| it["last_changed"].as_str().unwrap() > middle)
        .count();
    assert_eq!(later["total_items"], expected);
    assert_eq!(
        account.get(&list("/members?offset=5000"))["members"],
        json!([])
    );
    for wrong in [
        "/members?count=1001",
        "/members?since=2026-01-01",
        "/members?unsubscribed_since=2026-01-01T00:00:00Z",
        "/members?sort_field=email",
    ] {
        assert_eq!(
            account.ask("GET", &list(wrong), Value::Null).0,
            400,
            "{wrong}"
        );
    }
    // A row that changes while it is paged goes to the end, and its neighbour takes its place.
    let first = account.get(&list(
        "/members?count=50&sort_field=last_changed&sort_dir=ASC",
    ));
    let moved = first["members"][0]["email_address"]
        .as_str()
        .unwrap()
        .to_owned();
    account.ask("PATCH", &member(&moved), json!({ "vip": true }));
    let second = account.get(&list(
        "/members?count=50&offset=50&sort_field=last_changed&sort_dir=ASC",
    ));
    assert_eq!(second["members"][0]["id"], rows[51]["id"]);
}

#[test]
fn webhooks_go_where_source_and_event_say() {
    let mut account = Account::new(60);
    let url = "http://127.0.0.1:9/hook/s3cret";
    let body = json!({ "url": url, "events": { "unsubscribe": true, "upemail": true }, "sources": { "user": true, "admin": true, "api": false } });
    let (status, made) = account.ask("POST", &list("/webhooks"), body);
    let secret = made["signing_secret"].as_str().unwrap().to_owned();
    assert_eq!((status, account.sim.hooks.waiting()), (200, 1));
    let shown = account.get(&list("/webhooks"));
    assert!(shown["webhooks"][0].get("signing_secret").is_none());
    let email = account.anyone("subscribed");
    account.ask(
        "PATCH",
        &member(&email),
        json!({ "status": "unsubscribed" }),
    );
    assert_eq!(account.sim.hooks.waiting(), 1, "own writes are not told");
    account.ask("PATCH", &member(&email), json!({ "status": "subscribed" }));
    account.run("unsubscribe", json!({ "email": email }));
    let mut round = account
        .sim
        .hooks
        .take(&mut fastrand::Rng::new(), 0.0, false);
    let mut hook = round.pop().unwrap();
    account.vendor.sending(&mut hook, &mut account.sim);
    let text = String::from_utf8(hook.body.to_vec()).unwrap();
    assert!(
        text.starts_with("type=unsubscribe&fired_at=") && text.contains("data%5Baction%5D=unsub"),
        "{text}"
    );
    let at_s = account.sim.now_ms().div_euclid(1000);
    let header = hook
        .headers
        .iter()
        .find(|(name, _)| name == "x-mailchimp-signature")
        .unwrap();
    assert_eq!(
        header.1,
        format!(
            "t={at_s},v1={}",
            hooks::signature(&secret, at_s, &hook.body)
        )
    );
    // The probe fails: the webhook is gone.
    assert!(!account.vendor.sent(&round[0], 404, &mut account.sim));
    assert_eq!(account.get(&list("/webhooks"))["total_items"], 0);
}

#[test]
fn reports_tell_what_campaigns_did() {
    let mut account = Account::new(200);
    let reports = account.get("/reports?count=2");
    assert_eq!(
        (
            &reports["total_items"],
            reports["reports"].as_array().unwrap().len()
        ),
        (&json!(4), 2)
    );
    let report = &reports["reports"][0];
    let id = report["id"].as_str().unwrap();
    let activity = account.get(&format!("/reports/{id}/email-activity?count=1000"));
    let rows = activity["emails"].as_array().unwrap();
    let bounced = rows
        .iter()
        .filter(|it| it["activity"][0]["action"] == "bounce")
        .count() as u64;
    let counted = &report["bounces"];
    assert_eq!(
        bounced,
        counted["hard_bounces"].as_u64().unwrap() + counted["soft_bounces"].as_u64().unwrap()
    );
    assert_eq!(activity["total_items"], report["emails_sent"]);
    assert_eq!(
        account
            .ask(
                "GET",
                &format!("/reports/{id}/unsubscribed?since=2026-01-01T00:00:00Z"),
                Value::Null
            )
            .0,
        400
    );
    assert_eq!(
        account.get(&format!("/reports/{id}/unsubscribed"))["total_items"],
        report["unsubscribed"]
    );
}

#[test]
fn changes_keep_the_account_whole() {
    let mut account = Account::new(40);
    for _ in 0..300 {
        let change = account.vendor.change(&mut account.sim);
        assert!(change["change"].is_string(), "{change}");
    }
    let list = &account.vendor.lists[NEWSLETTER];
    assert!(
        list.members
            .iter()
            .all(|(hash, it)| *hash == subscriber_hash(&it.email))
    );
    assert!(
        list.members
            .keys()
            .all(|hash| !list.forgotten.contains_key(hash))
    );
}
