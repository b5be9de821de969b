//! Time of many steps, without disturbing them.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use super::{Subject, Summary, Workload, peak_host_bytes};
use crate::{engine::EngineError, train::Prepared};

/// A block is at most this long: the trainer gives a device no more work at a time either.
const LONGEST_BLOCK: usize = 32;

/// Blocks that the steps are cut into if nothing else is said.
const BLOCKS: usize = 10;

/// How steps are measured.
///
/// The device is waited for at the end of the warm-up and of every block of `block_steps` steps, and nowhere else, as
/// the trainer does. A percentile of step times is therefore one of the blocks' means: a device that is asked after
/// every step is another, slower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Steps before anything is measured, at least one of every shape.
    pub warmup: usize,
    /// Steps of a block.
    pub block_steps: usize,
}

impl Plan {
    /// About ten blocks, or blocks of a given length.
    #[must_use]
    pub fn new(steps: usize, warmup: usize, block_steps: Option<usize>) -> Self {
        let block_steps = block_steps.unwrap_or_else(|| steps.div_ceil(BLOCKS).min(LONGEST_BLOCK));
        Self { warmup: warmup.max(1), block_steps: block_steps.max(1) }
    }
}

/// Steps and how long they took.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Steps measured; fewer than planned if it was broken off.
    pub steps: usize,
    /// Windows of these steps.
    pub windows: usize,
    /// Word pieces of these steps, padding left out.
    pub tokens: usize,
    /// Positions of these steps, padding included.
    pub padded_tokens: usize,
    /// Operations of these steps.
    pub flops: f64,
    /// Seconds of these steps.
    pub secs: f64,
    /// Milliseconds a step, block by block.
    pub block_ms: Vec<f64>,
    /// Seconds of the very first step: compiling and tuning kernels, filling caches.
    pub first_step_secs: f64,
    /// Steps of the warm-up.
    pub warmup_steps: usize,
    /// Seconds of the warm-up, first step included.
    pub warmup_secs: f64,
    /// Most memory taken from the device, where known.
    pub peak_device_bytes: Option<u64>,
    /// Most memory of this process so far, where known.
    pub peak_host_bytes: Option<u64>,
    /// Loss of the last step, where there is one.
    pub loss: Option<f32>,
    /// Whether it was broken off.
    pub stopped: bool,
}

impl Measured {
    /// Milliseconds a step, over the blocks.
    #[must_use]
    pub fn step_ms(&self) -> Option<Summary> {
        Summary::of(self.block_ms.iter().copied())
    }

    fn add(&mut self, work: Work, steps: usize, time: Duration) {
        self.steps += steps;
        self.windows += work.windows;
        self.tokens += work.tokens;
        self.padded_tokens += work.padded_tokens;
        self.flops += work.flops;
        self.secs += time.as_secs_f64();
        self.block_ms.push(time.as_secs_f64() * 1e3 / steps as f64);
    }

    fn note_memory(&mut self, subject: &dyn Subject) {
        self.peak_device_bytes = self.peak_device_bytes.max(subject.device_bytes());
        self.peak_host_bytes = peak_host_bytes();
    }
}

/// Work of a block.
#[derive(Clone, Copy, Default)]
struct Work {
    windows: usize,
    tokens: usize,
    padded_tokens: usize,
    flops: f64,
}

impl Work {
    fn add(&mut self, batch: &Prepared, flops: f64) {
        self.windows += batch.windows;
        self.tokens += batch.tokens;
        self.padded_tokens += batch.parts.iter().map(|part| part.rows * part.length).sum::<usize>();
        self.flops += flops;
    }
}

