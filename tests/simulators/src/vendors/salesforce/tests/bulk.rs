use super::*;

#[test]
fn a_job_takes_time_and_fails_in_part() {
    let (mut org, mut sim) = start(10);
    org.job_ms = 10_000;
    let open = json!({ "object": "Lead", "operation": "upsert", "externalIdFieldName": "Crosspoint_Id__c", "contentType": "CSV", "lineEnding": "LF" });
    let (_, job) = ask(&mut org, &mut sim, "POST", "/jobs/ingest", open.clone());
    let target = format!("/jobs/ingest/{}", job["id"].as_str().unwrap());
    assert_eq!(job["state"], "Open");
    let csv = "Crosspoint_Id__c,LastName,Company,Title\n1,Ito,\"A, \"\"B\"\"\",Boss\n2,Ito,,x\n3,Ito,C,#N/A\n";
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "PUT",
            &format!("{target}/batches"),
            json!(csv)
        )
        .0,
        201
    );
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "PUT",
            &format!("{target}/batches"),
            json!(csv)
        )
        .0,
        400
    );
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "PATCH",
            &target,
            json!({ "state": "UploadComplete" })
        )
        .1["state"],
        "UploadComplete"
    );
    assert_eq!(
        ask(
            &mut org,
            &mut sim,
            "GET",
            &format!("{target}/failedResults"),
            Value::Null
        )
        .0,
        400
    );
    sim.advance(6_000);
    assert_eq!(
        ask(&mut org, &mut sim, "GET", &target, Value::Null).1["state"],
        "InProgress"
    );
    sim.advance(6_000);
    let (_, done) = ask(&mut org, &mut sim, "GET", &target, Value::Null);
    assert_eq!(
        (
            &done["state"],
            &done["numberRecordsProcessed"],
            &done["numberRecordsFailed"]
        ),
        (&json!("JobComplete"), &json!(3), &json!(1))
    );
    let failed = org.handle(
        &call(
            &sim,
            "GET",
            &format!("{target}/failedResults"),
            &Value::Null,
        ),
        &mut sim,
    );
    let text = String::from_utf8_lossy(&failed.body).into_owned();
    assert!(
        text.contains(
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company--\",\"2\""
        ),
        "{text}"
    );
    let ids = org.data.by_external("Lead", "Crosspoint_Id__c", "1");
    assert_eq!(
        org.data.row("Lead", &ids[0]).unwrap().fields["Company"],
        "A, \"B\""
    );
    let hard = json!({ "object": "Lead", "operation": "hardDelete", "contentType": "CSV" });
    let (_, job) = ask(&mut org, &mut sim, "POST", "/jobs/ingest", hard);
    let erase = format!("/jobs/ingest/{}", job["id"].as_str().unwrap());
    ask(
        &mut org,
        &mut sim,
        "PUT",
        &format!("{erase}/batches"),
        json!(format!("Id\n{}\n", ids[0])),
    );
    ask(
        &mut org,
        &mut sim,
        "PATCH",
        &erase,
        json!({ "state": "UploadComplete" }),
    );
    sim.advance(11_000);
    assert_eq!(
        ask(&mut org, &mut sim, "GET", &erase, Value::Null).1["numberRecordsFailed"],
        0
    );
    assert!(org.data.row("Lead", &ids[0]).is_none());
    org.job_ms = 0;
    let (_, job) = ask(&mut org, &mut sim, "POST", "/jobs/ingest", open);
    let broken = format!("/jobs/ingest/{}", job["id"].as_str().unwrap());
    ask(
        &mut org,
        &mut sim,
        "PUT",
        &format!("{broken}/batches"),
        json!("Crosspoint_Id__c,Colour\n1,red\n"),
    );
    ask(
        &mut org,
        &mut sim,
        "PATCH",
        &broken,
        json!({ "state": "UploadComplete" }),
    );
    let (_, failed) = ask(&mut org, &mut sim, "GET", &broken, Value::Null);
    assert_eq!(
        (failed["state"].as_str(), failed["errorMessage"].as_str()),
        (
            Some("Failed"),
            Some("InvalidBatch : Field name not found : Colour")
        )
    );
    org.ingests.values_mut().for_each(|it| it.age(8 * DAY_MS));
    assert_eq!(ask(&mut org, &mut sim, "GET", &target, Value::Null).0, 404);
}

#[test]
fn a_query_job_gives_pages_until_the_locator_is_null() {
    let (mut org, mut sim) = start(60);
    org.job_ms = 1_000;
    let wanted =
        json!({ "operation": "queryAll", "query": "SELECT Id, Email, Owner.Email FROM Contact" });
    let (_, job) = ask(&mut org, &mut sim, "POST", "/jobs/query", wanted);
    let target = format!(
        "/jobs/query/{}/results?maxRecords=7",
        job["id"].as_str().unwrap()
    );
    assert_eq!(
        ask(&mut org, &mut sim, "GET", &target, Value::Null).1[0]["errorCode"],
        "JOB_NOT_COMPLETE"
    );
    sim.advance(2_000);
    let (mut next, mut count) = (target.clone(), 0);
    loop {
        let page = org.handle(&call(&sim, "GET", &next, &Value::Null), &mut sim);
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(text.starts_with("\"Id\",\"Email\",\"Owner.Email\"\n"));
        count += text.lines().count() - 1;
        let locator = page.headers["sforce-locator"].to_str().unwrap().to_owned();
        if locator == "null" {
            break;
        }
        next = format!("{target}&locator={locator}");
    }
    assert_eq!(count, org.data.rows("Contact").count());
    let other = target.replace("/jobs", "/services/data/v65.0/jobs");
    assert_eq!(ask(&mut org, &mut sim, "GET", &other, Value::Null).0, 409);
    let compound =
        json!({ "operation": "query", "query": "SELECT Id, MailingAddress FROM Contact" });
    assert_eq!(
        ask(&mut org, &mut sim, "POST", "/jobs/query", compound).0,
        400
    );
}
