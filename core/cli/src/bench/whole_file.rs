//! What measuring a whole file takes, whether before the model or behind it: how it is cut, how often, and the table.

use std::ops::ControlFlow;

use clap::Args;
use spanbert_core::{bench::Summary, features::WindowOptions, tokenizer::BertTokenizer, train::StopFlag};

use super::{args::ReportArgs, report::seconds};
use crate::{
    data::VocabularyArgs,
    error::CliError,
    flags::{CasingArgs, WindowArgs},
    progress::Progress,
    table::{Align, Paint, Table},
};

/// How a file is cut into windows, and how often.
#[derive(Debug, Args)]
pub(super) struct WholeFileArgs {
    #[command(flatten)]
    vocabulary: VocabularyArgs,
    #[command(flatten)]
    casing: CasingArgs,
    /// Text is not lower-cased, as with --do-lower-case=false.
    #[arg(long, conflicts_with = "do_lower_case")]
    cased: bool,
    #[command(flatten)]
    window: WindowArgs,
    /// Times the whole file is worked through.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    #[command(flatten)]
    pub(super) report: ReportArgs,
}

impl WholeFileArgs {
    /// The tokenizer of the vocabulary.
    pub(super) fn tokenizer(&self) -> Result<BertTokenizer, CliError> {
        let casing = if self.cased { CasingArgs { do_lower_case: Some(false) } } else { self.casing };
        self.vocabulary.tokenizer(casing)
    }

    /// How contexts are cut.
    pub(super) fn windows(&self) -> WindowOptions {
        self.window.over(WindowOptions::default())
    }

    /// Measures with a progress display; Ctrl-C ends it after a run. Gives also whether that happened.
    pub(super) fn measure<T>(
        &self,
        phase: &str,
        work: impl FnOnce(usize, &mut dyn FnMut(usize, usize) -> ControlFlow<()>) -> Result<T, CliError>,
    ) -> Result<(T, bool), CliError> {
        let stop = StopFlag::on_interrupt();
        let mut progress = Progress::new();
        progress.begin(phase, None);
        let (runs, mut last) = (self.runs as usize, 0);
        let row = work(runs, &mut |done, total| {
            last = done;
            progress.at(done, total, "runs");
            if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        progress.finish();
        Ok((row, last < runs))
    }
}

/// A table of phases, each with its times and a note.
pub(super) fn phases_table(phases: &[(&str, &Summary, String)], paint: Paint) -> String {
    let mut table = Table::new(&[
        ("phase", Align::Left),
        ("median", Align::Right),
        ("min", Align::Right),
        ("p90", Align::Right),
        ("", Align::Left),
    ]);
    for (name, secs, note) in phases {
        let cells = [secs.median, secs.min, secs.p90].map(seconds);
        table.row([(*name).to_owned()].into_iter().chain(cells).chain([note.clone()]));
    }
    table.render(paint)
}
