//! The proof page: what was tried and what came of it, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::seams::Guard;

use crate::agreement::Tally;
use crate::oracle::{Unclear, Verdict};

/// Sums over cases or seeds.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    pub tried: u64,
    pub documents: u64,
    pub posted: u64,
    pub with_a_person: u64,
    pub ends: u64,
    pub not_reached: u64,
    pub alarms: u64,
    pub doubled: u64,
    pub lost: u64,
    pub wrong: u64,
    pub unclear: Unclear,
    pub tally: Tally,
}

impl Sum {
    pub fn add(&mut self, verdict: &Verdict, ends: u32, left: usize) {
        self.tried += 1;
        self.ends += u64::from(ends);
        self.not_reached += u64::from(left > 0);
        self.documents += verdict.documents;
        self.posted += verdict.posted;
        self.with_a_person += verdict.with_a_person;
        self.alarms += verdict.alarms;
        self.doubled += verdict.doubled.len() as u64;
        self.lost += verdict.lost.len() as u64;
        self.wrong += verdict.wrong.len() as u64;
        let (sum, one) = (&mut self.unclear, &verdict.unclear);
        sum.outcomes += one.outcomes;
        sum.executed += one.executed;
        sum.adopted += one.adopted;
        sum.sent_again += one.sent_again;
        sum.to_a_person += one.to_a_person;
        self.tally.add(&verdict.tally);
    }

    fn json(&self) -> Value {
        let unclear = &self.unclear;
        json!({
            "tried": self.tried, "documents": self.documents, "posted": self.posted, "with_a_person": self.with_a_person,
            "ends": self.ends, "not_reached": self.not_reached, "alarms": self.alarms, "doubled": self.doubled, "lost": self.lost, "wrong": self.wrong,
            "unclear": {
                "outcomes": unclear.outcomes, "executed": unclear.executed, "adopted": unclear.adopted,
                "sent_again": unclear.sent_again, "to_a_person": unclear.to_a_person,
            },
            "masters": Value::from_iter(self.tally.rows()),
        })
    }

    fn text(&self, page: &mut String) {
        let unclear = &self.unclear;
        let rows = [
            ("documents", self.documents),
            ("posted once, read back, to the cent", self.posted),
            ("in front of a person with a reason", self.with_a_person),
            ("ends of the process and faults of the disk", self.ends),
            ("cases whose end never came, because it went another way", self.not_reached),
            ("unclear outcomes", unclear.outcomes),
            ("of them found in the books, so in truth executed", unclear.executed),
            ("of them settled by reading back (adopted, differing, a twin)", unclear.adopted),
            ("of them sent again after the quiet time", unclear.sent_again),
            ("of them given to a person", unclear.to_a_person),
        ];
        page.push_str("| what | count |\n|---|---:|\n");
        for (what, count) in rows {
            let _ = writeln!(page, "| {what} | {count} |");
        }
    }
}

/// A guard that was left out: the case in which it was missed, after so many that did not show it.
pub struct Missed {
    pub guard: Guard,
    pub case: Option<String>,
    pub tried: usize,
}

/// All of it.
pub struct Page {
    pub command: String,
    pub commit: String,
    pub profile: &'static str,
    pub inside: Sum,
    pub outside: Sum,
    /// Cases by point, behaviour and kind.
    pub cells: BTreeMap<(String, &'static str, &'static str), u64>,
    pub guards: Vec<Missed>,
    pub seeds: Sum,
    pub first_seed: u64,
    pub replayed: u64,
    pub sweep_time: Duration,
    pub guard_time: Duration,
    pub seed_time: Duration,
    pub failures: Vec<String>,
}

impl Page {
    pub fn text(&self) -> String {
        let mut page = String::new();
        let verdict = if self.failures.is_empty() { "nothing lost, nothing doubled" } else { "FAILED" };
        let _ = writeln!(page, "# Proof: {verdict}\n");
        let _ = writeln!(page, "    {}\n", self.command);
        let _ = writeln!(page, "At commit {}, {} build.\n", self.commit, self.profile);
        let duplicates = self.inside.doubled + self.seeds.doubled;
        let losses = self.inside.lost + self.seeds.lost;
        let amounts = self.inside.wrong + self.seeds.wrong;
        let _ = writeln!(page, "| inside the fault model | |\n|---|---:|");
        let _ = writeln!(page, "| cases of the sweep | {} |", self.inside.tried);
        let _ = writeln!(page, "| seeds of the simulation | {} |", self.seeds.tried);
        let _ = writeln!(page, "| duplicates | {duplicates} |");
        let _ = writeln!(page, "| losses | {losses} |");
        let _ = writeln!(page, "| wrong amounts and other broken rules | {amounts} |\n");
        let _ = writeln!(page, "## The sweep\n");
        let _ = writeln!(
            page,
            "Every place where the process may end × every behaviour of the gateway × every kind of posting, and a second end in the \
             recovery; {} cases in {:.0} s. Where the table does not say otherwise `uniqueid` is ignored by the gateway.\n",
            self.inside.tried + self.outside.tried,
            self.sweep_time.as_secs_f64()
        );
        self.inside.text(&mut page);
        let _ = writeln!(
            page,
            "\nOutside the fault model (a request takes effect after the quiet time): {} cases; {} documents stood twice and were \
             told as doubled, {} silently.\n",
            self.outside.tried, self.outside.alarms, self.outside.wrong
        );
        self.table(&mut page);
        let _ = writeln!(page, "\n## The simulation\n");
        let _ = writeln!(
            page,
            "Seeds {} to {} in {:.0} s; {} of them played twice, to the same event. Each has 200 invoices over at least four hours \
             in which both systems, the network, the disk, the clock and people do what they should not.\n",
            self.first_seed,
            self.first_seed + self.seeds.tried.saturating_sub(1),
            self.seed_time.as_secs_f64(),
            self.replayed
        );
        self.seeds.text(&mut page);
        self.masters(&mut page);
        self.guards(&mut page);
        if !self.failures.is_empty() {
            let _ = writeln!(page, "\n## What failed\n");
            for failure in self.failures.iter().take(40) {
                let _ = writeln!(page, "- {failure}");
            }
            if self.failures.len() > 40 {
                let _ = writeln!(page, "- and {} more", self.failures.len() - 40);
            }
        }
        page
    }

