//! `spanbert devices`: what this machine can compute on.

use clap::Args;
use serde::Serialize;
use spanbert_backends::{
    BackendKind, BackendReport, DeviceChoice, DeviceInfo, Obstacle, Precision, automatic,
};

use super::{
    error::CliError,
    flags::JsonArgs,
    model, output,
    table::{Align, Paint, Table},
};
use spanbert_core::selftest::{self, Outcome, Verdict};

/// List every device, and for a backend that cannot be used, why.
#[derive(Debug, Args)]
pub(super) struct DevicesCommand {
    /// Compute a toy model on every device and compare with the processor; remembered per device and driver.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    output: JsonArgs,
}

#[derive(Serialize)]
struct Listing<'a> {
    automatic: Option<&'a DeviceChoice>,
    backends: &'a [BackendReport],
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<&'a [Verdict]>,
}

impl DevicesCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let reports = spanbert_backends::devices();
        let automatic = automatic(&reports).map(|device| &device.choice);
        if !self.output.json {
            output::print(&listing(&reports, automatic, Paint::stdout()))?;
        }
        let checks = if self.check { Some(check(&reports)?) } else { None };
        if self.output.json {
            output::json(&Listing { automatic, backends: &reports, checks: checks.as_deref() })?;
        } else {
            for verdict in checks.iter().flatten() {
                output::print(&check_lines(verdict))?;
            }
        }
        let refused: Vec<String> = checks
            .iter()
            .flatten()
            .filter(|verdict| verdict.fusion().is_none())
            .map(|verdict| verdict.device.choice.to_string())
            .collect();
        match refused.as_slice() {
            [] => Ok(()),
            [one] => Err(CliError::new(
                format_args!("{one} computes wrong results or breaks down"),
                "update its driver, or use another device with --device",
            )),
            several => Err(CliError::new(
                format_args!("{} compute wrong results or break down", several.join(" and ")),
                "update their drivers, or use another device with --device",
            )),
        }
    }
}

/// Tests every GPU that can be used against the processor.
fn check(reports: &[BackendReport]) -> Result<Vec<Verdict>, CliError> {
    model::configure_runtime();
    let gpus = reports.iter().flat_map(|report| &report.devices);
    gpus.filter(|device| device.kind != BackendKind::Cpu && device.unusable.is_none())
        .map(|device| {
            output::note(format_args!("comparing {} with the processor…", device.name));
            let mut tell = |news| output::note(format_args!("{}: {news}", device.name));
            let cache = model::cache_folder();
            let (verdict, warning) = selftest::test(device, Precision::F32, Some(&cache), &mut tell)?;
            if let Some(warning) = warning {
                output::warn(warning);
            }
            Ok(verdict)
        })
        .collect()
}

/// A line for each attempt.
fn check_lines(verdict: &Verdict) -> String {
    let choice = &verdict.device.choice;
    let outcome = |outcome: &Outcome| match outcome {
        Outcome::Passed(differences) => format!(
            "agrees with the processor (largest differences: logits {:.1e}, gradients {:.1e}, after updates {:.1e})",
            differences.logits, differences.gradients, differences.updates
        ),
        Outcome::Failed(reason) => format!("failed: {reason}"),
    };
    match &verdict.unfused {
        None => format!("{choice}: {}\n", outcome(&verdict.fused)),
        Some(unfused) => format!(
            "{choice}, fused kernels: {}\n{choice}, plain kernels: {}\n",
            outcome(&verdict.fused),
            outcome(unfused)
        ),
    }
}

fn listing(reports: &[BackendReport], automatic: Option<&DeviceChoice>, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("device", Align::Left),
        ("name", Align::Left),
        ("memory", Align::Right),
        ("precisions", Align::Left),
        ("driver", Align::Left),
        ("notes", Align::Left),
    ]);
    let devices = || reports.iter().flat_map(|report| &report.devices);
    for device in devices() {
        table.row(row(device, automatic));
    }
    let mut out = table.render(paint);
    let mut obstacle = |what: String, obstacle: &Obstacle| {
        for line in [format!("{what}: {obstacle}"), format!("  try: {}", obstacle.remedy)] {
            out.push_str(&paint.dim(&line));
            out.push('\n');
        }
    };
    for device in devices() {
        if let Some(reason) = &device.unusable {
            obstacle(format!("{} cannot be used", device.choice), reason);
        }
    }
    for report in reports {
        if let Some(reason) = &report.unavailable {
            obstacle(format!("{} is not available", report.kind), reason);
        }
    }
    out
}

fn row(device: &DeviceInfo, automatic: Option<&DeviceChoice>) -> [String; 6] {
    let precisions: Vec<String> = device.precisions.iter().map(ToString::to_string).collect();
    let driver: Vec<&str> = [&device.api, &device.driver].into_iter().flatten().map(String::as_str).collect();
    let mut notes = vec![device.class.as_str()];
    if device.software {
        notes.push("slow");
    }
    if device.unusable.is_some() {
        notes.push("unusable");
    }
    if automatic == Some(&device.choice) {
        notes.push("automatic choice");
    }
    [
        device.choice.to_string(),
        device.name.clone(),
        device.memory_bytes.map_or_else(|| "unknown".to_owned(), gibibytes),
        precisions.join(" "),
        driver.join(", "),
        notes.join(", "),
    ]
}

fn gibibytes(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let gibibytes = bytes as f64 / f64::from(1 << 30);
    format!("{gibibytes:.1} GiB")
}
