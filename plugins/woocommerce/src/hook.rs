//! Webhooks: the body is the object as lists show it, as it was when the call was made.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Received, Reject, WebhookRequest};

use crate::Settings;
use crate::entity::{ALL, Entity};
use crate::map;

pub(crate) fn receive(settings: &Settings, request: &WebhookRequest) -> Received {
    let mut received = Received::empty();
    let topic = request.header("x-wc-webhook-topic").unwrap_or_default();
    let (resource, event) = topic.split_once('.').unwrap_or((topic, ""));
    let entity = ALL
        .into_iter()
        .find(|entity| entity.stream().strip_suffix('s') == Some(resource));
    let body = std::str::from_utf8(&request.body)
        .ok()
        .and_then(|text| Json::parse(text).ok());
    let (Some(entity), Some(body)) = (entity, body) else {
        let stream = entity.unwrap_or(Entity::Orders);
        reject(
            &mut received,
            stream,
            request,
            "is no object that is read from webhooks",
        );
        return received;
    };
    // The body is made when the call is: by then the object may be gone.
    if matches!(event, "created" | "updated" | "restored") && is_gone(&body) {
        received.poke.push(entity.stream().to_owned());
        return received;
    }
    let part = received.part(entity.stream());
    match event {
        "deleted" => match body.text_at("id") {
            // Nothing but the id is sent, so the call's time stands for the deletion's.
            Some(id) => {
                let record = map::tombstone(entity.kind(), id, request.received_at);
                part.records.push(record);
            }
            None => reject(&mut received, entity, request, "names no object by its id"),
        },
        "created" | "updated" | "restored" => match map::records(settings, entity, &body) {
            Ok(records) => part.records.extend(records),
            Err(fault) => part.rejects.push(map::rejected(entity, &body, fault)),
        },
        _ => reject(
            &mut received,
            entity,
            request,
            "is of a topic that nothing is read from",
        ),
    }
    received
}

/// Nothing but an id, or the error of a shop that was asked for what it does not have.
fn is_gone(body: &Json) -> bool {
    let has = |name: &str| body.text_at(name).is_some();
    (has("id") && body.members().len() == 1) || (has("code") && !has("id"))
}

fn reject(received: &mut Received, entity: Entity, request: &WebhookRequest, reason: &str) {
    let topic = request.header("x-wc-webhook-topic").unwrap_or("webhook");
    let id = request.header("x-wc-webhook-delivery-id").unwrap_or("?");
    received.part(entity.stream()).rejects.push(Reject {
        locator: format!("{topic}/{id}"),
        field: None,
        reason: reason.to_owned(),
        raw: request.body.clone(),
    });
}
