use super::*;

#[test]
fn bulk_import_fails_row_by_row() {
    let mut account = Account::new(5);
    account.vendor.job_ms = 100_000;
    let rows = json!([person(NEW), person("wrong"), { "type": "profile", "attributes": { "email": "b@mail.example", "phone_number": "12" } }]);
    let mut body = job("profile-bulk-import-job", &rows, None);
    body["data"]["relationships"] =
        json!({ "lists": { "data": [{ "type": "list", "id": NEWSLETTER }] } });
    let (status, made) = account.ask("POST", "/profile-bulk-import-jobs", body);
    let target = format!(
        "/profile-bulk-import-jobs/{}",
        made["data"]["id"].as_str().unwrap()
    );
    assert_eq!((status, account.count("profile.write")), (202, 0));
    account.sim.advance(60_000);
    assert_eq!(
        account.get(&target)["data"]["attributes"]["status"],
        "processing"
    );
    account.sim.advance(60_000);
    let done = account.get(&target)["data"]["attributes"].clone();
    assert_eq!(
        (
            &done["status"],
            &done["completed_count"],
            &done["failed_count"]
        ),
        (&json!("complete"), &json!(1), &json!(2))
    );
    let errors = account.get(&format!("{target}/import-errors?page[size]=100"));
    assert_eq!(
        errors["data"][0]["attributes"]["source"]["pointer"],
        "/data/attributes/profiles/data/1/attributes/email"
    );
    let imported = account.get(&format!("{target}/profiles"));
    let id = imported["data"][0]["id"].as_str().unwrap().to_owned();
    assert!(account.vendor.lists[NEWSLETTER].members.contains_key(&id));
    account.sim.advance(1000);
    assert_eq!(
        account.by_email(NEW)[0]["attributes"]["subscriptions"]["email"]["marketing"]["consent"],
        "NEVER_SUBSCRIBED"
    );
    let many: Vec<Value> = (0..10_001)
        .map(|it| person(&format!("m{it}@mail.example")))
        .collect();
    assert_eq!(
        account
            .ask(
                "POST",
                "/profile-bulk-import-jobs",
                job("profile-bulk-import-job", &json!(many), None)
            )
            .0,
        400
    );
}

#[test]
fn consent_comes_and_goes_by_jobs() {
    let mut account = Account::new(60);
    (account.vendor.job_ms, account.vendor.lag_ms) = (0, 0);
    let row = |email: &str| json!({ "type": "profile", "attributes": { "email": email, "subscriptions": { "email": { "marketing": { "consent": "SUBSCRIBED" } } } } });
    let gone = account
        .vendor
        .profiles
        .values()
        .find(|it| it.suppressions.contains_key("UNSUBSCRIBE"))
        .unwrap()
        .email
        .clone()
        .unwrap();
    let create = "profile-subscription-bulk-create-job";
    let mut bad = row(NEW);
    bad["attributes"]["phone_number"] = json!("12");
    assert_eq!(
        account
            .ask(
                "POST",
                &format!("/{create}s"),
                job(create, &json!([row(&gone), bad]), Some(NEWSLETTER))
            )
            .0,
        400
    );
    assert_eq!(
        account.ask(
            "POST",
            &format!("/{create}s"),
            job(create, &json!([row(&gone)]), Some(NEWSLETTER))
        ),
        (202, Value::Null)
    );
    let shown =
        account.by_email(&gone)[0]["attributes"]["subscriptions"]["email"]["marketing"].clone();
    assert_eq!(
        (&shown["consent"], &shown["suppression"]),
        (&json!("SUBSCRIBED"), &json!([]))
    );
    let mut historical = job(create, &json!([row(NEW)]), Some(NEWSLETTER));
    historical["data"]["attributes"]["historical_import"] = json!(true);
    assert_eq!(
        account.ask("POST", &format!("/{create}s"), historical).0,
        400,
        "consented_at is missing"
    );
    account
        .vendor
        .lists
        .get_mut(NEWSLETTER)
        .unwrap()
        .is_double_opt_in = true;
    account.ask(
        "POST",
        &format!("/{create}s"),
        job(create, &json!([row(NEW)]), Some(NEWSLETTER)),
    );
    account.sim.advance(1000);
    assert_eq!(
        account.by_email(NEW)[0]["attributes"]["subscriptions"]["email"]["marketing"]["consent"],
        "NEVER_SUBSCRIBED"
    );
    assert_eq!(account.count("opt-in-mail"), 1);
    // Who is on the list leaves it; who is not is unsubscribed from everything.
    let delete = "profile-subscription-bulk-delete-job";
    account.ask(
        "POST",
        &format!("/{delete}s"),
        job(
            delete,
            &json!([person(&gone), person(NEW)]),
            Some(NEWSLETTER),
        ),
    );
    account.sim.advance(1000);
    let consent = |account: &mut Account, email: &str| {
        account.by_email(email)[0]["attributes"]["subscriptions"]["email"]["marketing"]["consent"]
            .clone()
    };
    assert_eq!(
        (consent(&mut account, &gone), consent(&mut account, NEW)),
        (json!("SUBSCRIBED"), json!("UNSUBSCRIBED"))
    );
    let suppress = "profile-suppression-bulk-create-job";
    let (_, made) = account.ask(
        "POST",
        &format!("/{suppress}s"),
        job(suppress, &json!([person(&gone)]), None),
    );
    let done = account.get(&format!(
        "/{suppress}s/{}",
        made["data"]["id"].as_str().unwrap()
    ));
    assert_eq!(done["data"]["attributes"]["status"], "complete");
    let found = account.all("/profiles?filter=equals(subscriptions.email.marketing.suppression.reason,\"USER_SUPPRESSED\")");
    assert_eq!(found.len(), 1);
    let erase = json!({ "data": { "type": "data-privacy-deletion-job", "attributes": { "profile": { "data": person(&gone) } } } });
    assert_eq!(
        account.ask("POST", "/data-privacy-deletion-jobs", erase),
        (202, Value::Null)
    );
    assert_eq!(account.by_email(&gone).len(), 0);
}

