mod bulk;
mod write;

use super::*;

const NOW_MS: i64 = 1_795_000_000_000;

fn start(customers: usize) -> (Salesforce, Sim) {
    start_at(NOW_MS, customers)
}

fn start_at(now_ms: i64, customers: usize) -> (Salesforce, Sim) {
    let options = Options {
        customers,
        now_ms: Some(now_ms),
        ..Options::default()
    };
    let mut sim = Sim::new(&options, "http://127.0.0.1:1".to_owned());
    let mut org = Salesforce::new(&options);
    let answer = token(&mut org, &mut sim, &[]);
    let text = body_of(&answer)["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    sim.url = text;
    (org, sim)
}

/// The address of the simulator is of no use here: it carries the token from call to call.
fn call(sim: &Sim, method: &str, target: &str, body: &Value) -> Call {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = http::HeaderMap::new();
    headers.insert(
        "authorization",
        format!("Bearer {}", sim.url).parse().unwrap(),
    );
    let kind = if body.is_string() {
        "text/csv"
    } else {
        "application/json"
    };
    headers.insert("content-type", kind.parse().unwrap());
    let body = match body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let path = if path.starts_with("/services") {
        path.to_owned()
    } else {
        format!("/services/data/v66.0{path}")
    };
    Call {
        method: method.parse().unwrap(),
        path,
        raw_query: query.to_owned(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers,
        body: body.into(),
    }
}

fn token(org: &mut Salesforce, sim: &mut Sim, extra: &[(&str, &str)]) -> Answer {
    let mut form = BTreeMap::from([
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", "A1B2C3D4E5F60718293A4B5C6D7E8F90"),
    ]);
    form.extend(extra.iter().copied());
    let text = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let mut call = call(sim, "POST", "/services/oauth2/token", &Value::Null);
    call.body = text.into();
    org.handle(&call, sim)
}

fn body_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

fn ask(
    org: &mut Salesforce,
    sim: &mut Sim,
    method: &str,
    target: &str,
    body: Value,
) -> (u16, Value) {
    let answer = org.handle(&call(sim, method, target, &body), sim);
    (answer.status, body_of(&answer))
}

fn soql(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn query(org: &mut Salesforce, sim: &mut Sim, text: &str) -> (u16, Value) {
    ask(
        org,
        sim,
        "GET",
        &format!("/queryAll?q={}", soql(text)),
        Value::Null,
    )
}

fn ids(body: &Value) -> Vec<String> {
    body["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["Id"].as_str().unwrap().to_owned())
        .collect()
}

/// Made with the key of `key.pem` by openssl; good until two minutes after the start.
const ASSERTION: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIzTVZHOWNyb3NzcG9pbnRDb25zdW1lcktleS4wMTIzNDU2Nzg5YWJjZGVmIiwic3ViIjoiaW50ZWdyYXRpb25AY3Jvc3Nwb2ludC10ZXN0LmV4YW1wbGUiLCJhdWQiOiJodHRwczovL2xvZ2luLnNhbGVzZm9yY2UuY29tIiwiZXhwIjoxNzk1MDAwMTIwfQ.h4DUt8m2tOudYC1UQ9ffPrfEYJzZyVNXNMd6EKRes3J6uy3YEz15CmmgY3c9jD9zLwQVD1c3VVLuxwg4W8qUWQnlRdIkXAAqWCXLB4K_30mN40UzUth2GjCA0GIZobQDvaR_10c8_CnCXGNB3FJ4jj3ec_aq9fz5S5KmYAhisY8fPUY0kDoZqkjLHEMTUjBJQyotOqk03KO8r77Eol1pUMgDo1pBCN43ueMOBeKbesJPogPP_Q7Fb2eSiOINm2XaiTRMft3wdNuauRKgqJC7c9_fqk11YnoclFiHY3eUyCH6kmCaayZrojAABJTDlQc35kTtgKH9gZaBkt4jp6UhSA";

#[test]
fn an_assertion_is_verified_whole() {
    let (mut org, mut sim) = start(3);
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let mut send = |org: &mut Salesforce, text: &str| {
        token(org, &mut sim, &[("grant_type", grant), ("assertion", text)]).status
    };
    assert_eq!(send(&mut org, ASSERTION), 200);
    let mut forged = ASSERTION.to_owned();
    let at = forged.rfind('.').unwrap() + 20;
    let other = if &forged[at..=at] == "A" { "B" } else { "A" };
    forged.replace_range(at..=at, other);
    assert_eq!(send(&mut org, &forged), 400);
    org.is_approved = false;
    assert_eq!(send(&mut org, ASSERTION), 400);
    let (mut later, mut sim) = start_at(NOW_MS + 121_000, 3);
    let sent = [("grant_type", grant), ("assertion", ASSERTION)];
    assert_eq!(token(&mut later, &mut sim, &sent).status, 400);
}

#[test]
fn each_bad_credential_says_why() {
    let (mut org, mut sim) = start(3);
    let refused = body_of(&token(&mut org, &mut sim, &[("client_secret", "wrong")]));
    assert_eq!(refused["error"], "invalid_client");
    org.has_run_as = false;
    let refused = body_of(&token(&mut org, &mut sim, &[]));
    assert_eq!(
        refused["error_description"],
        "no client credentials user enabled"
    );
    assert_eq!(
        ask(&mut org, &mut sim, "GET", "/limits", Value::Null).0,
        200
    );
    org.scopes.remove("api");
    assert_eq!(
        ask(&mut org, &mut sim, "GET", "/limits", Value::Null).0,
        403
    );
    org.sessions.clear();
    let (status, body) = ask(&mut org, &mut sim, "GET", "/limits", Value::Null);
    assert_eq!(
        (status, &body[0]["errorCode"]),
        (401, &json!("INVALID_SESSION_ID"))
    );
    org.rotates = true;
    let grant = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "5Aep861first.refresh.token"),
    ];
    assert!(body_of(&token(&mut org, &mut sim, &grant))["refresh_token"].is_string());
    assert_eq!(token(&mut org, &mut sim, &grant).status, 400);
}

#[test]
fn locators_lead_through_and_grow_stale() {
    let (mut org, mut sim) = start(1200);
    let text = "SELECT Id, SystemModstamp FROM Contact ORDER BY SystemModstamp, Id";
    let mut first = call(
        &sim,
        "GET",
        &format!("/query?q={}", soql(text)),
        &Value::Null,
    );
    first
        .headers
        .insert("sforce-query-options", "batchSize=5".parse().unwrap());
    let page = body_of(&org.handle(&first, &mut sim));
    assert_eq!(page["records"].as_array().unwrap().len(), 200);
    let (mut all, mut page) = (ids(&page), page);
    while page["done"] == false {
        let next = page["nextRecordsUrl"].as_str().unwrap().to_owned();
        page = ask(&mut org, &mut sim, "GET", &next, Value::Null).1;
        all.extend(ids(&page));
    }
    let total = page["totalSize"].as_u64().unwrap() as usize;
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), total);
    let locator = org.locators.keys().next().unwrap().clone();
    sim.advance(3 * DAY_MS);
    sim.url = body_of(&token(&mut org, &mut sim, &[]))["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let (status, body) = ask(
        &mut org,
        &mut sim,
        "GET",
        &format!("/query/{locator}-200"),
        Value::Null,
    );
    assert_eq!(
        (status, &body[0]["errorCode"]),
        (400, &json!("INVALID_QUERY_LOCATOR"))
    );
}

