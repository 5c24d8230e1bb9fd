//! Exact decimal numbers and money.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact decimal of up to 28 significant digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(pub rust_decimal::Decimal);

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal(rust_decimal::Decimal::ZERO);

    /// `self + other`, or `None` where 28 digits do not suffice.
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        self.0.checked_add(other.0).map(Decimal)
    }

    /// `self - other`, or `None` where 28 digits do not suffice.
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        self.0.checked_sub(other.0).map(Decimal)
    }

    /// `self * other`, or `None` where 28 digits do not suffice.
    pub fn checked_mul(self, other: Decimal) -> Option<Decimal> {
        self.0.checked_mul(other.0).map(Decimal)
    }

    /// `self / other`, or `None` for a zero divisor or an overflow.
    pub fn checked_div(self, other: Decimal) -> Option<Decimal> {
        self.0.checked_div(other.0).map(Decimal)
    }

    /// Whether it is zero, whatever its scale.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self(number.into())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Text that is no decimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a decimal; expected digits with an optional point, such as `12.50`")]
pub struct ParseDecimalError(pub String);

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        rust_decimal::Decimal::from_str_exact(text)
            .map(Self)
            .map_err(|_| ParseDecimalError(text.to_owned()))
    }
}

impl Serialize for Decimal {
    /// Text for people (JSON); mantissa and scale as variable-length integers otherwise.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&self.0)
        } else {
            (self.0.mantissa(), self.0.scale() as u8).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(D::Error::custom)
        } else {
            let (mantissa, scale) = <(i128, u8)>::deserialize(deserializer)?;
            rust_decimal::Decimal::try_from_i128_with_scale(mantissa, scale.into())
                .map(Self)
                .map_err(D::Error::custom)
        }
    }
}

/// An amount in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The amount in major units, as in `12.50`.
    pub amount: Decimal,
    /// ISO 4217 alphabetic code, upper case.
    pub currency: smol_str::SmolStr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_survives_encoding() {
        for text in ["0", "-0.01", "12.50", "79228162514264337593543950335"] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(decimal.to_string(), text);
            let (mantissa, scale) = (decimal.0.mantissa(), decimal.0.scale());
            let back = rust_decimal::Decimal::try_from_i128_with_scale(mantissa, scale).unwrap();
            assert_eq!(back.to_string(), text);
        }
        assert!("1e5".parse::<Decimal>().is_err());
        assert!("1,5".parse::<Decimal>().is_err());
    }
}
