//! `segment`.

use crosspoint_runtime::admin::{Members, Preview, SegmentSummary, Verified};

use super::{instant, number_of, positive, profile};
use crate::output::{Sheet, Table, bar, count, plain, share, span};

/// Characters of a bar.
const BAR_WIDTH: usize = 16;

pub fn list(sheet: &mut Sheet, segments: &[SegmentSummary]) {
    if segments.is_empty() {
        sheet.line("The project has no segments.");
        return;
    }
    sheet.table(&table(segments));
}

pub fn table(segments: &[SegmentSummary]) -> Table {
    let mut table = Table::new(&["segment", ">profiles", ">share", "", "meaning"]);
    for segment in segments {
        table.row([
            segment.name.clone(),
            count(segment.members),
            share(segment.share),
            bar(segment.share, BAR_WIDTH),
            segment
                .description
                .clone()
                .unwrap_or_else(|| segment.rule.clone()),
        ]);
    }
    table
}

pub fn preview(sheet: &mut Sheet, preview: &Preview) {
    let style = sheet.style();
    let part = if preview.profiles == 0 {
        0.0
    } else {
        preview.members as f64 / preview.profiles as f64
    };
    sheet.line(&format!(
        "{} of {} ({}), found in {}",
        style.bold(&count(preview.members)),
        number_of(preview.profiles, "profile", "profiles"),
        share(part),
        span(preview.elapsed_ms)
    ));
    if !preview.samples.is_empty() {
        sheet.heading("Some of them");
        sheet.table(&profile::table(&preview.samples));
    }
}

pub fn members(sheet: &mut Sheet, members: &Members) {
    let total = positive(members.total);
    sheet.heading(&members.segment);
    sheet.field("profiles", count(total));
    if !members.members.is_empty() {
        let mut table = Table::new(&["profile", "since", "name", "identifiers"]);
        for member in &members.members {
            table.row([
                member.profile.id.clone(),
                instant(&member.since),
                member.profile.name.clone().unwrap_or_default(),
                member.profile.identifiers.join(" "),
            ]);
        }
        sheet.table(&table);
    }
    if let Some(next) = &members.next {
        sheet.line(&format!("more: --after {}", plain(next)));
    }
}

pub fn verified(sheet: &mut Sheet, segments: &[Verified]) {
    let style = sheet.style();
    let mut table = Table::new(&["segment", ">stored", ">computed", "result"]);
    let mut differing = 0;
    for segment in segments {
        let same = segment.stored == segment.expected && segment.different.is_empty();
        differing += u64::from(!same);
        table.row([
            segment.segment.clone(),
            count(segment.stored),
            count(segment.expected),
            if same {
                "same".to_owned()
            } else {
                format!("different: {}", segment.different.join(" "))
            },
        ]);
    }
    sheet.table(&table);
    sheet.gap();
    if differing == 0 {
        let text = "The segments equal a computation from scratch.";
        sheet.line(&style.green(text));
    } else {
        let text = number_of(differing, "segment differs.", "segments differ.");
        sheet.line(&style.red(&text));
    }
}
