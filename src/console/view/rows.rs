//! A list of documents: only the rows on the screen are ever made.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::list::DocumentList;
use super::super::state::{Cause, Marks, Panel};
use super::super::text::{count, cut, fit, fit_right, width};
use super::{Pen, line_of, money, put, tint};
use crate::messages::DocumentRow;
use crate::model::{Flag, Text};

pub fn draw(pen: &Pen, area: Rect, buf: &mut Buffer) {
    let Some(key) = pen.ui.list_key() else { return };
    let list = pen.ui.list(key);
    let on_causes = pen.ui.on_causes && pen.ui.panel == Panel::Failures;
    let focus = !(pen.ui.open || on_causes);
    put(buf, line_of(area, 0), &heading(pen, list, area.width as usize));
    if area.height < 2 {
        return;
    }
    let columns = Columns::new(area.width as usize);
    put(buf, line_of(area, 1), &Line::styled(columns.titles(), pen.ui.theme.quiet()));
    let height = usize::from(area.height - 2);
    let mut drawn = 0;
    for (y, (index, row)) in (area.y + 2..).zip(list.window(height)) {
        drawn += 1;
        let place = Rect { y, height: 1, ..area };
        let Some(row) = row else {
            put(buf, place, &Line::styled("    …", pen.ui.theme.quiet()));
            continue;
        };
        let here = index == list.index;
        let marked = match &pen.ui.marks {
            Marks::None => false,
            Marks::Ids(ids) => ids.contains_key(&row.id),
            Marks::All(query, _) => list.query() == Some(query),
        };
        let cursor = match here {
            true if list.lost => "▹",
            true => "▸",
            false => " ",
        };
        put(buf, place, &columns.row(pen, row, cursor, if marked { "●" } else { " " }));
        if here && focus {
            tint(buf, place, pen.ui.theme.chosen());
        }
    }
    if drawn == 0 {
        let words = if list.query().is_none() {
            "The filter leaves nothing of this list."
        } else if list.fault.is_some() {
            "The list could not be read."
        } else if list.waiting() {
            "Reading…"
        } else if pen.ui.filter_text.is_empty() {
            "Nothing here."
        } else {
            "Nothing matches the filter."
        };
        if area.height > 3 {
            put(buf, line_of(area, 3), &Line::styled(format!("  {words}"), pen.ui.theme.quiet()));
        }
    }
}

fn heading(pen: &Pen, list: &DocumentList, cells: usize) -> Line<'static> {
    let theme = pen.ui.theme;
    let (size, certain) = list.size();
    let number = match size {
        _ if list.waiting() => "…".to_owned(),
        0 => "0".to_owned(),
        size => {
            format!("{} of {}{}", count(list.index as u64 + 1), if certain { "" } else { "at least " }, count(size))
        }
    };
    let mut spans = vec![Span::styled(format!(" {number}"), theme.heading())];
    if list.walking() {
        spans.push(Span::raw("  going to the end…"));
    }
    if !pen.ui.filter_text.is_empty() {
        spans.push(Span::raw("  filter: "));
        spans.push(Span::styled(crate::model::safe(&pen.ui.filter_text).into_owned(), theme.moving()));
    }
    if let Some(fault) = &list.fault {
        let since = list.read.map(|read| format!("stale since {}: ", pen.clock(read))).unwrap_or_default();
        spans.push(Span::styled(format!("  ✗ {since}{fault}"), theme.bad()));
    }
    let mut used = 0;
    for span in &mut spans {
        span.content = cut(&span.content, cells.saturating_sub(used)).into();
        used += width(&span.content);
    }
    Line::from(spans)
}

/// Which columns there is room for, in cells.
struct Columns {
    id: usize,
    number: usize,
    supplier: usize,
    date: usize,
    since: usize,
    total: usize,
    why: usize,
}

const STATE: usize = 15;

