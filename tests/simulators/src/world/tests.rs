use std::collections::BTreeSet;

use super::*;

const NOW_MS: i64 = 1_793_000_000_000;

#[test]
fn same_seed_same_world() {
    let world = World::new(7, 300, 900, NOW_MS);
    assert_eq!(world, World::new(7, 300, 900, NOW_MS));
    assert_ne!(world, World::new(8, 300, 900, NOW_MS));
}

#[test]
fn history_ends_now_and_begins_with_the_person() {
    let world = World::new(3, 200, 800, NOW_MS);
    for order in &world.orders {
        let buyer = &world.people[order.person];
        assert!(order.placed_at_ms >= buyer.created_at_ms);
        assert!(order.placed_at_ms <= order.updated_at_ms && order.updated_at_ms <= NOW_MS);
        assert!(order.total_cents() > 0);
    }
    let emails: BTreeSet<_> = world
        .people
        .iter()
        .map(|it| it.email.to_lowercase())
        .collect();
    assert_eq!(emails.len(), world.people.len());
}
