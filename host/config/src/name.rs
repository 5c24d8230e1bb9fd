//! Names of the operator's choice.

use crosspoint_model::identifier::IdentifierKind;

use crate::draft::Noun;
use crate::error::Code;
use crate::table::{Table, Text};

/// Longest name in bytes: fits a file name, a metric's label and a vendor's reference field.
const MAX_NAME_BYTES: usize = 64;

/// Longest trait name in bytes; traits carry vendors' names.
const MAX_TRAIT_BYTES: usize = 128;

/// `[a-z][a-z0-9-]*`, at most 64 bytes.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `[a-zA-Z_][a-zA-Z0-9_.-]*`, as the contract has it for a vendor's field.
pub(crate) fn is_field(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Reports a name that does not fit its kind.
pub(crate) fn check_name(noun: Noun, name: &Text<'_>, table: &Table<'_>) {
    let text = name.text;
    if noun == Noun::Trait {
        let fits = (1..=MAX_TRAIT_BYTES).contains(&text.len())
            && !text.contains(char::is_control)
            && text.trim() == text;
        if !fits {
            let message = format!("{text:?} is not a trait name");
            let hint = "use 1 to 128 bytes without control characters or outer spaces".to_owned();
            table.report(Code::BadName, name.at, message, Some(hint));
        }
        return;
    }
    if !is_name(text) {
        bad_name(noun.with_article(), name, table);
    } else if noun == Noun::Connector && names_identifier_kind(text) {
        let message = format!("connector `{text}` has the name of a kind of identifier");
        let hint = format!("`{text}:` begins an identifier; choose another name");
        table.report(Code::BadName, name.at, message, Some(hint));
    }
}

/// Reports that `name` is not a name. `noun` is what it should name, with its article.
pub(crate) fn bad_name(noun: &str, name: &Text<'_>, table: &Table<'_>) {
    let message = format!(
        "`{}` is not the name of {noun}; expected lower-case letters, digits and hyphens, a letter \
         first, at most {MAX_NAME_BYTES}",
        name.text
    );
    let proposal = propose(name.text);
    let hint = is_name(&proposal).then(|| format!("`{proposal}` would do"));
    table.report(Code::BadName, name.at, message, hint);
}

/// The nearest text that is a name, or at least tries to.
fn propose(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>()
        .join("-")
}

/// `email:…` on the command line must stay an address.
fn names_identifier_kind(name: &str) -> bool {
    [
        IdentifierKind::Vendor,
        IdentifierKind::UserId,
        IdentifierKind::Email,
        IdentifierKind::Phone,
        IdentifierKind::AnonymousId,
        IdentifierKind::Cookie,
    ]
    .iter()
    .any(|kind| kind.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        for good in ["a", "big-spenders", "shop2"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "Big", "2nd", "-a", "a_b", "a b", "é", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
        assert_eq!(propose("Big Spenders!"), "big-spenders");
    }

    #[test]
    fn fields_are_the_contracts() {
        assert!(is_field("_custom.Field-1"));
        assert!(!is_field("1st") && !is_field("") && !is_field("a b"));
    }
}
