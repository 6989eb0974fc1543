//! Keeping secrets in memory out of core dumps.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Switches core dumps off for this process, and with them reading its memory by other processes of the same user. Call it
/// first of all.
pub fn harden() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a process of its own: it cannot be undone, and other tests want to look at themselves.
    #[test]
    fn core_dumps_are_off() {
        let name = concat!(module_path!(), "::in_a_process_of_its_own");
        let name = name.split_once("::").unwrap().1;
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--include-ignored"])
            .env("TOLLGATE_TEST_HARDEN", "1")
            .stdout(std::process::Stdio::piped())
            .output()
            .unwrap();
        assert!(String::from_utf8_lossy(&status.stdout).contains("1 passed"), "{status:?}");
    }

    #[test]
    #[ignore = "started by core_dumps_are_off"]
    fn in_a_process_of_its_own() {
        if std::env::var_os("TOLLGATE_TEST_HARDEN").is_none() {
            return;
        }
        harden().unwrap();
        assert_eq!(rustix::process::getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        #[cfg(target_os = "linux")]
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    }
}
