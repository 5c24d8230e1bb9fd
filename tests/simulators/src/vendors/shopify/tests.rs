mod write;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use apollo_compiler::schema::ExtendedType;

use super::*;

const NOW_MS: i64 = 1_793_000_000_000;

fn start(customers: usize) -> (Shopify, Sim) {
    let options = Options {
        customers,
        now_ms: Some(NOW_MS),
        ..Options::default()
    };
    let sim = Sim::new(&options, "http://127.0.0.1:1".to_owned());
    (Shopify::new(&options), sim)
}

fn post(path: &str, token: &str, body: &Value) -> Call {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.insert("x-shopify-access-token", token.parse().unwrap());
    Call {
        method: http::Method::POST,
        path: path.to_owned(),
        raw_query: String::new(),
        query: Vec::new(),
        headers,
        body: body.to_string().into(),
    }
}

fn ask(shop: &mut Shopify, sim: &mut Sim, query: &str, variables: Value) -> Value {
    // What a query costs is another test's.
    shop.bucket = Bucket::new(1e9, 1e9);
    shop.max_cost = 1_000_000;
    let token = shop.first_access.clone();
    let call = post(
        "/admin/api/2026-10/graphql.json",
        &token,
        &json!({ "query": query, "variables": variables }),
    );
    let answer = shop.handle(&call, sim);
    assert_eq!(answer.status, 200);
    serde_json::from_slice(&answer.body).unwrap()
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["nodes"].as_array().unwrap();
    rows.iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Every field of a type that needs no arguments, three levels deep.
fn all_fields(ty: &str, depth: usize) -> String {
    let Some(ExtendedType::Object(object)) = graphql::schema().types.get(ty) else {
        return "{ __typename }".to_owned();
    };
    let mut text = "{ __typename ".to_owned();
    for (name, field) in &object.fields {
        let inner = field.ty.inner_named_type();
        let is_leaf =
            graphql::schema().types[inner].is_scalar() || graphql::schema().types[inner].is_enum();
        let args = if inner.ends_with("Connection") {
            "(first: 2)"
        } else {
            ""
        };
        if field.arguments.iter().any(|it| it.is_required()) || !is_leaf && depth == 0 {
            continue;
        }
        let below = if is_leaf {
            String::new()
        } else {
            all_fields(inner, depth - 1)
        };
        write!(text, "{name}{args} {below} ").unwrap();
    }
    text + "}"
}

#[test]
fn every_field_of_the_schema_has_a_value() {
    let (mut shop, mut sim) = start(20);
    let made = ask(
        &mut shop,
        &mut sim,
        r#"mutation($d: DiscountCodeBasicInput!) {
        discountCodeBasicCreate(basicCodeDiscount: $d) { codeDiscountNode { id codeDiscount { ... on DiscountCodeBasic { codes(first: 1) { nodes { code } } } } } userErrors { field message } }
        giftCardCreate(input: { initialAmount: { amount: "5", currencyCode: EUR } }) { giftCardCode giftCard { id } userErrors { message } }
        webhookSubscriptionCreate(topic: ORDERS_UPDATED, webhookSubscription: { uri: "https://x.example/h" }) { webhookSubscription { id topic uri } userErrors { message } }
        bulkOperationRunQuery(query: "{ customers { nodes { id } } }") { bulkOperation { id } userErrors { message } }
    }"#,
        json!({ "d": { "title": "T", "code": "TEN", "startsAt": "2026-01-01T00:00:00Z", "context": { "all": "ALL" },
        "customerGets": { "value": { "percentage": 0.1 }, "items": { "all": true } } } }),
    );
    assert!(made.get("errors").is_none(), "{made}");
    let id = |name: &str, field: &str| made["data"][name][field]["id"].as_str().unwrap().to_owned();
    for (field, ty) in [
        ("customers(first: 2)", "CustomerConnection"),
        ("orders(first: 2)", "OrderConnection"),
        ("products(first: 2)", "ProductConnection"),
        (
            "abandonedCheckouts(first: 2)",
            "AbandonedCheckoutConnection",
        ),
        (
            "webhookSubscriptions(first: 2)",
            "WebhookSubscriptionConnection",
        ),
        ("shop", "Shop"),
        ("currentAppInstallation", "AppInstallation"),
        ("customersCount", "Count"),
        (
            &format!("giftCard(id: \"{}\")", id("giftCardCreate", "giftCard")),
            "GiftCard",
        ),
        (
            &format!(
                "bulkOperation(id: \"{}\")",
                id("bulkOperationRunQuery", "bulkOperation")
            ),
            "BulkOperation",
        ),
    ] {
        let answer = ask(
            &mut shop,
            &mut sim,
            &format!("{{ {field} {} }}", all_fields(ty, 5)),
            Value::Null,
        );
        assert!(
            answer.get("errors").is_none(),
            "{field}: {}",
            answer["errors"]
        );
    }
}