#[test]
fn reading_by_stamp_and_id_loses_nothing_among_equals() {
    let (mut org, mut sim) = start(600);
    let whole: BTreeSet<String> = org.data.rows("Contact").map(|it| it.id.clone()).collect();
    let stamps: BTreeSet<i64> = org.data.rows("Contact").map(|it| it.stamp_ms).collect();
    assert!(stamps.len() + 20 < whole.len());
    let (mut seen, mut condition) = (BTreeSet::new(), "Id != null".to_owned());
    loop {
        let text = format!(
            "SELECT Id, SystemModstamp FROM Contact WHERE {condition} ORDER BY SystemModstamp ASC, Id ASC LIMIT 17"
        );
        let (status, body) = query(&mut org, &mut sim, &text);
        assert_eq!(status, 200, "{body}");
        let rows = body["records"].as_array().unwrap();
        let Some(last) = rows.last() else { break };
        seen.extend(ids(&body));
        let (id, stamp) = (
            last["Id"].as_str().unwrap(),
            last["SystemModstamp"]
                .as_str()
                .unwrap()
                .replace("+0000", "Z"),
        );
        condition =
            format!("(SystemModstamp > {stamp}) OR (SystemModstamp = {stamp} AND Id > '{id}')");
    }
    assert_eq!(seen, whole);
}

