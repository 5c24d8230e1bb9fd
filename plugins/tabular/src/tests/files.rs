use super::*;

const HEADER: &str = "order,email,date,total\n";

fn rows(ids: std::ops::Range<u32>) -> String {
    ids.map(|id| format!("{id},a@x,2026-01-02,{id}\n"))
        .collect()
}

fn ids(page: &Page) -> Vec<String> {
    page.records
        .iter()
        .map(|record| record.id.clone())
        .collect()
}

/// A folder that changes between reads.
struct Folder {
    test: TestContext,
    settings: Settings,
    cursor: Option<Vec<u8>>,
    clock: Instant,
}

impl Folder {
    fn new(changes: Json) -> Self {
        Self {
            test: TestContext::default(),
            settings: orders(changes),
            cursor: None,
            clock: 0,
        }
    }

    fn put(&mut self, path: &str, content: &str) {
        self.clock += 1000;
        self.test
            .files
            .put_stamped(path, content, Some(self.clock), None);
    }

    fn read(&mut self) -> Page {
        let page = read_all(&self.test, &self.settings, self.cursor.take(), LARGE);
        self.cursor = Some(page.next_cursor.clone());
        page
    }
}

#[test]
fn files_come_in_order_of_name_and_only_once() {
    let mut folder = Folder::new(json!({}));
    folder.put("b.csv", &format!("{HEADER}{}", rows(3..5)));
    folder.put("a.csv", &format!("{HEADER}{}", rows(1..3)));
    assert_eq!(ids(&folder.read()), ["1", "2", "3", "4"]);
    assert_eq!(ids(&folder.read()), [""; 0]);
    folder.put("aa.csv", &format!("{HEADER}{}", rows(7..8)));
    assert_eq!(
        ids(&folder.read()),
        ["7"],
        "a new file in the middle is not overlooked"
    );
    folder.test.files.remove("a.csv");
    assert_eq!(ids(&folder.read()), [""; 0]);
}

#[test]
fn unfinished_and_hidden_files_are_left_alone() {
    let mut folder = Folder::new(json!({}));
    for path in [
        "a.csv.part",
        "b.tmp",
        "c.csv.FILEPART",
        "d.incomplete",
        ".e.csv",
        ".in/f.csv",
    ] {
        folder.put(path, &format!("{HEADER}{}", rows(1..2)));
    }
    assert_eq!(ids(&folder.read()), [""; 0]);
    let content = format!("{HEADER}{}", rows(1..2));
    folder.put("a.csv", &content);
    assert_eq!(ids(&folder.read()), ["1"]);
}

#[test]
fn grown_file_continues() {
    let mut folder = Folder::new(json!({}));
    let mut content = format!("{HEADER}{}", rows(1..400));
    folder.put("a.csv", &content);
    assert_eq!(folder.read().records.len(), 399);
    content.push_str(&rows(400..403));
    folder.put("a.csv", &content);
    let page = folder.read();
    assert_eq!(ids(&page), ["400", "401", "402"]);
    assert_eq!(page.notices, [""; 0]);
}

#[test]
fn half_written_last_row_is_read_again_whole() {
    let mut folder = Folder::new(json!({}));
    folder.put(
        "a.csv",
        &format!("{HEADER}1,a@x,2026-01-02,1\n2,a@x,2026-01-02,2"),
    );
    assert_eq!(summary(&folder.read()), ["1 1", "2 2"]);
    folder.put(
        "a.csv",
        &format!("{HEADER}1,a@x,2026-01-02,1\n2,a@x,2026-01-02,25\n"),
    );
    assert_eq!(summary(&folder.read()), ["2 25"]);
}

#[test]
fn half_written_header_waits() {
    let mut folder = Folder::new(json!({}));
    folder.put("a.csv", "order,em");
    assert_eq!(folder.read().rejects.len(), 0);
    folder.put("a.csv", &format!("{HEADER}{}", rows(1..3)));
    assert_eq!(ids(&folder.read()), ["1", "2"]);
}

#[test]
fn replaced_file_is_read_from_the_beginning() {
    for content in [rows(5..7), rows(100..500)] {
        let mut folder = Folder::new(json!({}));
        folder.put("a.csv", &format!("{HEADER}{}", rows(1..40)));
        folder.read();
        let content = format!("{HEADER}{content}");
        folder.put("a.csv", &content);
        let page = folder.read();
        assert_eq!(page.records.len(), content.lines().count() - 1);
        assert!(
            page.notices[0].contains("from the beginning"),
            "{:?}",
            page.notices
        );
    }
}

