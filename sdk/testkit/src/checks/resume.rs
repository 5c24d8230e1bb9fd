//! Wherever a read breaks off, and from whatever cursor it goes on: nothing is lost, and nothing comes
//! that would not have come without the break.

use crosspoint_sandbox::{Budget, Error as CallError, GuestError, Stream};
use serde_json::json;

use super::source::checked_streams;
use crate::error::{Checked, fail};
use crate::fold::Fold;
use crate::rig::{Drained, Instead, PAGE, Rig, Session, Step};

/// Pages that a stream's history is cut into: as many cursors, and the calls of each.
const PAGES: usize = 10;
/// Tries of a call that the vendor refuses for its rate before anything can break.
const TRIES: u32 = 5;

/// A whole reading in pages of such a size that there are enough to break off at.
pub(super) async fn history(
    session: &mut Session<'_>,
    stream: &Stream,
) -> Checked<(Budget, Drained)> {
    let all = session.drain(&stream.name, None, PAGE).await?;
    let budget = page_of(all.records().count());
    let whole = session.drain(&stream.name, None, budget).await?;
    match Fold::of(whole.records()).covers(&Fold::of(all.records())) {
        Ok(()) => Ok((budget, whole)),
        Err(reason) => fail(format!(
            "stream `{}`, read from its beginning a second time: {reason}",
            stream.name
        )),
    }
}

/// A page of which a history of so many records has [`PAGES`].
pub(super) fn page_of(records: usize) -> Budget {
    let records = u32::try_from(records.div_ceil(PAGES)).unwrap_or(u32::MAX);
    Budget {
        records: records.max(1),
        ..PAGE
    }
}

pub(super) async fn resume_anywhere(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut cursors = 0;
    for stream in checked_streams(rig, &mut session).await? {
        let (budget, whole) = history(&mut session, &stream).await?;
        let all = Fold::of(whole.records());
        for (number, step) in whole.steps.iter().enumerate() {
            session.set_notes(&step.notes);
            let rest = session
                .drain(&stream.name, step.cursor.clone(), budget)
                .await?;
            let (before, after) = whole.steps.split_at(number);
            let mut fold = Fold::of(records(before));
            fold.extend(rest.records());
            let resumed = match fold.covers(&all) {
                Ok(()) => Fold::of(records(after)).has_all_of(&Fold::of(rest.records())),
                lost => lost,
            };
            if let Err(reason) = resumed {
                return fail(format!(
                    "stream `{}`, from cursor {number}: {reason}",
                    stream.name
                ));
            }
            cursors += 1;
        }
    }
    rig.note("cursors resumed", f64::from(cursors));
    Ok(())
}

fn records(steps: &[Step]) -> impl Iterator<Item = &crosspoint_model::record::Record> {
    steps.iter().flat_map(|step| &step.records)
}

pub(super) async fn cut_anywhere(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut cuts = 0;
    for stream in checked_streams(rig, &mut session).await? {
        let (budget, whole) = history(&mut session, &stream).await?;
        for (number, step) in whole.steps.iter().enumerate() {
            let place = Place {
                stream: &stream,
                budget,
                step,
                reads: whole.steps.len() - number,
            };
            let mut request = 0;
            // Until no request is left that could be cut.
            while place.cut(&mut session, request).await? {
                request += 1;
            }
            cuts += request;
        }
    }
    rig.note("requests cut", cuts as f64);
    Ok(())
}

/// A page of a history, and where it begins.
struct Place<'h> {
    stream: &'h Stream,
    budget: Budget,
    step: &'h Step,
    /// That the uncut history took from here to its end.
    reads: usize,
}

/// What a host knows after a call that broke.
struct Left {
    cursor: Option<Vec<u8>>,
    fold: Fold,
}

impl Place<'_> {
    /// Loses the answer to the request of that number: the vendor has done what was asked for, and
    /// the call does not know. Answers whether the call made that request.
    async fn cut(&self, session: &mut Session<'_>, request: usize) -> Checked<bool> {
        let Some(left) = self.struck(session, request, false).await? else {
            return Ok(false);
        };
        let is_survived = !left.fold.is_empty() || left.cursor != self.step.cursor;
        self.go_on(session, left, request).await?;
        if is_survived {
            // The call found a way around, and the host is killed before it keeps what came.
            self.struck(session, request, true).await?;
            session.set_notes(&self.step.notes);
            self.go_on(session, self.begin(), request).await?;
        }
        Ok(true)
    }

    fn begin(&self) -> Left {
        Left {
            cursor: self.step.cursor.clone(),
            fold: Fold::default(),
        }
    }

    /// The call with one of its requests broken, and where it `is_killed` all after it: they are not
    /// made any more. `None` where it makes fewer requests.
    async fn struck(
        &self,
        session: &mut Session<'_>,
        request: usize,
        is_killed: bool,
    ) -> Checked<Option<Left>> {
        let sim = &session.rig.sim;
        for _ in 0..TRIES {
            session.set_notes(&self.step.notes);
            let fault = json!({ "skip": request, "do": "lose_answer" });
            sim.fault(fault).await?;
            if is_killed {
                let rest = json!({ "skip": request, "times": u32::MAX, "do": "reset" });
                sim.fault(rest).await?;
            }
            let (name, cursor) = (&self.stream.name, self.step.cursor.as_deref());
            let answer = session.read_once(name, cursor, self.budget).await;
            let is_struck = sim.has_struck().await?;
            sim.no_faults().await?;
            let is_cut = is_struck || is_killed;
            match answer {
                Ok(page) if is_cut => {
                    return Ok(Some(Left {
                        fold: Fold::of(&page.records),
                        cursor: Some(page.next_cursor),
                    }));
                }
                Ok(_) => return Ok(None),
                Err(CallError::Guest {
                    error: GuestError::RateLimited(wait_ms),
                    ..
                }) if !is_cut => session.wait(wait_ms).await?,
                Err(CallError::Guest {
                    error: GuestError::Transient(_) | GuestError::RateLimited(_),
                    ..
                }) if is_cut => return Ok(Some(self.begin())),
                Err(error) => return self.fault(request, &error.to_string()),
            }
        }
        self.fault(request, "the vendor asked for patience again and again")
    }

    /// Reads on until everything is there that the uncut page had.
    async fn go_on(&self, session: &mut Session<'_>, left: Left, request: usize) -> Checked {
        let Left {
            mut cursor,
            mut fold,
        } = left;
        let page = Fold::of(&self.step.records);
        // An empty page is left too: the next one has to come from there.
        for _ in 0..=self.reads {
            if fold.covers(&page).is_ok() {
                return Ok(());
            }
            let name = &self.stream.name;
            let page = session.read(name, cursor.as_deref(), self.budget).await?;
            fold.extend(&page.records);
            cursor = Some(page.next_cursor);
        }
        match fold.covers(&page) {
            Ok(()) => Ok(()),
            Err(reason) => self.fault(request, &reason),
        }
    }

    fn fault<T>(&self, request: usize, reason: &str) -> Checked<T> {
        let cursor = self.step.cursor.as_deref().map(String::from_utf8_lossy);
        fail(format!(
            "stream `{}`, cursor {}, the answer to request {request} lost: {reason}",
            self.stream.name,
            cursor.as_deref().unwrap_or("none")
        ))
    }
}
