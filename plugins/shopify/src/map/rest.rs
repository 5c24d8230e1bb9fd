//! Webhook bodies are in the older REST form. They are brought into the form of GraphQL, so that an
//! object becomes the same record whichever way it comes; what GraphQL does not know keeps its name.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;

/// Old name and new name of fields whose values are the same.
type Renames = &'static [(&'static str, &'static str)];

const CUSTOMER: Renames = &[
    ("first_name", "firstName"),
    ("last_name", "lastName"),
    ("orders_count", "numberOfOrders"),
    ("created_at", "createdAt"),
    ("updated_at", "updatedAt"),
    ("verified_email", "verifiedEmail"),
    ("data_sale_opt_out", "dataSaleOptOut"),
];

const ORDER: Renames = &[
    ("order_number", "number"),
    ("created_at", "createdAt"),
    ("processed_at", "processedAt"),
    ("updated_at", "updatedAt"),
    ("cancelled_at", "cancelledAt"),
    ("closed_at", "closedAt"),
    ("currency", "currencyCode"),
    ("presentment_currency", "presentmentCurrencyCode"),
    ("taxes_included", "taxesIncluded"),
    ("buyer_accepts_marketing", "customerAcceptsMarketing"),
    ("source_name", "sourceName"),
];

const LINE: Renames = &[
    ("variant_title", "variantTitle"),
    ("current_quantity", "currentQuantity"),
    ("gift_card", "isGiftCard"),
];

const ADDRESS: Renames = &[
    ("first_name", "firstName"),
    ("last_name", "lastName"),
    ("province_code", "provinceCode"),
    ("country_code", "countryCodeV2"),
];

/// An object whose fields are moved to their new names.
struct Moved {
    left: Vec<(String, Json)>,
    done: Vec<(String, Json)>,
}

