use super::*;

fn create(meta: &mut Meta, sim: &mut Sim, extra: &Value) -> Answer {
    let mut body = json!({ "name": "CP - Newsletter", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY" });
    body.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    send(
        meta,
        sim,
        "POST",
        &format!("/v25.0/act_{ACCOUNT}/customaudiences"),
        &body,
    )
}

fn made(meta: &mut Meta, sim: &mut Sim) -> String {
    let answer = create(meta, sim, &json!({}));
    body(&answer)["id"].as_str().unwrap().to_owned()
}

fn upload(session: u64, part: u64, is_last: bool, rows: &Value) -> Value {
    json!({ "session": { "session_id": session, "batch_seq": part, "last_batch_flag": is_last },
        "payload": { "schema": ["EXTERN_ID", "EMAIL"], "data": rows } })
}

fn members(meta: &Meta, id: &str) -> Vec<String> {
    let told = meta.truth();
    let audience = told["audiences"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == id)
        .unwrap();
    serde_json::from_value(audience["members"].clone()).unwrap()
}

#[test]
fn an_audience_is_validated_and_listed() {
    let (mut meta, mut sim) = start(3);
    let refused = create(
        &mut meta,
        &mut sim,
        &json!({ "customer_file_source": null }),
    );
    assert_eq!(code(&body(&refused)).0, 100);
    let id = made(&mut meta, &mut sim);
    let again = create(
        &mut meta,
        &mut sim,
        &json!({ "enable_fetch_or_create": true }),
    );
    assert_eq!(body(&again)["id"], id);
    let filter = form_urlencoded::byte_serialize(
        br#"[{"field":"name","operator":"EQUAL","value":"CP - Newsletter"}]"#,
    )
    .collect::<String>();
    let listed = get(
        &mut meta,
        &mut sim,
        &format!("/act_{ACCOUNT}/customaudiences?fields=name,operation_status&filtering={filter}"),
    );
    assert_eq!(listed["data"][0]["operation_status"]["code"], 410);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let flagged = create(&mut meta, &mut sim, &json!({ "name": "Diabetes patients" }));
    let flagged = body(&flagged)["id"].as_str().unwrap().to_owned();
    let blocked = send(
        &mut meta,
        &mut sim,
        "POST",
        &format!("/{flagged}/users"),
        &upload(1, 1, true, &json!([])),
    );
    assert_eq!(code(&body(&blocked)), (100, Some(1_713_230)));
    meta.has_terms = false;
    assert_eq!(
        code(&body(&create(&mut meta, &mut sim, &json!({})))).0,
        2655
    );
    meta.scopes.remove("ads_management");
    assert_eq!(code(&body(&create(&mut meta, &mut sim, &json!({})))).0, 294);
}

#[test]
fn bad_rows_are_counted_and_neighbours_stay() {
    let (mut meta, mut sim) = start(30);
    let id = made(&mut meta, &mut sim);
    let good = make::hash("john_smith@gmail.com");
    assert_eq!(
        good,
        "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    );
    let rows = json!([
        ["1", good],
        ["2", "raw@example.com"],
        ["3", make::hash("")],
        ["4", good.to_uppercase()],
        ["5", ""],
        ["", ""]
    ]);
    let done = body(&send(
        &mut meta,
        &mut sim,
        "POST",
        &format!("/{id}/users"),
        &upload(7, 1, true, &rows),
    ));
    assert_eq!(
        (&done["num_received"], &done["num_invalid_entries"]),
        (&json!(6), &json!(4))
    );
    assert_eq!(members(&meta, &id), ["EXTERN_ID:1", "EXTERN_ID:5"]);
    let short = send(
        &mut meta,
        &mut sim,
        "POST",
        &format!("/{id}/users"),
        &upload(8, 1, true, &json!([["9"]])),
    );
    assert_eq!((short.status, code(&body(&short)).0), (400, 100));
    let removal = upload(9, 1, true, &json!([["1", ""]]));
    let done = body(&send(
        &mut meta,
        &mut sim,
        "DELETE",
        &format!("/{id}/users"),
        &removal,
    ));
    assert_eq!(
        (&done["num_invalid_entries"], &done["invalid_entry_samples"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(members(&meta, &id), ["EXTERN_ID:5"]);
}

#[test]
fn sessions_have_no_gaps_and_repeat_safely() {
    let (mut meta, mut sim) = start(30);
    let id = made(&mut meta, &mut sim);
    let target = format!("/{id}/users");
    let mut part = |session, number, is_last, name: &str| {
        let rows = json!([[name, make::hash(name)]]);
        code(&body(&send(
            &mut meta,
            &mut sim,
            "POST",
            &target,
            &upload(session, number, is_last, &rows),
        )))
        .0
    };
    assert_eq!(part(1, 2, false, "a"), 100);
    assert_eq!(part(1, 1, false, "a"), 0);
    assert_eq!(part(1, 1, false, "a"), 0);
    assert_eq!(part(1, 1, false, "b"), 100);
    assert_eq!(part(1, 3, false, "c"), 100);
    assert_eq!(part(1, 2, true, "c"), 0);
    assert_eq!(part(1, 3, true, "d"), 100);
    assert_eq!(members(&meta, &id).len(), 2);
    let told = get(&mut meta, &mut sim, &format!("/{id}/sessions?session_id=1"));
    assert_eq!(told["data"][0]["num_received"], "2");
    let other = made(&mut meta, &mut sim);
    let rows = upload(1, 1, true, &json!([]));
    assert_eq!(
        code(&body(&send(
            &mut meta,
            &mut sim,
            "POST",
            &format!("/{other}/users"),
            &rows
        )))
        .0,
        100
    );
    let bare = json!({ "payload": { "schema": "EMAIL_SHA256", "data": [make::hash("x")] } });
    assert_eq!(
        code(&body(&send(&mut meta, &mut sim, "POST", &target, &bare))).0,
        100
    );
    meta.needs_session = false;
    assert_eq!(
        send(&mut meta, &mut sim, "POST", &target, &bare).status,
        200
    );
}

#[test]
fn a_replacement_counts_when_it_is_finished() {
    let (mut meta, mut sim) = start(30);
    let id = made(&mut meta, &mut sim);
    let row = |name: &str| json!([[name, make::hash(name)]]);
    send(
        &mut meta,
        &mut sim,
        "POST",
        &format!("/{id}/users"),
        &upload(1, 1, true, &row("old")),
    );
    let target = format!("/{id}/usersreplace");
    assert_eq!(
        send(
            &mut meta,
            &mut sim,
            "POST",
            &target,
            &upload(2, 1, false, &row("a"))
        )
        .status,
        200
    );
    assert_eq!(members(&meta, &id), ["EXTERN_ID:old"]);
    let mixed = send(
        &mut meta,
        &mut sim,
        "POST",
        &format!("/{id}/users"),
        &upload(3, 1, true, &row("x")),
    );
    assert_eq!(code(&body(&mixed)).0, 2650);
    send(
        &mut meta,
        &mut sim,
        "POST",
        &target,
        &upload(2, 2, true, &row("b")),
    );
    assert_eq!(members(&meta, &id), ["EXTERN_ID:a", "EXTERN_ID:b"]);
    let late = upload(4, 1, false, &row("c"));
    send(&mut meta, &mut sim, "POST", &target, &late);
    sim.advance(91 * 60_000);
    assert_eq!(
        code(&body(&send(
            &mut meta,
            &mut sim,
            "POST",
            &target,
            &upload(4, 2, true, &row("d"))
        )))
        .0,
        100
    );
    assert_eq!(
        send(
            &mut meta,
            &mut sim,
            "POST",
            &format!("/{id}/users"),
            &upload(5, 1, true, &row("e"))
        )
        .status,
        200
    );
    assert_eq!(
        members(&meta, &id),
        ["EXTERN_ID:a", "EXTERN_ID:b", "EXTERN_ID:e"]
    );
}

#[test]
fn erasure_reaches_every_audience_and_batches_are_bounded() {
    let (mut meta, mut sim) = start(30);
    let ids = [made(&mut meta, &mut sim), made(&mut meta, &mut sim)];
    for (session, id) in (1..).zip(&ids) {
        let rows = json!([["1", make::hash("a")], ["2", make::hash("b")]]);
        send(
            &mut meta,
            &mut sim,
            "POST",
            &format!("/{id}/users"),
            &upload(session, 1, true, &rows),
        );
    }
    let rows = json!({ "payload": { "schema": "EMAIL_SHA256", "data": [make::hash("a")] } });
    send(
        &mut meta,
        &mut sim,
        "DELETE",
        &format!("/act_{ACCOUNT}/usersofanyaudience"),
        &rows,
    );
    assert!(ids.iter().all(|id| members(&meta, id) == ["EXTERN_ID:2"]));
    let many: Vec<Value> = (0..10_001).map(|it| json!([it.to_string(), ""])).collect();
    let refused = send(
        &mut meta,
        &mut sim,
        "POST",
        &format!("/{}/users", ids[0]),
        &upload(9, 1, true, &json!(many)),
    );
    assert_eq!(code(&body(&refused)).0, 100);
}
