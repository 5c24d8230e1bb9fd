mod later;

use super::make::NEWSLETTER;
use super::*;

const NOW_MS: i64 = 1_793_000_000_000;
const NEW: &str = "new.person@mail.example";

struct Account {
    vendor: Klaviyo,
    sim: Sim,
}

impl Account {
    fn new(customers: usize) -> Self {
        let options = Options {
            customers,
            now_ms: Some(NOW_MS),
            ..Options::default()
        };
        let (mut vendor, sim) = (
            Klaviyo::new(&options),
            Sim::new(&options, "http://127.0.0.1:1".to_owned()),
        );
        vendor.rate = Some((1000, 1000));
        Self { vendor, sim }
    }

    fn call(&self, method: &str, target: &str, body: &Value) -> Call {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = http::HeaderMap::new();
        let key = format!(
            "Klaviyo-API-Key {}",
            self.vendor.key.as_deref().unwrap_or_default()
        );
        headers.insert("authorization", key.parse().unwrap());
        headers.insert("revision", REVISION.parse().unwrap());
        headers.insert("content-type", "application/vnd.api+json".parse().unwrap());
        Call {
            method: method.parse().unwrap(),
            path: format!("/api{path}"),
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

    fn send(&mut self, call: &Call) -> (u16, Value) {
        let answer = self.vendor.handle(call, &mut self.sim);
        (
            answer.status,
            serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
        )
    }

    fn ask(&mut self, method: &str, target: &str, body: Value) -> (u16, Value) {
        let call = self.call(method, target, &body);
        self.send(&call)
    }

    fn get(&mut self, target: &str) -> Value {
        let (status, body) = self.ask("GET", target, Value::Null);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    /// Every row of a list, page by page as `links.next` says.
    fn all(&mut self, target: &str) -> Vec<Value> {
        let (mut target, mut rows) = (target.to_owned(), Vec::new());
        loop {
            let page = self.get(&target);
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["links"]["next"].as_str() {
                Some(next) => target = next.trim_start_matches("http://127.0.0.1:1/api").to_owned(),
                None => return rows,
            }
        }
    }

    fn import(&mut self, attributes: Value) -> (u16, Value) {
        self.ask(
            "POST",
            "/profile-import",
            json!({ "data": { "type": "profile", "attributes": attributes } }),
        )
    }

    fn by_email(&mut self, email: &str) -> Vec<Value> {
        self.get(&format!(
            "/profiles?filter=equals(email,\"{email}\")&additional-fields[profile]=subscriptions"
        ))["data"]
            .as_array()
            .unwrap()
            .clone()
    }

    fn count(&self, kind: &str) -> u64 {
        self.sim
            .effects()
            .filter(|it| it.kind == kind)
            .map(|it| it.count)
            .sum()
    }
}

fn job(kind: &str, rows: &Value, list: Option<&str>) -> Value {
    let mut data = json!({ "type": kind, "attributes": { "profiles": { "data": rows } } });
    if let Some(list) = list {
        data["relationships"] = json!({ "list": { "data": { "type": "list", "id": list } } });
    }
    json!({ "data": data })
}

fn person(email: &str) -> Value {
    json!({ "type": "profile", "attributes": { "email": email } })
}

fn event(unique_id: Option<&str>, email: &str) -> Value {
    let mut event = json!({ "type": "event", "attributes": { "time": "2026-01-05T10:00:00Z", "properties": {}, "metric": { "data": { "type": "metric", "attributes": { "name": "Placed Order" } } },
                            "profile": { "data": person(email) } } });
    if let Some(unique_id) = unique_id {
        event["attributes"]["unique_id"] = json!(unique_id);
    }
    json!({ "data": event })
}

#[test]
fn signature_is_the_one_of_the_vector() {
    let body = br#"{"data":[],"meta":{"timestamp":"2026-01-01T00:00:00+00:00"}}"#;
    let signed = webhook::signature(
        "klaviyo-secret-0123456",
        body,
        "Thu, 01 Jan 2026 00:00:00 GMT",
    );
    assert_eq!(
        signed,
        "280de9d0be32a138817f78b2c804a88fc2c94ec8127bb65cc29f84e43a2352bc"
    );
}

#[test]
fn access_is_by_key_scope_revision_and_rate() {
    let mut account = Account::new(3);
    let mut call = account.call("GET", "/profiles", &Value::Null);
    for (header, value, status) in [
        ("authorization", "Klaviyo-API-Key pk_other", 401),
        ("authorization", "Bearer expired", 401),
        ("revision", "yesterday", 400),
        ("revision", "2020-01-15", 200),
    ] {
        let before = call.headers.insert(header, value.parse().unwrap()).unwrap();
        assert_eq!(account.send(&call).0, status, "{header}: {value}");
        call.headers.insert(header, before);
    }
    call.headers.insert(
        "x-klaviyo-revision-fall-forward-opt-out",
        "1".parse().unwrap(),
    );
    assert_eq!(account.send(&call).0, 200);
    call.headers
        .insert("revision", "2020-01-15".parse().unwrap());
    assert_eq!(account.send(&call).0, 410);
    let mut write = account.call("POST", "/profile-import", &json!({ "data": person(NEW) }));
    write
        .headers
        .insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(account.send(&write).0, 415);
    account.vendor.command(
        "drop-scope",
        &json!({ "scope": "profiles:write" }),
        &mut account.sim,
    );
    assert_eq!(
        (
            account.import(json!({ "email": NEW })).0,
            account.ask("GET", "/profiles", Value::Null).0
        ),
        (403, 200)
    );
    account.vendor.command(
        "set-rate",
        &json!({ "burst": 1, "steady": 2 }),
        &mut account.sim,
    );
    let call = account.call("GET", "/profiles", &Value::Null);
    account.sim.advance(60_000);
    let answer = account.vendor.handle(&call, &mut account.sim);
    assert_eq!(
        (
            answer.status,
            answer.headers["ratelimit-remaining"].as_bytes()
        ),
        (200, &b"1"[..])
    );
    account.sim.advance(1000);
    account.vendor.handle(&call, &mut account.sim);
    account.sim.advance(1000);
    let answer = account.vendor.handle(&call, &mut account.sim);
    assert_eq!(
        (
            answer.status,
            answer.headers.contains_key("retry-after"),
            answer.headers.contains_key("ratelimit-limit")
        ),
        (429, true, false)
    );
}

#[test]
fn tokens_expire_and_are_refreshed() {
    let mut account = Account::new(3);
    let mut call = account.call("POST", "", &Value::Null);
    call.path = "/oauth/token".to_owned();
    let basic = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("{CLIENT}:{CLIENT_SECRET}"),
    );
    call.headers
        .insert("authorization", format!("Basic {basic}").parse().unwrap());
    call.body = format!(
        "grant_type=refresh_token&refresh_token={}",
        account.vendor.refresh_token
    )
    .into();
    let (status, tokens) = account.send(&call);
    assert_eq!((status, &tokens["expires_in"]), (200, &json!(3600)));
    let mut read = account.call("GET", "/profiles", &Value::Null);
    read.headers.insert(
        "authorization",
        format!("Bearer {}", tokens["access_token"].as_str().unwrap())
            .parse()
            .unwrap(),
    );
    assert_eq!(account.send(&read).0, 200);
    account.sim.advance(3_600_000);
    assert_eq!(account.send(&read).0, 401);
    assert_eq!(account.send(&call).0, 200);
}

#[test]
fn import_is_an_upsert_seen_later() {
    let mut account = Account::new(5);
    account.vendor.lag_ms = 60_000;
    let (status, made) =
        account.import(json!({ "email": NEW, "properties": { "ltv": 1, "old": 2 } }));
    assert_eq!((status, account.by_email(NEW).len()), (201, 0));
    account.sim.advance(60_000);
    assert_eq!(account.by_email(NEW)[0]["id"], made["data"]["id"]);
    let body = json!({ "data": { "type": "profile", "attributes": { "email": NEW, "first_name": null, "properties": { "ltv": null } },
                       "meta": { "patch_properties": { "append": { "skus": "A1" }, "unset": ["old"] } } } });
    let (status, after) = account.ask("POST", "/profile-import", body);
    assert_eq!(
        (status, &after["data"]["attributes"]["properties"]),
        (200, &json!({ "ltv": null, "skus": ["A1"] }))
    );
    // Addresses are texts: another case is somebody else.
    assert_eq!(
        account.import(json!({ "email": NEW.to_uppercase() })).0,
        201
    );
    let (_, other) = account.import(json!({ "external_id": "crm-new" }));
    let (status, clash) = account.import(json!({ "external_id": "crm-new", "email": NEW }));
    assert_eq!(
        (status, &clash["errors"][0]["meta"]["duplicate_profile_id"]),
        (409, &other["data"]["id"])
    );
    assert_eq!(
        account
            .ask("POST", "/profiles", json!({ "data": person(NEW) }))
            .0,
        409
    );
    for (attributes, pointer) in [
        (
            json!({ "email": NEW, "phone_number": "0151 12345678" }),
            "/data/attributes/phone_number",
        ),
        (json!({ "email": "wrong" }), "/data/attributes/email"),
        (
            json!({ "email": NEW, "nickname": "A" }),
            "/data/attributes/nickname",
        ),
        (json!({ "first_name": "A" }), "/data"),
    ] {
        let (status, body) = account.import(attributes);
        assert_eq!(
            (status, &body["errors"][0]["source"]["pointer"]),
            (400, &json!(pointer))
        );
    }
    let (into, from) = (made["data"]["id"].clone(), other["data"]["id"].clone());
    let merge = json!({ "data": { "type": "profile-merge", "id": into, "relationships": { "profiles": { "data": [{ "type": "profile", "id": from }] } } } });
    assert_eq!(account.ask("POST", "/profile-merge", merge).0, 202);
    assert_eq!(
        account
            .ask(
                "GET",
                &format!("/profiles/{}", from.as_str().unwrap()),
                Value::Null
            )
            .0,
        404
    );
}

#[test]
fn pages_follow_cursors_through_changes() {
    let mut account = Account::new(150);
    let first = account.get("/profiles?page[size]=50&sort=updated");
    let moved = first["data"][0]["attributes"]["email"]
        .as_str()
        .unwrap()
        .to_owned();
    account.import(json!({ "email": moved, "first_name": "Moved" }));
    let rest = account.all(
        first["links"]["next"]
            .as_str()
            .unwrap()
            .trim_start_matches("http://127.0.0.1:1/api"),
    );
    assert_eq!(rest.len(), 101);
    assert_eq!(rest.last().unwrap()["attributes"]["email"], moved);
    let since = rest[50]["attributes"]["updated"]
        .as_str()
        .unwrap()
        .replace('+', "%2B");
    let later = account.all(&format!(
        "/profiles?filter=greater-than(updated,{since})&sort=updated"
    ));
    assert_eq!(later.len(), 50);
    for wrong in [
        "/profiles?page[size]=101",
        "/profiles?page[cursor]=zzz",
        "/profiles?filter=equals(nick,\"a\")",
        "/profiles?filter=greater-or-equal(updated,2026-01-01T00:00:00Z)",
        "/profiles?sort=last_name",
        "/profiles?limit=10",
        "/profiles?filter=equals(email,\"a\"",
        "/lists?page[size]=11",
    ] {
        assert_eq!(account.ask("GET", wrong, Value::Null).0, 400, "{wrong}");
    }
    assert_eq!(
        account.get("/profiles?filter=any(email,[\"a@x.example\",\"b@x.example\"])")["data"],
        json!([])
    );
}

#[test]
fn lists_take_known_ids_only() {
    let mut account = Account::new(5);
    let id = account.vendor.profiles.keys().next().unwrap().clone();
    let target = format!("/lists/{NEWSLETTER}/relationships/profiles");
    let body = |ids: &[&str]| json!({ "data": ids.iter().map(|id| json!({ "type": "profile", "id": id })).collect::<Vec<_>>() });
    assert_eq!(account.ask("POST", &target, body(&[&id, "nobody"])).0, 404);
    assert_eq!(
        account.ask("POST", &target, body(&[&id])),
        (204, Value::Null)
    );
    assert!(account.vendor.lists[NEWSLETTER].members.contains_key(&id));
    assert_eq!(account.ask("DELETE", &target, body(&[&id])).0, 204);
    assert!(!account.vendor.lists[NEWSLETTER].members.contains_key(&id));
    assert_eq!(
        account
            .ask(
                "POST",
                "/segments/Ss9mQd/relationships/profiles",
                body(&[&id])
            )
            .0,
        403
    );
}

#[test]
fn changes_keep_the_account_whole() {
    let mut account = Account::new(40);
    for _ in 0..300 {
        let change = account.vendor.change(&mut account.sim);
        assert!(change["change"].is_string(), "{change}");
    }
    let vendor = &account.vendor;
    assert!(
        vendor
            .by_email
            .iter()
            .all(|(email, id)| vendor.profiles[id].email.as_ref() == Some(email))
    );
    assert!(
        vendor
            .by_phone
            .iter()
            .all(|(phone, id)| vendor.profiles[id].phone.as_ref() == Some(phone))
    );
    assert!(vendor.lists.values().all(|list| {
        list.members
            .keys()
            .all(|id| vendor.profiles.contains_key(id))
    }));
    assert!(
        vendor
            .events
            .iter()
            .all(|it| vendor.profiles.contains_key(&it.profile))
    );
}