#[test]
fn wrong_queries_are_refused_in_the_vendor_s_words() {
    let (mut org, mut sim) = start(20);
    org.hidden
        .insert(("Lead".to_owned(), "Score__c".to_owned()));
    for (text, code) in [
        ("SELECT Id FROM Led", "INVALID_TYPE"),
        ("SELECT Id, Colour FROM Lead", "INVALID_FIELD"),
        ("SELECT Id, Score__c FROM Lead", "INVALID_FIELD"),
        (
            "SELECT Id FROM Lead WHERE SystemModstamp > '2026-02-03T04:05:06Z'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Lead WHERE SystemModstamp > 2026-02-03",
            "INVALID_FIELD",
        ),
        ("SELECT Id FROM Lead WHERE Email = ana", "INVALID_FIELD"),
        (
            "SELECT Id FROM Lead WHERE Description = 'x'",
            "INVALID_FIELD",
        ),
        (
            "SELECT Id FROM Lead WHERE Email = null AND IsDeleted = false OR Id != null",
            "MALFORMED_QUERY",
        ),
        (
            "SELECT Id FROM Lead WHERE SystemModstamp > 2026-02-03T04:05:06 00:00",
            "INVALID_FIELD",
        ),
        ("SELECT * FROM Lead", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Lead WHERE LastName = 'O'Brien'",
            "MALFORMED_QUERY",
        ),
    ] {
        let (status, body) = query(&mut org, &mut sim, text);
        assert_eq!(
            (status, body[0]["errorCode"].as_str()),
            (400, Some(code)),
            "{text} {body}"
        );
    }
    let (_, body) = query(
        &mut org,
        &mut sim,
        "SELECT Id, Owner.Email, Account.Name FROM Contact WHERE LastName LIKE '%' AND AccountId = null LIMIT 1",
    );
    assert!(
        body["records"][0]["Owner"]["Email"].is_string() && body["records"][0]["Account"].is_null(),
        "{body}"
    );
}

#[test]
fn deleted_rows_show_in_query_all_and_in_the_log() {
    let (mut org, mut sim) = start(40);
    let id = org.data.rows("Contact").next().unwrap().id.clone();
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "DELETE",
            &format!("/sobjects/Contact/{id}"),
            Value::Null
        )
        .0,
        204
    );
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "DELETE",
            &format!("/sobjects/Contact/{id}"),
            Value::Null
        )
        .0,
        404
    );
    let text = format!(
        "SELECT Id, IsDeleted FROM Contact WHERE Id IN ('{}')",
        &id[..15]
    );
    assert_eq!(
        query(&mut org, &mut sim, &text).1["records"][0]["IsDeleted"],
        true
    );
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "GET",
            &format!("/query?q={}", soql(&text)),
            Value::Null
        )
        .1["totalSize"],
        0
    );
    let at = |ms: i64| data::stamp(NOW_MS + ms).replace("+0000", "%2B00:00");
    let log = |from: i64, to: i64| {
        format!(
            "/sobjects/Contact/deleted/?start={}&end={}",
            at(from),
            at(to)
        )
    };
    let (_, body) = ask(
        &mut org,
        &mut sim,
        "GET",
        &log(-600_000, 600_000),
        Value::Null,
    );
    assert_eq!(body["deletedRecords"][0]["id"], id);
    assert!(body["latestDateCovered"].as_str().unwrap() < data::stamp(NOW_MS + 600_000).as_str());
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "GET",
            &log(-16 * DAY_MS, 0),
            Value::Null
        )
        .0,
        400
    );
    assert_eq!(
        ask(&mut org, &mut sim, "GET", &log(0, 30_000), Value::Null).0,
        400
    );
}

