//! A sweep brings every profile up to date with the configuration, whatever comes in between.

use super::*;

#[test]
fn a_piece_of_the_sweep_before_does_not_shorten_the_next() {
    let mut world = World::new();
    for number in 0..5 {
        let (id, customer) = (format!("o{number}"), format!("c{number}"));
        let order = order(&id, &customer, None, 1, 1);
        world.records(Instant(1), "shop", vec![order]);
    }
    let last = world.state.profiles.keys().next_back().copied();
    let text = format!("{PROJECT}\n[segments.everybody]\nwhen = \"orders.count() >= 1\"\n");
    let files = vec![("crosspoint.toml".to_owned(), text)];
    world.step(Instant(1), What::Configured(Configured { files }));
    // Asked for while the configuration before was being swept, and appended after this one.
    let stale = What::Sweep {
        after: last,
        count: 3,
    };
    world.step(Instant(1), stale);
    while let Some(after) = Stepper::pending_sweep(&mut world.state).unwrap() {
        world.step(Instant(1), What::Sweep { after, count: 3 });
    }
    let everybody = world.state.symbol("everybody").unwrap();
    let members = memberships(&world).filter(|(_, segment)| *segment == everybody);
    assert_eq!(members.count(), 5);
}
