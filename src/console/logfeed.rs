//! Feeds the engine's log lines to tui-logger, without its thread: its hot buffer is emptied at once.

use jiff::tz::TimeZone;

use crate::messages::{LogLevel, LogLine};
use crate::model::safe;

/// tui-logger takes so many before it is emptied.
const BATCH: usize = 400;

/// Takes lines in. The time stands before the message, because tui-logger knows only when it was fed.
pub fn feed(lines: &[LogLine], zone: &TimeZone) {
    tui_logger::set_default_level(log::LevelFilter::Trace);
    let drain = tui_logger::Drain::new();
    for batch in lines.chunks(BATCH) {
        for line in batch {
            let level = match line.level {
                LogLevel::Error => log::Level::Error,
                LogLevel::Warn => log::Level::Warn,
                LogLevel::Info => log::Level::Info,
                LogLevel::Debug => log::Level::Debug,
                LogLevel::Trace => log::Level::Trace,
            };
            let time = line.at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string();
            let target = safe(&line.target);
            drain.log(
                &log::Record::builder()
                    .level(level)
                    .target(&target)
                    .args(format_args!("{time} {}", line.message.safe()))
                    .build(),
            );
        }
        tui_logger::move_events();
    }
}