#[test]
fn limits_and_versions_are_refused_as_documented() {
    let (mut org, mut sim) = start(5);
    org.command("set-limit", &json!({ "max": 100, "used": 99 }), &mut sim)
        .unwrap();
    let answer = org.handle(&call(&sim, "GET", "/limits", &Value::Null), &mut sim);
    assert_eq!(answer.headers["sforce-limit-info"], "api-usage=100/100");
    let (status, body) = ask(&mut org, &mut sim, "GET", "/limits", Value::Null);
    assert_eq!(
        (status, &body[0]["errorCode"]),
        (403, &json!("REQUEST_LIMIT_EXCEEDED"))
    );
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "GET",
            "/services/data/v30.0/limits",
            Value::Null
        )
        .0,
        410
    );
    assert_eq!(
        ask(&mut org, &mut sim, "GET", "/services/data", Value::Null).0,
        200
    );
    let long = format!("/query?q={}", "x".repeat(17_000));
    assert_eq!(ask(&mut org, &mut sim, "GET", &long, Value::Null).0, 414);
}

#[test]
fn a_composite_refers_back_and_rolls_back() {
    let (mut org, mut sim) = start(5);
    let part = |method: &str, url: &str, name: &str, body: Value| json!({ "method": method, "url": format!("/services/data/v66.0{url}"), "referenceId": name, "body": body });
    let calls = json!([
        part("POST", "/sobjects/Account", "a", json!({ "Name": "New" })),
        part(
            "POST",
            "/sobjects/Contact",
            "c",
            json!({ "LastName": "x", "AccountId": "@{a.id}" })
        )
    ]);
    let (_, body) = ask(
        &mut org,
        &mut sim,
        "POST",
        "/composite",
        json!({ "compositeRequest": calls }),
    );
    assert_eq!(body["compositeResponse"][1]["httpStatusCode"], 201);
    let contact = body["compositeResponse"][1]["body"]["id"].as_str().unwrap();
    assert_eq!(
        org.data.row("Contact", contact).unwrap().fields["AccountId"],
        body["compositeResponse"][0]["body"]["id"]
    );
    let before = org.data.rows("Account").count();
    let calls = json!([
        part("POST", "/sobjects/Account", "a", json!({ "Name": "Gone" })),
        part("POST", "/sobjects/Contact", "c", json!({}))
    ]);
    let (_, body) = ask(
        &mut org,
        &mut sim,
        "POST",
        "/composite",
        json!({ "allOrNone": true, "compositeRequest": calls }),
    );
    assert_eq!(
        body["compositeResponse"][0]["body"][0]["errorCode"],
        "PROCESSING_HALTED"
    );
    assert_eq!(org.data.rows("Account").count(), before);
}

#[test]
fn late_commits_appear_with_their_older_stamp() {
    let (mut org, mut sim) = start(30);
    org.commit_lag_ms = 60_000;
    let before = query(&mut org, &mut sim, "SELECT COUNT() FROM Lead").1["totalSize"]
        .as_u64()
        .unwrap();
    let mut created = 0;
    for _ in 0..40 {
        let change = org.happen(&mut sim);
        created += u64::from(change["kind"] == "Lead" && change["change"] == "created");
    }
    assert!(created > 0);
    assert_eq!(
        query(&mut org, &mut sim, "SELECT COUNT() FROM Lead").1["totalSize"]
            .as_u64()
            .unwrap(),
        before
    );
    sim.advance(61_000);
    assert_eq!(
        query(&mut org, &mut sim, "SELECT COUNT() FROM Lead").1["totalSize"]
            .as_u64()
            .unwrap(),
        before + created
    );
}
