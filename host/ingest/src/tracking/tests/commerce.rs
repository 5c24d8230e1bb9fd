//! The events of Segment's e-commerce specification.

use crosspoint_model::record::{Order, OrderStatus};

use super::*;

fn order(event: &str, properties: Json) -> Option<Order> {
    let records = converted(track(event, properties));
    let orders = of_stream(&records, Stream::Orders);
    orders.first().map(|record| match &record.body {
        Body::Order(order) => (**order).clone(),
        other => panic!("{other:?} among the orders"),
    })
}

#[test]
fn a_completed_order_is_an_order_with_lines() {
    let records = converted(track(
        "Order Completed",
        json!({
            "order_id": "o1", "affiliation": "Store", "total": 27.5, "subtotal": 22.50,
            "revenue": 25.00, "shipping": 3, "tax": "2.00", "discount": 2.5, "coupon": "spring",
            "currency": "eur", "checkout_id": "c1",
            "products": [
                { "product_id": "p1", "sku": "s1", "name": "Cap", "price": 19, "quantity": 1,
                  "category": "Hats", "image_url": "https://x/1.png" },
                { "product_id": "p2", "price": 3.5 },
            ],
        }),
    ));
    let orders = of_stream(&records, Stream::Orders);
    let text = serde_json::to_value(orders[0]).unwrap();
    assert_eq!(orders[0].id, "o1");
    assert_eq!(
        text["body"]["Order"],
        json!({
            "number": null, "status": "Paid", "placed_at": NOW.as_ms() - 60_000,
            "total": { "amount": "27.5", "currency": "EUR" },
            "subtotal": { "amount": "22.5", "currency": "EUR" },
            "tax": { "amount": "2.00", "currency": "EUR" },
            "shipping": { "amount": "3", "currency": "EUR" },
            "discount": { "amount": "2.5", "currency": "EUR" },
            "refunded": null, "coupons": ["spring"], "channel": null, "shipping_address": null,
            "lines": [
                { "id": null, "product_id": "p1", "sku": "s1", "name": "Cap", "category": "Hats",
                  "quantity": "1", "unit_price": { "amount": "19", "currency": "EUR" },
                  "total": null,
                  "attributes": [{ "name": "image_url", "value": { "Text": "https://x/1.png" } }] },
                { "id": null, "product_id": "p2", "sku": null, "name": null, "category": null,
                  "quantity": "1", "unit_price": { "amount": "3.5", "currency": "EUR" },
                  "total": null, "attributes": [] },
            ],
        })
    );
    assert_eq!(
        attribute(orders[0], "affiliation"),
        Some(&Value::text("Store"))
    );
    assert_eq!(
        attribute(orders[0], "revenue")
            .map(ToString::to_string)
            .as_deref(),
        Some("25")
    );
    assert_eq!(attribute(orders[0], "total"), None, "a field took it");
    let carts = of_stream(&records, Stream::Carts);
    assert_eq!(
        format!("{} {}", carts[0].id, body(&carts[0].body)),
        "c1 cart closed with 2 lines"
    );
    assert_eq!(body(&event(&records).body), "event `Order Completed`");
}

#[test]
fn an_order_says_as_much_as_its_event() {
    let amount = |properties: Json| {
        let order = order("order_completed", properties).unwrap();
        format!("{} {}", order.total.amount, order.total.currency)
    };
    assert_eq!(
        amount(json!({ "order_id": "o", "revenue": 12.5 })),
        "12.5 XXX"
    );
    assert_eq!(
        amount(json!({ "order_id": "o", "value": "7", "currency": "usd" })),
        "7 USD"
    );
    let products = json!([{ "price": 2.5, "quantity": 3 }, { "price": 1 }]);
    assert_eq!(
        amount(json!({ "order_id": "o", "products": products })),
        "8.5 XXX"
    );
    assert_eq!(
        amount(json!({ "order_id": "o", "total": "12,50", "currency": "euro" })),
        "0 XXX"
    );
    let records = converted(track("Order Completed", json!({ "total": 1 })));
    assert_eq!(of_stream(&records, Stream::Orders)[0].id, "m1");
}

#[test]
fn refunds_and_cancellations_change_the_order() {
    let refunded = order("Order Refunded", json!({ "order_id": "o1", "total": 5 })).unwrap();
    assert_eq!(refunded.status, OrderStatus::Refunded);
    assert_eq!(refunded.refunded, Some(refunded.total));
    let cancelled = order("Order Cancelled", json!({ "order_id": "o1" })).unwrap();
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
    let part = json!({ "order_id": "o1", "total": 5, "products": [{ "product_id": "p" }] });
    assert_eq!(order("Order Refunded", part), None);
    assert_eq!(order("Order Refunded", json!({ "total": 5 })), None);
    assert_eq!(
        order("Order Updated", json!({ "order_id": "o1", "total": 5 })),
        None
    );
}

#[test]
fn carts_open_when_they_are_seen() {
    let cart = |event: &str, properties: Json| {
        let records = converted(track(event, properties));
        let carts = of_stream(&records, Stream::Carts);
        carts
            .first()
            .map(|record| format!("{} {}", record.id, body(&record.body)))
    };
    let properties = json!({ "cart_id": "c1", "products": [{ "sku": "s" }], "value": 5 });
    let open = Some("c1 cart open with 1 lines".to_owned());
    assert_eq!(cart("Cart Viewed", properties.clone()), open);
    assert_eq!(cart("Checkout Started", properties), open);
    assert_eq!(cart("Cart Viewed", json!({ "products": [] })), None);
    assert_eq!(
        cart("Product Added", json!({ "cart_id": "c1", "sku": "s" })),
        None
    );
}

#[test]
fn orders_are_left_to_the_shop_where_the_source_says_so() {
    let text = track(
        "Order Completed",
        json!({ "order_id": "o1", "cart_id": "c1" }),
    )
    .to_string();
    let batch = parse(Endpoint::Batch, text.as_bytes(), Limits::default()).unwrap();
    let source = Source {
        orders: false,
        ..source()
    };
    let records = convert(&batch.calls[0], source).unwrap();
    let streams: Vec<_> = records.iter().map(|(stream, _)| *stream).collect();
    assert_eq!(streams, [Stream::Events]);
}
