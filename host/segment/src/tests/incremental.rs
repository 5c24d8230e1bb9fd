//! What is kept for a profile equals what is computed from scratch.

use crosspoint_model::profile::{FactKind, Profile};
use crosspoint_model::record::{ConsentState, ConsentTopic};
use crosspoint_model::time::HOUR_MS;
use crosspoint_model::{Instant, Symbol, Touched, Value};
use proptest::prelude::*;

use super::generate::{Choices, Scope, condition};
use super::world::{World, decide, line, put_fact, take_fact};
use crate::{RuleSet, View};

const RULES: usize = 8;

fn random_rules(world: &World, c: &mut Choices<'_>) -> (RuleSet, Vec<String>) {
    let mut texts: Vec<(String, String)> = Vec::new();
    for number in 0..RULES {
        let segments = texts.iter().map(|rule| rule.0.clone()).collect();
        let scope = Scope {
            segments,
            orders: Vec::new(),
            events: Vec::new(),
            depth: 3,
        };
        texts.push((format!("s{number}"), condition(c, &scope)));
    }
    // Rules may stand before those they need.
    texts.reverse();
    let rules: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let set = world
        .compile(&rules)
        .unwrap_or_else(|errors| panic!("{rules:#?}\n{errors:#?}"));
    (
        set,
        texts
            .into_iter()
            .map(|(name, text)| format!("{name}: {text}"))
            .collect(),
    )
}

/// Whole hours, give or take a millisecond, so that ends of windows are met exactly.
fn random_instant(c: &mut Choices<'_>, around: i64) -> i64 {
    around + (c.up_to(80) as i64 - 60) * HOUR_MS + [0, 0, 0, 1, -1][c.up_to(5)]
}

struct Run<'a> {
    world: &'a World,
    set: &'a RuleSet,
    rules: &'a [String],
    profile: Profile,
    now: i64,
    firings: usize,
}

impl Run<'_> {
    fn members(&self) -> Vec<Symbol> {
        self.profile
            .memberships
            .iter()
            .map(|membership| membership.segment)
            .collect()
    }

    fn names(&self, segments: &[Symbol]) -> Vec<String> {
        segments
            .iter()
            .map(|segment| self.world.view().name(*segment).to_string())
            .collect()
    }

    fn check(&self, at: i64, when: &str) {
        let expected = self
            .set
            .memberships_batch(&self.profile, Instant(at), &self.world.view());
        let kept = self.members();
        assert!(
            kept == expected,
            "{when} at {}: kept {:?}, computed {:?}\nexpiries {:?}\nrules {:#?}\nprofile {:#?}",
            Instant(at),
            self.names(&kept),
            self.names(&expected),
            self.profile.expiries,
            self.rules,
            self.profile.fragments,
        );
        let mut sorted = self.profile.expiries.clone();
        sorted.sort();
        assert_eq!(sorted, self.profile.expiries);
    }

    fn step(&mut self, touched: &Touched, at: i64) {
        let before = self.members();
        let view = self.world.view();
        let transitions = self
            .set
            .reevaluate(&mut self.profile, touched, Instant(at), &view);
        let after = self.members();
        for transition in &transitions {
            assert_eq!(transition.at, Instant(at));
            assert_eq!(before.contains(&transition.segment), !transition.entered);
            assert_eq!(after.contains(&transition.segment), transition.entered);
        }
        assert_eq!(
            transitions.len(),
            before
                .iter()
                .filter(|segment| !after.contains(segment))
                .count()
                + after
                    .iter()
                    .filter(|segment| !before.contains(segment))
                    .count()
        );
        if let Some(first) = self.profile.expiries.first() {
            assert!(
                first.at.0 > at,
                "an expiry that is not later: {:#?}",
                self.rules
            );
        }
    }

    /// Lets time pass as the step does: every timer at its own instant.
    fn advance(&mut self, c: &mut Choices<'_>, to: i64) {
        while self.now < to {
            let next = self
                .profile
                .expiries
                .first()
                .map_or(to, |expiry| expiry.at.0.min(to));
            let probe = self.now + (next - self.now) * c.up_to(8) as i64 / 8;
            self.check(probe, "between");
            self.check((next - 1).max(self.now), "just before a change");
            self.now = next;
            if self
                .profile
                .expiries
                .first()
                .is_some_and(|expiry| expiry.at.0 <= next)
            {
                self.firings += 1;
                self.step(&Touched::default(), next);
            }
            self.check(next, "after a timer");
        }
    }

    fn change(&mut self, c: &mut Choices<'_>) -> Touched {
        let mut touched = Touched::default();
        let count = self.profile.fragments.len();
        let world = self.world;
        let fragment = &mut self.profile.fragments[c.up_to(count)];
        match c.up_to(12) {
            0 => {
                let values = [
                    Value::Null,
                    Value::Bool(true),
                    Value::Bool(false),
                    Value::text("true"),
                ];
                world.set_trait(fragment, "flag", values[c.up_to(4)].clone());
                touched.touch_trait(world.symbol("flag"));
            }
            1 => {
                let values = [Value::Null, Value::Int(c.up_to(4) as i64), Value::text("2")];
                world.set_trait(fragment, "visits", values[c.up_to(3)].clone());
                touched.touch_trait(world.symbol("visits"));
            }
            2 => {
                let at = random_instant(c, self.now);
                let values = [
                    Value::Null,
                    Value::Instant(Instant(at)),
                    Value::Instant(Instant(at)),
                ];
                world.set_trait(fragment, "joined", values[c.up_to(3)].clone());
                touched.touch_trait(world.symbol("joined"));
            }
            3 => {
                let values = [
                    Value::text("1"),
                    Value::Int(2),
                    Value::text("x"),
                    Value::Bool(true),
                ];
                world.set_trait(fragment, "anything", values[c.up_to(4)].clone());
                touched.touch_trait(world.symbol("anything"));
            }
            4 => {
                let lists = [
                    Value::Null,
                    Value::Json("[\"a\",1]".into()),
                    Value::Json("[]".into()),
                ];
                world.set_trait(fragment, "tags", lists[c.up_to(3)].clone());
                touched.touch_trait(world.symbol("tags"));
            }
            5 => {
                let states = [
                    ConsentState::Granted,
                    ConsentState::Withdrawn,
                    ConsentState::Pending,
                ];
                let topics = [ConsentTopic::EmailMarketing, ConsentTopic::SmsMarketing];
                decide(fragment, topics[c.up_to(2)].clone(), states[c.up_to(3)]);
                touched.consents = true;
            }
            6 => {
                fragment.last_seen = Instant(random_instant(c, self.now));
                touched.seen = true;
            }
            _ => {
                let id = format!("f{}-{}", c.up_to(8), fragment.id);
                let old = take_fact(fragment, &id);
                if let Some(old) = &old {
                    touched.touch_fact(old.kind, old.name);
                }
                if old.is_some() && c.up_to(3) == 0 {
                    return touched;
                }
                let at = random_instant(c, self.now);
                let mut fact = match c.up_to(6) {
                    0..=2 => {
                        let total = c.up_to(4).to_string();
                        let mut order = world.order(&id, at, &total, c.one(&["EUR", "USD"]));
                        order.name = world.symbol(c.one(&["paid", "pending"]));
                        for _ in 0..c.up_to(3) {
                            let sku = c.one(&["a", "b"]);
                            order.lines.push(line(sku, c.up_to(3) as i64, 1));
                        }
                        order
                    }
                    3 => world.fact(FactKind::Event, "Searched", &id, at),
                    4 => world.fact(FactKind::Event, "Signed Up", &id, at),
                    _ => {
                        let name = c.one(&["opened", "clicked"]);
                        world.fact(FactKind::Engagement, name, &id, at)
                    }
                };
                fact.counts = c.up_to(6) > 0;
                if c.up_to(2) == 0 {
                    let notes = [Value::Int(1), Value::text("1"), Value::Instant(Instant(at))];
                    fact.properties
                        .push((world.symbol("note"), notes[c.up_to(3)].clone()));
                }
                touched.touch_fact(fact.kind, fact.name);
                put_fact(fragment, fact);
            }
        }
        touched
    }
}

