//! The demo's summary, for a person.

use crosspoint_runtime::admin::{ConnectorStatus, SegmentSummary};

use super::story::{Example, Story, number};
use crate::output::{Sheet, Style, amount, bar, count, per_second, plain, share, span};
use crate::view::{clauses, instant};

/// Characters of a bar.
const BAR_WIDTH: usize = 24;

/// Width of the words before a line.
const WORD_WIDTH: usize = 11;

/// The whole summary.
pub fn of(story: &Story, folder: &str, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let title = "Crosspoint at work: purchases become profiles, segments and deliveries";
    sheet.line(&style.bold(title));
    sheet.line(&style.dim(&format!("project: {folder} (yours to keep and edit)")));
    sheet.gap();
    flow(&mut sheet, story);
    segments(&mut sheet, story);
    if let Some(example) = &story.example {
        self::example(&mut sheet, example);
    }
    next_steps(&mut sheet, story, folder, &program());
    sheet.finish()
}

fn flow(sheet: &mut Sheet, story: &Story) {
    let style = sheet.style();
    let word = |word: &str| style.cyan(&format!("{word:<WORD_WIDTH$}"));
    let known = story.source().map_or(0, |source| source.received);
    let read = match story.read.records {
        0 => format!(
            "nothing new: all {} purchases were here already",
            count(known)
        ),
        records => format!(
            "{} purchases in {}{}",
            style.bold(&count(records)),
            span(story.read.elapsed_ms),
            rate(records, story.read.elapsed_ms)
        ),
    };
    sheet.line(&format!("{} {read}", word("Read")));
    let plugin = |connector: Option<&ConnectorStatus>| {
        connector.map_or_else(String::new, |c| {
            plain(&format!("{} {}", c.plugin, c.plugin_version)).into_owned()
        })
    };
    let indent = " ".repeat(WORD_WIDTH);
    sheet.line(&style.dim(&format!(
        "{indent} by plugin {}, sandboxed: it sees one folder and no network",
        plugin(story.source())
    )));
    if story.read.quarantined > 0 {
        sheet.line(&style.yellow(&format!(
            "{indent} {} rows could not be used: crosspoint quarantine list",
            count(story.read.quarantined)
        )));
    }
    sheet.line(&format!(
        "{} {} people, known by their customer number",
        word("Recognised"),
        style.bold(&count(story.status.profiles))
    ));
    let receiver = &story.receiver;
    let delivered = match receiver.new {
        0 => format!(
            "nothing again: all {} deliveries were made before",
            count(receiver.total)
        ),
        new => format!(
            "{} changes of segment in {}{}",
            style.bold(&count(new)),
            span(story.delivered.elapsed_ms),
            rate(new, story.delivered.elapsed_ms)
        ),
    };
    sheet.line(&format!("{} {delivered}", word("Delivered")));
    sheet.line(&style.dim(&format!(
        "{indent} by plugin {}, sandboxed: it sees one address and no secret",
        plugin(story.destination())
    )));
    let verdict = format!(
        "{} requests, {} with a bad signature; {} deliveries, {} twice",
        count(receiver.requests),
        count(receiver.refused),
        count(receiver.new),
        count(receiver.repeats)
    );
    let verdict = if story.is_whole() {
        style.green(&verdict)
    } else {
        style.yellow(&verdict)
    };
    sheet.line(&format!("{} {verdict}", word("Received")));
}

fn rate(number: u64, elapsed_ms: u64) -> String {
    per_second(number, elapsed_ms)
        .map(|rate| format!(" ({rate})"))
        .unwrap_or_default()
}

fn segments(sheet: &mut Sheet, story: &Story) {
    let style = sheet.style();
    sheet.heading(&format!(
        "Segments as of {}, the newest purchase",
        instant(&story.status.now)
    ));
    let width = |of: &dyn Fn(&SegmentSummary) -> usize| {
        story.status.segments.iter().map(of).max().unwrap_or(0)
    };
    let name_width = width(&|s| s.name.chars().count());
    let count_width = width(&|s| count(s.members).len());
    for segment in &story.status.segments {
        sheet.line(&format!(
            "  {:<name_width$}  {:>count_width$}  {:>6}  {}  {}",
            plain(&segment.name),
            count(segment.members),
            share(segment.share),
            style.cyan(&bar(segment.share, BAR_WIDTH)),
            style.dim(&plain(
                segment.description.as_deref().unwrap_or(&segment.rule)
            ))
        ));
    }
    let lists: Vec<String> = story
        .receiver
        .lists
        .iter()
        .map(|(name, people)| format!("{} {}", plain(name), count(*people)))
        .collect();
    if !lists.is_empty() {
        sheet.line(&format!("  The CRM's lists now: {}", lists.join(", ")));
    }
}

