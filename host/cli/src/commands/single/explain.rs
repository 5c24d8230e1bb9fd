//! `crosspoint explain` and `completions`

use anyhow::Result;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// Code and page of every error, ordered by code.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint explain XP-CFG-001
  crosspoint explain")]
pub struct Explain {
    /// An error code; without one, all are listed
    code: Option<String>,
}

impl Explain {
    /// Prints the page, or the titles of all pages.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        match self.code {
            None if ctx.json() => {
                let codes: Vec<_> = PAGES
                    .iter()
                    .map(|(code, page)| serde_json::json!({"code": code, "title": title(page)}))
                    .collect();
                ctx.show_json(&codes)?;
            }
            None => {
                let lines: String = PAGES
                    .iter()
                    .map(|(code, page)| format!("{code}  {}\n", title(page)))
                    .collect();
                ctx.print(&lines)?;
            }
            Some(code) => {
                let (code, page) = find(&code)?;
                if ctx.json() {
                    ctx.show_json(&serde_json::json!({"code": code, "page": page}))?;
                } else {
                    ctx.print(&format!("{}\n", page.trim_end()))?;
                }
            }
        }
        Ok(Exit::Done)
    }
}

fn find(code: &str) -> Result<(&'static str, &'static str)> {
    let wanted = code.to_ascii_uppercase();
    if let Some(&found) = PAGES.iter().find(|(known, _)| *known == wanted) {
        return Ok(found);
    }
    let differing = |known: &str| {
        known
            .chars()
            .zip(wanted.chars())
            .filter(|(a, b)| a != b)
            .count()
            + known.len().abs_diff(wanted.len())
    };
    let nearest = PAGES
        .iter()
        .map(|(known, _)| (differing(known), *known))
        .filter(|(distance, _)| *distance <= 3)
        .min();
    Err(Error::UnknownCode {
        code: code.to_owned(),
        nearest: nearest.map(|(_, known)| known.to_owned()),
    }
    .into())
}

/// The first line of a page, without marks and code.
fn title(page: &str) -> &str {
    let line = page.lines().next().unwrap_or_default();
    let line = line.trim_start_matches('#').trim();
    match line.split_once(": ") {
        Some((code, title)) if code.starts_with("XP-") => title,
        _ => line,
    }
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint completions bash > ~/.local/share/bash-completion/completions/crosspoint
  crosspoint completions zsh > ~/.zfunc/_crosspoint")]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "crosspoint", &mut script);
        ctx.print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_lose_their_marks_and_code() {
        for page in [
            "# XP-CFG-001: unknown key\n\ntext",
            "# unknown key",
            "unknown key",
        ] {
            assert_eq!(title(page), "unknown key");
        }
    }

    #[test]
    fn every_page_is_found_in_either_case() {
        for (code, page) in PAGES {
            assert_eq!(find(&code.to_lowercase()).unwrap().1, *page);
            assert!(!title(page).is_empty(), "{code} has no title");
        }
        assert!(find("nonsense").is_err());
    }
}
