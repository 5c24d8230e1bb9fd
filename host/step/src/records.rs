//! Records: whose they are, and what they change.

use std::ops::Range;

use crosspoint_identity::settle;
use crosspoint_model::entry::{Records, Reject, RejectedInput};
use crosspoint_model::profile::{Fragment, Profile};
use crosspoint_model::record::{Body, Record, RecordKind, Version};
use crosspoint_model::state::{Counter, ObjectKey, Quarantined, State};
use crosspoint_model::touched::Touched;
use crosspoint_model::{FragmentId, Identifier, Symbol};
use crosspoint_profile::{
    FoldContext, Held, Names, fold, fragment_key_among, remove_fact, version_of,
};
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
    /// Applies these of the page's records; with the first what comes before them, with the last what
    /// comes behind.
    pub(crate) fn apply_records(
        &mut self,
        state: &mut impl State,
        page: &Records,
        range: Range<usize>,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let origin = Origin {
            system: &page.connector.0,
            connector: state.intern(&page.connector.0),
            stream: state.intern(&page.stream),
        };
        let Range { start, end } = range;
        if start == 0 {
            let received = i64::try_from(page.records.len()).unwrap_or(i64::MAX);
            state.add_to_counter(Counter::Received(origin.connector), received)?;
            for reject in &page.rejects {
                quarantine(state, &origin, reject.clone(), ctx)?;
            }
        }
        for record in &page.records[start..end] {
            match record.body.kind() {
                RecordKind::Product | RecordKind::Content => {
                    put_catalogue(state, &origin, record)?;
                }
                RecordKind::Tombstone => {
                    if !self.apply_tombstone(state, &origin, record, ctx)? {
                        quarantine(state, &origin, nobody(record), ctx)?;
                    }
                }
                _ => match self.key(&origin, record) {
                    Some(key) => self.apply_to_person(state, &origin, key, record, ctx)?,
                    None => {
                        let reject = nobody(record);
                        quarantine(state, &origin, reject, ctx)?;
                    }
                },
            }
        }
        if end < page.records.len() {
            return Ok(());
        }
        if let Some(cursor) = &page.cursor {
            state.put_cursor(origin.connector, origin.stream, cursor)?;
        }
        for (key, value) in &page.jobs {
            state.put_job(origin.connector, key, value.as_deref())?;
        }
        Ok(())
    }

    /// The identifier that names the record's fragment. One that joins nobody cannot: it would
    /// collect everybody who carries it.
    fn key(&self, origin: &Origin<'_>, record: &Record) -> Option<Identifier> {
        let guards = self.guards();
        fragment_key_among(origin.system, record, |identifier| {
            !guards.blocks(identifier)
        })
    }

    /// A vendor says that an object is gone. A contact's tombstone goes to the fragment that the
    /// vendor's id names; any other goes where the object's fact lives. A tombstone that arrives
    /// before its object is kept and applied when the object comes. Answers whether it is known
    /// whose object it was.
    fn apply_tombstone(
        &mut self,
        state: &mut impl State,
        origin: &Origin<'_>,
        record: &Record,
        ctx: &mut Context,
    ) -> Result<bool, Error> {
        let Body::Tombstone(tombstone) = &record.body else {
            return Ok(false);
        };
        let kind = tombstone.kind;
        let (fragment, key, held) = match kind {
            RecordKind::Product | RecordKind::Content => {
                put_catalogue(state, origin, record)?;
                return Ok(true);
            }
            RecordKind::Order | RecordKind::Cart | RecordKind::Submission => {
                let object = object_key(origin, &record.id);
                match state.location(&object)? {
                    Some(fragment) if fragment != NOWHERE => (fragment, None, Held::Here),
                    _ => {
                        put_catalogue(state, origin, record)?;
                        state.put_location(&object, NOWHERE)?;
                        return Ok(true);
                    }
                }
            }
            _ => {
                let own = || Identifier::vendor(origin.system, &record.id);
                let is_contact = kind == RecordKind::Contact;
                let key = self
                    .key(origin, record)
                    .or_else(|| own().filter(|_| is_contact));
                let Some(key) = key else { return Ok(false) };
                (FragmentId::of(origin.system, &key), Some(key), Held::Here)
            }
        };
        self.apply_to_fragment(state, origin, fragment, key, held, record, ctx)?;
        Ok(true)
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
            let held = Held::Nowhere;
            self.apply_to_fragment(state, origin, id, Some(key), held, record, ctx)?;
            return Ok(());
        }
        let object = object_key(origin, &record.id);
        match state.location(&object)? {
            None => {
                state.put_location(&object, id)?;
                let held = Held::Nowhere;
                self.apply_to_fragment(state, origin, id, Some(key), held, record, ctx)?;
            }
            Some(NOWHERE) => {
                state.put_location(&object, id)?;
                let held = Held::Nowhere;
                self.apply_to_fragment(state, origin, id, Some(key), held, record, ctx)?;
                if let Some(tombstone) = state.catalogue(&object)? {
                    state.put_catalogue(&object, None)?;
                    let held = Held::Here;
                    self.apply_to_fragment(state, origin, id, None, held, &tombstone, ctx)?;
                }
            }
            Some(present) if present == id => {
                let held = Held::Here;
                self.apply_to_fragment(state, origin, id, Some(key), held, record, ctx)?;
            }
            Some(elsewhere) => {
                let held = match fact_version(state, origin, elsewhere, &object.id)? {
                    Some(version) => Held::Elsewhere(version),
                    None => Held::Nowhere,
                };
                if self.apply_to_fragment(state, origin, id, Some(key), held, record, ctx)? {
                    state.put_location(&object, id)?;
                    self.take_away(state, origin, elsewhere, &object.id, ctx)?;
                }
            }
        }
        Ok(())
    }

    /// The vendor gave an object to another person: its fact leaves the one who had it.
    fn take_away(
        &mut self,
        state: &mut impl State,
        origin: &Origin<'_>,
        fragment_id: FragmentId,
        object: &str,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let Some(id) = state.profile_of(fragment_id)? else {
            return Ok(());
        };
        let Some(mut profile) = state.take_profile(id)? else {
            return Ok(());
        };
        let before = first_expiry(&profile);
        let fragment = profile.fragment_mut(fragment_id);
        if let Some(fact) =
            fragment.and_then(|fragment| remove_fact(fragment, origin.stream, object))
        {
            let mut touched = Touched::default();
            touched.touch_fact(fact.kind, fact.name);
            self.evaluate(state, &mut profile, &touched, ctx)?;
            reschedule(state, id, before, &profile)?;
        }
        Ok(state.put_profile(profile)?)
    }

    /// Folds the record into the fragment, which `key` makes if it does not exist yet. Answers
    /// whether the fragment holds the object's fact afterwards.
    #[allow(clippy::too_many_arguments)]
    fn apply_to_fragment(
        &mut self,
        state: &mut impl State,
        origin: &Origin<'_>,
        fragment_id: FragmentId,
        key: Option<Identifier>,
        held: Held,
        record: &Record,
        ctx: &mut Context,
    ) -> Result<bool, Error> {
        let (mut profile, is_new) = match (state.profile_of(fragment_id)?, key) {
            (Some(id), _) => match state.take_profile(id)? {
                Some(profile) => (profile, false),
                None => return Ok(false),
            },
            (None, Some(key)) => {
                let fragment = Fragment::new(origin.system, origin.connector, key);
                let mut profile = Box::new(Profile::alone(fragment));
                profile.epoch = self.compiled.as_ref().map_or(0, |compiled| compiled.epoch);
                (profile, true)
            }
            (None, None) => return Ok(false),
        };
        let id = profile.id;
        let before = first_expiry(&profile);
        let Some(fragment) = profile.fragment_mut(fragment_id) else {
            return Ok(false);
        };
        let names = self
            .names
            .get_or_insert_with(|| Names::new(|name| state.intern(name)));
        let context = FoldContext {
            connector: origin.system,
            stream: origin.stream,
            held,
            names,
            intern: &mut |name| state.intern(name),
        };
        let mut folded = fold(fragment, record, context);
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
                return Ok(folded.holds);
            }
            profile = match state.take_profile(id)? {
                Some(profile) => profile,
                None => return Ok(folded.holds),
            };
        }
        if !folded.touched.is_empty() {
            self.evaluate(state, &mut profile, &folded.touched, ctx)?;
            reschedule(state, id, before, &profile)?;
        }
        state.put_profile(profile)?;
        Ok(folded.holds)
    }
}