#[test]
fn etag_alone_tells_a_change() {
    let test = TestContext::default();
    let settings = orders(json!({}));
    let put = |total: u32, etag: &str| {
        let content = format!("{HEADER}1,a@x,2026-01-02,{total}\n");
        test.files.put_stamped("a.csv", content, None, Some(etag));
    };
    put(1, "x");
    let first = read_all(&test, &settings, None, LARGE);
    put(2, "y");
    let second = read_all(&test, &settings, Some(first.next_cursor), LARGE);
    assert_eq!(summary(&second), ["1 2"]);
}

#[test]
fn columns_may_move_appear_and_go() {
    let mut folder = Folder::new(json!({}));
    folder.put("1.csv", &format!("{HEADER}1,a@x,2026-01-02,1\n"));
    folder.put("2.csv", "total,order,email,date\n2,2,a@x,2026-01-02\n");
    folder.put("3.csv", "Total, ORDER ,date,new\n3,3,2026-01-02,x\n");
    let page = folder.read();
    assert_eq!(summary(&page), ["1 1", "2 2", "3 3 new=\"x\""]);
    assert!(
        page.notices[0].contains("another order"),
        "{:?}",
        page.notices
    );
    assert!(page.notices[1].contains("`new`") && page.notices[1].contains("`email`"));
    assert_eq!(page.records[2].identifiers, []);
}

#[test]
fn file_without_a_needed_column_is_refused_whole() {
    let mut folder = Folder::new(json!({}));
    folder.put("1.csv", &format!("order,email,date,sum\n{}", rows(1..9)));
    folder.put("2.csv", &format!("{HEADER}{}", rows(1..2)));
    let page = folder.read();
    assert_eq!(ids(&page), ["1"]);
    assert_eq!(page.rejects.len(), 1);
    assert_eq!(page.rejects[0].locator, "1.csv:1");
    assert_eq!(page.rejects[0].field.as_deref(), Some("total"));
    assert_eq!(folder.read().rejects.len(), 0, "said once");

    folder.settings = orders(json!({ "records": { "fields": { "total": "sum" } } }));
    folder.put("2.csv", "order,email,date,sum\n");
    assert_eq!(
        folder.read().records.len(),
        8,
        "other settings, another try"
    );
}

#[test]
fn headers_must_name_every_column_once() {
    for header in ["order,email,date,total,Total", "order,,date,total"] {
        let page = read(
            &orders(json!({})),
            format!("{header}\n1,a@x,2026-01-02,3\n"),
        );
        assert_eq!((page.records.len(), page.rejects.len()), (0, 1), "{header}");
    }
}

#[test]
fn vanished_file_is_passed_over() {
    let mut folder = Folder::new(json!({}));
    folder.put("a.csv", &format!("{HEADER}{}", rows(1..2)));
    folder.put("b.csv", &format!("{HEADER}{}", rows(2..3)));
    folder.test.files.lose("a.csv");
    let page = folder.read();
    assert_eq!(ids(&page), ["2"]);
    assert!(page.notices[0].contains("taken away"), "{:?}", page.notices);
}

#[test]
fn check_speaks_of_the_newest_file() {
    let mut folder = Folder::new(json!({}));
    let check = |folder: &Folder| Tabular::check(&folder.test.context(), &folder.settings);
    assert_eq!(check(&folder), Ok(()));
    folder.put("a.csv", &format!("{HEADER}{}", rows(1..2)));
    assert_eq!(check(&folder), Ok(()));
    folder.put("b.csv", "order,email,date,sum\n");
    match check(&folder) {
        Err(Error::Invalid { field, reason }) => {
            assert_eq!(field, "column total");
            assert!(
                reason.contains("b.csv") && reason.contains("`sum`"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn too_many_files_are_refused() {
    let folder = Folder::new(json!({}));
    for at in 0..=crate::cursor::MAX_FILES {
        folder.test.files.put(&format!("{at}.csv"), "");
    }
    let result = read_page(&folder.test, &folder.settings, None, LARGE);
    assert!(matches!(result, Err(Error::Invalid { .. })), "{result:?}");
}

#[test]
fn cursor_of_most_files_fits() {
    let folder = Folder::new(json!({}));
    for at in 0..crate::cursor::MAX_FILES {
        let path = format!("{}{at}.csv", "long".repeat(50));
        folder
            .test
            .files
            .put(&path, format!("{HEADER}{}", rows(1..3)));
    }
    let page = read_all(&folder.test, &folder.settings, None, LARGE);
    assert_eq!(page.records.len(), crate::cursor::MAX_FILES * 2);
}

#[test]
fn foreign_cursor_is_expired() {
    let test = TestContext::default();
    for cursor in [&b"nonsense"[..], br#"{"v":9,"files":[]}"#] {
        let result = read_page(&test, &orders(json!({})), Some(cursor), LARGE);
        assert!(matches!(result, Err(Error::CursorExpired(_))), "{result:?}");
    }
}
