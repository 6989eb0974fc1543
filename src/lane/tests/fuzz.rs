//! The fuzzer's corpus and some thousand changes of it, without a fuzzer.

use std::fs;
use std::path::Path;

use crate::lane::fuzz::{answer, check};
use crate::seams::{Guard, Guards};

/// The corpus in the order of its names.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/answer");
    let mut all: Vec<(String, Vec<u8>)> = fs::read_dir(directory)
        .unwrap()
        .flatten()
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    all.sort();
    assert!(all.len() >= 25, "{}", all.len());
    all
}

/// The elements of a text, as far as they can be told: where each begins and ends.
fn element(bytes: &[u8], chance: &mut fastrand::Rng) -> Option<std::ops::Range<usize>> {
    let starts: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'<').collect();
    let from = *starts.get(chance.usize(..starts.len().max(1)))?;
    let name: Vec<u8> = bytes[from + 1..].iter().copied().take_while(|byte| !b" />".contains(byte)).collect();
    let close = [b"</" as &[u8], &name, b">"].concat();
    let end = bytes[from..].windows(close.len()).position(|part| part == close)?;
    Some(from..from + end + close.len())
}

/// One change: bytes flipped, cut, spliced with another, an element doubled, taken away or put elsewhere.
fn changed(bytes: &[u8], other: &[u8], chance: &mut fastrand::Rng) -> Vec<u8> {
    let mut out = bytes.to_vec();
    match chance.u8(..7) {
        0 => {
            for _ in 0..chance.usize(1..5) {
                let at = chance.usize(..out.len());
                out[at] ^= 1 << chance.u8(..8);
            }
        }
        1 => out.truncate(chance.usize(..out.len())),
        2 => {
            let from = chance.usize(..out.len());
            let to = chance.usize(from..=out.len());
            out.drain(from..to);
        }
        3 => {
            out.truncate(chance.usize(..out.len()));
            out.extend_from_slice(&other[chance.usize(..other.len())..]);
        }
        4 => {
            if let Some(range) = element(bytes, chance) {
                let copy = bytes[range.clone()].to_vec();
                out.splice(range.end..range.end, copy);
            }
        }
        5 => {
            if let Some(range) = element(bytes, chance) {
                out.drain(range);
            }
        }
        _ => {
            if let (Some(from), Some(to)) = (element(other, chance), element(bytes, chance)) {
                out.splice(to, other[from].iter().copied());
            }
        }
    }
    if out.is_empty() { vec![b'0'] } else { out }
}

#[test]
fn no_answer_of_the_corpus_nor_any_change_of_one_is_judged_for_more_than_it_says() {
    let corpus = corpus();
    for (_, bytes) in &corpus {
        answer(bytes);
    }
    let mut chance = fastrand::Rng::with_seed(20_261_125);
    for round in 0..6_000 {
        let (_, bytes) = &corpus[round % corpus.len()];
        let mut bytes = bytes.clone();
        for _ in 0..chance.usize(1..4) {
            let other = &corpus[chance.usize(..corpus.len())].1;
            bytes = changed(&bytes, other, &mut chance);
        }
        answer(&bytes);
    }
}

/// All guards but one.
macro_rules! without {
    ($name:ident, $guard:ident) => {
        #[derive(Clone)]
        enum $name {}

        impl Guards for $name {
            fn hold(guard: Guard) -> bool {
                guard != Guard::$guard
            }
        }
    };
}

without!(NoRequestEcho, RequestEcho);
without!(NoFunctionEcho, FunctionEcho);

#[test]
fn a_guard_of_the_classifier_that_is_left_out_is_noticed_by_the_corpus() {
    let noticed = |check: fn(&[u8])| {
        corpus().iter().filter(|(_, bytes)| std::panic::catch_unwind(|| check(bytes)).is_err()).count()
    };
    assert!(noticed(check::<NoRequestEcho>) > 0);
    assert!(noticed(check::<NoFunctionEcho>) > 0);
    assert_eq!(noticed(answer), 0);
}
