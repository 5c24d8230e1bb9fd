//! Records: whose they are, and what they change.

use crosspoint_identity::settle;
use crosspoint_model::entry::{Records, Reject, RejectedInput};
use crosspoint_model::profile::{Fragment, Profile};
use crosspoint_model::record::{Body, Record, RecordKind};
use crosspoint_model::state::{Counter, ObjectKey, Quarantined, State};
use crosspoint_model::touched::Touched;
use crosspoint_model::{FragmentId, Identifier, Symbol};
use crosspoint_profile::{FoldContext, fold, fragment_key, remove_fact};
use smol_str::{SmolStr, format_smolstr};

use crate::stepper::Context;
use crate::timers::{first_expiry, reschedule};
use crate::{Error, Stepper};

/// Where the location of an object points whose tombstone came before the object.
const NOWHERE: FragmentId = FragmentId([0; 16]);

/// Through where a record came.
struct Origin<'a> {
    system: &'a str,
    connector: Symbol,
    stream: Symbol,
}

impl Stepper {
    pub(crate) fn apply_records(
        &mut self,
        state: &mut impl State,
        page: &Records,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let origin = Origin {
            system: &page.connector.0,
            connector: state.intern(&page.connector.0),
            stream: state.intern(&page.stream),
        };
        let received = i64::try_from(page.records.len()).unwrap_or(i64::MAX);
        state.add_to_counter(Counter::Received(origin.connector), received)?;
        let mut refused = 0u32;
        for reject in &page.rejects {
            quarantine(state, &origin, reject.clone(), &mut refused, ctx)?;
        }
        for record in &page.records {
            match record.body.kind() {
                RecordKind::Product | RecordKind::Content => {
                    put_catalogue(state, &origin, record)?;
                }
                RecordKind::Tombstone => self.apply_tombstone(state, &origin, record, ctx)?,
                _ => match fragment_key(origin.system, record) {
                    Some(key) => self.apply_to_person(state, &origin, key, record, ctx)?,
                    None => {
                        let reject = nobody(record);
                        quarantine(state, &origin, reject, &mut refused, ctx)?;
                    }
                },
            }
        }
        if let Some(cursor) = &page.cursor {
            state.put_cursor(origin.connector, origin.stream, cursor)?;
        }
        for (key, value) in &page.jobs {
            state.put_job(origin.connector, key, value.as_deref())?;
        }
        Ok(())
    }

    /// A vendor says that an object is gone. A contact's tombstone goes to the fragment that the
    /// vendor's id names; any other goes where the object's fact lives. A tombstone that arrives
    /// before its object is kept and applied when the object comes.
    fn apply_tombstone(
        &mut self,
        state: &mut impl State,
        origin: &Origin<'_>,
        record: &Record,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let Body::Tombstone(tombstone) = &record.body else { return Ok(()) };
        match tombstone.kind {
            RecordKind::Product | RecordKind::Content => put_catalogue(state, origin, record),
            RecordKind::Contact => {
                let key = fragment_key(origin.system, record)
                    .or_else(|| Identifier::vendor(origin.system, &record.id));
                match key {
                    Some(key) => self.apply_to_person(state, origin, key, record, ctx),
                    None => Ok(()),
                }
            }
            _ => {
                let object = object_key(origin, &record.id);
                match state.location(&object)? {
                    Some(fragment) if fragment != NOWHERE => {
                        self.apply_to_fragment(state, origin, fragment, None, record, ctx)
                    }
                    _ => {
                        put_catalogue(state, origin, record)?;
                        Ok(state.put_location(&object, NOWHERE)?)
                    }
                }
            }
        }
    }

    fn apply_to_person(
        &mut self,
        state: &mut impl State,
        origin: &Origin<'_>,
        key: Identifier,
        record: &Record,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let id = FragmentId::of(origin.system, &key);
        if !keeps_location(record.body.kind()) {
            return self.apply_to_fragment(state, origin, id, Some(key), record, ctx);
        }
        let object = object_key(origin, &record.id);
        match state.location(&object)? {
            None => {
                state.put_location(&object, id)?;
                self.apply_to_fragment(state, origin, id, Some(key), record, ctx)
            }
            Some(NOWHERE) => {
                state.put_location(&object, id)?;
                self.apply_to_fragment(state, origin, id, Some(key), record, ctx)?;
                match state.catalogue(&object)? {
                    Some(tombstone) => {
                        state.put_catalogue(&object, None)?;
                        self.apply_to_fragment(state, origin, id, None, &tombstone, ctx)
                    }
                    None => Ok(()),
                }
            }
            Some(present) if present == id => {
                self.apply_to_fragment(state, origin, id, Some(key), record, ctx)
            }
            Some(elsewhere) => {
                self.apply_to_fragment(state, origin, id, Some(key), record, ctx)?;
                self.keep_newest(state, origin, &object, [elsewhere, id], ctx)
            }
        }
    }