#[test]
fn unknown_fields_arguments_and_values_are_refused() {
    let (mut shop, mut sim) = start(5);
    for (query, code) in [
        (
            "{ customers(first: 1) { nodes { id shoeSize } } }",
            "undefinedField",
        ),
        (
            "{ customers(first: 1, since: 3) { nodes { id } } }",
            "argumentNotAccepted",
        ),
        ("{ customers(first: 1) { nodes { id } ", "parseError"),
        ("{ customer { id } }", "missingRequiredArguments"),
        (
            "{ abandonedCheckouts(first: 1, sortKey: UPDATED_AT) { nodes { id } } }",
            "graphqlInvalid",
        ),
        ("{ customers { nodes { id } } }", "BAD_REQUEST"),
        ("{ customers(first: 251) { nodes { id } } }", "BAD_REQUEST"),
        (
            "{ customers(first: 1, after: \"x\") { nodes { id } } }",
            "BAD_REQUEST",
        ),
    ] {
        let answer = ask(&mut shop, &mut sim, query, Value::Null);
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], code,
            "{query}: {answer}"
        );
    }
    let answer = ask(
        &mut shop,
        &mut sim,
        "query($n: Int!) { customers(first: $n) { nodes { id } } }",
        json!({ "n": "x" }),
    );
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "INVALID_VARIABLE",
        "{answer}"
    );
}

#[test]
fn unknown_filters_find_everything_and_empty_ones_break() {
    let (mut shop, mut sim) = start(30);
    let mut count = |query: &str| {
        ask(
            &mut shop,
            &mut sim,
            "query($q: String) { customersCount(query: $q) { count } }",
            json!({ "q": query }),
        )
    };
    assert_eq!(
        count("updated_since:>'2030-01-01'")["data"]["customersCount"]["count"],
        30
    );
    assert_eq!(
        count("updated_at:>'2030-01-01'")["data"]["customersCount"]["count"],
        0
    );
    assert_eq!(
        count("updated_at:>")["errors"][0]["extensions"]["code"],
        "INTERNAL_SERVER_ERROR"
    );
}

#[test]
fn customers_are_compared_by_day_and_orders_by_instant() {
    let (mut shop, mut sim) = start(5);
    let at_ms = now(&sim);
    shop.touch_customer(CUSTOMERS + 1, at_ms, &mut sim, |_| {});
    let later = crate::iso(at_ms + 1000);
    let filter = json!({ "q": format!("updated_at:>='{later}'") });
    let found = ask(
        &mut shop,
        &mut sim,
        "query($q: String) { customers(first: 9, query: $q) { nodes { id } } orders(first: 9, query: $q) { nodes { id } } }",
        filter,
    );
    assert_eq!(
        ids(&found["data"]["customers"]),
        [gid("Customer", CUSTOMERS + 1)]
    );
    assert!(ids(&found["data"]["orders"]).is_empty());
}

