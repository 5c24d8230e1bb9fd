use super::*;

const HEADER: &str = "order,email,date,total\n";
const OLD: Option<Instant> = Some(1_000);
/// The year 2199: whatever has this instant has just been written.
const NEW: Option<Instant> = Some(7_226_582_400_000);

fn archiving(changes: Json) -> Settings {
    let mut all = json!({ "after": "archive" });
    merge(&mut all, changes);
    orders(all)
}

fn rows(ids: std::ops::Range<u32>) -> String {
    let rows: String = ids
        .map(|id| format!("{id},a@x,2026-01-02,{id}\n"))
        .collect();
    format!("{HEADER}{rows}")
}

fn moved(test: &TestContext) -> Vec<String> {
    let moved = test.files.settle().into_iter();
    moved.map(|(from, to)| format!("{from} -> {to}")).collect()
}

#[test]
fn only_what_was_read_to_its_end_goes() {
    let test = TestContext::default();
    let settings = archiving(json!({}));
    test.files.put_stamped("a.csv", rows(1..4), OLD, None);
    test.files
        .put_stamped("b.csv", "order,email,date\n1,2,3\n", OLD, None);
    test.files.put_stamped("c.csv", "", OLD, None);
    test.files.put_stamped("d.csv", rows(4..6), NEW, None);
    let small = Budget {
        records: 2,
        bytes: 1 << 20,
    };
    let page = read_page(&test, &settings, None, small).unwrap();
    assert_eq!(moved(&test), [""; 0], "a row is left");
    let page = read_all(&test, &settings, Some(page.next_cursor), small);
    assert_eq!(moved(&test), ["a.csv -> archive/a.csv"]);
    let page = read_all(&test, &settings, Some(page.next_cursor), LARGE);
    assert_eq!(
        (page.records.len(), moved(&test)),
        (0, Vec::new()),
        "what is archived is not read"
    );
}

#[test]
fn a_move_that_failed_is_asked_for_again() {
    let test = TestContext::default();
    let settings = archiving(json!({ "archive_folder": "/done/2026/" }));
    test.files.put_stamped("in/a.csv", rows(1..4), OLD, None);
    let page = read_all(&test, &settings, None, LARGE);
    // The host went down before it moved anything.
    drop(test.files.settle());
    test.files.put_stamped("in/a.csv", rows(1..4), OLD, None);
    test.files.remove("done/2026/in/a.csv");
    let page = read_all(&test, &settings, Some(page.next_cursor), LARGE);
    assert_eq!(page.records.len(), 0, "nothing is read twice");
    assert_eq!(moved(&test), ["in/a.csv -> done/2026/in/a.csv"]);
}

#[test]
fn a_new_file_that_looks_like_the_archived_one_is_read() {
    let test = TestContext::default();
    let settings = archiving(json!({}));
    test.files.put_stamped("a.csv", rows(1..4), OLD, None);
    let page = read_all(&test, &settings, None, LARGE);
    assert_eq!(moved(&test), ["a.csv -> archive/a.csv"]);
    test.files.put_stamped("a.csv", rows(5..8), OLD, None);
    let page = read_all(&test, &settings, Some(page.next_cursor), LARGE);
    assert_eq!(page.records.len(), 3);
    assert_eq!(moved(&test).len(), 1);
}

#[test]
fn a_file_that_changed_meanwhile_stays_and_is_read() {
    let test = TestContext::default();
    let settings = archiving(json!({}));
    test.files.put_stamped("a.csv", rows(1..4), OLD, None);
    let page = read_all(&test, &settings, None, LARGE);
    test.files
        .put_stamped("a.csv", rows(1..6), Some(2_000), None);
    assert_eq!(moved(&test), [""; 0]);
    let page = read_all(&test, &settings, Some(page.next_cursor), LARGE);
    assert_eq!(page.records.len(), 2);
    assert_eq!(moved(&test), ["a.csv -> archive/a.csv"]);
}

#[test]
fn files_wait_until_they_are_at_rest() {
    let test = TestContext::default();
    let settings = orders(json!({ "stable_s": 3600 }));
    test.files.put_stamped("a.csv", rows(1..4), NEW, None);
    test.files.put("b.csv", rows(4..6));
    let page = read_all(&test, &settings, None, LARGE);
    assert_eq!(page.records.len(), 0);
    let page = read_all(&test, &settings, Some(page.next_cursor), LARGE);
    assert_eq!(page.records.len(), 0, "no time went by");
    // Without an instant the cursor counts: seen so since the beginning of time.
    let mut cursor: Json = serde_json::from_slice(&page.next_cursor).unwrap();
    for seen in cursor["seen"].as_array_mut().unwrap() {
        seen[2] = json!(0);
    }
    let page = read_all(
        &test,
        &settings,
        Some(cursor.to_string().into_bytes()),
        LARGE,
    );
    assert_eq!(page.records.len(), 5);
}

#[test]
fn without_the_grant_the_operator_is_told() {
    let test = TestContext::default();
    test.files.refuse_moves();
    test.files.put_stamped("a.csv", rows(1..4), OLD, None);
    let read = read_page(&test, &archiving(json!({})), None, LARGE);
    match read {
        Err(Error::Invalid { field, reason }) => {
            assert_eq!(field, "after");
            assert!(reason.contains("files_write"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_archive_lies_below_the_location() {
    for folder in ["", "../x", "a/../b", "a//b"] {
        let result = crate::plan::Plan::new(&archiving(json!({ "archive_folder": folder })));
        assert!(matches!(result, Err(Error::Invalid { .. })), "{folder}");
    }
}