    /// An object's fact stands in two fragments since the vendor gave it to another person: the
    /// newest version stays, the other goes.
    fn keep_newest(
        &mut self,
        state: &mut impl State,
        origin: &Origin<'_>,
        object: &ObjectKey,
        fragments: [FragmentId; 2],
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let mut versions = [None; 2];
        for (version, fragment) in versions.iter_mut().zip(fragments) {
            *version = self.fact_version(state, origin, fragment, &object.id)?;
        }
        let (stays, goes) = if versions[0] > versions[1] {
            (fragments[0], fragments[1])
        } else {
            (fragments[1], fragments[0])
        };
        state.put_location(object, stays)?;
        let Some(id) = state.profile_of(goes)? else { return Ok(()) };
        let Some(mut profile) = state.take_profile(id)? else { return Ok(()) };
        let before = first_expiry(&profile);
        let mut touched = Touched::default();
        if let Some(fragment) = profile.fragment_mut(goes)
            && let Some(fact) = remove_fact(fragment, origin.stream, &object.id)
        {
            touched.touch_fact(fact.kind, fact.name);
            self.evaluate(state, &mut profile, &touched, ctx)?;
            reschedule(state, id, before, &profile)?;
        }
        Ok(state.put_profile(profile)?)
    }

    fn fact_version(
        &mut self,
        state: &mut impl State,
        origin: &Origin<'_>,
        fragment: FragmentId,
        id: &str,
    ) -> Result<Option<crosspoint_model::record::Version>, Error> {
        let Some(profile_id) = state.profile_of(fragment)? else { return Ok(None) };
        let Some(profile) = state.take_profile(profile_id)? else { return Ok(None) };
        let version = profile.fragment(fragment).and_then(|fragment| {
            let fact = fragment
                .facts
                .iter()
                .find(|fact| fact.stream == origin.stream && fact.id == id);
            fact.map(|fact| fact.version)
        });
        state.put_profile(profile)?;
        Ok(version)
    }

    /// Folds the record into the fragment, which `key` makes if it does not exist yet.
    fn apply_to_fragment(
        &mut self,
        state: &mut impl State,
        origin: &Origin<'_>,
        fragment_id: FragmentId,
        key: Option<Identifier>,
        record: &Record,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let (mut profile, is_new) = match (state.profile_of(fragment_id)?, key) {
            (Some(id), _) => match state.take_profile(id)? {
                Some(profile) => (profile, false),
                None => return Ok(()),
            },
            (None, Some(key)) => {
                let fragment = Fragment::new(origin.system, origin.connector, key);
                let mut profile = Box::new(Profile::alone(fragment));
                profile.epoch = self.compiled.as_ref().map_or(0, |compiled| compiled.epoch);
                (profile, true)
            }
            (None, None) => return Ok(()),
        };
        let id = profile.id;
        let before = first_expiry(&profile);
        let Some(fragment) = profile.fragment_mut(fragment_id) else { return Ok(()) };
        let context = FoldContext { connector: origin.connector, stream: origin.stream };
        let mut folded = fold(fragment, record, &context, &mut |name| state.intern(name));
        if folded.duplicate {
            state.add_to_counter(Counter::Duplicates(origin.connector), 1)?;
        }
        if is_new {
            state.add_to_counter(Counter::Fragments, 1)?;
            state.add_to_counter(Counter::Profiles, 1)?;
            folded.touched.everything = true;
        }
        if is_new || !folded.new_identifiers.is_empty() {
            state.put_profile(profile)?;
            let settled = settle(state, self.guards(), fragment_id, &folded.new_identifiers)?;
            let regrouped = !settled.formed.is_empty();
            self.follow(state, settled, ctx)?;
            if regrouped {
                return Ok(());
            }
            profile = match state.take_profile(id)? {
                Some(profile) => profile,
                None => return Ok(()),
            };
        }
        if !folded.touched.is_empty() {
            self.evaluate(state, &mut profile, &folded.touched, ctx)?;
            reschedule(state, id, before, &profile)?;
        }
        Ok(state.put_profile(profile)?)
    }
}

/// Whether the vendor may change, move or delete an object of this kind, so that its fact must be
/// found by the vendor's id alone. Events and the like are immutable and found within the person.
fn keeps_location(kind: RecordKind) -> bool {
    matches!(kind, RecordKind::Order | RecordKind::Cart | RecordKind::Submission)
}

fn object_key(origin: &Origin<'_>, id: &SmolStr) -> ObjectKey {
    ObjectKey { connector: origin.connector, stream: origin.stream, id: id.clone() }
}

/// Products and content: the newest version stays, tombstones included.
fn put_catalogue(
    state: &mut impl State,
    origin: &Origin<'_>,
    record: &Record,
) -> Result<(), Error> {
    let object = object_key(origin, &record.id);
    let newer = state
        .catalogue(&object)?
        .is_none_or(|present| crosspoint_profile::version(&present) < crosspoint_profile::version(record));
    if newer {
        state.put_catalogue(&object, Some(record))?;
    }
    Ok(())
}

fn nobody(record: &Record) -> Reject {
    Reject {
        locator: format_smolstr!("id {}", record.id),
        field: Some("identifiers".into()),
        reason: "the record names no person: map at least one identifier, such as the \
                 customer's id or e-mail address"
            .into(),
        raw: RejectedInput::Record(Box::new(record.clone())),
    }
}

fn quarantine(
    state: &mut impl State,
    origin: &Origin<'_>,
    reject: Reject,
    ordinal: &mut u32,
    ctx: &Context,
) -> Result<(), Error> {
    let item = Quarantined {
        seq: ctx.seq,
        ordinal: *ordinal,
        at: ctx.now,
        connector: origin.connector,
        stream: origin.stream,
        reject,
    };
    *ordinal += 1;
    state.put_quarantined(&item)?;
    Ok(state.add_to_counter(Counter::Quarantined(origin.connector), 1)?)
}
