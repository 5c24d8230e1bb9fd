//! One GraphQL call: checked against the schema, priced, throttled, executed.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Value, json};

use super::data::Data;
use super::resolve::{Root, Window};
use super::{INTERNAL, Shopify};
use crate::Sim;

/// What the vendor knows.
///
/// # Panics
/// If `schema.graphql` is not valid: a mistake of the simulator.
pub fn schema() -> &'static Valid<Schema> {
    static SCHEMA: OnceLock<Valid<Schema>> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let text = include_str!("schema.graphql");
        match Schema::parse_and_validate(text, "schema.graphql") {
            Ok(schema) => schema,
            Err(errors) => panic!("{errors}"),
        }
    })
}

/// A document that fits the schema, or the vendor's list of errors.
pub fn document(text: &str) -> Result<Valid<ExecutableDocument>, Vec<Value>> {
    let found = ExecutableDocument::parse_and_validate(schema(), text, "query");
    found.map_err(|errors| {
        let line = |error: GraphQLError| {
            let places: Vec<Value> = (error.locations.iter())
                .map(|at| json!({ "line": at.line, "column": at.column }))
                .collect();
            json!({ "message": error.message, "locations": places, "extensions": { "code": code(&error.message) } })
        };
        errors.errors.iter().map(|it| line(it.to_json())).collect()
    })
}

fn code(message: &str) -> &'static str {
    if message.contains("does not have a field") {
        "undefinedField"
    } else if message.contains("argument") && message.contains("not supported") {
        "argumentNotAccepted"
    } else if message.contains("required argument") {
        "missingRequiredArguments"
    } else if message.starts_with("syntax error") {
        "parseError"
    } else {
        "graphqlInvalid"
    }
}

pub fn map(value: &Value) -> JsonMap {
    match JsonValue::from(value.clone()) {
        JsonValue::Object(map) => map,
        _ => JsonMap::new(),
    }
}

/// The body that answers a call.
pub fn answer(shop: &mut Shopify, sim: &mut Sim, body: &Value) -> Value {
    let Some(text) = body["query"]
        .as_str()
        .filter(|text| !text.trim().is_empty())
    else {
        return json!({ "errors": "query can not be blank" });
    };
    let document = match document(text) {
        Ok(document) => document,
        Err(errors) => return json!({ "errors": errors }),
    };
    let name = body["operationName"].as_str();
    let Ok(operation) = document.operations.get(name) else {
        return json!({ "errors": [{ "message": "An operation name is required" }] });
    };
    if !(body["variables"].is_object() || body["variables"].is_null()) {
        return json!({ "errors": [{ "message": "Variables are invalid JSON" }] });
    }
    let raw = map(&body["variables"]);
    let variables = match coerce_variable_values(schema(), operation, &raw) {
        Ok(variables) => variables,
        Err(error) => {
            let message = error.message().to_string();
            return json!({ "errors": [{ "message": message, "extensions": { "code": "INVALID_VARIABLE", "problems": [{ "explanation": message }] } }] });
        }
    };
    let pricer = Pricer {
        document: &document,
        variables: &variables,
        is_linear: shop.is_linear_cost,
    };
    let requested = pricer.price(operation, None);
    if requested > shop.max_cost {
        let message = format!(
            "Query cost is {requested}, which exceeds the single query max cost limit ({}).",
            shop.max_cost
        );
        return json!({ "errors": [{ "message": message, "extensions": { "code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": shop.max_cost } }] });
    }
    let is_throttled = sim.vendor_fault("throttled").is_some();
    if is_throttled || shop.bucket.take(requested as f64, sim.now_ms()).is_err() {
        sim.refuse_for_rate();
        let errors = json!([{ "message": "Throttled", "extensions": { "code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits" } }]);
        return json!({ "errors": errors, "extensions": { "cost": cost(shop, sim, requested, None) } });
    }
    if sim.vendor_fault("internal-error").is_some() {
        let errors = json!([{ "message": INTERNAL, "extensions": { "code": "INTERNAL_SERVER_ERROR", "requestId": "1" } }]);
        return json!({ "errors": errors, "data": null });
    }
    let mut done = execute(shop, sim, &document, operation, &variables, None);
    let actual = pricer.price(operation, Some(&done["data"])).min(requested);
    shop.bucket.give_back((requested - actual) as f64);
    done["extensions"] = json!({ "cost": cost(shop, sim, requested, Some(actual)) });
    done
}

fn cost(shop: &mut Shopify, sim: &Sim, requested: i64, actual: Option<i64>) -> Value {
    let free = shop.bucket.capacity - shop.bucket.level(sim.now_ms());
    json!({ "requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": {
        "maximumAvailable": shop.bucket.capacity, "currentlyAvailable": free.floor(), "restoreRate": shop.bucket.leak_per_s
    } })
}