/// Measures a subject. `progress` is told how many steps of how many are done, warm-up included, and may break off:
/// the steps begun are then waited for, and whole blocks count.
///
/// # Errors
/// If the device fails.
pub fn measure(
    subject: &mut dyn Subject,
    workload: &Workload,
    plan: Plan,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Measured, EngineError> {
    let mut measured = Measured::default();
    let begun = Instant::now();
    let warm_up = workload.warm_up(plan.warmup);
    let total = warm_up.len() + workload.steps();
    for batch in warm_up {
        if progress(measured.warmup_steps, total).is_break() {
            measured.stopped = true;
            break;
        }
        subject.step(&batch)?;
        if measured.warmup_steps == 0 {
            subject.wait()?;
            measured.first_step_secs = begun.elapsed().as_secs_f64();
        }
        measured.warmup_steps += 1;
    }
    subject.wait()?;
    measured.warmup_secs = begun.elapsed().as_secs_f64();
    measured.note_memory(subject);
    if !measured.stopped {
        blocks(subject, workload, plan, &mut measured, progress)?;
    }
    measured.loss = subject.loss();
    Ok(measured)
}

fn blocks(
    subject: &mut dyn Subject,
    workload: &Workload,
    plan: Plan,
    measured: &mut Measured,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<(), EngineError> {
    let (warm, steps) = (measured.warmup_steps, workload.steps());
    std::thread::scope(|scope| {
        let mut feed = workload.feed(scope);
        while measured.steps < steps {
            let block = plan.block_steps.min(steps - measured.steps);
            let mut work = Work::default();
            let begun = Instant::now();
            for (done, batch) in feed.by_ref().take(block).enumerate() {
                subject.step(&batch)?;
                work.add(&batch, subject.flops(&batch));
                measured.stopped = progress(warm + measured.steps + done + 1, warm + steps).is_break();
                if measured.stopped && done + 1 < block {
                    // Not a whole block: it would be compared with whole ones.
                    return subject.wait();
                }
            }
            subject.wait()?;
            measured.add(work, block, begun.elapsed());
            measured.note_memory(subject);
            if measured.stopped {
                break;
            }
        }
        // All was done: the wish came too late.
        measured.stopped &= measured.steps < steps;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BertConfig;

    /// Counts what is asked of it.
    #[derive(Default)]
    struct Fake {
        calls: String,
        memory: u64,
    }

    impl Subject for Fake {
        fn step(&mut self, batch: &Prepared) -> Result<(), EngineError> {
            assert_eq!(batch.windows, 2);
            self.memory += 1;
            self.calls.push('s');
            Ok(())
        }

        fn wait(&mut self) -> Result<(), EngineError> {
            self.calls.push('w');
            Ok(())
        }

        fn flops(&self, _: &Prepared) -> f64 {
            10.0
        }

        fn device_bytes(&self) -> Option<u64> {
            Some(self.memory)
        }

        fn loss(&self) -> Option<f32> {
            Some(0.5)
        }
    }

    fn run(steps: usize, plan: Plan, stop_after: usize) -> (String, Measured) {
        let config = BertConfig { vocab_size: 30, max_position_embeddings: 32, ..BertConfig::default() };
        let workload = Workload::fixed(&config, 2, 16, steps, 7).unwrap();
        let mut fake = Fake::default();
        let mut progress = |done: usize, _: usize| {
            if done >= stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let measured = measure(&mut fake, &workload, plan, &mut progress).unwrap();
        (fake.calls, measured)
    }

    #[test]
    fn the_device_is_waited_for_at_the_ends_of_blocks_only() {
        let (calls, measured) = run(7, Plan { warmup: 2, block_steps: 3 }, usize::MAX);
        // The first step's time is told apart; then the warm-up's, and that of three blocks.
        assert_eq!(calls, "swswssswssswsw");
        assert_eq!((measured.steps, measured.windows, measured.warmup_steps), (7, 14, 2));
        assert_eq!((measured.tokens, measured.padded_tokens, measured.flops), (14 * 16, 14 * 16, 70.0));
        assert_eq!((measured.block_ms.len(), measured.stopped), (3, false));
        assert_eq!((measured.peak_device_bytes, measured.loss), (Some(9), Some(0.5)));
        assert!(measured.warmup_secs >= measured.first_step_secs && measured.secs > 0.0);
    }

    #[test]
    fn breaking_off_keeps_whole_blocks() {
        let (calls, measured) = run(9, Plan { warmup: 1, block_steps: 3 }, 6);
        assert_eq!(calls, "swwssswssw");
        assert_eq!((measured.steps, measured.block_ms.len(), measured.stopped), (3, 1, true));
        let (calls, measured) = run(9, Plan { warmup: 5, block_steps: 3 }, 2);
        assert_eq!((calls.as_str(), measured.steps, measured.stopped), ("swsw", 0, true));
        assert_eq!(measured.step_ms(), None);
        assert!(!run(3, Plan { warmup: 1, block_steps: 3 }, 4).1.stopped);
    }

    #[test]
    fn steps_are_cut_into_about_ten_blocks() {
        let blocks = |steps| Plan::new(steps, 3, None).block_steps;
        assert_eq!((blocks(1), blocks(10), blocks(25), blocks(5000)), (1, 1, 3, 32));
        assert_eq!(Plan::new(10, 0, Some(0)), Plan { warmup: 1, block_steps: 1 });
        assert_eq!(Plan::new(10, 0, Some(64)).block_steps, 64);
    }
}
