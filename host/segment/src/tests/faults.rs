//! Every fault is found at load, and told so that a person can put it right.

use proptest::prelude::*;

use super::world::World;
use crate::RuleError;

pub(super) fn told(errors: &[RuleError]) -> Vec<String> {
    let told = errors.iter().map(|error| match &error.hint {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    });
    told.collect()
}

fn check(rule: &str, expected: &[&str]) {
    let errors = World::default()
        .compile(&[("vip", rule)])
        .map(|_| ())
        .unwrap_err();
    assert_eq!(told(&errors), expected, "{rule}");
    for error in &errors {
        assert!(
            rule.get(error.span.clone()).is_some(),
            "{rule}: {:?}",
            error.span
        );
    }
}

#[test]
fn faults_have_place_and_hint() {
    for (rule, expected) in [
        // names
        (
            "has(traits.emial)",
            "vip:1:12: unknown trait `emial`; did you mean `email`?",
        ),
        (
            "traits['emial'] == 'x'",
            "vip:1:8: unknown trait `emial`; did you mean `email`?",
        ),
        (
            "traits.shoe_size > 40",
            "vip:1:8: unknown trait `shoe_size`",
        ),
        (
            "trait.email == 'x'",
            "vip:1:1: unknown name `trait`; did you mean `traits`?",
        ),
        (
            "email == 'x'",
            "vip:1:1: unknown name `email`; did you mean `traits.email`?",
        ),
        (
            "order.count() > 1",
            "vip:1:1: unknown name `order`; did you mean `orders`?",
        ),
        (
            "events('Product Veiwed').exists()",
            "vip:1:8: unknown event `Product Veiwed`; did you mean `Product Viewed`?",
        ),
        (
            "engagements('open').exists()",
            "vip:1:13: unknown engagement `open`",
        ),
        (
            "engagements('opend').exists()",
            "vip:1:13: unknown engagement `opend`; did you mean `opened`?",
        ),
        (
            "in_segment('vp')",
            "vip:1:12: unknown segment `vp`; did you mean `vip`?",
        ),
        (
            "consnt('ads')",
            "vip:1:1: unknown function `consnt`; did you mean `consent`?",
        ),
        (
            "traits.email.startWith('a')",
            "vip:1:14: unknown function `startWith`; did you mean `startsWith`?",
        ),
        (
            "orders.cuont() > 1",
            "vip:1:8: collections have no `cuont`; did you mean `count`?",
        ),
        (
            "orders.withn('3d').count() > 1",
            "vip:1:8: collections have no `withn`; did you mean `within`?",
        ),
        (
            "products.distinct('skuu') > 1",
            "vip:1:19: a position has no field `skuu`; did you mean `sku`?",
        ),
        // types
        (
            "traits.email > 5",
            "vip:1:14: cannot compare text with a number",
        ),
        (
            "traits.joined > '2026-01-01'",
            "vip:1:15: cannot compare an instant with text; write an instant as `timestamp('2026-01-31')`",
        ),
        (
            "traits.visits == true",
            "vip:1:15: cannot compare a number with true or false",
        ),
        (
            "traits.flag < true",
            "vip:1:13: `<` does not order true or false",
        ),
        (
            "traits.visits && true",
            "vip:1:1: expected true or false, found a number",
        ),
        (
            "!traits.email",
            "vip:1:2: expected true or false, found text",
        ),
        (
            "traits.email + 1 == 2",
            "vip:1:14: `+` does not work on text and a number",
        ),
        (
            "now + now > now",
            "vip:1:5: `+` does not work on an instant and an instant",
        ),
        (
            "traits.tags == 'a'",
            "vip:1:13: cannot compare a list with text; look into a list with `in`",
        ),
        (
            "traits.email in traits.city",
            "vip:1:17: expected a list, found text",
        ),
        (
            "traits.visits in [1, 'a']",
            "vip:1:22: cannot compare a number with text",
        ),
        (
            "orders.sum('currency') > 1",
            "vip:1:12: `sum` needs numbers; this is text",
        ),
        (
            "orders.where(o, o.total).exists()",
            "vip:1:17: expected true or false, found a number",
        ),
        (
            "orders.within('30').exists()",
            "vip:1:15: `30` is not a span; expected numbers with ms, s, m, h, d or w, such as `90d` or `1h30m`",
        ),
        (
            "traits.joined > timestamp('soon')",
            "vip:1:27: `soon` is not an instant; expected RFC 3339 such as `2026-11-03T09:15:00Z`, or a date",
        ),
        (
            "traits.email.matches('(')",
            "vip:1:22: the pattern is no regular expression; error: unclosed group",
        ),
        (
            "true ? 1 : 'a'",
            "vip:1:12: both results must be of one type: a number or text",
        ),
        (
            "traits.visits.getHours() > 1",
            "vip:1:1: `getHours` does not work on a number",
        ),
        // use of collections
        (
            "orders",
            "vip:1:1: `orders` is a collection; ask something of it, as in `orders.count()`",
        ),
        (
            "orders.within('3d')",
            "vip:1:8: a collection is no value; end it with a question, as in `.count()` or `.exists()`",
        ),
        (
            "events('Searched') && true",
            "vip:1:1: a collection is no value; end it with a question, as in `.count()` or `.exists()`",
        ),
        (
            "orders.count().exists()",
            "vip:1:16: unknown function `exists`",
        ),
        (
            "orders.where(o.total > 5).exists()",
            "vip:1:8: `where` takes a name for the fact and a condition; as in `.where(o, o.total > 50)`",
        ),
        (
            "orders.where(now, true).exists()",
            "vip:1:14: `now` has a meaning already; take another name, such as `o`",
        ),
        (
            "orders.exists(o, o.total > 5)",
            "vip:1:14: the macros of CEL are not part of this language; filter facts with `.where(o, ...)` and test with `.exists()` without arguments",
        ),
        (
            "orders.where(o, o).exists()",
            "vip:1:17: `o` is a whole fact; name one of its fields, as in `o.at`",
        ),
        // syntax
        ("", "vip:1:1: the rule is empty"),
        ("traits.visits > ", "vip:1:17: the rule ends too early"),
        (
            "traits.visits = 1",
            "vip:1:15: cannot read `=`; `==` compares",
        ),
        (
            "traits.flag & true",
            "vip:1:13: cannot read `&`; `&&` is and",
        ),
        (
            "traits.city == 'x",
            "vip:1:16: cannot read `'x`; close the text with the same quote",
        ),
        ("traits.flag true", "vip:1:13: unexpected `true`"),
        (
            "has(traits['odd name'])",
            "vip:1:11: `has` takes a field, as in `has(traits.email)`; write `traits['name'] != null` for a name that is no identifier",
        ),
        (
            "traits.visits > 99999999999999999999",
            "vip:1:17: invalid int literal",
        ),
    ] {
        check(rule, &[expected]);
    }
}

