//! Who may be written to.

use serde_json::{Value, json};

use super::data::Consent;
use super::jobs::Job;
use super::{Klaviyo, Outcome, Refusal, profile};
use crate::Sim;

fn instant_ms(value: &Value) -> Option<i64> {
    value
        .as_str()?
        .parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_millisecond)
}

impl Klaviyo {
    /// One wrong row refuses the whole call.
    pub fn check_subscription(
        &self,
        row: &Value,
        pointer: &str,
        is_historical: bool,
        sim: &Sim,
    ) -> Outcome<()> {
        let given = profile::check(row, pointer, &["subscriptions", "age_gated_date_of_birth"])?;
        let channels = given.get("subscriptions").and_then(Value::as_object);
        let channels = channels.filter(|it| !it.is_empty());
        let channels = channels.ok_or_else(|| {
            Refusal::at(
                &format!("{pointer}/attributes/subscriptions"),
                "The subscriptions are required.",
            )
        })?;
        for (channel, value) in channels {
            let pointer = format!("{pointer}/attributes/subscriptions/{channel}/marketing");
            let identifier = match channel.as_str() {
                "email" => "email",
                "sms" => "phone_number",
                _ => return Err(Refusal::at(&pointer, "The channel is not valid.")),
            };
            if !given.get(identifier).is_some_and(Value::is_string) {
                return Err(Refusal::at(
                    &pointer,
                    &format!("A subscription to {channel} needs {identifier}."),
                ));
            }
            if value["marketing"]["consent"] != "SUBSCRIBED" {
                return Err(Refusal::at(
                    &format!("{pointer}/consent"),
                    "The consent must be SUBSCRIBED.",
                ));
            }
            let at_ms = instant_ms(&value["marketing"]["consented_at"]);
            let at = format!("{pointer}/consented_at");
            if is_historical && at_ms.is_none_or(|it| it > sim.now_ms()) {
                return Err(Refusal::at(
                    &at,
                    "consented_at is required for historical imports and must be in the past.",
                ));
            }
            if !is_historical && at_ms.is_some() {
                return Err(Refusal::at(
                    &at,
                    "consented_at is only allowed for historical imports.",
                ));
            }
        }
        Ok(())
    }

    /// The profile of a row, made where there is none.
    fn profile_of(&mut self, row: &Value, sim: &Sim) -> String {
        let attribute = |name: &str| row["attributes"][name].as_str().map(str::to_owned);
        let (email, phone) = (attribute("email"), attribute("phone_number"));
        let known = email
            .as_ref()
            .and_then(|it| self.by_email.get(it))
            .or_else(|| phone.as_ref().and_then(|it| self.by_phone.get(it)));
        if let Some(id) = known {
            return id.clone();
        }
        let id = self.new_profile(sim.now_ms());
        if let Some(profile) = self.profiles.get_mut(&id) {
            (profile.email, profile.phone) = (email, phone);
        }
        self.reindex(&id);
        id
    }

    pub fn subscribe_profile(&mut self, row: &Value, job: &Job, sim: &mut Sim) -> Outcome<()> {
        let id = self.profile_of(row, sim);
        let needs_mail = job
            .list
            .as_ref()
            .is_some_and(|list| self.lists[list].is_double_opt_in)
            && !job.is_historical;
        let channels = row["attributes"]["subscriptions"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        if needs_mail {
            sim.effect(
                "opt-in-mail",
                &id,
                job.list.as_deref().unwrap_or_default(),
                row.clone(),
            );
            return Ok(());
        }
        let now_ms = self.now_ms;
        if let Some(profile) = self.profiles.get_mut(&id) {
            for (channel, value) in &channels {
                let at_ms = instant_ms(&value["marketing"]["consented_at"]).unwrap_or(now_ms);
                let consent = Consent {
                    state: Some("SUBSCRIBED"),
                    at_ms,
                    source: job.source.clone(),
                };
                if channel == "email" {
                    profile.consent = consent;
                    profile.suppressions.retain(|reason, _| {
                        !matches!(*reason, "UNSUBSCRIBE" | "SPAM_REPORT" | "USER_SUPPRESSED")
                    });
                } else {
                    profile.sms = consent;
                }
                sim.effect(
                    "profile.subscribe",
                    &id,
                    &format!("{channel}:{}", job.list.as_deref().unwrap_or_default()),
                    row.clone(),
                );
            }
            if let Some(list) = &job.list {
                profile.list_suppressions.remove(list);
            }
            profile.updated_ms = now_ms;
        }
        if let Some(list) = &job.list {
            self.join(list, &id, sim);
        }
        if channels.contains_key("email") {
            self.happen(&id, "Subscribed to Email Marketing", sim);
        }
        Ok(())
    }

    /// With a list, who is on it leaves that list; who is not is unsubscribed from everything.
    pub fn unsubscribe_profile(
        &mut self,
        row: &Value,
        list: Option<&str>,
        sim: &mut Sim,
    ) -> Outcome<()> {
        let id = self.profile_of(row, sim);
        let now_ms = self.now_ms;
        let left = list
            .and_then(|list| self.lists.get_mut(list))
            .is_some_and(|it| it.members.remove(&id).is_some());
        sim.effect(
            "profile.unsubscribe",
            &id,
            list.filter(|_| left).unwrap_or_default(),
            row.clone(),
        );
        if let Some(profile) = self.profiles.get_mut(&id) {
            match list.filter(|_| left) {
                Some(list) => {
                    profile.list_suppressions.insert(list.to_owned(), now_ms);
                }
                None => {
                    profile.consent = Consent {
                        state: Some("UNSUBSCRIBED"),
                        at_ms: now_ms,
                        source: None,
                    };
                    profile.suppressions.insert("UNSUBSCRIBE", now_ms);
                }
            }
            profile.updated_ms = now_ms;
        }
        if !left {
            self.happen(&id, "Unsubscribed from Email Marketing", sim);
        }
        Ok(())
    }

    pub fn suppress(&mut self, email: &str, is_on: bool, sim: &mut Sim) -> Outcome<()> {
        let id = self.profile_of(&json!({ "attributes": { "email": email } }), sim);
        let now_ms = self.now_ms;
        sim.effect(
            if is_on {
                "profile.suppress"
            } else {
                "profile.unsuppress"
            },
            &id,
            "",
            json!({ "email": email }),
        );
        if let Some(profile) = self.profiles.get_mut(&id) {
            if is_on {
                profile.suppressions.insert("USER_SUPPRESSED", now_ms);
            } else {
                profile.suppressions.remove("USER_SUPPRESSED");
            }
            profile.updated_ms = now_ms;
        }
        if is_on {
            self.happen(&id, "Manually Suppressed from Email Marketing", sim);
        }
        Ok(())
    }
}
