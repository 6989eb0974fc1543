use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Mutex;

use super::super::create_key_file;
use super::*;

const CANARY: &str = "canary-Xq7-päss wörd";
const NAME: &str = "intacct.user_password";

fn now() -> Timestamp {
    "2026-11-22T07:10:00Z".parse().unwrap()
}

/// A data directory with a key file in it, so that a copy of it is a copy of everything.
fn place() -> (tempfile::TempDir, KeySource) {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    create_key_file(&key).unwrap();
    (dir, KeySource::File(key))
}

fn create(dir: &Path, source: &KeySource) -> Vault {
    Vault::open_or_create(dir, source.clone(), now()).unwrap().with_environment(|_| None)
}

fn open(dir: &Path, source: &KeySource) -> Result<Vault, VaultError> {
    Vault::open(dir, source.clone()).map(|vault| vault.with_environment(|_| None))
}

fn held(vault: &Vault, name: &str) -> Option<String> {
    vault.get(name).unwrap().map(|secret| secret.expose().to_owned())
}

fn set(vault: &mut Vault, name: &str, value: &str) {
    vault.set(name, &Secret::new(value.to_owned()), now()).unwrap();
}

fn bytes(dir: &Path) -> Vec<u8> {
    std::fs::read(dir.join("vault.toml")).unwrap()
}

