//! The test before a model learns on a device, without keeping the thread: answers, gradients and updates.

use std::cell::Cell;

use spanbert_backends::{BackendKind, DeviceChoice, DeviceInfo, Fusion, Precision};

use super::{
    SelfTestError,
    answers::first_that_passes,
    compare::{Tolerance, compare},
    observe::{Observations, Plan, Trouble, observe_async, steps},
};

/// The kernels to use on an open device for models that learn in f32, as [`check_answers`](super::check_answers) gives those of
/// models that answer, and `tell` hears of it. Everything is run once: within it each kernel is used several times.
///
/// # Errors
/// As [`check_answers`](super::check_answers).
pub async fn check_learning(
    device: &DeviceInfo,
    tell: &dyn Fn(usize, usize),
) -> Result<Fusion, SelfTestError> {
    if device.kind == BackendKind::Cpu {
        return Ok(Fusion::Fused);
    }
    let plan = Plan::for_device(device, Precision::F32);
    let expected = observe_async(&DeviceChoice::Cpu, Fusion::Fused, plan, &|| ()).await;
    let expected =
        expected.map_err(|(Trouble::Wrong(why) | Trouble::Broke(why))| SelfTestError::Reference(why))?;
    first_that_passes(device, async |fusion| agrees(device, fusion, plan, &expected, tell).await).await
}

/// Says how the device differs from what is expected of it, if it does.
async fn agrees(
    device: &DeviceInfo,
    fusion: Fusion,
    plan: Plan,
    expected: &Observations,
    tell: &dyn Fn(usize, usize),
) -> Result<(), String> {
    let done = Cell::new(0);
    let step = || {
        done.set(done.get() + 1);
        tell(done.get(), steps(plan));
    };
    let found = observe_async(&device.choice, fusion, plan, &step).await;
    let found = found.map_err(|(Trouble::Wrong(why) | Trouble::Broke(why))| why)?;
    let differences = compare(expected, &found);
    Tolerance::of(device, plan.precision()).exceeded_by(differences).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use spanbert_backends::select;

    use super::*;

    #[test]
    fn a_device_that_learns_otherwise_is_told_from_its_like() {
        let processor = select(&DeviceChoice::Cpu).unwrap();
        let software = DeviceInfo { software: true, ..processor.clone() };
        let plan = Plan::for_device(&software, Precision::F32);
        let expected = block_on(observe_async(&DeviceChoice::Cpu, Fusion::Fused, plan, &|| ())).unwrap();
        let last = Cell::new((0, 0));
        let tell = |done, of| last.set((done, of));
        let agrees =
            |expected: &Observations| block_on(agrees(&processor, Fusion::Fused, plan, expected, &tell));
        assert_eq!(agrees(&expected), Ok(()));
        assert_eq!(last.get(), (steps(plan), steps(plan)));
        let mut wrong = expected.clone();
        let gradient = wrong.batches[1].gradients.values_mut().next().unwrap();
        gradient.values.iter_mut().for_each(|value| *value *= 1.1);
        let reason = agrees(&wrong).unwrap_err();
        assert!(reason.starts_with("its gradients differ from the processor's by"), "{reason}");
        assert_eq!(block_on(check_learning(&processor, &tell)).unwrap(), Fusion::Fused);
    }
}
