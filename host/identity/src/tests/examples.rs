use std::collections::BTreeMap;

use crosspoint_model::entry::IdentityDecision;
use crosspoint_model::identifier::IdentifierKind;
use crosspoint_model::profile::{Fragment, Profile};
use crosspoint_model::record::{Body, Event, Record};
use crosspoint_model::state::State;
use crosspoint_model::{FragmentId, Identifier, Instant};
use crosspoint_profile::fragment_key;

use super::play::{Arrival, bring, everybody, groups};
use crate::testing::MemoryState;
use crate::{Guard, Guards, apply_decision, resettle, settle};

fn seen(connector: &'static str, id: &str, identifiers: &[&str]) -> Arrival {
    let record = Record {
        id: id.into(),
        updated_at: Instant(1),
        identifiers: identifiers
            .iter()
            .filter_map(|text| Identifier::parse(text))
            .collect(),
        attributes: Vec::new(),
        body: Body::Event(Event {
            name: "Seen".into(),
            occurred_at: Instant(1),
        }),
    };
    Arrival { connector, record }
}

#[test]
fn an_identifier_that_too_many_carry_lets_go_of_those_it_joined() {
    let guards = Guards {
        max_carriers: 3,
        ..Guards::default()
    };
    let mut state = MemoryState::default();
    let customers = ["shop:1", "shop:2", "shop:3", "shop:4", "shop:5"];
    for (number, customer) in customers.into_iter().enumerate() {
        bring(
            &mut state,
            &guards,
            &seen("shop", customer, &[customer, "phone:+31201234567"]),
        );
        let expected = if number < 3 { 1 } else { number + 1 };
        assert_eq!(state.profiles.len(), expected, "after {customer}");
    }
}

#[test]
fn refusals_are_reported_once() {
    let guards = Guards {
        max_per_kind: BTreeMap::from([(IdentifierKind::UserId, 1)]),
        ..Guards::default()
    };
    let mut state = MemoryState::default();
    let fragment = |state: &mut MemoryState, arrival: &Arrival| {
        let key = fragment_key(arrival.connector, &arrival.record).unwrap();
        let connector = state.intern(arrival.connector);
        let mut fragment = Fragment::new(arrival.connector, connector, key);
        fragment.identifiers = arrival.record.identifiers.clone();
        fragment.identifiers.sort();
        let (id, identifiers) = (fragment.id, fragment.identifiers.clone());
        state
            .put_profile(Box::new(Profile::alone(fragment)))
            .unwrap();
        settle(state, &guards, id, &identifiers).unwrap().refused
    };
    let email = "email:family@home.example";
    assert_eq!(
        fragment(&mut state, &seen("site", "1", &["user-id:a", email])),
        []
    );
    let refused = fragment(&mut state, &seen("site", "2", &["user-id:b", email]));
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].guard, Guard::Kind(IdentifierKind::UserId));
    assert_eq!(refused[0].identifier, Identifier::parse(email));
    assert_eq!(
        fragment(&mut state, &seen("site", "3", &["cookie:c", email])),
        []
    );
    assert_eq!(state.profiles.len(), 2);
    let third = fragment(&mut state, &seen("site", "6", &["user-id:f", email]));
    assert!(!third.is_empty(), "another person is another refusal");
    assert_eq!(state.profiles.len(), 3);

    let placeholder = "email:noreply@shop.example";
    assert_eq!(
        fragment(&mut state, &seen("site", "4", &["user-id:d", placeholder])),
        []
    );
    let refused = fragment(&mut state, &seen("site", "5", &["user-id:e", placeholder]));
    assert_eq!(refused[0].guard, Guard::Blocked);
}

#[test]
fn a_vendor_id_joins_the_fragment_that_it_names() {
    let guards = Guards::default();
    let (shop, crm) = (
        seen("shop", "1", &["shop:7"]),
        seen("crm", "2", &["crm:1", "shop:7"]),
    );
    for arrivals in [[&shop, &crm], [&crm, &shop]] {
        let mut state = MemoryState::default();
        arrivals
            .into_iter()
            .for_each(|arrival| bring(&mut state, &guards, arrival));
        assert_eq!(state.profiles.len(), 1);
    }
}

