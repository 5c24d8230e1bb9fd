//! Reads a date piece by piece.

/// What is left of the text.
pub(super) struct Parts<'a> {
    pub(super) rest: &'a [u8],
}

impl Parts<'_> {
    pub(super) fn skip(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip(byte).then_some(())
    }

    pub(super) fn sign(&mut self) -> Option<i32> {
        if self.skip(b'+') {
            Some(1)
        } else {
            self.skip(b'-').then_some(-1)
        }
    }

    pub(super) fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self
            .rest
            .iter()
            .take(most)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(
            digits
                .iter()
                .fold(0, |number, digit| number * 10 + i64::from(digit - b'0')),
        )
    }

    /// Milliseconds out of the digits behind the decimal sign; finer ones are cut.
    pub(super) fn fraction(&mut self) -> Option<i64> {
        let count = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some((0..3).fold(0, |ms, at| {
            ms * 10 + digits.get(at).map_or(0, |d| i64::from(d - b'0'))
        }))
    }

    pub(super) fn month_name(&mut self) -> Option<i64> {
        const NAMES: [&str; 12] = [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ];
        let count = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let (word, rest) = self.rest.split_at(count);
        let word = std::str::from_utf8(word).ok()?.to_ascii_lowercase();
        let at = NAMES
            .iter()
            .position(|name| word == *name || word == name[..3])?;
        self.rest = rest;
        i64::try_from(at + 1).ok()
    }

    pub(super) fn is_afternoon(&mut self) -> Option<bool> {
        let (word, rest) = self.rest.split_at_checked(2)?;
        self.rest = rest;
        if word.eq_ignore_ascii_case(b"am") {
            Some(false)
        } else {
            word.eq_ignore_ascii_case(b"pm").then_some(true)
        }
    }
}
