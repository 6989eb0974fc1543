//! The terminal's clipboard: OSC 52, wrapped where a multiplexer stands between.

use data_encoding::BASE64;

/// Most terminals drop longer ones silently.
pub const MOST: usize = 74_994;

/// What stands between the program and the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Multiplexer {
    /// Nothing.
    #[default]
    None,
    /// tmux: passed through as a device control string with escapes doubled.
    Tmux,
    /// GNU screen: passed through in pieces.
    Screen,
}

impl Multiplexer {
    /// What `TMUX` and `TERM` say.
    pub fn find(tmux: Option<&str>, term: Option<&str>) -> Self {
        if tmux.is_some_and(|tmux| !tmux.is_empty()) {
            Multiplexer::Tmux
        } else if term.is_some_and(|term| term.starts_with("screen")) {
            Multiplexer::Screen
        } else {
            Multiplexer::None
        }
    }
}

/// The bytes that put a text on the clipboard; `None` where it is too long for it.
pub fn sequence(text: &str, through: Multiplexer) -> Option<String> {
    if text.len() > MOST {
        return None;
    }
    let plain = format!("\x1b]52;c;{}\x07", BASE64.encode(text.as_bytes()));
    Some(match through {
        Multiplexer::None => plain,
        Multiplexer::Tmux => format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")),
        Multiplexer::Screen => {
            // Screen takes strings of at most 768 bytes; all of it is ASCII.
            let pieces: Vec<&str> =
                plain.as_bytes().chunks(700).filter_map(|piece| std::str::from_utf8(piece).ok()).collect();
            pieces.into_iter().map(|piece| format!("\x1bP{piece}\x1b\\")).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_comes_through_each_multiplexer() {
        assert_eq!(sequence("hi", Multiplexer::None).unwrap(), "\x1b]52;c;aGk=\x07");
        assert_eq!(sequence("hi", Multiplexer::Tmux).unwrap(), "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\");
        let long = sequence(&"x".repeat(3000), Multiplexer::Screen).unwrap();
        assert!(long.split("\x1b\\").all(|piece| piece.len() <= 768));
        assert_eq!(sequence(&"x".repeat(MOST + 1), Multiplexer::None), None);
    }

    #[test]
    fn the_multiplexer_is_found_from_the_environment() {
        assert_eq!(Multiplexer::find(Some("/tmp/tmux-0/default,1,0"), Some("screen-256color")), Multiplexer::Tmux);
        assert_eq!(Multiplexer::find(None, Some("screen.xterm")), Multiplexer::Screen);
        assert_eq!(Multiplexer::find(None, Some("xterm-256color")), Multiplexer::None);
    }
}
