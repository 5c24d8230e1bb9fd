//! Progress for a person at a terminal.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crosspoint_runtime::admin::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::plain;

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// One line at the bottom of the terminal that says how far the job is. Thread-safe.
pub struct Bar {
    shown: bool,
    current: Mutex<Option<(String, ProgressBar)>>,
}

impl Bar {
    /// With `shown` false nothing is ever written.
    pub fn new(shown: bool) -> Self {
        Self {
            shown,
            current: Mutex::new(None),
        }
    }

    /// Shows a step. Another label starts another bar.
    pub fn step(&self, step: Progress) {
        if !self.shown {
            return;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current
            .as_ref()
            .is_none_or(|(label, _)| *label != step.label)
        {
            if let Some((_, old)) = current.take() {
                old.finish_and_clear();
            }
            *current = Some((step.label.clone(), start(&step)));
        }
        if let Some((_, bar)) = current.as_ref() {
            if let Some(total) = step.total {
                bar.set_length(total);
            }
            bar.set_position(step.done);
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bar)) = current.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

fn start(step: &Progress) -> ProgressBar {
    let (bar, template) = match step.total {
        Some(total) => (
            ProgressBar::new(total),
            "{msg} {wide_bar} {human_pos}/{human_len} {eta}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {msg} {human_pos} {per_sec}",
        ),
    };
    bar.set_style(ProgressStyle::with_template(template).expect("a template that parses"));
    bar.set_message(plain(&step.label).into_owned());
    bar.enable_steady_tick(TICK);
    bar
}
