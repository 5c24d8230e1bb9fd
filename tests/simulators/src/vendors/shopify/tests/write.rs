//! Writes, bulk operations and webhooks.

use super::*;
use crate::Simulator;

const SET: &str = "mutation($i: CustomerSetInput!, $w: CustomerSetIdentifiers) { customerSet(input: $i, identifier: $w) { customer { id tags note } userErrors { field message code } } }";

#[test]
fn customer_set_finds_makes_and_refuses() {
    let (mut shop, mut sim) = start(10);
    let set = |shop: &mut Shopify, sim: &mut Sim, input: Value, wanted: Value| {
        ask(shop, sim, SET, json!({ "i": input, "w": wanted }))["data"]["customerSet"].clone()
    };
    let input = json!({ "email": "new@example.test", "tags": ["a", "A", "b"], "note": "n" });
    let by = json!({ "email": "NEW@example.test" });
    let made = set(&mut shop, &mut sim, input.clone(), by.clone());
    assert_eq!(made["customer"]["tags"], json!(["a", "b"]));
    assert_eq!(
        set(&mut shop, &mut sim, input, by)["customer"]["id"],
        made["customer"]["id"]
    );
    let changed = set(
        &mut shop,
        &mut sim,
        json!({ "email": "new@example.test", "tags": ["c"] }),
        json!({ "email": "new@example.test" }),
    );
    assert_eq!(
        (&changed["customer"]["tags"], &changed["customer"]["note"]),
        (&json!(["c"]), &json!("n"))
    );
    assert_eq!(shop.data.customers.len(), 11);
    let taken = shop.data.customers[&(CUSTOMERS + 1)].email.clone();
    for (input, wanted, code) in [
        (
            json!({ "email": "x@example.test" }),
            json!({ "email": "y@example.test" }),
            "INPUT_MISMATCH",
        ),
        (json!({ "email": "nonsense" }), Value::Null, "INVALID"),
        (json!({ "email": taken }), Value::Null, "TAKEN"),
        (json!({ "note": "x" }), Value::Null, "BLANK"),
        (
            json!({ "note": "x" }),
            json!({ "id": "gid://shopify/Customer/1" }),
            "NOT_FOUND",
        ),
        (
            json!({ "id": "gid://shopify/Customer/1" }),
            json!({ "email": "x@example.test" }),
            "ID_NOT_ALLOWED",
        ),
        (
            json!({ "phone": "0170 1", "lastName": "x" }),
            Value::Null,
            "INVALID",
        ),
    ] {
        let refused = set(&mut shop, &mut sim, input.clone(), wanted);
        assert_eq!(refused["userErrors"][0]["code"], code, "{input}: {refused}");
    }
    assert_eq!(shop.data.customers.len(), 11);
    let unknown = ask(
        &mut shop,
        &mut sim,
        SET,
        json!({ "i": { "email": "x@example.test", "emailMarketingConsent": {} } }),
    );
    assert_eq!(
        unknown["errors"][0]["extensions"]["code"],
        "INVALID_VARIABLE"
    );
    let counts: Vec<u64> = sim.effects().map(|it| it.count).collect();
    assert_eq!(counts.iter().sum::<u64>(), 3);
}

#[test]
fn consent_takes_only_what_a_person_decides() {
    let (mut shop, mut sim) = start(3);
    let query = "mutation($i: CustomerEmailMarketingConsentUpdateInput!) { customerEmailMarketingConsentUpdate(input: $i) { customer { defaultEmailAddress { marketingState marketingUpdatedAt } } userErrors { field code } } }";
    let mut set = |state: &str, at: &str| {
        let input = json!({ "i": { "customerId": gid("Customer", CUSTOMERS + 1), "emailMarketingConsent": { "marketingState": state, "marketingOptInLevel": "SINGLE_OPT_IN", "consentUpdatedAt": at } } });
        ask(&mut shop, &mut sim, query, input)["data"]["customerEmailMarketingConsentUpdate"]
            .clone()
    };
    let done = set("UNSUBSCRIBED", "2026-01-02T03:04:05Z");
    assert_eq!(
        done["customer"]["defaultEmailAddress"],
        json!({ "marketingState": "UNSUBSCRIBED", "marketingUpdatedAt": "2026-01-02T03:04:05Z" })
    );
    for state in ["NOT_SUBSCRIBED", "REDACTED", "INVALID"] {
        assert_eq!(
            set(state, "2026-01-02T03:04:05Z")["userErrors"][0]["code"],
            "INVALID",
            "{state}"
        );
    }
    assert_eq!(
        set("SUBSCRIBED", "2030-01-02T03:04:05Z")["userErrors"][0]["code"],
        "INVALID"
    );
}

