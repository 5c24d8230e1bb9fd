//! Addresses as they may stand in a command and in a header.

/// An address that can be put between `<` and `>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// Reads `local@domain` without quotes: what shops and forms have. Quoted local parts, in which
    /// nearly everything is allowed, are refused rather than escaped.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or("it has no `@`")?;
        // RFC 5321 §4.5.3.1, and 254 because `<` and `>` count towards a path of 256.
        if local.is_empty() || local.len() > 64 || text.len() > 254 {
            return Err("it is too long, or nothing stands before `@`");
        }
        let is_atom = |part: &str| !part.is_empty() && part.chars().all(is_atext);
        if !local.split('.').all(is_atom) {
            return Err("it has characters that an address cannot have before `@`");
        }
        let is_label = |label: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || is_beyond_ascii(c);
            !label.is_empty() && label.len() <= 63 && label.chars().all(fits)
        };
        if !domain.split('.').all(is_label) {
            return Err("what stands behind `@` is no domain");
        }
        Ok(Self(format!("{local}@{}", domain.to_lowercase())))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    pub(crate) fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }
}

/// RFC 5322 `atext`, and RFC 6531's extension by everything beyond ASCII.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_beyond_ascii(c)
}

fn is_beyond_ascii(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace()
}

/// An address with a name beside it, as `Shop <news@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mailbox {
    pub(crate) name: String,
    pub(crate) address: Address,
}

impl Mailbox {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(rest) => rest.rsplit_once('<').ok_or("it has `>` without `<`")?,
            None => ("", text),
        };
        Ok(Self {
            name: name.trim().trim_matches('"').to_owned(),
            address: Address::parse(address)?,
        })
    }
}