fn example(sheet: &mut Sheet, example: &Example) {
    let style = sheet.style();
    let profile = &example.profile;
    let name = profile.identifiers.first().unwrap_or(&profile.id);
    sheet.heading(&format!("One customer: {name}"));
    let computed = |name: &str| profile.computed.get(name);
    let date = |name: &str| computed(name).map(crate::view::value).unwrap_or_default();
    sheet.line(&format!(
        "  {} orders, {} dollars, from {} to {}",
        computed("orders_count")
            .map(crate::view::value)
            .unwrap_or_default(),
        amount(number(computed("spend"))),
        plain(&date("first_order_at")),
        plain(&date("last_order_at")),
    ));
    sheet.line(&format!(
        "  in {}",
        plain(
            &profile
                .segments
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
        )
    ));
    sheet.heading("Why?");
    for explained in &example.why {
        sheet.line(&format!("  {}", style.bold(&plain(&explained.segment))));
        for line in clauses(&explained.clauses, style) {
            sheet.line(&format!("  {line}"));
        }
    }
}

fn next_steps(sheet: &mut Sheet, story: &Story, folder: &str, program: &str) {
    let style = sheet.style();
    sheet.heading("Try next");
    let who = story.example.as_ref().map_or("purchases:00004", |example| {
        let profile = &example.profile;
        profile.identifiers.first().unwrap_or(&profile.id)
    });
    let steps = [
        (
            format!("export CROSSPOINT_PROJECT={folder}"),
            "so that no command need name it",
        ),
        (
            format!("{program} segment preview 'orders.count() >= 10'"),
            "a rule of your own",
        ),
        (
            format!("{program} profile why {}", plain(who)),
            "all there is to know about one customer",
        ),
        (
            format!("{program} replay --check"),
            "computes everything again and compares",
        ),
        (
            format!("less {folder}/segments/shop.toml"),
            "the rules; change one and run the demo again",
        ),
    ];
    let width = steps.iter().map(|(step, _)| step.chars().count()).max();
    let width = width.unwrap_or(0);
    for (step, meaning) in steps {
        let padding = " ".repeat(width - step.chars().count());
        sheet.line(&format!(
            "  {}{padding}   {}",
            style.cyan(&step),
            style.dim(meaning)
        ));
    }
}

/// How this program can be called again: by the path by which it was called now, if by one.
fn program() -> String {
    match std::env::args().next() {
        Some(path) if path.contains('/') => plain(&path).into_owned(),
        _ => "crosspoint".to_owned(),
    }
}

/// What is said while the demo stays up.
pub fn staying_up(style: Style) -> String {
    format!(
        "\n{} Try the commands in another terminal; Ctrl-C here ends the demo.",
        style.green("The host and its receiver stay up.")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::check;

    /// The summary up to the next steps, which name the program as it was called.
    fn told(story: &Story) -> String {
        let text = of(story, "crosspoint-demo", Style::of(false));
        let (told, _) = text.split_once("Try next").unwrap();
        told.to_owned()
    }

    #[test]
    fn summary_looks_as_it_did() {
        let first: Story =
            serde_json::from_str(include_str!("../../tests/goldens/story.json")).unwrap();
        check("demo-first", &told(&first));

        let mut second = first.clone();
        second.read.records = 0;
        second.receiver.requests = 0;
        second.receiver.new = 0;
        check("demo-second", &told(&second));

        let mut bad = first.clone();
        bad.read.quarantined = 3;
        bad.receiver.refused = 1;
        bad.example = None;
        assert!(first.is_whole() && second.is_whole() && !bad.is_whole());
        check("demo-bad", &told(&bad));
    }
}
