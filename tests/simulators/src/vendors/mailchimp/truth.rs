//! The account as it is, for whoever tests.

use serde_json::{Value, json};

use super::Mailchimp;

impl Mailchimp {
    pub fn whole_truth(&self) -> Value {
        let (mut lists, mut members, mut segments, mut events, mut hooks) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for list in self.lists.values() {
            lists.push(json!({ "id": list.id, "updated_at_ms": list.created_ms, "deleted": false, "name": list.name }));
            for (hash, it) in &list.members {
                let tags: Vec<&str> = it
                    .tags
                    .iter()
                    .filter_map(|id| Some(list.segments.get(id)?.name.as_str()))
                    .collect();
                members.push(json!({
                    "id": hash, "list_id": list.id, "contact_id": it.contact_id(&list.id), "updated_at_ms": it.changed_ms, "deleted": false, "email": it.email,
                    "status": it.status, "merge_fields": it.merge, "interests": it.interests, "permissions": it.permissions, "tags": tags, "language": it.language,
                    "vip": it.is_vip, "opt_ms": it.opt_ms, "unsubscribed_ms": it.unsubscribed.as_ref().map(|it| it.at_ms)
                }));
                for (at, (name, at_ms, properties)) in it.events.iter().enumerate() {
                    events.push(json!({ "id": format!("{hash}:{at}"), "list_id": list.id, "member": hash, "updated_at_ms": at_ms, "deleted": false, "name": name, "properties": properties }));
                }
            }
            for (hash, at_ms) in list.forgotten.iter().chain(&list.moved) {
                members.push(json!({ "id": hash, "list_id": list.id, "updated_at_ms": at_ms, "deleted": true }));
            }
            for (id, it) in &list.segments {
                let of_it: Vec<&String> = list
                    .members
                    .iter()
                    .filter(|(_, member)| member.tags.contains(id))
                    .map(|(hash, _)| hash)
                    .collect();
                segments.push(json!({ "id": id.to_string(), "list_id": list.id, "updated_at_ms": it.updated_ms, "deleted": false, "name": it.name, "members": of_it }));
            }
            hooks.extend(list.hooks.values().map(|it| it.view(&list.id, false)));
        }
        let campaigns = self.campaigns.values().map(|it| {
            let newest = it.recipients.values().flat_map(|it| it.acts.iter().map(|(_, at_ms)| *at_ms)).max();
            json!({ "id": it.id, "updated_at_ms": newest.unwrap_or(it.sent_ms), "deleted": false, "title": it.title, "list_id": it.list, "sent_ms": it.sent_ms, "recipients": it.recipients.len() })
        });
        let activity = self.campaigns.values().flat_map(|campaign| {
            campaign.recipients.iter().flat_map(move |(hash, it)| {
                it.acts.iter().enumerate().map(move |(at, (action, at_ms))| {
                    json!({ "id": format!("{}:{hash}:{at}", campaign.id), "campaign": campaign.id, "updated_at_ms": at_ms, "deleted": false, "action": action, "member": hash, "email": it.email })
                })
            })
        });
        json!({ "lists": lists, "members": members, "segments": segments, "events": events, "webhooks": hooks, "campaigns": campaigns.collect::<Vec<_>>(),
                "activity": activity.collect::<Vec<_>>(), "batches": self.batches.values().map(super::batch::Batch::truth).collect::<Vec<_>>() })
    }
}
