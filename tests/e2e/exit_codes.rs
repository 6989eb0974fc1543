//! What a shell sees: the exit code of every kind of end, and what is said with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tollgate::simulator::faults::{Behaviour, Fault, Kind, Trigger};
use tollgate::simulator::procurement::{Mishap, Resource, Trouble};

use crate::site::{PHRASE, Site, edit_file, plain, posted, until};

#[test]
fn wrong_usage_and_what_cannot_be_configured_end_with_2_and_say_where() {
    let mut site = Site::new(plain(51, 1));
    site.run("frobnicate").exits(2).says("frobnicate");
    site.run("run --settle").exits(2).says("--once");
    site.run("failures dismiss 1").exits(2).says("--reason");
    site.command(&["secret", "set", "jaggaer.client_secret", "hunter2"]).exits(2);
    site.run("--version").exits(0).says("tollgate ");
    site.run("run --once --config nowhere.toml").exits(2).says("nowhere.toml");

    // Nothing found at all: the places are named.
    let config = site.config.clone();
    let text = fs::read_to_string(&config).unwrap();
    fs::remove_file(&config).unwrap();
    site.with_config(None, &["run", "--once"]).exits(2).says("tollgate.toml").says("/etc/tollgate");
    fs::write(&config, &text).unwrap();

    // Each fault is named with file, line and key, and so is what was probably meant; `run` says the same as `check`.
    for (from, to, key, meant) in [
        ("late_commit = \"2s\"", "late_comit = \"2s\"", "late_comit", "late_commit"),
        ("invoices        = \"*/2 * * * * *\"", "invoices = \"every minute\"", "invoices", "cron"),
        ("invoices        = \"*/2 * * * * *\"", "invoices = \"61 * * * * *\"", "invoices", "61"),
        ("timezone        = \"America/Chicago\"", "timezone = \"America/Chicaco\"", "timezone", "America/Chicago"),
        ("mode        = \"post\"", "mode = \"maybe\"", "mode", "observe"),
        ("requests_per_second = 200", "requests_per_second = 0", "requests_per_second", "1"),
        ("company_id  = \"DEMOCO\"\n", "", "company_id", "intacct"),
    ] {
        fs::write(&config, &text).unwrap();
        edit_file(&config, from, to);
        let position =
            fs::read_to_string(&config).unwrap().lines().position(|line| !to.is_empty() && line.starts_with(to));
        for command in ["check", "run --once"] {
            let done = site.run(command).exits(2).says(key).says(meant).says("tollgate.toml");
            if let Some(position) = position {
                done.says(&format!("tollgate.toml:{}", position + 1));
            }
        }
        let report = site.run("check --json").exits(2).json();
        assert_eq!((&report["ok"], report["faults"].as_array().unwrap().len()), (&json!(false), 1), "{report}");
    }
    fs::write(&config, &text).unwrap();
    // A variable wins over the file, and its faults are faults too.
    site.set("TOLLGATE_POSTING_MODE", "perhaps");
    site.run("check").exits(2).says("TOLLGATE_POSTING_MODE");
    site.unset("TOLLGATE_POSTING_MODE");
    site.run("check").exits(0);
    // Mapping and profile are as much part of it.
    for (file, from, to, names) in [
        ("mapping.toml", "version = 1", "version = 1\nwhatever = 2", "whatever"),
        ("mapping.toml", "[table.plants]", "[table.plants2]", "plants"),
        ("mapping.toml", "{custom.ProjectCode}", "{costum.ProjectCode}", "costum"),
        ("plants.csv", "code,location", "kode,location", "code"),
    ] {
        let path = site.dir().join(file);
        let text = fs::read_to_string(&path).unwrap();
        edit_file(&path, from, to);
        for command in ["check", "run --once"] {
            site.run(command).exits(2).says(names).says(file);
        }
        fs::write(&path, text).unwrap();
    }
    assert!(site.bills().is_empty() && site.stage(|stage| stage.procurement.stats().requests) == 0);
}

