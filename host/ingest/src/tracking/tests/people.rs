//! Who is meant, and what is said about them.

use super::*;

fn contact(traits: Json) -> String {
    let records = converted(json!({
        "type": "identify", "userId": "u1", "messageId": "m1", "traits": traits,
        "timestamp": "2026-11-21T19:59:00Z",
    }));
    match &of_stream(&records, Stream::Contacts)[..] {
        [contact] => lines(&[(Stream::Contacts, (*contact).clone())])
            .remove(0)
            .split_once(" | ")
            .map(|(_, said)| said.to_owned())
            .unwrap(),
        _ => "nothing".to_owned(),
    }
}

fn identifiers(call: Json) -> String {
    let records = converted(call);
    let identifiers = &event(&records).identifiers;
    let texts: Vec<_> = identifiers.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

#[test]
fn traits_of_the_specification_are_fields_and_the_rest_attributes() {
    assert_eq!(
        contact(json!({
            "email": " Jane@Example.com ", "phone": "+31 20 123 45 67",
            "firstName": "Jane", "last_name": "Doe", "name": "Jane Doe", "title": "Engineer",
            "gender": "f", "birthday": "1990-05-17T00:00:00Z", "language": "nl",
            "createdAt": "2024-01-02T03:04:05.000Z", "tags": ["vip", 7],
            "company": { "name": "Acme", "employees": 12 },
            "address": {
                "street": "Dam 1", "city": "Amsterdam", "state": "NH", "postalCode": 1012,
                "country": "nl", "floor": 3
            },
            "plan": "pro", "seats": 2.5, "nested": { "a": [1] }, "left": null,
        })),
        "contact {\"address\":{\"city\":\"Amsterdam\",\"company\":null,\"country\":\"NL\",\
         \"postal_code\":\"1012\",\"recipient\":null,\"region\":\"NH\",\"street\":[\"Dam 1\"]},\
         \"birthday\":\"1990-05-17\",\"company\":\"Acme\",\"created_at\":1704164645000,\
         \"first_name\":\"Jane\",\"full_name\":\"Jane Doe\",\"gender\":\"f\",\
         \"job_title\":\"Engineer\",\"language\":\"nl\",\"last_name\":\"Doe\",\
         \"tags\":[\"vip\",\"7\"]} | address_floor=3 company_employees=12 left= \
         nested={\"a\":[1]} plan=pro seats=2.5"
    );
}

#[test]
fn what_does_not_fit_a_field_is_kept_as_an_attribute() {
    assert_eq!(
        contact(json!({
            "email": "none", "phone": "call me", "birthday": "in May", "createdAt": "long ago",
            "firstName": { "given": "Jane" }, "tags": "vip", "address": 5,
        })),
        "contact {} | address=5 birthday=in May createdAt=long ago email=none \
         first_name={\"given\":\"Jane\"} phone=call me tags=vip"
    );
    assert_eq!(
        contact(json!({ "firstName": "Jane", "first_name": "Janet", "FIRSTNAME": "JANE" })),
        "contact {\"first_name\":\"JANE\"} | firstName=Jane traits_first_name=Janet"
    );
    assert_eq!(
        contact(json!({ "address": { "country": "Holland" } })),
        "contact {\"address\":{\"city\":null,\"company\":null,\"country\":null,\
         \"postal_code\":null,\"recipient\":null,\"region\":null,\"street\":[]}} | \
         address_country=Holland"
    );
}

#[test]
fn null_empties_a_trait_and_silence_does_not() {
    assert_eq!(
        contact(json!({ "firstName": null, "email": null })),
        "contact {} | email= first_name="
    );
    assert_eq!(contact(json!({})), "nothing");
    assert_eq!(contact(json!(null)), "nothing");
    assert_eq!(
        contact(json!({ "email": "a@example.com" })),
        "contact {} | "
    );
}

#[test]
fn people_are_named_by_every_id_that_a_call_carries() {
    let call = |more: Json| {
        let mut call = json!({ "type": "page" });
        call.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        call
    };
    assert_eq!(
        identifiers(call(json!({
            "userId": 42, "anonymousId": "a1",
            "context": { "traits": { "Email": "A@example.com", "phone": "+31201234567" } },
        }))),
        "user-id:42 anonymous-id:a1 email:a@example.com phone:+31201234567"
    );
    assert_eq!(
        identifiers(call(json!({ "userId": null, "anonymousId": "a1" }))),
        "anonymous-id:a1"
    );
    assert_eq!(
        fault(call(json!({ "userId": "  ", "anonymousId": null }))),
        "userId"
    );
    assert_eq!(fault(call(json!({ "userId": { "id": 1 } }))), "userId");
    assert_eq!(fault(call(json!({ "userId": "x".repeat(600) }))), "userId");
    assert_eq!(
        fault(call(json!({ "userId": "u", "messageId": [] }))),
        "messageId"
    );
}

#[test]
fn alias_joins_the_id_before_with_the_one_after() {
    let alias = |previous: Json| json!({ "type": "alias", "userId": "u1", "anonymousId": "a1", "previousId": previous });
    assert_eq!(
        identifiers(alias(json!("old"))),
        "user-id:u1 anonymous-id:a1 user-id:old anonymous-id:old"
    );
    assert_eq!(
        identifiers(alias(json!("a1"))),
        "user-id:u1 anonymous-id:a1"
    );
    assert_eq!(fault(alias(json!(null))), "previousId");
}

#[test]
fn a_group_is_the_company_of_its_member() {
    let records = converted(json!({
        "type": "group", "userId": "u1", "groupId": "g1", "messageId": "m1",
        "timestamp": "2026-11-21T19:59:00Z",
        "traits": { "name": "Acme", "industry": "Anvils", "annualRevenue": 5 },
    }));
    assert_eq!(
        lines(&records),
        [
            "contacts u1 at 2026-11-21T19:59:00Z of user-id:u1 | contact {\"company\":\"Acme\"} | \
             company_id=g1 company_annual_revenue=5 company_industry=Anvils",
            "events m1 at 2026-11-21T19:59:00Z of user-id:u1 | event `group` | \
             group_id=g1 annualRevenue=5 industry=Anvils name=Acme",
        ]
    );
}

#[test]
fn surroundings_have_plain_names() {
    let mut call = track(
        "Signed Up",
        json!({ "ip": "property", "page_url": "https://x/" }),
    );
    call["context"] = json!({
        "ip": "192.0.2.1", "userAgent": "Browser/1", "locale": "en-US", "timezone": "Europe/Paris",
        "page": { "url": "https://x/", "referrer": "", "path": "/" },
        "campaign": { "source": "news", "medium": "email", "name": "spring" },
        "device": { "advertisingId": "ad1", "adTrackingEnabled": true },
        "library": { "name": "analytics.js", "version": "2.1", "env": "browser" },
        "userAgentData": { "brands": [{ "brand": "B" }] },
        "traits": { "plan": "pro" },
        "clientIds": {}, "nothing": null,
    });
    call["channel"] = "web".into();
    call["integrations"] = json!({ "All": true });
    let records = converted(call);
    let line = lines(&records).remove(0);
    assert_eq!(
        line.split(" | ").last().unwrap(),
        "ip=property page_url=https://x/ channel=web campaign_medium=email campaign_name=spring \
         campaign_source=news device_ad_tracking_enabled=true device_advertising_id=ad1 \
         context_ip=192.0.2.1 library=analytics.js 2.1 library_env=browser locale=en-US \
         page_path=/ page_referrer= timezone=Europe/Paris context_traits={\"plan\":\"pro\"} \
         user_agent=Browser/1 user_agent_data_brands=[{\"brand\":\"B\"}]"
    );
}

#[test]
fn consent_of_a_banner_is_one_decision_per_category() {
    let mut call = track("Segment Consent Preference Updated", json!({}));
    call["context"] = json!({ "consent": {
        "provider": "banner",
        "categoryPreferences": {
            "Advertising": false, "Analytics": true, "Functional": "granted",
            "DataSharing": false, "email-marketing": true, "Odd": 7,
        },
    } });
    let records = converted(call);
    let consents: Vec<_> = of_stream(&records, Stream::Consents)
        .into_iter()
        .map(|record| format!("{} {}", record.id, body(&record.body)))
        .collect();
    assert_eq!(
        consents,
        [
            "m1:Advertising ads Withdrawn",
            "m1:Analytics analytics Granted",
            "m1:DataSharing DataSharing Withdrawn",
            "m1:Functional personalization Granted",
            "m1:email-marketing email-marketing Granted",
        ]
    );
    let event = event(&records);
    assert_eq!(
        attribute(event, "consent_provider"),
        Some(&Value::text("banner"))
    );
    assert_eq!(
        attribute(event, "consent_category_Odd"),
        Some(&Value::Int(7))
    );
}
