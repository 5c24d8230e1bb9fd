use std::collections::BTreeSet;

use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{Body, Error, Source};
use proptest::prelude::*;

use super::graph::Graph;
use super::{budget, configured};
use crate::MetaLeads;

const START: i64 = 1_770_000_000;

/// Reads until caught up; with `restart` every call is made twice and its first answer lost.
fn read_all(
    test: &TestContext,
    stream: &str,
    cursor: &mut Option<Vec<u8>>,
    records: u32,
    restart: bool,
) -> Vec<crosspoint_sdk::Record> {
    let settings = configured(json!({}));
    let ctx = test.context();
    let mut found = Vec::new();
    for _ in 0..2_000 {
        let read = |cursor: &Option<Vec<u8>>| {
            MetaLeads::read(&ctx, &settings, stream, cursor.as_deref(), budget(records)).unwrap()
        };
        if restart {
            read(cursor);
        }
        let page = read(cursor);
        assert!(page.records.len() <= records as usize);
        assert!(
            !page.more || Some(&page.next_cursor) != cursor.as_ref(),
            "the cursor moves"
        );
        found.extend(page.records);
        *cursor = Some(page.next_cursor);
        if !page.more {
            return found;
        }
    }
    panic!("never caught up");
}

#[test]
fn a_lead_that_comes_to_a_form_already_read_is_found_next_time() {
    for now in [None, Some("Mon, 02 Feb 2026 02:40:00 GMT")] {
        let graph = Graph::default();
        {
            let mut state = graph.0.borrow_mut();
            state.now = now;
            state.forms.insert(1, vec![(1, START - 400_000)]);
            state.forms.insert(2, vec![(2, START - 400_000)]);
            // While form 2 is read, form 1 gets a lead, and form 2 one that is days newer.
            state.meanwhile = Some(Box::new(|request, forms| {
                if request == 3 {
                    forms.get_mut(&1).unwrap().push((3, START + 1));
                    forms.get_mut(&2).unwrap().push((4, START + 300_000));
                }
            }));
        }
        let test = graph.context();
        let mut cursor = None;
        let mut ids: BTreeSet<_> = BTreeSet::new();
        for _ in 0..2 {
            ids.extend(
                read_all(&test, "leads", &mut cursor, 50, false)
                    .into_iter()
                    .map(|it| it.id),
            );
        }
        assert_eq!(
            ids,
            ["1", "2", "3", "4"].map(str::to_owned).into(),
            "{now:?}"
        );
        assert_eq!(
            read_all(&test, "leads", &mut cursor, 50, false),
            [],
            "nothing twice"
        );
    }
}

#[test]
fn cursors_hold_no_token() {
    let graph = Graph::default();
    graph
        .0
        .borrow_mut()
        .forms
        .insert(1, (0..30).map(|at| (at, START)).collect());
    let settings = configured(json!({}));
    let page = MetaLeads::read(
        &graph.context().context(),
        &settings,
        "leads",
        None,
        budget(7),
    );
    let page = page.unwrap();
    assert!(page.more);
    assert!(
        !String::from_utf8(page.next_cursor)
            .unwrap()
            .contains("token")
    );
}

#[test]
fn consents_are_read_like_leads() {
    let graph = Graph::default();
    graph
        .0
        .borrow_mut()
        .forms
        .insert(1, (0..9).map(|at| (at, START)).collect());
    let test = graph.context();
    for records in [1, 4] {
        let mut cursor = None;
        let found = read_all(&test, "consents", &mut cursor, records, true);
        assert_eq!(found.len(), 27, "three boxes each");
        assert!(found.iter().all(|it| matches!(it.body, Body::Consent(_))));
        assert_eq!(read_all(&test, "consents", &mut cursor, records, true), []);
    }
}

#[test]
fn forms_are_handed_over_once_unless_they_change() {
    let graph = Graph::default();
    for form in [9, 10, 100] {
        graph.0.borrow_mut().forms.insert(form, Vec::new());
    }
    let test = graph.context();
    let mut cursor = None;
    let ids: Vec<_> = read_all(&test, "forms", &mut cursor, 2, true)
        .into_iter()
        .map(|it| it.id)
        .collect();
    assert_eq!(ids, ["9", "10", "100"]);
    assert_eq!(read_all(&test, "forms", &mut cursor, 2, true), []);
}

#[test]
fn cursors_that_are_not_ours_start_over() {
    let ctx = TestContext::default().context();
    let good = String::from_utf8(crate::cursor::Cursor::default().encode().unwrap()).unwrap();
    for text in [
        "",
        "{}",
        "?",
        "null",
        &good.replace("\"v\":1", "\"v\":2"),
        &good.replace("\"form\":\"\"", "\"form\":\"../me\""),
        &good.replace("\"since\":null", "\"since\":99999999999999999"),
    ] {
        let page = MetaLeads::read(
            &ctx,
            &configured(json!({})),
            "leads",
            Some(text.as_bytes()),
            budget(1),
        );
        assert!(
            matches!(page, Err(Error::CursorExpired(_))),
            "{text}: {page:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_resumption_yields_every_lead(
        leads in prop::collection::vec((1u64..4, 0i64..5), 0..50), records in 1u32..20,
        restart: bool, split in 0usize..50, has_empty_pages: bool, at in 1usize..12,
    ) {
        let graph = Graph::default();
        let mut later = Vec::new();
        for form in 1..4 {
            graph.0.borrow_mut().forms.insert(form, Vec::new());
        }
        for (number, (form, second)) in leads.iter().enumerate() {
            let lead = (number as u64 + 1, START + second);
            if number < split {
                graph.0.borrow_mut().forms.get_mut(form).unwrap().push(lead);
            } else {
                later.push((*form, lead));
            }
        }
        graph.0.borrow_mut().has_empty_pages = has_empty_pages;
        let mut waiting = Some(later.clone());
        graph.0.borrow_mut().meanwhile = Some(Box::new(move |request, forms| {
            if request >= at {
                for (form, lead) in waiting.take().into_iter().flatten() {
                    forms.get_mut(&form).unwrap().push(lead);
                }
            }
        }));
        let test = graph.context();
        let mut cursor = None;
        let mut found = Vec::new();
        // Sweeps until the later leads are there, and two more.
        let mut left = 2;
        while left > 0 {
            left -= usize::from(graph.0.borrow().requests >= at);
            found.extend(read_all(&test, "leads", &mut cursor, records, restart));
        }
        let mut ids: Vec<u64> = found.into_iter().map(|it| it.id.parse().unwrap()).collect();
        ids.sort();
        prop_assert_eq!(ids, (1..=leads.len() as u64).collect::<Vec<_>>(), "every lead once");
    }
}