/// Data and errors of one operation. Within a bulk operation it sees the shop as it was then.
pub fn execute(
    shop: &mut Shopify,
    sim: &mut Sim,
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    variables: &Valid<JsonMap>,
    bulk: Option<(&Arc<Data>, &RefCell<Window>)>,
) -> Value {
    let root = Root::new(shop, sim, operation.is_mutation(), bulk);
    let execution = Execution::new(schema(), document)
        .operation(operation)
        .coerced_variable_values(variables)
        .enable_schema_introspection(true);
    let done = match execution.execute_sync(&root) {
        Ok(done) => done,
        Err(error) => return json!({ "errors": [{ "message": error.message().to_string() }] }),
    };
    let mut body = json!({ "data": done.data });
    let errors: Vec<Value> = done
        .errors
        .iter()
        .map(|error| {
            let message = error.message.trim_start_matches("resolver error: ");
            let code = match message {
                INTERNAL => "INTERNAL_SERVER_ERROR",
                text if text.contains("ccess denied") || text.contains("not approved") => {
                    "ACCESS_DENIED"
                }
                _ => "BAD_REQUEST",
            };
            let mut line =
                json!({ "message": message, "path": error.path, "extensions": { "code": code } });
            line["locations"] = error
                .locations
                .iter()
                .map(|at| json!({ "line": at.line, "column": at.column }))
                .collect();
            line
        })
        .collect();
    if !errors.is_empty() {
        body["errors"] = Value::Array(errors);
    }
    body
}

/// What a query costs: an object 1, a connection by its size, a mutation 10.
struct Pricer<'a> {
    document: &'a ExecutableDocument,
    variables: &'a JsonMap,
    /// Every row at full price, as the old documentation had it. What is measured today is far
    /// less: `variants(first: 250) { nodes { inventoryItem { id } } }` within a product costs 25.
    is_linear: bool,
}

impl Pricer<'_> {
    fn price(&self, operation: &Operation, data: Option<&Value>) -> i64 {
        let base = if operation.is_mutation() { 10 } else { 0 };
        let fields = operation.root_fields(self.document).count() as i64;
        (base * fields + self.of(&operation.selection_set, data)).max(1)
    }

    fn of(&self, set: &SelectionSet, data: Option<&Value>) -> i64 {
        let each = |selection: &Selection| match selection {
            Selection::Field(field) => {
                let data = data.map(|data| &data[field.response_key().as_str()]);
                if field.selection_set.selections.is_empty() || data.is_some_and(Value::is_null) {
                    return 0;
                }
                let ty = field.ty().inner_named_type().as_str();
                if ty.ends_with("Connection") {
                    let size = field
                        .specified_argument_by_name("first")
                        .or(field.specified_argument_by_name("last"));
                    let asked = size.and_then(|size| match size.as_variable() {
                        Some(name) => self
                            .variables
                            .get(name.as_str())
                            .and_then(JsonValue::as_i64),
                        None => size.to_i32().map(i64::from),
                    });
                    return self.connection(&field.selection_set, asked.unwrap_or(1), data);
                }
                let is_free = ty.ends_with("Payload") || ty.ends_with("Error") || ty == "PageInfo";
                let own = i64::from(!is_free);
                match data {
                    Some(Value::Array(rows)) => rows
                        .iter()
                        .map(|row| own + self.of(&field.selection_set, Some(row)))
                        .max()
                        .unwrap_or(0),
                    _ => own + self.of(&field.selection_set, data),
                }
            }
            Selection::InlineFragment(part) => self.of(&part.selection_set, data),
            Selection::FragmentSpread(part) => part
                .fragment_def(self.document)
                .map_or(0, |part| self.of(&part.selection_set, data)),
        };
        set.selections.iter().map(each).sum()
    }

    fn connection(&self, set: &SelectionSet, asked: i64, data: Option<&Value>) -> i64 {
        let (mut row, mut size) = (0, asked);
        for field in set.selections.iter().filter_map(Selection::as_field) {
            let rows = data.and_then(|data| data[field.response_key().as_str()].as_array());
            size = rows.map_or(size, |rows| size.min(rows.len() as i64));
            let first = rows.and_then(|rows| rows.first());
            row += match field.name.as_str() {
                "nodes" => 1 + self.of(&field.selection_set, first),
                "edges" => self.of(&field.selection_set, first),
                _ => 0,
            };
        }
        let factor = if self.is_linear {
            size
        } else {
            (size as f64).powf(0.43).ceil() as i64
        };
        2 + factor * row
    }
}
