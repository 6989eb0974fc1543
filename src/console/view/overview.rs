//! The overview: depth by state, connections, gateway, flows, failures, alerts.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::text::{bars, count, cut, fit, fit_right, several, tall_bars, width, wrap};
use super::{Pen, money, put, put_all, tint};
use crate::messages::{AlertLevel, FlowState, FlowStatus, LaneState, RemoteState};
use crate::model::{Money, State, safe};

pub fn draw(pen: &Pen, area: Rect, buf: &mut Buffer) {
    let flows = flows(pen, area.width as usize);
    let flow_rows = (flows.len() as u16).min(area.height / 2);
    let top = Rect { height: area.height - flow_rows - 1, ..area };

    let number = if area.width >= 130 { 3 } else { 2 };
    let gap = 3;
    let each = (area.width - gap * (number - 1)) / number;
    let column = |at: u16| Rect { x: area.x + at * (each + gap), width: each, ..top };
    let cells = each as usize;
    let room = top.height as usize;
    // Tall screens give the bars several rows.
    let high = if room >= 34 { 4 } else { 1 };
    let end = if number == 3 {
        [
            stack(buf, column(0), [documents(pen, cells, true), history(pen, cells, high)]),
            stack(
                buf,
                column(1),
                [connections(pen, cells, false), gateway(pen, cells, true), throughput(pen, cells, high)],
            ),
            stack(buf, column(2), [alerts(pen, cells, room / 2), failures(pen, cells)]),
        ]
    } else {
        // Short screens show the states that hold something; tall ones all.
        let documents = documents(pen, cells, room >= 26);
        // A grave one goes before everything but the connections.
        let grave = pen.snapshot.alerts.iter().any(|alert| alert.level > AlertLevel::Notice);
        let alerts = alerts(pen, cells, if grave { room.saturating_sub(5).max(3) } else { (room / 3).max(3) });
        let (mut history, mut posted) = (history(pen, cells, high), throughput(pen, cells, high));
        if room < 26 {
            // No room for a block of its own: what was posted in each minute follows the depth.
            let minutes: Vec<u64> = pen.snapshot.throughput.per_minute.iter().copied().map(u64::from).collect();
            let now = fit_right(&count(minutes.last().copied().unwrap_or(0)), 6);
            history.push(Line::from(vec![
                Span::styled("✓ posted/min", pen.ui.theme.good()),
                Span::raw(format!("{now} ")),
                Span::styled(bars(&minutes, cells.saturating_sub(19)), pen.ui.theme.good()),
            ]));
            posted.truncate(2);
        }
        let right = [alerts, connections(pen, cells, true), history, posted, gateway(pen, cells, false)];
        [stack(buf, column(0), [documents, failures(pen, cells)]), stack(buf, column(1), right), area.y]
    };
    // The flows follow the longest column, or stand at the bottom.
    let y = end.into_iter().max().unwrap_or(area.y).min(area.y + top.height) + 1;
    let bottom = Rect { y, height: flow_rows, ..area };
    for (row, (line, chosen)) in flows.iter().take(flow_rows as usize).enumerate() {
        let place = Rect { y: bottom.y + row as u16, height: 1, ..bottom };
        put(buf, place, line);
        if *chosen {
            tint(buf, place, pen.ui.theme.chosen());
        }
    }
}

/// Blocks below each other, a free row between them, as far as they fit; gives the row behind the last.
fn stack<const N: usize>(buf: &mut Buffer, area: Rect, blocks: [Vec<Line<'static>>; N]) -> u16 {
    let mut y = area.y;
    for block in blocks {
        let left = area.bottom().saturating_sub(y);
        // A heading alone says nothing.
        if block.is_empty() || left < 2 {
            continue;
        }
        put_all(buf, Rect { y, height: left, ..area }, &block);
        y = y.saturating_add(block.len() as u16 + 1);
    }
    y.saturating_sub(1).min(area.bottom())
}

fn heading(pen: &Pen, words: &str) -> Line<'static> {
    Line::styled(words.to_owned(), pen.ui.theme.heading())
}

