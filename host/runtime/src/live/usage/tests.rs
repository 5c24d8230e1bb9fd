use crosspoint_model::time::DAY_MS;

use super::*;

fn shop() -> ConnectorId {
    ConnectorId::from("shop")
}

#[test]
fn figures_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("usage.json");
    let usage = Usage::open(file.clone());
    usage.read_all(&shop(), Instant(10));
    usage.read(&shop(), "orders", Instant(10));
    usage.called(&shop(), "orders", Instant(20));
    let before = usage.of(&shop());
    usage.save().unwrap();
    let again = Usage::open(file.clone());
    assert_eq!(again.of(&shop()), before);
    assert_eq!(again.read_at(&shop()), Some(Instant(10)));

    fs::write(&file, "no figures").unwrap();
    assert_eq!(Usage::open(file).of(&shop()), Default::default());
}

#[test]
fn requests_are_kept_by_day_for_a_month() {
    let usage = ConnectorUsage {
        requests: (0..100).map(|day| (day, 1 + day as u64)).collect(),
        ..ConnectorUsage::default()
    };
    let now = Instant(99 * DAY_MS + 5);
    assert_eq!(usage.requests(now), (100, (71..=100).sum()));
    assert_eq!(usage.requests(now.plus_ms(DAY_MS)), (0, (72..=100).sum()));
}
