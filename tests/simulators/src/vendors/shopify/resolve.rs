//! The values of fields, one at a time, as they are asked for.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use apollo_compiler::ast::Type;
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonValue;
use serde_json::{Value, json};

use super::data::{Data, Kind};
use super::list::{self, Page, Paging};
use super::{Shopify, view};
use crate::Sim;

/// Nested lists in a bulk operation are cut here unless they say how many they want.
const SILENT_CUT: usize = 100;

/// The part of a root list that a bulk operation reads at once.
#[derive(Default)]
pub struct Window {
    pub paging: Option<Paging>,
    pub next: Option<String>,
}

/// The shop, for the time of one operation.
pub struct Root<'s> {
    shop: RefCell<&'s mut Shopify>,
    sim: RefCell<&'s mut Sim>,
    is_mutation: bool,
    bulk: Option<(&'s Arc<Data>, &'s RefCell<Window>)>,
    mutations: RefCell<usize>,
}

fn refuse(message: impl Into<String>) -> FieldError {
    FieldError {
        message: message.into(),
    }
}

/// The scope that a root field needs.
fn scope(field: &str) -> Option<&'static str> {
    Some(match field {
        "customer" | "customers" | "customersCount" | "customerByIdentifier" => "read_customers",
        "order" | "orders" | "ordersCount" | "abandonedCheckouts" | "abandonedCheckoutsCount" => {
            "read_orders"
        }
        "product" | "products" | "productsCount" => "read_products",
        "codeDiscountNode" | "codeDiscountNodeByCode" | "discountRedeemCodeBulkCreation" => {
            "read_discounts"
        }
        "giftCard" => "read_gift_cards",
        "discountCodeBasicCreate" | "discountRedeemCodeBulkAdd" => "write_discounts",
        "giftCardCreate" => "write_gift_cards",
        _ if field.starts_with("customer") || field == "dataSaleOptOut" => "write_customers",
        _ => return None,
    })
}

/// The scope that reading a thing needs.
pub fn scope_of_kind(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Customer" => "read_customers",
        "Order" | "AbandonedCheckout" => "read_orders",
        "Product" | "ProductVariant" => "read_products",
        "DiscountCodeNode" => "read_discounts",
        "GiftCard" => "read_gift_cards",
        _ => return None,
    })
}

impl<'s> Root<'s> {
    pub fn new(
        shop: &'s mut Shopify,
        sim: &'s mut Sim,
        is_mutation: bool,
        bulk: Option<(&'s Arc<Data>, &'s RefCell<Window>)>,
    ) -> Self {
        Self {
            shop: RefCell::new(shop),
            sim: RefCell::new(sim),
            is_mutation,
            bulk,
            mutations: RefCell::new(0),
        }
    }

    fn data(&self) -> Arc<Data> {
        match self.bulk {
            Some((data, _)) => data.clone(),
            None => self.shop.borrow().data.clone(),
        }
    }

    fn thing(&self, gid: &str) -> Option<(&'static str, Value)> {
        let data = self.data();
        view::by_gid(&data, gid).or_else(|| self.shop.borrow().machinery(gid))
    }

    fn permit(&self, wanted: Option<&str>, field: &str) -> Result<(), FieldError> {
        let Some(wanted) = wanted else { return Ok(()) };
        if self.shop.borrow().may(wanted) {
            return Ok(());
        }
        Err(refuse(format!(
            "Access denied for {field} field. Required access: `{wanted}` access scope."
        )))
    }

    fn paging(&self, args: &Value, is_root: bool) -> Result<Paging, FieldError> {
        let Some((_, window)) = self.bulk else {
            return Paging::new(args).map_err(refuse);
        };
        let mut paging = Paging::whole();
        if is_root {
            if let Some(wanted) = &window.borrow().paging {
                paging = wanted.clone();
            }
        } else if args["first"].is_null() {
            paging.count = SILENT_CUT;
        }
        Ok(paging)
    }

    fn root_list(&self, kind: Kind, args: &Value) -> Result<Page, FieldError> {
        let paging = self.paging(args, true)?;
        let sort = args["sortKey"].as_str().unwrap_or("ID");
        let page =
            self.shop
                .borrow()
                .list(&self.data(), kind, sort, args["query"].as_str(), &paging);
        let page = page.map_err(refuse)?;
        if let Some((_, window)) = self.bulk {
            let last = page.items.last().filter(|_| page.has_next);
            window.borrow_mut().next = last.map(|(cursor, _)| cursor.clone());
        }
        Ok(page)
    }

