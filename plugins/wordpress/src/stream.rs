//! The streams and the lanes in which each is read.

use crosspoint_sdk::{Deletes, RecordKind, Stream};

use crate::settings::{Settings, stream_name};

/// What a stream reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows of a post type.
    Content,
    /// Terms of a taxonomy.
    Term,
    /// Users.
    User,
    /// Comments.
    Comment,
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// As configuration calls it.
    pub name: String,
    /// Below `wp/v2`.
    pub base: String,
    /// What comes of a row.
    pub kind: Kind,
}

/// One order in which rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The value of `status`; absent: what the vendor shows by itself.
    pub status: Option<&'static str>,
    /// The column, as a member of a row and as `orderby`; its UTC twin ends in `_gmt`.
    pub column: &'static str,
    /// The parameters that bound it, exclusively.
    pub bounds: (&'static str, &'static str),
    /// How far a sweep looks back, in milliseconds.
    pub overlap_ms: i64,
    /// Begins where the first lane ended, since that has read everything before.
    pub follows: bool,
}

/// A site whose zone is changed goes on with other local times, by up to 26 hours.
const ZONES_MS: i64 = 26 * 3_600_000;

const MODIFIED: Order = Order {
    status: None,
    column: "modified",
    bounds: ("modified_after", "modified_before"),
    overlap_ms: ZONES_MS,
    follows: false,
};

/// A scheduled post becomes visible without being modified: it is met by its date.
const PUBLISHED: Order = Order {
    status: Some("publish"),
    column: "date",
    bounds: ("after", "before"),
    overlap_ms: ZONES_MS,
    follows: true,
};

impl Plan {
    /// The orders of a kind with instants; none for lists by number.
    pub fn orders(&self, settings: &Settings) -> Vec<Order> {
        match self.kind {
            Kind::Content if settings.is_edit() => vec![
                Order {
                    status: Some("any"),
                    ..MODIFIED
                },
                Order {
                    status: Some("trash"),
                    ..MODIFIED
                },
                PUBLISHED,
            ],
            Kind::Content => vec![
                MODIFIED,
                Order {
                    status: None,
                    ..PUBLISHED
                },
            ],
            Kind::Comment => vec![Order {
                overlap_ms: i64::from(settings.comment_days) * 24 * 3_600_000,
                status: None,
                follows: false,
                ..PUBLISHED
            }],
            Kind::Term | Kind::User => Vec::new(),
        }
    }
}

/// All streams of these settings, always in the same order.
pub fn plans(settings: &Settings) -> Vec<Plan> {
    let plan = |base: &str, kind: Kind| Plan {
        name: stream_name(base),
        base: base.to_owned(),
        kind,
    };
    let content = settings
        .content
        .iter()
        .map(|base| plan(base, Kind::Content));
    let terms = settings
        .taxonomies
        .iter()
        .map(|base| plan(base, Kind::Term));
    let mut all: Vec<_> = content.chain(terms).collect();
    if settings.is_edit() && settings.users {
        all.push(plan("users", Kind::User));
    }
    if settings.is_edit() && settings.comments {
        all.push(plan("comments", Kind::Comment));
    }
    all
}

/// How the host sees a stream.
pub fn describe(plan: &Plan, settings: &Settings) -> Stream {
    let base = &plan.base;
    let (kind, description) = match plan.kind {
        Kind::Content => (
            RecordKind::Content,
            format!("Content of the post type `{base}`."),
        ),
        Kind::Term => (
            RecordKind::Content,
            format!("Terms of the taxonomy `{base}`."),
        ),
        Kind::User => (RecordKind::Contact, "Users of the site.".to_owned()),
        Kind::Comment => (RecordKind::Event, "Approved comments.".to_owned()),
    };
    let is_trash_seen = plan.kind == Kind::Content && settings.is_edit();
    Stream {
        name: plan.name.clone(),
        kind,
        description,
        incremental: matches!(plan.kind, Kind::Content | Kind::Comment),
        webhook: false,
        deletes: if is_trash_seen {
            Deletes::Tombstones
        } else {
            Deletes::NotReported
        },
    }
}
