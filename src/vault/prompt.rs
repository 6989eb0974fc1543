//! Asking for a secret: from a pipe as it comes, from a terminal without showing it.

use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::VaultError;
use crate::model::{Secret, safe};

/// More than any password, less than a file given by mistake.
const LONGEST: u64 = 64 * 1024;

/// Reads a secret: from standard input if that is no terminal (all of it but one line end), else from the terminal without
/// showing it. Nothing is taken for an answer that is empty, cancelled, or no text.
pub fn read_secret(name: &str) -> Result<Secret, VaultError> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        // Not through the buffer of the library: bytes would stay in it.
        let input = stdin.as_fd().try_clone_to_owned().map_err(|source| failed(name, source))?;
        from_terminal(name, std::fs::File::from(input), io::stderr())
    } else {
        from_pipe(name, stdin.lock())
    }
}

fn failed(name: &str, source: io::Error) -> VaultError {
    VaultError::Io { path: name.into(), doing: "read from standard input", source }
}

fn refused(name: &str, what: &'static str) -> VaultError {
    VaultError::NoAnswer { name: name.to_owned(), what }
}

fn from_pipe(name: &str, input: impl Read) -> Result<Secret, VaultError> {
    // Of full size from the start, so that growing leaves no copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    input.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|source| failed(name, source))?;
    if bytes.len() as u64 > LONGEST {
        return Err(refused(name, "standard input is longer than any secret"));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    secret(name, &bytes)
}

fn secret(name: &str, bytes: &[u8]) -> Result<Secret, VaultError> {
    match std::str::from_utf8(bytes) {
        Ok("") => Err(refused(name, "nothing was given")),
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(refused(name, "what was given is not UTF-8 text")),
    }
}

/// The terminal without echo and with every key coming through, until it is dropped.
struct Hidden<'a, T: AsFd> {
    terminal: &'a T,
    before: Termios,
}

impl<'a, T: AsFd> Hidden<'a, T> {
    fn new(terminal: &'a T) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        // Without ISIG, Ctrl-C is a key like others: the process does not die with the echo off.
        hidden
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        hidden.special_codes[rustix::termios::SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[rustix::termios::SpecialCodeIndex::VTIME] = 0;
        // Flush: what was typed before the question is no answer to it.
        tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(Hidden { terminal, before })
    }
}

impl<T: AsFd> Drop for Hidden<'_, T> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn from_terminal(name: &str, mut terminal: impl Read + AsFd, mut to: impl Write) -> Result<Secret, VaultError> {
    let fd = terminal.as_fd().try_clone_to_owned().map_err(|source| failed(name, source))?;
    let hidden = Hidden::new(&fd).map_err(|source| failed(name, source))?;
    let ask = |to: &mut dyn Write, text: &str| to.write_all(text.as_bytes()).and_then(|()| to.flush());
    ask(&mut to, &format!("{} (not shown, Ctrl-C to leave it): ", safe(name)))
        .map_err(|source| failed(name, source))?;
    let mut answer = Answer::default();
    let end = loop {
        let mut byte = Zeroizing::new([0]);
        match terminal.read(byte.as_mut_slice()) {
            Ok(0) => break End::Cancelled,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(failed(name, source)),
        }
        let [byte] = *byte;
        if let Some(end) = answer.take(byte) {
            break end;
        }
    };
    drop(hidden);
    ask(&mut to, "\n").map_err(|source| failed(name, source))?;
    match end {
        End::Given => secret(name, &answer.bytes),
        End::Cancelled => Err(refused(name, "cancelled")),
        End::TooLong => Err(refused(name, "the answer is longer than any secret")),
    }
}

/// How typing ends.
#[derive(PartialEq, Eq, Debug)]
enum End {
    Given,
    Cancelled,
    TooLong,
}

/// What has been typed so far.
struct Answer {
    bytes: Zeroizing<Vec<u8>>,
    escape: Escape,
}

impl Default for Answer {
    fn default() -> Self {
        Answer { bytes: Zeroizing::new(Vec::with_capacity(4096)), escape: Escape::None }
    }
}

/// Keys like arrows send several bytes, none of which belong to a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    Inside,
}