/// The version of an object's fact in a fragment.
fn fact_version(
    state: &mut impl State,
    origin: &Origin<'_>,
    fragment: FragmentId,
    object: &str,
) -> Result<Option<Version>, Error> {
    let Some(id) = state.profile_of(fragment)? else {
        return Ok(None);
    };
    let Some(profile) = state.take_profile(id)? else {
        return Ok(None);
    };
    let facts = profile
        .fragment(fragment)
        .map(|fragment| fragment.facts.as_slice());
    let fact = facts
        .unwrap_or_default()
        .iter()
        .find(|fact| fact.stream == origin.stream && fact.id == object);
    let version = fact.map(|fact| fact.version);
    state.put_profile(profile)?;
    Ok(version)
}

/// Whether the vendor may change, move or delete an object of this kind, so that its fact must be
/// found by the vendor's id alone. Events and the like are immutable and found within the person.
fn keeps_location(kind: RecordKind) -> bool {
    matches!(
        kind,
        RecordKind::Order | RecordKind::Cart | RecordKind::Submission
    )
}

fn object_key(origin: &Origin<'_>, id: &SmolStr) -> ObjectKey {
    ObjectKey {
        connector: origin.connector,
        stream: origin.stream,
        id: id.clone(),
    }
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
        .is_none_or(|present| version_of(&present) < version_of(record));
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
    ctx: &mut Context,
) -> Result<(), Error> {
    let item = Quarantined {
        seq: ctx.seq,
        ordinal: ctx.quarantined,
        at: ctx.now,
        connector: origin.connector,
        stream: origin.stream,
        reject,
    };
    ctx.quarantined += 1;
    state.put_quarantined(&item)?;
    Ok(state.add_to_counter(Counter::Quarantined(origin.connector), 1)?)
}
