//! Who is in a segment, and why.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant as MachineInstant;

use crosspoint_model::profile::Profile;
use crosspoint_model::state::{Counter, State};
use crosspoint_model::{Instant, ProfileId};
use crosspoint_segment::{Clause, ProfileView, View};
use crosspoint_step::Compiled;

use super::find::{PAGE, resolve, summary};
use super::profile::look_up;
use super::{
    AdminError, ClauseView, EvidenceView, Explained, Member, Members, Preview, ProfileSummary,
    Progress, Verified,
};
use crate::Host;
use crate::core::Core;
use crate::error::{bad_argument, coded, not_found};
use crate::open::OnProgress;

/// Differing profiles that a verification names.
const NAMED: usize = 20;

impl Host {
    pub(super) fn preview(
        &self,
        rule: String,
        samples: u32,
        progress: OnProgress<'_>,
    ) -> Result<Preview, AdminError> {
        let start = MachineInstant::now();
        let program = self.handle.ask(move |core| {
            let rules = &compiled(core)?.rules;
            rules
                .compile_condition("preview", &rule, &mut look_up(core))
                .map_err(|errors| {
                    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
                    let hint = errors.into_iter().find_map(|error| error.hint);
                    coded("XP-CFG-016", texts.join("\n"), hint)
                })
        })?;
        let program = Arc::new(program);
        let (mut members, mut profiles) = (0, 0);
        let mut shown: Vec<ProfileSummary> = Vec::new();
        let mut after = None;
        loop {
            let program = Arc::clone(&program);
            let room = (samples as usize).saturating_sub(shown.len());
            let (last, seen, hits, page) = self.handle.ask(move |core| {
                let now = core.now();
                let reader = reader(core)?;
                let (mut seen, mut hits, mut page) = (0u64, 0u64, Vec::new());
                let last = core.state.scan_profiles(after, PAGE, |profile| {
                    seen += 1;
                    if program.holds(profile, now, &reader).value {
                        hits += 1;
                        if page.len() < room {
                            page.push(profile.clone());
                        }
                    }
                    ControlFlow::Continue(())
                })?;
                let page: Vec<_> = page.iter().map(|profile| summary(core, profile)).collect();
                Ok((last, seen, hits, page))
            })?;
            members += hits;
            profiles += seen;
            shown.extend(page);
            progress(Progress {
                label: "trying the rule".into(),
                done: profiles,
                total: None,
            });
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        let elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Preview {
            members,
            profiles,
            samples: shown,
            elapsed_ms,
        })
    }

