//! Evaluates a checkpoint on questions with known answers: `cargo run --release -p spanbert-core --example evaluate [FOLDER SQUAD.json]`,
//! by default the model that is part of the program on its 61 questions about real things.

use std::{
    error::Error,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use spanbert_backends::{DeviceChoice, Precision};
use spanbert_core::{demo, evaluate::evaluate, open::OpenedModel, squad::Dataset};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).filter(|_| !cfg!(test));
    let (folder, dataset) = match (arguments.next(), arguments.next()) {
        (Some(folder), Some(data)) => (PathBuf::from(folder), Dataset::from_path(Path::new(&data))?),
        _ => (demo::trained_folder()?, demo::passages()?),
    };
    let mut model = OpenedModel::open(&folder, &DeviceChoice::Auto, None, Precision::F32, &mut |_| true)?;
    let (options, tokenizer) = (model.evaluate_options(), Arc::clone(&model.tokenizer));
    let evaluation =
        evaluate(model.engine.as_mut(), Arc::new(dataset), tokenizer, &options, &mut |done, total| {
            eprint!("\r{done} of {total} windows");
            ControlFlow::Continue(())
        })?;
    eprintln!();
    // What the official script prints, under its names.
    println!("{}", serde_json::to_string_pretty(&evaluation.results.official)?);
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap_or_else(|error| panic!("{error}"));
}
