//! A site's clock, which is not UTC and changes in spring and autumn.

use serde_json::Value;

/// So many seconds east of UTC, and others from an instant on.
#[derive(Clone, Copy, Debug)]
pub struct Zone {
    offset_s: i64,
    /// From this instant on in milliseconds, so many.
    then: Option<(i64, i64)>,
}

impl Zone {
    #[must_use]
    pub fn fixed(offset_s: i64) -> Self {
        let then = None;
        Self { offset_s, then }
    }

    /// `{"offset_s": 7200, "then": {"at_ms": N, "offset_s": 3600}}`: a summer that ends.
    #[must_use]
    pub fn from_json(args: &Value) -> Option<Self> {
        let then = &args["then"];
        Some(Self {
            offset_s: args["offset_s"].as_i64()?,
            then: then["at_ms"].as_i64().zip(then["offset_s"].as_i64()),
        })
    }

    #[must_use]
    pub fn offset_s(&self, at_ms: i64) -> i64 {
        match self.then {
            Some((from_ms, offset_s)) if at_ms >= from_ms => offset_s,
            _ => self.offset_s,
        }
    }

    /// What the site's clock shows, as seconds since its own 1970.
    #[must_use]
    pub fn local_s(&self, at_ms: i64) -> i64 {
        at_ms.div_euclid(1000) + self.offset_s(at_ms)
    }

    /// The second at which the site's clock shows that: the first where there are two, and as if the
    /// clock had not been moved where there is none. PHP does so.
    #[must_use]
    pub fn second(&self, local_s: i64) -> i64 {
        let (early, late) = match self.then {
            Some((_, then_s)) => (local_s - self.offset_s, local_s - then_s),
            None => return local_s - self.offset_s,
        };
        let shows = |second: i64| self.local_s(second * 1000) == local_s;
        if !shows(early) && shows(late) {
            late
        } else {
            early
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_comes_twice_in_autumn_and_never_in_spring() {
        let autumn = Zone {
            offset_s: 7200,
            then: Some((3_600_000, 3600)),
        };
        assert_eq!(autumn.local_s(3_599_000), 10_799);
        assert_eq!(autumn.local_s(3_600_000), 7_200);
        assert_eq!(autumn.second(7_200), 0);
        assert_eq!(autumn.second(10_800), 7_200);
        let spring = Zone {
            offset_s: 3600,
            then: Some((3_600_000, 7200)),
        };
        assert_eq!(spring.local_s(3_600_000), 10_800);
        assert_eq!(spring.second(7_200), 3_600);
        assert_eq!(spring.second(10_800), 3_600);
        assert_eq!(spring.second(3_600), 0);
    }
}