fn documents(pen: &Pen, cells: usize, all: bool) -> Vec<Line<'static>> {
    let mut lines = vec![heading(pen, "Documents")];
    for state in State::ALL {
        let totals = pen.snapshot.states.get(&state);
        let number = totals.map_or(0, |totals| totals.count);
        let always = matches!(state, State::Queued | State::Posted | State::Held | State::Failed);
        if number == 0 && !all && !always {
            continue;
        }
        let (glyph, style) = pen.ui.theme.state(state);
        let sums: Vec<String> = totals
            .into_iter()
            .flat_map(|totals| &totals.totals)
            .map(|(currency, amount)| money(Money { amount: *amount, currency: *currency }))
            .collect();
        let style = if number == 0 { pen.ui.theme.quiet() } else { style };
        lines.push(Line::from(vec![
            Span::styled(format!("{glyph} {}", fit(state.label(), 15)), style),
            Span::raw(fit_right(&count(number), 7)),
            Span::styled(format!("  {}", cut(&sums.join(", "), cells.saturating_sub(26))), pen.ui.theme.quiet()),
        ]));
    }
    lines
}

fn history(pen: &Pen, cells: usize, high: usize) -> Vec<Line<'static>> {
    let samples = &pen.snapshot.history;
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Vec::new() };
    let room = cells.saturating_sub(19).max(8);
    let since = samples.get(samples.len().saturating_sub(room)).unwrap_or(first);
    let row = |glyph: &str, word: &str, style: Style, values: Vec<u64>| {
        let now = values.last().copied().unwrap_or(0);
        let label = Span::styled(format!("{glyph} {}", fit(word, 10)), style);
        let mut spans = vec![label, Span::raw(fit_right(&count(now), 6)), Span::raw(" ")];
        if high < 2 {
            spans.push(Span::styled(bars(&values, room), style));
            return vec![Line::from(spans)];
        }
        let mut lines: Vec<Line> = tall_bars(&values, room, high)
            .into_iter()
            .map(|row| Line::from(vec![Span::raw(" ".repeat(19)), Span::styled(row, style)]))
            .collect();
        // The words stand beside the lowest row.
        if let Some(last) = lines.last_mut() {
            let bars = last.spans.pop();
            spans.extend(bars);
            *last = Line::from(spans);
        }
        lines
    };
    let theme = pen.ui.theme;
    [
        vec![heading(pen, &format!("Depth, {} to {}", pen.clock(since.at), pen.clock(last.at)))],
        row("◔", "queued", theme.waiting(), samples.iter().map(|sample| sample.queued).collect()),
        row("→", "unsettled", theme.moving(), samples.iter().map(|sample| sample.unsettled).collect()),
        row("▲", "attention", theme.warning(), samples.iter().map(|sample| sample.attention).collect()),
    ]
    .concat()
}

fn connections(pen: &Pen, cells: usize, with_lane: bool) -> Vec<Line<'static>> {
    let mut lines = vec![heading(pen, "Connections")];
    for (name, state) in [("JAGGAER token", &pen.snapshot.token), ("Intacct session", &pen.snapshot.session)] {
        let theme = pen.ui.theme;
        let (glyph, style, words, more) = match state {
            RemoteState::None => ("○", theme.quiet(), "not needed yet".to_owned(), None),
            RemoteState::Valid { until } if *until > pen.ui.now => {
                ("●", theme.good(), format!("valid, {} left", pen.left(*until)), None)
            }
            RemoteState::Valid { .. } => ("◔", theme.quiet(), "ended, renewed when needed".to_owned(), None),
            RemoteState::Unreachable { why, since } => {
                ("✗", theme.bad(), format!("unreachable since {}", pen.clock(*since)), Some(safe(why).into_owned()))
            }
            RemoteState::Refused { why, advice, since } => (
                "✗",
                theme.bad(),
                format!("REFUSED since {}", pen.clock(*since)),
                Some(format!("{} {}", safe(why), safe(advice))),
            ),
        };
        lines.push(Line::from(vec![
            Span::raw(fit(name, 16)),
            Span::styled(cut(&format!("{glyph} {words}"), cells.saturating_sub(16)), style),
        ]));
        if let Some(more) = more {
            let rows = wrap(&more, cells.saturating_sub(2));
            lines.extend(rows.into_iter().take(3).map(|row| Line::raw(format!("  {row}"))));
        }
    }
    if with_lane {
        let (glyph, style, words) = lane(pen);
        let rows = wrap(&format!("{glyph} {words}"), cells.saturating_sub(16));
        for (row, words) in rows.into_iter().take(2).enumerate() {
            let name = if row == 0 { "Gateway" } else { "" };
            lines.push(Line::from(vec![Span::raw(fit(name, 16)), Span::styled(words, style)]));
        }
    }
    lines
}

