//! The program: everything is in the library, see [`tollgate::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tollgate::cli::main()
}
