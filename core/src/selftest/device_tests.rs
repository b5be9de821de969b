use spanbert_backends::{DeviceChoice, Precision, select};

use super::{
    super::observe::{Observation, Observations},
    *,
};
use crate::advice::Advice;

pub(in super::super) fn device(choice: &str, driver: &str) -> DeviceInfo {
    DeviceInfo {
        choice: choice.parse().unwrap(),
        kind: BackendKind::Wgpu,
        name: "GPU".into(),
        class: String::new(),
        api: None,
        driver: Some(driver.into()),
        memory_bytes: None,
        max_buffer_bytes: None,
        precisions: vec![Precision::F32],
        software: true,
        unusable: None,
    }
}

/// A GPU that multiplies in TF32.
fn tensor_cores() -> DeviceInfo {
    let precisions = vec![Precision::F32, Precision::F16, Precision::Bf16];
    DeviceInfo { kind: BackendKind::Cuda, precisions, ..device("cuda:0", "1") }
}

fn reference() -> Observations {
    let plan = Plan::for_device(&device("wgpu:0", "1"), Precision::F32);
    observe(&DeviceChoice::Cpu, Fusion::Fused, plan, &|| ()).unwrap()
}

#[test]
fn the_toy_model_has_sizable_logits_and_gradients_everywhere() {
    let observations = reference();
    for Observation { logits, gradients, metrics } in &observations.batches {
        let largest = logits.start.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        assert!(largest > 0.3, "{largest}");
        assert!(metrics.loss > 1.0 && metrics.grad_norm > 0.1, "{metrics:?}");
        let zero: Vec<_> =
            gradients.iter().filter(|(_, tensor)| tensor.values.iter().all(|&value| value == 0.0)).collect();
        assert!(zero.is_empty(), "{zero:?}");
    }
    let last = &observations.batches.last().unwrap().logits;
    assert_ne!(&observations.after_updates, last, "the updates changed nothing");
}

#[test]
fn the_processor_agrees_with_itself() {
    let reference = reference();
    assert_eq!(compare(&reference, &reference), Differences::default());
    assert_eq!(compare(&reference, &self::reference()), Differences::default());
}

/// Bugs that have been seen on devices, put in by hand: each must be noticed.
#[test]
fn wrong_numbers_are_noticed() {
    let reference = reference();
    let tolerance = Tolerance::of(&tensor_cores(), Precision::F32);
    let spoilt = |spoil: &dyn Fn(&mut Observations)| {
        let mut observations = reference.clone();
        spoil(&mut observations);
        tolerance.exceeded_by(compare(&reference, &observations))
    };
    assert_eq!(spoilt(&|_| ()), None);
    let row = |observations: &mut Observations| observations.batches[1].logits.clone();
    assert!(
        spoilt(&|all| all.batches[1].logits.start[5] += 0.05 * row(all).start[0].abs().max(1.0)).is_some()
    );
    assert!(spoilt(&|all| all.batches[0].logits.end[63] = f32::NAN).unwrap().contains("logits"));
    assert!(spoilt(&|all| all.batches[0].logits.end.truncate(3)).is_some());
    assert!(spoilt(&|all| all.batches[1].metrics.loss *= 1.01).is_some());
    assert!(spoilt(&|all| all.batches[1].metrics.grad_norm *= 1.1).unwrap().contains("gradients"));
    for name in reference.batches[0].gradients.keys() {
        // A softmax does not change when all its inputs shift: these have no gradient but rounding, and nothing
        // there can be judged.
        let only_rounding = ["key.bias", "qa_outputs.bias", "layer.1.output.LayerNorm.bias"];
        if !only_rounding.iter().any(|end| name.ends_with(end)) {
            let zeroed = spoilt(&|all| all.batches[0].gradients.get_mut(name).unwrap().values.fill(0.0));
            assert!(zeroed.is_some(), "{name}");
        }
        assert!(spoilt(&|all| drop(all.batches[0].gradients.remove(name))).is_some(), "{name}");
    }
    assert!(spoilt(&|all| all.after_updates.start.fill(0.0)).unwrap().contains("updates"));
    assert!(spoilt(&|all| drop(all.batches.pop())).is_some());
}

