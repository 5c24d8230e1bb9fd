mod audiences;

use super::*;

const NOW_MS: i64 = 1_795_000_000_000;

fn start(customers: usize) -> (Meta, Sim) {
    let options = Options {
        customers,
        now_ms: Some(NOW_MS),
        ..Options::default()
    };
    let url = "http://127.0.0.1:1".to_owned();
    (Meta::new(&options), Sim::new(&options, url))
}

fn call(method: &str, target: &str, token: &str, body: &Value) -> Call {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = http::HeaderMap::new();
    if !token.is_empty() {
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    headers.insert("content-type", "application/json".parse().unwrap());
    let path = if path.starts_with("/v") {
        path.to_owned()
    } else {
        format!("/v26.0{path}")
    };
    Call {
        method: method.parse().unwrap(),
        path,
        raw_query: query.to_owned(),
        query: Vec::new(),
        headers,
        body: if body.is_null() {
            String::new()
        } else {
            body.to_string()
        }
        .into(),
    }
}

fn send(meta: &mut Meta, sim: &mut Sim, method: &str, target: &str, body: &Value) -> Answer {
    meta.handle(&call(method, target, tokens::SYSTEM, body), sim)
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn get(meta: &mut Meta, sim: &mut Sim, target: &str) -> Value {
    body(&send(meta, sim, "GET", target, &Value::Null))
}

/// Code and subcode of the error.
fn code(answer: &Value) -> (i64, Option<i64>) {
    (
        answer["error"]["code"].as_i64().unwrap_or(0),
        answer["error"]["error_subcode"].as_i64(),
    )
}

fn form(meta: &Meta, at: usize) -> String {
    meta.forms[at].id.to_string()
}

fn all(meta: &mut Meta, sim: &mut Sim, first: &str) -> Vec<Value> {
    let (mut rows, mut target) = (Vec::new(), first.to_owned());
    loop {
        let page = get(meta, sim, &target);
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["paging"]["next"].as_str() {
            Some(next) => target = next.strip_prefix("http://127.0.0.1:1").unwrap().to_owned(),
            None => return rows,
        }
    }
}

#[test]
fn proof_and_signature_are_those_of_the_vectors() {
    assert_eq!(
        tokens::hmac(b"EAAtoken"),
        "8db770064f4d07ae9494aa35630033ebc2c36f757c8f30657875d7941778c31f"
    );
    assert_eq!(
        tokens::hmac(br#"{"object":"page","entry":[]}"#),
        "9b5b0d82ab15b0cb6d456a9018d9129e12c930e320e3e3d355070ff7fed538b5"
    );
    let (mut meta, mut sim) = start(3);
    meta.needs_proof = true;
    assert_eq!(code(&get(&mut meta, &mut sim, "/me")), (100, None));
    let proof = tokens::hmac(tokens::SYSTEM.as_bytes());
    assert_eq!(
        get(&mut meta, &mut sim, &format!("/me?appsecret_proof={proof}"))["name"],
        "Crosspoint system user"
    );
}

#[test]
fn each_bad_token_says_why() {
    let (mut meta, mut sim) = start(3);
    let mut ask = |meta: &mut Meta, token: &str| {
        code(&body(
            &meta.handle(&call("GET", "/me", token, &Value::Null), &mut sim),
        ))
    };
    assert_eq!(ask(&mut meta, ""), (104, None));
    assert_eq!(ask(&mut meta, "EAAnonsense"), (190, None));
    for subcode in [463, 460] {
        meta.kill_tokens(subcode);
        assert_eq!(ask(&mut meta, tokens::SYSTEM), (190, Some(subcode as i64)));
    }
}

#[test]
fn leads_come_newest_first_and_shift_not() {
    let (mut meta, mut sim) = start(300);
    let target = format!("/{}/leads?limit=10&fields=id,created_time", form(&meta, 0));
    let kept = meta.by_form[0].range((NOW_MS - KEPT_MS, 0)..).count();
    let first = get(&mut meta, &mut sim, &target);
    for _ in 0..30 {
        meta.submit(1, &mut sim);
    }
    let next = first["paging"]["next"]
        .as_str()
        .unwrap()
        .replace("http://127.0.0.1:1", "");
    let mut rows = first["data"].as_array().unwrap().clone();
    rows.extend(all(&mut meta, &mut sim, &next));
    let ids: BTreeSet<String> = rows.iter().map(|it| it["id"].to_string()).collect();
    assert_eq!(ids.len(), rows.len());
    let times: Vec<&str> = rows
        .iter()
        .map(|it| it["created_time"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b) && times[0].ends_with("+0000"));
    assert_eq!(rows.len(), kept);
}

#[test]
fn a_filter_wants_seconds_and_its_own_name() {
    let (mut meta, mut sim) = start(300);
    let base = format!("/{}/leads?limit=500&fields=id,created_time", form(&meta, 0));
    let total = all(&mut meta, &mut sim, &base).len();
    let filter = |field: &str, value: &Value| {
        let text =
            json!([{ "field": field, "operator": "GREATER_THAN", "value": value }]).to_string();
        format!(
            "{base}&filtering={}",
            form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
        )
    };
    let crowd = seconds(meta.world.now_ms - 20 * DAY_MS);
    let after = all(&mut meta, &mut sim, &filter("time_created", &json!(crowd))).len();
    let with_crowd = all(
        &mut meta,
        &mut sim,
        &filter("time_created", &json!(crowd - 1)),
    )
    .len();
    assert!(
        after < with_crowd && with_crowd < total,
        "{after} {with_crowd} {total}"
    );
    assert_eq!(
        all(
            &mut meta,
            &mut sim,
            &filter("time_created", &json!("2026-02-03T04:05:06Z"))
        )
        .len(),
        total
    );
    assert_eq!(
        code(&get(
            &mut meta,
            &mut sim,
            &filter("created_time", &json!(crowd))
        )),
        (100, None)
    );
    assert_eq!(
        code(&get(&mut meta, &mut sim, &filter("id", &json!(1)))),
        (100, None)
    );
    assert_eq!(
        all(&mut meta, &mut sim, &format!("{base}&since=9999999999")).len(),
        total
    );
}

#[test]
fn old_hidden_and_unknown_leads_are_refused() {
    let (mut meta, mut sim) = start(300);
    let old = meta
        .leads
        .iter()
        .find(|it| it.created_ms < NOW_MS - KEPT_MS)
        .unwrap()
        .id;
    assert_eq!(
        code(&get(&mut meta, &mut sim, &format!("/{old}"))),
        (100, Some(33))
    );
    let young = meta.by_form[0].iter().next_back().unwrap().1;
    let shown = get(&mut meta, &mut sim, &format!("/{young}"));
    assert_eq!(
        shown.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["created_time", "field_data", "id"]
    );
    meta.command("hide-lead", &json!({ "id": young.to_string() }), &mut sim)
        .unwrap();
    assert_eq!(
        code(&get(&mut meta, &mut sim, &format!("/{young}"))),
        (803, None)
    );
    assert_eq!(code(&get(&mut meta, &mut sim, "/12345")), (100, Some(33)));
    let nothing = get(&mut meta, &mut sim, &format!("/{young}?fields=id,colour"));
    assert!(
        nothing["error"]["message"]
            .as_str()
            .unwrap()
            .contains("nonexisting field (colour)")
    );
}

#[test]
fn fields_of_ads_are_absent_without_a_role() {
    let (mut meta, mut sim) = start(100);
    let target = format!(
        "/{}/leads?limit=500&fields=ad_id,campaign_name,is_organic",
        form(&meta, 0)
    );
    let rows = all(&mut meta, &mut sim, &target);
    assert!(
        rows.iter()
            .all(|it| it["is_organic"].as_bool().unwrap() == it.get("ad_id").is_none())
    );
    meta.scopes.remove("ads_management");
    let rows = all(&mut meta, &mut sim, &target);
    assert!(
        rows.iter()
            .all(|it| it.get("ad_id").is_none() && it.get("campaign_name").is_none())
    );
    meta.scopes.remove("leads_retrieval");
    assert_eq!(code(&get(&mut meta, &mut sim, &target)), (200, None));
}

#[test]
fn forms_want_the_page_s_own_token() {
    let (mut meta, mut sim) = start(30);
    let target = format!(
        "/{}/leadgen_forms?fields=id,status,questions{{key,type}}",
        meta.pages[0].id
    );
    assert_eq!(code(&get(&mut meta, &mut sim, &target)), (190, None));
    let accounts = get(&mut meta, &mut sim, "/me/accounts?fields=id,access_token");
    let pages = accounts["data"].as_array().unwrap();
    let wanted = meta.pages[0].id.to_string();
    let own = pages.iter().find(|it| it["id"] == wanted).unwrap();
    let token = own["access_token"].as_str().unwrap();
    let forms = body(&meta.handle(&call("GET", &target, token, &Value::Null), &mut sim));
    let statuses: BTreeSet<&str> = forms["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, BTreeSet::from(["ACTIVE", "ARCHIVED"]));
    let other = format!("/{}/leads", form(&meta, 2));
    assert_eq!(
        code(&body(
            &meta.handle(&call("GET", &other, token, &Value::Null), &mut sim)
        )),
        (100, Some(33))
    );
    meta.kill_page_tokens();
    assert_eq!(
        code(&body(&meta.handle(
            &call("GET", &target, token, &Value::Null),
            &mut sim
        ))),
        (190, Some(460))
    );
}

#[test]
fn limits_are_told_before_and_when_reached() {
    let (mut meta, mut sim) = start(30);
    meta.command(
        "set-limit",
        &json!({ "kind": "leadgen", "calls": 2, "window_ms": 180_000 }),
        &mut sim,
    )
    .unwrap();
    let target = format!("/{}/leads", form(&meta, 0));
    let first = send(&mut meta, &mut sim, "GET", &target, &Value::Null);
    let usage: Value =
        serde_json::from_str(first.headers["x-business-use-case-usage"].to_str().unwrap()).unwrap();
    assert_eq!(usage[BUSINESS][0]["call_count"], 50);
    send(&mut meta, &mut sim, "GET", &target, &Value::Null);
    let third = send(&mut meta, &mut sim, "GET", &target, &Value::Null);
    assert_eq!((third.status, code(&body(&third))), (400, (80005, None)));
    let usage: Value =
        serde_json::from_str(third.headers["x-business-use-case-usage"].to_str().unwrap()).unwrap();
    assert!(
        usage[BUSINESS][0]["estimated_time_to_regain_access"]
            .as_i64()
            .unwrap()
            >= 1
    );
    assert!(!third.headers.contains_key("retry-after"));
    sim.advance(180_000);
    assert_eq!(
        send(&mut meta, &mut sim, "GET", &target, &Value::Null).status,
        200
    );
}

#[test]
fn old_versions_are_served_or_refused() {
    let (mut meta, mut sim) = start(3);
    let old = send(&mut meta, &mut sim, "GET", "/v19.0/me", &Value::Null);
    assert_eq!(
        (
            old.status,
            old.headers["facebook-api-version"].to_str().unwrap()
        ),
        (200, "v21.0")
    );
    let target = format!("/v24.0/act_{ACCOUNT}/customaudiences");
    assert_eq!(code(&get(&mut meta, &mut sim, &target)), (2635, None));
    assert_eq!(code(&get(&mut meta, &mut sim, "/v99.0/me")), (2500, None));
}

#[test]
fn events_are_signed_over_escaped_text_and_batched() {
    let (mut meta, mut sim) = start(30);
    meta.subscribe("http://127.0.0.1:9/hook", &json!({}), &mut sim)
        .unwrap();
    meta.text_in_hooks = true;
    meta.numbers_in_hooks = true;
    meta.burst(40, &mut sim);
    let mut rng = fastrand::Rng::with_seed(1);
    let round = sim.hooks.take(&mut rng, 0.0, false);
    assert_eq!(round.len(), 2);
    assert!(
        round[0]
            .url
            .contains("hub.mode=subscribe&hub.challenge=1158"),
        "{}",
        round[0].url
    );
    let event = &round[1];
    let text = String::from_utf8_lossy(&event.body);
    assert!(
        text.is_ascii() && text.contains("K\\u00e4ufer \\/ \\ud83d\\ude00"),
        "{text}"
    );
    let signature = format!("sha256={}", tokens::hmac(&event.body));
    assert!(
        event
            .headers
            .contains(&("x-hub-signature-256".to_owned(), signature))
    );
    let told: Value = serde_json::from_slice(&event.body).unwrap();
    assert_eq!(told["entry"].as_array().unwrap().len(), 2);
    assert!(
        told["entry"][0]["changes"][0]["value"]["leadgen_id"]
            .as_u64()
            .unwrap()
            > 1 << 53
    );
}

#[test]
fn a_wrong_handshake_and_a_missing_installation_mean_no_events() {
    let (mut meta, mut sim) = start(30);
    let hello = |meta: &mut Meta, sim: &mut Sim, status: u16, echo: bool| {
        meta.subscribe("http://127.0.0.1:9/hook", &json!({}), sim)
            .unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        let mut hook = sim.hooks.take(&mut rng, 0.0, false).remove(0);
        let challenge = meta.subscriptions[0].challenge.clone();
        hook.answer = if echo {
            challenge
        } else {
            format!("\"{challenge}\"")
        }
        .into();
        assert!(!meta.sent(&hook, status, sim));
        meta.submit(1, sim);
        sim.hooks.take(&mut rng, 0.0, false).len()
    };
    assert_eq!(hello(&mut meta, &mut sim, 403, true), 0);
    assert_eq!(hello(&mut meta, &mut sim, 200, false), 0);
    assert_eq!(hello(&mut meta, &mut sim, 200, true), 1);
    meta.pages.iter_mut().for_each(|it| it.is_installed = false);
    meta.submit(1, &mut sim);
    assert_eq!(sim.hooks.waiting(), 0);
}

#[test]
fn a_batch_answers_each_call() {
    let (mut meta, mut sim) = start(30);
    let calls = json!([{ "method": "GET", "relative_url": "v26.0/me" }, { "method": "GET", "relative_url": "v26.0/1" }]);
    let answers = body(&send(
        &mut meta,
        &mut sim,
        "POST",
        "/",
        &json!({ "batch": calls }),
    ));
    assert_eq!(
        (&answers[0]["code"], &answers[1]["code"]),
        (&json!(200), &json!(400))
    );
    assert!(
        answers[1]["body"]
            .as_str()
            .unwrap()
            .contains("\"error_subcode\":33")
    );
}
