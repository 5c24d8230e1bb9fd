//! All files of a project into one checked [`Project`], or everything that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::DeTable;

use crate::PROJECT_FILE;
use crate::draft::Draft;
use crate::error::{Code, Position, Problem};
use crate::folder::is_part;
use crate::project::{Clock, Identity, Ledger, Project, Store, Telemetry, WriteKey};
use crate::source::{Places, Sink, Source, join};
use crate::table::Table;
use crate::{read, rules};

/// Reads a project from its files: path within the folder and text of each, in any order.
///
/// # Errors
/// Everything that is wrong, sorted by place, warnings included. Without errors the warnings are in
/// the project.
pub fn parse(files: &[(String, String)]) -> Result<Project, Vec<Problem>> {
    let mut files: Vec<&(String, String)> = files.iter().collect();
    files.sort();
    let sources: Vec<Source<'_>> = files
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    let sink = Sink::default();
    let syntax = Sink::default();
    let documents: Vec<Spanned<DeTable<'_>>> = files
        .iter()
        .zip(&sources)
        .map(|((_, text), source)| document(text, source, &syntax))
        .collect();

    check_files(&sources, &sink);
    let empty = Source::new(PROJECT_FILE, "");
    let mut draft = Draft::new(&empty, blank());
    let mut places = Places::default();
    for (number, (source, document)) in sources.iter().zip(&documents).enumerate() {
        draft.enter(source);
        places.add(number, document.get_ref(), "");
        let root = Table::root(source, &sink, document.get_ref());
        read::file(root, source.path == PROJECT_FILE, &mut draft);
    }

    let syntax = syntax.into_problems();
    if syntax.is_empty() {
        draft.check_references(&sink, &rules::standard_names());
        check_tracking(&draft.project, &sources, &places, &sink);
        for problem in rules::check_rules(&draft.project, &sources, &places) {
            sink.push(problem);
        }
    }
    let mut problems = without_aftermath(syntax, sink.into_problems());
    problems.sort_by(|left, right| left.order().cmp(&right.order()));
    problems.dedup();
    if problems.iter().any(|problem| !problem.code.is_warning()) {
        return Err(problems);
    }
    let mut project = draft.project;
    project.positions = places.positions(&sources);
    project.warnings = problems;
    Ok(project)
}

fn blank() -> Project {
    Project {
        name: Default::default(),
        clock: Clock::default(),
        store: Store::default(),
        ledger: Ledger::default(),
        identity: Identity::default(),
        traits: BTreeMap::new(),
        connectors: BTreeMap::new(),
        tracking: BTreeMap::new(),
        server: None,
        lookups: None,
        telemetry: Telemetry::default(),
        segments: BTreeMap::new(),
        syncs: BTreeMap::new(),
        positions: BTreeMap::new(),
        warnings: Vec::new(),
    }
}

fn document<'a>(text: &'a str, source: &Source<'_>, syntax: &Sink) -> Spanned<DeTable<'a>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(text.len(), |span| span.start);
        let message = format!("not TOML: {}", error.message());
        syntax.push(source.problem(Code::Syntax, at, message, None));
    }
    document
}

fn check_files(sources: &[Source<'_>], sink: &Sink) {
    if !sources.iter().any(|source| source.path == PROJECT_FILE) {
        let at = Position {
            file: PROJECT_FILE.to_owned(),
            line: 1,
            column: 1,
        };
        let hint = "`crosspoint init DIR` writes a project to start from".to_owned();
        sink.push(Problem {
            at,
            code: Code::File,
            message: "the folder has no project file".to_owned(),
            hint: Some(hint),
        });
    }
    for source in sources.iter().filter(|source| !is_part(source.path)) {
        let message = format!("`{}` is not part of a project", source.path);
        let hint = "files stand in `connectors/`, `segments/`, `syncs/` or `traits/`".to_owned();
        sink.push(source.problem(Code::File, 0, message, Some(hint)));
    }
}

/// Tracking sources receive nothing, need a server, and are told apart by their keys.
fn check_tracking(project: &Project, sources: &[Source<'_>], places: &Places, sink: &Sink) {
    let report = |path: &str, message: String, hint: &str| {
        if let Some(place) = places.get(path) {
            let hint = Some(hint.to_owned());
            let start = place.range.start;
            sink.push(sources[place.file].problem(Code::Contradiction, start, message, hint));
        }
    };
    for (name, sync) in &project.syncs {
        if project.tracking.contains_key(&sync.connector) {
            let message = format!(
                "sync `{name}` hands over to `{}`, which is a tracking source",
                sync.connector
            );
            let path = join(&join("syncs", name), "connector");
            report(
                &path,
                message,
                "name a connector whose plugin is a destination",
            );
        }
    }
    // A `[server]` with errors has its own reports.
    let served = places.get("server").is_some();
    if project.lookups.is_some() && !served {
        let message = "`lookups` cannot be reached without `[server]`".to_owned();
        report(
            "lookups",
            message,
            "add `[server]` with `listen = \"127.0.0.1:8080\"`",
        );
    }
    let mut owners = BTreeMap::new();
    for (name, tracking) in &project.tracking {
        let path = join("tracking", &name.0);
        if !served {
            let message = format!("tracking source `{name}` cannot be reached without `[server]`");
            report(
                &path,
                message,
                "add `[server]` with `listen = \"127.0.0.1:8080\"`",
            );
        }
        for key in &tracking.write_keys {
            let WriteKey::Plain(key) = key else { continue };
            if let Some(other) = owners.insert(key, name) {
                let message = format!("tracking sources `{other}` and `{name}` share a write key");
                report(
                    &path,
                    message,
                    "a key says which source calls: give each its own",
                );
            }
        }
    }
}

/// Syntax errors, and of the others those that cannot come from text which the reader lost: what
/// lacks, and what stands on a line that is broken.
fn without_aftermath(mut syntax: Vec<Problem>, others: Vec<Problem>) -> Vec<Problem> {
    let broken_lines: BTreeSet<(String, usize)> = syntax
        .iter()
        .map(|problem| (problem.at.file.clone(), problem.at.line))
        .collect();
    let broken_files: BTreeSet<&String> = broken_lines.iter().map(|(file, _)| file).collect();
    syntax.extend(others.into_iter().filter(|problem| {
        let lost = problem.code == Code::MissingKey && broken_files.contains(&problem.at.file);
        !lost && !broken_lines.contains(&(problem.at.file.clone(), problem.at.line))
    }));
    syntax
}
