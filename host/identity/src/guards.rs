//! What must not join people: placeholders, shared devices, runaway profiles.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::identifier::IdentifierKind;
use crosspoint_model::{FragmentId, Identifier};
use smol_str::SmolStr;

/// Addresses that stand for "no address", beside every `noreply@` and the like.
const PLACEHOLDER_ADDRESSES: [&str; 14] = [
    "none@none.com",
    "no@no.com",
    "na@na.com",
    "n/a@n/a.com",
    "test@test.com",
    "test@test.test",
    "test@example.com",
    "user@example.com",
    "unknown@unknown.com",
    "noemail@noemail.com",
    "no@email.com",
    "email@email.com",
    "a@a.com",
    "guest@guest.com",
];

/// Mailboxes that no person reads, at any domain.
const ROBOT_MAILBOXES: [&str; 7] = [
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "do-not-reply",
    "mailer-daemon",
    "noemail",
];

/// What programs write where they have no id. Compared without regard to case.
const PLACEHOLDER_IDS: [&str; 22] = [
    "null",
    "undefined",
    "none",
    "nil",
    "nan",
    "n/a",
    "na",
    "0",
    "-1",
    "-",
    "unknown",
    "anonymous",
    "anon",
    "guest",
    "test",
    "user",
    "true",
    "false",
    "[object object]",
    "(not set)",
    "undefined_id",
    "00000000-0000-0000-0000-000000000000",
];

/// Limits beyond which identifiers do not join. A person's decision overrides them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Identifiers that join nobody, beside those that [`Self::blocks`] knows by their form.
    pub blocked: BTreeSet<Identifier>,
    /// An identifier that more fragments than this carry joins nobody: it is a till, an office or
    /// a placeholder.
    pub max_carriers: usize,
    /// Most fragments of one profile.
    pub max_fragments: usize,
    /// Most distinct identifiers of one kind in one profile; kinds without an entry are free.
    pub max_per_kind: BTreeMap<IdentifierKind, usize>,
    /// Most logins that a browser or device may bring together: where people with more of them
    /// share an anonymous id or cookie, it joins nobody who has one. What happened there before
    /// anybody logged in is then nobody's, and stays a profile of its own.
    pub max_logins_per_device: usize,
    /// Most fragments that are looked at together. Beyond it profiles are kept as they are: the
    /// only guard whose result depends on the order of arrival.
    pub max_component: usize,
}

impl Default for Guards {
    /// 50 carriers: more than one person has sources, fewer than a shared device has people. Five
    /// logins, twenty addresses and numbers: beyond that a person resells or is a department.
    fn default() -> Self {
        Self {
            blocked: PLACEHOLDER_ADDRESSES
                .into_iter()
                .filter_map(Identifier::email)
                .collect(),
            max_carriers: 50,
            max_fragments: 200,
            max_per_kind: BTreeMap::from([
                (IdentifierKind::UserId, 5),
                (IdentifierKind::Email, 20),
                (IdentifierKind::Phone, 20),
                (IdentifierKind::AnonymousId, 500),
                (IdentifierKind::Cookie, 500),
            ]),
            max_logins_per_device: 1,
            max_component: 10_000,
        }
    }
}

impl Guards {
    /// Whether the identifier joins nobody, whoever carries it.
    pub fn blocks(&self, identifier: &Identifier) -> bool {
        let placeholder = match identifier {
            Identifier::Email(address) => {
                let mailbox = address.split_once('@').map_or("", |(mailbox, _)| mailbox);
                ROBOT_MAILBOXES.contains(&mailbox)
            }
            Identifier::Phone(number) => is_one_digit_repeated(number),
            Identifier::Vendor { id, .. } => is_placeholder(id),
            Identifier::UserId(id) | Identifier::AnonymousId(id) | Identifier::Cookie(id) => {
                is_placeholder(id)
            }
        };
        placeholder || self.blocked.contains(identifier)
    }

    /// Whether the identifier is a browser's or a device's, which people may share.
    pub(crate) fn is_device(identifier: &Identifier) -> bool {
        matches!(
            identifier,
            Identifier::AnonymousId(_) | Identifier::Cookie(_)
        )
    }

    /// Whether one more such identifier can trip a guard, even where nobody else carries it.
    pub(crate) fn counts(&self, identifier: &Identifier) -> bool {
        matches!(identifier, Identifier::UserId(_)) || self.limit(identifier.kind()).is_some()
    }

    /// Most distinct identifiers of this kind in one profile.
    pub fn limit(&self, kind: IdentifierKind) -> Option<usize> {
        self.max_per_kind.get(&kind).copied()
    }
}

fn is_placeholder(id: &SmolStr) -> bool {
    const LONGEST: usize = 36;
    id.len() <= LONGEST
        && PLACEHOLDER_IDS
            .iter()
            .any(|word| id.eq_ignore_ascii_case(word))
}

fn is_one_digit_repeated(number: &str) -> bool {
    let digits = number.trim_start_matches('+').as_bytes();
    digits
        .first()
        .is_some_and(|first| digits.iter().all(|digit| digit == first))
}

/// Which guard, or decision, kept fragments apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// The identifier joins nobody.
    Blocked,
    /// Too many fragments carry the identifier.
    Carriers,
    /// The profile would have too many fragments.
    Fragments,
    /// The profile would have too many identifiers of this kind.
    Kind(IdentifierKind),
    /// A person decided that they are not the same.
    Apart,
    /// Too many fragments hang together to look at them all.
    Component,
}

/// Fragments that share an identifier and yet are kept apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// What they share; `None` where a decision would have joined them.
    pub identifier: Option<Identifier>,
    /// Who is kept apart, sorted: of two groups the smallest fragment each.
    pub between: Vec<FragmentId>,
    /// Why.
    pub guard: Guard,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_placeholders_and_nothing_else() {
        let guards = Guards::default();
        for (text, blocked) in [
            ("email:none@none.com", true),
            ("email:NoReply@shop.example", true),
            ("email:jane@none.com", false),
            ("user-id:NULL", true),
            ("user-id:0", true),
            ("user-id:10", false),
            ("shop:undefined", true),
            ("shop:1", false),
            ("phone:+000000000", true),
            ("phone:1111111", true),
            ("phone:+31201234567", false),
            ("cookie:guest", true),
        ] {
            let identifier = Identifier::parse(text).unwrap();
            assert_eq!(guards.blocks(&identifier), blocked, "{text}");
        }
    }
}
