//! Results as a table, as JSON and in a file.

use std::fs;

use serde::Serialize;

use super::{args::ReportArgs, speed::SpeedReport};
use crate::{
    error::CliError,
    output,
    table::{Align, Paint, Table},
};
use spanbert_core::{
    bench::{SpeedRow, Summary},
    run::write_atomic,
};

/// Prints a report as the flags say and writes its file.
pub(super) fn publish(
    report: &impl Serialize,
    args: &ReportArgs,
    table: impl FnOnce(Paint) -> String,
) -> Result<(), CliError> {
    let text = serde_json::to_string(report).map_err(CliError::no_json)?;
    if let Some(path) = &args.output {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| {
                CliError::new(
                    format_args!("cannot make the folder {}: {error}", folder.display()),
                    "name a file in a folder you may write to",
                )
            })?;
        }
        write_atomic(path, format!("{text}\n").as_bytes())?;
    }
    if args.json { output::line(text) } else { output::print(&table(Paint::stdout())) }
}

/// Fails if the measurement was broken off: a program must not take its beginning for the whole.
pub(super) fn check_whole(stopped: bool) -> Result<(), CliError> {
    if stopped {
        return Err(CliError::new(
            "broken off before all was measured",
            "run it again; what is printed was measured before",
        ));
    }
    Ok(())
}

/// Speeds of a model, a row for each length.
pub(super) fn speed_table(report: &SpeedReport, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("length", Align::Right),
        ("batch", Align::Right),
        ("windows/s", Align::Right),
        ("tokens/s", Align::Right),
        ("with padding", Align::Right),
        ("ms/step", Align::Right),
        ("min", Align::Right),
        ("p90", Align::Right),
        ("TFLOP/s", Align::Right),
        ("of peak", Align::Right),
        ("device memory", Align::Right),
        ("host memory", Align::Right),
        ("first step", Align::Right),
        ("warm-up", Align::Right),
    ]);
    for row in &report.rows {
        table.row(cells(row));
    }
    table.render(paint)
}

fn cells(row: &SpeedRow) -> [String; 14] {
    let ms = |pick: fn(&Summary) -> f64| row.step_ms.as_ref().map(pick).map(short).unwrap_or_default();
    let batch = if row.micro_batch < row.batch {
        format!("{} in {}s", row.batch, row.micro_batch)
    } else {
        row.batch.to_string()
    };
    let peak = |share: f64| format!("{:.1} % of {}", share * 100.0, row.peak_format.unwrap_or_default());
    [
        row.length.clone(),
        batch,
        short(row.windows_per_sec),
        short(row.tokens_per_sec),
        short(row.padded_tokens_per_sec),
        ms(|summary| summary.median),
        ms(|summary| summary.min),
        ms(|summary| summary.p90),
        short(row.model_tflops_per_sec),
        row.peak_share.map(peak).unwrap_or_default(),
        row.peak_device_bytes.map(gibibytes).unwrap_or_default(),
        row.peak_host_bytes.map(gibibytes).unwrap_or_default(),
        seconds(row.first_step_secs),
        seconds(row.warmup_secs),
    ]
}

/// Four digits that matter.
pub(super) fn short(value: f64) -> String {
    let digits = if value <= 0.0 || !value.is_finite() { 0 } else { 3 - libm::log10(value).floor() as i64 };
    let decimals = usize::try_from(digits.clamp(0, 6)).unwrap_or(0);
    format!("{value:.decimals$}")
}

/// A time with a sensible number of digits.
pub(super) fn seconds(secs: f64) -> String {
    format!("{} s", short(secs))
}

/// Binary gigabytes.
pub(super) fn gibibytes(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_are_shown() {
        for (value, text) in [
            (123_456.7, "123457"),
            (1234.56, "1235"),
            (123.456, "123.5"),
            (1.23456, "1.235"),
            (0.012_345_6, "0.01235"),
            (0.0, "0"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(seconds(0.5), "0.5000 s");
        assert_eq!(gibibytes(3 << 29), "1.50 GiB");
    }
}
