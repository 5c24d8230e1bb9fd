//! The tables that stand once: `project`, `store`, `ledger`, `identity`.

use std::collections::BTreeMap;

use crosspoint_model::Identifier;
use crosspoint_model::identifier::IdentifierKind;
use smol_str::SmolStr;

use crate::draft::{Draft, Noun};
use crate::error::Code;
use crate::name::{bad_name, is_name};
use crate::project::{Clock, Identity, Ledger, Store};
use crate::table::{Table, Text};

/// Words for kinds in `identity.limits`.
const KINDS: [(&str, IdentifierKind); 6] = [
    ("vendor", IdentifierKind::Vendor),
    ("user-id", IdentifierKind::UserId),
    ("email", IdentifierKind::Email),
    ("phone", IdentifierKind::Phone),
    ("anonymous-id", IdentifierKind::AnonymousId),
    ("cookie", IdentifierKind::Cookie),
];

/// Most that a guard may be set to: the component that identity looks at is capped there.
const MAX_GUARD: u32 = 10_000;

pub(super) fn read(root: &Table<'_>, draft: &mut Draft<'_>) {
    root.require(
        "project",
        "begin the file with `[project]` and `name = \"my-shop\"`",
    );
    if let Some(table) = root.table("project") {
        table.require(
            "name",
            "write `name = \"my-shop\"`; it is part of every delivery's key",
        );
        if let Some(name) = table.text("name") {
            if !is_name(name.text) {
                bad_name("a project", &name, &table);
            }
            draft.project.name = SmolStr::new(name.text);
        }
        let clocks = [("system", Clock::System), ("data", Clock::Data)];
        draft.project.clock = table.word("clock", &clocks).unwrap_or_default();
        table.finish();
    }
    if let Some(table) = root.table("store") {
        let default = Store::default();
        draft.project.store = Store {
            cache_bytes: table.size_bytes("cache").unwrap_or(default.cache_bytes),
            checkpoint_every_ms: table
                .span_ms("checkpoint_every")
                .unwrap_or(default.checkpoint_every_ms),
        };
        table.finish();
    }
    if let Some(table) = root.table("ledger") {
        draft.project.ledger = Ledger {
            keep_ms: table.span_ms("keep"),
            file_bytes: table
                .size_bytes("file")
                .unwrap_or(Ledger::default().file_bytes),
        };
        table.finish();
    }
    if let Some(table) = root.table("identity") {
        draft.project.identity = identity(&table, draft);
        table.finish();
    }
}

fn identity(table: &Table<'_>, draft: &mut Draft<'_>) -> Identity {
    let mut blocked: Vec<Identifier> = Vec::new();
    for text in table.texts("blocked") {
        match Identifier::parse(text.text) {
            Some(identifier) => {
                if let Identifier::Vendor { system, .. } = &identifier {
                    let system = Text {
                        text: system,
                        at: text.at,
                    };
                    draft.refer(Noun::Connector, &system, "`blocked` of `identity`");
                }
                blocked.push(identifier);
            }
            None => {
                let message = format!("`{}` is not an identifier", text.text);
                let hint = "write its kind first, as in `email:none@none.com`".to_owned();
                table.report(Code::BadForm, text.at, message, Some(hint));
            }
        }
    }
    blocked.sort();
    blocked.dedup();
    Identity {
        blocked,
        max_fragments: table.integer("max_fragments", 1..=MAX_GUARD),
        max_carriers: table.integer("max_carriers", 1..=MAX_GUARD),
        limits: limits(table),
    }
}

fn limits(table: &Table<'_>) -> BTreeMap<IdentifierKind, u32> {
    let Some(table) = table.table("limits") else {
        return BTreeMap::new();
    };
    let limits = KINDS
        .iter()
        .filter_map(|(word, kind)| Some((*kind, table.integer(word, 1..=MAX_GUARD)?)))
        .collect();
    table.finish();
    limits
}
