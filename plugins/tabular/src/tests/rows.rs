use super::*;

const HEADER: &str = "order,email,date,total,note\n";

fn check(settings: &Settings, content: impl Into<Vec<u8>>, expected: &[&str]) {
    let page = read(settings, content);
    assert_eq!(rejects(&page), []);
    assert_eq!(summary(&page), expected);
}

#[test]
fn layouts_are_found_out() {
    for separator in [",", ";", "\t", "|"] {
        let text = "order,email,date,total\r\n1,a@x,2026-01-02,3.50\r\n2,b@x,2026-01-03,4\r\n"
            .replace(',', separator);
        check(&orders(json!({})), text, &["1 3.50", "2 4"]);
    }
    let aligned = " order email date       total\n 1     a@x   2026-01-02  3.50\n";
    check(&orders(json!({})), aligned, &["1 3.50"]);
    let ndjson = "{\"order\":1,\"email\":\"a@x\",\"date\":\"2026-01-02\",\"total\":3.50}\n";
    check(&orders(json!({})), ndjson, &["1 3.50"]);
    let semicolon_with_commas = "order;email;date;total;note\n1;a@x;2026-01-02;3,50;a, b, c\n";
    check(
        &orders(json!({ "decimal_comma": true })),
        semicolon_with_commas,
        &["1 3.50 note=\"a, b, c\""],
    );
    let one_row = "order^email^date^total\n1^a@x^2026-01-02^3";
    check(&orders(json!({ "delimiter": "^" })), one_row, &["1 3"]);
}

#[test]
fn excel_leaves_its_marks() {
    let text = "\u{feff}sep=;\r\norder;email;date;total\r\n1;a@x;2026-01-02;3\r\n";
    check(&orders(json!({})), text, &["1 3"]);
    let trailing = "order;email;date;total;\n1;a@x;2026-01-02;3;\n";
    check(&orders(json!({})), trailing, &["1 3"]);
    let utf16: Vec<u8> =
        "\u{feff}order\temail\tdate\ttotal\tnote\r\n1\ta@x\t2026-01-02\t3\tZoë 🎉\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
    check(&orders(json!({})), utf16, &["1 3 note=\"Zoë 🎉\""]);
    let windows = b"order;email;date;total;note\n1;a@x;2026-01-02;3;Zo\xeb \x80\n".to_vec();
    check(&orders(json!({})), windows, &["1 3 note=\"Zoë €\""]);
}

#[test]
fn titles_comments_and_blank_lines_are_no_rows() {
    let text = "Orders of \"January\"\n\n# made by hand\norder,email,date,total\n\n# more\n1,a@x,2026-01-02,3\n  \n";
    check(
        &orders(json!({ "header": 2, "comment": "#" })),
        text,
        &["1 3"],
    );
    check(
        &orders(json!({ "header": 4 })),
        text.replace("# more\n", ""),
        &["1 3"],
    );
}

#[test]
fn quotes_hold_delimiters_and_line_ends() {
    let text = format!("{HEADER}1,a@x,2026-01-02,3,\"x, \"\"y\"\"\r\nz\"\n2,a@x,2026-01-02,4,\n");
    check(
        &orders(json!({})),
        text,
        &["1 3 note=\"x, \\\"y\\\"\\r\\nz\"", "2 4 note=null"],
    );
}

#[test]
fn empty_text_is_not_null() {
    let text = format!("{HEADER}1,a@x,2026-01-02,3,\"\"\n2,a@x,2026-01-02,4,N/A\n");
    let settings = orders(json!({ "null_tokens": ["N/A"] }));
    check(&settings, text, &["1 3 note=\"\"", "2 4 note=null"]);
}

#[test]
fn bad_row_leaves_neighbours() {
    let text = format!(
        "{HEADER}1,a@x,2026-01-02,3,\n2,a@x,02/01/2026,4,\n3,a@x,2026-01-02,x,\n,a@x,2026-01-02,1,\n\
         5,a@x,2026-01-02,1,a,b\n6,a@x\n1.2E+14,a@x,2026-01-02,1,\n8,a@x,2026-01-02,8,\n"
    );
    let page = read(&orders(json!({})), text);
    assert_eq!(summary(&page), ["1 3 note=null", "8 8 note=null"]);
    let places: Vec<_> = rejects(&page)
        .into_iter()
        .map(|(locator, field, _)| format!("{locator} {}", field.unwrap_or_default()))
        .collect();
    assert_eq!(
        places,
        [
            "feed.csv:3 date",
            "feed.csv:4 total",
            "feed.csv:5 order",
            "feed.csv:6 ",
            "feed.csv:7 date",
            "feed.csv:8 order",
        ]
    );
    for reject in &page.rejects {
        assert!(
            !reject.reason.contains("a@x"),
            "no personal data: {}",
            reject.reason
        );
        assert!(
            String::from_utf8_lossy(&reject.raw).contains("a@x"),
            "raw keeps the row"
        );
    }
}

#[test]
fn short_rows_are_rejected_where_declared() {
    let text = format!("{HEADER}1,a@x,2026-01-02,3\n");
    check(&orders(json!({})), text.clone(), &["1 3 note=null"]);
    let page = read(&orders(json!({ "short_rows": "reject" })), text);
    assert_eq!((page.records.len(), page.rejects.len()), (0, 1));
}

