//! What `crosspoint plugin new` writes is a component with both roles, made by the SDK's
//! `connector!`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crosspoint_sandbox::manifest::Role;
use crosspoint_sandbox::{CallInput, Connector, ConnectorSetup, Grants, Limits, MachineClock};
use serde_json::json;

use crate::rig::ENGINE;

#[tokio::test]
async fn the_template_is_a_source_and_a_destination() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/template");
    let built = crosspoint_plugin_build::build_component(folder, "plugin-template").unwrap();
    let plugin = ENGINE.load(&std::fs::read(built).unwrap()).unwrap();
    assert_eq!(plugin.manifest.id, "template");
    assert!(plugin.manifest.has_role(Role::Source) && plugin.manifest.has_role(Role::Destination));
    let settings = json!({ "url": "https://shop.example.com" });
    let connector = Connector::new(ConnectorSetup {
        id: "shop".into(),
        plugin,
        settings: settings.as_object().unwrap().clone(),
        secrets: BTreeMap::new(),
        grants: Grants::default(),
        limits: Limits::default(),
        rate: None,
        tokens: None,
        clock: Arc::new(MachineClock),
    })
    .unwrap();
    let streams = connector.streams(CallInput::default()).await.unwrap();
    assert_eq!(streams.value[0].name, "customers");
    let actions = connector.actions(CallInput::default()).await.unwrap();
    assert_eq!(actions.value.len(), 1);
    // The request reaches the host's egress, which has been granted nothing.
    let denied = connector
        .check_source(CallInput::default())
        .await
        .unwrap_err();
    assert!(denied.to_string().contains("shop.example.com"), "{denied}");
}
