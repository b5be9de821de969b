//! Devices that were compared with the processor, without keeping the thread.

use std::cell::RefCell;

use spanbert_backends::{BackendError, BackendKind, DeviceChoice, DeviceInfo, Fusion, select};

use super::{Notice, Notices, OpenError};
use crate::{
    advice::Advice,
    selftest::{check_answers, check_learning},
};

/// What a device is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Models that answer.
    Answering,
    /// Models that learn, and answer on the way.
    Learning,
}

/// What came of testing devices since the program began: none is tested twice.
#[derive(Debug, Default)]
pub struct TestedDevices {
    tested: Vec<(DeviceChoice, Purpose, Result<Fusion, BackendError>)>,
}

impl TestedDevices {
    /// The device that is meant, tested, and the kernels to use on it. With [`DeviceChoice::Auto`] a GPU that cannot be used is
    /// passed over, with a word why, for the processor.
    ///
    /// # Errors
    /// If the device is not there or fails its test, or the callback gives up.
    pub async fn trusted(
        &mut self,
        choice: &DeviceChoice,
        purpose: Purpose,
        notices: Notices<'_>,
    ) -> Result<(DeviceInfo, Fusion), OpenError> {
        let mut say = |notice| if notices(notice) { Ok(()) } else { Err(OpenError::Cancelled) };
        let may_fall_back = *choice == DeviceChoice::Auto;
        // Its obstacle is said again by `select`, where there is no way around it.
        if let Err(obstacle) = open_gpu(choice).await
            && may_fall_back
        {
            say(Notice::Note(format!("WebGPU is not used: {obstacle}")))?;
        }
        let device = select(choice)?;
        say(Notice::Note(format!("device: {} ({})", device.choice, device.name)))?;
        if device.software {
            say(Notice::Warning(format!("{} is a software rasteriser: right, but slow", device.name)))?;
        }
        match self.test(&device, purpose, &mut |notice| say(notice).is_ok()).await? {
            Ok(fusion) => Ok((device, fusion)),
            Err(error) if may_fall_back => {
                say(Notice::Warning(format!("the processor is used instead: {}", error.in_one_line())))?;
                Ok((select(&DeviceChoice::Cpu)?, Fusion::Fused))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Tests a device, unless that has been done.
    async fn test(
        &mut self,
        device: &DeviceInfo,
        purpose: Purpose,
        notices: Notices<'_>,
    ) -> Result<Result<Fusion, BackendError>, OpenError> {
        if device.kind == BackendKind::Cpu {
            return Ok(Ok(Fusion::Fused));
        }
        // What learns as it should answers as it should, and what answers wrongly learns nothing.
        let settles = |(choice, tested, verdict): &&(DeviceChoice, Purpose, Result<Fusion, BackendError>)| {
            let stronger = if verdict.is_ok() { Purpose::Learning } else { Purpose::Answering };
            *choice == device.choice && (*tested == purpose || *tested == stronger)
        };
        if let Some((_, _, verdict)) = self.tested.iter().find(settles) {
            return Ok(verdict.clone());
        }
        let stage = match purpose {
            Purpose::Answering => "Comparing the GPU's answers with the processor's",
            Purpose::Learning => "Comparing the GPU's gradients with the processor's",
        };
        if !notices(Notice::Stage(stage.into())) {
            return Err(OpenError::Cancelled);
        }
        let notices = RefCell::new(notices);
        let tell = |done: usize, of: usize| {
            // Whoever gives up is heard after the test, which is not to be left half-way.
            notices.borrow_mut()(Notice::Stage(format!("{stage}: step {done} of {of}").into()));
        };
        let verdict = match purpose {
            Purpose::Answering => check_answers(device, &tell).await,
            Purpose::Learning => check_learning(device, &tell).await,
        };
        let verdict = verdict.map_err(BackendError::from);
        if let Err(error) = &verdict {
            give_up_gpu(error);
        }
        self.tested.push((device.choice.clone(), purpose, verdict.clone()));
        Ok(verdict)
    }
}

/// Opens WebGPU if it may be meant.
#[cfg(all(feature = "wgpu", target_family = "wasm"))]
async fn open_gpu(choice: &DeviceChoice) -> Result<(), spanbert_backends::Obstacle> {
    match choice {
        DeviceChoice::Auto | DeviceChoice::Wgpu(_) => spanbert_backends::open_web_gpu().await.map(|_| ()),
        DeviceChoice::Cpu | DeviceChoice::Cuda(_) => Ok(()),
    }
}

/// What a GPU that is not to be used still says must not be taken for a fault of the processor.
#[cfg(all(feature = "wgpu", target_family = "wasm"))]
fn give_up_gpu(error: &BackendError) {
    spanbert_backends::close_web_gpu(&error.to_string());
}

/// Elsewhere a device says nothing between two calls.
#[cfg(not(all(feature = "wgpu", target_family = "wasm")))]
fn give_up_gpu(_: &BackendError) {}

/// Elsewhere devices need no opening.
#[cfg(not(all(feature = "wgpu", target_family = "wasm")))]
#[allow(clippy::unused_async, reason = "its twin for browsers waits")]
async fn open_gpu(_: &DeviceChoice) -> Result<(), spanbert_backends::Obstacle> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;

    fn gpu() -> DeviceInfo {
        let processor = select(&DeviceChoice::Cpu).unwrap();
        DeviceInfo { choice: DeviceChoice::Wgpu(Some(9)), kind: BackendKind::Wgpu, ..processor }
    }

    #[test]
    fn the_processor_is_trusted_without_a_word_of_a_test() {
        let mut said = Vec::new();
        let mut devices = TestedDevices::default();
        for purpose in [Purpose::Answering, Purpose::Learning] {
            let mut notices = |notice| {
                said.push(notice);
                true
            };
            let (device, _) = block_on(devices.trusted(&DeviceChoice::Cpu, purpose, &mut notices)).unwrap();
            assert_eq!(device.kind, BackendKind::Cpu);
        }
        assert!(!said.iter().any(|notice| matches!(notice, Notice::Stage(_))), "{said:?}");
        let refused = block_on(devices.trusted(&DeviceChoice::Cpu, Purpose::Answering, &mut |_| false));
        assert!(matches!(refused, Err(OpenError::Cancelled)));
    }

    #[test]
    fn a_verdict_stands_for_what_follows_from_it() {
        let device = gpu();
        let failed = || {
            let (choice, name) = (device.choice.clone(), device.name.clone());
            Err(BackendError::FailedSelfTest { choice, name, reason: "wrong".into() })
        };
        // Whether another test is begun: there is no such device, so it would fail.
        let tests = |tested: Purpose, verdict: Result<Fusion, BackendError>, purpose: Purpose| {
            let mut devices = TestedDevices { tested: vec![(device.choice.clone(), tested, verdict)] };
            let mut begun = false;
            let mut notices = |_| {
                begun = true;
                false
            };
            drop(block_on(devices.test(&device, purpose, &mut notices)));
            begun
        };
        let (answering, learning) = (Purpose::Answering, Purpose::Learning);
        assert!(!tests(learning, Ok(Fusion::Fused), answering));
        assert!(tests(answering, Ok(Fusion::Fused), learning));
        assert!(!tests(answering, failed(), learning));
        assert!(tests(learning, failed(), answering));
        assert!(!tests(answering, failed(), answering));
    }
}
