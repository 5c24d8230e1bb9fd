//! Kills a host that is called over HTTP, again and again, while clients go on sending.

mod clients;
mod plan;
mod world;

use std::collections::BTreeMap;

use crosspoint_harness::{Dice, number};
use crosspoint_runtime::HostOptions;
use serde_json::Value;

use clients::{Clients, Rescue, Seen};
use plan::Plan;
use world::World;

/// Kills in one run of the suite; `CROSSPOINT_CRASH_ROUNDS` asks for more.
const ROUNDS: u64 = 10;
/// Requests that are answered between two kills, at most.
const MOST_ANSWERED: u64 = 50;
/// Where the host kills itself, and how often at most it passes there in one life.
const POINTS: [(&str, u64); 4] = [
    ("after-append", 15),
    ("after-fsync", 15),
    ("mid-commit", 2),
    ("after-vendor-accepted", 3),
];

/// What is left at the end.
#[derive(Debug, PartialEq)]
struct End {
    /// By profile: what a lookup shows, without what differs between runs.
    profiles: BTreeMap<String, Value>,
    /// By segment: how many are in it.
    segments: BTreeMap<String, i64>,
    effects: Vec<String>,
}

#[test]
fn kills_under_load_lose_nothing_that_was_answered() {
    let rounds = number("CROSSPOINT_CRASH_ROUNDS", ROUNDS);
    let seed = number("CROSSPOINT_CRASH_SEED", 1);
    let plan = Plan::draw(&mut Dice::part(seed, 1), rounds * (MOST_ANSWERED + 10));

    let whole = World::new();
    let (_, expected) = run(&whole, &plan, 0, &mut Dice::new(seed));
    assert!(
        expected.effects.len() as u64 >= rounds,
        "too little happens: {}",
        expected.effects.len()
    );

    let world = World::new();
    let (told, end) = run(&world, &plan, rounds, &mut Dice::part(seed, 2));
    for (who, expected) in plan.events() {
        let seen = &end.profiles[&who]["events"];
        let ids = seen
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["id"].as_str().unwrap());
        let mut ids: Vec<_> = ids.map(str::to_owned).collect();
        ids.sort_unstable();
        assert_eq!(&ids, expected, "seed {seed}: {who}");
    }
    assert_eq!(end, expected, "seed {seed}");
    println!("{told}");
}

/// Where the next host kills itself, half of the time, if it is to die at all.
fn failpoint(dice: &mut Dice, dies: bool) -> String {
    if !dies || dice.once_in(2) {
        return String::new();
    }
    let (point, most) = *dice.of(&POINTS);
    format!("{point}:{}", 1 + dice.roll(most))
}

/// Sends the whole plan while the host is killed so often.
fn run(world: &World, plan: &Plan, rounds: u64, dice: &mut Dice) -> (String, End) {
    let clients = Clients::default();
    let (mut killed, mut at_points) = (0, 0);
    let host = std::thread::scope(|scope| {
        let mut host = world.start("");
        clients.host_is(host.doors().http, rounds == 0);
        for sends in &plan.clients {
            scope.spawn(|| clients.send_all(sends));
        }
        let _rescue = Rescue(&clients);
        while killed < rounds {
            match clients.wait(1 + dice.roll(MOST_ANSWERED), || host.ended().is_some()) {
                Seen::Dead => at_points += 1,
                Seen::Answered => {}
                Seen::Done => panic!("a client failed, or there is nothing left to send"),
            }
            host.kill();
            killed += 1;
            host = loop {
                match world.try_start(&failpoint(dice, killed < rounds)) {
                    Some(host) => break host,
                    // It died while it opened.
                    None => {
                        killed += 1;
                        at_points += 1;
                    }
                }
            };
            clients.host_is(host.doors().http, killed >= rounds);
        }
        host
    });
    let end = End {
        profiles: world.profiles(&host, plan),
        segments: world.settled(&host),
        effects: world.receiver.contents(),
    };
    let log = host.log();
    assert!(host.stop().success(), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    let options = HostOptions {
        project: world.folder.path().to_owned(),
        data: None,
        edges: false,
    };
    let replayed = crosspoint_runtime::replay(&options, None, true, &|_| {}).unwrap();
    assert_eq!(replayed.equal, Some(true), "{replayed:?}");
    let again = world
        .receiver
        .effects()
        .values()
        .filter(|effect| effect.times > 1)
        .count();
    let told = format!(
        "{killed} kills under load, {at_points} of them at named points: {} requests with {} messages \
         answered, of them {} asked again; {} deliveries, of them {again} repeated under their key",
        plan.requests(),
        plan.messages(),
        clients.repeated(),
        end.effects.len(),
    );
    (told, end)
}