#[test]
fn events_are_stored_once() {
    let mut account = Account::new(5);
    for _ in 0..2 {
        assert_eq!(
            account.ask("POST", "/events", event(Some("ord-1"), NEW)),
            (202, Value::Null)
        );
        assert_eq!(account.ask("POST", "/events", event(None, NEW)).0, 202);
    }
    assert_eq!(account.count("event.add"), 2);
    account.sim.advance(1000);
    let id = account.by_email(NEW)[0]["id"].as_str().unwrap().to_owned();
    let rows = account.get(&format!(
        "/events?filter=equals(profile_id,\"{id}\")&include=metric"
    ));
    assert_eq!(
        (
            rows["data"].as_array().unwrap().len(),
            &rows["included"][0]["attributes"]["name"]
        ),
        (2, &json!("Placed Order"))
    );
    let mut attributes = event(Some("x"), NEW)["data"].clone();
    attributes["attributes"]
        .as_object_mut()
        .unwrap()
        .remove("profile");
    let bulk = |events: Value| {
        json!({ "data": { "type": "event-bulk-create-job", "attributes": { "events-bulk-create": { "data": [{ "type": "event-bulk-create",
        "attributes": { "profile": { "data": person(NEW) }, "events": { "data": events } } }] } } } })
    };
    assert_eq!(
        account
            .ask(
                "POST",
                "/event-bulk-create-jobs",
                bulk(json!([attributes, attributes]))
            )
            .0,
        400
    );
    assert_eq!(
        account
            .ask("POST", "/event-bulk-create-jobs", bulk(json!([attributes])))
            .0,
        202
    );
    assert_eq!(account.count("event.add"), 3);
    let mut early = event(Some("y"), NEW);
    early["data"]["attributes"]["backfill"] = json!(true);
    let mut call = account.call("POST", "/events", &early);
    assert_eq!(account.send(&call).0, 202);
    call.headers
        .insert("revision", "2026-04-15".parse().unwrap());
    assert_eq!(account.send(&call).0, 400);
}

#[test]
fn webhooks_carry_events_and_a_signature() {
    let mut account = Account::new(60);
    let webhook = |url: &str| {
        json!({ "data": { "type": "webhook", "attributes": { "name": "x", "endpoint_url": url, "secret_key": "klaviyo-secret-0123456" },
        "relationships": { "webhook-topics": { "data": [{ "type": "webhook-topic", "id": "event:klaviyo.unsubscribed_from_email_marketing" }] } } } })
    };
    assert_eq!(
        account
            .ask("POST", "/webhooks", webhook("http://hooks.example.com"))
            .0,
        400
    );
    assert_eq!(
        account
            .ask("POST", "/webhooks", webhook("http://127.0.0.1:9/k"))
            .0,
        201
    );
    account.vendor.job_ms = 0;
    let delete = "profile-subscription-bulk-delete-job";
    account.ask(
        "POST",
        &format!("/{delete}s"),
        job(
            delete,
            &json!([person("a@mail.example"), person("b@mail.example")]),
            None,
        ),
    );
    account.get("/metrics");
    let mut round = account
        .sim
        .hooks
        .take(&mut fastrand::Rng::new(), 0.0, false);
    let mut hook = round.pop().unwrap();
    account.vendor.sending(&mut hook, &mut account.sim);
    let header = |name: &str| {
        hook.headers
            .iter()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(
        header("klaviyo-signature"),
        webhook::signature(
            "klaviyo-secret-0123456",
            &hook.body,
            &header("klaviyo-timestamp")
        )
    );
    let body: Value = serde_json::from_slice(&hook.body).unwrap();
    assert_eq!(
        (
            round.len(),
            body["data"].as_array().unwrap().len(),
            &body["meta"]["klaviyo_webhook_id"]
        ),
        (0, 2, &json!(header("klaviyo-webhook-id")))
    );
    assert!(account.vendor.sent(&hook, 500, &mut account.sim));
    account.sim.advance(49 * 3_600_000);
    assert!(!account.vendor.sent(&hook, 500, &mut account.sim));
    account
        .vendor
        .command("set-plan", &json!({ "cdp": false }), &mut account.sim);
    assert_eq!(account.ask("GET", "/webhooks", Value::Null).0, 403);
}
