use super::*;

fn lead(key: &str, company: Option<&str>) -> Value {
    json!({ "attributes": { "type": "Lead" }, "Crosspoint_Id__c": key, "LastName": key, "Company": company })
}

#[test]
fn a_collection_answers_row_by_row() {
    let (mut org, mut sim) = start(10);
    let target = "/composite/sobjects/Lead/Crosspoint_Id__c";
    let records = json!({ "records": [lead("a", Some("A")), lead("b", None), lead("A", Some("twice")), lead("c", Some("C"))] });
    let (status, body) = ask(&mut org, &mut sim, "PATCH", target, records.clone());
    let told: Vec<Value> = body
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["errors"][0]["statusCode"].clone())
        .collect();
    assert_eq!(
        (status, told),
        (
            200,
            vec![
                Value::Null,
                json!("REQUIRED_FIELD_MISSING"),
                json!("DUPLICATE_VALUE"),
                Value::Null
            ]
        )
    );
    assert_eq!(body[1]["errors"][0]["fields"], json!(["Company"]));
    let again = ask(
        &mut org,
        &mut sim,
        "PATCH",
        target,
        json!({ "records": [lead("a", Some("A"))] }),
    )
    .1;
    assert_eq!(
        (&again[0]["id"], &again[0]["created"]),
        (&body[0]["id"], &json!(false))
    );
    let strict =
        json!({ "allOrNone": true, "records": [lead("new", Some("N")), lead("bad", None)] });
    let (_, body) = ask(&mut org, &mut sim, "PATCH", target, strict);
    assert_eq!(
        body[0]["errors"][0]["statusCode"],
        "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    );
    assert!(
        org.data
            .by_external("Lead", "Crosspoint_Id__c", "new")
            .is_empty()
    );
    let many: Vec<Value> = (0..201)
        .map(|it| lead(&it.to_string(), Some("X")))
        .collect();
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "PATCH",
            target,
            json!({ "records": many })
        )
        .0,
        400
    );
    let unknown = json!({ "records": [{ "attributes": { "type": "Lead" }, "Crosspoint_Id__c": "z", "Colour": "red" }] });
    assert_eq!(
        ask(&mut org, &mut sim, "PATCH", target, unknown).1[0]["errorCode"],
        "INVALID_FIELD"
    );
    let effects: BTreeMap<String, u64> = sim
        .effects()
        .filter(|it| it.kind == "Lead.upsert")
        .map(|it| (it.subject, it.count))
        .collect();
    assert_eq!(
        effects,
        BTreeMap::from([("a".to_owned(), 2), ("c".to_owned(), 1)])
    );
}

#[test]
fn a_single_upsert_creates_updates_or_offers_a_choice() {
    let (mut org, mut sim) = start(10);
    let target = "/sobjects/Contact/Crosspoint_Id__c/x%2F1";
    let (status, first) = ask(
        &mut org,
        &mut sim,
        "PATCH",
        target,
        json!({ "LastName": "Ito", "Email": "ana@example.com" }),
    );
    assert_eq!((status, &first["created"]), (201, &json!(true)));
    let (status, second) = ask(
        &mut org,
        &mut sim,
        "PATCH",
        target,
        json!({ "Email": null }),
    );
    assert_eq!((status, &second["id"]), (200, &first["id"]));
    let id = first["id"].as_str().unwrap();
    let shown = ask(
        &mut org,
        &mut sim,
        "GET",
        &format!("/sobjects/Contact/{id}"),
        Value::Null,
    )
    .1;
    assert_eq!(
        (&shown["Crosspoint_Id__c"], &shown["Email"], &shown["Name"]),
        (&json!("x/1"), &Value::Null, &json!("Ito"))
    );
    for number in 0..2 {
        let fields = json!({ "LastName": number.to_string(), "Legacy_Id__c": "same" });
        assert_eq!(
            ask(&mut org, &mut sim, "POST", "/sobjects/Contact", fields).0,
            201
        );
    }
    let (status, choices) = ask(
        &mut org,
        &mut sim,
        "PATCH",
        "/sobjects/Contact/Legacy_Id__c/same",
        json!({ "LastName": "x" }),
    );
    assert_eq!((status, choices.as_array().unwrap().len()), (300, 2));
    for (fields, code) in [
        (json!({ "Email": "nonsense" }), "INVALID_EMAIL_ADDRESS"),
        (json!({ "FirstName": "x".repeat(41) }), "STRING_TOO_LONG"),
        (json!({ "Name": "x" }), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (json!({ "AccountId": id }), "INVALID_CROSS_REFERENCE_KEY"),
        (json!({ "HasOptedOutOfEmail": "yes" }), "JSON_PARSER_ERROR"),
        (json!({ "LastName": null }), "REQUIRED_FIELD_MISSING"),
    ] {
        let (status, body) = ask(&mut org, &mut sim, "PATCH", target, fields);
        assert_eq!((status, body[0]["errorCode"].as_str()), (400, Some(code)));
    }
    let taken = json!({ "LastName": "y", "Crosspoint_Id__c": "X/1" });
    let (_, body) = ask(&mut org, &mut sim, "POST", "/sobjects/Contact", taken);
    assert_eq!(body[0]["errorCode"], "DUPLICATE_VALUE");
    assert!(body[0]["message"].as_str().unwrap().contains(id));
}