    fn query(&self, field: &str, args: &Value) -> Result<Result<Value, Page>, FieldError> {
        let list = |kind| self.root_list(kind, args).map(Err);
        let count = |kind| {
            let limit = args["limit"].as_i64().unwrap_or(10_000);
            let counted = self
                .shop
                .borrow()
                .count(kind, args["query"].as_str(), limit);
            counted.map(Ok).map_err(refuse)
        };
        let reference = |kind: &str| {
            let gid = args["id"].as_str().unwrap_or_default();
            let is_it = view::parse_gid(gid).is_some_and(|(known, _)| known == kind);
            if !is_it {
                return Err(refuse(format!("Invalid global id '{gid}'")));
            }
            Ok(Ok(json!({ "__ref": gid })))
        };
        match field {
            "customers" => list(Kind::Customer),
            "orders" => list(Kind::Order),
            "products" => list(Kind::Product),
            "abandonedCheckouts" => list(Kind::Checkout),
            "customersCount" => count(Kind::Customer),
            "ordersCount" => count(Kind::Order),
            "productsCount" => count(Kind::Product),
            "abandonedCheckoutsCount" => count(Kind::Checkout),
            "customer" => reference("Customer"),
            "order" => reference("Order"),
            "product" => reference("Product"),
            "bulkOperation" => reference("BulkOperation"),
            "codeDiscountNode" => reference("DiscountCodeNode"),
            "discountRedeemCodeBulkCreation" => reference("DiscountRedeemCodeBulkCreation"),
            "giftCard" => reference("GiftCard"),
            "webhookSubscription" => reference("WebhookSubscription"),
            "node" => Ok(Ok(json!({ "__ref": args["id"] }))),
            "nodes" => {
                let ids = args["ids"].as_array().into_iter().flatten();
                Ok(Ok(ids.map(|id| json!({ "__ref": id })).collect()))
            }
            _ => self
                .shop
                .borrow()
                .query(field, args)
                .map(Ok)
                .map_err(refuse),
        }
    }
}

impl ObjectValue for Root<'_> {
    fn type_name(&self) -> &str {
        if self.is_mutation {
            "Mutation"
        } else {
            "QueryRoot"
        }
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let field = info.field_name();
        self.permit(scope(field), field)?;
        let args = json!(info.arguments());
        let ty = &info.field_definition().ty;
        if self.is_mutation {
            let at = self.mutations.replace_with(|at| *at + 1);
            let mut sim = self.sim.borrow_mut();
            let poison = sim
                .vendor_fault("user-error")
                .map(|fault| (fault["index"].as_u64().unwrap_or(0), fault));
            if let Some((wanted, fault)) = poison {
                if wanted == at as u64 {
                    let message = fault["message"].as_str().unwrap_or("is invalid");
                    let payload = json!({ "userErrors": [{ "field": fault["field"], "message": message, "code": fault["code"] }] });
                    return self.value(info, ty, Cow::Owned(payload));
                }
                sim.set_fault(Some(("user-error".to_owned(), fault)));
            }
            let done = self
                .shop
                .borrow_mut()
                .mutate(field, &args, &mut sim)
                .map_err(refuse)?;
            drop(sim);
            return self.value(info, ty, Cow::Owned(done));
        }
        match self.query(field, &args)? {
            Ok(value) => self.value(info, ty, Cow::Owned(value)),
            Err(page) => Ok(connection(self, ty, page)),
        }
    }
}

