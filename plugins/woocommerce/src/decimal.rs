//! Exact sums of decimal text.

/// A decimal as a whole number of its last places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fixed {
    digits: i128,
    places: u32,
}

/// More than any currency or tax rate has.
const MAX_PLACES: usize = 12;

impl Fixed {
    /// `-?[0-9]+(\.[0-9]+)?`
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let places = text
            .split_once('.')
            .map_or(0, |(_, fraction)| fraction.len());
        if places > MAX_PLACES || text.len() > 28 || text.starts_with('+') {
            return None;
        }
        Some(Self {
            digits: text.replacen('.', "", 1).parse().ok()?,
            places: u32::try_from(places).ok()?,
        })
    }

    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        let places = self.places.max(other.places);
        let scaled = |it: Self| it.digits.checked_mul(10_i128.pow(places - it.places));
        Some(Self {
            digits: scaled(self)?.checked_add(scaled(other)?)?,
            places,
        })
    }

    pub(crate) fn absolute(self) -> Self {
        Self {
            digits: self.digits.abs(),
            ..self
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.digits == 0
    }

    pub(crate) fn text(self) -> String {
        let places = self.places as usize;
        let digits = format!("{:0width$}", self.digits.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if self.digits < 0 { "-" } else { "" };
        let point = if places > 0 { "." } else { "" };
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// The sum, if all of it can be read.
pub(crate) fn sum<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Fixed> {
    texts
        .into_iter()
        .try_fold(Fixed::default(), |sum, text| sum.plus(Fixed::parse(text)?))
}
