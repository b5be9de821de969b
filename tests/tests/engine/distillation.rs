//! Knowledge distillation: loss and gradients beside Hinton's formula.

use spanbert_core::{
    batch::{Batch, micro_batches},
    checkpoint::fresh,
    engine::{MicroBatch, OptimizerConfig, SoftTargets, TrainingEngine},
};

use super::{batch, config, difference, open, open_optimized};

/// `[rows, length]` of invented teachers' logits.
fn soft_logits(rows: usize, length: usize, seed: usize) -> Vec<f32> {
    (0..rows * length).map(|index| ((index * 37 + seed * 11) % 23) as f32 / 5.0 - 2.0).collect()
}

/// Log-probabilities of a row at a temperature.
fn log_probabilities(logits: &[f32], temperature: f64) -> Vec<f64> {
    let logits: Vec<f64> = logits.iter().map(|&logit| f64::from(logit) / temperature).collect();
    let total = logits.iter().map(|logit| logit.exp()).sum::<f64>().ln();
    logits.into_iter().map(|logit| logit - total).collect()
}

/// `(1 - w) CE + w T^2 KL(teacher || student)` of one side of the logits, by row.
fn distilled(student: &[f32], teacher: &[f32], target: usize, weight: f64, temperature: f64) -> f64 {
    let (p, q) = (log_probabilities(teacher, temperature), log_probabilities(student, temperature));
    let divergence: f64 = p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum();
    (1.0 - weight) * -log_probabilities(student, 1.0)[target] + weight * temperature.powi(2) * divergence
}

/// Adds the gradients of a batch taught with the given logits, in micro-batches.
fn accumulate_taught(
    engine: &mut dyn TrainingEngine,
    batch: &Batch,
    micro: usize,
    (start, end): (&[f32], &[f32]),
    (weight, temperature): (f32, f32),
) {
    let parts = micro_batches(batch, micro);
    let share = 0.5 / batch.rows as f32;
    let (mut micros, mut soft, mut first_row) = (Vec::new(), Vec::new(), 0);
    for part in &parts {
        let own = first_row * batch.length..(first_row + part.rows) * batch.length;
        soft.push(SoftTargets { start: &start[own.clone()], end: &end[own], weight, temperature });
        micros.push(MicroBatch { batch: part, first_row, start_weight: share, end_weight: share, seed: 3 });
        first_row += part.rows;
    }
    engine.accumulate_distilled(&vec![0; micros.len()], &micros, &soft).unwrap();
}

#[test]
fn a_teacher_s_loss_is_hinton_s() {
    let batch = batch(5);
    let (rows, length) = (batch.rows, batch.length);
    let teacher = (soft_logits(rows, length, 1), soft_logits(rows, length, 2));
    let teacher = (teacher.0.as_slice(), teacher.1.as_slice());
    for (weight, temperature) in [(0.3, 2.0), (1.0, 1.0), (0.5, 4.0)] {
        let mut engine = open(0.0);
        let logits = engine.predict(&batch).unwrap();
        let targets = batch.targets.as_ref().unwrap();
        let side = |student: &[f32], teacher: &[f32], targets: &[i32]| -> f64 {
            let rows = student.chunks(length).zip(teacher.chunks(length)).zip(targets);
            rows.map(|((student, teacher), &target)| {
                distilled(student, teacher, target as usize, weight, temperature)
            })
            .sum()
        };
        let expected = (side(&logits.start, teacher.0, &targets.start)
            + side(&logits.end, teacher.1, &targets.end))
            * 0.5
            / rows as f64;
        let settings = (weight as f32, temperature as f32);
        accumulate_taught(engine.as_mut(), &batch, rows, teacher, settings);
        let loss = f64::from(engine.last_loss().unwrap().unwrap());
        assert!((loss - expected).abs() < 1e-5 * expected.max(1.0), "{loss}, not {expected}");

        // Its slope along the gradient is the gradient's norm.
        let gradient = engine.gradients().unwrap();
        let norm = gradient
            .values()
            .flat_map(|tensor| &tensor.values)
            .map(|&g| f64::from(g).powi(2))
            .sum::<f64>()
            .sqrt();
        let loss_at = |step: f64| {
            let mut weights = fresh(&config(0.0), 7);
            for (name, tensor) in &mut weights {
                for (value, g) in tensor.values.iter_mut().zip(&gradient[name].values) {
                    *value += (step * f64::from(*g) / norm) as f32;
                }
            }
            let mut engine = open_optimized(config(0.0), weights, OptimizerConfig::bert_adam());
            accumulate_taught(engine.as_mut(), &batch, rows, teacher, settings);
            f64::from(engine.last_loss().unwrap().unwrap())
        };
        let slope = (loss_at(2e-2) - loss_at(-2e-2)) / 4e-2;
        assert!((slope / norm - 1.0).abs() < 2e-2, "slope {slope}, gradient {norm}");

        // The cut does not matter, nor whether activations are kept.
        for (micro, recompute) in [(2, false), (rows, true)] {
            let mut other = open(0.0);
            other.set_recompute(recompute);
            accumulate_taught(other.as_mut(), &batch, micro, teacher, settings);
            let largest = difference(&gradient, &other.gradients().unwrap());
            assert!(largest.0 < 1e-6, "micro-batches of {micro}: {largest:?}");
        }
    }
}

#[test]
fn a_student_that_answers_like_its_teacher_has_nothing_to_learn_from_it() {
    let batch = batch(3);
    let mut engine = open(0.0);
    let logits = engine.predict(&batch).unwrap();
    accumulate_taught(engine.as_mut(), &batch, 3, (&logits.start, &logits.end), (1.0, 2.0));
    let loss = engine.last_loss().unwrap().unwrap();
    assert!(loss.abs() < 1e-6, "{loss}");
    let values = engine.gradients().unwrap();
    let largest =
        values.values().flat_map(|tensor| &tensor.values).fold(0.0_f32, |most, g| most.max(g.abs()));
    assert!(largest < 1e-6, "{largest}");
    // Logits of another shape are refused.
    let short = &logits.start[1..];
    let soft = SoftTargets { start: short, end: short, weight: 0.5, temperature: 1.0 };
    let micro = MicroBatch { batch: &batch, first_row: 0, start_weight: 0.1, end_weight: 0.1, seed: 0 };
    let micros = [micro];
    assert!(engine.accumulate_distilled(&[0], &micros, &[soft]).is_err());
    assert!(engine.accumulate_distilled(&[0], &micros, &[]).is_err());
}
