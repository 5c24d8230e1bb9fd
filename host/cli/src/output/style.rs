//! Colours, and text that cannot steer a terminal.

use std::borrow::Cow;

/// Whether the environment wants colours (no-color.org; a dumb terminal has none).
pub fn colour_allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Colours or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// Colours on a terminal, if the environment wants them; else none.
    pub fn of(terminal: bool) -> Self {
        Self {
            colour: terminal && colour_allowed(),
        }
    }

    /// Headings and names.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What matters less.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Errors.
    pub fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// What is as it should be.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What wants attention.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Hints and commands.
    pub fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Text from outside, with control characters made visible: a name in a vendor's data must not be
/// able to clear the screen or to write into the clipboard.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Control characters, and those that change the direction of text.
fn steers(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