fn error<T>(result: Result<T, VaultError>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn a_secret_is_kept_encrypted_for_its_owner_only_and_found_again() {
    let (dir, source) = place();
    let mut vault = create(dir.path(), &source);
    set(&mut vault, NAME, CANARY);
    assert_eq!(held(&vault, NAME).as_deref(), Some(CANARY));
    assert_eq!(held(&open(dir.path(), &source).unwrap(), NAME).as_deref(), Some(CANARY));
    assert_eq!(std::fs::metadata(dir.path().join("vault.toml")).unwrap().mode() & 0o7777, 0o600);
    let text = String::from_utf8(bytes(dir.path())).unwrap();
    for form in [CANARY.to_owned(), "canary".to_owned(), BASE64.encode(CANARY.as_bytes())] {
        assert!(!text.contains(&form), "{text}");
    }
    let shown = format!("{vault:?} {:?} {:?} {:?}", vault.list(), vault.cipher(), vault.source);
    assert!(!shown.contains("canary") && !shown.contains("wörd"), "{shown}");
    assert!(vault.remove(NAME).unwrap() && !vault.remove(NAME).unwrap());
    assert_eq!(held(&open(dir.path(), &source).unwrap(), NAME), None);
}

#[test]
fn the_data_directory_is_made_for_its_owner_only() {
    let (dir, source) = place();
    let data = dir.path().join("var/data");
    create(&data, &source);
    assert_eq!(std::fs::metadata(&data).unwrap().mode() & 0o777, 0o700);
    assert!(Vault::exists(&data) && !Vault::exists(dir.path()));
    assert!(matches!(open(dir.path(), &source), Err(VaultError::NotThere(_))));
}

#[test]
fn a_variable_wins_over_the_vault_and_the_list_says_so() {
    let (dir, source) = place();
    let mut vault = create(dir.path(), &source);
    set(&mut vault, NAME, "of the vault");
    set(&mut vault, "jaggaer.client_secret", "of the vault");
    let vault = vault.with_environment(|name| match name {
        "TOLLGATE_INTACCT_USER_PASSWORD" => Some("of the variable".to_owned()),
        "TOLLGATE_JAGGAER_CLIENT_SECRET" => Some(String::new()),
        _ => None,
    });
    assert_eq!(held(&vault, NAME).as_deref(), Some("of the variable"));
    assert_eq!(held(&vault, "jaggaer.client_secret").as_deref(), Some("of the vault"), "an empty variable is not set");
    let told: Vec<_> = vault.list().into_iter().map(|info| (info.name, info.source, info.set_at.is_some())).collect();
    assert_eq!(
        told,
        [
            ("jaggaer.client_secret", SecretSource::Vault, true),
            ("intacct.sender_password", SecretSource::Missing, false),
            ("intacct.user_password", SecretSource::Environment, true),
        ]
    );
    let message = error(vault.require("intacct.sender_password"));
    assert!(message.contains("tollgate secret set intacct.sender_password"), "{message}");
    assert!(message.contains("TOLLGATE_INTACCT_SENDER_PASSWORD"), "{message}");
}

#[test]
fn an_unknown_name_or_a_value_that_is_none_changes_nothing() {
    let (dir, source) = place();
    let mut vault = create(dir.path(), &source);
    let before = bytes(dir.path());
    let message = error(vault.set("intacct.userpassword", &Secret::new(CANARY.into()), now()));
    assert!(message.contains("did you mean intacct.user_password?") && !message.contains("canary"), "{message}");
    for value in ["", "canary\nline", "canary\u{0}"] {
        assert!(!error(vault.set(NAME, &Secret::new(value.into()), now())).contains("canary"));
    }
    assert_eq!(bytes(dir.path()), before);
}

#[test]
fn another_key_file_is_named_and_changes_nothing() {
    let (dir, source) = place();
    set(&mut create(dir.path(), &source), NAME, CANARY);
    let before = bytes(dir.path());
    let other = dir.path().join("other.key");
    create_key_file(&other).unwrap();
    for result in [
        open(dir.path(), &KeySource::File(other.clone())),
        Vault::open_or_create(dir.path(), KeySource::File(other.clone()), now()),
    ] {
        let message = error(result);
        assert!(message.contains("other.key") && message.contains("nothing was changed"), "{message}");
    }
    let message = error(open(dir.path(), &KeySource::Passphrase(Secret::new(CANARY.into()))));
    assert!(message.contains("is locked with a key file") && !message.contains("canary"), "{message}");
    assert_eq!(bytes(dir.path()), before);
    // The same bytes as a systemd credential are the same key, whose group may read it.
    let credential = dir.path().join("tollgate.key");
    std::fs::copy(dir.path().join("key"), &credential).unwrap();
    std::fs::set_permissions(&credential, std::fs::Permissions::from_mode(0o440)).unwrap();
    assert_eq!(held(&open(dir.path(), &KeySource::Credential(credential)).unwrap(), NAME).as_deref(), Some(CANARY));
}

#[test]
fn a_passphrase_opens_what_it_locked_and_another_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let source = |text: &str| KeySource::Passphrase(Secret::new(text.to_owned()));
    assert!(matches!(
        Vault::open_or_create(dir.path(), source("short"), now()),
        Err(VaultError::WeakPassphrase { .. })
    ));
    assert!(!Vault::exists(dir.path()));
    let mut vault = create(dir.path(), &source("correct horse battery"));
    set(&mut vault, NAME, CANARY);
    let text = String::from_utf8(bytes(dir.path())).unwrap();
    assert!(text.contains("memory_kib = 65536") && text.contains("passes = 3") && !text.contains("horse"), "{text}");
    assert_eq!(held(&open(dir.path(), &source("correct horse battery")).unwrap(), NAME).as_deref(), Some(CANARY));
    let message = error(open(dir.path(), &source("incorrect horse canary")));
    assert!(message.contains("the passphrase does not open it") && !message.contains("horse"), "{message}");
    // A weaker stretching written into the file is refused before anything is derived.
    std::fs::write(dir.path().join("vault.toml"), text.replace("65536", "8")).unwrap();
    assert!(open(dir.path(), &source("correct horse battery")).is_err());
}

#[test]
fn every_changed_byte_of_the_file_is_noticed_and_the_file_left_as_it_is() {
    let (dir, source) = place();
    let mut vault = create(dir.path(), &source);
    set(&mut vault, NAME, CANARY);
    vault.rotate_data(now()).unwrap();
    let good = bytes(dir.path());
    for index in 0..good.len() {
        let mut changed = good.clone();
        changed[index] ^= 1;
        std::fs::write(dir.path().join("vault.toml"), &changed).unwrap();
        let message = error(open(dir.path(), &source));
        assert!(message.contains("vault.toml") && !message.contains("canary"), "byte {index}: {message}");
        assert!(vault.set(NAME, &Secret::new("x".into()), now()).is_err(), "byte {index}");
        assert_eq!(bytes(dir.path()), changed, "byte {index}");
    }
    for cut in [0, 1, good.len() / 2, good.len() - 1] {
        std::fs::write(dir.path().join("vault.toml"), &good[..cut]).unwrap();
        let message = error(Vault::open_or_create(dir.path(), source.clone(), now()));
        assert!(message.contains("left untouched"), "{message}");
    }
    std::fs::write(dir.path().join("vault.toml"), &good).unwrap();
    assert_eq!(held(&open(dir.path(), &source).unwrap(), NAME).as_deref(), Some(CANARY));
}

