//! What stays with the vendor and what happens once, in their order.

use super::*;

#[test]
fn what_happens_once_finds_the_contact_there() {
    let mut world = World::new();
    world.configure(
        &PROJECT
            .replace("[syncs.mail]", "[syncs.a-tag]\nconnector = \"hook\"\nsegment = \"recent\"\naction = \"add-tag\"\non_exit = \"remove-tag\"\n\n[syncs.contact]\nconnector = \"hook\"\nsegment = \"recent\"\naction = \"upsert-contact\"\non_exit = \"delete-contact\"\n\n[syncs.mail]"),
    );
    let placed = vec![order("1", "a", None, 1_000, 1_000)];
    world.records(Instant(1_000), "shop", placed);
    let tag = |name: &str| Action::Custom(name.into());
    assert_eq!(world.actions(), [Action::UpsertContact, tag("add-tag")]);
    world.step(Instant(1_000 + 10 * DAY_MS), What::Tick);
    let left = [tag("remove-tag"), Action::DeleteContact];
    assert_eq!(world.actions()[2..], left);
}

#[test]
fn a_new_configuration_keeps_the_order() {
    let mut world = World::new();
    let orders = ["1", "2"].map(|id| order(id, "a", Some("ana@example.com"), 1, 1));
    let text = PROJECT.replace("segment = \"buyers\"", "segment = \"recent\"");
    world.configure(&text.replace("'10d'", "'1d'"));
    world.records(Instant(3 * DAY_MS), "shop", orders.to_vec());
    assert_eq!(world.actions(), []);
    world.configure(&text);
    assert_eq!(world.actions(), [Action::AddToList, Action::SendMessage]);
}