#[test]
fn missing_secrets_and_wrong_keys_end_with_2_before_anything_is_asked() {
    let mut site = Site::new(plain(52, 2));
    site.unset("TOLLGATE_INTACCT_USER_PASSWORD");
    site.run("run --once").exits(2).says("intacct.user_password").says("tollgate secret set intacct.user_password");
    site.set("TOLLGATE_INTACCT_USER_PASSWORD", "");
    site.run("run --once").exits(2).says("intacct.user_password");
    site.unset("TOLLGATE_INTACCT_USER_PASSWORD");
    // From standard input into the vault; a run then finds it there.
    let password = site.world.secrets().into_iter().find(|(name, _)| name.ends_with("user_password")).unwrap().1;
    site.with_input("secret set intacct.user_password", format!("{password}\n").as_bytes()).exits(0);
    site.with_input("secret set intacct.usr_password", b"x\n").exits(2).says("intacct.user_password");
    site.run("run --once").exits(3);
    let listed = site.run("secret list --json").exits(0).out;
    assert!(listed.contains("vault") && listed.contains("environment") && !listed.contains(&password), "{listed}");

    let requests = site.stage(|stage| (stage.gateway.stats().requests, stage.procurement.stats().requests));
    let key = site.dir().join("key");
    let right = fs::read(&key).unwrap();
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    let vault = fs::read(site.data().join("vault.toml")).unwrap();
    fs::write(&key, [7_u8; 32]).unwrap();
    site.run("run --once").exits(2).says("vault.toml").says("put the right one back");
    fs::write(&key, [7_u8; 31]).unwrap();
    site.run("run --once").exits(2).says("32");
    fs::write(&key, &right).unwrap();
    mode(0o644);
    site.run("run --once").exits(2).says("0644").says("chmod 600");
    fs::remove_file(&key).unwrap();
    site.run("run --once").exits(2).says("key");
    fs::write(&key, &right).unwrap();
    mode(0o600);
    let now = site.stage(|stage| (stage.gateway.stats().requests, stage.procurement.stats().requests));
    assert_eq!(now, requests, "nobody was asked");
    assert_eq!(fs::read(site.data().join("vault.toml")).unwrap(), vault, "the vault was left as it was");
    site.run("run --once").exits(3);
}

#[test]
fn a_system_that_cannot_be_reached_ends_with_4_and_the_other_flows_are_finished() {
    let mut site = Site::started(plain(53, 3));
    site.set("TOLLGATE_INTACCT_GATEWAY_URL", "http://127.0.0.1:9/ia/xml/xmlgw.phtml");
    site.jaggaer_gets(6_000_001);
    let done = site.run("run --once --json").exits(4).says("not reached").says("127.0.0.1:9");
    assert_eq!(done.json()["flows"]["invoices"]["new"], 1, "the invoices were read all the same: {done:?}");
    assert_eq!(done.json()["exit_code"], 4);
    site.unset("TOLLGATE_INTACCT_GATEWAY_URL");

    let base = site.sim.jaggaer_base.clone();
    site.set("TOLLGATE_JAGGAER_BASE_URL", "http://127.0.0.1:9/j1p/api/public");
    let done = site.run("run --once --json").exits(4).says("127.0.0.1:9");
    let summary = done.json();
    assert_eq!(summary["flows"]["vendors"]["read"], 42, "{done:?}");
    assert_eq!(site.writes(), 0, "nothing is sent before JAGGAER was polled: approvals may be gone");
    site.set("TOLLGATE_JAGGAER_BASE_URL", &base);
    // Nothing of it left a trace.
    site.settle().exits(0);
    assert_eq!(site.documents().len(), 4);
    assert_eq!(site.stands(0), posted());

    // A status of an engine that is refused says so too.
    site.stage(|stage| {
        stage.procurement.add_trouble(Trouble { on: Resource::List, skip: 0, times: None, does: Mishap::Forbidden })
    });
    site.run("run --once").exits(4).says("403").says("Ask JAGGAER");
}