#[test]
fn a_verdict_is_stored_for_its_device_and_driver() {
    let folder = tempfile::tempdir().unwrap();
    let verdict = Verdict {
        device: device("wgpu:0", "1"),
        precision: Precision::F32,
        fused: Outcome::Failed("its logits differ".into()),
        unfused: Some(Outcome::Passed(Differences { logits: 1e-6, gradients: 0.1, updates: 0.0 })),
    };
    assert_eq!(store::load(&verdict.device, Precision::F32, folder.path()), None);
    store::save(&verdict, folder.path()).unwrap();
    assert_eq!(store::load(&verdict.device, Precision::F32, folder.path()).as_ref(), Some(&verdict));
    assert_eq!(store::load(&device("wgpu:0", "2"), Precision::F32, folder.path()), None);
    assert_eq!(store::load(&device("wgpu:1", "1"), Precision::F32, folder.path()), None);
    let ask = |device: &DeviceInfo| {
        ensure(device, Precision::F32, folder.path(), &mut |_| panic!("the verdict is stored"))
    };
    assert_eq!(ask(&verdict.device).unwrap(), (Fusion::Unfused, None));
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = store::save(&verdict, &file.join("verdicts")).unwrap_err();
    assert!(error.to_string().contains("file/verdicts: a part of its path is a file"), "{error}");
    std::fs::remove_file(&file).unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        std::fs::write(file.unwrap().path(), "{").unwrap();
    }
    assert_eq!(store::load(&verdict.device, Precision::F32, folder.path()), None);
}

#[test]
fn each_precision_has_its_own_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let passed = Outcome::Passed(Differences::default());
    let failed = Outcome::Failed("its logits differ".into());
    let verdict = |precision, fused: &Outcome, unfused: Option<&Outcome>| Verdict {
        device: device("wgpu:0", "1"),
        precision,
        fused: fused.clone(),
        unfused: unfused.cloned(),
    };
    let (single, half) =
        (verdict(Precision::F32, &passed, None), verdict(Precision::F16, &failed, Some(&passed)));
    store::save(&single, folder.path()).unwrap();
    assert_eq!(store::load(&half.device, Precision::F16, folder.path()), None);
    store::save(&half, folder.path()).unwrap();
    let fusion = |precision| {
        ensure(&single.device, precision, folder.path(), &mut |_| panic!("it is stored")).unwrap().0
    };
    assert_eq!((fusion(Precision::F32), fusion(Precision::F16)), (Fusion::Fused, Fusion::Unfused));
    assert_eq!(store::load(&half.device, Precision::Bf16, folder.path()), None);
}

/// The processor's imitation of f16 rounds operands to as many bits as TF32 has, and the results of products besides: it is
/// within the limits that were derived for TF32, and not by chance.
#[test]
fn limits_of_tf32_hold_for_operands_of_eleven_bits() {
    let reference = reference();
    let layers = reference.batches[0].gradients.keys().filter(|name| name.ends_with("query.bias")).count();
    assert_eq!(layers as f64, super::super::compare::LAYERS);
    let plan = Plan::for_device(&device("wgpu:0", "1"), Precision::F16);
    let rounded = observe(&DeviceChoice::Cpu, Fusion::Fused, plan, &|| ()).unwrap();
    let differences = compare(&reference, &rounded);
    println!("operands of eleven bits: {differences:?}");
    assert_eq!(Tolerance::of(&tensor_cores(), Precision::F32).exceeded_by(differences), None);
    // Without tensor cores that is no rounding, but a fault.
    let plain = DeviceInfo { precisions: vec![Precision::F32, Precision::F16], ..tensor_cores() };
    assert!(Tolerance::of(&plain, Precision::F32).exceeded_by(differences).is_some());
}

/// What a half precision may differ by must still show a device that computes something else.
#[test]
fn wrong_numbers_are_noticed_in_half_precision_too() {
    for precision in [Precision::F16, Precision::Bf16] {
        let plan = Plan::for_device(&device("wgpu:0", "1"), precision);
        let reference = observe(&DeviceChoice::Cpu, Fusion::Fused, plan, &|| ()).unwrap();
        let tolerance = Tolerance::of(&tensor_cores(), precision);
        let spoilt = |spoil: &dyn Fn(&mut Observations)| {
            let mut observations = reference.clone();
            spoil(&mut observations);
            tolerance.exceeded_by(compare(&reference, &observations))
        };
        assert_eq!(spoilt(&|_| ()), None, "{precision}");
        // A device that computes in f32 instead passes: it is no less exact.
        let single = self::reference();
        let differences = compare(&reference, &single);
        println!("{precision} from f32: {differences:?}");
        assert_eq!(tolerance.exceeded_by(differences), None, "{precision}");
        assert!(spoilt(&|all| all.batches[1].logits.start.rotate_left(1)).is_some(), "{precision}");
        assert!(spoilt(&|all| all.batches[1].metrics.loss *= 1.1).is_some(), "{precision}");
        assert!(spoilt(&|all| all.batches[0].logits.end[63] = f32::NAN).is_some(), "{precision}");
        let zeroed = |all: &mut Observations| {
            let name = "bert.encoder.layer.0.attention.self.value.weight";
            all.batches[0].gradients.get_mut(name).unwrap().values.fill(0.0);
        };
        assert!(spoilt(&zeroed).unwrap().contains("gradients"), "{precision}");
    }
}

