//! Where commands print: text that cannot move a terminal, JSON that cannot either, and questions to a person.

use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;
use serde_json::ser::Formatter;

use super::exit::CliError;
use super::table::Table;
use crate::model::safe;

/// When to colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Output, diagnostics and input of a command.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    /// Whether a person can be asked.
    pub interactive: bool,
    /// Whether to colour.
    pub color: bool,
    /// Columns of the terminal, where output goes to one.
    pub width: Option<usize>,
}

impl Terminal {
    /// The process's own.
    pub fn system(color: Color) -> Self {
        let out = io::stdout();
        let is_terminal = out.is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !no_color && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        };
        let columns = || rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
        let width = if is_terminal { columns().filter(|width| *width > 0) } else { None };
        let interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
        Terminal {
            out: Box::new(io::BufWriter::new(out)),
            err: Box::new(io::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            interactive,
            color,
            width,
        }
    }

    /// One of given parts, for tests and for embedding.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, input: Box<dyn BufRead + Send>) -> Self {
        Terminal { out, err, input, interactive: false, color: false, width: None }
    }

    /// Prints text of one or several lines, made safe line by line.
    pub fn print(&mut self, text: &str) -> Result<(), CliError> {
        for line in text.lines() {
            writeln!(self.out, "{}", safe(line)).map_err(printing)?;
        }
        Ok(())
    }

    /// Prints a table.
    pub fn table(&mut self, table: &Table) -> Result<(), CliError> {
        let text = table.render(self.width, self.color);
        self.out.write_all(text.as_bytes()).map_err(printing)
    }

    /// Prints one JSON value on one line.
    pub fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CliError> {
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.out, SafeJson);
        value.serialize(&mut serializer).map_err(|error| match error.io_error_kind() {
            Some(kind) => printing(kind.into()),
            None => CliError::Failed(format!("this has no JSON: {error}")),
        })?;
        self.out.write_all(b"\n").map_err(printing)
    }

    /// Prints bytes that are safe already, such as those of a CSV writer.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.out.write_all(bytes).map_err(printing)
    }

    /// Says something beside the data, on standard error. That nobody hears it is no error.
    pub fn note(&mut self, text: &str) {
        let _ = self.out.flush();
        for line in text.lines() {
            let _ = writeln!(self.err, "{}", safe(line));
        }
    }

    /// Asks a person for a line; the question goes to standard error. `None` at the end of the input.
    pub fn question(&mut self, question: &str) -> Result<Option<String>, CliError> {
        self.out.flush().map_err(printing)?;
        write!(self.err, "{} ", safe(question)).and_then(|()| self.err.flush()).map_err(printing)?;
        let mut line = String::new();
        let read = self.input.read_line(&mut line).map_err(|error| CliError::io("reading the answer", error))?;
        Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// Has a person confirm; anything but `yes` or `y` is a no. Without a terminal it is an error that names the option.
    pub fn confirm(&mut self, question: &str, option: &str) -> Result<bool, CliError> {
        if !self.interactive {
            return Err(CliError::Usage(format!(
                "{question} Nothing was done: without a terminal to ask on, give {option}"
            )));
        }
        let answer = self.question(&format!("{question} [y/N]"))?.unwrap_or_default();
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Writes out what is buffered.
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush().map_err(printing)
    }
}

fn printing(error: io::Error) -> CliError {
    CliError::io("printing", error)
}

/// Compact JSON in which what could move a terminal or look like other text stands as `\u202e`: the value is the same.
struct SafeJson;

impl Formatter for SafeJson {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if matches!(safe(fragment), Cow::Borrowed(_)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut buffer = [0; 4];
        for c in fragment.chars() {
            let text: &str = c.encode_utf8(&mut buffer);
            if matches!(safe(text), Cow::Borrowed(_)) {
                writer.write_all(text.as_bytes())?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// A cell of a CSV file that no spreadsheet takes for a formula: made safe, and one that begins with `=`, `+`, `-`, `@`, a tab
/// or a carriage return gets an apostrophe in front.
pub fn csv_cell(text: &str) -> String {
    let dangerous = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = safe(text);
    if dangerous { format!("'{text}") } else { text.into_owned() }
}

#[cfg(test)]
pub(super) mod testing {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was written, shared with the terminal that writes it.
    #[derive(Clone, Default)]
    pub struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A terminal with what goes to standard output, to standard error, and what a person types (`None`: nobody is there).
    pub fn terminal(typed: Option<&str>) -> (Terminal, Written, Written) {
        let (out, err) = (Written::default(), Written::default());
        let input = io::Cursor::new(typed.unwrap_or_default().to_owned());
        let mut terminal = Terminal::new(Box::new(out.clone()), Box::new(err.clone()), Box::new(input));
        terminal.interactive = typed.is_some();
        (terminal, out, err)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::terminal;
    use super::*;

    const HOSTILE: &str = "A\u{1b}[2J\u{202e}\u{9b}31m\u{200b}\u{e0041}é株";

    #[test]
    fn neither_text_nor_json_can_move_a_terminal_and_json_keeps_its_value() {
        let (mut terminal, out, err) = terminal(None);
        terminal.print(HOSTILE).unwrap();
        terminal.note(HOSTILE);
        terminal.json(&[HOSTILE]).unwrap();
        for written in [out.text(), err.text()] {
            for line in written.lines() {
                assert!(matches!(safe(line), Cow::Borrowed(_)), "{line:?}");
            }
        }
        let json = out.text().lines().last().unwrap().to_owned();
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [HOSTILE]);
        assert!(json.contains("é株"));
    }

    #[test]
    fn no_cell_begins_like_a_formula() {
        for (cell, safe) in [
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'⇥=1"),
            ("\r=1", "'‹U+000D›=1"),
            ("Harbor = Lab", "Harbor = Lab"),
            ("", ""),
        ] {
            assert_eq!(csv_cell(cell), safe);
        }
    }

    #[test]
    fn only_a_clear_yes_confirms_and_without_a_terminal_the_option_is_named() {
        assert!(terminal(Some("yes\n")).0.confirm("Sure?", "--yes").unwrap());
        for typed in ["\n", "", "no\n", "yess\n"] {
            assert!(!terminal(Some(typed)).0.confirm("Sure?", "--yes").unwrap(), "{typed:?}");
        }
        let error = terminal(None).0.confirm("Sure?", "--yes").unwrap_err();
        assert!(error.to_string().contains("--yes"), "{error}");
    }

    #[test]
    fn a_reader_that_left_ends_a_command_quietly() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut terminal = Terminal::new(Box::new(Gone), Box::new(Gone), Box::new(io::empty()));
        assert!(matches!(terminal.print("x"), Err(CliError::Closed)));
        assert!(matches!(terminal.json(&1), Err(CliError::Closed)));
        terminal.note("nobody hears it");
    }
}
