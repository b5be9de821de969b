//! Asks the model that is part of the program a question about a passage:
//! `cargo run --release -p spanbert-core --example ask [FOLDER QUESTION < PASSAGE]`.

use std::{error::Error, io::Read, path::PathBuf};

use spanbert_backends::{DeviceChoice, Precision};
use spanbert_core::{
    ask::{AskOptions, ask},
    demo,
    open::{Notice, OpenedModel},
};

const PASSAGE: &str = "In 1842, Marra built the mill of Kelford. The library of Kelford was built by Torik.";
const QUESTION: &str = "Who built the mill of Kelford?";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).filter(|_| !cfg!(test));
    let (folder, question, passage) = match (arguments.next(), arguments.next()) {
        (Some(folder), Some(question)) => {
            let mut passage = String::new();
            std::io::stdin().read_to_string(&mut passage)?;
            (PathBuf::from(folder), question, passage)
        }
        _ => (demo::trained_folder()?, QUESTION.to_owned(), PASSAGE.to_owned()),
    };

    // A GPU if there is one that agrees with the processor, else the processor.
    let mut model = OpenedModel::open(&folder, &DeviceChoice::Auto, None, Precision::F32, &mut |notice| {
        if let Notice::Warning(text) = notice {
            eprintln!("warning: {text}");
        }
        true
    })?;
    let options = AskOptions {
        windows: model.window_options(),
        threshold: model.meta.threshold.unwrap_or_default(),
        ..AskOptions::default()
    };
    let answer = ask(model.engine.as_mut(), &model.tokenizer, &passage, &question, &options)?;
    match answer.best() {
        Some(best) => println!("{} (bytes {:?} of the passage)", best.text, best.bytes),
        None => println!("no answer"),
    }
    println!("null score difference {:.3}, threshold {:.3}", answer.score_diff, answer.threshold);
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap_or_else(|error| panic!("{error}"));
}
