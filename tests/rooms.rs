//! The rooms: which may import which. Read from the sources, so that a shortcut is noticed where it is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Floors and rooms, as in the table of `src/lib.rs`.
const FLOORS: [&[&str]; 6] = [
    &["model", "messages", "seams"],
    &["config", "jaggaer", "intacct", "store", "vault"],
    &["mapping", "lane", "posting", "vendors"],
    &["engine"],
    &["control"],
    &["console", "cli"],
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every file of `src` with the room that it belongs to, without comments and without its tests.
fn rooms() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    let tests: Vec<PathBuf> = files.iter().flat_map(|file| test_modules(&root, file)).collect();
    files
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&root).unwrap().to_path_buf();
            let first = inside.components().next().unwrap().as_os_str().to_str().unwrap().to_owned();
            let room = first.trim_end_matches(".rs").to_owned();
            // Tests may reach anywhere: they stand outside the building.
            let is_test = tests.iter().any(|test| inside.starts_with(test) || inside.with_extension("") == *test);
            (!is_test).then(|| (room, inside, shipped(&fs::read_to_string(&path).unwrap())))
        })
        .collect()
}

/// The modules that a file declares for its tests alone: their paths below `src`, without ending.
fn test_modules(root: &Path, file: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap();
    let beside = file.parent().unwrap();
    let below = match file.file_stem().unwrap().to_str().unwrap() {
        "mod" | "lib" | "main" => beside.to_owned(),
        stem => beside.join(stem),
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if *line != "#[cfg(test)]" {
            continue;
        }
        let mut path = None;
        for next in lines.iter().skip(at + 1).take(3) {
            if let Some(named) = next.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
                path = Some(beside.join(named).with_extension(""));
            } else if let Some((_, name)) = next.strip_suffix(';').and_then(|item| item.split_once("mod ")) {
                found.push(path.take().unwrap_or_else(|| below.join(name)));
                break;
            } else if !next.starts_with("#[") {
                break;
            }
        }
    }
    found.iter().map(|path| path.strip_prefix(root).unwrap().to_owned()).collect()
}

/// What is compiled into the program: no comments, and nothing that is `#[cfg(test)]`.
fn shipped(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.split("//").next().unwrap_or_default();
        if code.trim() == "#[cfg(test)]" {
            let mut depth = 0_i64;
            // The item: up to its closing brace, or to the semicolon where it has none.
            for line in lines.by_ref() {
                depth += line.matches('{').count() as i64 - line.matches('}').count() as i64;
                if depth <= 0 && (line.contains('}') || line.trim_end().ends_with(';')) {
                    break;
                }
            }
            continue;
        }
        out.push_str(code);
        out.push('\n');
    }
    out
}

/// The rooms named in `crate::…`, also in `use crate::{a, b::c}`.
fn named(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect() };
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (position, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                _ if begins && !character.is_whitespace() => {
                    found.insert(word(&group[position..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn the_reader_of_imports_finds_every_form() {
    let text = shipped(
        "use crate::{model::{A, B}, store, seams::Clock};\n// crate::console\nfn f(x: crate::lane::Pace) {}\n\
         #[cfg(test)]\nmod tests {\n    use crate::cli;\n}\n#[cfg(test)]\nmod other;\nuse crate::vault::Vault;\n",
    );
    let must = ["lane", "model", "seams", "store", "vault"].map(str::to_owned);
    assert_eq!(named(&text), must.into());
}

#[test]
fn every_room_stands_on_a_floor_and_the_table_of_the_library_agrees() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut placed: BTreeSet<&str> = FLOORS.iter().flat_map(|rooms| rooms.iter().copied()).collect();
    placed.insert("simulator");
    assert_eq!(declared, placed);
    for (number, rooms) in FLOORS.iter().enumerate() {
        let row = lib.lines().find(|line| line.starts_with(&format!("//! | {number} |"))).unwrap();
        for room in *rooms {
            assert!(row.contains(&format!("[`{room}`]")), "the table has {room} elsewhere: {row}");
        }
    }
}

#[test]
fn no_floor_imports_a_higher_one() {
    let mut checked = BTreeMap::new();
    let mut wrong = Vec::new();
    for (room, file, text) in rooms() {
        let Some(own) = floor(&room) else { continue };
        for other in named(&text) {
            let Some(theirs) = floor(&other) else { continue };
            *checked.entry(room.clone()).or_insert(0) += 1;
            if theirs > own {
                wrong.push(format!("{} ({room}, floor {own}) imports {other} of floor {theirs}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked.len() >= 13, "too few rooms were read: {checked:?}");
}

#[test]
fn floor_1_knows_nothing_of_its_neighbours() {
    // Each speaks of one thing; what they have in common lies below. The clients read their own part of the configuration.
    let allowed = [("jaggaer", "config"), ("intacct", "config")];
    for (room, file, text) in rooms() {
        if floor(&room) != Some(1) {
            continue;
        }
        for other in named(&text) {
            let neighbour = floor(&other) == Some(1) && other != room;
            assert!(!neighbour || allowed.contains(&(&*room, &*other)), "{} imports {other}", file.display());
        }
    }
}

#[test]
fn the_console_knows_messages_and_model_alone() {
    for (room, file, text) in rooms() {
        if room == "console" {
            for other in named(&text) {
                let known = ["console", "messages", "model"].contains(&&*other);
                assert!(known, "{} imports {other}", file.display());
            }
        }
    }
}

#[test]
fn the_simulators_share_nothing_with_the_product_and_only_the_faces_start_them() {
    for (room, file, text) in rooms() {
        let imports = named(&text);
        if room == "simulator" {
            assert!(imports.iter().all(|other| other == "simulator"), "{} imports {imports:?}", file.display());
        } else if imports.contains("simulator") {
            let face = ["demo.rs", "simulate.rs"].iter().any(|name| file.ends_with(name));
            assert!(face && room == "cli", "{} imports the simulators", file.display());
        }
    }
}

#[test]
fn nothing_but_a_supplier_is_ever_written_back_to_jaggaer() {
    let mut posts = BTreeMap::new();
    for (_, file, text) in rooms().into_iter().filter(|(room, ..)| room == "jaggaer") {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        for line in text.lines() {
            // The gate judges what others want to send; it sends nothing of its own.
            if name != "gate.rs" && line.to_ascii_lowercase().contains("method::post") {
                *posts.entry(name.clone()).or_insert(0) += 1;
            }
            let other = [
                "Method::Put",
                "Method::Patch",
                "Method::Delete",
                "Method::PUT",
                "Purpose::Post",
                "\"PUT\"",
                "\"PATCH\"",
                "\"DELETE\"",
                ".post(",
                ".put(",
                ".patch(",
                ".delete(",
            ];
            assert!(!other.iter().any(|word| line.contains(word)), "{}: {line}", file.display());
            assert!(name == "gate.rs" || !line.contains("self.network"), "only the gate holds the network: {line}");
        }
    }
    let wanted = BTreeMap::from([("oauth.rs".to_owned(), 1), ("update.rs".to_owned(), 1)]);
    assert_eq!(posts, wanted, "the token call and the update of a supplier alone post anything");
}