#[test]
fn secrets_that_were_swapped_or_taken_out_are_noticed() {
    let (dir, source) = place();
    let mut vault = create(dir.path(), &source);
    set(&mut vault, NAME, "one");
    set(&mut vault, "intacct.sender_password", "two");
    let kept = |name: &str| vault.opened.contents.secret.get(name).unwrap().clone();
    // Even without the seal of the file, a record opens under its own name only.
    assert!(opened_secret(&vault.cipher.ring(), NAME, &kept(NAME)).is_ok());
    assert!(opened_secret(&vault.cipher.ring(), NAME, &kept("intacct.sender_password")).is_err());
    let text = String::from_utf8(bytes(dir.path())).unwrap();
    let swapped = text
        .replace("\"intacct.sender_password\"", "\"x\"")
        .replace("\"intacct.user_password\"", "\"intacct.sender_password\"");
    let swapped = swapped.replace("\"x\"", "\"intacct.user_password\"");
    let cut = text.split("\n[secret").next().unwrap().to_owned() + "\n";
    for altered in [swapped, cut] {
        assert_ne!(altered, text);
        std::fs::write(dir.path().join("vault.toml"), altered).unwrap();
        assert!(error(open(dir.path(), &source)).contains("its seal is broken"));
    }
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let (dir, source) = place();
    create(dir.path(), &source);
    let later = String::from_utf8(bytes(dir.path())).unwrap().replace("version = 1", "version = 2");
    std::fs::write(dir.path().join("vault.toml"), later).unwrap();
    assert!(error(open(dir.path(), &source)).contains("by a later version of tollgate (format 2)"));
}

#[test]
fn a_change_beside_a_running_engine_is_seen_after_reading_again_and_none_is_lost() {
    let (dir, source) = place();
    let mut engine = create(dir.path(), &source);
    let mut command = open(dir.path(), &source).unwrap();
    set(&mut command, NAME, "new");
    assert_eq!(held(&engine, NAME), None);
    set(&mut engine, "jaggaer.client_secret", "other");
    assert_eq!(held(&engine, NAME).as_deref(), Some("new"));
    let record = engine.cipher().seal("document/1", b"raw").unwrap();
    let new = command.rotate_data(now()).unwrap();
    command.rotate_key_file().unwrap();
    let cipher = engine.cipher();
    assert_ne!(cipher.current(), new);
    engine.reload().unwrap();
    assert_eq!(cipher.current(), new, "clones follow");
    assert_eq!(cipher.open("document/1", &record).unwrap(), b"raw");
    assert_eq!(held(&engine, "jaggaer.client_secret").as_deref(), Some("other"));
}

#[test]
fn data_keys_stay_until_they_are_forgotten() {
    let (dir, source) = place();
    let mut vault = create(dir.path(), &source);
    set(&mut vault, NAME, CANARY);
    let cipher = vault.cipher();
    let old = cipher.current();
    let record = cipher.seal("document/1", b"raw").unwrap();
    vault.rotate_data(now()).unwrap();
    let mut vault = open(dir.path(), &source).unwrap();
    let cipher = vault.cipher();
    assert_eq!((vault.old_keys(), cipher.key_of(&record)), (vec![old], Some(old)));
    let again = cipher.seal("document/1", &cipher.open("document/1", &record).unwrap()).unwrap();
    assert_eq!(cipher.key_of(&again), Some(cipher.current()));
    assert!(matches!(vault.forget_key(cipher.current()), Err(VaultError::KeyInUse { .. })));
    assert!(vault.forget_key(old).unwrap() && !vault.forget_key(old).unwrap());
    assert_eq!(vault.old_keys(), []);
    assert_eq!(cipher.open("document/1", &again).unwrap(), b"raw");
    assert!(error(cipher.open("document/1", &record)).contains(&format!("needs data key {old}")));
    assert_eq!(held(&open(dir.path(), &source).unwrap(), NAME).as_deref(), Some(CANARY));
}