#[test]
fn what_may_have_been_a_shortage_does_not_last() {
    let passed = Outcome::Passed(Differences::default());
    let failed = |why: &str| Outcome::Failed(why.into());
    let verdict =
        |fused, unfused| Verdict { device: device("wgpu:0", "1"), precision: Precision::F32, fused, unfused };
    assert!(verdict(passed.clone(), None).lasts());
    assert!(verdict(failed("its logits differ"), Some(passed.clone())).lasts());
    assert!(!verdict(failed("can't allocate buffer of size: 12"), Some(passed)).lasts());
    let refused = verdict(failed("a"), Some(failed("b")));
    assert!(!refused.lasts());
    assert_eq!(refused.fusion(), None);
    let refusal = refusal(&refused);
    assert!(refusal.to_string().ends_with("failed its self-test: b"), "{refusal}");
    assert!(refusal.remedy().starts_with("update its driver"), "{}", refusal.remedy());
    let short = verdict(failed("a"), Some(failed("out of memory (CUDA_ERROR_OUT_OF_MEMORY)")));
    let remedy = super::refusal(&short).remedy();
    assert!(remedy.starts_with("close other programs"), "{remedy}");
}

/// What an attempt comes to, given those that are made; which those were, and what was told.
fn judged(answers: &[Answer]) -> (Verdict, Vec<Fusion>, Vec<News>) {
    let (asked, mut told) = (std::cell::RefCell::new(Vec::new()), Vec::new());
    let attempt = |fusion, _: &mut dyn FnMut(News)| {
        let mut asked = asked.borrow_mut();
        asked.push(fusion);
        answers[asked.len() - 1].clone()
    };
    let verdict =
        judge(&device("wgpu:0", "1"), Precision::F32, &mut |news| told.push(news), attempt).unwrap();
    (verdict, asked.into_inner(), told)
}

/// A breakdown may have been another program's doing, wrong numbers never are.
#[test]
fn fused_kernels_that_broke_down_once_have_another_chance() {
    use Fusion::{Fused, Unfused};
    let passed = Answer::Device(Outcome::Passed(Differences::default()));
    let broke = Answer::Broke("device lost".into());
    let wrong = Answer::Device(Outcome::Failed("its logits differ".into()));
    let short = Answer::Broke("out of memory".into());
    let (verdict, asked, told) = judged(&[broke.clone(), passed.clone()]);
    assert_eq!((verdict.fusion(), verdict.lasts()), (Some(Fused), true));
    assert_eq!((asked, told), (vec![Fused, Fused], vec![News::OnceMore("device lost".into())]));
    let (verdict, asked, _) = judged(&[broke.clone(), broke, passed.clone()]);
    assert_eq!((verdict.fusion(), asked), (Some(Unfused), vec![Fused, Fused, Unfused]));
    for answer in [wrong, short] {
        let (verdict, asked, told) = judged(&[answer, passed.clone()]);
        assert_eq!((verdict.fusion(), asked), (Some(Unfused), vec![Fused, Unfused]));
        assert_eq!(told, []);
    }
}

#[test]
fn the_steps_of_a_run_are_counted() {
    let plan = Plan::for_device(&device("wgpu:0", "1"), Precision::F32);
    let steps = std::cell::Cell::new(0);
    observe(&DeviceChoice::Cpu, Fusion::Fused, plan, &|| steps.set(steps.get() + 1)).unwrap();
    assert_eq!(steps.get(), observe::steps(plan));
}

#[test]
fn a_device_that_is_not_there_is_refused_and_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let missing = device("wgpu:999", "1");
    let error = ensure(&missing, Precision::F32, folder.path(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, SelfTestError::Refused { .. }), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_processor_needs_no_test() {
    let cpu = select(&DeviceChoice::Cpu).unwrap();
    let nowhere = Path::new("/nonexistent");
    assert_eq!(
        ensure(&cpu, Precision::F32, nowhere, &mut |_| panic!("no test is needed")).unwrap(),
        (Fusion::Fused, None)
    );
}
