use crosspoint_model::Identifier;
use crosspoint_model::record::Version;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const NAME: Symbol = Symbol(9);

/// (connector, at, value); the fragment's key follows from its position.
type Said = (u32, i64, Value);

fn profile(said: &[Said]) -> Profile {
    let fragments = said
        .iter()
        .enumerate()
        .map(|(number, (connector, at, value))| {
            let key = Identifier::user_id(&format!("u{number}")).unwrap();
            let mut fragment = Fragment::new("c", Symbol(*connector), key);
            let version = Version {
                updated_at: Instant(*at),
                content: 0,
            };
            fragment.traits.push(FragmentTrait {
                name: NAME,
                value: value.clone(),
                version,
                first: Version {
                    updated_at: Instant(-*at),
                    content: 0,
                },
                first_value: Value::Int(100 + at),
            });
            fragment
        });
    Profile::of_fragments(fragments.collect())
}

fn check(said: &[Said], rule: Survivorship, expected: Option<Value>) {
    let rules = SurvivorshipRules {
        default: rule,
        per_trait: BTreeMap::new(),
    };
    let profile = profile(said);
    assert_eq!(
        trait_value(&profile, NAME, &rules).map(Cow::into_owned),
        expected,
        "{rules:?}"
    );
}

#[test]
fn each_rule_picks_its_value() {
    let decimal = |text: &str| Value::Decimal(text.parse().unwrap());
    let said = [
        (1, 5, Value::Int(3)),
        (2, 7, decimal("1.5")),
        (3, 6, Value::Int(2)),
        (4, 1, Value::Null),
    ];
    check(&said, Survivorship::Newest, Some(decimal("1.5")));
    check(&said, Survivorship::FirstSeen, Some(Value::Int(107)));
    check(&said, Survivorship::Min, Some(decimal("1.5")));
    check(&said, Survivorship::Max, Some(Value::Int(3)));
    check(&said, Survivorship::Sum, Some(decimal("6.5")));
    let priority =
        |order: &[u32]| Survivorship::SourcePriority(order.iter().copied().map(Symbol).collect());
    check(&said, priority(&[4, 3]), Some(Value::Int(2)));
    check(&said, priority(&[]), Some(decimal("1.5")));
}

#[test]
fn a_newest_empty_value_empties_the_trait() {
    let mut said = vec![(1, 5, Value::Int(3)), (2, 7, Value::Null)];
    check(&said, Survivorship::Newest, None);
    check(&said, Survivorship::Max, Some(Value::Int(3)));
    said.remove(0);
    check(&said, Survivorship::Sum, None);
}

#[test]
fn who_only_ever_said_empty_has_no_say() {
    let mut profile = profile(&[(1, 5, Value::Int(3)), (2, 7, Value::Null)]);
    for fragment in &mut profile.fragments {
        if fragment.connector == Symbol(2) {
            fragment.traits[0].first_value = Value::Null;
        }
    }
    let value = trait_value(&profile, NAME, &SurvivorshipRules::default());
    assert_eq!(value.as_deref(), Some(&Value::Int(3)));
}

#[test]
fn a_sum_that_does_not_fit_whole_numbers_becomes_a_decimal() {
    let said = [
        (1, 1, Value::Int(i64::MAX)),
        (1, 2, Value::Int(1)),
        (1, 3, Value::text("x")),
    ];
    let expected = Value::Decimal("9223372036854775808".parse().unwrap());
    check(&said, Survivorship::Sum, Some(expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn views_ignore_symbol_numbers(
        said in vec((0..3u32, 0..3i64, (0..4i64).prop_map(Value::Int)), 1..6),
        rule in 0..5usize,
    ) {
        let rules = |number: &dyn Fn(u32) -> Symbol| SurvivorshipRules {
            default: [
                Survivorship::Newest,
                Survivorship::SourcePriority(vec![number(2), number(0)]),
                Survivorship::FirstSeen,
                Survivorship::Min,
                Survivorship::Sum,
            ][rule].clone(),
            per_trait: BTreeMap::new(),
        };
        let renumbered: Vec<Said> =
            said.iter().map(|(connector, at, value)| (90 - connector, *at, value.clone())).collect();
        let (one, other) = (profile(&said), profile(&renumbered));
        prop_assert_eq!(
            trait_value(&one, NAME, &rules(&Symbol)),
            trait_value(&other, NAME, &rules(&|number| Symbol(90 - number)))
        );
    }
}
