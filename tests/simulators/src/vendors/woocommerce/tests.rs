use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hooks::signature;
use super::*;

const NOW_MS: i64 = 1_793_000_000_000;

fn start(customers: usize) -> (WooCommerce, Sim) {
    let options = Options {
        customers,
        now_ms: Some(NOW_MS),
        ..Options::default()
    };
    let mut shop = WooCommerce::new(&options);
    shop.keys.is_tls = true;
    (shop, Sim::new(&options, "http://127.0.0.1:1".to_owned()))
}

fn call(method: &str, target: &str, body: Option<&Value>) -> Call {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = http::HeaderMap::new();
    headers.insert("host", "shop.test".parse().unwrap());
    let keys = Keys::new();
    let basic = STANDARD.encode(format!("{}:{}", keys.key, keys.secret));
    headers.insert("authorization", format!("Basic {basic}").parse().unwrap());
    Call {
        method: method.parse().unwrap(),
        path: format!("/wp-json/wc/v3{path}"),
        raw_query: query.to_owned(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers,
        body: body.map(Value::to_string).unwrap_or_default().into(),
    }
}

fn ask(
    shop: &mut WooCommerce,
    sim: &mut Sim,
    method: &str,
    target: &str,
    body: Value,
) -> (u16, Value) {
    let body = (!body.is_null()).then_some(body);
    let answer = shop.handle(&call(method, target, body.as_ref()), sim);
    (
        answer.status,
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
    )
}

fn get(shop: &mut WooCommerce, sim: &mut Sim, target: &str) -> Value {
    ask(shop, sim, "GET", target, Value::Null).1
}

fn ids(rows: &Value) -> Vec<u64> {
    rows.as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_u64().unwrap())
        .collect()
}

fn signed(keys: &Keys, method: &str, target: &str, nonce: &str, at_s: i64) -> Call {
    let mut call = call("GET", target, None);
    call.headers.remove("authorization");
    let at = at_s.to_string();
    for (name, value) in [
        ("oauth_consumer_key", keys.key.as_str()),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", method),
        ("oauth_timestamp", &at),
    ] {
        call.query.push((name.to_owned(), value.to_owned()));
    }
    let base = auth::base_string(
        "GET",
        &format!("http://shop.test{}", call.path),
        &call.query,
    );
    let signature = auth::sign(method, &keys.secret, &base).unwrap_or_default();
    call.query.push(("oauth_signature".to_owned(), signature));
    call
}