#[test]
fn metafields_are_set_all_or_none_and_compared() {
    let (mut shop, mut sim) = start(3);
    let query = "mutation($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) { metafields { key compareDigest } userErrors { field code } } }";
    let owner = gid("Customer", CUSTOMERS + 1);
    let row = |key: &str, value: &str| json!({ "ownerId": owner, "namespace": "cross", "key": key, "type": "number_integer", "value": value });
    let mut set = |rows: Value| {
        ask(&mut shop, &mut sim, query, json!({ "m": rows }))["data"]["metafieldsSet"].clone()
    };
    let mixed = set(json!([row("good", "1"), row("bad", "x")]));
    assert_eq!(
        mixed["userErrors"],
        json!([{ "field": ["metafields", "1", "value"], "code": "INVALID_VALUE" }])
    );
    let done = set(json!([row("good", "1")]));
    let digest = done["metafields"][0]["compareDigest"].clone();
    let with = |value: &str, digest: &Value| {
        let mut row = row("good", value);
        row["compareDigest"] = digest.clone();
        json!([row])
    };
    assert_eq!(set(with("2", &digest))["userErrors"], json!([]));
    assert_eq!(
        set(with("3", &digest))["userErrors"][0]["code"],
        "STALE_OBJECT"
    );
    assert_eq!(
        set((0..26).map(|it| row(&format!("k{it}"), "1")).collect())["userErrors"][0]["code"],
        "LESS_THAN_OR_EQUAL_TO"
    );
    assert_eq!(shop.data.metafields.len(), 1);
}

#[test]
fn bulk_query_takes_time_and_sees_the_shop_as_it_was() {
    let (mut shop, mut sim) = start(900);
    let run = |shop: &mut Shopify, sim: &mut Sim, query: &str| {
        let text = "mutation($q: String!) { bulkOperationRunQuery(query: $q) { bulkOperation { id status } userErrors { message code } } }";
        ask(shop, sim, text, json!({ "q": query }))["data"]["bulkOperationRunQuery"].clone()
    };
    for bad in [
        "{ shop { name } }",
        "{ nothing }",
        "{ orders { nodes { name lineItems { nodes { id } } } } }",
    ] {
        assert_eq!(
            run(&mut shop, &mut sim, bad)["userErrors"][0]["code"],
            "INVALID",
            "{bad}"
        );
    }
    shop.command("set-job-time", &json!({ "ms": 60_000 }), &mut sim);
    let started = run(
        &mut shop,
        &mut sim,
        "{ customers { edges { node { id firstName orders(first: 1000) { edges { node { id } } } } } } }",
    );
    let id = started["bulkOperation"]["id"].clone();
    shop.change().remove_customer(CUSTOMERS + 1, NOW_MS);
    let poll = |shop: &mut Shopify, sim: &mut Sim| {
        ask(shop, sim, "query($i: ID!) { bulkOperation(id: $i) { status url objectCount rootObjectCount fileSize } }", json!({ "i": id }))["data"]["bulkOperation"].clone()
    };
    sim.advance(1000);
    let running = poll(&mut shop, &mut sim);
    assert_eq!(
        (&running["status"], &running["url"]),
        (&json!("RUNNING"), &Value::Null)
    );
    sim.advance(60_000);
    let done = poll(&mut shop, &mut sim);
    assert_eq!(
        (&done["status"], &done["rootObjectCount"]),
        (&json!("COMPLETED"), &json!("900"))
    );
    let file = shop.jobs[0].file.clone().unwrap();
    let lines: Vec<Value> = file
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(done["objectCount"], lines.len().to_string());
    let first_child = lines
        .iter()
        .position(|it| it.get("__parentId").is_some())
        .unwrap();
    assert!(
        first_child > 1,
        "children do not stand right behind their parents"
    );
    let mut parents = BTreeSet::new();
    for line in &lines {
        match line.get("__parentId") {
            Some(parent) => assert!(parents.contains(parent.as_str().unwrap())),
            None => drop(parents.insert(line["id"].as_str().unwrap().to_owned())),
        }
    }
    let orders = shop
        .data
        .orders
        .values()
        .filter(|it| it.customer.is_some())
        .count();
    assert_eq!(lines.len() - 900, orders);
}

