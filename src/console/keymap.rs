//! Keys: the embedded key file, a partial one of the person's own, and what is wrong with it.

use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use toml::de::{DeTable, DeValue};

use super::actions::Action;
use super::state::Panel;

const DEFAULT: &str = include_str!("../../keymaps/default.toml");

/// A key with its modifiers; shift is in the letter itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let mut modifiers = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        if matches!(event.code, KeyCode::Char(_) | KeyCode::BackTab) {
            modifiers -= KeyModifiers::SHIFT;
        }
        Key { code: event.code, modifiers }
    }
}

impl Key {
    /// Reads `ctrl-c`, `G`, `space`, `f1`.
    pub fn parse(text: &str) -> Option<Key> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            if let Some(tail) = rest.strip_prefix("ctrl-") {
                (modifiers, rest) = (modifiers | KeyModifiers::CONTROL, tail);
            } else if let Some(tail) = rest.strip_prefix("alt-") {
                (modifiers, rest) = (modifiers | KeyModifiers::ALT, tail);
            } else if let Some(tail) = rest.strip_prefix("shift-") {
                (modifiers, rest) = (modifiers | KeyModifiers::SHIFT, tail);
            } else {
                break;
            }
        }
        let code = match rest {
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "space" => KeyCode::Char(' '),
            "tab" => KeyCode::Tab,
            "backtab" => KeyCode::BackTab,
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "pageup" => KeyCode::PageUp,
            "pagedown" => KeyCode::PageDown,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            "insert" => KeyCode::Insert,
            "delete" => KeyCode::Delete,
            "backspace" => KeyCode::Backspace,
            _ => {
                let mut letters = rest.chars();
                match (letters.next(), letters.next()) {
                    (Some(letter), None) if !letter.is_control() => KeyCode::Char(letter),
                    (Some('f'), Some(_)) => KeyCode::F(rest.get(1..)?.parse().ok().filter(|n| (1..=12).contains(n))?),
                    _ => return None,
                }
            }
        };
        let (code, modifiers) = match code {
            KeyCode::Char(letter) if modifiers.contains(KeyModifiers::SHIFT) => {
                (KeyCode::Char(letter.to_ascii_uppercase()), modifiers - KeyModifiers::SHIFT)
            }
            KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => {
                (KeyCode::BackTab, modifiers - KeyModifiers::SHIFT)
            }
            _ => (code, modifiers),
        };
        Some(Key { code, modifiers })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, word) in
            [(KeyModifiers::CONTROL, "ctrl-"), (KeyModifiers::ALT, "alt-"), (KeyModifiers::SHIFT, "shift-")]
        {
            if self.modifiers.contains(bit) {
                f.write_str(word)?;
            }
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("space"),
            KeyCode::Char(letter) => write!(f, "{}", crate::model::safe(&letter.to_string())),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::F(number) => write!(f, "f{number}"),
            code => write!(f, "{}", format!("{code:?}").to_lowercase()),
        }
    }
}

/// What is wrong with a key file, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}, line {line}: {message}")]
pub struct KeymapFault {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Which key starts which action.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Binding {
    key: Key,
    action: Action,
    line: usize,
    own: bool,
}

impl Keymap {
    /// The embedded keys with a file of the person's own (its name and text) laid over them.
    ///
    /// # Errors
    /// Every fault at once: what is no TOML, unknown actions and keys, a key given twice, a key that hides another action's.
    pub fn load(own: Option<(&str, &str)>) -> Result<Keymap, Vec<KeymapFault>> {
        let mut faults = Vec::new();
        let base = read("keymaps/default.toml", DEFAULT, false, &mut faults);
        let (file, text) = own.unwrap_or(("keymaps/default.toml", ""));
        let over = read(file, text, true, &mut faults);

        let mut bindings: Vec<Binding> = Vec::new();
        for (action, keys) in &base {
            if !over.iter().any(|(other, _)| other == action) {
                bindings.extend(keys.iter().cloned());
            }
        }
        // The person's own come last, so that a clash is reported at their line.
        bindings.extend(over.into_iter().flat_map(|(_, keys)| keys));
        for (at, binding) in bindings.iter().enumerate() {
            let Some(other) = bindings
                .iter()
                .take(at)
                .find(|other| other.key == binding.key && other.action.scope().overlaps(binding.action.scope()))
            else {
                continue;
            };
            let (key, new, old) = (binding.key, binding.action.word(), other.action.word());
            let message = if other.action == binding.action {
                format!("`{key}` stands twice for `{new}`: remove one")
            } else if other.own == binding.own {
                format!("`{key}` is given to `{old}` (line {}) and to `{new}`: keep one", other.line)
            } else {
                format!("`{key}` for `{new}` would hide `{old}`: give `{old}` another key here, or `{old} = []`")
            };
            let file = if binding.own { file } else { "keymaps/default.toml" };
            faults.push(KeymapFault { file: file.to_owned(), line: binding.line, message });
        }
        if !bindings.iter().any(|binding| binding.action == Action::Quit) {
            let message = "`quit` has no key: give it one, or nobody can leave".to_owned();
            faults.push(KeymapFault { file: file.to_owned(), line: 1, message });
        }
        if faults.is_empty() { Ok(Keymap { bindings }) } else { Err(faults) }
    }

