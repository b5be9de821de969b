//! `spanbert predict --shard` and `--merge`: a file of questions answered by several processes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    data,
    error::CliError,
    evaluate::{EvaluationArgs, prepare, warn_if_damaged, with_progress},
    flags::{JsonArgs, OverwriteArgs},
    output,
    predict::{ANSWERS, files, is_answered, threshold_of},
};
use spanbert_core::{
    evaluate::{MadeOf, Shard, ShardMark, ShardOutput, merge, non_finite_windows},
    hash::{Fingerprint, sha256_hex},
    run::{OutputFolder, RunError, Writer},
};

/// Who writes into the folders.
const WRITER: Writer = Writer { command: "predict", files: &ANSWERS, into_runs: false };

/// A shard that is finished.
#[derive(Serialize)]
struct Finished<'a> {
    output_dir: &'a Path,
    /// Whether it was finished before.
    was_finished: bool,
    #[serde(flatten)]
    mark: &'a ShardMark,
}

/// All shards put together.
#[derive(Serialize)]
struct Merged<'a> {
    output_dir: &'a Path,
    shards: usize,
    questions: usize,
    answered: usize,
    threshold: Option<f64>,
    non_finite_windows: usize,
}

/// What a shard is made of.
pub(super) struct ShardJob<'a> {
    pub(super) shard: Shard,
    pub(super) model: PathBuf,
    pub(super) data: PathBuf,
    /// The folder of all shards.
    pub(super) folder: &'a Path,
    pub(super) overwrite: OverwriteArgs,
    pub(super) settings: &'a EvaluationArgs,
    pub(super) output: JsonArgs,
}

impl ShardJob<'_> {
    /// Answers the shard's questions, unless they are answered already.
    pub(super) fn run(self) -> Result<(), CliError> {
        let Self { shard, folder, .. } = self;
        // Its digest would use up a pipe.
        if data::is_standard_input(&self.data)
            || self.data.metadata().is_ok_and(|data| !data.is_file() && !data.is_dir())
        {
            return Err(CliError::new(
                "a shard reads the questions twice, which a pipe gives only once",
                "save them to a file, or answer them with `predict --lines`",
            ));
        }
        let made_of = self.made_of()?;
        let overwrite = self.overwrite.overwrite;
        if let Some(mark) = ShardOutput::finished(folder, shard, &made_of, overwrite)? {
            return self.say(&mark, true);
        }
        let out = ShardOutput::open(folder, shard, WRITER, overwrite)?;
        let dataset = data::dataset(&self.data)?;
        let mut model = self.settings.open(&self.model)?;
        let options = self.settings.options(&model)?;
        let prepared = prepare(&model, dataset, &options)?;
        let (abstention, threshold) = (prepared.abstention(), threshold_of(&prepared, &options, &model));
        let parts = prepared.parts(shard.count);
        let all_questions = parts.last().map_or(0, |last| last.end);
        let part = parts.get(shard.index - 1).cloned().unwrap_or_default();
        let predictions =
            with_progress(|progress| Ok(prepared.predict_part(&part, model.engine.as_mut(), progress)?))?;
        let mark = ShardMark {
            shard,
            made_of,
            first_question: part.start,
            questions: predictions.len(),
            all_questions,
            answered: predictions.iter().filter(|prediction| is_answered(prediction, threshold)).count(),
            abstention,
            threshold,
            non_finite_windows: non_finite_windows(&predictions),
            device: model.device.name.clone(),
            eval_batch: options.eval_batch_size,
            files: BTreeMap::new(),
        };
        out.finish(mark.clone(), files(&predictions, threshold)?)?;
        warn_if_damaged(mark.non_finite_windows);
        self.say(&mark, false)
    }

    fn made_of(&self) -> Result<MadeOf, CliError> {
        let digests = self.settings.digests(&self.model)?;
        let data = Fingerprint::of(&self.data).map_err(RunError::from)?;
        Ok(MadeOf::new(sha256_hex(digests.concat().join(" ").as_bytes()), data.sha256, self.settings.asked()))
    }

    fn say(&self, mark: &ShardMark, was_finished: bool) -> Result<(), CliError> {
        let output_dir = &self.folder.join(self.shard.folder());
        if self.output.json {
            return output::json(&Finished { output_dir, was_finished, mark });
        }
        let (shard, done) = (self.shard, if was_finished { " was finished before" } else { "" });
        output::line(format_args!(
            "shard {shard}{done}: answered {} of {} questions, of {} in all; in {}",
            mark.answered,
            mark.questions,
            mark.all_questions,
            output_dir.display()
        ))
    }
}

/// Puts the shards of a folder together, in the folder itself or another.
pub(super) fn merge_shards(
    folder: &Path,
    output_dir: Option<&Path>,
    overwrite: OverwriteArgs,
    output: JsonArgs,
) -> Result<(), CliError> {
    let output_dir = output_dir.unwrap_or(folder);
    let open = || OutputFolder::open(output_dir, WRITER, overwrite.overwrite, |_| false);
    let marks = merge(folder, &ANSWERS, open)?;
    let devices: std::collections::BTreeSet<_> =
        marks.iter().map(|mark| (mark.device.as_str(), mark.eval_batch)).collect();
    if devices.len() > 1 {
        let ways: Vec<String> =
            devices.iter().map(|(device, batch)| format!("{device}, batches of {batch}")).collect();
        output::warn(format_args!(
            "the shards were answered in different ways ({}), so last digits may differ from those of one process",
            ways.join("; ")
        ));
    }
    let sum = |of: fn(&ShardMark) -> usize| marks.iter().map(of).sum::<usize>();
    let merged = Merged {
        output_dir,
        shards: marks.len(),
        questions: sum(|mark| mark.questions),
        answered: sum(|mark| mark.answered),
        threshold: marks.first().and_then(|mark| mark.threshold),
        non_finite_windows: sum(|mark| mark.non_finite_windows),
    };
    warn_if_damaged(merged.non_finite_windows);
    if output.json {
        return output::json(&merged);
    }
    output::line(format_args!(
        "merged {} shards: answered {} of {} questions; wrote {}",
        merged.shards,
        merged.answered,
        merged.questions,
        output_dir.join("predictions.json").display()
    ))
}