impl Answer {
    fn take(&mut self, byte: u8) -> Option<End> {
        match (self.escape, byte) {
            (Escape::Begun, b'[' | b'O') => {
                self.escape = Escape::Inside;
                return None;
            }
            (Escape::Inside, 0x20..=0x7e) => {
                if byte >= 0x40 {
                    self.escape = Escape::None;
                }
                return None;
            }
            _ => self.escape = Escape::None,
        }
        match byte {
            b'\r' | b'\n' => return Some(End::Given),
            3 => return Some(End::Cancelled),
            4 if self.bytes.is_empty() => return Some(End::Cancelled),
            4 => return Some(End::Given),
            8 | 0x7f => self.erase(),
            0x15 => self.bytes.clear(),
            0x1b => self.escape = Escape::Begun,
            0..=0x1f => {}
            // Never grown: growing would leave copies behind.
            _ if self.bytes.len() == self.bytes.capacity() => return Some(End::TooLong),
            _ => self.bytes.push(byte),
        }
        None
    }

    /// The last character, which may have several bytes.
    fn erase(&mut self) {
        while let Some(byte) = self.bytes.pop() {
            if byte & 0b1100_0000 != 0b1000_0000 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> (Option<End>, Vec<u8>) {
        let mut answer = Answer::default();
        let end = keys.iter().find_map(|key| answer.take(*key));
        (end, answer.bytes.to_vec())
    }

    #[test]
    fn typing_can_be_mended_and_arrows_leave_nothing() {
        assert_eq!(typed(b"hunterx\x7f2\r"), (Some(End::Given), b"hunter2".to_vec()));
        assert_eq!(typed("pä\u{7f}a\n".as_bytes()), (Some(End::Given), b"pa".to_vec()));
        assert_eq!(typed(b"wrong\x15right\r"), (Some(End::Given), b"right".to_vec()));
        assert_eq!(typed(b"a\x1b[D\x1b[1;5Cb\x1bOAc\r"), (Some(End::Given), b"abc".to_vec()));
        assert_eq!(typed(b"abc\x03").0, Some(End::Cancelled));
        assert_eq!(typed(b"\x04").0, Some(End::Cancelled));
        assert_eq!(typed(&[b'x'; 5000]).0, Some(End::TooLong));
    }

    #[test]
    fn from_a_pipe_exactly_one_line_end_is_taken_off() {
        let read = |bytes: &[u8]| from_pipe("intacct.user_password", bytes).map(|secret| secret.expose().to_owned());
        assert_eq!(read(b"pass word \n").unwrap(), "pass word ");
        assert_eq!(read(b"pass\r\n").unwrap(), "pass");
        assert_eq!(read(b"pass").unwrap(), "pass");
        assert_eq!(read(b"pass\n\n").unwrap(), "pass\n");
        for empty in [&b""[..], b"\n", b"\r\n"] {
            assert!(read(empty).unwrap_err().to_string().contains("intacct.user_password: nothing was given"));
        }
        assert!(read(b"canary\xff").is_err_and(|error| !error.to_string().contains("canary")));
        assert!(read(&vec![b'x'; 70_000]).is_err());
    }

    #[test]
    fn a_terminal_shows_nothing_of_it_and_is_as_before_afterwards() {
        use portable_pty::{PtySize, native_pty_system};
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let path = pair.master.tty_name().unwrap();
        let open = || std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut keyboard = pair.master.take_writer().unwrap();
        let mut screen = pair.master.try_clone_reader().unwrap();
        for (keys, expected) in [(&b"hunter2-canary\r"[..], Some("hunter2-canary")), (b"hunter2\x03", None)] {
            let before = tcgetattr(open()).unwrap().local_modes;
            let (asked, question) = std::sync::mpsc::channel();
            let terminal = open();
            let thread = std::thread::spawn(move || from_terminal("intacct.user_password", terminal, Told(asked)));
            let mut shown = question.recv().unwrap();
            keyboard.write_all(keys).unwrap();
            let answer = thread.join().unwrap();
            shown.extend(question.try_iter().flatten());
            assert_eq!(answer.ok().map(|secret| secret.expose().to_owned()).as_deref(), expected);
            assert_eq!(tcgetattr(open()).unwrap().local_modes, before);
            assert!(String::from_utf8(shown).unwrap().starts_with("intacct.user_password (not shown"));
        }
        // What the terminal itself echoed, up to a mark of our own.
        open().write_all(b"END").unwrap();
        let mut echoed = Vec::new();
        while !echoed.ends_with(b"END") {
            let mut byte = [0];
            screen.read_exact(&mut byte).unwrap();
            echoed.extend(byte);
        }
        assert_eq!(echoed, b"END");
    }

    struct Told(std::sync::mpsc::Sender<Vec<u8>>);

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
