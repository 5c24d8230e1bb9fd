use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{Deletes, Error, Source};

use super::{answered, configured, graphql};
use crate::Shopify;

#[test]
fn only_a_shop_gets_the_token() {
    for good in ["https://my-shop.myshopify.com", "https://0a.myshopify.com"] {
        assert_eq!(
            configured(json!({ "url": good })).validate(),
            Ok(()),
            "{good}"
        );
    }
    for bad in [
        "my-shop.myshopify.com",
        "http://my-shop.myshopify.com",
        "https://shop.example.com",
        "https://evil.com/my-shop.myshopify.com",
        "https://-a.myshopify.com",
        "https://my-shop.myshopify.com/",
        "https://.myshopify.com",
        "https://a.b.myshopify.com",
        "https://my-shop.myshopify.com.evil.com",
        "https://user@my-shop.myshopify.com",
    ] {
        let settings = configured(json!({ "url": bad }));
        // Nothing is scripted: a request would panic.
        let test = TestContext::default();
        let read = Shopify::check_source(&test, &settings);
        assert!(
            matches!(read, Err(Error::Invalid { field, .. }) if field == "url"),
            "{bad}"
        );
    }
    let other = json!({ "url": "http://127.0.0.1:8080", "allow_other_host": true });
    assert_eq!(configured(other).validate(), Ok(()));
    assert!(
        configured(json!({ "api_version": "latest" }))
            .validate()
            .is_err()
    );
}

#[test]
fn deletions_are_promised_only_with_webhooks() {
    let test = TestContext::default();
    let deletes = |webhooks: bool| {
        let settings = configured(json!({ "webhooks": webhooks }));
        let streams = Shopify::streams(&test.context(), &settings).unwrap();
        streams
            .into_iter()
            .map(|stream| (stream.name, stream.deletes))
            .collect::<Vec<_>>()
    };
    assert!(
        deletes(false)
            .iter()
            .all(|(_, it)| *it == Deletes::NotReported)
    );
    assert_eq!(
        deletes(true)[0],
        ("customers".to_owned(), Deletes::Tombstones)
    );
}

#[test]
fn check_names_the_missing_scope() {
    let settings = configured(json!({}));
    let test = TestContext::default();
    test.http.push(graphql().answer(
        200,
        r#"{"data":{"orders":null},"errors":[{"message":"Access denied for orders field. Required access: `read_orders` access scope.","extensions":{"code":"ACCESS_DENIED"}}]}"#,
    ));
    assert_eq!(
        Shopify::check_source(&test, &settings),
        Err(Error::Auth(
            "the token lacks the scope read_orders".to_owned()
        ))
    );
    test.http.push(answered(json!({})));
    test.http.push(answered(
        json!({ "currentAppInstallation": { "accessScopes": [
        { "handle": "read_customers" }, { "handle": "write_orders" } ] } }),
    ));
    assert_eq!(
        Shopify::check_source(&test, &settings),
        Err(Error::Auth(
            "the token lacks the scopes read_products".to_owned()
        ))
    );
    test.http.push(answered(json!({})));
    test.http
        .push(graphql().answer(200, r#"{"errors":[{"message":"no such field"}]}"#));
    assert_eq!(Shopify::check_source(&test, &settings), Ok(()));
    test.http
        .push(graphql().answer(401, r#"{"errors":"[API] Invalid API key"}"#));
    assert!(matches!(
        Shopify::check_source(&test, &settings),
        Err(Error::Auth(_))
    ));
    test.http.assert_done();
}

impl Shopify {
    fn check_source(test: &TestContext, settings: &crate::Settings) -> Result<(), Error> {
        <Self as Source>::check(&test.context(), settings)
    }
}
