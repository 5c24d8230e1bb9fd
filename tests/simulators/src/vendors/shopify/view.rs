//! How the shop's things look in GraphQL. `{"__ref": gid}` stands for a thing that is shown only
//! where it is asked for.

use serde_json::{Value, json};

use super::data::{
    Address, Checkout, CodeJob, Customer, Data, Discount, GiftCard, Line, Metafield, Order, Product,
};
use crate::iso;

/// Whose goods they are.
pub const MAKER: &str = "Acme";

pub fn gid(kind: &str, id: u64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// The kind and number of a gid.
pub fn parse_gid(text: &str) -> Option<(&str, u64)> {
    let (kind, id) = text.strip_prefix("gid://shopify/")?.split_once('/')?;
    Some((kind, id.parse().ok()?))
}

pub fn reference(kind: &str, id: Option<u64>) -> Value {
    id.map_or(Value::Null, |id| json!({ "__ref": gid(kind, id) }))
}

/// `12.34`
pub fn decimal(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// Money stands as a number of cents and is shown in full where it is asked for.
fn money(cents: i64) -> Value {
    json!(cents)
}

fn bag(cents: i64) -> Value {
    json!(cents)
}

/// Money as the type has it.
pub fn whole_money(kind: &str, cents: i64) -> Value {
    match kind {
        "MoneyBag" => json!({ "shopMoney": cents, "presentmentMoney": cents }),
        _ => json!({ "amount": decimal(cents), "currencyCode": "EUR" }),
    }
}

fn at(at_ms: Option<i64>) -> Value {
    at_ms.map_or(Value::Null, |at_ms| json!(iso(at_ms)))
}

/// What a gid stands for, with its type.
pub fn by_gid(data: &Data, text: &str) -> Option<(&'static str, Value)> {
    let (kind, id) = parse_gid(text)?;
    Some(match kind {
        "Customer" => ("Customer", customer(data.customers.get(&id)?)),
        "Order" => ("Order", order(data.orders.get(&id)?)),
        "Product" => ("Product", product(data.products.get(&id)?)),
        "ProductVariant" => {
            let product = super::PRODUCTS + id.checked_sub(super::VARIANTS)?;
            ("ProductVariant", variant(data.products.get(&product)?))
        }
        "AbandonedCheckout" => (
            "AbandonedCheckout",
            checkout(data, data.checkouts.get(&id)?),
        ),
        "DiscountCodeNode" => ("DiscountCodeNode", discount(data.discounts.get(&id)?)),
        "GiftCard" => ("GiftCard", gift_card(data.gift_cards.get(&id)?)),
        "Metafield" => (
            "Metafield",
            metafield(data.metafields.values().find(|it| it.id == id)?),
        ),
        _ => return None,
    })
}

fn address(it: &Address) -> Value {
    let name: Vec<&str> = [&it.first_name, &it.last_name]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    json!({
        "__typename": "MailingAddress", "id": gid("MailingAddress", it.id), "address1": it.address1, "address2": it.address2, "city": it.city,
        "province": null, "provinceCode": it.province_code, "country": it.country, "countryCodeV2": it.country,
        "zip": it.zip, "phone": it.phone, "firstName": it.first_name, "lastName": it.last_name,
        "name": name.join(" "), "company": it.company
    })
}

pub fn customer(it: &Customer) -> Value {
    let name: Vec<&str> = [&it.first_name, &it.last_name]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let (mail, sms) = (&it.email_consent, &it.sms_consent);
    let email = it.email.as_ref().map(|email| json!({
        "emailAddress": email, "marketingState": mail.state, "marketingOptInLevel": mail.level,
        "marketingUpdatedAt": at(mail.at_ms), "validFormat": email.contains('@'), "openTrackingLevel": "UNKNOWN",
        "marketingUnsubscribeUrl": format!("https://shop.example/unsubscribe/{}", it.id)
    }));
    let text = it.phone.as_ref().map(|_| {
        json!({
            "state": sms.state, "marketingState": sms.state, "marketingOptInLevel": sms.level,
            "consentUpdatedAt": at(sms.at_ms), "consentCollectedFrom": sms.at_ms.map(|_| "SHOPIFY")
        })
    });
    let phone = it.phone.as_ref().map(|phone| json!({
        "phoneNumber": phone, "marketingState": sms.state, "marketingOptInLevel": sms.level,
        "marketingUpdatedAt": at(sms.at_ms), "marketingCollectedFrom": sms.at_ms.map(|_| "SHOPIFY"), "smsMarketingConsent": text
    }));
    let old = it.email.as_ref().map(|_| json!({
        "marketingState": mail.state, "marketingOptInLevel": mail.level, "consentUpdatedAt": at(mail.at_ms)
    }));
    let addresses: Vec<Value> = it.addresses.iter().map(address).collect();
    let id = gid("Customer", it.id);
    json!({
        "__typename": "Customer", "id": id, "legacyResourceId": it.id.to_string(),
        "firstName": it.first_name, "lastName": it.last_name, "displayName": name.join(" "),
        "locale": it.locale, "state": it.state, "tags": it.tags, "note": it.note,
        "numberOfOrders": it.orders.len().to_string(), "amountSpent": money(it.spent_cents),
        "createdAt": iso(it.created_ms), "updatedAt": iso(it.updated_ms), "verifiedEmail": it.verified_email,
        "dataSaleOptOut": it.data_sale_opt_out, "canDelete": it.orders.is_empty(), "taxExempt": it.tax_exempt,
        "lifetimeDuration": "over 1 year", "productSubscriberStatus": "NEVER_SUBSCRIBED",
        "defaultEmailAddress": email, "defaultPhoneNumber": phone,
        "defaultAddress": addresses.first(), "addressesV2": addresses,
        "email": it.email, "phone": it.phone, "emailMarketingConsent": old, "smsMarketingConsent": text,
        "lastOrder": reference("Order", it.orders.last().copied()), "orders": { "__orders": it.id },
        "metafields": { "__metafields": id }
    })
}

pub fn metafield(it: &Metafield) -> Value {
    json!({
        "__typename": "Metafield", "id": gid("Metafield", it.id), "namespace": it.namespace, "key": it.key, "value": it.value, "type": it.kind,
        "compareDigest": super::digest(&json!([it.value, it.kind])), "createdAt": iso(it.created_ms), "updatedAt": iso(it.updated_ms),
        "ownerType": parse_gid(&it.owner).map_or("", |(kind, _)| kind).to_uppercase()
    })
}

fn product_parts(data: &Data, line: &Line) -> (String, Option<String>, Value, Value) {
    let Some(product) = data.products.get(&line.product) else {
        // The line outlives its product.
        return ("Gone".to_owned(), None, Value::Null, Value::Null);
    };
    (
        product.title.clone(),
        Some(product.sku.clone()),
        reference("Product", Some(product.id)),
        reference("ProductVariant", Some(product.variant_id())),
    )
}

pub fn line(data: &Data, it: &Line) -> Value {
    let (title, sku, product, variant) = product_parts(data, it);
    let total = it.unit_cents * it.quantity;
    let reduced = total - it.discount_cents;
    json!({
        "__typename": "LineItem", "id": gid("LineItem", it.id), "title": title, "variantTitle": null, "name": title, "sku": sku, "vendor": MAKER,
        "quantity": it.quantity, "currentQuantity": it.current_quantity, "isGiftCard": false, "requiresShipping": true, "taxable": true,
        "originalUnitPriceSet": bag(it.unit_cents), "discountedUnitPriceSet": bag(reduced / it.quantity.max(1)),
        "originalTotalSet": bag(total), "discountedTotalSet": bag(reduced), "totalDiscountSet": bag(it.discount_cents),
        "taxLines": [{ "title": "VAT", "rate": 0.19, "priceSet": bag(reduced * 19 / 100) }],
        "product": product, "variant": variant, "customAttributes": []
    })
}

pub fn order(it: &Order) -> Value {
    let (total, refunded) = (it.total_cents(), it.refunded_cents());
    let place = it.address.as_ref().map(address);
    let received = if it.financial == "PENDING" || it.financial == "VOIDED" {
        0
    } else {
        total
    };
    let shipping = json!([{ "id": gid("ShippingLine", it.id), "title": "Standard", "code": "std",
        "originalPriceSet": bag(it.shipping_cents), "discountedPriceSet": bag(it.shipping_cents) }]);
    let refunds: Vec<Value> = it.refunds.iter().map(|(id, at_ms, cents)| json!({
        "__typename": "Refund", "id": gid("Refund", *id), "legacyResourceId": id.to_string(), "createdAt": iso(*at_ms), "updatedAt": iso(*at_ms),
        "note": null, "totalRefundedSet": bag(*cents)
    })).collect();
    json!({
        "__typename": "Order", "id": gid("Order", it.id), "legacyResourceId": it.id.to_string(), "name": format!("#{}", it.number), "number": it.number,
        "email": it.email, "phone": it.phone, "note": null, "sourceName": it.source,
        "createdAt": iso(it.created_ms), "processedAt": iso(it.created_ms), "updatedAt": iso(it.updated_ms),
        "cancelledAt": at(it.cancelled_ms), "cancelReason": it.cancelled_ms.map(|_| "CUSTOMER"),
        "closedAt": at(it.closed_ms), "closed": it.closed_ms.is_some(), "confirmed": true, "test": it.test,
        "currencyCode": "EUR", "presentmentCurrencyCode": "EUR", "taxesIncluded": false, "tags": it.tags,
        "displayFinancialStatus": it.financial, "displayFulfillmentStatus": it.fulfillment,
        "discountCodes": it.codes, "discountCode": it.codes.first(), "customerAcceptsMarketing": it.accepts_marketing, "customerLocale": null,
        "totalPriceSet": bag(total), "subtotalPriceSet": bag(it.subtotal_cents()), "totalTaxSet": bag(it.tax_cents),
        "totalShippingPriceSet": bag(it.shipping_cents), "totalDiscountsSet": bag(it.discount_cents()),
        "currentTotalPriceSet": bag(total - refunded), "currentSubtotalPriceSet": bag((it.subtotal_cents() - refunded).max(0)),
        "totalRefundedSet": bag(refunded), "netPaymentSet": bag(received - refunded), "totalReceivedSet": bag(received),
        "totalPrice": decimal(total), "customer": reference("Customer", it.customer),
        "billingAddress": place, "shippingAddress": place,
        "lineItems": { "__lines": it.id },
        "shippingLines": if it.shipping_cents > 0 { shipping } else { json!([]) }, "refunds": refunds
    })
}

pub fn checkout(data: &Data, it: &Checkout) -> Value {
    let lines: Vec<Value> = it.lines.iter().map(|it| {
        let (title, sku, product, variant) = product_parts(data, it);
        let total = it.unit_cents * it.quantity;
        json!({
            "__typename": "AbandonedCheckoutLineItem", "id": gid("AbandonedCheckoutLineItem", it.id), "title": title, "variantTitle": null, "sku": sku,
            "quantity": it.quantity, "originalUnitPriceSet": bag(it.unit_cents), "originalTotalPriceSet": bag(total),
            "discountedTotalPriceSet": bag(total - it.discount_cents), "product": product, "variant": variant
        })
    }).collect();
    let discount: i64 = it.lines.iter().map(|it| it.discount_cents).sum();
    let subtotal = it
        .lines
        .iter()
        .map(|it| it.unit_cents * it.quantity)
        .sum::<i64>()
        - discount;
    let tax = subtotal * 19 / 100;
    let customer = it.customer.and_then(|id| data.customers.get(&id));
    let place = customer.and_then(|it| it.addresses.first()).map(address);
    json!({
        "__typename": "AbandonedCheckout", "id": gid("AbandonedCheckout", it.id), "name": format!("#{}", it.id),
        "abandonedCheckoutUrl": format!("https://shop.example/checkouts/{}/recover?key=x", it.id),
        "createdAt": iso(it.created_ms), "updatedAt": iso(it.updated_ms), "completedAt": at(it.completed_ms),
        "customer": reference("Customer", it.customer), "billingAddress": place, "shippingAddress": place,
        "discountCodes": it.codes, "note": "", "taxesIncluded": false, "lineItems": lines,
        "subtotalPriceSet": bag(subtotal), "totalPriceSet": bag(subtotal + tax), "totalTaxSet": bag(tax), "totalDiscountSet": bag(discount)
    })
}

fn variant(it: &Product) -> Value {
    json!({
        "__typename": "ProductVariant", "id": gid("ProductVariant", it.variant_id()), "legacyResourceId": it.variant_id().to_string(),
        "title": "Default Title", "displayName": format!("{} - Default Title", it.title), "sku": it.sku, "barcode": null,
        "price": decimal(it.price_cents), "compareAtPrice": null, "inventoryQuantity": it.stock,
        "selectedOptions": [{ "name": "Title", "value": "Default Title" }],
        "createdAt": iso(it.created_ms), "updatedAt": iso(it.updated_ms), "product": reference("Product", Some(it.id))
    })
}

pub fn handle(it: &Product) -> String {
    let number = it.id % super::PRODUCTS;
    format!("{}-{number}", it.title.to_lowercase().replace(' ', "-"))
}

pub fn product(it: &Product) -> Value {
    let (number, price) = (it.id % super::PRODUCTS, money(it.price_cents));
    let is_shown = it.status == "ACTIVE";
    let image = json!({ "__typename": "MediaImage", "id": gid("MediaImage", it.id), "alt": it.title,
        "preview": { "image": { "url": format!("https://cdn.shop.example/{number}.jpg"), "altText": it.title } } });
    json!({
        "__typename": "Product", "id": gid("Product", it.id), "legacyResourceId": it.id.to_string(), "title": it.title, "handle": handle(it),
        "descriptionHtml": format!("<p>{} &amp; more</p>", it.title), "description": format!("{} & more", it.title),
        "vendor": MAKER, "productType": it.category, "status": it.status, "tags": [it.category],
        "createdAt": iso(it.created_ms), "updatedAt": iso(it.updated_ms), "publishedAt": is_shown.then(|| iso(it.created_ms)),
        "onlineStoreUrl": is_shown.then(|| format!("https://shop.example/products/{}", handle(it))),
        "totalInventory": it.stock, "isGiftCard": false, "hasOnlyDefaultVariant": true,
        "priceRangeV2": { "minVariantPrice": price, "maxVariantPrice": price },
        "featuredMedia": if number.is_multiple_of(5) { Value::Null } else { image }, "variants": [variant(it)]
    })
}

pub fn discount(it: &Discount) -> Value {
    let codes: Vec<Value> = it
        .codes
        .iter()
        .map(|(id, code)| redeem_code(*id, code))
        .collect();
    json!({
        "__typename": "DiscountCodeNode", "id": gid("DiscountCodeNode", it.id),
        "codeDiscount": {
            "__typename": "DiscountCodeBasic", "title": it.title, "status": "ACTIVE", "startsAt": iso(it.starts_ms), "endsAt": at(it.ends_ms),
            "usageLimit": it.usage_limit, "appliesOncePerCustomer": it.once, "asyncUsageCount": 0,
            "createdAt": iso(it.created_ms), "updatedAt": iso(it.updated_ms), "summary": "For everybody",
            "codesCount": { "count": codes.len(), "precision": "EXACT" }, "codes": codes
        }
    })
}

fn redeem_code(id: u64, code: &str) -> Value {
    json!({ "id": gid("DiscountRedeemCode", id), "code": code, "asyncUsageCount": 0 })
}

pub fn code_job(it: &CodeJob, now_ms: i64) -> Value {
    let is_done = it.done_ms <= now_ms;
    let codes: Vec<Value> = it.codes.iter().map(|(code, done)| {
        let errors: Vec<Value> = done.as_ref().err().filter(|_| is_done)
            .map(|message| json!({ "field": ["code"], "message": message, "code": "TAKEN", "extraInfo": null })).into_iter().collect();
        let made = done.as_ref().ok().filter(|_| is_done).map(|id| redeem_code(*id, code));
        json!({ "code": code, "errors": errors, "discountRedeemCode": made })
    }).collect();
    let imported = it
        .codes
        .iter()
        .filter(|(_, done)| is_done && done.is_ok())
        .count();
    let failed = it
        .codes
        .iter()
        .filter(|(_, done)| is_done && done.is_err())
        .count();
    json!({
        "__typename": "DiscountRedeemCodeBulkCreation", "id": gid("DiscountRedeemCodeBulkCreation", it.id), "done": is_done,
        "createdAt": iso(it.created_ms), "codesCount": it.codes.len(), "importedCount": imported, "failedCount": failed, "codes": codes
    })
}

pub fn gift_card(it: &GiftCard) -> Value {
    let last: String = it
        .code
        .chars()
        .skip(it.code.chars().count().saturating_sub(4))
        .collect();
    json!({
        "__typename": "GiftCard", "id": gid("GiftCard", it.id), "lastCharacters": last, "maskedCode": format!("•••• •••• •••• {last}"),
        "initialValue": money(it.cents), "balance": money(it.cents), "customer": reference("Customer", it.customer),
        "createdAt": iso(it.created_ms), "updatedAt": iso(it.created_ms), "expiresOn": it.expires_on, "note": it.note, "enabled": true
    })
}