/// A profile of two fragments with some facts around `now`, some of them still to come.
pub(super) fn random_profile(world: &World, c: &mut Choices<'_>, now: i64) -> Profile {
    let set = world.compile(&[]).expect("no rules have no faults");
    let mut run = Run {
        world,
        set: &set,
        rules: &[],
        profile: Profile::of_fragments(vec![world.fragment(0), world.fragment(1)]),
        now,
        firings: 0,
    };
    for _ in 0..12 {
        run.change(c);
    }
    run.profile
}

fn run(rules: &[u32], histories: &[Vec<u32>]) {
    let world = World::default();
    let mut c = Choices(rules.iter());
    let (set, texts) = random_rules(&world, &mut c);
    for history in histories {
        let mut c = Choices(history.iter());
        let mut profile = world.profile();
        if c.up_to(2) == 0 {
            profile = Profile::of_fragments(vec![world.fragment(0), world.fragment(1)]);
        }
        let now = 10 * 24 * HOUR_MS;
        let mut run = Run {
            world: &world,
            set: &set,
            rules: &texts,
            profile,
            now,
            firings: 0,
        };
        run.step(&Touched::everything(), now);
        run.check(now, "at first");
        for _ in 0..16 {
            match c.up_to(8) {
                0..=2 => {
                    let hours = [1, 2, 3, 24, 100][c.up_to(5)];
                    let to = run.now + hours * HOUR_MS + [0, 0, 1, -1][c.up_to(4)];
                    run.advance(&mut c, to);
                }
                3 => {
                    // The clock jumps: all timers on the way are late.
                    run.now += [1, 30, 1_000][c.up_to(3)] * HOUR_MS;
                    run.step(&Touched::default(), run.now);
                    run.check(run.now, "after a jump");
                }
                4 => {
                    let mut touched = Touched::everything();
                    touched.merge(&run.change(&mut c));
                    run.step(&touched, run.now);
                    run.check(run.now, "after everything");
                }
                _ => {
                    let touched = run.change(&mut c);
                    run.step(&touched, run.now);
                    run.check(run.now, "after a change");
                }
            }
        }
        // Hours tick at most once a hour, days once a day; each rule has a few of those.
        assert!(
            run.firings < 20_000,
            "a storm of timers: {} {:#?}",
            run.firings,
            texts
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_oracle(
        rules in prop::collection::vec(any::<u32>(), 250),
        histories in prop::collection::vec(prop::collection::vec(any::<u32>(), 220), 20),
    ) {
        run(&rules, &histories);
    }
}