#[test]
fn wrong_credentials_end_with_4_and_are_tried_once() {
    let mut site = Site::new(plain(54, 2));
    let stats = |site: &Site| site.stage(|stage| (stage.gateway.stats().clone(), stage.procurement.stats().clone()));
    let secret = "TOLLGATE_JAGGAER_CLIENT_SECRET";
    let good = site.world.procurement.client_secret.clone();
    site.set(secret, "wrong");
    site.run("run --once").exits(4).says("invalid_client").says("tollgate secret set jaggaer.client_secret");
    assert_eq!(stats(&site).1.tokens, 0);
    site.set(secret, &good);

    let password = site.world.gateway.users.values().next().unwrap().clone();
    site.set("TOLLGATE_INTACCT_USER_PASSWORD", "wrong");
    site.run("run --once").exits(4).says("intacct.user_password");
    assert_eq!(stats(&site).0.logins_refused, 1, "a second attempt would bring the lock-out nearer");
    assert_eq!(site.documents().len(), 2, "invoices were read all the same");
    // An engine that goes on neither tries again, until the credentials are changed.
    let mut engine = site.engine();
    until("the refusal shows", || site.ask(json!("status")).unwrap()["session"]["state"] == "refused");
    site.run("flow run vendors").exits(0);
    site.run("flow run dimensions").exits(0);
    site.run("status").exits(4).says("REFUSED");
    until("both flows have run", || {
        let status = site.ask(json!("status")).unwrap();
        status["flows"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|flow| flow["name"] != "invoices")
            .all(|flow| flow["last_result"]["Err"].is_string() && flow["state"] != "running")
    });
    assert_eq!(stats(&site).0.logins_refused, 2, "once for each life of the engine");
    assert!(engine.runs());
    engine.terminate();
    site.set("TOLLGATE_INTACCT_USER_PASSWORD", &password);
    site.set("TOLLGATE_INTACCT_SENDER_PASSWORD", "wrong");
    site.run("run --once").exits(4).says("intacct.sender_password");
    let sender = site.world.gateway.sender_password.clone();
    site.set("TOLLGATE_INTACCT_SENDER_PASSWORD", &sender);
    site.run("run --once").exits(3);
}

#[test]
fn credentials_that_are_mended_in_the_vault_are_used_by_the_engine_that_runs() {
    let mut site = Site::new(plain(55, 2));
    let password = site.world.gateway.users.values().next().unwrap().clone();
    site.unset("TOLLGATE_INTACCT_USER_PASSWORD");
    site.with_input("secret set intacct.user_password", b"old one\n").exits(0);
    let engine = site.engine();
    site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
    until("the refusal shows", || site.ask(json!("status")).unwrap()["session"]["state"] == "refused");
    site.with_input("secret set intacct.user_password", password.as_bytes()).exits(0);
    site.run("flow run dimensions").exits(0);
    site.run("flow run vendors").exits(0);
    until("it goes on by itself", || site.stands(0) == posted() && site.stands(1) == posted());
    engine.terminate().exits(0);
}