impl Columns {
    fn new(cells: usize) -> Self {
        let mut columns = match cells {
            ..100 => Columns { id: 0, number: 13, supplier: 14, date: 0, since: 0, total: 14, why: 0 },
            100..130 => Columns { id: 0, number: 16, supplier: 22, date: 10, since: 0, total: 15, why: 0 },
            _ => Columns { id: 7, number: 20, supplier: 30, date: 10, since: 16, total: 18, why: 0 },
        };
        let fixed: usize = columns.fixed().iter().filter(|cells| **cells > 0).map(|cells| cells + 1).sum();
        columns.why = cells.saturating_sub(3 + STATE + fixed);
        columns
    }

    fn fixed(&self) -> [usize; 6] {
        [self.id, self.number, self.supplier, self.date, self.since, self.total]
    }

    fn join(cells: [(String, usize); 7]) -> String {
        let shown: Vec<String> = cells.into_iter().filter(|(_, cells)| *cells > 0).map(|(text, _)| text).collect();
        shown.join(" ")
    }

    fn titles(&self) -> String {
        let rest = Self::join([
            (fit_right("id", self.id), self.id),
            (fit("number", self.number), self.number),
            (fit("supplier", self.supplier), self.supplier),
            (fit("date", self.date), self.date),
            (fit("since", self.since), self.since),
            (fit_right("total", self.total), self.total),
            (fit(" why", self.why), self.why),
        ]);
        format!("   {} {rest}", fit("state", STATE - 1))
    }

    fn row(&self, pen: &Pen, row: &DocumentRow, cursor: &str, mark: &str) -> Line<'static> {
        let (glyph, style) = pen.ui.theme.state(row.state);
        let told = pen.ui.panel == Panel::Failures && matches!(pen.ui.cause, Cause::One(..));
        let number = row.number.as_ref().unwrap_or(&row.jaggaer_id);
        let rest = Self::join([
            (fit_right(&row.id.to_string(), self.id), self.id),
            (fit(&number.safe(), self.number), self.number),
            (fit(&supplier(row), self.supplier), self.supplier),
            (fit(&row.date.map(|date| date.to_string()).unwrap_or_default(), self.date), self.date),
            (fit(&if self.since > 0 { pen.clock(row.since) } else { String::new() }, self.since), self.since),
            (fit_right(&row.total.map(money).unwrap_or_default(), self.total), self.total),
            (fit(&format!(" {}", why(row, told)), self.why), self.why),
        ]);
        Line::from(vec![
            Span::raw(format!("{cursor}{mark} ")),
            Span::styled(fit(&format!("{glyph} {}", row.state.label()), STATE), style),
            Span::raw(rest),
        ])
    }
}

fn supplier(row: &DocumentRow) -> String {
    row.supplier_name.as_ref().or(row.supplier_number.as_ref()).map(Text::safe).unwrap_or_default().into_owned()
}

/// Why it stands where it stands, in a few words; `told`: the first reason is known from elsewhere.
fn why(row: &DocumentRow, told: bool) -> String {
    let mut words = Vec::new();
    if let Some(first) = row.reasons.first().filter(|_| !told) {
        let class = row.class.map(|class| format!(": {}", class.word())).unwrap_or_default();
        let more = row.reasons.len() - 1;
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        words.push(format!("{}{class}{more}", first.title()));
    }
    for flag in &row.flags {
        words.push(match flag {
            Flag::ChangedAfterPosting(what) => format!("changed after posting: {}", what.safe()),
            Flag::Twin(record) => format!("twin {}", crate::model::safe(&record.0)),
            Flag::TextCleaned(_) => continue,
            Flag::Adopted => "adopted".to_owned(),
        });
    }
    if let Some(detail) = &row.detail {
        words.push(detail.safe().into_owned());
    }
    words.join(" · ")
}

/// A row as text, its cells apart by tabs.
pub fn plain(row: &DocumentRow) -> String {
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.safe().into_owned()).unwrap_or_default();
    [
        row.id.to_string(),
        row.state.label().to_owned(),
        text(&row.number),
        row.jaggaer_id.safe().into_owned(),
        text(&row.supplier_number),
        text(&row.supplier_name),
        row.date.map(|date| date.to_string()).unwrap_or_default(),
        row.total.map(|total| total.to_string()).unwrap_or_default(),
        row.record.as_ref().map(|record| crate::model::safe(&record.0).into_owned()).unwrap_or_default(),
        why(row, false),
    ]
    .join("\t")
}