#[test]
fn undecodable_row_is_rejected_alone() {
    let mut bytes = format!("{HEADER}1,a@x,2026-01-02,3,").into_bytes();
    bytes.extend(b"Zo\xeb\n2,a@x,2026-01-02,4,ok\n");
    let page = read(&orders(json!({ "encoding": "utf-8" })), bytes.clone());
    assert_eq!(summary(&page), ["2 4 note=\"ok\""]);
    assert!(
        page.rejects[0].reason.contains("not utf-8"),
        "{}",
        page.rejects[0].reason
    );

    let raw = vec![page.rejects[0].raw.clone()];
    let context = TestContext::default().context();
    let settings = orders(json!({ "encoding": "windows-1252" }));
    let retried = Tabular::retry(&context, &settings, "orders", raw).unwrap();
    assert_eq!(summary(&retried), ["1 3 note=\"Zoë\""]);
}

#[test]
fn unclosed_quote_costs_one_line() {
    let text = format!("{HEADER}1,a@x,2026-01-02,3,\"open\n2,a@x,2026-01-02,4,\n");
    let page = read(&orders(json!({})), text);
    assert_eq!(summary(&page), ["2 4 note=null"]);
    assert_eq!(page.rejects[0].locator, "feed.csv:2");
}

#[test]
fn overlong_line_costs_itself() {
    let long = "x".repeat(3 << 20);
    let text = format!("{HEADER}1,a@x,2026-01-02,3,{long}\n2,a@x,2026-01-02,4,\n");
    let page = read(&orders(json!({})), text);
    assert_eq!(summary(&page), ["2 4 note=null"]);
    assert_eq!(page.rejects[0].locator, "feed.csv:2");
    assert!(page.rejects[0].raw.len() < 10_000);
}

#[test]
fn unmapped_columns_are_attributes() {
    let settings = orders(json!({ "records": {
        "types": { "n": "integer", "d": "decimal", "b": "boolean", "t": "instant", "j": "json" },
        "ignore": ["secret"],
    }}));
    let text = "order,email,date,total,n,d,b,t,j,s,secret\n\
                1,a@x,2026-01-02,3,42,1.50,yes,2026-01-02,[1],007,hide\n";
    let page = read(&settings, text);
    let record = &page.records[0];
    assert_eq!(attribute(record, "n"), &Value::Integer(42));
    assert_eq!(attribute(record, "d"), &Value::Decimal("1.50".to_owned()));
    assert_eq!(attribute(record, "b"), &Value::Boolean(true));
    assert_eq!(attribute(record, "t"), &Value::Instant(20_455 * DAY_MS));
    assert_eq!(attribute(record, "j"), &Value::Json("[1]".to_owned()));
    assert_eq!(attribute(record, "s"), &Value::Text("007".to_owned()));
    assert_eq!(record.attributes.len(), 6, "{:?}", record.attributes);
}

#[test]
fn json_keeps_its_types_and_opens_where_mapped() {
    let settings = orders(json!({ "format": "ndjson", "records": {
        "identifiers": { "email": "customer.email" },
    }}));
    let text = "{\"order\":\"1\",\"date\":\"2026-01-02\",\"total\":12345678901234567.10,\
                \"customer\":{\"email\":\"a@x\",\"age\":7},\"tags\":[\"a\"],\"ok\":true,\"no\":null,\"f\":1.5}\n";
    let page = read(&settings, text);
    assert_eq!(rejects(&page), []);
    assert_eq!(
        summary(&page),
        ["1 12345678901234567.10 customer.age=7 tags=[\"a\"] ok=true no=null f=\"1.5\""]
    );
    let bad = read(&settings, "{\"order\":\n[1]\n");
    assert_eq!(bad.rejects.len(), 2);
}

#[test]
fn equal_rows_are_different_records() {
    let settings = orders(json!({ "records": { "id": [] } }));
    let text = format!("{HEADER}1,a@x,2026-01-02,3,\n1,a@x,2026-01-02,3,\n");
    let page = read(&settings, text);
    let ids: Vec<_> = page
        .records
        .iter()
        .map(|record| record.id.as_str())
        .collect();
    assert_eq!(ids, ["feed.csv#2", "feed.csv#3"]);
}

#[test]
fn joined_keys_never_collide() {
    let settings = orders(json!({ "records": { "id": ["order", "note"] } }));
    let text = format!("{HEADER}a/b,a@x,2026-01-02,3,c\na,a@x,2026-01-02,3,b/c\n");
    let page = read(&settings, text);
    let ids: Vec<_> = page
        .records
        .iter()
        .map(|record| record.id.as_str())
        .collect();
    assert_eq!(ids, ["a%2Fb/c", "a/b%2Fc"]);
}

#[test]
fn retry_reads_a_corrected_row() {
    let text = format!("{HEADER}1,a@x,02/01/2026,3,n\n");
    let settings = orders(json!({}));
    let page = read(&settings, text);
    let raw = String::from_utf8(page.rejects[0].raw.clone()).unwrap();
    let context = TestContext::default().context();
    let retry = |settings: &Settings, raw: &str| {
        Tabular::retry(&context, settings, "orders", vec![raw.into()]).unwrap()
    };
    let again = retry(&settings, &raw);
    assert_eq!(
        again.rejects, page.rejects,
        "unchanged input is rejected unchanged"
    );
    let corrected = retry(&settings, &raw.replace("02/01/2026", "2026-01-02"));
    assert_eq!(summary(&corrected), ["1 3 note=\"n\""]);
    let other_settings = orders(json!({ "date_formats": ["%d/%m/%Y"] }));
    assert_eq!(summary(&retry(&other_settings, &raw)), ["1 3 note=\"n\""]);
    let foreign = retry(&settings, "not ours");
    assert_eq!(foreign.rejects[0].raw, b"not ours");
}