    /// What a key starts in a panel.
    pub fn action(&self, key: Key, panel: Panel) -> Option<Action> {
        self.bindings.iter().find(|b| b.key == key && b.action.scope().covers(panel)).map(|b| b.action)
    }

    /// The keys of an action, for people: `q ctrl-c`.
    pub fn keys(&self, action: Action) -> String {
        let keys: Vec<String> =
            self.bindings.iter().filter(|b| b.action == action).map(|b| b.key.to_string()).collect();
        keys.join(" ")
    }

    /// The first key of an action.
    pub fn key(&self, action: Action) -> Option<Key> {
        self.bindings.iter().find(|b| b.action == action).map(|b| b.key)
    }
}

fn read(file: &str, text: &str, own: bool, faults: &mut Vec<KeymapFault>) -> Vec<(Action, Vec<Binding>)> {
    let line_of = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let mut fault = |line: usize, message: String| faults.push(KeymapFault { file: file.to_owned(), line, message });
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = error.span().map_or(1, |span| line_of(span.start));
        fault(line, crate::model::safe(error.message()).into_owned());
    }
    let mut found = Vec::new();
    for (word, value) in table.get_ref().iter() {
        let line = line_of(word.span().start);
        let word = word.get_ref().as_ref();
        let Some(action) = Action::parse(word) else {
            let near = Action::ALL
                .iter()
                .max_by(|a, b| strsim::jaro(a.word(), word).total_cmp(&strsim::jaro(b.word(), word)))
                .map_or("help", |action| action.word());
            fault(line, format!("there is no action `{}`: did you mean `{near}`?", crate::model::safe(word)));
            continue;
        };
        let one = std::slice::from_ref(value);
        let values: Vec<_> = match value.get_ref() {
            DeValue::Array(list) => list.iter().collect(),
            _ => one.iter().collect(),
        };
        let mut keys = Vec::new();
        for value in values {
            let line = line_of(value.span().start);
            match value.get_ref().as_str().map(|text| (text, Key::parse(text))) {
                Some((_, Some(key))) => keys.push(Binding { key, action, line, own }),
                Some((text, None)) => {
                    fault(line, format!("`{}` is no key: write \"q\", \"ctrl-c\", \"f1\"…", crate::model::safe(text)));
                }
                None => fault(line, format!("`{word}` wants a key as text, or a list of them")),
            }
        }
        found.push((action, keys));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_key_and_the_embedded_file_has_no_fault() {
        let keymap = Keymap::load(None).unwrap();
        for action in Action::ALL {
            assert!(keymap.key(*action).is_some(), "{}", action.word());
        }
    }

    #[test]
    fn a_partial_file_changes_only_what_it_names() {
        let keymap = Keymap::load(Some(("mine.toml", "replay = \"ctrl-r\"\n"))).unwrap();
        assert_eq!(keymap.keys(Action::Replay), "ctrl-r");
        assert_eq!(keymap.keys(Action::Dismiss), "d");
        assert_eq!(keymap.action(Key::parse("r").unwrap(), Panel::Invoices), None);
    }

    #[test]
    fn unknown_duplicate_and_shadowing_keys_are_named_with_their_lines() {
        let text = "replya = \"x\"\nmark = [\"z\",\n  \"z\"]\ndismiss = \"r\"\nadopt = \"hyper-x\"\ncopy = 3\n";
        let faults = Keymap::load(Some(("mine.toml", text))).unwrap_err();
        let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let has = |part: &str| assert!(said.iter().any(|line| line.contains(part)), "{part}: {said:#?}");
        has("mine.toml, line 1: there is no action `replya`: did you mean `replay`?");
        has("line 3: `z` stands twice for `mark`");
        has("line 4: `r` for `dismiss` would hide `replay`");
        has("line 5: `hyper-x` is no key");
        has("line 6: `copy` wants a key");
        assert_eq!(said.len(), 5, "{said:#?}");
    }

    #[test]
    fn a_broken_file_is_reported_not_ignored() {
        let faults = Keymap::load(Some(("mine.toml", "quit = \"q\"\nhelp = = \"?\"\n"))).unwrap_err();
        assert!(faults.iter().any(|fault| fault.line == 2), "{faults:?}");
    }

    #[test]
    fn the_same_key_may_serve_panels_that_never_meet() {
        assert!(Keymap::load(Some(("mine.toml", "run_flow = \"r\"\n"))).is_ok());
    }

    #[test]
    fn nobody_can_lock_themselves_in() {
        assert!(Keymap::load(Some(("mine.toml", "quit = []\n"))).is_err());
    }
}
