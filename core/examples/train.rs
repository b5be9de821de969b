//! Fine-tunes the demonstration's pre-trained model on a few of its questions, on the processor, into a run folder:
//! `cargo run --release -p spanbert-core --example train [RUN_FOLDER]`. The window shows the folder, `spanbert train --resume` resumes it.

use std::{error::Error, path::PathBuf};

use spanbert_backends::{DeviceChoice, Fusion, Precision, select};
use spanbert_core::{
    demo::{self, generate::GeneratorOptions},
    engine::{open_inference, open_training},
    run::Event,
    train::{
        DataSource, DeviceLimits, ModelSource, Observer, Preset, Recipe, Start, StopFlag, TrainJob,
        run_training,
    },
};

/// Prints losses and scores as they come.
struct Printer;

impl Observer for Printer {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step(step) => {
                println!("step {:4} of {}, loss {:.3}", step.step, step.total_steps, step.loss)
            }
            Event::Evaluation { step, scores, .. } => println!("evaluation after step {step}: {scores:?}"),
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let named = std::env::args().nth(1).filter(|_| !cfg!(test)).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| scratch.path().join("run"));

    let train = demo::squad_json("train", &GeneratorOptions { passages: 100, ..demo::TRAIN })?;
    let dev = demo::squad_json("dev", &GeneratorOptions { passages: 20, ..demo::DEV })?;
    let recipe = Recipe { num_train_epochs: 1.0, ..Preset::Demo.recipe() };
    let device = select(&DeviceChoice::Cpu)?;
    let outcome = run_training(TrainJob {
        model: ModelSource::Ready(Box::new(demo::pretrained_model()?)),
        train_data: DataSource::BuiltIn { name: "a few questions", json: &train },
        dev_data: Some(DataSource::BuiltIn { name: "fewer questions", json: &dev }),
        recipe,
        output: &folder,
        start: Start::New,
        limits: DeviceLimits::from(&device),
        choice: &device.choice.to_string(),
        device: &device.name,
        version_2_with_negative: true,
        notes: Vec::new(),
        open: &|config, weights, optimizer| {
            open_training(&device.choice, Fusion::default(), config, weights, *optimizer, Precision::F32)
        },
        open_teacher: &|config, weights| {
            open_inference(&device.choice, Fusion::default(), config, weights, Precision::F32)
        },
        observer: &mut Printer,
        stop: StopFlag::on_interrupt(),
        inject_fault: None,
        workers: None,
    })?;
    println!("{} updates, weights in {}", outcome.steps, outcome.layout.last().display());
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap_or_else(|error| panic!("{error}"));
}