    /// What became of suppliers and vendors in the simulation.
    fn masters(&self, page: &mut String) {
        let tally = &self.seeds.tally;
        if tally.suppliers == 0 {
            page.push_str(
                "\nNo supplier was kept in agreement with its vendor in these few runs: the sweep's two kinds of vendors are what is \
                 proved of the masters.\n",
            );
            return;
        }
        page.push_str(
            "\nIn seven of eight runs both supplier masters are kept in agreement meanwhile, while people type, change, merge and delete on \
             both sides, let it start or not, and decide.\n\n| what | count |\n|---|---:|\n",
        );
        for (what, count) in [
            ("suppliers", tally.suppliers),
            ("changes that people made in both systems", tally.edits),
            ("vendors created", tally.vendors_created),
            ("vendors updated", tally.vendors_updated),
            ("suppliers written to JAGGAER", tally.suppliers_written),
            ("conflicts opened", tally.conflicts),
            ("decisions of persons", tally.decided),
            ("suppliers that agree with their vendor in the end", tally.agreed),
            ("suppliers in front of a person with a reason", tally.with_a_person),
        ] {
            let _ = writeln!(page, "| {what} | {count} |");
        }
    }

    fn guards(&self, page: &mut String) {
        page.push_str("\n## Guards\n\n");
        if self.guards.is_empty() {
            page.push_str("None was left out: that takes an optimised build.\n");
            return;
        }
        let _ = writeln!(
            page,
            "Each was left out alone, and a case of the sweep or a seed failed that is green with it ({:.0} s):\n",
            self.guard_time.as_secs_f64()
        );
        page.push_str("| guard | first missed in |\n|---|---|\n");
        for missed in &self.guards {
            let case = missed.case.as_deref().unwrap_or("NOT MISSED");
            let _ = writeln!(page, "| {} | {case} |", missed.guard);
        }
    }

    /// Cases by behaviour and kind, and by point and kind.
    fn table(&self, page: &mut String) {
        let kinds: Vec<&str> = crate::sweep::Kind::ALL.iter().map(|kind| kind.words()).collect();
        let mut by_way: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        let mut by_point: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for ((point, way, kind), count) in &self.cells {
            *by_way.entry(way).or_default().entry(kind).or_default() += count;
            *by_point.entry(point).or_default().entry(kind).or_default() += count;
        }
        for (what, rows) in [("the gateway", by_way), ("the process ends", by_point)] {
            let _ = writeln!(page, "| {what} | {} |", kinds.join(" | "));
            let _ = writeln!(page, "|---|{}", "---:|".repeat(kinds.len()));
            for (row, counts) in rows {
                let cells: Vec<String> =
                    kinds.iter().map(|kind| counts.get(kind).map_or_else(String::new, u64::to_string)).collect();
                let _ = writeln!(page, "| {row} | {} |", cells.join(" | "));
            }
            page.push('\n');
        }
    }

    pub fn json(&self) -> Value {
        let cells: Vec<Value> = self
            .cells
            .iter()
            .map(|((point, way, kind), count)| json!({"point": point, "gateway": way, "kind": kind, "cases": count}))
            .collect();
        let guards: Vec<Value> = self
            .guards
            .iter()
            .map(|one| json!({"guard": one.guard.words(), "missed_in": one.case, "tried": one.tried}))
            .collect();
        json!({
            "command": self.command, "commit": self.commit, "profile": self.profile,
            "sweep": {"inside": self.inside.json(), "outside": self.outside.json(), "seconds": self.sweep_time.as_secs_f64(), "cases": cells},
            "simulation": {"first_seed": self.first_seed, "replayed": self.replayed, "seconds": self.seed_time.as_secs_f64(), "sum": self.seeds.json()},
            "guards": guards, "failures": self.failures,
        })
    }
}