#[test]
fn signature_is_the_one_of_the_vector() {
    let params = [
        ("oauth_consumer_key", "ck_test"),
        ("oauth_nonce", "abc123"),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", "1767323045"),
        ("per_page", "2"),
        ("modified_after", "2026-01-02T03:04:05"),
        ("dates_are_gmt", "true"),
    ];
    let params = params.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let base = auth::base_string("GET", "http://shop.test/wp-json/wc/v3/orders", &params);
    assert!(base.starts_with("GET&http%3A%2F%2Fshop.test%2Fwp-json%2Fwc%2Fv3%2Forders&dates_are_gmt%3Dtrue%26modified_after%3D2026-01-02T03%253A04%253A05%26"), "{base}");
    assert_eq!(
        auth::sign("HMAC-SHA256", "cs_test", &base).unwrap(),
        "vptRiiOcHpCgo9AhwAz/sbXVAEYUaBDrF3HxB+zEhPI="
    );
    assert_eq!(
        signature("s3cret", r#"{"id":42,"email":"ann@example.test"}"#),
        "7Xmr36c6kMsbFdRpDe2cjgBp12YyuPHwsqH2yYWNx+c="
    );
}

#[test]
fn plain_http_ignores_basic_and_wants_a_fresh_signature() {
    let (mut shop, mut sim) = start(3);
    shop.keys.is_tls = false;
    let (status, body) = ask(&mut shop, &mut sim, "GET", "/orders", Value::Null);
    assert_eq!(
        (status, &body["code"]),
        (401, &json!("woocommerce_rest_cannot_view"))
    );
    let keys = Keys::new();
    let now_s = sim.now_ms() / 1000;
    for (method, nonce) in [("HMAC-SHA1", "a"), ("HMAC-SHA256", "b")] {
        assert_eq!(
            shop.handle(
                &signed(
                    &keys,
                    method,
                    "/orders?include[]=1&include[]=2",
                    nonce,
                    now_s
                ),
                &mut sim
            )
            .status,
            200
        );
    }
    let mut message = |call: Call| {
        let answer = shop.handle(&call, &mut sim);
        assert_eq!(answer.status, 401);
        serde_json::from_slice::<Value>(&answer.body).unwrap()["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(
        message(signed(&keys, "HMAC-SHA256", "/orders", "b", now_s)).contains("nonce has already")
    );
    assert_eq!(
        message(signed(&keys, "HMAC-SHA256", "/orders", "c", now_s - 1000)),
        "Invalid timestamp."
    );
    assert!(message(signed(&keys, "PLAINTEXT", "/orders", "d", now_s)).contains("method"));
    let mut wrong = Keys::new();
    wrong.secret = "cs_wrong".to_owned();
    assert!(
        message(signed(&wrong, "HMAC-SHA256", "/orders", "e", now_s)).contains("does not match")
    );
}

#[test]
fn keys_are_refused_for_what_is_wrong_with_them() {
    let (mut shop, mut sim) = start(3);
    shop.command(
        "set-permissions",
        &json!({ "permissions": "read" }),
        &mut sim,
    );
    let (status, body) = ask(
        &mut shop,
        &mut sim,
        "POST",
        "/customers",
        json!({ "email": "a@example.test" }),
    );
    assert_eq!(
        (status, &body["code"]),
        (401, &json!("woocommerce_rest_authentication_error"))
    );
    shop.command("drop-capability", &Value::Null, &mut sim);
    assert_eq!(
        ask(&mut shop, &mut sim, "GET", "/orders", Value::Null).0,
        403
    );
    shop.command("drop-authorization", &Value::Null, &mut sim);
    assert_eq!(
        ask(&mut shop, &mut sim, "GET", "/orders", Value::Null).0,
        401
    );
    shop.keys = Keys::new();
    shop.keys.is_tls = true;
    shop.command("revoke-keys", &Value::Null, &mut sim);
    assert_eq!(
        ask(&mut shop, &mut sim, "GET", "/orders", Value::Null).1["message"],
        "Consumer key is invalid."
    );
}

#[test]
fn bounds_in_utc_lose_rows_when_they_say_it_twice() {
    let (mut shop, mut sim) = start(5);
    let id = *shop.items["orders"].keys().next().unwrap();
    let at_ms = NOW_MS - 1_800_000;
    for order in shop.items["orders"].keys().copied().collect::<Vec<_>>() {
        shop.edit("orders", order, NOW_MS - 90_000_000, |_| {});
    }
    shop.edit("orders", id, at_ms, |_| {});
    let (before, same) = (iso_local(at_ms - 1000, 0), iso_local(at_ms, 0));
    let mut found = |filter: String| ids(&get(&mut shop, &mut sim, &format!("/orders?{filter}")));
    assert_eq!(
        found(format!("modified_after={before}&dates_are_gmt=true")),
        [id]
    );
    assert_eq!(found(format!("modified_after={before}Z")), [id]);
    assert!(
        found(format!("modified_after={same}&dates_are_gmt=true")).is_empty(),
        "strictly greater"
    );
    assert!(
        found(format!("modified_after={before}Z&dates_are_gmt=true")).is_empty(),
        "shifted by the site's zone"
    );
    let local = iso_local(at_ms - 1000, OFFSET_S);
    assert_eq!(found(format!("modified_after={local}")), [id]);
}

#[test]
fn pages_end_empty_and_links_come_behind_the_api_link() {
    let (mut shop, mut sim) = start(30);
    let answer = shop.handle(
        &call(
            "GET",
            "/orders?per_page=20&orderby=id&order=asc&_fields=id",
            None,
        ),
        &mut sim,
    );
    let links: Vec<&str> = answer
        .headers
        .get_all("link")
        .iter()
        .map(|it| it.to_str().unwrap())
        .collect();
    assert!(
        links[0].contains("api.w.org")
            && links[1].contains("page=2")
            && links[1].ends_with("rel=\"next\""),
        "{links:?}"
    );
    assert_eq!(
        answer.headers["x-wp-total"],
        shop.items["orders"].len().to_string()
    );
    assert_eq!(get(&mut shop, &mut sim, "/orders?page=99"), json!([]));
    for (target, code) in [
        ("/orders?per_page=101", "rest_invalid_param"),
        ("/customers?orderby=modified", "rest_invalid_param"),
        ("/orders?status=shipped", "rest_invalid_param"),
        ("/orders?modified_after=yesterday", "rest_invalid_param"),
        ("/carts", "rest_no_route"),
        ("/orders/1", "woocommerce_rest_shop_order_invalid_id"),
    ] {
        assert_eq!(get(&mut shop, &mut sim, target)["code"], code, "{target}");
    }
}

#[test]
fn customers_have_no_incremental_list_and_guests_are_only_on_orders() {
    let (mut shop, mut sim) = start(60);
    let all = get(
        &mut shop,
        &mut sim,
        "/customers?per_page=100&modified_after=2099-01-01T00:00:00",
    );
    assert_eq!(all.as_array().unwrap().len(), shop.items["customers"].len());
    assert!(shop.items["customers"].len() < 60);
    let orders = get(&mut shop, &mut sim, "/orders?per_page=100");
    let guest = orders
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["customer_id"] == 0)
        .expect("a guest's order");
    assert!(guest["billing"]["email"].as_str().unwrap().contains('@'));
    let buyer = orders[0]["customer_id"].clone();
    let of_buyer = get(&mut shop, &mut sim, &format!("/orders?customer={buyer}"));
    let of_buyer = of_buyer.as_array().unwrap();
    assert!(!of_buyer.is_empty() && of_buyer.iter().all(|it| it["customer_id"] == buyer));
    assert!(guest["line_items"][0]["price"].is_number() && guest["total"].is_string());
}

#[test]
fn metadata_alone_moves_no_instant_and_other_keys_stay() {
    let (mut shop, mut sim) = start(3);
    sim.advance(100_000);
    let old = get(&mut shop, &mut sim, "/customers/2");
    let (_, meta) = ask(
        &mut shop,
        &mut sim,
        "PUT",
        "/customers/2",
        json!({ "meta_data": [{ "key": "cross", "value": { "a": 1 } }] }),
    );
    assert_eq!(meta["date_modified_gmt"], old["date_modified_gmt"]);
    assert_eq!(
        meta["meta_data"].as_array().unwrap().last().unwrap()["value"],
        json!({ "a": 1 })
    );
    let (_, named) = ask(
        &mut shop,
        &mut sim,
        "PUT",
        "/customers/2",
        json!({ "billing": { "phone": "1" } }),
    );
    assert_ne!(named["date_modified_gmt"], old["date_modified_gmt"]);
    assert_eq!(
        (&named["billing"]["phone"], &named["billing"]["city"]),
        (&json!("1"), &old["billing"]["city"])
    );
}

#[test]
fn second_customer_and_second_coupon_are_refused() {
    let (mut shop, mut sim) = start(3);
    let mut post = |path: &str, body: Value| ask(&mut shop, &mut sim, "POST", path, body);
    assert_eq!(
        post("/customers", json!({ "email": "ann@example.test" })).0,
        201
    );
    assert_eq!(
        post("/customers", json!({ "email": "ANN@example.test" })).1["code"],
        "registration-error-email-exists"
    );
    assert_eq!(
        post("/customers", json!({ "first_name": "x" })).1["code"],
        "rest_missing_callback_param"
    );
    assert_eq!(
        post("/customers", json!({ "email": "nonsense" })).1["code"],
        "rest_invalid_param"
    );
    assert_eq!(
        post(
            "/coupons",
            json!({ "code": "TEN", "amount": "10", "discount_type": "percent" })
        )
        .1["code"],
        "ten"
    );
    assert_eq!(
        post("/coupons", json!({ "code": "Ten" })).1["code"],
        "woocommerce_rest_coupon_code_already_exists"
    );
    assert_eq!(
        post("/coupons", json!({ "code": "x", "amount": 10 })).1["code"],
        "rest_invalid_param"
    );
    assert_eq!(sim.effects().map(|it| it.count).sum::<u64>(), 2);
}

#[test]
fn batch_tells_each_outcome() {
    let (mut shop, mut sim) = start(5);
    sim.set_fault(Some(("batch-partial".to_owned(), json!({ "index": 1 }))));
    let rows = json!({ "create": [{ "email": "a@example.test" }, { "email": "b@example.test" }], "update": [{ "id": 999, "first_name": "x" }, { "id": 2, "first_name": "Neu" }] });
    let (status, done) = ask(&mut shop, &mut sim, "POST", "/customers/batch", rows);
    assert_eq!(status, 200);
    assert!(done["create"][0]["error"].is_null() && done["create"][1]["error"]["code"].is_string());
    assert_eq!(
        (
            &done["update"][0]["error"]["data"]["status"],
            &done["update"][1]["first_name"]
        ),
        (&json!(400), &json!("Neu"))
    );
    let many: Vec<Value> = (0..101)
        .map(|it| json!({ "email": format!("m{it}@example.test") }))
        .collect();
    assert_eq!(
        ask(
            &mut shop,
            &mut sim,
            "POST",
            "/customers/batch",
            json!({ "create": many })
        )
        .0,
        413
    );
}

#[test]
fn customers_are_deleted_by_force_and_orders_go_to_the_trash() {
    let (mut shop, mut sim) = start(5);
    let order = *shop.items["orders"].keys().next().unwrap();
    assert_eq!(
        ask(&mut shop, &mut sim, "DELETE", "/customers/2", Value::Null).0,
        501
    );
    assert_eq!(
        ask(
            &mut shop,
            &mut sim,
            "DELETE",
            "/customers/2?force=true",
            Value::Null
        )
        .0,
        200
    );
    assert_eq!(
        ask(&mut shop, &mut sim, "GET", "/customers/2", Value::Null).0,
        404
    );
    let (_, shown) = ask(
        &mut shop,
        &mut sim,
        "DELETE",
        &format!("/orders/{order}"),
        Value::Null,
    );
    assert_ne!(
        shown["status"], "trash",
        "the answer still shows the old status"
    );
    let listed: BTreeSet<u64> = ids(&get(&mut shop, &mut sim, "/orders?per_page=100"))
        .into_iter()
        .collect();
    assert!(!listed.contains(&order));
    assert_eq!(
        ids(&get(&mut shop, &mut sim, "/orders?status=trash")),
        [order]
    );
}

#[test]
fn refunds_are_negative_on_the_order_and_positive_by_themselves() {
    let (mut shop, mut sim) = start(60);
    let orders = get(
        &mut shop,
        &mut sim,
        "/orders?per_page=100&status=refunded&_fields=id,refunds",
    );
    let order = &orders[0];
    let refund = &order["refunds"][0];
    let target = format!("/orders/{}/refunds/{}", order["id"], refund["id"]);
    let alone = get(&mut shop, &mut sim, &target);
    let negative = format!("-{}", alone["amount"].as_str().unwrap());
    assert_eq!(refund["total"], negative.as_str());
}

#[test]
fn webhooks_ping_unsigned_show_the_present_and_give_up() {
    let (mut shop, mut sim) = start(5);
    let input = json!({ "name": "x", "topic": "customer.updated", "delivery_url": "http://127.0.0.1:9/h", "secret": "s3cret" });
    let (status, made) = ask(&mut shop, &mut sim, "POST", "/webhooks", input);
    assert_eq!(
        (status, &made["status"], made.get("secret")),
        (201, &json!("active"), None)
    );
    let ping = sim
        .hooks
        .take(&mut fastrand::Rng::with_seed(1), 0.0, false)
        .remove(0);
    assert_eq!(ping.body, format!("webhook_id={}", made["id"]));
    assert!(
        ping.headers
            .iter()
            .all(|(name, _)| !name.starts_with("x-wc"))
    );
    ask(
        &mut shop,
        &mut sim,
        "PUT",
        "/customers/2",
        json!({ "first_name": "One" }),
    );
    ask(
        &mut shop,
        &mut sim,
        "PUT",
        "/customers/2",
        json!({ "first_name": "Two" }),
    );
    let round = sim.hooks.take(&mut fastrand::Rng::with_seed(1), 0.0, false);
    let id = |hook: &Hook, name: &str| {
        hook.headers
            .iter()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(
        id(&round[0], "x-wc-webhook-delivery-id"),
        id(&round[1], "x-wc-webhook-delivery-id")
    );
    let mut first = round[0].clone();
    shop.sending(&mut first, &mut sim);
    let text = String::from_utf8(first.body.to_vec()).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap()["first_name"],
        "Two"
    );
    assert_eq!(
        id(&first, "x-wc-webhook-signature"),
        signature("s3cret", &text)
    );
    for _ in 0..6 {
        assert!(!shop.sent(&first, 500, &mut sim), "it is not sent again");
    }
    assert_eq!(
        get(&mut shop, &mut sim, &format!("/webhooks/{}", made["id"]))["status"],
        "disabled"
    );
}

#[test]
fn changes_keep_the_shop_readable() {
    let (mut shop, mut sim) = start(30);
    let kinds: BTreeSet<String> = (0..300)
        .map(|_| {
            Vendor::change(&mut shop, &mut sim)["change"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert!(
        ["created", "edited", "meta", "deleted", "trashed", "stock"]
            .iter()
            .all(|it| kinds.contains(*it)),
        "{kinds:?}"
    );
    let truth = shop.truth();
    let there = truth["orders"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["deleted"] == false)
        .count();
    let answer = shop.handle(&call("GET", "/orders?per_page=1", None), &mut sim);
    assert_eq!(answer.headers["x-wp-total"], there.to_string());
}