/// What the lane does: glyph, style, words.
fn lane(pen: &Pen) -> (&'static str, Style, String) {
    let theme = pen.ui.theme;
    match &pen.snapshot.gateway.lane {
        LaneState::Idle => ("○", Style::new(), "idle".to_owned()),
        LaneState::Reading => ("◑", theme.moving(), "reading".to_owned()),
        LaneState::Sending { bills } => ("→", theme.moving(), format!("sending {bills} bills")),
        LaneState::Waiting { until, why } => {
            ("◔", theme.waiting(), format!("waiting {}: {}", pen.left(*until), safe(why)))
        }
        LaneState::CircuitOpen { until, why } => {
            ("✗", theme.bad(), format!("circuit open, tries again in {}: {}", pen.left(*until), safe(why)))
        }
        LaneState::Stopped { why, advice } => ("✗", theme.bad(), format!("STOPPED: {} {}", safe(why), safe(advice))),
    }
}

/// The lane in a row of its own where there is room, else its numbers only: then it stands among the connections.
fn gateway(pen: &Pen, cells: usize, whole: bool) -> Vec<Line<'static>> {
    let gateway = &pen.snapshot.gateway;
    let mut lines = vec![heading(pen, "Gateway")];
    if whole {
        let (glyph, style, words) = lane(pen);
        let rows = wrap(&format!("{glyph} {words}"), cells);
        lines.extend(rows.into_iter().take(3).map(|row| Line::styled(row, style)));
    }
    let last = gateway.last_ms.map(|ms| format!(", the last {} ms", count(ms))).unwrap_or_default();
    for words in [
        format!("{}{last}", several(gateway.requests, "request")),
        format!("{}, {} bills a request", several(gateway.functions, "function"), gateway.functions_per_request),
        format!("{}, {}", several(gateway.transactions, "transaction"), several(gateway.logins, "login")),
    ] {
        lines.push(Line::raw(cut(&words, cells)));
    }
    lines
}

fn throughput(pen: &Pen, cells: usize, high: usize) -> Vec<Line<'static>> {
    let throughput = &pen.snapshot.throughput;
    let minutes: Vec<u64> = throughput.per_minute.iter().copied().map(u64::from).collect();
    let last = minutes.last().copied().unwrap_or(0);
    let words = format!("{} since the start, {} this minute", count(throughput.posted), count(last));
    let mut lines = vec![heading(pen, "Posted"), Line::raw(cut(&words, cells))];
    let rows = if high < 2 { vec![bars(&minutes, cells.min(60))] } else { tall_bars(&minutes, cells.min(60), high) };
    lines.extend(rows.into_iter().map(|row| Line::styled(row, pen.ui.theme.good())));
    lines
}

fn failures(pen: &Pen, cells: usize) -> Vec<Line<'static>> {
    let groups = &pen.snapshot.failures;
    let mut lines = vec![heading(pen, "Needs a person")];
    if groups.is_empty() {
        lines.push(Line::styled("✓ nothing", pen.ui.theme.good()));
    }
    for group in groups {
        let (glyph, style) = pen.ui.theme.state(group.state);
        let class = group.class.map(|class| format!(": {}", class.word())).unwrap_or_default();
        lines.push(Line::from(vec![
            Span::raw(fit_right(&count(group.count), 5)),
            Span::styled(format!(" {glyph} {} ", group.state.label()), style),
            Span::raw(cut(
                &format!("{}{class}", safe(&group.title)),
                cells.saturating_sub(9 + group.state.label().len()),
            )),
        ]));
    }
    lines
}

