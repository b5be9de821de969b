//! Writes what the PyTorch scripts of `tests/scripts` compare this program with.
//!
//! ```text
//! export_for_pytorch steps  RECIPE.toml MODEL TRAIN.json FOLDER [STEPS]
//! export_for_pytorch logits CHECKPOINT DATA.json OUT.safetensors [WINDOWS] [DEVICE]
//! ```
//! `steps`: what a training starts from and is fed, for `pytorch_losses.py`, which describes the files. RECIPE.toml is
//! the one in the run folder of `spanbert train` on the same model and file on the CPU.
//!
//! `logits`: the first windows of a SQuAD file and a checkpoint's logits for them, for `pytorch_check_checkpoint.py`.

use std::{collections::BTreeMap, error::Error, path::Path, process::ExitCode};

use safetensors::tensor::{Dtype, TensorView};
use spanbert_backends::{BackendKind, DeviceChoice, Fusion, Precision};
use spanbert_core::{
    batch::{Batch, Order, collate},
    checkpoint::{self, LoadOptions},
    engine::open_inference,
    features::{Window, WindowOptions, evaluation_examples, training_examples, windows},
    squad::Dataset,
    train::Recipe,
};

const USAGE: &str = "usage: export_for_pytorch steps RECIPE.toml MODEL TRAIN.json FOLDER [STEPS]
       export_for_pytorch logits CHECKPOINT DATA.json OUT.safetensors [WINDOWS] [DEVICE]";

type Summary = Result<String, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["steps", recipe, model, train, folder] => steps([recipe, model, train, folder], "100"),
        ["steps", recipe, model, train, folder, count] => steps([recipe, model, train, folder], count),
        ["logits", checkpoint, data, out] => logits([checkpoint, data, out], "32", "cpu"),
        ["logits", checkpoint, data, out, count] => logits([checkpoint, data, out], count, "cpu"),
        ["logits", checkpoint, data, out, count, device] => logits([checkpoint, data, out], count, device),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Cuts and orders a training file as the trainer does, and writes the first steps.
fn steps([recipe, model, train, folder]: [&str; 4], count: &str) -> Summary {
    let (recipe, folder) = (Recipe::from_path(Path::new(recipe))?, Path::new(folder));
    if recipe.gradient_accumulation_steps != 1 {
        return Err("only recipes with gradient_accumulation_steps = 1 can be exported".into());
    }
    let learning_rate = recipe.learning_rate.ok_or("the recipe has no learning_rate")?;
    let options = LoadOptions { lower_case: recipe.do_lower_case, seed: recipe.seed };
    let checkpoint = checkpoint::load(Path::new(model), options)?;
    let tokenizer = checkpoint.tokenizer()?;
    let (examples, _) = training_examples(&Dataset::from_path(Path::new(train))?);
    let windows = windows(&examples, &tokenizer, &recipe.window_options(), true)?;

    let lengths: Vec<usize> = windows.iter().map(|window| window.input_ids.len()).collect();
    let order = Order::new(&lengths, recipe.batch_rows(), recipe.train_mode, recipe.seed);
    let multiple = recipe.length_multiple_for(BackendKind::Cpu);
    let batches: Vec<Batch> = (0..recipe.whole_epochs())
        .flat_map(|epoch| order.epoch(epoch))
        .take(count.parse()?)
        .map(|batch| {
            let rows: Vec<&Window> =
                order.batch(batch).iter().filter_map(|&window| windows.get(window)).collect();
            collate(&rows, recipe.padded_length(longest(&rows), multiple), true)
        })
        .collect();

    std::fs::create_dir_all(folder)?;
    let total_steps = order.batch_count() as f64 * recipe.num_train_epochs;
    let described = serde_json::json!({
        "learning_rate": learning_rate,
        "warmup": recipe.warmup_proportion,
        "total_steps": total_steps,
    });
    std::fs::write(folder.join("recipe.json"), format!("{described}\n"))?;
    let start = checkpoint::to_safetensors(&checkpoint.weights, &BTreeMap::new())?;
    std::fs::write(folder.join("start.safetensors"), start)?;
    let mut arrays = Arrays::default();
    for (number, batch) in batches.iter().enumerate() {
        arrays.batch(&format!("{number:03}."), batch);
    }
    std::fs::write(folder.join("batches.safetensors"), arrays.to_bytes()?)?;
    let rows: usize = batches.iter().map(|batch| batch.rows).sum();
    Ok(format!("{} of {total_steps} steps, {rows} windows, in {}", batches.len(), folder.display()))
}

/// Runs the first windows of a file through a checkpoint, as one batch padded to its longest window.
fn logits([checkpoint, data, out]: [&str; 3], count: &str, device: &str) -> Summary {
    let device: DeviceChoice = device.parse()?;
    let checkpoint = checkpoint::load(Path::new(checkpoint), LoadOptions::default())?;
    let tokenizer = checkpoint.tokenizer()?;
    let examples = evaluation_examples(&Dataset::from_path(Path::new(data))?);
    let windows = windows(&examples, &tokenizer, &WindowOptions::default(), false)?;
    let rows: Vec<&Window> = windows.iter().take(count.parse()?).collect();
    let batch = collate(&rows, longest(&rows), false);
    let checkpoint::Checkpoint { config, weights, .. } = checkpoint;
    let logits =
        open_inference(&device, Fusion::default(), &config, weights, Precision::F32)?.predict(&batch)?;

    let mut arrays = Arrays::default();
    arrays.batch("", &batch);
    arrays.f32("start_logits", [logits.rows, logits.length], &logits.start);
    arrays.f32("end_logits", [logits.rows, logits.length], &logits.end);
    std::fs::write(out, arrays.to_bytes()?)?;
    Ok(format!("{} windows of length {} on {device}, in {out}", batch.rows, batch.length))
}

fn longest(windows: &[&Window]) -> usize {
    windows.iter().map(|window| window.input_ids.len()).max().unwrap_or(0)
}

/// Arrays on their way into a safetensors file.
#[derive(Default)]
struct Arrays(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Arrays {
    fn i32(&mut self, name: String, shape: &[usize], values: &[i32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push((name, Dtype::I32, shape.to_vec(), bytes));
    }

    fn f32(&mut self, name: &str, shape: [usize; 2], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push((name.to_owned(), Dtype::F32, shape.to_vec(), bytes));
    }

    /// A batch under the scripts' names: matrices `[rows, length]`, targets `[rows]`.
    fn batch(&mut self, prefix: &str, batch: &Batch) {
        let matrix = [batch.rows, batch.length];
        self.i32(format!("{prefix}input_ids"), &matrix, &batch.input_ids);
        self.i32(format!("{prefix}segment_ids"), &matrix, &batch.segment_ids);
        self.i32(format!("{prefix}attention_mask"), &matrix, &batch.attention_mask);
        if let Some(targets) = &batch.targets {
            self.i32(format!("{prefix}start_positions"), &matrix[..1], &targets.start);
            self.i32(format!("{prefix}end_positions"), &matrix[..1], &targets.end);
        }
    }

    fn to_bytes(&self) -> Result<Vec<u8>, safetensors::SafeTensorError> {
        let views = self
            .0
            .iter()
            .map(|(name, dtype, shape, data)| Ok((name, TensorView::new(*dtype, shape.clone(), data)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
        safetensors::serialize(views, None)
    }
}