#[test]
fn places_count_lines_and_characters() {
    check(
        "traits.city == 'Zürich' &&\n  traits.city == 'Köln' && traits.ctiy == 'x'",
        &["vip:2:35: unknown trait `ctiy`; did you mean `city`?"],
    );
}

#[test]
fn all_faults_are_told_at_once() {
    check(
        "traits.emial == 'x' && orders.count() > 'y'",
        &[
            "vip:1:8: unknown trait `emial`; did you mean `email`?",
            "vip:1:39: cannot compare a number with text",
        ],
    );
    let rules = [("a", "traits.nope"), ("b", "now"), ("c", "true")];
    let errors = World::default().compile(&rules).map(|_| ()).unwrap_err();
    assert_eq!(
        told(&errors),
        [
            "a:1:8: unknown trait `nope`",
            "b:1:1: expected true or false, found an instant"
        ]
    );
}

#[test]
fn segments_that_need_one_another_are_refused() {
    let rules = [
        ("a", "traits.flag"),
        ("b", "in_segment('a') && in_segment('d')"),
        ("c", "in_segment('b')"),
        ("d", "!in_segment('c')"),
    ];
    let errors = World::default().compile(&rules).map(|_| ()).unwrap_err();
    assert_eq!(
        told(&errors),
        ["c:1:12: segments need one another: b -> d -> c -> b"]
    );
    let computed = [("chosen", "'x' != 'y' && in_segment('a')")];
    let rules = [("a", "traits.chosen")];
    let errors = World::default()
        .compile_with(&rules, &computed)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(told(&errors), ["a:1:8: segments need one another: a -> a"]);
    check(
        "in_segment('vip')",
        &["vip:1:12: segments need one another: vip -> vip"],
    );
}

#[test]
fn faults_of_computed_traits_are_told_once() {
    let computed = [
        ("loop_a", "traits.loop_b + 1"),
        ("loop_b", "traits.loop_a + 1"),
        ("broken", "traits.emial"),
        ("age", "now - traits.joined"),
    ];
    let rules = [(
        "vip",
        "traits.broken == 'x' && traits.loop_a > 2 && traits.flag",
    )];
    let errors = World::default()
        .compile_with(&rules, &computed)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        told(&errors),
        [
            "traits.loop_a:1:8: the computed trait `loop_a` needs itself: loop_a -> loop_b -> loop_a",
            "traits.loop_b:1:8: the computed trait `loop_b` needs itself: loop_b -> loop_a -> loop_b",
            "traits.broken:1:8: unknown trait `emial`; did you mean `email`?",
            "traits.age:1:1: a duration is no value for a field; count it with `.getHours()`, or `days_since(...)`",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_compiler_panic(words in prop::collection::vec(0..WORDS.len(), 0..12)) {
        let text: String = words.into_iter().map(|word| WORDS[word]).collect();
        let world = World::default();
        if let Err(errors) = world.compile(&[("vip", &text)]) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(text.get(error.span.clone()).is_some(), "{} {:?}", text, error);
            }
        }
    }
}

const WORDS: [&str; 44] = [
    "orders",
    "traits",
    ".",
    "email",
    "(",
    ")",
    "[",
    "]",
    "'a'",
    "'ü",
    "\"",
    "\\",
    "1",
    "2.5",
    "-",
    "+",
    "&&",
    "||",
    "!",
    "==",
    "in",
    "?",
    ":",
    ",",
    " ",
    "\n",
    "o",
    "where(o, ",
    "count()",
    "within('3d')",
    "has(",
    "now",
    "null",
    "true",
    "{",
    "}",
    "b'x'",
    "r'\\d'",
    "`",
    "5u",
    "0x1F",
    "1e400",
    "é",
    "exists(",
];
