use std::io::Read as _;

use flate2::read::GzDecoder;

use super::*;

#[test]
fn batch_of_members_fails_row_by_row() {
    let mut account = Account::new(60);
    let (known, gone) = (account.anyone("subscribed"), account.anyone("unsubscribed"));
    let row =
        |email: &str| json!({ "email_address": email, "status": "subscribed", "tags": ["vip"] });
    let body = json!({ "members": [row(NEW), row(&known), row(&gone), row("twice@mail.example"), row("Twice@mail.example"), row("wrong")], "update_existing": false });
    let (status, answer) = account.ask("POST", &list(""), body);
    assert_eq!(
        (status, &answer["total_created"], &answer["error_count"]),
        (200, &json!(1), &json!(5))
    );
    assert_eq!(answer["errors"][0]["error_code"], "ERROR_CONTACT_EXISTS");
    let body =
        json!({ "members": [row(&known), row(&gone)], "update_existing": true, "sync_tags": true });
    let (_, answer) = account.ask("POST", &list(""), body);
    assert_eq!(
        (&answer["total_updated"], &answer["error_count"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(
        (
            &answer["updated_members"][1]["status"],
            &answer["updated_members"][0]["tags_count"]
        ),
        (&json!("unsubscribed"), &json!(1))
    );
    account
        .sim
        .set_fault(Some(("batch-partial".to_owned(), json!({ "index": 1 }))));
    let (_, answer) = account.ask(
        "POST",
        &list(""),
        json!({ "members": [row("a@mail.example"), row("b@mail.example")] }),
    );
    assert_eq!(
        (
            &answer["total_created"],
            &answer["errors"][0]["email_address"]
        ),
        (&json!(1), &json!("b@mail.example"))
    );
    let many: Vec<Value> = (0..501)
        .map(|it| row(&format!("m{it}@mail.example")))
        .collect();
    assert_eq!(
        account.ask("POST", &list(""), json!({ "members": many })).0,
        400
    );
}

#[test]
fn operations_take_time_and_answer_in_an_archive() {
    let mut account = Account::new(5);
    let body = json!({ "email_address": NEW, "status_if_new": "subscribed" });
    let operation = |id: &str, body: Value| json!({ "method": "PUT", "path": member(NEW), "body": body.to_string(), "operation_id": id });
    assert_eq!(
        account
            .ask(
                "POST",
                "/batches",
                json!({ "operations": [{ "method": "PUT", "path": "/ping", "body": {} }] })
            )
            .0,
        400
    );
    account.run("set-job-time", json!({ "ms": 3_600_000 }));
    let (_, batch) = account.ask(
        "POST",
        "/batches",
        json!({ "operations": [operation("good", body), operation("bad", json!({}))] }),
    );
    let target = format!("/batches/{}", batch["id"].as_str().unwrap());
    assert_eq!(
        (&batch["status"], account.count("member.write")),
        (&json!("pending"), 0)
    );
    account.sim.advance(2_400_000);
    assert_eq!(account.get(&target)["status"], "started");
    account.sim.advance(1_300_000);
    let done = account.get(&target);
    assert_eq!(
        (
            &done["status"],
            &done["finished_operations"],
            &done["errored_operations"]
        ),
        (&json!("finished"), &json!(2), &json!(1))
    );
    let url = done["response_body_url"]
        .as_str()
        .unwrap()
        .trim_start_matches("http://localhost:1");
    let mut call = account.call("GET", &format!("/..{url}"), &Value::Null);
    call.path = url.split('?').next().unwrap().to_owned();
    assert_eq!(account.vendor.handle(&call, &mut account.sim).status, 400);
    call.headers.remove("authorization");
    let answer = account.vendor.handle(&call, &mut account.sim);
    let mut tar = Vec::new();
    GzDecoder::new(answer.body.as_ref())
        .read_to_end(&mut tar)
        .unwrap();
    let length =
        usize::from_str_radix(std::str::from_utf8(&tar[512 + 124..512 + 135]).unwrap(), 8).unwrap();
    let rows: Value = serde_json::from_slice(&tar[1024..1024 + length]).unwrap();
    assert_eq!(
        (
            &rows[0]["operation_id"],
            &rows[0]["status_code"],
            &rows[1]["status_code"]
        ),
        (&json!("bad"), &json!(400), &json!(200))
    );
    let member: Value = serde_json::from_str(rows[1]["response"].as_str().unwrap()).unwrap();
    assert_eq!(member["email_address"], NEW);
    account.sim.advance(600_000);
    assert_eq!(account.vendor.handle(&call, &mut account.sim).status, 403);
}