#[test]
fn bulk_query_groups_where_asked_and_knows_no_depth() {
    let (mut shop, mut sim) = start(30);
    shop.command("set-job-time", &json!({ "ms": 0 }), &mut sim);
    shop.command("set-paging-depth", &json!({ "objects": 10 }), &mut sim);
    let query = "{ customers { nodes { id orders(first: 100) { nodes { id } } } } }";
    let text = "mutation($q: String!) { bulkOperationRunQuery(query: $q, groupObjects: true) { bulkOperation { id } } }";
    ask(&mut shop, &mut sim, text, json!({ "q": query }));
    ask(&mut shop, &mut sim, "{ shop { name } }", Value::Null);
    let file = shop.jobs[0].file.clone().unwrap();
    let (mut parent, mut roots) = (String::new(), 0);
    for line in file.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        match line.get("__parentId") {
            Some(of) => assert_eq!(*of, parent),
            None => {
                line["id"].as_str().unwrap().clone_into(&mut parent);
                roots += 1;
            }
        }
    }
    assert_eq!(roots, 30);
    let name = format!("{}.jsonl", shop.jobs[0].id);
    let part = |range: &str| {
        let mut call = post("/bulk", "", &Value::Null);
        call.query = vec![("signature".to_owned(), "x".to_owned())];
        call.headers.insert("range", range.parse().unwrap());
        shop.file(&name, &call)
    };
    let two = part("bytes=0-9");
    assert_eq!((two.status, &*two.body), (206, &file.as_bytes()[..10]));
    assert_eq!(part("bytes=99999999-99999999").status, 416);
}

#[test]
fn bulk_query_cuts_nested_lists_without_first_and_limits_what_runs() {
    let (_, mut sim) = start(1);
    let mut shop = Shopify::new(&Options {
        orders: Some(400),
        customers: 1,
        now_ms: Some(NOW_MS),
        ..Options::default()
    });
    shop.command("set-bulk-limit", &json!({ "running": 1 }), &mut sim);
    let text = "mutation { bulkOperationRunQuery(query: \"{ customers { nodes { id orders { nodes { id } } } } }\") { userErrors { code } } }";
    assert_eq!(
        ask(&mut shop, &mut sim, text, Value::Null)["data"]["bulkOperationRunQuery"]["userErrors"],
        json!([])
    );
    assert_eq!(
        ask(&mut shop, &mut sim, text, Value::Null)["data"]["bulkOperationRunQuery"]["userErrors"]
            [0]["code"],
        "OPERATION_IN_PROGRESS"
    );
    sim.advance(1000);
    ask(&mut shop, &mut sim, "{ shop { name } }", Value::Null);
    assert_eq!(shop.jobs[0].file.as_ref().unwrap().lines().count(), 101);
}

