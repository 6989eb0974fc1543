//! Planted secrets, searched for in every byte that the program writes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD, HEXLOWER, HEXUPPER};
use serde_json::json;
use tollgate::simulator::world::World;

use crate::site::{PHRASE, Site, until};

/// All ways in which a secret could show: as it is, in hex, and in base64 and base32 at any distance from the beginning.
fn shapes(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut found = vec![secret.to_vec(), HEXLOWER.encode(secret).into_bytes(), HEXUPPER.encode(secret).into_bytes()];
    for shift in 0..5_usize {
        let shifted = [vec![b'x'; shift], secret.to_vec()].concat();
        // What depends on the neighbours is cut off.
        let inner = |text: String, cut: usize| text.as_bytes()[cut..text.len() - cut].to_vec();
        found.push(inner(BASE64_NOPAD.encode(&shifted), 4));
        found.push(inner(BASE32_NOPAD.encode(&shifted), 8));
    }
    let bytes: Vec<String> = secret.iter().map(u8::to_string).collect();
    found.push(bytes.join(",").into_bytes());
    found.push(bytes.join(", ").into_bytes());
    found
}

fn has(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The first of these that is in there; one pass, by their first two bytes.
fn any_of<'n>(haystack: &[u8], needles: &'n [Vec<u8>]) -> Option<&'n Vec<u8>> {
    let mut begins = vec![false; 1 << 16];
    let two = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    needles.iter().for_each(|needle| begins[two(needle)] = true);
    for at in 0..haystack.len().saturating_sub(1) {
        let rest = &haystack[at..];
        if begins[two(rest)]
            && let Some(found) = needles.iter().find(|needle| rest.starts_with(needle))
        {
            return Some(found);
        }
    }
    None
}

#[test]
fn the_search_finds_what_it_is_to_find() {
    let secret = b"CANARYq7Zu3Xv9Lm2Kp";
    for hidden in [
        String::from_utf8(secret.to_vec()).unwrap(),
        BASE64.encode(&[b"user:".as_slice(), secret, b":more"].concat()),
        HEXLOWER.encode(&[b"\0".as_slice(), secret].concat()),
        BASE32_NOPAD.encode(&[b"ab".as_slice(), secret, b"c"].concat()),
        format!("{:?}", secret.as_slice()),
    ] {
        let padded = format!("{}{hidden}\0", "x".repeat(99));
        assert!(any_of(padded.as_bytes(), &shapes(secret)).is_some(), "{hidden}");
        assert!(any_of(padded.to_lowercase().as_bytes(), &shapes(b"CANARYother")).is_none());
    }
}

#[test]
fn no_planted_secret_is_in_any_byte_that_was_written() {
    // With characters that every encoding changes; the core in the middle survives them all.
    let canaries = ["CANARYjag4Xw8Rt2Bn6Vd", "CANARYsnd5Qy1Hk9Gf3Ls", "CANARYusr7Mz0Pj4Cx8We"];
    let dressed = |core: &str| format!("&<'\"{core}+=/% é");
    let mut world = World::demo(3);
    world.procurement.client_secret = dressed(canaries[0]);
    world.gateway.sender_password = dressed(canaries[1]);
    world.gateway.users.values_mut().for_each(|password| *password = dressed(canaries[2]));
    let secrets = world.secrets();
    let mut site = Site::new(world);
    let key = *b"CANARYkey-of-32-bytes-Tn4Jr6Yd2b";
    fs::write(site.dir().join("key"), key).unwrap();
    fs::set_permissions(site.dir().join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    // All of them in the vault.
    for (name, value) in &secrets {
        site.unset(&format!("TOLLGATE_{}", name.replace('.', "_").to_uppercase()));
        site.with_input(&format!("secret set {name}"), value.as_bytes()).exits(0);
    }
    site.run("--log-level trace run --once").exits(3);
    site.command(&["--log-level", "trace", "posting", "start", "--confirm", PHRASE]).exits(0);
    let engine = site.spawn("--log-level trace run");
    until("the engine answers", || site.ask(json!("status")).is_some());
    until("everything is settled", || {
        let states = site.ask(json!("status")).unwrap()["states"].clone();
        let count = |state: &str| states[state]["count"].as_u64().unwrap();
        count("posted") > 90 && ["queued", "sent", "claimed", "in_doubt"].into_iter().all(|state| count(state) == 0)
    });
    site.ask(json!({"log": 1000})).unwrap();
    site.ask(json!({"audit_from": 0})).unwrap();
    let commands = |site: &Site| {
        for line in [
            "status --json",
            "status",
            "invoices list --json",
            "failures list",
            "audit export",
            "audit export --format csv",
            "secret list --json",
            "check --json",
            "ping",
        ] {
            site.run(&format!("--log-level trace {line}"));
        }
        for nth in [0, 5, 9] {
            site.run(&format!("invoices show {} --json", site.id(nth))).exits(0);
            site.run(&format!("audit show {} --json", site.id(nth))).exits(0);
            site.run(&format!("map explain {}", site.id(nth))).exits(0);
        }
    };
    commands(&site);
    // Refused credentials are the likeliest to be quoted.
    site.stage(|stage| {
        stage.gateway.options_mut().sender_password = "another".to_owned();
        stage.gateway.end_all_sessions();
        stage.procurement.options_mut().client_secret = "another".to_owned();
        stage.procurement.forget_tokens();
    });
    site.run("flow run invoices").exits(0);
    site.run("flow run vendors").exits(0);
    until("both are refused", || {
        let status = site.ask(json!("status")).unwrap();
        let failed = |name: &str| {
            let flow = status["flows"].as_array().unwrap().iter().find(|flow| flow["name"] == name).unwrap();
            flow["last_result"]["Err"].is_string()
        };
        failed("invoices") && failed("vendors")
    });
    commands(&site);
    engine.terminate();
    commands(&site);
    site.run("--log-level trace run --once").exits(4);
    site.run("secret rotate").exits(0);
    site.run("secret rotate --data").exits(0);

    let written = site.everything_written();
    let total: usize = written.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(written.len() > 40 && total > 1_000_000, "{} files, {total} bytes", written.len());
    for name in ["tollgate.redb", "vault.toml", "socket"] {
        assert!(written.iter().any(|(path, bytes)| path.ends_with(name) && !bytes.is_empty()), "{name}");
    }
    let log = |words: &str| written.iter().any(|(_, bytes)| has(bytes, words.as_bytes()));
    assert!(log("INFO  tollgate::engine"), "the log was to be kept too");
    let wanted: Vec<Vec<u8>> =
        canaries.iter().map(|core| core.as_bytes()).chain([key.as_slice()]).flat_map(shapes).collect();
    for (path, bytes) in &written {
        if let Some(shape) = any_of(bytes, &wanted) {
            panic!("{} holds a secret as {}", path.display(), String::from_utf8_lossy(shape));
        }
    }
    // And no other account of this machine can read what there is.
    for name in ["tollgate.redb", "vault.toml", "tollgate.lock"] {
        let mode = fs::metadata(site.data().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}: {mode:o}");
    }
    assert_eq!(fs::metadata(site.data()).unwrap().permissions().mode() & 0o777, 0o700);
}
