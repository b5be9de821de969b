//! One line of a table of speeds.

use serde::Serialize;
use spanbert_backends::{DeviceInfo, Precision};

use super::{Measured, Plan, Summary, Workload, peak};

/// The speed of one kind of batch. The scripts under `tests/benches/peers` print the same names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpeedRow {
    /// Word pieces of every window, or `squad` for a data set's own lengths.
    pub length: String,
    /// Windows of a step.
    pub batch: usize,
    /// Windows computed at once.
    pub micro_batch: usize,
    /// Steps measured.
    pub steps: usize,
    /// Steps between two waits for the device.
    pub block_steps: usize,
    /// Windows a second.
    pub windows_per_sec: f64,
    /// Word pieces a second, padding left out.
    pub tokens_per_sec: f64,
    /// Positions a second, padding included.
    pub padded_tokens_per_sec: f64,
    /// Milliseconds of a step, over the blocks' means.
    pub step_ms: Option<Summary>,
    /// The model's operations ([`forward_flops`](crate::engine::forward_flops)), 10^12 a second.
    pub model_tflops_per_sec: f64,
    /// The device's peak, where known, 10^12 operations a second.
    pub peak_tflops: Option<f64>,
    /// The format that this is the peak of.
    pub peak_format: Option<&'static str>,
    /// Share of the peak, 0 to 1.
    pub peak_share: Option<f64>,
    /// Most memory taken from the device, in bytes, where known; of the process so far.
    pub peak_device_bytes: Option<u64>,
    /// Most memory of this process so far, in bytes, where known.
    pub peak_host_bytes: Option<u64>,
    /// Seconds of the first step with this kind of batch.
    pub first_step_secs: f64,
    /// Steps of the warm-up.
    pub warmup_steps: usize,
    /// Seconds of the warm-up, first step included.
    pub warmup_secs: f64,
    /// Seconds of the steps measured.
    pub measured_secs: f64,
    /// Windows of the steps measured.
    pub windows: usize,
    /// Word pieces of the steps measured, padding left out.
    pub tokens: usize,
    /// Positions of the steps measured.
    pub padded_tokens: usize,
    /// Loss of the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_loss: Option<f32>,
    /// Rows and padded length of every step, as `32x384`, where they differ: another program can repeat them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<String>,
}

impl SpeedRow {
    /// Puts a measurement into words; none if not even a block was measured.
    #[must_use]
    pub fn new(
        measured: &Measured,
        workload: &Workload,
        plan: Plan,
        device: &DeviceInfo,
        precision: Precision,
    ) -> Option<Self> {
        let step_ms = Some(measured.step_ms()?);
        let secs = measured.secs.max(1e-9);
        let tflops = measured.flops / secs / 1e12;
        let peak = peak(&device.name, device.kind, precision);
        let mut shapes = workload.shapes();
        shapes.truncate(measured.steps);
        if shapes.windows(2).all(|pair| pair.first() == pair.last()) {
            shapes.clear();
        }
        Some(Self {
            length: workload.label().to_owned(),
            batch: workload.batch(),
            micro_batch: workload.micro_batch(),
            steps: measured.steps,
            block_steps: plan.block_steps,
            windows_per_sec: measured.windows as f64 / secs,
            tokens_per_sec: measured.tokens as f64 / secs,
            padded_tokens_per_sec: measured.padded_tokens as f64 / secs,
            step_ms,
            model_tflops_per_sec: tflops,
            peak_tflops: peak.map(|peak| peak.tflops),
            peak_format: peak.map(|peak| peak.format),
            peak_share: peak.map(|peak| tflops / peak.tflops),
            peak_device_bytes: measured.peak_device_bytes,
            peak_host_bytes: measured.peak_host_bytes,
            first_step_secs: measured.first_step_secs,
            warmup_steps: measured.warmup_steps,
            warmup_secs: measured.warmup_secs,
            measured_secs: measured.secs,
            windows: measured.windows,
            tokens: measured.tokens,
            padded_tokens: measured.padded_tokens,
            last_loss: measured.loss,
            shapes: shapes.iter().map(|(rows, length)| format!("{rows}x{length}")).collect(),
        })
    }
}
