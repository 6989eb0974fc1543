//! Trouble with the gateway as a whole: waiting, the open circuit, stopping until a person acts.

use std::time::Duration;

use super::run::Lane;
use crate::intacct::ledger;
use crate::messages::LaneState;
use crate::model::{Class, RecordNo};
use crate::seams::Guards;

impl<G: Guards> Lane<G> {
    /// One harmless read while the circuit is open. Returns whether it went through.
    pub(super) async fn probe(&mut self) -> bool {
        let nothing = [RecordNo("0".to_owned())];
        match self.gateway.query_all(&ledger::by_records(nothing.iter(), &self.options.mark_field)).await {
            Ok(_) => {
                self.circuit.good();
                tracing::info!("the gateway answers again");
                self.status.send_modify(|status| status.unreachable = false);
                true
            }
            Err(error) => {
                self.trouble(error.class(), error.to_string(), error.advice().safe().into_owned(), error.retry_after());
                false
            }
        }
    }

    /// Something went wrong with the gateway as a whole: wait, or stop until a person acts.
    pub(super) fn trouble(&mut self, class: Class, why: String, advice: String, retry_after: Option<Duration>) {
        let now = self.seams.clock.monotonic();
        self.status.send_modify(|status| status.unreachable = true);
        // A refused login that is remembered is not tried again by waiting, whatever its class.
        let class = if self.gateway.sessions().latched().is_some() { Class::Configuration } else { class };
        match class {
            Class::Refresh if self.refreshes < 2 => {
                self.refreshes += 1;
                tracing::info!(%why, "the session ended; a new one is opened and the request repeated");
                self.status.send_modify(|status| status.unreachable = false);
            }
            Class::Configuration | Class::Permission | Class::Refresh => {
                tracing::error!(%why, %advice, "the lane stops until a person acts");
                self.say(LaneState::Stopped { why: why.clone(), advice: advice.clone() });
                // As of the step's beginning: what a person mended meanwhile is tried at once.
                self.stopped = Some((why, advice, self.attempt));
            }
            _ => {
                self.pace.slow_down();
                let pause = self.circuit.failed(self.seams.chance.unit(), retry_after);
                tracing::warn!(%why, wait = ?pause.wait, open = pause.open, "the gateway is in trouble");
                self.pause(now + pause.wait, pause.open, why);
            }
        }
    }

    pub(super) fn pause(&mut self, until: Duration, open: bool, why: String) {
        // Of several requests under way, the one that asks to wait longest is heard.
        if self.wait.as_ref().is_some_and(|(known, _)| *known >= until) {
            return;
        }
        let wall = self.wall(until);
        let state =
            if open { LaneState::CircuitOpen { until: wall, why } } else { LaneState::Waiting { until: wall, why } };
        self.say(state.clone());
        self.wait = Some((until, state));
    }
}
