//! How vendors count: a leaky bucket or a fixed window. Times are milliseconds of the
//! simulator's clock.

/// Fills with each call by its cost and leaks at a steady rate.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub capacity: f64,
    /// Units a second.
    pub leak_per_s: f64,
    level: f64,
    at_ms: i64,
}

impl Bucket {
    #[must_use]
    pub fn new(capacity: f64, leak_per_s: f64) -> Self {
        let (level, at_ms) = (0.0, i64::MIN);
        Self {
            capacity,
            leak_per_s,
            level,
            at_ms,
        }
    }

    /// Takes `cost`, or says after how many milliseconds it would fit.
    pub fn take(&mut self, cost: f64, now_ms: i64) -> Result<(), i64> {
        let level = self.level(now_ms);
        if level + cost > self.capacity {
            let excess = level + cost - self.capacity;
            return Err((excess / self.leak_per_s * 1000.0).ceil() as i64);
        }
        self.level = level + cost;
        Ok(())
    }

    /// Gives back what a call was charged too much.
    pub fn give_back(&mut self, cost: f64) {
        self.level = (self.level - cost).max(0.0);
    }

    /// How full it is.
    pub fn level(&mut self, now_ms: i64) -> f64 {
        if self.at_ms != i64::MIN {
            let passed_s = (now_ms - self.at_ms).max(0) as f64 / 1000.0;
            self.level = (self.level - passed_s * self.leak_per_s).max(0.0);
        }
        self.at_ms = now_ms;
        self.level
    }
}

/// So many calls in each window of the clock.
#[derive(Clone, Debug)]
pub struct Window {
    pub limit: u64,
    pub length_ms: i64,
    used: u64,
    window: i64,
}

impl Window {
    #[must_use]
    pub fn new(limit: u64, length_ms: i64) -> Self {
        let (used, window) = (0, i64::MIN);
        Self {
            limit,
            length_ms,
            used,
            window,
        }
    }

    /// Counts one call, or says after how many milliseconds the next window begins.
    pub fn take(&mut self, now_ms: i64) -> Result<(), i64> {
        let window = now_ms.div_euclid(self.length_ms);
        if window != self.window {
            (self.window, self.used) = (window, 0);
        }
        if self.used >= self.limit {
            return Err((window + 1) * self.length_ms - now_ms);
        }
        self.used += 1;
        Ok(())
    }

    /// Calls left in the window of the last call.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.limit - self.used
    }
}
