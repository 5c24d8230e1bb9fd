//! Computed traits of a declared type.

use crosspoint_model::time::DAY_MS;
use crosspoint_model::{Instant, Value};

use super::faults::told;
use super::world::{World, put_fact};
use crate::TraitType;

const NOW: i64 = 1_795_176_000_000;

#[test]
fn a_computed_trait_is_what_it_is_declared_to_be() {
    let world = World::default();
    let typed = |computed: &[(&str, TraitType, &str)]| world.compile_typed(&[], computed);
    let errors = typed(&[
        ("a", TraitType::Int, "orders.avg('total')"),
        ("b", TraitType::Text, "orders.count()"),
        ("c", TraitType::Bool, "  traits.email"),
        ("d", TraitType::Instant, "orders.count() > 1"),
        ("e", TraitType::List, "orders.last('at')"),
        // Only `c` is at fault.
        ("f", TraitType::Text, "traits.c ? 'yes' : 'no'"),
    ]);
    assert_eq!(
        told(&errors.map(|_| ()).unwrap_err()),
        [
            "traits.a:1:1: the trait is declared as integer, but its expression gives decimal; write `type = \"decimal\"`, or `round(...)` around the expression",
            "traits.b:1:1: the trait is declared as text, but its expression gives integer; write `type = \"integer\"`, or `string(...)` around the expression",
            "traits.c:1:3: the trait is declared as boolean, but its expression gives text; write `type = \"text\"`, or leave `type` out",
            "traits.d:1:1: the trait is declared as instant, but its expression gives boolean; write `type = \"boolean\"`, or leave `type` out",
            "traits.e:1:1: the trait is declared as list, but its expression gives instant; write `type = \"instant\"`, or leave `type` out",
        ]
    );
    let fitting = [
        ("a", TraitType::Int, "round(orders.avg('total'))"),
        ("b", TraitType::Text, "string(orders.count())"),
        ("c", TraitType::Decimal, "orders.count()"),
        ("d", TraitType::Instant, "orders.last('when')"),
        ("e", TraitType::Any, "orders.count()"),
        ("f", TraitType::Bool, "null"),
    ];
    if let Err(errors) = typed(&fitting) {
        panic!("{:#?}", told(&errors));
    }
}

#[test]
fn a_declared_type_holds_wherever_the_trait_is_used() {
    let world = World::default();
    let computed = [
        ("many", TraitType::Decimal, "orders.count()"),
        ("few", TraitType::Int, "orders.count()"),
        ("size", TraitType::Int, "orders.last('size')"),
        ("rounded", TraitType::Int, "round(orders.sum('total'))"),
    ];
    // Decimals divide with a fraction, whole numbers do not: the evaluator and the oracle agree.
    let rules = [
        ("halves", "traits.many / 2 == 1.5 && traits.few / 2 == 1"),
        ("rounded", "traits.rounded / 2 == 15"),
        ("sized", "traits.size + 1 == 43"),
    ];
    let set = world.compile_typed(&rules, &computed).unwrap();
    let mut profile = world.profile();
    for id in ["1", "2", "3"] {
        let mut order = world.order(id, NOW - DAY_MS, "10.10", "EUR");
        let size = (world.symbol("size"), Value::text("42"));
        order.properties.push(size);
        put_fact(&mut profile.fragments[0], order);
    }
    set.reevaluate_all(&mut profile, Instant(NOW), &world.view());
    let members: Vec<_> = profile.memberships.iter().map(|it| it.segment).collect();
    assert_eq!(
        set.memberships_batch(&profile, Instant(NOW), &world.view()),
        members
    );
    let of = |name: &str| profile.is_member(world.symbol(name));
    assert!(of("halves") && of("rounded") && of("sized"), "{members:?}");
}