    pub(super) fn members(
        &self,
        segment: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Members, AdminError> {
        self.known_segment(segment)?;
        let mut after = match after {
            None => None,
            Some(text) => Some(
                text.parse::<ProfileId>()
                    .map_err(|error| bad_argument(error, "give the `next` of the page before"))?,
            ),
        };
        let mut members = Vec::new();
        let limit = limit.max(1) as usize;
        let mut next = None;
        loop {
            let (name, room) = (segment.to_owned(), limit - members.len());
            let (last, page) = self.handle.ask(move |core| {
                let Some(symbol) = core.state.symbol(&name) else {
                    return Ok((None, Vec::new()));
                };
                let mut page = Vec::new();
                let last = core.state.scan_profiles(after, PAGE, |profile| {
                    if profile.is_member(symbol) {
                        page.push(profile.clone());
                    }
                    if page.len() < room {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })?;
                let since = |profile: &Profile| {
                    let found = profile.memberships.iter().find(|it| it.segment == symbol);
                    found.map(|it| it.since.to_string()).unwrap_or_default()
                };
                let page: Vec<_> = page
                    .iter()
                    .map(|profile| Member {
                        since: since(profile),
                        profile: summary(core, profile),
                    })
                    .collect();
                Ok((last, page))
            })?;
            members.extend(page);
            match last {
                Some(last) if members.len() < limit => after = Some(last),
                Some(last) => {
                    next = Some(last.to_string());
                    break;
                }
                None => break,
            }
        }
        let name = segment.to_owned();
        let total = self.handle.ask(move |core| {
            let symbol = core.state.symbol(&name);
            Ok(symbol.map_or(Ok(0), |symbol| core.state.counter(Counter::Members(symbol)))?)
        })?;
        if members.len() as i64 == total {
            next = None;
        }
        Ok(Members {
            segment: segment.to_owned(),
            total,
            members,
            next,
        })
    }

    pub(super) fn explain(&self, segment: &str, profile: &str) -> Result<Explained, AdminError> {
        self.known_segment(segment)?;
        let (segment, query) = (segment.to_owned(), profile.to_owned());
        self.handle.ask(move |core| {
            let id = resolve(core, &query)?;
            let profile = core.state.profile(id)?;
            let profile = profile.ok_or_else(|| not_found("profile", &query, ""))?;
            explained(core, &profile, &segment)
        })
    }

    pub(super) fn verify(
        &self,
        segment: Option<&str>,
        progress: OnProgress<'_>,
    ) -> Result<Vec<Verified>, AdminError> {
        if let Some(segment) = segment {
            self.known_segment(segment)?;
        }
        let names: Vec<String> = match segment {
            Some(segment) => vec![segment.to_owned()],
            None => self
                .project
                .segments
                .keys()
                .map(ToString::to_string)
                .collect(),
        };
        let mut results: Vec<_> = names
            .iter()
            .map(|name| Verified {
                segment: name.clone(),
                stored: 0,
                expected: 0,
                different: Vec::new(),
            })
            .collect();
        let mut after = None;
        let mut seen = 0;
        loop {
            let names = names.clone();
            let (last, rows) = self.handle.ask(move |core| {
                let now = core.now();
                let compiled = compiled(core)?;
                let reader = reader(core)?;
                let symbols: Vec<_> = names.iter().map(|name| core.state.symbol(name)).collect();
                let mut rows = Vec::new();
                let last = core.state.scan_profiles(after, PAGE, |profile| {
                    let expected = compiled.rules.memberships_batch(profile, now, &reader);
                    let row: Vec<_> = symbols
                        .iter()
                        .map(|symbol| {
                            symbol.map_or((false, false), |symbol| {
                                (profile.is_member(symbol), expected.contains(&symbol))
                            })
                        })
                        .collect();
                    rows.push((profile.id, row));
                    ControlFlow::Continue(())
                })?;
                Ok((last, rows))
            })?;
            seen += rows.len() as u64;
            for (id, row) in rows {
                for (result, (stored, expected)) in results.iter_mut().zip(row) {
                    result.stored += u64::from(stored);
                    result.expected += u64::from(expected);
                    if stored != expected && result.different.len() < NAMED {
                        result.different.push(id.to_string());
                    }
                }
            }
            progress(Progress {
                label: "verifying segments".into(),
                done: seen,
                total: None,
            });
            match last {
                Some(last) => after = Some(last),
                None => return Ok(results),
            }
        }
    }

    fn known_segment(&self, name: &str) -> Result<(), AdminError> {
        if self.project.segments.contains_key(name) {
            return Ok(());
        }
        let known: Vec<_> = self
            .project
            .segments
            .keys()
            .map(|name| name.as_str())
            .collect();
        Err(not_found(
            "segment",
            name,
            &format!("there are: {}", known.join(", ")),
        ))
    }
}

pub(crate) fn compiled(core: &Core) -> Result<&Compiled, AdminError> {
    core.stepper.compiled().ok_or_else(|| {
        coded(
            "XP-RUN-012",
            "no configuration is applied",
            Some("start the host once".into()),
        )
    })
}

/// Profiles as the applied configuration reads them.
pub(crate) fn reader(core: &Core) -> Result<impl View + '_, AdminError> {
    let survivorship = &compiled(core)?.survivorship;
    Ok(ProfileView {
        survivorship,
        names: |symbol| core.state.name(symbol),
    })
}

/// The rule's clauses for a profile, as stored membership sees it.
pub(super) fn explained(
    core: &Core,
    profile: &Profile,
    segment: &str,
) -> Result<Explained, AdminError> {
    let rule = compiled(core)?
        .rules
        .rule_named(segment)
        .ok_or_else(|| not_found("segment", segment, "`crosspoint segment list` shows all"))?;
    let (now, reader) = (core.now(), reader(core)?);
    let membership = profile
        .memberships
        .iter()
        .find(|it| it.segment == rule.segment());
    let clauses = rule.explain(profile, now, &reader).into_iter();
    let changes = rule.evaluate(profile, now, &reader).next_change;
    Ok(Explained {
        segment: segment.to_owned(),
        rule: rule.text().to_owned(),
        member: membership.is_some(),
        since: membership.map(|it| it.since.to_string()),
        changes_at: changes.map(|at| at.to_string()),
        clauses: clauses.map(clause_view).collect(),
    })
}

fn clause_view(clause: Clause) -> ClauseView {
    let text = |at: Instant| at.to_string();
    let evidence = clause.evidence.into_iter().map(|evidence| EvidenceView {
        what: evidence.what,
        at: evidence.at.map(text),
    });
    ClauseView {
        depth: clause.depth as u32,
        text: clause.text,
        value: clause.value,
        detail: clause.detail.unwrap_or_default(),
        evidence: evidence.collect(),
        since: clause.since.map(text),
        changes_at: clause.next_change.map(text),
    }
}
