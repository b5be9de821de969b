//! The part of the test that is about answers, without keeping the thread.

use spanbert_backends::{BackendError, BackendKind, DeviceChoice, DeviceInfo, Fusion, Precision, fault};

use super::{
    Differences, REPEATS, SelfTestError,
    compare::{Tolerance, larger, logits},
    toy,
};
use crate::{
    batch::Batch,
    engine::{EngineError, Logits, open_inference},
};

/// The kernels to use on an open device for models that answer in f32: fused ones, or plain ones if those fail. The processor
/// needs no test. A fault of the device is taken back ([`fault::take`]): it is the verdict. `tell` hears how many of how many
/// steps are done; the first ones take longest, since kernels are compiled.
///
/// # Errors
/// If the device answers wrongly or fails with both, or if the processor cannot run the toy model.
pub async fn check_answers(
    device: &DeviceInfo,
    tell: &dyn Fn(usize, usize),
) -> Result<Fusion, SelfTestError> {
    if device.kind == BackendKind::Cpu {
        return Ok(Fusion::Fused);
    }
    let batches: Vec<Batch> =
        toy::shapes(device).iter().map(|&(rows, length)| toy::batch(rows, length)).collect();
    let expected = answers(&DeviceChoice::Cpu, Fusion::Fused, &batches, &|_, _| ())
        .await
        .map_err(|error| SelfTestError::Reference(error.to_string()))?;
    first_that_passes(device, async |fusion| agrees(device, fusion, &batches, &expected, tell).await).await
}

/// The first kind of kernels with which an attempt says nothing against the device.
pub(super) async fn first_that_passes(
    device: &DeviceInfo,
    attempt: impl AsyncFn(Fusion) -> Result<(), String>,
) -> Result<Fusion, SelfTestError> {
    let mut reason = String::new();
    for &fusion in Fusion::BUILT {
        match attempt(fusion).await {
            Ok(()) => return Ok(fusion),
            Err(why) => reason = why,
        }
        fault::take();
    }
    let (choice, name) = (device.choice.clone(), device.name.clone());
    Err(SelfTestError::Refused(BackendError::FailedSelfTest { choice, name, reason }))
}

/// Says how the device differs from what is expected of it, if it does.
async fn agrees(
    device: &DeviceInfo,
    fusion: Fusion,
    batches: &[Batch],
    expected: &[Logits],
    tell: &dyn Fn(usize, usize),
) -> Result<(), String> {
    let found = answers(&device.choice, fusion, batches, tell).await.map_err(|error| error.to_string())?;
    let runs = found.chunks(batches.len()).flat_map(|run| expected.iter().zip(run));
    let largest = runs.map(|(expected, found)| logits(expected, found)).fold(0.0, larger);
    let differences = Differences { logits: largest, ..Differences::default() };
    Tolerance::of(device, Precision::F32).exceeded_by(differences).map_or(Ok(()), Err)
}

/// What a model answers to all batches, so often that kernels come from a cache in the end.
async fn answers(
    choice: &DeviceChoice,
    fusion: Fusion,
    batches: &[Batch],
    tell: &dyn Fn(usize, usize),
) -> Result<Vec<Logits>, EngineError> {
    let config = toy::config(0.0);
    let mut engine = open_inference(choice, fusion, &config, toy::weights(&config), Precision::F32)?;
    let mut found = Vec::new();
    for _ in 0..REPEATS {
        for batch in batches {
            found.push(engine.predict_async(batch).await?);
            tell(found.len(), REPEATS * batches.len());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use spanbert_backends::select;

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("a processor has nothing to wait for"),
        }
    }

    #[test]
    fn a_device_agrees_with_its_like_only() {
        let processor = select(&DeviceChoice::Cpu).unwrap();
        let batches = [toy::batch(1, 64), toy::batch(3, 64)];
        let mut expected = now(answers(&DeviceChoice::Cpu, Fusion::Fused, &batches, &|_, _| ())).unwrap();
        assert_eq!(expected.len(), REPEATS * batches.len());
        expected.truncate(batches.len());
        assert_eq!(now(agrees(&processor, Fusion::Fused, &batches, &expected, &|_, _| ())), Ok(()));
        // A wrong number in one of them, and one that is none.
        for wrong in [1e-2, f32::NAN] {
            let mut expected = expected.clone();
            expected[1].end[7] += wrong;
            let reason = now(agrees(&processor, Fusion::Fused, &batches, &expected, &|_, _| ())).unwrap_err();
            assert!(reason.starts_with("its logits differ from the processor's by"), "{reason}");
        }
        assert_eq!(now(check_answers(&processor, &|_, _| ())).unwrap(), Fusion::Fused);
    }
}
