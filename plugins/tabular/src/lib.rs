//! Reads tabular feeds: delimited and aligned text, NDJSON and Excel workbooks, from any files that the operator
//! granted, into any kind of record. Start reading at [`Tabular`]; a read goes through `feed`
//! (which files, from where), `packed` (gzip and workbooks become text), `rows` and `split` (where a
//! row ends), `cells`, and `mapping`.
//!
//! # Invariants
//! - Where ranges end does not change what is read
//!   (`tests::property::chunks_do_not_change_the_records`).
//! - Reading on from any cursor gives what one read gives
//!   (`tests::property::every_cursor_continues`).
//! - A bad row is rejected alone; its neighbours pass (`tests::rows::bad_row_leaves_neighbours`).
//! - What no field names becomes an attribute (`tests::rows::unmapped_columns_are_attributes`).
//! - Rows that are equal in every cell stay apart
//!   (`tests::rows::equal_rows_are_different_records`).
//!
//! - A file that is packed gives the records of its text, wherever a page ends
//!   (`tests::packed::packing_changes_nothing`).
//! - Digits of a workbook's numbers are those that a person typed
//!   (`packed::tests::typed_decimals_come_back`).
//! - A file is moved away only after all of it was read and has come to rest
//!   (`tests::archive::only_what_was_read_to_its_end_goes`).
//!
//! # Not here
//! Connections: the host lends files, wherever they are, and moves them.

mod cells;
mod convert;
mod cursor;
mod dialect;
mod encoding;
mod feed;
mod mapping;
mod packed;
mod plan;
mod quarantine;
mod rest;
mod rows;
mod settings;
mod split;
#[cfg(test)]
mod tests;

use crosspoint_sdk::{
    Budget, Context, Deletes, Error, Level, Page, RecordKind, Reject, Source, Stream, serde_json,
};

use crate::convert::Convert;
use crate::dialect::Dialect;
use crate::encoding::Encoding;
use crate::mapping::Fault;
use crate::plan::Plan;
use crate::quarantine::{Quarantined, from_hex};
use crate::settings::EncodingSetting;

pub use settings::Settings;

/// The plugin.
pub struct Tabular;

impl Source for Tabular {
    type Settings = Settings;

    fn streams(_: &Context, settings: &Settings) -> Result<Vec<Stream>, Error> {
        let plan = Plan::new(settings)?;
        Ok(vec![Stream {
            name: stream_name(plan.kind).to_owned(),
            kind: plan.kind,
            description: format!("Rows of `{}` as {}", plan.path, stream_name(plan.kind)),
            incremental: true,
            webhook: false,
            deletes: match plan.deleted {
                Some(_) => Deletes::Tombstones,
                None => Deletes::NotReported,
            },
        }])
    }

    fn read(
        ctx: &Context,
        settings: &Settings,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, Error> {
        let plan = Plan::new(settings)?;
        expect_stream(&plan, stream)?;
        feed::read(ctx, &plan, cursor, budget)
    }

    fn retry(
        _: &Context,
        settings: &Settings,
        stream: &str,
        raw: Vec<Vec<u8>>,
    ) -> Result<Page, Error> {
        let plan = Plan::new(settings)?;
        expect_stream(&plan, stream)?;
        let mut page = Page::empty();
        for raw in raw {
            match retry_one(&plan, &raw) {
                Ok(records) => page.records.extend(records),
                Err(reject) => page.rejects.push(*reject),
            }
        }
        Ok(page)
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        let plan = Plan::new(settings)?;
        let entries = feed::listed(ctx, &plan)?;
        let Some(newest) = entries.last() else {
            ctx.log(
                Level::Info,
                format_args!("no file matches `{}` yet", plan.path),
            );
            return Ok(());
        };
        feed::check(ctx, &plan, newest)?.map_err(|refusal| {
            let field = refusal
                .column
                .map_or("path".to_owned(), |column| format!("column {column}"));
            Error::invalid(
                field,
                format!("{}:{}: {}", newest.path, refusal.line, refusal.reason),
            )
        })
    }
}

fn stream_name(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Contact => "contacts",
        RecordKind::Order => "orders",
        RecordKind::Product => "products",
        RecordKind::Cart => "carts",
        RecordKind::Event => "events",
        RecordKind::Content => "content",
        RecordKind::Submission => "submissions",
        RecordKind::Consent => "consents",
        RecordKind::Engagement => "engagements",
    }
}

fn expect_stream(plan: &Plan, stream: &str) -> Result<(), Error> {
    let name = stream_name(plan.kind);
    if stream == name {
        return Ok(());
    }
    Err(Error::invalid(
        "stream",
        format!("there is no stream `{stream}`; there is `{name}`"),
    ))
}

/// Tries one quarantined row again, with the settings of today.
fn retry_one(plan: &Plan, raw: &[u8]) -> Result<Vec<crosspoint_sdk::Record>, Box<Reject>> {
    let quarantined: Quarantined = serde_json::from_slice(raw).map_err(|_| {
        Box::new(Reject {
            locator: "retry".to_owned(),
            field: None,
            reason: "this is not a row that was quarantined here".to_owned(),
            raw: raw.to_vec(),
        })
    })?;
    let put_back = |fault: Fault| Box::new(quarantined.reject(fault));
    let (row, encoding) = match (&quarantined.row, &quarantined.bytes) {
        (Some(text), _) => (text.clone().into_bytes(), Encoding::Utf8),
        (None, Some(hex)) => {
            let bytes = from_hex(hex)
                .ok_or_else(|| put_back(Fault::of_row("`bytes` are not hexadecimal")))?;
            // Undecodable as what was taken for it; only a declared encoding can help.
            let encoding = match plan.encoding {
                EncodingSetting::Windows1252 | EncodingSetting::Iso8859_15 => {
                    Encoding::detect(&bytes, true, plan.encoding).0
                }
                _ => Encoding::Utf8,
            };
            (bytes, encoding)
        }
        (None, None) => {
            return Err(put_back(Fault::of_row(
                "a file is not tried again by itself: it is read when it or the settings change",
            )));
        }
    };
    let layout = quarantined.layout().ok_or_else(|| {
        put_back(Fault::of_row(
            "`layout` is no delimiter, `whitespace`, `ndjson` or `sheet`",
        ))
    })?;
    let columns = quarantined.columns.clone();
    let dialect = Dialect {
        encoding,
        layout,
        columns,
        data_offset: 0,
        data_line: 1,
    };
    Convert::new(plan, &dialect)
        .row(
            &row,
            &quarantined.file,
            quarantined.line,
            quarantined.modified_at,
        )
        .map_err(put_back)
}

crosspoint_sdk::source!(Tabular);
