//! Proves credentials and scopes.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Error, Level};

use crate::client::{Client, Failure};

/// What a role needs.
pub(crate) struct Need {
    /// Asks for one object of each list: a scope that is missing names itself.
    query: &'static str,
    scopes: &'static [&'static str],
    /// What is done without, and what that means.
    useful: (&'static str, &'static str),
}

pub(crate) const SOURCE: Need = Need {
    query: "query { customers(first: 1) { nodes { id } } orders(first: 1) { nodes { id } } \
            products(first: 1) { nodes { id } } }",
    scopes: &["read_customers", "read_orders", "read_products"],
    useful: (
        "read_all_orders",
        "only orders of the last 60 days are seen",
    ),
};

pub(crate) const DESTINATION: Need = Need {
    query: "query { customers(first: 1) { nodes { id } } }",
    scopes: &["read_customers", "write_customers"],
    useful: ("write_discounts", "no discount codes can be created"),
};

const SCOPES: &str = "query { currentAppInstallation { accessScopes { handle } } }";

pub(crate) fn check(client: &Client<'_>, need: &Need) -> Result<(), Error> {
    client.ask(need.query, json!({}))?;
    let answer = match client.ask(SCOPES, json!({})) {
        Ok(answer) => answer,
        Err(Failure::Refused(_) | Failure::Denied(_)) => {
            client.ctx().log(
                Level::Info,
                "the shop does not tell the token's scopes; reading works, writing is unproven",
            );
            return Ok(());
        }
        Err(failure) => return Err(failure.into()),
    };
    let scopes = answer.data.at("currentAppInstallation.accessScopes");
    let granted: Vec<_> = scopes
        .map_or(&[][..], Json::items)
        .iter()
        .filter_map(|scope| scope.text_at("handle"))
        .collect();
    if granted.is_empty() {
        return Ok(());
    }
    // Whoever may write may read.
    let has = |scope: &str| {
        let writing = scope.replacen("read_", "write_", 1);
        granted.contains(&scope) || granted.contains(&writing.as_str())
    };
    let missing: Vec<_> = need
        .scopes
        .iter()
        .filter(|scope| !has(scope))
        .copied()
        .collect();
    if !missing.is_empty() {
        return Err(Error::Auth(format!(
            "the token lacks the scopes {}",
            missing.join(", ")
        )));
    }
    let (scope, meaning) = need.useful;
    if !granted.contains(&scope) {
        client.ctx().log(
            Level::Warn,
            format_args!("without the scope `{scope}` {meaning}"),
        );
    }
    Ok(())
}
