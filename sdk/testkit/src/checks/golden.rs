//! Golden requests: what a delivery asks of the vendor, byte for byte, as files below `golden/`
//! beside `conformance.toml`. Whoever reads one against the vendor's documentation has reviewed the
//! action; whoever changes what is asked sees it as a diff.
//!
//! ```text
//! POST /3.0/lists/4ca5becb8d?skip_merge_validation=true
//! accept: application/json
//! content-type: application/json
//!
//! {"members":[…]}
//!
//! ###
//! GET /3.0/…
//! ```
//!
//! What the host sets (credentials, `host`, `user-agent`, `content-length`) is not there, and the
//! simulator's address is `{url}`. A body that is no text stands in base64.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::destination::{Tried, checked_actions, item, prepare};
use crate::error::{Checked, Fault, fail, skip};
use crate::people::Fields;
use crate::rig::{Instead, Rig};
use crate::simulator::Whole;

/// Headers that are the host's own, whatever the credentials.
const HOSTS_OWN: [&str; 5] = [
    "host",
    "user-agent",
    "content-length",
    "connection",
    "accept-encoding",
];
/// Between two requests of one file.
const BETWEEN: &str = "\n###\n";
/// Characters before a difference that a message shows.
const BEFORE: usize = 40;
/// Characters of a line that a message shows.
const SHOWN: usize = 160;

pub(super) async fn golden(rig: &Rig<'_>) -> Checked {
    let Some(folder) = &rig.subject.folder else {
        return skip("conformance.toml is no file");
    };
    let folder = folder.join("golden");
    let mut session = rig.session(Instead::default()).await?;
    let actions = checked_actions(rig, &mut session).await?;
    let (mut wanted, mut differences) = (BTreeSet::new(), Vec::new());
    for tried in &actions {
        for (word, fields) in [("required", Fields::Required), ("all", Fields::All)] {
            let name = format!("{}-{word}.http", tried.name);
            let text = asked(rig, tried, fields).await?;
            let file = folder.join(&name);
            if rig.subject.bless {
                written(&file, &text)?;
            } else if let Err(reason) = same(&file, &text) {
                differences.push(format!("golden/{name}: {reason}"));
            }
            wanted.insert(name);
        }
    }
    for name in files(&folder) {
        if wanted.contains(&name) {
            continue;
        }
        match rig.subject.bless {
            true => fs::remove_file(folder.join(&name)).map_err(|error| io(&name, &error))?,
            false => differences.push(format!("golden/{name} belongs to no action")),
        }
    }
    match differences.is_empty() {
        true => Ok(()),
        false => fail(format!(
            "{}\n         where that is meant, write them anew (`--bless`) and read the diff",
            differences.join("\n         ")
        )),
    }
}

/// The requests of one delivery to a vendor that is as at the start.
async fn asked(rig: &Rig<'_>, tried: &Tried<'_>, fields: Fields) -> Checked<String> {
    rig.reset().await?;
    let mut session = rig.session(Instead::default()).await?;
    prepare(rig, &mut session, tried, 1).await?;
    // What the vendor accepted before is done by now.
    rig.sim.advance(10_000).await?;
    session.connector.check_destination(session.input()).await?;
    let before = rig.sim.next_call().await?;
    let items = [item(tried, 1, 1, fields)];
    session.deliver_once(&tried.offer.action, &items).await?;
    let calls = rig.sim.whole_calls(before).await?;
    let texts: Vec<String> = calls.iter().map(|call| shown(rig, call)).collect();
    Ok(texts.join(BETWEEN).replace(rig.sim.url(), "{url}"))
}

/// One request as it stands in a file.
fn shown(rig: &Rig<'_>, call: &Whole) -> String {
    let attached: Vec<_> = rig
        .manifest()
        .secrets
        .values()
        .map(|it| &it.attach)
        .collect();
    let is_hosts_header =
        |name: &str| HOSTS_OWN.contains(&name) || attached.iter().any(|it| it.sets_header(name));
    let is_hosts_parameter = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        attached.iter().any(|it| it.sets_parameter(name))
    };
    let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
    let query: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !is_hosts_parameter(pair))
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let mut text = format!("{} {path}{mark}{}\n", call.method, query.join("&"));
    let mut headers: Vec<_> = call
        .headers
        .iter()
        // What the client sends where nothing is said.
        .filter(|(name, value)| !is_hosts_header(name) && (name != "accept" || value != "*/*"))
        .collect();
    headers.sort();
    for (name, value) in headers {
        let _ = writeln!(text, "{name}: {value}");
    }
    let body = STANDARD.decode(&call.body).unwrap_or_default();
    match String::from_utf8(body) {
        Ok(body) if body.is_empty() => {}
        Ok(body) => {
            let _ = write!(text, "\n{body}\n");
        }
        Err(_) => {
            let _ = write!(text, "\n(base64) {}\n", call.body);
        }
    }
    text
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn written(file: &Path, text: &str) -> Checked {
    let name = file.display().to_string();
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| io(&name, &error))?;
    }
    fs::write(file, text).map_err(|error| io(&name, &error))
}

fn io(name: &str, error: &std::io::Error) -> Fault {
    Fault::Failed(format!("`{name}`: {error}"))
}

/// Whether the file holds that text; if not, where they part.
fn same(file: &Path, text: &str) -> Result<(), String> {
    match fs::read_to_string(file) {
        Ok(known) if known == text => Ok(()),
        Ok(known) => Err(difference(&known, text)),
        Err(_) => Err("is not there".to_owned()),
    }
}

/// The first line in which two texts differ, both ways.
fn difference(known: &str, now: &str) -> String {
    let (mut known, mut now) = (known.split('\n'), now.split('\n'));
    for number in 1.. {
        let (before, after) = (known.next(), now.next());
        if before != after {
            let (before, after) = (before.unwrap_or("(end)"), after.unwrap_or("(end)"));
            let pairs = before.chars().zip(after.chars());
            let same = pairs.take_while(|(a, b)| a == b).count();
            return format!(
                "line {number}\n           - {}\n           + {}",
                around(before, same),
                around(after, same)
            );
        }
        if before.is_none() {
            break;
        }
    }
    "nothing differs".to_owned()
}

/// The line from shortly before the character on.
fn around(line: &str, at: usize) -> String {
    let from = at.saturating_sub(BEFORE);
    let shown: String = line.chars().skip(from).take(SHOWN).collect();
    let start = if from > 0 { "…" } else { "" };
    let end = if line.chars().count() > from + SHOWN {
        "…"
    } else {
        ""
    };
    format!("{start}{shown}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_where_it_is() {
        let known = format!("POST /x\n\n{}\"a\":1}}\n", "x".repeat(100));
        let told = difference(&known, &known.replace(":1", ":2"));
        let expected = format!(
            "line 3\n           - …{0}\"a\":1}}\n           + …{0}\"a\":2}}",
            "x".repeat(BEFORE - 4)
        );
        assert_eq!(told, expected);
        assert!(difference("a\nb", "a").contains("- b\n           + (end)"));
    }
}