fn alerts(pen: &Pen, cells: usize, room: usize) -> Vec<Line<'static>> {
    let alerts = &pen.snapshot.alerts;
    if alerts.is_empty() {
        return Vec::new();
    }
    let grave = alerts.iter().filter(|alert| alert.level > AlertLevel::Notice).count();
    let more = if grave > 1 { format!(" ({grave})") } else { String::new() };
    let mut lines = vec![heading(pen, &format!("Alerts{more}"))];
    for alert in alerts {
        let (glyph, word, style) = pen.ui.theme.alert(alert.level);
        let (what, advice) = (alert.what.safe(), safe(&alert.advice));
        let stop = if advice.is_empty() || what.ends_with('.') { "" } else { "." };
        let words = format!("{glyph} {word} {}: {what}{stop} {advice}", pen.clock(alert.since));
        // One alert is read to its end; of several, each says what it is.
        let rows = if alerts.len() == 1 { room } else { 3 };
        let rows = rows.min((room.max(2)).saturating_sub(lines.len()));
        if rows == 0 {
            break;
        }
        let all = wrap(words.trim_end(), cells.saturating_sub(2));
        for (row, text) in all.iter().take(rows).enumerate() {
            let indent = if row == 0 { "" } else { "  " };
            let more = if row + 1 == rows && all.len() > rows { " …" } else { "" };
            let text = cut(&format!("{text}{more}"), cells.saturating_sub(2));
            lines.push(Line::styled(format!("{indent}{text}"), style));
        }
    }
    lines
}

fn flows(pen: &Pen, cells: usize) -> Vec<(Line<'static>, bool)> {
    let theme = pen.ui.theme;
    let wide = cells >= 130;
    let titles = match wide {
        true => format!(
            "  {} {} {} {} {} last result",
            fit("Flow", 18),
            fit("state", 11),
            fit("next", 16),
            fit("last run", 18),
            fit("read up to", 17)
        ),
        false => {
            format!("  {} {} {} {} result", fit("Flow", 12), fit("state", 10), fit("next", 15), fit("last run", 15))
        }
    };
    let vendors = super::vendors::summary(pen, cells).map(|line| (line, false));
    let mut lines: Vec<(Line<'static>, bool)> = vendors.into_iter().collect();
    lines.push((Line::styled(titles, theme.heading()), false));
    for flow in &pen.snapshot.flows {
        let chosen = pen.ui.flow.as_deref() == Some(&flow.name);
        lines.push((flow_row(pen, flow, wide, chosen, cells), chosen));
    }
    lines
}

fn flow_row(pen: &Pen, flow: &FlowStatus, wide: bool, chosen: bool, cells: usize) -> Line<'static> {
    let theme = pen.ui.theme;
    let (glyph, word, style) = match flow.state {
        FlowState::Waiting => ("○", "waiting", Style::new()),
        FlowState::Running => ("◑", "running", theme.moving()),
        FlowState::Paused => ("‖", "paused", theme.warning()),
        FlowState::Stopped => ("✗", "STOPPED", theme.bad()),
    };
    let next = match (flow.state, flow.next) {
        (FlowState::Paused | FlowState::Stopped, _) | (_, None) => "–".to_owned(),
        (_, Some(next)) if next <= pen.ui.now => "now".to_owned(),
        (_, Some(next)) => format!("in {}", pen.left(next)),
    };
    let last = match (flow.last_end, flow.last_start) {
        (_, Some(start)) if flow.state == FlowState::Running => pen.ago(start),
        (Some(at), _) | (None, Some(at)) => pen.ago(at),
        (None, None) => "never".to_owned(),
    };
    let (mark, outcome, tone) = match &flow.last_result {
        None => ("", String::new(), Style::new()),
        Some(Ok(what)) => ("✓ ", safe(what).into_owned(), theme.good()),
        Some(Err(what)) => {
            let row = if flow.failed_in_a_row > 1 { format!("{}× ", flow.failed_in_a_row) } else { String::new() };
            ("✗ ", format!("{row}{}", safe(what)), theme.bad())
        }
    };
    let cursor = if chosen { "▸ " } else { "  " };
    let name = safe(&flow.name);
    let state = format!("{glyph} {word}");
    let (head, tail) = if wide {
        let mark = flow.mark.map(|mark| pen.clock(mark)).unwrap_or_else(|| "–".to_owned());
        (fit(&name, 18), format!("{} {} {} ", fit(&next, 16), fit(&last, 18), fit(&mark, 17)))
    } else {
        (fit(&name, 12), format!("{} {} ", fit(&next, 15), fit(&last, 15)))
    };
    let used = 2 + width(&head) + 1 + if wide { 12 } else { 11 } + width(&tail);
    Line::from(vec![
        Span::raw(format!("{cursor}{head} ")),
        Span::styled(fit(&state, if wide { 12 } else { 11 }), style),
        Span::raw(tail),
        Span::styled(cut(&format!("{mark}{outcome}"), cells.saturating_sub(used)), tone),
    ])
}