#[test]
fn a_second_engine_ends_with_5_names_the_first_and_the_first_goes_on() {
    let site = Site::started(plain(56, 2));
    let mut engine = site.engine();
    for line in ["run --once", "run"] {
        site.run(line).exits(5).says(&engine.pid().to_string());
    }
    assert!(engine.runs());
    until("it posts", || site.stands(1) == posted());

    // Asked over the socket and asked from the store, everything is the same.
    let lines = ["invoices list --json", "failures list --json", "invoices list", "audit verify --json"];
    let show = format!("invoices show {} --json", site.id(0));
    let trail = format!("audit show {} --json", site.id(1));
    let explain = format!("map explain {} --json", site.id(0));
    site.run("flow pause invoices").exits(0);
    site.run("flow pause vendors").exits(0);
    site.run("flow pause dimensions").exits(0);
    site.run("flow pause audit").exits(0);
    until("it rests", || {
        let status = site.ask(json!("status")).unwrap();
        status["flows"].as_array().unwrap().iter().all(|flow| flow["state"] == "paused")
    });
    let ask = |site: &Site| {
        let mut lines: Vec<&str> = lines[..3].to_vec();
        lines.extend([show.as_str(), trail.as_str(), explain.as_str()]);
        lines.iter().map(|line| site.run(line).exits(0).out).collect::<Vec<_>>()
    };
    let (with, status) = (ask(&site), site.run("status --json").exits(0).json());
    let ended = engine.terminate().exits(0);
    assert!(!site.data().join("tollgate.sock").exists(), "{ended:?}");
    assert_eq!(ask(&site), with);
    let without = site.run("status --json").exits(0).json();
    for same in ["states", "failures", "mode", "pause", "audit", "jaggaer", "intacct", "data_dir", "version"] {
        assert_eq!(status[same], without[same], "{same}");
    }
    assert_eq!((&without["phase"], &without["pid"]), (&json!("absent"), &json!(0)));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&status), keys(&without));
    site.run(lines[3]).exits(0);
}

#[test]
fn told_to_stop_it_finishes_what_is_in_flight_and_nothing_is_left_to_recover() {
    let mut world = plain(57, 6);
    world.gateway.latency = std::time::Duration::from_millis(250);
    let mut site = Site::new(world);
    site.set("TOLLGATE_INTACCT_FUNCTIONS_PER_REQUEST", "2");
    site.run("run --once").exits(3);
    site.command(&["posting", "start", "--confirm", PHRASE]).exits(0);
    let engine = site.engine();
    until("a request is in flight", || site.writes() == 1);
    let done = engine.terminate();
    assert!(matches!(done.code, 0 | 3), "{done:?}");
    // The answer was waited for and written: nothing is in doubt, nothing is marked as sent.
    let states = site.run("status --json").json()["states"].clone();
    assert_eq!((&states["sent"]["count"], &states["in_doubt"]["count"]), (&json!(0), &json!(0)), "{states}");
    let writes = site.writes();
    assert!(writes < 3, "it ended before everything was sent");
    assert_eq!(site.bills().len() as u64, writes * 2);
    let again = site.engine();
    assert!(!again.log().contains("not closed in order"), "{}", again.log());
    until("the rest is posted", || (0..6).all(|nth| site.stands(nth) == posted()));
    assert_eq!((site.bills().len(), site.writes()), (6, 3));
    // SIGHUP reads the configuration again and goes on.
    again.hang_up();
    until("it was read again", || again.log().contains("read again"));
    again.terminate().exits(0);
}

#[test]
fn documents_that_need_a_person_end_with_3_and_a_gateway_in_trouble_with_4() {
    let mut world = plain(58, 3);
    world.invoices[0].text = world.invoices[0].text.replace("\"businessUnit\":\"0", "\"businessUnit\":\"9").into();
    let site = Site::started(world);
    site.settle().exits(3);
    assert_eq!(site.stands(1), posted());
    assert_eq!(site.run("failures list --json").exits(0).lines().len(), 1);
    site.run("status").exits(3);
    // The gateway is away altogether.
    let away = Fault::always(Trigger::Always, Behaviour::Unavailable(503));
    site.stage(|stage| stage.gateway.faults_mut().add(away));
    site.jaggaer_gets(6_000_002);
    site.run("run --once").exits(4).says("503");
    site.stage(|stage| stage.gateway.faults_mut().clear());
    // Sessions that end in between are opened anew without a word.
    site.stage(|stage| {
        stage.gateway.faults_mut().add(Fault::once(Trigger::Kind(Kind::Write), Behaviour::SessionExpired));
    });
    site.settle().exits(3);
    assert_eq!(site.documents()[&6_000_002]["state"], "posted");
}
