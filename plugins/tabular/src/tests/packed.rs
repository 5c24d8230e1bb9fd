use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::workbook::{Workbook, number, row, text, texts};
use super::*;

const NAMES: [&str; 4] = ["order", "email", "date", "total"];

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn order(id: &str, date: String, total: String) -> String {
    row(&[text(id), text("a@x"), date, total])
}

fn with_header(rows: &[String]) -> String {
    texts(&NAMES) + &rows.concat()
}

fn reason(page: &Page) -> &str {
    assert_eq!((page.records.len(), page.rejects.len()), (0, 1));
    &page.rejects[0].reason
}

fn placed_at(record: &Record) -> Instant {
    match &record.body {
        Body::Order(order) => order.placed_at,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_workbook_is_known_by_its_first_bytes() {
    let rows = [
        order("A-1", number("46056.25", 2), number("12.5", 0)),
        order("A-2", number("46056", 1), number("0.30000000000000004", 0)),
        order(
            "A-3",
            number("46056.999999999", 2),
            number("-1234567.89", 0),
        ),
    ];
    let content = Workbook::default()
        .sheet("Orders", &with_header(&rows))
        .bytes();
    let page = read(&orders(json!({})), content);
    assert_eq!(rejects(&page), []);
    assert_eq!(summary(&page), ["A-1 12.5", "A-2 0.3", "A-3 -1234567.89"]);
    let at = 1_770_098_400_000;
    assert_eq!(placed_at(&page.records[0]), at, "2026-02-03 06:00");
    assert_eq!(placed_at(&page.records[1]), at - 6 * 3_600_000);
    assert_eq!(
        placed_at(&page.records[2]),
        at + 18 * 3_600_000,
        "rounds up to the next day"
    );
}

#[test]
fn dates_count_from_1904_where_the_workbook_says_so() {
    let rows = [order("A-1", number("44594", 1), number("1", 0))];
    let book = Workbook::default()
        .sheet("Orders", &with_header(&rows))
        .in_1904();
    let page = read(&orders(json!({})), book.bytes());
    assert_eq!(placed_at(&page.records[0]), 1_770_076_800_000, "2026-02-03");
}

#[test]
fn the_day_that_never_was_is_rejected_alone() {
    let rows = [
        order("A-1", number("60", 1), number("1", 0)),
        order("A-2", number("61", 1), number("1", 0)),
    ];
    let book = Workbook::default().sheet("Orders", &with_header(&rows));
    let page = read(&orders(json!({})), book.bytes());
    assert_eq!(summary(&page), ["A-2 1"]);
    assert_eq!(rejects(&page)[0].0, "feed.csv:2");
}

#[test]
fn cells_are_what_their_types_say() {
    let header = texts(&["order", "date", "total", "a", "b", "c", "d", "e", "f", "g"]);
    let cells = row(&[
        "<c t=\"s\"><v>0</v></c>".to_owned(),
        "<c t=\"d\"><v>2026-02-03T04:05:06Z</v></c>".to_owned(),
        "<c t=\"str\"><f>1+1</f><v>2.50</v></c>".to_owned(),
        "<c t=\"b\"><v>1</v></c>".to_owned(),
        "<c t=\"e\"><v>#N/A</v></c>".to_owned(),
        "<c><f>SUM(A1)</f></c>".to_owned(),
        "<c t=\"s\"><v>1</v></c>".to_owned(),
        number("1.5", 3),
        number("42", 0),
        "<c t=\"str\"><f>\"\"</f><v></v></c>".to_owned(),
    ]);
    let book = Workbook::default()
        .sheet("Orders", &(header + &cells))
        .texts(&[
            "<r><t>A</t></r><r><t xml:space=\"preserve\">-1 </t></r><rPh sb=\"0\" eb=\"1\"><t>no</t></rPh>",
            "<t>a &amp; \"b\"\nc</t>",
        ]);
    let page = read(&orders(json!({})), book.bytes());
    assert_eq!(rejects(&page), []);
    assert_eq!(
        summary(&page),
        ["A-1 2.50 a=true b=\"#N/A\" c=null d=\"a & \\\"b\\\"\\nc\" e=\"36:00:00\" f=42 g=null"]
    );
}

#[test]
fn an_error_in_a_cell_that_counts_rejects_its_row() {
    let rows = [
        order(
            "A-1",
            number("61", 1),
            "<c t=\"e\"><v>#DIV/0!</v></c>".to_owned(),
        ),
        order("A-2", number("61", 1), number("1", 0)),
    ];
    let book = Workbook::default().sheet("Orders", &with_header(&rows));
    let page = read(&orders(json!({})), book.bytes());
    assert_eq!(summary(&page), ["A-2 1"]);
    assert_eq!(page.rejects[0].field.as_deref(), Some("total"));
    assert!(page.rejects[0].reason.contains("#DIV/0!"));
}

#[test]
fn settings_of_texts_leave_numbers_and_dates_alone() {
    let settings = orders(json!({ "decimal_comma": true, "date_formats": ["%d.%m.%Y"] }));
    let rows = [
        order("A-1", number("46056", 1), number("1234.5", 0)),
        order("A-2", text("03.02.2026"), text("1.234,50")),
    ];
    let book = Workbook::default().sheet("Orders", &with_header(&rows));
    let page = read(&settings, book.bytes());
    assert_eq!(rejects(&page), []);
    assert_eq!(summary(&page), ["A-1 1234.5", "A-2 1234.50"]);
    assert_eq!(placed_at(&page.records[0]), placed_at(&page.records[1]));
}

#[test]
fn empty_rows_and_cells_keep_their_place() {
    let sheet = format!(
        "{}<row r=\"3\"><c r=\"A3\" t=\"inlineStr\"><is><t>A-1</t></is></c><c r=\"C3\" s=\"1\">\
         <v>61</v></c><c r=\"D3\"><v>1</v></c></row><row r=\"7\"><c r=\"A7\" t=\"inlineStr\"><is>\
         <t>A-2</t></is></c><c r=\"C7\"><v>x</v></c></row>",
        texts(&NAMES)
    );
    let bad = sheet.replace(
        "<c r=\"C7\"><v>x</v></c>",
        &text("y").replace("<c ", "<c r=\"C7\" "),
    );
    let page = read(
        &orders(json!({})),
        Workbook::default().sheet("Orders", &bad).bytes(),
    );
    assert_eq!(summary(&page), ["A-1 1"]);
    assert_eq!(page.records[0].identifiers, []);
    assert_eq!(rejects(&page)[0].0, "feed.csv:7", "the sheet's own row");
}

#[test]
fn a_sheet_is_chosen_by_name_or_number() {
    let rows = |id: &str| with_header(&[order(id, number("61", 1), number("1", 0))]);
    let book = Workbook::default()
        .hidden("Notes", "<row><c><v>1</v></c></row>")
        .sheet("Orders", &rows("A-1"))
        .sheet("More  Orders", &rows("A-2"))
        .bytes();
    for (sheet, wanted) in [
        (json!(null), "A-1 1"),
        (json!("Orders"), "A-1 1"),
        (json!("more orders"), "A-2 1"),
        (json!(3), "A-2 1"),
    ] {
        let changes = if sheet.is_null() {
            json!({})
        } else {
            json!({ "sheet": sheet })
        };
        assert_eq!(
            summary(&read(&orders(changes), book.clone())),
            [wanted],
            "{sheet}"
        );
    }
    let page = read(&orders(json!({ "sheet": "Nope" })), book);
    assert!(reason(&page).contains("`Orders`"), "{}", reason(&page));
}

#[test]
fn keys_that_lost_digits_are_rejected() {
    let rows = [row(&[
        number("12345678901234567", 0),
        text("a@x"),
        number("61", 1),
        number("1", 0),
    ])];
    let book = Workbook::default().sheet("Orders", &with_header(&rows));
    let page = read(&orders(json!({})), book.bytes());
    assert!(reason(&page).contains("digits"), "{}", reason(&page));
}

#[test]
fn what_nobody_can_read_says_so() {
    let check = |content: &[u8], wanted: &str| {
        let page = read(&orders(json!({})), content);
        assert!(reason(&page).contains(wanted), "{}", reason(&page));
    };
    check(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 rest", "password");
    check(b"%PDF-1.7 rest", "PDF");
    check(&zip_of("word/document.xml"), "no workbook");
    let book = Workbook::default().sheet("Orders", "<row><c><v>").bytes();
    check(&book, "damaged");
    check(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03 nonsense", "gzip");
}

fn zip_of(name: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(name, zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.finish().unwrap().into_inner()
}

#[test]
fn what_would_take_too_much_is_refused_by_name_and_limit() {
    let settings = orders(json!({ "max_unpacked_mib": 1 }));
    let long = format!("order,email,date,total\n{}", "\n".repeat(3 << 20));
    let page = read(&settings, gzip(long.as_bytes()));
    assert!(
        reason(&page).contains("`max_unpacked_mib` is 1"),
        "{}",
        reason(&page)
    );
    assert!(page.rejects[0].locator.starts_with("feed.csv:"));
    let rows = order("A-1", number("61", 1), number("1", 0)).repeat(20_000);
    let large = Workbook::default().sheet("Orders", &rows).bytes();
    assert!(reason(&read(&settings, large)).contains("sheet takes"));
    let texts = "x".repeat(1 << 20);
    let wordy = Workbook::default()
        .sheet("Orders", "")
        .texts(&[&texts])
        .bytes();
    assert!(reason(&read(&settings, wordy)).contains("texts"));
}

#[test]
fn a_file_that_is_cut_off_waits_and_is_refused_in_the_end() {
    let rows: String = (1..2000)
        .map(|id| format!("{id},a@x,2026-01-02,{id}\n"))
        .collect();
    let packed = gzip(format!("order,email,date,total\n{rows}").as_bytes());
    let rows: Vec<_> = (0..9)
        .map(|id| order(&id.to_string(), number("61", 1), number("1", 0)))
        .collect();
    let book = Workbook::default()
        .sheet("Orders", &with_header(&rows))
        .bytes();
    for whole in [packed, book] {
        let half = &whole[..whole.len() - 30];
        let test = TestContext::default();
        let settings = orders(json!({}));
        // Written in the year 2199: an upload that just ended.
        let fresh = Some(7_226_582_400_000);
        test.files.put_stamped("feed", half, fresh, None);
        let first = read_all(&test, &settings, None, LARGE);
        assert_eq!(rejects(&first), []);
        test.files.put_stamped("feed", half, Some(0), None);
        let second = read_all(&test, &settings, Some(first.next_cursor), LARGE);
        assert!(second.rejects[0].reason.contains("broken off"));
        let third = read_all(&test, &settings, Some(second.next_cursor), LARGE);
        assert_eq!(rejects(&third), [], "said once");
        test.files.put_stamped("feed", whole.clone(), Some(1), None);
        let last = read_all(&test, &settings, Some(third.next_cursor), LARGE);
        assert_eq!(rejects(&last), []);
        assert!(last.records.len() >= 9);
    }
}

#[test]
fn a_quarantined_row_of_a_sheet_can_be_corrected() {
    let settings = orders(json!({}));
    let rows = [order("A-1", number("61", 1), text("much"))];
    let book = Workbook::default().sheet("Orders", &with_header(&rows));
    let page = read(&settings, book.bytes());
    let raw = String::from_utf8(page.rejects[0].raw.clone()).unwrap();
    let fixed = raw.replace("\\\"much\\\"", "7.25");
    assert_ne!(raw, fixed);
    let test = TestContext::default();
    let retried = Tabular::retry(
        &test.context(),
        &settings,
        &stream_of(&settings),
        vec![fixed.into_bytes()],
    );
    assert_eq!(summary(&retried.unwrap()), ["A-1 7.25"]);
}

/// A decimal without the zeros that say nothing.
fn shortest(amount: &str) -> String {
    match amount.split_once('.') {
        Some(_) => amount
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        None => amount.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn packing_changes_nothing(
        totals in prop::collection::vec(-1_000_000i64..1_000_000, 0..60),
        records in 1u32..20,
        range in 1u32..4096,
    ) {
        let amounts: Vec<_> = totals.iter().map(|cents| format!("{:.2}", *cents as f64 / 100.0)).collect();
        let csv: String = amounts
            .iter()
            .enumerate()
            .map(|(id, amount)| format!("{id},a@x,2026-02-03,{amount}\n"))
            .collect();
        let csv = format!("order,email,date,total\n{csv}");
        let rows: Vec<_> = amounts
            .iter()
            .enumerate()
            .map(|(id, amount)| order(&id.to_string(), number("46056", 1), number(amount, 0)))
            .collect();
        let book = Workbook::default().sheet("Orders", &with_header(&rows)).bytes();
        let budget = Budget { records, bytes: 1 << 30 };
        let read = |content: Vec<u8>| {
            let test = TestContext::default();
            test.files.limit_reads(range);
            test.files.put("feed", content);
            let page = read_all(&test, &orders(json!({})), None, budget);
            let values: Vec<_> = page.records.iter().map(|record| match &record.body {
                Body::Order(order) => (record.id.clone(), order.placed_at, shortest(&order.total.amount)),
                other => panic!("{other:?}"),
            }).collect();
            (values, rejects(&page))
        };
        let plain = read(csv.clone().into_bytes());
        prop_assert_eq!(plain.0.len(), totals.len());
        prop_assert_eq!(&read(gzip(csv.as_bytes())), &plain);
        prop_assert_eq!(&read(book), &plain);
    }
}
