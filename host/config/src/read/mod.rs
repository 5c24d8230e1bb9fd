//! One file of the project into the draft, table by table.

mod connector;
mod files;
mod live;
mod settings;
mod sync;
mod whole;

use crosspoint_model::ConnectorId;
use smol_str::SmolStr;
use toml::de::DeValue;

use crate::draft::{Draft, Noun};
use crate::error::Code;
use crate::name::check_name;
use crate::project::{ProfileTrait, Segment, Survivorship, TraitType};
use crate::rules::is_standard_computed;
use crate::table::{Table, Text};

/// Tables that stand once in a project, in the project file.
const WHOLE_TABLES: [&str; 7] = [
    "project",
    "store",
    "ledger",
    "identity",
    "server",
    "lookups",
    "telemetry",
];

/// Reads a file. `project_file` is whether it is `crosspoint.toml`.
pub(crate) fn file(root: Table<'_>, project_file: bool, draft: &mut Draft<'_>) {
    if project_file {
        whole::read(&root, draft);
        live::whole(&root, draft);
    } else {
        for key in WHOLE_TABLES {
            if root.value(key).is_some() {
                let message = format!("`{key}` belongs into `{}`", crate::PROJECT_FILE);
                root.report(Code::WrongFile, root.key_at(key), message, None);
            }
        }
    }
    traits(&root, draft);
    for (name, table) in root.named_tables(Noun::Connector.table(), Noun::Connector.as_str()) {
        if declare(Noun::Connector, &name, &table, draft) {
            let connector = connector::read(&table);
            draft.project.connectors.insert(name.text.into(), connector);
            table.finish();
        }
    }
    // Tracking sources are connectors to everything that follows, so they share the names.
    for (name, table) in root.named_tables("tracking", "tracking source") {
        if declare(Noun::Connector, &name, &table, draft) {
            let tracking = live::tracking(&table);
            draft
                .project
                .tracking
                .insert(ConnectorId(name.text.into()), tracking);
            table.finish();
        }
    }
    segments(&root, draft);
    for (name, table) in root.named_tables(Noun::Sync.table(), Noun::Sync.as_str()) {
        if declare(Noun::Sync, &name, &table, draft) {
            let sync = sync::read(&table, draft);
            draft.project.syncs.insert(name.text.into(), sync);
            table.finish();
        }
    }
    root.finish();
}

fn declare(noun: Noun, name: &Text<'_>, table: &Table<'_>, draft: &mut Draft<'_>) -> bool {
    check_name(noun, name, table);
    draft.declare(noun, name, table)
}

fn description(table: &Table<'_>) -> Option<SmolStr> {
    table
        .text("description")
        .map(|text| SmolStr::new(text.text))
}

fn traits(root: &Table<'_>, draft: &mut Draft<'_>) {
    for (name, table) in root.named_tables(Noun::Trait.table(), Noun::Trait.as_str()) {
        if declare(Noun::Trait, &name, &table, draft) {
            let declared = profile_trait(&table, draft);
            if declared.compute.is_none() && is_standard_computed(name.text) {
                let message = format!("trait `{}` is computed for every profile", name.text);
                let hint = "choose another name, or replace the computation with `compute`";
                table.report(Code::Contradiction, name.at, message, Some(hint.to_owned()));
            }
            draft.project.traits.insert(name.text.into(), declared);
            table.finish();
        }
    }
}

fn profile_trait(table: &Table<'_>, draft: &mut Draft<'_>) -> ProfileTrait {
    let value_type = table.word(
        "type",
        &[
            ("any", None),
            ("text", Some(TraitType::Text)),
            ("boolean", Some(TraitType::Boolean)),
            ("integer", Some(TraitType::Integer)),
            ("decimal", Some(TraitType::Decimal)),
            ("instant", Some(TraitType::Instant)),
            ("list", Some(TraitType::List)),
        ],
    );
    let value_type = value_type.flatten();
    let survivorship = survivorship(table, draft);
    let compute = table.expression("compute");
    if compute.is_some() && table.has("survivorship") {
        let message = format!("{} has both `compute` and `survivorship`", table.place());
        let hint = "a computed trait has one value: remove `survivorship`".to_owned();
        table.report(
            Code::Contradiction,
            table.key_at("survivorship"),
            message,
            Some(hint),
        );
    }
    let number = matches!(
        value_type,
        None | Some(TraitType::Integer | TraitType::Decimal)
    );
    if survivorship == Survivorship::Sum && !number {
        let message = format!("{} is no number and cannot be a `sum`", table.place());
        let hint = "set `type` to `integer` or `decimal`, or choose another rule".to_owned();
        table.report(
            Code::Contradiction,
            table.key_at("survivorship"),
            message,
            Some(hint),
        );
    }
    ProfileTrait {
        description: description(table),
        value_type,
        survivorship,
        compute,
    }
}

fn survivorship(table: &Table<'_>, draft: &mut Draft<'_>) -> Survivorship {
    const KEY: &str = "survivorship";
    let Some(value) = table.value(KEY) else {
        return Survivorship::default();
    };
    match value.get_ref() {
        DeValue::Table(_) => {
            let Some(inner) = table.table(KEY) else {
                return Survivorship::default();
            };
            inner.require(
                "source-priority",
                "write `{ source-priority = [\"crm\", \"shop\"] }`",
            );
            let connectors = inner.texts("source-priority");
            for connector in &connectors {
                draft.refer(Noun::Connector, connector, table.place());
            }
            inner.finish();
            Survivorship::SourcePriority(connectors.iter().map(|text| text.text.into()).collect())
        }
        DeValue::String(text) => {
            let text = Text {
                text,
                at: Table::start(value),
            };
            let words = [
                ("newest", Survivorship::Newest),
                ("first-seen", Survivorship::FirstSeen),
                ("min", Survivorship::Min),
                ("max", Survivorship::Max),
                ("sum", Survivorship::Sum),
            ];
            if text.text == "source-priority" {
                let message = format!("`source-priority` of {} lacks its order", table.place());
                let hint = "write `survivorship = { source-priority = [\"crm\", \"shop\"] }`";
                table.report(Code::BadForm, text.at, message, Some(hint.to_owned()));
                return Survivorship::default();
            }
            table.word_of(KEY, &text, &words).unwrap_or_default()
        }
        _ => {
            table.wrong_type(KEY, value, "a word or `{ source-priority = [...] }`");
            Survivorship::default()
        }
    }
}

fn segments(root: &Table<'_>, draft: &mut Draft<'_>) {
    for (name, table) in root.named_tables(Noun::Segment.table(), Noun::Segment.as_str()) {
        if declare(Noun::Segment, &name, &table, draft) {
            table.require(
                "when",
                "write the rule, such as `when = \"orders.count() >= 2\"`",
            );
            let when = table.expression("when").unwrap_or_default();
            let segment = Segment {
                description: description(&table),
                when,
            };
            draft.project.segments.insert(name.text.into(), segment);
            table.finish();
        }
    }
}