#[test]
fn row_changed_during_a_read_is_met_again_and_none_is_lost() {
    let (mut shop, mut sim) = start(40);
    let wanted: BTreeSet<String> = shop
        .data
        .customers
        .keys()
        .map(|id| gid("Customer", *id))
        .collect();
    let (mut seen, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let query = "query($a: String) { customers(first: 7, after: $a, sortKey: UPDATED_AT) { nodes { id } pageInfo { hasNextPage endCursor } } }";
        let page =
            ask(&mut shop, &mut sim, query, json!({ "a": cursor }))["data"]["customers"].clone();
        seen.extend(ids(&page));
        if pages == 1 {
            shop.touch_customer(
                view::parse_gid(&seen[0]).unwrap().1,
                NOW_MS,
                &mut sim,
                |_| {},
            );
        }
        pages += 1;
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        cursor = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen.len(), 41);
    assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), wanted);
}

#[test]
fn searches_lag_and_long_lists_end() {
    let (mut shop, mut sim) = start(20);
    shop.lag_ms = 60_000;
    shop.touch_customer(CUSTOMERS + 1, now(&sim), &mut sim, |it| {
        it.tags = vec!["new".to_owned()]
    });
    let query = "{ customers(first: 9, query: \"tag:new\") { nodes { id } } }";
    assert!(ids(&ask(&mut shop, &mut sim, query, Value::Null)["data"]["customers"]).is_empty());
    sim.advance(61_000);
    assert_eq!(
        ids(&ask(&mut shop, &mut sim, query, Value::Null)["data"]["customers"]).len(),
        1
    );
    shop.paging_depth = 10;
    let first = ask(
        &mut shop,
        &mut sim,
        "{ customers(first: 10) { pageInfo { endCursor } } }",
        Value::Null,
    );
    let cursor = first["data"]["customers"]["pageInfo"]["endCursor"].clone();
    let next = ask(
        &mut shop,
        &mut sim,
        "query($a: String) { customers(first: 10, after: $a) { nodes { id } } }",
        json!({ "a": cursor }),
    );
    assert!(
        next["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("limited"),
        "{next}"
    );
}

#[test]
fn credentials_are_checked_and_refresh_tokens_work_once() {
    let (mut shop, mut sim) = start(3);
    let path = "/admin/api/2026-10/graphql.json";
    let query = json!({ "query": "{ shop { name } }" });
    let status = |shop: &mut Shopify, sim: &mut Sim, token: &str| {
        shop.handle(&post(path, token, &query), sim).status
    };
    assert_eq!(status(&mut shop, &mut sim, "wrong"), 401);
    let refresh = |shop: &mut Shopify, sim: &mut Sim, token: &Value| {
        let body = json!({ "client_id": CLIENT, "client_secret": shop.client_secret, "grant_type": "refresh_token", "refresh_token": token });
        let answer = shop.handle(&post("/admin/oauth/access_token", "", &body), sim);
        (
            answer.status,
            serde_json::from_slice::<Value>(&answer.body).unwrap(),
        )
    };
    let spent = json!(shop.refresh);
    let (code, first) = refresh(&mut shop, &mut sim, &spent);
    assert_eq!((code, &first["expires_in"]), (200, &json!(3600)));
    assert_eq!(
        refresh(&mut shop, &mut sim, &spent).1["error"],
        "invalid_grant"
    );
    let old = first["access_token"].as_str().unwrap().to_owned();
    assert_eq!(status(&mut shop, &mut sim, &old), 200);
    let (_, second) = refresh(&mut shop, &mut sim, &first["refresh_token"]);
    assert_eq!(
        status(&mut shop, &mut sim, &old),
        401,
        "a new token kills the one before"
    );
    let new = second["access_token"].as_str().unwrap().to_owned();
    sim.advance(3_600_001);
    assert_eq!(status(&mut shop, &mut sim, &new), 401);
    shop.command(
        "drop-scope",
        &json!({ "scope": "read_customers" }),
        &mut sim,
    );
    shop.command(
        "drop-scope",
        &json!({ "scope": "write_customers" }),
        &mut sim,
    );
    let denied = ask(
        &mut shop,
        &mut sim,
        "{ customers(first: 1) { nodes { id } } }",
        Value::Null,
    );
    assert_eq!(
        (&denied["data"], &denied["errors"][0]["extensions"]["code"]),
        (&Value::Null, &json!("ACCESS_DENIED"))
    );
    shop.command(
        "drop-scope",
        &json!({ "scope": "read_all_orders" }),
        &mut sim,
    );
    let orders = ask(
        &mut shop,
        &mut sim,
        "{ orders(first: 250) { nodes { id } } }",
        Value::Null,
    );
    assert!(ids(&orders["data"]["orders"]).len() < shop.data.orders.len());
}

#[test]
fn retired_versions_fall_forward_and_future_ones_are_unknown() {
    let (mut shop, mut sim) = start(1);
    let token = shop.first_access.clone();
    let mut call = |version: &str| {
        let path = format!("/admin/api/{version}/graphql.json");
        let answer = shop.handle(
            &post(&path, &token, &json!({ "query": "{ shop { name } }" })),
            &mut sim,
        );
        (
            answer.status,
            answer
                .headers
                .get("x-shopify-api-version")
                .map(|it| it.to_str().unwrap().to_owned()),
        )
    };
    assert_eq!(call("2024-04"), (200, Some(OLDEST.to_owned())));
    assert_eq!(call("2026-07"), (200, Some("2026-07".to_owned())));
    assert_eq!(call("2027-01").0, 404);
    assert_eq!(call("2026-11").0, 404);
}

#[test]
fn costs_are_counted_and_throttle() {
    let (mut shop, mut sim) = start(60);
    let token = shop.first_access.clone();
    let call = |shop: &mut Shopify, sim: &mut Sim, query: &str| -> Value {
        let answer = shop.handle(
            &post(
                "/admin/api/2026-10/graphql.json",
                &token,
                &json!({ "query": query }),
            ),
            sim,
        );
        assert_eq!(answer.status, 200);
        serde_json::from_slice(&answer.body).unwrap()
    };
    let wide = "{ orders(first: 250) { nodes { id customer { id orders(first: 250) { nodes { id totalPriceSet { shopMoney { amount } } } } } } } }";
    let variants = "{ product(id: \"gid://shopify/Product/8200000000001\") { variants(first: 250) { nodes { product { id } } } } }";
    assert_eq!(
        call(&mut shop, &mut sim, variants)["extensions"]["cost"]["requestedQueryCost"],
        25
    );
    shop.command("set-cost", &json!({ "linear": true }), &mut sim);
    assert_eq!(
        call(&mut shop, &mut sim, wide)["errors"][0]["extensions"]["code"],
        "MAX_COST_EXCEEDED"
    );
    shop.command(
        "set-bucket",
        &json!({ "maximum": 100.0, "restore": 10.0 }),
        &mut sim,
    );
    let list = "{ customers(first: 50) { nodes { id } } }";
    let cost = call(&mut shop, &mut sim, list)["extensions"]["cost"].clone();
    assert_eq!(
        (
            &cost["requestedQueryCost"],
            &cost["throttleStatus"]["maximumAvailable"]
        ),
        (&json!(52), &json!(100.0))
    );
    let second = call(&mut shop, &mut sim, list);
    assert_eq!(
        second["errors"][0]["extensions"]["code"], "THROTTLED",
        "{second}"
    );
    let free = second["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"]
        .as_f64()
        .unwrap();
    sim.advance(((52.0 - free) / 10.0 * 1000.0) as i64);
    assert!(call(&mut shop, &mut sim, list).get("errors").is_none());
}