impl Moved {
    fn new(node: &Json, renames: Renames) -> Self {
        let mut moved = Self {
            left: node.members().to_vec(),
            done: Vec::new(),
        };
        for (old, new) in renames {
            if let Some(value) = moved.take(old) {
                // What REST calls so is something else, such as the place of an order in a count
                // from 1.
                moved.take(new);
                moved.put(new, value);
            }
        }
        moved
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.left.iter().position(|(known, _)| known == name)?;
        Some(self.left.remove(at).1)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name)?.text().map(str::to_owned)
    }

    /// Instants come with the shop's offset, and GraphQL writes them in UTC.
    fn put(&mut self, name: &str, value: Json) {
        let in_utc = match &value {
            Json::Text(text) if name.ends_with("At") => instant::parse(text, 0).ok(),
            _ => None,
        };
        let value = in_utc.map_or(value, |at| Json::Text(instant::to_rfc3339(at)));
        self.done.push((name.to_owned(), value));
    }

    /// `paid` becomes `PAID`, as GraphQL writes its words.
    fn put_word(&mut self, old: &str, new: &str) {
        if let Some(word) = self.take(old) {
            let word = match word {
                Json::Text(word) => Json::Text(word.to_ascii_uppercase()),
                other => other,
            };
            self.put(new, word);
        }
    }

    fn put_address(&mut self, old: &str, new: &str) {
        if let Some(found) = self.take(old) {
            let found = Moved::new(&found, ADDRESS).finish();
            self.put(new, found);
        }
    }

    /// `12`, or `gid://shopify/Thing/12` where it stands beside, becomes `{"id":"12"}`.
    fn put_reference(&mut self, old: &str, new: &str) {
        if let Some(id) = self.text(old) {
            self.put(new, object([("id", Json::Text(id))]));
        }
    }

    /// `total_price_set`, or `total_price` in the shop's currency.
    fn put_money(&mut self, old: &str, new: &str, currency: &str) {
        let bag = self.take(&format!("{old}_set"));
        let plain = self.text(old);
        let bag = match (bag, plain) {
            (Some(bag), _) if bag.get("shop_money").is_some() => {
                let side = |old: &str, new: &'static str| {
                    let found = bag.get(old)?;
                    let money = object([
                        ("amount", found.get("amount")?.clone()),
                        ("currencyCode", found.get("currency_code")?.clone()),
                    ]);
                    Some((new.to_owned(), money))
                };
                let sides = [
                    side("shop_money", "shopMoney"),
                    side("presentment_money", "presentmentMoney"),
                ];
                Json::Object(sides.into_iter().flatten().collect())
            }
            (_, Some(amount)) => object([(
                "shopMoney",
                object([
                    ("amount", Json::Text(amount)),
                    ("currencyCode", Json::Text(currency.to_owned())),
                ]),
            )]),
            _ => return,
        };
        self.put(new, bag);
    }

    fn put_tags(&mut self) {
        let tags = match self.take("tags") {
            Some(Json::Text(text)) => {
                let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
                Json::List(tags.map(|tag| Json::Text(tag.to_owned())).collect())
            }
            Some(other) => other,
            None => return,
        };
        self.put("tags", tags);
    }

    fn finish(mut self) -> Json {
        // The number stands in `id`, and nothing else is told by the other form.
        self.take("admin_graphql_api_id");
        self.done.extend(self.left);
        Json::Object(self.done)
    }
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let members = members.into_iter();
    Json::Object(
        members
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn nodes(items: &Json, each: impl Fn(&Json) -> Json) -> Json {
    object([(
        "nodes",
        Json::List(items.items().iter().map(each).collect()),
    )])
}

/// Email or phone and its marketing consent, as one object.
fn channel(moved: &mut Moved, address: &str, new: &str, consent: &str) -> Option<Json> {
    let value = moved.text(address);
    let consent = moved.take(consent);
    let mut members = Vec::new();
    if let Some(value) = value {
        members.push((new.to_owned(), Json::Text(value)));
    }
    if let Some(consent) = consent {
        let mut consent = Moved::new(&consent, &[("consent_updated_at", "marketingUpdatedAt")]);
        consent.put_word("state", "marketingState");
        consent.put_word("opt_in_level", "marketingOptInLevel");
        consent.put_word("consent_collected_from", "marketingCollectedFrom");
        members.extend(consent.finish().members().to_vec());
    }
    (!members.is_empty()).then_some(Json::Object(members))
}

pub(crate) fn customer(node: &Json) -> Json {
    let mut moved = Moved::new(node, CUSTOMER);
    let email = channel(
        &mut moved,
        "email",
        "emailAddress",
        "email_marketing_consent",
    );
    let phone = channel(&mut moved, "phone", "phoneNumber", "sms_marketing_consent");
    for (name, found) in [
        ("defaultEmailAddress", email),
        ("defaultPhoneNumber", phone),
    ] {
        if let Some(found) = found {
            moved.put(name, found);
        }
    }
    moved.put_address("default_address", "defaultAddress");
    moved.put_word("state", "state");
    moved.put_tags();
    let currency = moved.text("currency");
    if let (Some(amount), Some(currency)) = (moved.text("total_spent"), currency) {
        let spent = object([
            ("amount", Json::Text(amount)),
            ("currencyCode", Json::Text(currency)),
        ]);
        moved.put("amountSpent", spent);
    }
    moved.finish()
}

pub(crate) fn order(node: &Json) -> Json {
    let currency = node.text_at("currency").unwrap_or_default().to_owned();
    let mut moved = Moved::new(node, ORDER);
    for (old, new) in [
        ("total_price", "totalPriceSet"),
        ("subtotal_price", "subtotalPriceSet"),
        ("total_tax", "totalTaxSet"),
        ("total_shipping_price", "totalShippingPriceSet"),
        ("total_discounts", "totalDiscountsSet"),
        ("current_total_price", "currentTotalPriceSet"),
    ] {
        moved.put_money(old, new, &currency);
    }
    moved.put_word("cancel_reason", "cancelReason");
    moved.put_word("financial_status", "displayFinancialStatus");
    let shipped = match moved.text("fulfillment_status").as_deref() {
        None => "UNFULFILLED".to_owned(),
        Some("partial") => "PARTIALLY_FULFILLED".to_owned(),
        Some(other) => other.to_ascii_uppercase(),
    };
    moved.put("displayFulfillmentStatus", Json::Text(shipped));
    if let Some(codes) = node.get("discount_codes") {
        let codes = codes.items().iter().filter_map(|code| code.get("code"));
        moved.put("discountCodes", Json::List(codes.cloned().collect()));
    }
    moved.put_tags();
    moved.put_address("billing_address", "billingAddress");
    moved.put_address("shipping_address", "shippingAddress");
    if let Some(customer) = moved.take("customer")
        && let Some(id) = customer.get("id").and_then(Json::text)
    {
        moved.put("customer", object([("id", Json::Text(id.to_owned()))]));
    }
    if let Some(items) = moved.take("line_items") {
        moved.put("lineItems", nodes(&items, |item| line(item, &currency)));
    }
    moved.finish()
}

fn line(item: &Json, currency: &str) -> Json {
    let mut moved = Moved::new(item, LINE);
    let total = total_of(item);
    moved.put_money("price", "originalUnitPriceSet", currency);
    if let Some(amount) = total {
        let money = object([
            ("amount", Json::Text(amount)),
            ("currencyCode", Json::Text(currency.to_owned())),
        ]);
        moved.put("discountedTotalSet", object([("shopMoney", money)]));
    }
    moved.put_money("total_discount", "totalDiscountSet", currency);
    moved.put_reference("product_id", "product");
    moved.put_reference("variant_id", "variant");
    moved.finish()
}

/// Quantity times price, less the line's own discount: GraphQL says it, webhooks leave it to the
/// reader. Exact, or nothing.
fn total_of(item: &Json) -> Option<String> {
    let quantity: i128 = item.text_at("quantity")?.parse().ok()?;
    let (price, price_places) = fixed(item.text_at("price")?)?;
    let (discount, discount_places) = fixed(item.text_at("total_discount").unwrap_or("0"))?;
    let places = price_places.max(discount_places);
    let scaled = |amount: i128, from: u32| amount.checked_mul(10_i128.pow(places - from));
    let total = scaled(price, price_places)?
        .checked_mul(quantity)?
        .checked_sub(scaled(discount, discount_places)?)?;
    let digits = format!(
        "{:0width$}",
        total.unsigned_abs(),
        width = places as usize + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - places as usize);
    let sign = if total < 0 { "-" } else { "" };
    let point = if places > 0 { "." } else { "" };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// A decimal as a whole number and how many of its digits stand behind the point.
fn fixed(text: &str) -> Option<(i128, u32)> {
    let places = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    if places > 12 {
        return None;
    }
    let digits = text.replacen('.', "", 1).parse().ok()?;
    Some((digits, u32::try_from(places).ok()?))
}

/// An order's webhook does not say in one sum what was paid back.
pub(crate) fn is_complete(order: &Json) -> bool {
    !order
        .text_at("displayFinancialStatus")
        .is_some_and(|word| word.contains("REFUNDED"))
}