#[test]
fn a_rotated_key_opens_and_the_old_one_does_not_any_more() {
    let (dir, source) = place();
    let mut vault = create(dir.path(), &source);
    set(&mut vault, NAME, CANARY);
    let other = KeySource::File(dir.path().join("other.key"));
    create_key_file(&dir.path().join("other.key")).unwrap();
    vault.rotate_key(other.clone()).unwrap();
    set(&mut vault, "jaggaer.client_secret", "later");
    assert!(matches!(open(dir.path(), &source), Err(VaultError::WrongKey { .. })));
    assert_eq!(held(&open(dir.path(), &other).unwrap(), NAME).as_deref(), Some(CANARY));

    let before = std::fs::read(dir.path().join("other.key")).unwrap();
    let mode = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().mode() & 0o7777;
    vault.rotate_key_file().unwrap();
    assert_ne!(std::fs::read(dir.path().join("other.key")).unwrap(), before);
    assert_eq!(mode("other.key"), 0o600);
    assert!(!dir.path().join("other.key.new").exists());
    std::fs::write(dir.path().join("key"), before).unwrap();
    assert!(matches!(open(dir.path(), &source), Err(VaultError::WrongKey { .. })), "its lock is gone");
    assert_eq!(held(&open(dir.path(), &other).unwrap(), NAME).as_deref(), Some(CANARY));

    let mut vault = open(dir.path(), &other).unwrap();
    vault.rotate_key(KeySource::Passphrase(Secret::new("correct horse battery".into()))).unwrap();
    assert!(matches!(vault.rotate_key_file(), Err(VaultError::NotInPlace(_))));
}

#[test]
fn killed_after_any_step_the_key_in_its_place_opens_everything_and_the_work_can_be_done_again() {
    type Change = fn(&mut Vault);
    let changes: [(&str, usize, Change); 4] = [
        ("set", 3, |vault| set(vault, "jaggaer.client_secret", "new")),
        ("rotate the data", 3, |vault| assert_ne!(vault.rotate_data(now()).unwrap(), vault.old_keys()[0])),
        ("rotate the key file", 9, |vault| vault.rotate_key_file().unwrap()),
        ("forget a key", 3, |vault| assert!(vault.forget_key(vault.old_keys()[0]).unwrap())),
    ];
    for (what, steps, change) in changes {
        let (dir, source) = place();
        let mut vault = create(dir.path(), &source);
        set(&mut vault, NAME, CANARY);
        vault.rotate_data(now()).unwrap();
        let record = vault.cipher().seal("document/1", b"raw").unwrap();
        let copies = Arc::new(Mutex::new(Vec::new()));
        let (from, to) = (dir.path().to_owned(), Arc::clone(&copies));
        file::tests::AFTER_STEP.set(Some(Box::new(move |step| to.lock().unwrap().push((step, copy(&from))))));
        change(&mut vault);
        file::tests::AFTER_STEP.set(None);
        let copies = std::mem::take(&mut *copies.lock().unwrap());
        assert_eq!(copies.len(), steps, "{what}");
        for (step, at) in copies {
            let source = KeySource::File(at.path().join("key"));
            let mut vault =
                open(at.path(), &source).unwrap_or_else(|error| panic!("{what}, killed at {step}: {error}"));
            assert_eq!(held(&vault, NAME).as_deref(), Some(CANARY), "{what}, killed at {step}");
            assert_eq!(vault.cipher().open("document/1", &record).unwrap(), b"raw", "{what}, killed at {step}");
            if !vault.old_keys().is_empty() {
                change(&mut vault);
            }
            set(&mut vault, NAME, "again");
            assert_eq!(
                held(&open(at.path(), &source).unwrap(), NAME).as_deref(),
                Some("again"),
                "{what}, killed at {step}"
            );
            assert!(!String::from_utf8_lossy(&bytes(at.path())).contains("canary"));
        }
    }
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}