#[test]
fn too_much_to_look_at_is_left_as_it_is() {
    let guards = Guards {
        max_component: 2,
        ..Guards::default()
    };
    let mut state = MemoryState::default();
    for customer in ["shop:1", "shop:2", "shop:3", "shop:4"] {
        bring(
            &mut state,
            &guards,
            &seen("shop", customer, &[customer, "email:a@a.example"]),
        );
    }
    assert_eq!(everybody(&state).len(), 4);
    assert_eq!(state.profiles.len(), 3);
}

#[test]
fn a_merge_takes_back_an_earlier_unmerge() {
    let guards = Guards::default();
    let mut state = MemoryState::default();
    for customer in ["shop:1", "shop:2", "shop:3"] {
        bring(
            &mut state,
            &guards,
            &seen("shop", customer, &[customer, "email:a@a.example"]),
        );
    }
    let before = state.people();
    let ids: Vec<_> = everybody(&state).into_iter().collect();
    let unmerge = IdentityDecision::Unmerge {
        fragments: vec![ids[1]],
        from: vec![ids[0], ids[2]],
    };
    apply_decision(&mut state, &guards, &unmerge).unwrap();
    assert_eq!(groups(&state), [vec![ids[0], ids[2]], vec![ids[1]]]);
    apply_decision(
        &mut state,
        &guards,
        &IdentityDecision::Merge(ids[1], ids[2]),
    )
    .unwrap();
    assert_eq!(state.people(), before);
}

#[test]
fn a_newly_blocked_identifier_lets_go_of_those_it_joined() {
    let mut guards = Guards::default();
    let mut state = MemoryState::default();
    for customer in ["shop:1", "shop:2"] {
        bring(
            &mut state,
            &guards,
            &seen("shop", customer, &[customer, "email:till@a.example"]),
        );
    }
    assert_eq!(state.profiles.len(), 1);
    guards.blocked.extend(Identifier::email("till@a.example"));
    let id = *state.profiles.keys().next().unwrap();
    let settled = resettle(&mut state, &guards, id).unwrap();
    assert_eq!((settled.retired.len(), settled.formed.len()), (1, 2));
    assert_eq!(state.profiles.len(), 2);
}

#[test]
fn who_is_taken_apart_stays_together_though_only_the_rest_joined_them() {
    let guards = Guards::default();
    let mut state = MemoryState::default();
    let (email, phone) = ("email:a@a.example", "phone:+31201234567");
    bring(&mut state, &guards, &seen("shop", "1", &["shop:1", email]));
    bring(
        &mut state,
        &guards,
        &seen("shop", "2", &["shop:2", email, phone]),
    );
    bring(&mut state, &guards, &seen("shop", "3", &["shop:3", phone]));
    let named = |id| FragmentId::of("shop", &Identifier::parse(id).unwrap());
    let mut fragments = vec![named("shop:1"), named("shop:3")];
    fragments.sort();
    let from = vec![named("shop:2")];
    let unmerge = IdentityDecision::Unmerge {
        fragments: fragments.clone(),
        from: from.clone(),
    };
    apply_decision(&mut state, &guards, &unmerge).unwrap();
    let mut expected = vec![fragments, from];
    expected.sort();
    assert_eq!(groups(&state), expected);
}

#[test]
fn a_shared_device_joins_nobody() {
    let guards = Guards::default();
    let device = "anonymous-id:tablet";
    let before_login = seen("site", "1", &[device]);
    let one = seen("site", "2", &["user-id:a", device]);
    let other = seen("site", "3", &["user-id:b", device]);
    let again = seen("site", "4", &["user-id:a", "email:a@example.org"]);
    let arrivals = [&before_login, &one, &other, &again];
    for order in [[0, 1, 2, 3], [2, 3, 0, 1], [3, 2, 1, 0], [1, 0, 3, 2]] {
        let mut state = MemoryState::default();
        for at in order {
            bring(&mut state, &guards, arrivals[at]);
        }
        assert_eq!(state.profiles.len(), 3, "{order:?}");
    }
    let mut state = MemoryState::default();
    bring(&mut state, &guards, &before_login);
    bring(&mut state, &guards, &one);
    assert_eq!(
        state.profiles.len(),
        1,
        "one login on a device is its owner"
    );
    let email = "email:both@example.org";
    let same_person = [
        seen("site", "5", &["user-id:a", email]),
        seen("site", "6", &["user-id:b", email]),
    ];
    bring(&mut state, &guards, &other);
    same_person
        .iter()
        .for_each(|arrival| bring(&mut state, &guards, arrival));
    assert_eq!(state.profiles.len(), 1, "two logins of one person");
}
