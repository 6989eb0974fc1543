//! Colours: the terminal's own sixteen, no background; a glyph and a word stand beside every one, so none is needed.

use ratatui::style::{Color, Modifier, Style};

use crate::messages::{AlertLevel, LogLevel};
use crate::model::{PairState, State};

/// Whether to use colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ColorChoice {
    /// Unless `NO_COLOR` is set or the terminal is dumb.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Whether colours are used, given `NO_COLOR` and `TERM`.
    pub fn decide(self, no_color: Option<&str>, term: Option<&str>) -> bool {
        match self {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => no_color.is_none_or(str::is_empty) && term != Some("dumb"),
        }
    }
}

/// Styles by meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Theme {
    /// Whether colours are used.
    pub color: bool,
}

impl Theme {
    fn paint(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    /// It is well.
    pub fn good(self) -> Style {
        self.paint(Color::Green)
    }

    /// It moves.
    pub fn moving(self) -> Style {
        self.paint(Color::Cyan)
    }

    /// It waits.
    pub fn waiting(self) -> Style {
        self.paint(Color::Blue)
    }

    /// A person should look.
    pub fn warning(self) -> Style {
        self.paint(Color::Yellow)
    }

    /// Something is wrong.
    pub fn bad(self) -> Style {
        self.paint(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Nobody knows.
    pub fn doubt(self) -> Style {
        self.paint(Color::Magenta)
    }

    /// Headings.
    pub fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What matters less.
    pub fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The row or button that has the focus.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Glyph and style of a state.
    pub fn state(self, state: State) -> (&'static str, Style) {
        match state {
            State::NotApproved => ("○", Style::new()),
            State::BeforeCutover => ("◌", Style::new()),
            State::Held => ("▲", self.warning()),
            State::Queued => ("◔", self.waiting()),
            State::Withdrawn => ("⊘", Style::new()),
            State::Sent => ("→", self.moving()),
            State::Claimed => ("◑", self.moving()),
            State::InDoubt => ("?", self.doubt()),
            State::Posted => ("✓", self.good()),
            State::Drafted => ("✎", self.good()),
            State::Differs => ("≠", self.bad()),
            State::Failed => ("✗", self.bad()),
            State::Dismissed => ("–", Style::new()),
        }
    }

    /// Glyph and style of the state of a supplier and its vendor.
    pub fn pair(self, state: PairState) -> (&'static str, Style) {
        match state {
            PairState::Agreed => ("✓", self.good()),
            PairState::Differs => ("~", self.waiting()),
            PairState::Writing => ("→", self.moving()),
            PairState::Suggested => ("?", self.warning()),
            PairState::New => ("+", self.waiting()),
            PairState::Conflict => ("≠", self.bad()),
            PairState::Failed => ("✗", self.bad()),
            PairState::Held => ("▲", self.warning()),
            PairState::Closed => ("–", Style::new()),
        }
    }

    /// The part of a text that differs: it stands in brackets too.
    pub fn differing(self) -> Style {
        self.warning().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    /// Glyph, word and style of an alert's level.
    pub fn alert(self, level: AlertLevel) -> (&'static str, &'static str, Style) {
        match level {
            AlertLevel::Notice => ("·", "notice", self.moving()),
            AlertLevel::Warning => ("▲", "warning", self.warning()),
            AlertLevel::Alarm => ("✗", "ALARM", self.bad()),
        }
    }

    /// Word and style of a log line's level.
    pub fn level(self, level: LogLevel) -> (&'static str, Style) {
        match level {
            LogLevel::Error => ("ERROR", self.bad()),
            LogLevel::Warn => ("WARN ", self.warning()),
            LogLevel::Info => ("INFO ", self.good()),
            LogLevel::Debug => ("DEBUG", self.moving()),
            LogLevel::Trace => ("TRACE", self.quiet()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_is_obeyed_unless_the_person_says_always() {
        assert!(ColorChoice::Auto.decide(None, Some("xterm")));
        assert!(ColorChoice::Auto.decide(Some(""), Some("xterm")));
        assert!(!ColorChoice::Auto.decide(Some("1"), Some("xterm")));
        assert!(!ColorChoice::Auto.decide(None, Some("dumb")));
        assert!(ColorChoice::Always.decide(Some("1"), Some("dumb")));
        assert!(!ColorChoice::Never.decide(None, None));
    }

    #[test]
    fn every_state_has_a_glyph_of_its_own_and_no_style_sets_a_background() {
        let theme = Theme { color: true };
        let glyphs: std::collections::BTreeSet<_> = State::ALL.iter().map(|state| theme.state(*state).0).collect();
        assert_eq!(glyphs.len(), State::ALL.len());
        let glyphs: std::collections::BTreeSet<_> = PairState::ALL.iter().map(|state| theme.pair(*state).0).collect();
        assert_eq!(glyphs.len(), PairState::ALL.len());
        assert!(State::ALL.iter().all(|state| theme.state(*state).1.bg.is_none()));
    }
}