#[test]
fn webhooks_are_signed_and_named_as_the_vendor_does() {
    assert_eq!(
        hooks::signature(
            "shpss_test_secret",
            r#"{"id":42,"email":"ann@example.test"}"#
        ),
        "ZqubuimgwkSmOm4GaJRSNi2mfvHWQuHH2IZvCrmh7TY="
    );
    for (topic, name) in [
        ("ORDERS_UPDATED", "orders/updated"),
        ("CUSTOMER_TAGS_ADDED", "customer.tags_added"),
        ("BULK_OPERATIONS_FINISH", "bulk_operations/finish"),
        (
            "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE",
            "customers_email_marketing_consent/update",
        ),
        ("APP_UNINSTALLED", "app/uninstalled"),
        ("CUSTOMERS_DATA_REQUEST", "customers/data_request"),
    ] {
        assert_eq!(hooks::header(topic), name);
    }
    let (mut shop, mut sim) = start(20);
    shop.subscribe("http://127.0.0.1:9/hook", &Value::Null, &mut sim)
        .unwrap();
    for _ in 0..50 {
        Vendor::change(&mut shop, &mut sim);
    }
    assert!(sim.hooks.waiting() >= 50);
    let hook = sim
        .hooks
        .take(&mut fastrand::Rng::with_seed(1), 0.0, false)
        .remove(0);
    let before = shop.subscriptions.len();
    let again: Vec<bool> = (0..8).map(|_| shop.sent(&hook, 500, &mut sim)).collect();
    assert_eq!(again, [true, true, true, true, true, true, true, false]);
    assert_eq!(shop.subscriptions.len(), before - 1);
    shop.command("redact", &json!({ "customer": CUSTOMERS + 2 }), &mut sim)
        .unwrap();
    assert_eq!(shop.data.customers[&(CUSTOMERS + 2)].email, None);
}

#[test]
fn who_bought_cannot_be_deleted() {
    let (mut shop, mut sim) = start(10);
    let buyer = shop
        .data
        .customers
        .values()
        .find(|it| !it.orders.is_empty())
        .unwrap()
        .id;
    let mut new = crate::vendors::shopify::write::new_customer(CUSTOMERS + 900, NOW_MS);
    new.last_name = Some("Neu".to_owned());
    shop.change().put_customer(new);
    let query = "mutation($i: CustomerDeleteInput!) { customerDelete(input: $i) { deletedCustomerId userErrors { message } } }";
    let mut delete = |id| {
        ask(
            &mut shop,
            &mut sim,
            query,
            json!({ "i": { "id": gid("Customer", id) } }),
        )["data"]["customerDelete"]
            .clone()
    };
    assert_eq!(delete(buyer)["deletedCustomerId"], Value::Null);
    assert_eq!(delete(CUSTOMERS + 900)["userErrors"], json!([]));
    let truth = shop.truth();
    let gone = truth["customers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"].as_str() == Some("7100000000900"))
        .unwrap();
    assert_eq!(gone["deleted"], true);
}

#[test]
fn one_of_several_mutations_can_fail() {
    let simulator = Simulator::start(
        "shopify",
        &Options {
            customers: 5,
            now_ms: Some(NOW_MS),
            ..Options::default()
        },
    )
    .unwrap();
    simulator.with(|_, sim| {
        sim.set_fault(Some((
            "user-error".to_owned(),
            json!({ "index": 1, "message": "no" }),
        )))
    });
    let tags = |at: &str, id: u64| {
        format!(
            "{at}: tagsAdd(id: \"{}\", tags: [\"x\"]) {{ node {{ id }} userErrors {{ message }} }}",
            gid("Customer", CUSTOMERS + id)
        )
    };
    let query = format!(
        "mutation {{ {} {} {} }}",
        tags("a", 1),
        tags("b", 2),
        tags("c", 3)
    );
    let call = post(
        "/admin/api/2026-10/graphql.json",
        "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",
        &json!({ "query": query }),
    );
    let answer = simulator.with(|vendor, sim| vendor.handle(&call, sim));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let failed = |at: &str| body["data"][at]["userErrors"].as_array().unwrap().len();
    assert_eq!((failed("a"), failed("b"), failed("c")), (0, 1, 0), "{body}");
    assert_eq!(simulator.with(|_, sim| sim.effects().count()), 2);
}