impl Root<'_> {
    /// A value as the field's type wants it.
    fn value<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
        ty: &'a Type,
        value: Cow<'a, Value>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        if value.is_null() {
            return Ok(ResolvedValue::null());
        }
        let name = ty.inner_named_type().as_str();
        let known = info.schema().types.get(name);
        let is_leaf = known.is_none_or(|it| it.is_scalar() || it.is_enum());
        if is_leaf && !ty.is_list() {
            return Ok(ResolvedValue::Leaf(value.into_owned().into()));
        }
        if name.ends_with("Connection") {
            let args = json!(info.arguments());
            let paging = self.paging(&args, false)?;
            return Ok(connection(self, ty, self.inner(&value, &args, &paging)?));
        }
        if ty.is_list() {
            let rows = match value {
                Cow::Owned(Value::Array(rows)) => rows,
                other => other.as_array().cloned().unwrap_or_default(),
            };
            let rows: Result<Vec<_>, _> = rows
                .into_iter()
                .map(|row| self.value(info, ty.item_type(), Cow::Owned(row)))
                .collect();
            return Ok(ResolvedValue::List(Box::new(rows?.into_iter().map(Ok))));
        }
        if let Some(cents) = value.as_i64() {
            return Ok(ResolvedValue::object(Object {
                root: self,
                kind: Cow::Borrowed(name),
                value: Cow::Owned(view::whole_money(name, cents)),
            }));
        }
        if let Some(gid) = value["__ref"].as_str() {
            let Some((kind, value)) = self.thing(gid) else {
                return Ok(ResolvedValue::null());
            };
            self.permit(scope_of_kind(kind), info.field_name())?;
            return Ok(ResolvedValue::object(Object {
                root: self,
                kind: Cow::Borrowed(kind),
                value: Cow::Owned(value),
            }));
        }
        let kind = value["__typename"].as_str().unwrap_or(name).to_owned();
        Ok(ResolvedValue::object(Object {
            root: self,
            kind: Cow::Owned(kind),
            value,
        }))
    }

    /// One page of a list within an object.
    fn inner(&self, value: &Value, args: &Value, paging: &Paging) -> Result<Page, FieldError> {
        let data = self.data();
        if let Some(id) = value["__orders"].as_u64() {
            self.permit(Some("read_orders"), "orders")?;
            let ids = data
                .customers
                .get(&id)
                .map(|it| it.orders.clone())
                .unwrap_or_default();
            let all = ids
                .iter()
                .map(|id| view::reference("Order", Some(*id)))
                .collect();
            return list::inner(all, paging).map_err(refuse);
        }
        if let Some(order) = value["__lines"]
            .as_u64()
            .and_then(|id| data.orders.get(&id))
        {
            let lines = order.lines.iter().map(|it| view::line(&data, it));
            return list::inner(lines.collect(), paging).map_err(refuse);
        }
        if let Some(owner) = value["__metafields"].as_str() {
            let of_owner = data.metafields.values().filter(|it| it.owner == owner);
            let wanted = of_owner.filter(|it| {
                args["namespace"]
                    .as_str()
                    .is_none_or(|space| space == it.namespace)
            });
            return list::inner(wanted.map(view::metafield).collect(), paging).map_err(refuse);
        }
        list::inner(value.as_array().cloned().unwrap_or_default(), paging).map_err(refuse)
    }
}

/// A thing that is there whole.
struct Object<'a, 's> {
    root: &'a Root<'s>,
    kind: Cow<'a, str>,
    value: Cow<'a, Value>,
}

impl ObjectValue for Object<'_, '_> {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let field = info.field_name();
        if self.kind == "Customer" && self.root.shop.borrow().is_blind(field) {
            return Ok(ResolvedValue::null());
        }
        let ty = &info.field_definition().ty;
        if field == "metafield" {
            let args = info.arguments();
            let text = |name: &str| {
                args.get(name)
                    .and_then(JsonValue::as_str)
                    .map(str::to_owned)
            };
            let owner = self.value["id"].as_str().unwrap_or_default().to_owned();
            let space = text("namespace").unwrap_or_else(|| super::APP_SPACE.to_owned());
            let data = self.root.data();
            let found = data
                .metafields
                .get(&(owner, space, text("key").unwrap_or_default()));
            return self.root.value(
                info,
                ty,
                Cow::Owned(found.map_or(Value::Null, view::metafield)),
            );
        }
        self.root.value(info, ty, Cow::Borrowed(&self.value[field]))
    }
}

fn connection<'a>(root: &'a Root<'_>, ty: &Type, page: Page) -> ResolvedValue<'a> {
    let kind = ty.inner_named_type().to_string();
    ResolvedValue::object(Connection { root, kind, page })
}

struct Connection<'a, 's> {
    root: &'a Root<'s>,
    kind: String,
    page: Page,
}

impl ObjectValue for Connection<'_, '_> {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let items = &self.page.items;
        let value = match info.field_name() {
            "nodes" => items.iter().map(|(_, node)| node.clone()).collect(),
            "edges" => {
                let edge = |(cursor, node): &(String, Value)| {
                    let parts = [("cursor", json!(cursor)), ("node", node.clone())];
                    let parts = parts.map(|(name, value)| (name.to_owned(), value));
                    Value::Object(parts.into_iter().collect())
                };
                items.iter().map(edge).collect()
            }
            _ => json!({
                "hasNextPage": self.page.has_next, "hasPreviousPage": self.page.has_previous,
                "startCursor": items.first().map(|(cursor, _)| cursor), "endCursor": items.last().map(|(cursor, _)| cursor)
            }),
        };
        self.root
            .value(info, &info.field_definition().ty, Cow::Owned(value))
    }
}
