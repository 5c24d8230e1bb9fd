use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Cells as feeds have them, each at least once in a while hostile.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9 ]{0,6}",
        1 => "[a\",\r\nü🎉]{0,6}".prop_map(|text| format!("\"{}\"", text.replace('"', "\"\""))),
        1 => Just("\"open".to_owned()),
        1 => Just("5\" pipe".to_owned()),
    ]
}

fn file() -> impl Strategy<Value = String> {
    let row = (0u32..50, cell(), prop::bool::weighted(0.1)).prop_map(|(order, note, is_bad)| {
        let date = if is_bad { "soon" } else { "2026-01-02" };
        format!("{order},a@x,{date},{order},{note}")
    });
    (
        prop::collection::vec(row, 0..30),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        any::<bool>(),
    )
        .prop_map(|(rows, end, is_closed)| {
            let mut text = format!("order,email,date,total,note{end}{}", rows.join(end));
            if is_closed && !rows.is_empty() {
                text.push_str(end);
            }
            text
        })
}

fn encode(text: &str, is_utf16: bool) -> Vec<u8> {
    if is_utf16 {
        format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect()
    } else {
        text.as_bytes().to_vec()
    }
}

fn content(page: &Page) -> (Vec<Record>, Vec<Rejected>) {
    (page.records.clone(), rejects(page))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn chunks_do_not_change_the_records(text in file(), range in 1u32..40, is_utf16: bool) {
        let settings = orders(json!({}));
        let test = TestContext::default();
        test.files.put("feed.csv", encode(&text, is_utf16));
        let whole = read_all(&test, &settings, None, LARGE);
        test.files.limit_reads(range);
        let pieces = read_all(&test, &settings, None, LARGE);
        prop_assert_eq!(content(&whole), content(&pieces));
    }

    #[test]
    fn every_cursor_continues(
        files in prop::collection::vec(file(), 1..4), records in 1u32..6, range in 1u32..200,
        bytes in 1u64..3000
    ) {
        let settings = orders(json!({}));
        let test = TestContext::default();
        for (at, text) in files.iter().enumerate() {
            test.files.put(&format!("{at}.csv"), encode(text, at == 1));
        }
        test.files.limit_reads(range);
        let whole = read_all(&test, &settings, None, LARGE);
        let budget = Budget { records, bytes };
        let paged = read_all(&test, &settings, None, budget);
        prop_assert_eq!(content(&whole), content(&paged));
        let nothing = read_all(&test, &settings, Some(paged.next_cursor), LARGE);
        prop_assert_eq!(content(&nothing), content(&Page::empty()));
    }

    #[test]
    fn growing_gives_what_the_whole_file_gives(text in file(), cut in 0usize..600) {
        // A cut within quotes is read as a quote that is never closed, which growth cannot mend.
        let text = text.replace('"', "").into_bytes();
        // As long as before is no growth: such a file is read again from the beginning.
        let cut = cut.min(text.len() - 1);
        let settings = orders(json!({ "records": { "id": [] } }));
        let test = TestContext::default();
        test.files.put_stamped("feed.csv", text.clone(), Some(2), None);
        let whole = read_all(&test, &settings, None, LARGE);

        test.files.put_stamped("feed.csv", &text[..cut], Some(1), None);
        let first = read_all(&test, &settings, None, LARGE);
        test.files.put_stamped("feed.csv", text, Some(2), None);
        let second = read_all(&test, &settings, Some(first.next_cursor.clone()), LARGE);
        let newest = |pages: &[&Page]| -> BTreeMap<String, Record> {
            let records = pages.iter().flat_map(|page| page.records.iter());
            records.map(|record| (record.id.clone(), record.clone())).collect()
        };
        let grown = newest(&[&first, &second]);
        // Half a row may have been a record that the whole row is not.
        for (id, record) in newest(&[&whole]) {
            prop_assert_eq!(grown.get(&id), Some(&record));
        }
        prop_assert!(first.records.len() + second.records.len() <= whole.records.len() + 1);
    }

    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let settings = orders(json!({ "records": { "id": [] } }));
        read(&settings, bytes.clone());
        let aligned = orders(json!({ "format": "whitespace", "header": false,
            "columns": ["order", "email", "date", "total"] }));
        read(&aligned, bytes.clone());
        let context = TestContext::default().context();
        Tabular::retry(&context, &settings, "orders", vec![bytes]).unwrap();
    }
}
