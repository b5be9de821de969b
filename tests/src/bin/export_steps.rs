//! Writes what a training starts from and is fed, so that `tests/scripts/pytorch_losses.py` can repeat its steps.
//!
//! ```text
//! export_steps RECIPE.toml MODEL TRAIN.json FOLDER [STEPS]
//! ```
//! RECIPE.toml is the one in the run folder of `spanbert train` on the same model and file, on the CPU. FOLDER gets
//! `recipe.json`, `start.safetensors` and `batches.safetensors`, as described in `pytorch_losses.py`.

use std::{collections::BTreeMap, error::Error, path::Path, process::ExitCode};

use safetensors::tensor::{Dtype, TensorView};
use spanbert_backends::BackendKind;
use spanbert_core::{
    batch::{Batch, Order, collate},
    checkpoint::{self, LoadOptions},
    features::{Window, training_examples, windows},
    squad::Dataset,
    tokenizer::BertTokenizer,
    train::Recipe,
};

const STEPS: usize = 100;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (paths, steps) = match arguments.as_slice() {
        [recipe, model, train, folder] => ([recipe, model, train, folder], Ok(STEPS)),
        [recipe, model, train, folder, steps] => ([recipe, model, train, folder], steps.parse()),
        _ => {
            eprintln!("usage: export_steps RECIPE.toml MODEL TRAIN.json FOLDER [STEPS]");
            return ExitCode::from(2);
        }
    };
    let done = steps.map_err(Into::into).and_then(|steps| export(paths.map(Path::new), steps));
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

fn export([recipe, model, train, folder]: [&Path; 4], steps: usize) -> Result<String, Box<dyn Error>> {
    let recipe = Recipe::from_path(recipe)?;
    if recipe.gradient_accumulation_steps != 1 {
        return Err("only recipes with gradient_accumulation_steps = 1 can be exported".into());
    }
    let learning_rate = recipe.learning_rate.ok_or("the recipe has no learning_rate")?;
    let options = LoadOptions { lower_case: recipe.do_lower_case, seed: recipe.seed };
    let checkpoint = checkpoint::load(model, options)?;
    let tokenizer = BertTokenizer::from_vocab(checkpoint.vocab, checkpoint.casing.do_lower_case)?;
    let (examples, _) = training_examples(&Dataset::from_path(train)?)?;
    let windows = windows(&examples, &tokenizer, &recipe.window_options(), true)?;

    let lengths: Vec<usize> = windows.iter().map(|window| window.input_ids.len()).collect();
    let order = Order::new(&lengths, recipe.batch_rows(), recipe.train_mode, recipe.seed);
    let multiple = recipe.length_multiple_for(BackendKind::Cpu);
    let batches: Vec<Batch> = (0..recipe.whole_epochs())
        .flat_map(|epoch| order.epoch(epoch))
        .take(steps)
        .map(|batch| {
            let rows: Vec<&Window> = order.batch(batch).iter().map(|&window| &windows[window]).collect();
            let longest = rows.iter().map(|window| window.input_ids.len()).max().unwrap_or(0);
            collate(&rows, recipe.padded_length(longest, multiple), true)
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
    std::fs::write(folder.join("batches.safetensors"), numbered(&batches)?)?;
    Ok(format!(
        "{} of {total_steps} steps, {} windows, in {}",
        batches.len(),
        batches.iter().map(|batch| batch.rows).sum::<usize>(),
        folder.display()
    ))
}

/// Batches as a safetensors file: `000.input_ids` and so on, i32.
fn numbered(batches: &[Batch]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut arrays = Vec::new();
    for (number, batch) in batches.iter().enumerate() {
        let targets = batch.targets.as_ref().ok_or("a training batch without targets")?;
        let (matrix, vector) = (vec![batch.rows, batch.length], vec![batch.rows]);
        arrays.extend([
            (format!("{number:03}.input_ids"), matrix.clone(), bytes(&batch.input_ids)),
            (format!("{number:03}.segment_ids"), matrix.clone(), bytes(&batch.segment_ids)),
            (format!("{number:03}.attention_mask"), matrix, bytes(&batch.attention_mask)),
            (format!("{number:03}.start_positions"), vector.clone(), bytes(&targets.start)),
            (format!("{number:03}.end_positions"), vector, bytes(&targets.end)),
        ]);
    }
    let views = arrays
        .iter()
        .map(|(name, shape, data)| Ok((name, TensorView::new(Dtype::I32, shape.clone(), data)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    Ok(safetensors::serialize(views, None)?)
}

fn bytes(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
