use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::FragmentId;
use crosspoint_model::entry::IdentityDecision;
use crosspoint_model::state::Carriers;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{Guards, apply_decision, partition, resettle};

mod draw;
mod examples;
mod play;

use draw::{arrivals, guards, identifiers, nodes, shuffled_arrivals, steps};
use play::{everybody, follow, groups, partition_at_once, play, play_all, search_carriers};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_order_and_repetition_give_the_same_profiles(
        (arrivals, shuffled) in shuffled_arrivals(),
        guards in guards(),
    ) {
        let (one, other) = (play_all(&guards, &arrivals), play_all(&guards, &shuffled));
        prop_assert_eq!(one.people(), other.people());
        prop_assert_eq!(&one.carriers, &other.carriers);
        prop_assert_eq!(groups(&one), partition_at_once(&one, &guards));
    }

    #[test]
    fn decisions_and_records_in_any_mixture_are_settled_as_at_once(
        steps in vec(steps(), 1..24),
        guards in guards(),
    ) {
        let state = play(&guards, &steps);
        prop_assert_eq!(groups(&state), partition_at_once(&state, &guards));
    }

    #[test]
    fn changed_guards_hold_once_every_profile_is_settled_again(
        steps in vec(steps(), 1..24),
        (before, after) in (guards(), guards()),
    ) {
        let after = Guards { max_carriers: before.max_carriers, ..after };
        let mut state = play(&before, &steps);
        let all = everybody(&state);
        for id in state.profiles.keys().copied().collect::<Vec<_>>() {
            let settled = resettle(&mut state, &after, id).unwrap();
            follow(&mut state, &all, settled);
        }
        prop_assert_eq!(groups(&state), partition_at_once(&state, &after));
    }

    #[test]
    fn carriers_equal_a_search_through_all_fragments(
        steps in vec(steps(), 1..24),
        guards in guards(),
    ) {
        let state = play(&guards, &steps);
        let listed = |mut fragments: Vec<FragmentId>| {
            fragments.truncate(guards.max_carriers + 1);
            Carriers { fragments }
        };
        let expected: BTreeMap<_, _> = search_carriers(&state)
            .into_iter()
            .map(|(identifier, fragments)| (identifier, listed(fragments)))
            .collect();
        prop_assert_eq!(state.carriers, expected);
    }

    #[test]
    fn merge_then_unmerge_restores_both(
        arrivals in vec(arrivals(), 2..14),
        (one, other) in any::<(Index, Index)>(),
        guards in guards(),
    ) {
        let mut state = play_all(&guards, &arrivals);
        let before = state.people();
        let ids: Vec<_> = state.profiles.keys().copied().collect();
        let (one, other) = (*one.get(&ids), *other.get(&ids));
        prop_assume!(one != other);
        let parts = |id| -> Vec<_> {
            state.profiles[&id].fragments.iter().map(|part| part.id).collect()
        };
        let (fragments, from) = (parts(one), parts(other));
        let merge = IdentityDecision::Merge(one.fragment(), other.fragment());
        apply_decision(&mut state, &guards, &merge).unwrap();
        prop_assert_eq!(state.holders[&one.fragment()], state.holders[&other.fragment()]);

        let unmerge = IdentityDecision::Unmerge { fragments, from };
        apply_decision(&mut state, &guards, &unmerge).unwrap();
        prop_assert_eq!(state.people(), before);
    }

    #[test]
    fn partition_does_not_depend_on_the_order_of_fragments(
        (nodes, shuffled) in vec((vec(identifiers(), 0..4), vec(0..10u8, 0..2), 0..4u8), 1..10)
            .prop_map(nodes)
            .prop_flat_map(|nodes| (Just(nodes.clone()), Just(nodes).prop_shuffle())),
        guards in guards(),
    ) {
        let whole = partition(&nodes, &guards);
        prop_assert_eq!(&whole, &partition(&shuffled, &guards));
        let all: BTreeSet<_> = whole.groups.iter().flatten().collect();
        prop_assert_eq!(all.len(), nodes.len());
        for group in &whole.groups {
            prop_assert!(group.is_sorted());
            for node in nodes.iter().filter(|node| group.contains(&node.id)) {
                prop_assert!(node.constraints.apart.iter().all(|other| !group.contains(other)));
            }
        }
    }
}
