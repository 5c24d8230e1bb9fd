use super::*;

#[test]
fn control_characters_are_shown_not_obeyed() {
    let hostile = "Eve\x1b]52;c;aGk=\x07\nroot\u{202e}txt";
    let harmless = r"Eve\u{1b}]52;c;aGk=\u{7}\nroot\u{202e}txt";
    assert_eq!(plain(hostile), harmless);

    let mut table = Table::new(&["name"]);
    table.row([hostile.to_owned()]);
    let mut sheet = Sheet::new(Style::of(false));
    sheet.table(&table);
    sheet.field("name", hostile);
    sheet.heading(hostile);
    let text = sheet.finish();
    assert_eq!(text.matches(harmless).count(), 3);
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}'));
    assert_eq!(plain("Zoë, 名前"), "Zoë, 名前");
}

#[test]
fn tables_align_by_characters() {
    let mut table = Table::new(&["name", ">members", "rule"]);
    table.row(["Zoë".into(), count(1234), "a".into()]);
    table.row(["longest".into(), count(5), String::new()]);
    assert_eq!(
        table.render(Style::of(false)),
        "name     members  rule\n\
         Zoë        1,234  a\n\
         longest        5\n"
    );
}

#[test]
fn numbers_read_well() {
    for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (-69659, "-69,659")] {
        assert_eq!(count(number), text);
    }
    assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    for (ms, text) in [(7, "7 ms"), (1_240, "1.24 s"), (125_000, "2 min 05 s")] {
        assert_eq!(span(ms), text);
    }
    for (number, text) in [(12, "12 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB")] {
        assert_eq!(bytes(number), text);
    }
    assert_eq!(per_second(69_659, 1_500).as_deref(), Some("46,439/s"));
    assert_eq!(per_second(0, 5), None);
    assert_eq!(amount(6552.7), "6,552.70");
    assert_eq!(share(0.3194), "31.9 %");
}

#[test]
fn bars_have_their_width_whatever_the_share() {
    for share in [-1.0, 0.0, 0.01, 0.319, 0.5, 0.999, 1.0, 7.0, f64::NAN] {
        assert_eq!(bar(share, 20).chars().count(), 20, "{share}");
    }
    assert_eq!(bar(0.5, 4), "██  ");
    assert_eq!(bar(0.125, 1), "▏");
}
