//! Marketing consent by e-mail and SMS.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::model::{Consent, ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Instant, Item};

use super::person::Channel;
use super::{Known, Person, Stop, mutate, reject};
use crate::client::Client;

const EMAIL: &str = "mutation($input: CustomerEmailMarketingConsentUpdateInput!) { \
    customerEmailMarketingConsentUpdate(input: $input) { customer { id } userErrors { field message \
    code } } }";

const SMS: &str = "mutation($input: CustomerSmsMarketingConsentUpdateInput!) { \
    customerSmsMarketingConsentUpdate(input: $input) { customer { id } userErrors { field message \
    code } } }";

/// What the person decided last about a topic.
fn newest(item: &Item, topic: &ConsentTopic) -> Option<Consent> {
    let about = item
        .consents
        .iter()
        .filter(|consent| consent.topic.as_str() == topic.as_str());
    about.max_by_key(|consent| consent.decided_at).cloned()
}

fn word(state: ConsentState) -> &'static str {
    match state {
        ConsentState::Granted => "SUBSCRIBED",
        ConsentState::Withdrawn => "UNSUBSCRIBED",
        ConsentState::Pending => "PENDING",
    }
}

/// Hands over what the person decided, unless the shop knows the same or something newer.
pub(super) fn pass_on(client: &Client<'_>, known: &Known, item: &Item) -> Result<(), Stop> {
    let topics = [
        (ConsentTopic::EmailMarketing, &known.email, true),
        (ConsentTopic::SmsMarketing, &known.phone, false),
    ];
    for (topic, channel, is_email) in topics {
        let (Some(consent), Some(channel)) = (newest(item, &topic), channel) else {
            continue;
        };
        let is_newer = channel
            .decided_at
            .is_none_or(|theirs| consent.decided_at > theirs);
        if is_newer && channel.state != word(consent.state) {
            write(
                client,
                &known.id,
                is_email,
                consent.state,
                consent.decided_at,
            )?;
        }
    }
    Ok(())
}

/// Unsubscribes from everything that the customer can be reached by. Whom the shop does not know
/// it does not contact.
pub(super) fn suppress(
    client: &Client<'_>,
    person: &Person,
    item: &Item,
) -> Result<Option<String>, Stop> {
    let Some(known) = person.find(client)? else {
        return Ok(None);
    };
    for (channel, is_email) in [(&known.email, true), (&known.phone, false)] {
        let is_open = |channel: &Channel| {
            !matches!(
                channel.state.as_str(),
                "UNSUBSCRIBED" | "REDACTED" | "INVALID"
            )
        };
        if channel.as_ref().is_some_and(is_open) {
            let state = ConsentState::Withdrawn;
            write(client, &known.id, is_email, state, item.occurred_at)?;
        }
    }
    Ok(Some(crate::map::number_of(&known.id).to_owned()))
}

/// Subscribes again, with the consent that the person gave and nothing else.
pub(super) fn unsuppress(
    client: &Client<'_>,
    person: &Person,
    item: &Item,
) -> Result<Option<String>, Stop> {
    let granted =
        |topic| newest(item, &topic).filter(|consent| consent.state == ConsentState::Granted);
    let email = granted(ConsentTopic::EmailMarketing);
    let sms = granted(ConsentTopic::SmsMarketing);
    if email.is_none() && sms.is_none() {
        return reject(
            "consents",
            "the person has consented to neither e-mail nor SMS",
        );
    }
    let Some(known) = person.find(client)? else {
        return reject("identifiers", "the shop has no such customer");
    };
    for (consent, channel, is_email) in [(email, &known.email, true), (sms, &known.phone, false)] {
        if let (Some(consent), Some(channel)) = (consent, channel)
            && channel.state != "SUBSCRIBED"
        {
            write(
                client,
                &known.id,
                is_email,
                consent.state,
                consent.decided_at,
            )?;
        }
    }
    Ok(Some(crate::map::number_of(&known.id).to_owned()))
}

fn write(
    client: &Client<'_>,
    id: &str,
    is_email: bool,
    state: ConsentState,
    decided_at: Instant,
) -> Result<(), Stop> {
    let mut consent = json!({
        "marketingState": word(state),
        "consentUpdatedAt": instant::to_rfc3339(decided_at),
    });
    // How sure it is does not matter for who left; who has yet to confirm is asked twice.
    match state {
        ConsentState::Granted => consent["marketingOptInLevel"] = json!("SINGLE_OPT_IN"),
        ConsentState::Pending => consent["marketingOptInLevel"] = json!("CONFIRMED_OPT_IN"),
        ConsentState::Withdrawn => {}
    }
    let (document, root, key) = if is_email {
        (
            EMAIL,
            "customerEmailMarketingConsentUpdate",
            "emailMarketingConsent",
        )
    } else {
        (
            SMS,
            "customerSmsMarketingConsentUpdate",
            "smsMarketingConsent",
        )
    };
    let mut input = json!({ "customerId": id });
    input[key] = consent;
    mutate(client, document, root, json!({ "input": input }))?;
    Ok(())
}
